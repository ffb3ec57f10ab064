"""Read-back of places in an acknowledgement: where they lie, as the receiver computed it (R58; spec/statement.cddl).

It is data and no text, so that each side reads it in its own language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from parley.errors import DecodeError
from parley.wire.geometry import MAX_METRES, MICRODEGREES, Position

MAX_PLACES: Final = 8
"""Places of one message that are read back."""
MAX_NEAR: Final = 4
"""Named places that each is told from."""
MAX_NAME: Final = 160
"""Characters of a place's name."""
_LAT_MAX, _LON_MAX, _DEGREES = 90 * MICRODEGREES, 180 * MICRODEGREES, 360


@dataclass(frozen=True, slots=True)
class Near:
    """A named place, and how to come from it: ``metres`` at ``degrees`` from true north."""

    name: str
    metres: int
    degrees: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """One place that a message states, and what lies near it."""

    at: Position
    near: tuple[Near, ...]

    def plain(self) -> list[Any]:
        """As it is written."""
        return [self.at.lat, self.at.lon, [[n.metres, n.degrees, n.name] for n in self.near]]


def read_places(value: object) -> tuple[ReadBack, ...]:
    """The places that a mark carries. Raises DecodeError ``statement-malformed``."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_PLACES:
        raise _malformed()
    return tuple(map(_read_place, value))


def _read_place(value: object) -> ReadBack:
    match value:
        case [int(lat), int(lon), list(near)] if (
            _exact(lat, lon) and abs(lat) <= _LAT_MAX and -_LON_MAX <= lon < _LON_MAX and 0 < len(near) <= MAX_NEAR
        ):
            return ReadBack(Position(lat, lon), tuple(map(_read_near, near)))
    raise _malformed()


def _read_near(value: object) -> Near:
    match value:
        case [int(metres), int(degrees), str(name)] if (
            _exact(metres, degrees)
            and 0 <= metres <= MAX_METRES
            and 0 <= degrees < _DEGREES
            and 0 < len(name) <= MAX_NAME
        ):
            return Near(name, metres, degrees)
    raise _malformed()


def _exact(*values: int) -> bool:
    """No truth value in the place of a number."""
    return not any(isinstance(v, bool) for v in values)


def _malformed() -> DecodeError:
    return DecodeError("the statement's read-back is not as the specification has it.", code="statement-malformed")
