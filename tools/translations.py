"""Names the texts of scenarios that fr.po and ru.po beside them lack, and those that no scenario has any more."""

from __future__ import annotations

import sys
from pathlib import Path

from parley.app.scenario import shelf
from parley.app.scenario.script import texts_of
from parley.app.scenario.telling import SAYINGS
from parley.forms.words import read_catalog

FOLDER = Path(__file__).parents[1] / "src/parley/scenarios"


def texts() -> list[str]:
    """Every text that a reader of a scenario sees."""
    found = [*SAYINGS, "a message"]
    for name in shelf.shipped():
        found += texts_of(shelf.load(name))
    return list(dict.fromkeys(found))


def differences(language: str) -> tuple[list[str], list[str]]:
    """What the catalog of a language lacks, and what it has that is not used."""
    path = FOLDER / f"{language}.po"
    catalog = read_catalog(path.read_bytes(), language) if path.exists() else ()
    known = {str(m.id): str(m.string) for m in catalog if m.id}
    wanted = texts()
    return [t for t in wanted if not known.get(t)], [t for t in known if t not in wanted]


if __name__ == "__main__":
    for language in ("fr", "ru"):
        missing, unused = differences(language)
        print(f"{language}: {len(missing)} missing, {len(unused)} unused")
        if "--all" in sys.argv:
            print("\n".join(missing + [f"unused: {text}" for text in unused]))
