"""``python -m fuzz [--seconds N] [NAME ...]``: any bytes decode or raise the one error (PRO-1).

Each decoder is fuzzed in a process of its own, two at a time. It begins from the examples of
``parley_testkit.decoders``, from ``fuzz/corpus`` (what earlier runs found that reaches further) and from
``fuzz/regressions`` (what broke a decoder once). With ``--keep``, what this run adds is kept in ``fuzz/corpus``.
What breaks a decoder is named, and lies in ``found`` beside the report.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NoReturn

from parley_testkit.kept import inputs, keep, unpack

HERE: Final = Path(__file__).parent
_EXECUTED: Final = re.compile(r"number_of_executed_units:\s*(\d+)")
_AT_ONCE: Final = 2
_SAID: Final = 2000
"""Characters of what a decoder that broke said."""
MAX_INPUT: Final = 1 << 14
"""Bytes: a charter with its documents is as long; longer inputs are refused or repeat themselves."""


def fuzz(decode: Callable[[bytes], object], seconds: int, seed: int, found: Path, corpus: Path) -> NoReturn:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris  # noqa: PLC0415 - absent on some platforms, where the caller says so

    from parley.errors import DecodeError  # noqa: PLC0415 - instrumented by now

    def target(data: bytes) -> None:
        with contextlib.suppress(DecodeError):
            decode(data)

    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}", "-timeout=20", "-rss_limit_mb=1024"]
    options += ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={found}/"]
    options += [f"-seed={seed}"] if seed else []
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()
    os._exit(0)


class Run:
    """One run over many decoders, which are imported and instrumented once and forked for each."""

    def __init__(self, given: argparse.Namespace) -> None:
        import atheris  # noqa: PLC0415

        with atheris.instrument_imports(include=["parley", "babel.messages"]):
            from parley_testkit.decoders import DECODERS  # noqa: PLC0415 - instrumented as it is imported
        from parley_testkit.report import commit_here  # noqa: PLC0415 - not before they are instrumented

        self.given, self.decoders = given, DECODERS
        self.names = given.names or list(DECODERS)
        self.out = given.out.resolve()
        self.began: dict[str, float] = {}
        self.from_: dict[str, int] = {}
        self.report: dict[str, Any] = {"commit": commit_here(), "python": platform.python_version()}
        self.report |= {"atheris": version("atheris"), "seconds_each": given.seconds, "decoders": {}}

    def all(self) -> int:
        """1 when a decoder broke."""
        running: dict[int, str] = {}
        waiting = list(reversed(self.names))
        while waiting or running:
            if waiting and len(running) < _AT_ONCE:
                name = waiting.pop()
                running[self._start(name)] = name
            else:
                child, status = os.wait()
                self._ended(running.pop(child), os.waitstatus_to_exitcode(status))
        print(f"{len(self.names)} decoders on {self.report['commit']}: {self.out}/report.json")
        return int(any(row["crashes"] for row in self.report["decoders"].values()))

    def _start(self, name: str) -> int:
        decode, examples = self.decoders[name]
        found = self.out / "found" / name
        found.mkdir(parents=True, exist_ok=True)
        known = [*examples, *inputs(HERE / "corpus", name), *inputs(HERE / "regressions", name)]
        self.from_[name] = unpack(known, self.out / "corpus" / name)
        self.began[name] = time.monotonic()
        child = os.fork()
        if child == 0:
            with (self.out / f"{name}.log").open("wb") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            fuzz(decode, self.given.seconds, self.given.seed, found, self.out / "corpus" / name)
        return child

    def _ended(self, name: str, status: int) -> None:
        said = (self.out / f"{name}.log").read_text("utf-8", "replace")
        executed = _EXECUTED.search(said)
        corpus, found = self.out / "corpus" / name, self.out / "found" / name
        row = {
            "seconds": round(time.monotonic() - self.began[name]),
            "executions": int(executed[1]) if executed else 0,
            "began_from": self.from_[name],
            "corpus": len(list(corpus.iterdir())),
            "crashes": len(list(found.iterdir())) or int(status != 0),
        }
        self.report["decoders"][name] = row
        (self.out / "report.json").write_text(json.dumps(self.report, indent=1) + "\n", "utf-8")
        if self.given.keep and not row["crashes"]:
            keep(HERE / "corpus", name, (p.read_bytes() for p in corpus.iterdir()))
        verdict = said[-_SAID:] if row["crashes"] else "held"
        print(f"{name}: {verdict}: {row['crashes']} crashes in {row['executions']} executions", flush=True)


def main() -> int:
    """1 when a decoder broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz every decoder with atheris.")
    parser.add_argument("--seconds", type=int, default=5, help="for each decoder [5]")
    parser.add_argument("--seed", type=int, default=0, help="the same way again; 0: another each time [0]")
    parser.add_argument("--keep", action="store_true", help="keep what reaches further, in fuzz/corpus")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="folder of the report [fuzz-out]")
    parser.add_argument("names", nargs="*", help="decoders [all]")
    return Run(parser.parse_args()).all()


if __name__ == "__main__":
    sys.exit(main())
