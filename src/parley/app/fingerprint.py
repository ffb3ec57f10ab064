"""Fingerprints that two people can read to one another, and QR codes for those who meet (R36, R37).

The first 16 bytes of a document's SHA-256 as 12 words of BIP-39: published lists in English, French and
Russian whose words are short and not alike, with a checksum in the last word. The same fingerprint has
different words in each language; compare in one.
"""

from __future__ import annotations

import difflib
import io
from typing import TYPE_CHECKING, Final

from mnemonic import Mnemonic

from parley.errors import UsageError
from parley.later import later

if TYPE_CHECKING:
    import segno
else:
    segno = later("segno")

_LISTS: Final = {"en": "english", "fr": "french", "ru": "russian"}
_BYTES: Final = 16
_WORDS: Final = 12


def _list(language: str) -> Mnemonic:
    name = _LISTS.get(language)
    if name is None:
        raise UsageError(
            f"there are no fingerprint words in {language!r}; there are {', '.join(_LISTS)}.",
            code="language-unknown",
        )
    return Mnemonic(name)


def words(digest: bytes, language: str = "en") -> str:
    """The 12 words of ``digest`` (at least 16 bytes). Raises UsageError for a language without a list."""
    return str(_list(language).to_mnemonic(digest[:_BYTES]))


def parse(text: str, language: str = "en") -> bytes:
    """The 16 bytes that ``text`` names. Raises UsageError that names the word which is wrong."""
    book = _list(language)
    given = book.normalize_string(text.strip().lower()).split()
    known = [book.normalize_string(w) for w in book.wordlist]
    for place, word in enumerate(given, 1):
        if word not in known:
            near = difflib.get_close_matches(word, known, 3)
            hint = f" Did they say {' or '.join(near)}?" if near else ""
            raise UsageError(f"word {place}, {word!r}, is not in the list.{hint}", code="fingerprint-word")
    bits = 0
    for word in given:
        bits = bits << 11 | known.index(word)
    digest = (bits >> 4).to_bytes(_BYTES, "big") if len(given) == _WORDS else b""
    # The library makes the checksum, so words that it would not make for these bytes are wrong.
    if not digest or [book.normalize_string(w) for w in words(digest, language).split()] != given:
        raise UsageError(
            f"{len(given)} words whose checksum does not hold; {_WORDS} are wanted, in order.",
            code="fingerprint-checksum",
            next_step="Have them read it once more.",
        )
    return digest


def _language_of(text: str) -> str:
    """The language most of whose list the words are in."""
    given = text.lower().split()

    def known(language: str) -> int:
        book = _list(language)
        listed = {book.normalize_string(w) for w in book.wordlist}
        return sum(book.normalize_string(w) in listed for w in given)

    return max(_LISTS, key=known)


def agrees(text: str, digest: bytes) -> bool:
    """Whether ``text``, words in any of the languages or hexadecimal, names ``digest``. Raises UsageError."""
    compact = "".join(text.split()).lower()
    if len(compact) >= 2 * _BYTES and digest.hex().startswith(compact):
        return True
    return parse(text, _language_of(text)) == digest[:_BYTES]


def qr_terminal(text: str) -> str:
    """A QR code to print on a terminal."""
    out = io.StringIO()
    segno.make(text, micro=False).terminal(out, compact=True)
    return out.getvalue()


def qr_svg(text: str) -> str:
    """A QR code as SVG."""
    return str(segno.make(text, micro=False).svg_inline(scale=4))
