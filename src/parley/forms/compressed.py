"""How the texts of a form travel: compressed with a dictionary that every node has (spec/forms.md, ADR 70)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import zstandard

from parley import limits
from parley.errors import DecodeError

MAX_FORM: Final = limits.MAX_TEXT - 1
"""Bytes of a form at most."""
_WINDOW_LOG: Final = 17
_TRIES: Final = ((8, 3, 32), (7, 5, 8), (7, 4, 32), (7, 6, 32))
"""Strategy, least match and good match: zstd lets the few letters that are left over stand bare where none of them is
frequent, though the dictionary's code for them is shorter. Another way to cut the text may leave others over."""
_FRAME: Final = bytes((0, (_WINDOW_LOG - 10) << 3))
"""The header of every frame: no content size, checksum or dictionary number, and the window (RFC 8878 3.1.1.1)."""
_CHARSETS: Final = ("utf-8", "windows-1251")


def charset(dictionary: str) -> str:
    """The character set of a dictionary's texts: what follows the dot of its name, else UTF-8 (FORM-8).

    Raises DecodeError ``pack-malformed`` for a character set that is not known.
    """
    found = dictionary.partition(".")[2] or "utf-8"
    if found not in _CHARSETS:
        raise DecodeError(f"{dictionary} has texts in {found!r}, which is not known.", code="pack-malformed")
    return found


def _compressors(shared: zstandard.ZstdCompressionDict) -> tuple[zstandard.ZstdCompressor, ...]:
    return tuple(
        zstandard.ZstdCompressor(
            dict_data=shared,
            compression_params=zstandard.ZstdCompressionParameters(
                strategy=strategy,
                min_match=least,
                target_length=good,
                window_log=_WINDOW_LOG,
                hash_log=_WINDOW_LOG,
                chain_log=_WINDOW_LOG + 1,
                search_log=9,
                format=zstandard.FORMAT_ZSTD1_MAGICLESS,
                write_content_size=False,
                write_checksum=False,
                write_dict_id=False,
            ),
        )
        for strategy, least, good in _TRIES
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How the texts of a form travel under one dictionary."""

    compressors: tuple[zstandard.ZstdCompressor, ...]
    decompressor: zstandard.ZstdDecompressor
    charset: str

    @classmethod
    def under(cls, name: str, data: bytes) -> Way:
        """By the dictionary of that name. Raises DecodeError ``pack-malformed``."""
        shared = zstandard.ZstdCompressionDict(data)
        decompressor = zstandard.ZstdDecompressor(
            dict_data=shared, format=zstandard.FORMAT_ZSTD1_MAGICLESS, max_window_size=1 << _WINDOW_LOG
        )
        return cls(_compressors(shared), decompressor, charset(name))

    def pack(self, texts: str) -> bytes | None:
        """The frame without its header, which is the same for all; None for texts not of the character set."""
        try:
            frame = self.compressors[0].compress(texts.encode(self.charset))
        except UnicodeEncodeError:
            return None
        return frame[len(_FRAME) :]

    def pack_small(self, texts: str) -> bytes:
        """The shortest that any of the compressors gives, of texts in the character set."""
        data = texts.encode(self.charset)
        return min((c.compress(data) for c in self.compressors), key=len)[len(_FRAME) :]

    def unpack(self, data: bytes) -> list[str]:
        """The texts, the last first. A length that a peer states has no place here, so none is allocated (FORM-3)."""
        try:
            joined = self.decompressor.decompress(_FRAME + data, max_output_size=MAX_FORM, allow_extra_data=False)
            return joined.decode(self.charset).split("\0")[::-1]
        except (zstandard.ZstdError, UnicodeDecodeError):
            raise unreadable(f"not compressed as it says, or of more than {MAX_FORM} bytes") from None


def unreadable(why: str) -> DecodeError:
    """The error ``form-malformed``."""
    return DecodeError(f"a form {why}.", code="form-malformed", next_step="Ask the sender to state it again.")
