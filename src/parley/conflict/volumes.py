"""A volume made ready to be compared, and how near two of them may come before it matters."""

from __future__ import annotations

from dataclasses import dataclass

from parley.conflict.areas import Area, prepare
from parley.conflict.heights import Levels, height_gap, levels
from parley.conflict.times import Spans, spans
from parley.conflict.times import within as within_time
from parley.wire.geometry import Volume


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

    area: Area
    levels: Levels
    spans: Spans


def prepare_volume(volume: Volume) -> Prepared:
    """``volume``, ready to be compared. Raises DecodeError with the codes of ``prepare``, ``levels`` and ``spans``."""
    return Prepared(prepare(volume.shapes), levels(volume.band), spans(volume.times))


def may_meet(a: Prepared, b: Prepared, buffer: Buffer) -> bool:
    """True unless heights or times alone keep ``a`` and ``b`` apart by more than ``buffer``."""
    if not within_time(a.spans, b.spans, buffer.seconds):
        return False
    return height_gap(a.levels, b.levels).metres <= buffer.vertical_m
