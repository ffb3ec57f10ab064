"""What the style tests read: the files of the repository, and the syntax trees of its modules."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    paths = [root / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="session")
def modules(root: Path) -> dict[str, ast.Module]:
    """The product's and the test kit's modules, by their path below src."""
    source = root / "src"
    return {str(path.relative_to(source)): ast.parse(path.read_text("utf-8")) for path in sorted(source.rglob("*.py"))}


@pytest.fixture(scope="session")
def pure(root: Path) -> tuple[str, ...]:
    """Beginnings of the paths of the pure rows below src, as pyproject.toml names them."""
    config = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contract = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == "pure")
    names = [name.replace(".", "/") for name in contract["source_modules"]]
    return tuple(f"{n}.py" if (root / "src" / f"{n}.py").exists() else f"{n}/" for n in names)


@pytest.fixture(scope="session")
def ratchet(root: Path) -> dict[str, dict[str, int]]:
    """The exceptions that are allowed for now. They only ever get fewer and smaller."""
    read: dict[str, dict[str, int]] = tomllib.loads((root / "tests/tidy/ratchet.toml").read_text("utf-8"))
    return read
