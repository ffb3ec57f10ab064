"""``python -m fuzz [--seconds N] [NAME ...]``: any bytes decode or raise the one error (PRO-1).

Each decoder is fuzzed in a process of its own, two at a time, from the examples of ``parley_testkit.decoders`` and
from what earlier runs kept in ``fuzz/corpus``. What crashes one is written to ``fuzz/found`` and named.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent


def one(name: str, seconds: int, corpus: Path, found: Path) -> None:
    """Fuzz one decoder in this process; libFuzzer ends the process."""
    import atheris  # noqa: PLC0415 - absent on some platforms, where the caller says so

    with atheris.instrument_imports(include=["parley"]):
        from parley.errors import DecodeError  # noqa: PLC0415 - instrumented as it is imported
        from parley_testkit.decoders import DECODERS  # noqa: PLC0415

    decode, examples = DECODERS[name]
    for number, example in enumerate(examples):
        (corpus / f"example-{number}").write_bytes(example)

    def target(data: bytes) -> None:
        with contextlib.suppress(DecodeError):
            decode(data)

    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={found}/{name}-", str(corpus)], target)
    atheris.Fuzz()


def run(name: str, seconds: int, kept: Path) -> tuple[str, int, str]:
    """Fuzz one decoder in a process of its own: its name, the exit status, the end of what it said."""
    corpus, found = kept / "corpus" / name, kept / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "fuzz", "--only", "--seconds", str(seconds), "--kept", str(kept), name]
    done = subprocess.run(command, capture_output=True, cwd=HERE.parent, check=False)  # noqa: S603 - ourselves
    return name, done.returncode, (done.stdout + done.stderr).decode(errors="replace")[-2000:]


def main() -> int:
    """The worst exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz every decoder with atheris.")
    parser.add_argument("--seconds", type=int, default=5, help="for each decoder [5]")
    parser.add_argument("--kept", type=Path, default=HERE, help="folder of corpus/ and found/ [fuzz]")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="decoders [all]")
    asked = parser.parse_args()
    if asked.only:
        one(asked.names[0], asked.seconds, asked.kept / "corpus" / asked.names[0], asked.kept / "found")
        return 0
    from parley_testkit.decoders import DECODERS  # noqa: PLC0415 - not before the process that instruments it

    worst = 0
    with ThreadPoolExecutor(2) as pool:
        for name, status, said in pool.map(lambda n: run(n, asked.seconds, asked.kept), asked.names or DECODERS):
            print(f"{name}: {'held' if status == 0 else said}", flush=True)
            worst = max(worst, abs(status))
    return worst


if __name__ == "__main__":
    sys.exit(main())
