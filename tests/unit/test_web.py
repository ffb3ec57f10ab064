"""The console's scripts: built alike from the same sources, small, named in full, and tested where they run."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BUDGET = 120_000
"""Bytes of script, gzipped, that all pages together may ask for."""


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.build_console(ROOT)
    return module


def test_the_scripts_own_tests_pass(hook: ModuleType) -> None:
    hook.install_packages(ROOT)
    hook.run_node(ROOT, *hook.WORK["test"])


def test_two_builds_are_the_same_bytes(hook: ModuleType, tmp_path: Path) -> None:
    hook.install_packages(ROOT)
    for name in ("one", "two"):
        hook.run_node(ROOT, "build.mjs", str(tmp_path / name))
    one, two, shipped = (
        json.loads((folder / "manifest.json").read_text("utf-8"))
        for folder in (tmp_path / "one", tmp_path / "two", ROOT / hook.STATIC)
    )
    assert one == two == shipped


def test_the_manifest_names_every_file_by_its_hash(hook: ModuleType) -> None:
    folder = ROOT / hook.STATIC
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there - {"manifest.json", hook.STAMP} == set(manifest)
    assert all(hashlib.sha256((folder / n).read_bytes()).hexdigest() == digest for n, digest in manifest.items())


def test_all_scripts_together_fit_a_slow_line(hook: ModuleType) -> None:
    scripts = list((ROOT / hook.STATIC).glob("*.js"))
    assert scripts
    assert sum(len(gzip.compress(s.read_bytes())) for s in scripts) <= BUDGET


def test_scripts_build_the_page_from_nodes_only() -> None:
    """Trusted Types would refuse these in the browser; here they are refused before."""
    sink = re.compile(
        r"(inner|outer)HTML\s*=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\.cssText"
    )
    found = [
        f"{path.name}:{number}"
        for path in sorted((ROOT / "web" / "src").rglob("*.ts"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if sink.search(line)
    ]
    assert found == []


def test_a_build_without_its_sources_says_what_to_do(hook: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(hook.ConsoleNotBuilt, match="sdist"):
        hook.build_console(tmp_path)


def test_what_is_older_than_its_sources_is_not_current(hook: ModuleType, tmp_path: Path) -> None:
    static, web = tmp_path / hook.STATIC, tmp_path / "web"
    static.mkdir(parents=True)
    web.mkdir()
    for name in hook.NEEDED:
        (static / name).write_text("{}", "utf-8")
    (web / "package-lock.json").write_text("{}", "utf-8")
    (static / hook.STAMP).write_text(hook.fingerprint(tmp_path), "ascii")
    assert hook.is_current(tmp_path)
    (web / "a.ts").write_text("1", "utf-8")
    assert not hook.is_current(tmp_path)
