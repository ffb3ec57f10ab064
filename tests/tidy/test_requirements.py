"""Every requirement of the specification has an id, and a test that names the id."""

from __future__ import annotations

import re
from pathlib import Path

IDENTIFIER = re.compile(r"\[([A-Z][A-Z0-9]{1,11}-\d{1,3}[a-z]?)\]")
"""As in tools/reference.py, which writes the table."""
MUST = re.compile(r"\bMUST(?: NOT)?\b")


def blocks(text: str) -> list[str]:
    """Paragraphs, list items and table rows of a Markdown text, without fenced code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.split(r"\n(?=\s*\n|\s*[-*] |\s*\d+\. |\|)", prose)


def test_every_must_has_an_id(root: Path) -> None:
    bare = [
        f"{path.relative_to(root)}: {' '.join(block.split())[:90]}"
        for path in sorted((root / "spec").rglob("*.md"))
        for block in blocks(path.read_text("utf-8"))
        if MUST.search(block) and not IDENTIFIER.search(block) and "RFC 2119" not in block
    ]
    assert not bare, "\n".join(["begin each with an id such as [SEAL-12]", *bare])


def test_no_id_is_stated_twice(root: Path) -> None:
    stated = [
        identifier
        for path in sorted((root / "spec").rglob("*.md"))
        for block in blocks(path.read_text("utf-8"))
        if MUST.search(block)
        for identifier in IDENTIFIER.findall(block)[:1]
    ]
    assert sorted({i for i in stated if stated.count(i) > 1}) == []


def test_every_id_is_named_by_a_test(root: Path, ratchet: dict[str, dict[str, int]]) -> None:
    stated = {
        identifier
        for path in sorted((root / "spec").rglob("*.md"))
        for identifier in IDENTIFIER.findall(path.read_text("utf-8"))
    }
    tests = "\n".join(p.read_text("utf-8") for p in sorted((root / "tests").rglob("*.py")))
    named = set(re.findall(r"\b[A-Z][A-Z0-9]{1,11}-\d{1,3}[a-z]?\b", tests))
    untested = stated - named
    allowed = ratchet["requirements"]["without_a_test"]
    assert len(untested) <= allowed, f"name them in the tests that show them: {sorted(untested)}"
    assert len(untested) == allowed or not stated, f"lower without_a_test in ratchet.toml to {len(untested)}"
