"""Showing hostile text safely (R4, D13): characters that mislead are shown for what they are.

Bidirectional controls could reorder a sentence, invisible characters could hide in a name, control characters
could drive a terminal, and look-alikes of other scripts could spell a false word. All are replaced by their
code point in brackets, or marked; nothing is ever dropped in silence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_KEPT_CONTROLS: Final = frozenset("\n\t")
_INVISIBLE: Final = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0")
_MISLEADING_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_COMBINING_RUN: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]+")
_SCRIPTS: Final = (
    *("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE"),
    # Letters that are Latin in another dress.
    *("FULLWIDTH", "MATHEMATICAL"),
)


def safe_text(text: str) -> str:
    """``text`` with every misleading character as ``<U+XXXX>``; line breaks and tabs stay."""
    shown: list[str] = []
    combining = 0
    for character in text:
        if character in _KEPT_CONTROLS:
            shown.append(character)
            continue
        category = unicodedata.category(character)
        combining = combining + 1 if category in ("Mn", "Me") else 0
        if (
            category in _MISLEADING_CATEGORIES
            or character in _INVISIBLE
            or combining > _COMBINING_RUN
            or (category == "Zs" and character not in " \u00a0\u202f")
        ):
            shown.append(f"<U+{ord(character):04X}>")
        else:
            shown.append(character)
    return "".join(shown)


def safe_line(text: str) -> str:
    """``safe_text`` on one line: breaks are shown as well."""
    return safe_text(text).replace("\n", "<U+000A>").replace("\t", "<U+0009>")


def mixed_script_words(text: str) -> tuple[str, ...]:
    """Words whose letters come from more than one of the scripts that have letters alike: likely look-alikes."""
    if text.isascii():
        return ()
    return tuple(word for word in _WORD.findall(text) if len(_scripts(word)) > 1)


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(c, "") for c in word)
    return {script for name in names for script in _SCRIPTS if name.startswith(script)}
