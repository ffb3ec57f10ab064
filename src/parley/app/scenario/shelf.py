"""Where scenarios are: those that come with Parley, with their translations, and files of one's own."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from parley.app.scenario.script import Script, read_script
from parley.errors import UsageError
from parley.forms.words import Words

SUFFIX: Final = ".yaml"


def _folder() -> Traversable:
    return files("parley") / "scenarios"


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that come with Parley, B1 before B10."""
    found = [f.name.removesuffix(SUFFIX) for f in _folder().iterdir() if f.name.endswith(SUFFIX)]
    return tuple(sorted(found, key=lambda name: (len(name), name)))


def text_of(name: str) -> tuple[str, str]:
    """The text of a scenario that comes with Parley, or of a file, and what to call it. Raises UsageError."""
    known = {n.lower(): n for n in shipped()}
    if name.lower() in known:
        found = known[name.lower()] + SUFFIX
        return (_folder() / found).read_text("utf-8"), found
    path = Path(name)
    if not name.endswith((SUFFIX, ".yml")):
        raise UsageError(
            f"{name!r} is no scenario; there are {', '.join(shipped())}.",
            code="scenario-unknown",
            next_step="Name one of these, or a .yaml file.",
        )
    try:
        return path.read_text("utf-8"), name
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}", code="file-unreadable") from error


def load(name: str) -> Script:
    """A scenario by name or file. Raises UsageError ``scenario-unknown``, ``scenario-malformed``."""
    return read_script(*text_of(name))


def words(language: str) -> Words:
    """The words of scenarios in ``language``; English where there are none."""
    catalog = _folder() / f"{language}.po"
    return Words(language, [catalog.read_bytes()]) if catalog.is_file() else Words("en")
