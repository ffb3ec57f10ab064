"""Brings the console's catalogues up to date with what its pages say: src/parley/console/locale/*.po.

Texts come from the templates, from ``visit.say("...")`` and ``menu="..."`` in the code, from ``_WORDS`` of a page's
script, and from WORDS below: what the node calls things. Translations stay; what nobody says any more goes. With
``--check`` writes nothing, and fails when a catalogue lacks a text or a translation, or a placeholder does not fit.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "src" / "parley" / "console"
LANGUAGES = ("fr", "ru")
PLACE = re.compile(r"%\((\w+)\)[sd]")
WORDS = (
    # Sorts of what is open at a handover (parley.app.desk), and of the log of the watch (parley.procedure.watch).
    *("message", "line", "test", "agreement", "silence", "onward", "alarm", "mute", "draft"),
    *("suspended", "not acknowledged", "to be copied"),
    *("rostered", "offered", "relieved", "took", "alarmacknowledged", "muted", "escalated", "alerted"),
    # Where an officer stands (parley.app.officers).
    *("waiting for approval", "active", "revoked"),
    # Lights (parley.procedure.onward), rungs (parley.procedure.escalation).
    *("white", "green", "amber", "red"),
    # What the map has (parley.console.pages_map).
    *("Announced areas", "Protected places", "Movements and reports", "Own plans and tracks", "Conflicts and alerts"),
    # Sorts of what a scenario tells (parley.app.scenario.run).
    *("story", "done", "software", "as it must", "broken", "text"),
    *("no reply", "next role", "other bearers", "next step", "card"),
)


def said() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Every text, or texts of a plural, with the file that says it."""
    for path in sorted((CONSOLE / "templates").glob("*.html")):
        with path.open("rb") as source:
            found = extract(
                "jinja2.ext:babel_extract", source, options={"newstyle_gettext": "yes", "trimmed": "no", "silent": "no"}
            )
            yield from ((text, path.name) for _, text, _, _ in found)
    for path in sorted(CONSOLE.glob("*.py")):
        yield from ((text, path.name) for text in _in_code(ast.parse(path.read_text("utf-8"))))
    yield from ((text, "words of the node") for text in WORDS)


def _in_code(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "_WORDS":
            # What a page's script says.
            yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [node.args[0]] if name == "say" and node.args else []
        given += [k.value for k in node.keywords if k.arg == "menu" and name == "page"]
        yield from (a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str))


def template() -> Catalog:
    """All that is said, with nothing translated."""
    made = Catalog(project="Parley", charset="utf-8")
    for text, where in said():
        if text:
            made.add(text, locations=[(where, 1)])
    return made


def current(language: str) -> Catalog:
    """A language's catalogue, with every text that is said and no other."""
    path = CONSOLE / "locale" / f"{language}.po"
    found = read_po(BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    found.update(template(), no_fuzzy_matching=True)
    found.obsolete.clear()
    return found


def faults(catalogue: Catalog) -> Iterator[str]:
    """What is not translated, or does not fit."""
    for message in catalogue:
        if message.id:
            yield from (f"{message.id!r}: {why}" for why in _faults(message, catalogue.num_plurals))


def _faults(message: Message, plurals: int) -> Iterator[str]:
    texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
    ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
    texts = tuple(str(t or "") for t in texts)
    if not all(texts) or len(texts) != (plurals if message.pluralizable else 1):
        yield "is not translated"
        return
    wanted = {place for text in ids for place in PLACE.findall(text)}
    yield from ("has other placeholders" for text in texts if set(PLACE.findall(text)) - wanted)
    if not message.pluralizable and set(PLACE.findall(texts[0])) != wanted:
        yield "lacks a placeholder"


def write(catalogue: Catalog, language: str) -> None:
    """Write a catalogue, without the dates and places that would differ each time."""
    catalogue.header_comment = "# The console in another language; the texts come from tools/catalogues.py."
    catalogue.fuzzy = False
    written = BytesIO()
    write_po(written, catalogue, width=120, sort_output=True)
    left_out = ('"POT-', '"PO-Rev', "#: ", '"Project-Id', '"Report-', '"Last-Tr', '"Language-Team', '"Generated')
    kept = [line for line in written.getvalue().decode().splitlines() if not line.startswith(left_out)]
    path = CONSOLE / "locale" / f"{language}.po"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(kept) + "\n", "utf-8")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wrong = 0
    for language in LANGUAGES:
        found = current(language)
        if not check:
            write(found, language)
        for fault in faults(found):
            wrong += 1
            print(f"{language}: {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
