"""Trains the dictionaries that forms are compressed with, one a language: `make dictionary`.

The samples are the words of the form packs, remarks such as officers write and prose (tools/remarks), and what the
bench cuts its texts from. The same sources give the same bytes. A charter names the
dictionaries by their hash: training them anew makes others, for other charters.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import zstandard

from parley.forms.filled import charset
from parley.forms.pack import Pack, read_pack
from parley.forms.words import messages, read_catalog

ROOT = Path(__file__).parents[1]
PACKS = ROOT / "src/parley/forms/packs"
NAMES = {"en": "dictionary-en", "fr": "dictionary-fr", "ru": "dictionary-ru.windows-1251"}
"""Language to file; a dictionary is of texts in the character set that its name ends with, else UTF-8."""
SIZE = 64 * 1024
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_LEAST = 20


def packs() -> list[Pack]:
    """The packs that come with Parley."""
    folders = sorted(path.parent for path in PACKS.glob("*/pack.toml"))
    return [read_pack({f.name: f.read_bytes() for f in folder.iterdir()}) for folder in folders]


def samples(language: str) -> list[bytes]:
    """What the dictionary of a language is to be good at."""
    found: list[str] = []
    for pack in packs():
        if language == "en":
            found += [text for text, _ in messages(pack)]
        else:
            catalog = read_catalog(pack.locales[language], language)
            found += [str(m.string) for m in catalog if m.id and isinstance(m.string, str)]
    texts = sorted((ROOT / "tools/remarks").glob(f"{language}*.txt"))
    texts.append(ROOT / f"src/parley/app/bench_data/corpus-{language}.txt")
    for path in texts:
        found += [s for s in _SENTENCE.split(path.read_text("utf-8")) if len(s) > _LEAST]
    # The order and the parameters below did best on remarks of 200 characters that are in none of these files. Each
    # sample is given twice, for the trainer takes a sentence for common only when it has met it again.
    written = charset(NAMES[language])
    return [text.encode(written, "ignore") for text in reversed(found)] * 2


def train(language: str) -> bytes:
    """The dictionary of a language."""
    data: list[bytes | bytearray | memoryview] = [*samples(language)]
    return zstandard.train_dictionary(SIZE, data, k=40, d=8, level=19).as_bytes()


if __name__ == "__main__":
    check = sys.argv[1:] == ["--check"]
    stale = []
    for language, name in NAMES.items():
        path, trained = PACKS / name, train(language)
        if check and path.read_bytes() != trained:
            stale.append(path.name)
        elif not check:
            path.write_bytes(trained)
    sys.exit(f"{', '.join(stale)}: out of date; run make dictionary" if stale else 0)
