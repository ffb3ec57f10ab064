"""Where, how high and when: the geometry of forms as integers, one encoding a value (spec/geometry.cddl).

Horizontal positions are WGS 84 in microdegrees (0.11 m), so that no floating point is ever signed. An edge is a
great circle unless the shape says otherwise; a ring is not closed by repeating its first position. Winding and
crossing are judged by ``parley.conflict``, not here: what was announced is kept as it was announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from parley.errors import DecodeError
from parley.limits import MAX_TIME

MICRODEGREES: Final = 1_000_000
"""Microdegrees in a degree."""
MAX_POSITIONS: Final = 1024
"""Positions of one shape: ten times the longest coast line that a notice has drawn; bounds the exact check."""
MAX_SHAPES: Final = 64
"""Shapes of one area."""
MAX_WINDOWS: Final = 366
"""Windows of one activity: one a day for a year."""
MAX_SPAN_S: Final = 366 * 24 * 3600
"""Seconds from the first instant of an activity to its last: agreements announce a year ahead (C5)."""
MAX_METRES: Final = 20_015_087
"""Half the circumference of the Earth: no radius or width is larger."""
MAX_HEIGHT: Final = 50_000_000
"""Metres or feet of a height: above every orbit that a launch notice names."""
_LON_MAX: Final = 180 * MICRODEGREES
_DAY_S: Final = 86_400
_MINUTE_S: Final = 60


class Edge(IntEnum):
    """What joins two positions of a ring or path."""

    GREAT_CIRCLE = 0
    RHUMB = 1
    PARALLEL = 2
    """Along the parallel where both have one latitude, a great circle elsewhere."""


class Reference(IntEnum):
    """What a height is measured from."""

    AMSL = 0
    AGL = 1
    FL = 2
    """Flight level: hundreds of feet of pressure altitude at 1013.25 hPa."""


class Unit(IntEnum):
    """The unit a height was stated in; a flight level has none but its own."""

    METRE = 0
    FOOT = 1
    HUNDRED_FEET = 2


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """WGS 84, microdegrees: ``lat`` north positive, ``lon`` east positive, -180 degrees up to but not 180."""

    lat: int
    lon: int


@dataclass(frozen=True, slots=True)
class Point:
    """One place."""

    at: Position


@dataclass(frozen=True, slots=True)
class Circle:
    """A geodesic circle; ``radius`` in metres."""

    centre: Position
    radius: int


@dataclass(frozen=True, slots=True)
class Polygon:
    """The smaller of the two regions that the ring bounds; at least three positions."""

    ring: tuple[Position, ...]
    edge: Edge = Edge.GREAT_CIRCLE


@dataclass(frozen=True, slots=True)
class Corridor:
    """Everything within ``half_width`` metres of a path of at least two positions."""

    path: tuple[Position, ...]
    half_width: int
    edge: Edge = Edge.GREAT_CIRCLE


Shape = Point | Circle | Polygon | Corridor


@dataclass(frozen=True, slots=True)
class Height:
    """A height as it was stated: ``value`` in ``unit`` from ``reference``."""

    value: int
    unit: Unit = Unit.METRE
    reference: Reference = Reference.AMSL

    def __str__(self) -> str:
        """``FL100``, ``500 ft AGL``."""
        if self.unit is Unit.HUNDRED_FEET:
            return f"FL{self.value:03}"
        return f"{self.value} {'m' if self.unit is Unit.METRE else 'ft'} {self.reference.name}"


_FEET: Final = {Unit.METRE: 1 / 0.3048, Unit.FOOT: 1.0, Unit.HUNDRED_FEET: 100.0}


@dataclass(frozen=True, slots=True)
class Band:
    """From ``lower`` to ``upper``; None leaves that side open: unknown means always (R59)."""

    lower: Height | None = None
    upper: Height | None = None

    @property
    def inverted(self) -> bool:
        """Whether it is upside down by its own figures: both bounds of one reference, the lower above the upper."""
        low, up = self.lower, self.upper
        if low is None or up is None or low.reference is not up.reference:
            return False
        return low.value * _FEET[low.unit] > up.value * _FEET[up.unit]


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to ``end``, POSIX seconds on whole minutes; the end is not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Daily:
    """On each day (UTC) from ``first`` to ``last`` that ``weekdays`` names, from ``start`` to ``end``.

    Days count from 1970-01-01; minutes count from midnight; ``end`` at or before ``start`` is on the next day.
    Bit 0 of ``weekdays`` is Monday.
    """

    first: int
    last: int
    start: int
    end: int
    weekdays: int = 0b1111111

    def windows(self) -> Iterator[Window]:
        """Its windows in order."""
        return self._on(range(self.first, self.last + 1))

    def ends(self) -> tuple[Window, Window] | None:
        """Its first window and its last; None where no day of it is among its weekdays."""
        days = range(self.first, self.last + 1)
        first, last = next(self._on(days), None), next(self._on(reversed(days)), None)
        return (first, last) if first is not None and last is not None else None

    def _on(self, days: Iterable[int]) -> Iterator[Window]:
        length = (self.end - self.start) % 1440 or 1440
        for day in days:
            if self.weekdays >> (day + 3) % 7 & 1:
                begin = day * _DAY_S + self.start * _MINUTE_S
                yield Window(begin, begin + length * _MINUTE_S)


Time = Window | Daily


@dataclass(frozen=True, slots=True)
class Volume:
    """All shapes, in one band of heights, at all times: what an activity takes up."""

    shapes: tuple[Shape, ...]
    band: Band = Band()
    times: tuple[Time, ...] = ()
    """No times means always."""

    def span(self) -> Window | None:
        """From the first instant of its times to the last, without counting their days; None where it has none."""
        ends = [(t, t) if isinstance(t, Window) else t.ends() for t in self.times]
        found = [pair for pair in ends if pair is not None]
        return Window(min(a.start for a, _ in found), max(b.end for _, b in found)) if found else None

    def windows(self) -> tuple[Window, ...]:
        """Every window, sorted by start; empty means always. A peer's may be hundreds of days each of hundreds."""
        found = [w for t in self.times for w in ((t,) if isinstance(t, Window) else t.windows())]
        return tuple(sorted(found, key=lambda w: (w.start, w.end)))


def position(lat: float, lon: float) -> Position:
    """The position nearest to ``lat``, ``lon`` in degrees. Raises DecodeError ``geometry-range``."""
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - also refuses NaN
        raise _bad("geometry-range", f"latitude {lat}, longitude {lon} is no place on Earth")
    return Position(round(lat * MICRODEGREES), _wrap(round(lon * MICRODEGREES)))


def _wrap(lon: int) -> int:
    return (lon + _LON_MAX) % (2 * _LON_MAX) - _LON_MAX


def _bad(code: str, text: str) -> DecodeError:
    return DecodeError(f"{text}.", code=code, next_step="Ask the sender to state it again.")


# -- bytes ---------------------------------------------------------------------------------------------


_STEPS: Final = (60, 600, 3600, 6000, 60_000, MICRODEGREES)
"""Steps a degree: whole minutes, tenths of a minute, seconds, hundredths and thousandths of a minute, microdegrees."""


def _in_steps(micro: int, steps: int) -> int | None:
    """How many steps ``micro`` microdegrees are; None when it is no whole number of them, rounded to a microdegree."""
    count = (2 * micro * steps + MICRODEGREES) // (2 * MICRODEGREES)
    return count if _in_micro(count, steps) == micro else None


def _in_micro(count: int, steps: int) -> int:
    return (2 * count * MICRODEGREES + steps) // (2 * steps)


def _all_in_steps(positions: Sequence[Position], steps: int) -> list[int] | None:
    """Latitudes and longitudes in turn; None when one is no whole number of steps."""
    found: list[int] = []
    for p in positions:
        lat, lon = _in_steps(p.lat, steps), _in_steps(p.lon, steps)
        if lat is None or lon is None:
            return None
        found += (lat, lon)
    return found


def encode_positions(positions: Sequence[Position]) -> bytes:
    """A byte for the coarsest steps that hold all, then LEB128 of zigzag: the first position, then differences.

    Longitudes go the shorter way round.
    """
    unit, counts = next(
        (n, found) for n, steps in enumerate(_STEPS) if (found := _all_in_steps(positions, steps)) is not None
    )
    out = bytearray((unit,))
    before = [0, 0]
    for at, count in enumerate(counts):
        step = count - before[at % 2]
        step = _wrap_steps(step, _STEPS[unit]) if at % 2 else step
        rest = step * 2 if step >= 0 else -step * 2 - 1
        while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
        before[at % 2] = count
    return bytes(out)


def _wrap_steps(lon: int, steps: int) -> int:
    return (lon + 180 * steps) % (360 * steps) - 180 * steps


def decode_positions(data: bytes, *, least: int = 1) -> tuple[Position, ...]:
    """The positions of ``data``. Raises DecodeError: ``geometry-positions``, ``geometry-range``."""
    if not data or data[0] >= len(_STEPS):
        raise _bad("geometry-positions", "positions are in no steps that this version knows")
    steps = _STEPS[data[0]]
    numbers = _numbers(data[1:])
    if len(numbers) % 2 or len(numbers) < 2 * least:
        raise _bad("geometry-positions", f"{len(numbers)} coordinates where at least {least} positions are wanted")
    found: list[Position] = []
    lat = lon = 0
    for dlat, dlon in zip(numbers[::2], numbers[1::2], strict=True):
        lat, lon = lat + dlat, _wrap_steps(lon + dlon, steps)
        if not -90 * steps <= lat <= 90 * steps or not -180 * steps <= dlon < 180 * steps:
            raise _bad("geometry-range", "a coordinate lies outside the Earth")
        found.append(Position(_in_micro(lat, steps), _in_micro(lon, steps)))
    if any(_all_in_steps(found, coarser) is not None for coarser in _STEPS[: data[0]]):
        raise _bad("geometry-positions", "positions are in finer steps than they need")
    return tuple(found)


def _numbers(data: bytes) -> list[int]:
    """Zigzag numbers, each in its shortest form."""
    numbers: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 28:  # noqa: PLR2004 - five bytes hold the longest step
                raise _bad("geometry-positions", "a coordinate has too many bytes")
            continue
        if shift and not byte:
            raise _bad("geometry-positions", "a coordinate is not in its shortest form")
        numbers.append(value >> 1 if not value & 1 else -(value + 1 >> 1))
        value = shift = 0
        if len(numbers) > 2 * MAX_POSITIONS:
            raise _bad("geometry-positions", f"more than {MAX_POSITIONS} positions in one shape")
    if data and data[-1] & 0x80:
        raise _bad("geometry-positions", "the last coordinate is cut off")
    return numbers


_POINT, _CIRCLE, _POLYGON, _CORRIDOR = 0, 1, 2, 3


def encode_shape(shape: Shape) -> list[Any]:
    """A CBOR array: kind, positions, then the size and edge that the kind needs (spec/geometry.cddl)."""
    match shape:
        case Point():
            return [_POINT, encode_positions([shape.at])]
        case Circle():
            return [_CIRCLE, encode_positions([shape.centre]), shape.radius]
        case Polygon():
            return [_POLYGON, encode_positions(shape.ring), *([int(shape.edge)] if shape.edge else [])]
        case Corridor():
            tail = [int(shape.edge)] if shape.edge else []
            return [_CORRIDOR, encode_positions(shape.path), shape.half_width, *tail]


def decode_shape(value: object) -> Shape:
    """Raises DecodeError: ``geometry-shape`` and those of ``decode_positions``."""
    match value:
        case [0, bytes() as data]:
            (at,) = _exactly_one(data)
            return Point(at)
        case [1, bytes() as data, int() as radius]:
            (at,) = _exactly_one(data)
            return Circle(at, _number(radius, 1, MAX_METRES))
        case [2, bytes() as data, *tail]:
            return Polygon(decode_positions(data, least=3), _edge(tail))
        case [3, bytes() as data, int() as width, *tail]:
            return Corridor(decode_positions(data, least=2), _number(width, 1, MAX_METRES), _edge(tail))
    raise _bad("geometry-shape", "a shape is of no kind that this version knows")


def _exactly_one(data: bytes) -> tuple[Position]:
    found = decode_positions(data)
    if len(found) != 1:
        raise _bad("geometry-shape", f"{len(found)} positions where one is wanted")
    return (found[0],)


def _edge(tail: list[object]) -> Edge:
    match tail:
        case []:
            return Edge.GREAT_CIRCLE
        case [int() as edge] if not isinstance(edge, bool) and edge in (1, 2):
            return Edge(edge)
    raise _bad("geometry-shape", "an edge is neither great circle, rhumb line nor parallel")


def _number(value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _bad("geometry-range", f"{value!r} lies outside {low} to {high}")
    return value


def encode_height(height: Height | None) -> list[int] | None:
    """``[value, unit, reference]``, or null for an open side."""
    return None if height is None else [height.value, int(height.unit), int(height.reference)]


def decode_height(value: object) -> Height | None:
    """Raises DecodeError ``geometry-height``."""
    match value:
        case None:
            return None
        case [int() as number, (0 | 1 | 2) as unit, (0 | 1 | 2) as reference] if not any(
            isinstance(x, bool) for x in (number, unit, reference)
        ):
            height = Height(_number(number, -MAX_HEIGHT, MAX_HEIGHT), Unit(unit), Reference(reference))
            if (height.unit is Unit.HUNDRED_FEET) != (height.reference is Reference.FL):
                raise _bad("geometry-height", "a flight level is in hundreds of feet and nothing else is")
            return height
    raise _bad("geometry-height", "a height is not value, unit and reference")


def encode_time(time: Time) -> list[int]:
    """``[start, length]`` in minutes of POSIX time, or ``[first, days - 1, start, end, weekdays]``."""
    if isinstance(time, Window):
        return [time.start // _MINUTE_S, (time.end - time.start) // _MINUTE_S]
    return [time.first, time.last - time.first, time.start, time.end, time.weekdays]


def decode_time(value: object) -> Time:
    """Raises DecodeError ``geometry-time``: an empty or endless window, or one that is not in minutes."""
    match value:
        case [int() as start, int() as length]:
            begin = _number(start, 0, MAX_TIME // _MINUTE_S) * _MINUTE_S
            return Window(begin, begin + _number(length, 1, MAX_SPAN_S // _MINUTE_S) * _MINUTE_S)
        case [int() as first, int() as days, int() as start, int() as end, int() as weekdays]:
            first = _number(first, 0, MAX_TIME // _DAY_S)
            last = first + _number(days, 0, MAX_WINDOWS - 1)
            return Daily(first, last, _number(start, 0, 1439), _number(end, 0, 1440), _number(weekdays, 1, 127))
    raise _bad("geometry-time", "a time is neither a window nor a daily window")


def encode_volume(volume: Volume) -> list[Any]:
    """``[shapes, lower, upper, times]``."""
    return [
        [encode_shape(s) for s in volume.shapes],
        encode_height(volume.band.lower),
        encode_height(volume.band.upper),
        [encode_time(t) for t in volume.times],
    ]


def decode_volume(value: object) -> Volume:
    """Raises DecodeError with a ``geometry-`` code on anything else."""
    match value:
        case [list() as shapes, lower, upper, list() as times]:
            if not 1 <= len(shapes) <= MAX_SHAPES:
                raise _bad("geometry-shape", f"{len(shapes)} shapes where 1 to {MAX_SHAPES} are wanted")
            if len(times) > MAX_WINDOWS:
                raise _bad("geometry-time", f"{len(times)} times where at most {MAX_WINDOWS} are wanted")
            decoded = tuple(decode_time(t) for t in times)
            return Volume(
                tuple(decode_shape(s) for s in shapes), Band(decode_height(lower), decode_height(upper)), decoded
            )
    raise _bad("geometry-volume", "a volume is not shapes, lower, upper and times")
