"""A volume made ready to be compared, and how near two of them may come before it matters."""

from __future__ import annotations

from dataclasses import dataclass

from parley.conflict.areas import Area, prepare
from parley.conflict.heights import Levels, levels
from parley.conflict.times import Spans, spans
from parley.wire.geometry import Band, Volume


@dataclass(frozen=True, slots=True)
class Buffer:
    """How near is too near: ``metres`` over ground, ``vertical_m`` metres of height, ``seconds`` before and after.

    A buffer of two activities lies between their edges, once: it is not added to each of them.
    """

    metres: float = 0.0
    vertical_m: float = 0.0
    seconds: int = 0

    def __or__(self, other: Buffer) -> Buffer:
        """The larger of both in each direction."""
        return Buffer(
            max(self.metres, other.metres),
            max(self.vertical_m, other.vertical_m),
            max(self.seconds, other.seconds),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A volume, ready to be compared with many others."""

    band: Band
    area: Area
    levels: Levels
    spans: Spans


def prepare_volume(volume: Volume) -> Prepared:
    """``volume``, ready to be compared. Raises DecodeError with the codes of ``prepare``, ``levels`` and ``spans``."""
    return Prepared(volume.band, prepare(volume.shapes), levels(volume.band), spans(volume.times))
