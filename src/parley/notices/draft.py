"""What was read from a notice: a draft for an officer to check, with what could not be read named (R67, C9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from parley.wire.geometry import Volume


class NoticeKind(Enum):
    """What sort of notice it is."""

    WARNING = "navigational warning"
    NOTAM_NEW = "NOTAMN"
    NOTAM_REPLACE = "NOTAMR"
    NOTAM_CANCEL = "NOTAMC"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the raw text: ``raw[start:end] == text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One area of a notice with its heights and times. ``label`` as the notice gives it, such as A."""

    volume: Volume
    label: str = ""
    subject: str = ""
    alternates: frozenset[int] = frozenset()
    """Which of ``volume.times`` the notice calls alternate."""
    computed: tuple[str, ...] = ()
    """What the notice states only by a rule, and was computed: SUNSET, SUNRISE, or the area of a Q-line."""


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """A notice as far as it was understood. Times are POSIX seconds, UTC."""

    kind: NoticeKind
    series: str
    number: str
    raw: str
    issued: int = 0
    """0 when the notice does not say."""
    regions: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    subject: str = ""
    parts: tuple[Part, ...] = ()
    cancels: tuple[str, ...] = ()
    cancels_itself: int = 0
    """When the notice ends itself; 0 for never."""
    authority: str = ""
    not_understood: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()
    fir: tuple[str, ...] = ()
    """Of a NOTAM: the places of its item A."""
    qualifiers: str = ""
    """Of a NOTAM: code, traffic, purpose and scope, as its Q-line has them."""

    @property
    def name(self) -> str:
        """Series and number, the series once."""
        return self.number if self.number.startswith(self.series) else f"{self.series} {self.number}".strip()
