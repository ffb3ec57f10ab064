"""The frame agrees with itself: rows, lock files, tracked files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

# Written in two halves, so that this file does not name what it looks for.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "deb." + "debian.org", "crates" + ".io"]
FOLDERS = ["wo" + "rk", "ro" + "ot", "ho" + "me"]
FORBIDDEN = re.compile("|".join([*map(re.escape, HOSTS), *(rf"(?<![\w.+/<>-])/{folder}/[\w.]" for folder in FOLDERS)]))
PURE_ROWS = (
    "errors",
    "limits",
    "ids",
    "later",
    "crypto",
    "wire",
    "record",
    "geo",
    "forms",
    "conflict",
    "notices",
    "protocol",
    "procedure",
)


def config(root: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


def test_every_pure_row_is_under_the_contract(root: Path) -> None:
    contracts = config(root)["tool"]["importlinter"]["contracts"]
    listed = {name for c in contracts for name in c.get("source_modules", [])}
    package = root / "src" / "parley"
    existing = [n for n in PURE_ROWS if (package / f"{n}.py").exists() or (package / n / "__init__.py").exists()]
    missing = [f"parley.{n}" for n in existing if f"parley.{n}" not in listed]
    assert missing == [], "add them to source_modules of the contract `pure` in pyproject.toml"


def test_no_path_of_a_machine_and_no_registry_host(files: list[Path], root: Path) -> None:
    found = []
    for path in files:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(root)}:{number}: {match.group()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if (match := FORBIDDEN.search(line))
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["runtime", "dev", "tools"])
def test_locks_pin_every_package_with_hashes(root: Path, name: str) -> None:
    lock = (root / "requirements" / f"{name}.lock").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in lock.splitlines() if line and not line.startswith("#")]
    assert [line.split()[0] for line in lines if "--hash=sha256:" not in line or "==" not in line] == []


@pytest.mark.parametrize("name", ["runtime", "dev", "tools"])
def test_locks_hold_what_is_asked_for(root: Path, name: str) -> None:
    folder = root / "requirements"
    asked = [
        re.split(r"[>=<! ;]", line)[0].lower()
        for line in (folder / f"{name}.in").read_text("utf-8").splitlines()
        if line and not line.startswith(("#", "-r"))
    ]
    locked = re.findall(r"^([\w.-]+)==", (folder / f"{name}.lock").read_text("utf-8"), re.MULTILINE)
    assert sorted(set(asked) - set(locked)) == [], "run make lock"


def test_development_runs_on_the_released_versions(root: Path) -> None:
    runtime, dev = (
        set(re.findall(r"^[\w.-]+==\S+", (root / "requirements" / f"{n}.lock").read_text("utf-8"), re.MULTILINE))
        for n in ("runtime", "dev")
    )
    assert sorted(runtime - dev) == [], "run make lock"


def test_dependencies_are_stated_once(root: Path) -> None:
    stated = config(root)["project"]["dependencies"]
    text = (root / "requirements" / "runtime.in").read_text("utf-8")
    listed = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert list(stated) == listed


def test_the_package_shows_the_readme(root: Path) -> None:
    if (root / "README.md").exists():
        assert config(root)["project"].get("readme") == "README.md", 'add readme = "README.md" below [project]'
