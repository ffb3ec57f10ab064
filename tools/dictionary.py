"""Makes the dictionaries that forms are compressed with, one a language: `make dictionary`.

A dictionary is what texts are likely to repeat, the likeliest last, and before it the tables that zstd codes with. What
is repeated lies in tools/remarks: words of the form packs and of other parts of Parley, prose, and remarks such as
officers write; and there is what the bench cuts its texts from. The tables are those of remarks that the dictionary did
not hold when they were counted: counted on what it holds, they would be of long repetitions, which no new text has. The
same sources give the same bytes. A charter names the dictionaries by their hash: making them anew makes others, for
other charters.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from parley.forms.compressed import charset

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROOT = Path(__file__).parents[1]
PACKS = ROOT / "src/parley/forms/packs"
NAMES = {"en": "dictionary-en", "fr": "dictionary-fr", "ru": "dictionary-ru.windows-1251"}
"""Language to file; a dictionary is of texts in the character set that its name ends with, else UTF-8."""
_MOST = 124 * 1024
"""Bytes of content at most: with the tables it lies within the window of a frame (spec/forms.md)."""
_TABLES = 2048
"""Room for the tables; they have a few hundred bytes."""
_LEVEL = 19
_COUNTED = 3
"""One remark in so many is counted on."""
_REMARKS = 600
_LENGTH = 200
"""Remarks put together for counting, and characters of each."""
_LEAST = 20


def prose(language: str) -> list[str]:
    """What a text may repeat, but seldom does: words of the packs as they were, of scenarios and pages, and prose."""
    found: list[str] = []
    for name in ("scenes", "prose", "packs"):
        path = ROOT / f"tools/remarks/{language}-{name}.txt"
        found += path.read_text("utf-8").splitlines() if path.exists() else []
    corpus = (ROOT / f"src/parley/app/bench_data/corpus-{language}.txt").read_text("utf-8")
    return found + re.split(r"(?<=[.!?;:])\s+|\n+", corpus)


def remarks(language: str) -> list[str]:
    """Remarks such as officers write, each a line."""
    paths = [ROOT / f"tools/remarks/{language}{name}.txt" for name in ("-duty", "-watch", "")]
    lines = [line for path in paths if path.exists() for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if len(line) > _LEAST]


def samples(language: str) -> list[bytes]:
    """All that the dictionary of a language is made from."""
    written = charset(NAMES[language])
    return [text.encode(written, "ignore") for text in prose(language) + remarks(language)]


def counted(language: str, lines: list[str]) -> list[str]:
    """Texts of whole forms, put together from ``lines``: a name and a purpose of an exercise, and a remark."""
    pairs = (ROOT / f"tools/remarks/names-{language}.txt").read_text("utf-8").splitlines()
    names, purposes = zip(*(pair.split("\t") for pair in pairs), strict=True)
    found = []
    for n in range(_REMARKS):
        # Steps that share no factor with how many there are: no two texts are put together alike.
        remark, at = "", n * 17
        while len(remark) < _LENGTH:
            remark, at = f"{remark} {lines[at % len(lines)]}".lstrip(), at + 29
        name = f"{names[n % len(names)]} {10 + n * 37 % 90}"
        found.append("\0".join((name, purposes[n * 7 % len(purposes)], remark[:_LENGTH])))
    return found


def make(language: str) -> bytes:
    """The dictionary of a language."""
    written = charset(NAMES[language])

    def content(lines: list[str]) -> bytes:
        # A remark goes on after a full stop and a space: so do these.
        return " ".join(prose(language) + lines).encode(written, "ignore")[-_MOST:]

    lines = remarks(language)
    held = content([line for n, line in enumerate(lines) if n % _COUNTED])
    texts = [t.encode(written, "ignore") for t in counted(language, lines[::_COUNTED])]
    raw = zstd.ZstdDict(held, is_raw=True)
    tables = zstd.finalize_dict(raw, texts, len(held) + _TABLES, _LEVEL).dict_content.removesuffix(held)
    return tables + content(lines)


if __name__ == "__main__":
    check = sys.argv[1:] == ["--check"]
    stale = []
    for language, name in NAMES.items():
        path, made = PACKS / name, make(language)
        if check and path.read_bytes() != made:
            stale.append(path.name)
        elif not check:
            path.write_bytes(made)
    sys.exit(f"{', '.join(stale)}: out of date; run make dictionary" if stale else 0)
