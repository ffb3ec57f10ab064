"""Places, areas, heights and times as officers write them in a form, and back again, to the same value (R52).

An area is a mapping: one of ``point``, ``circle`` with ``radius``, ``polygon``, ``corridor`` with ``width``, or several
of these under ``shapes``; then ``lower``, ``upper`` and ``times`` as wanted. Times are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from parley.errors import UsageError
from parley.geo.coordinates import parse_position
from parley.limits import MAX_TIME
from parley.wire.geometry import (
    MAX_METRES,
    MAX_SPAN_S,
    MAX_WINDOWS,
    MICRODEGREES,
    Band,
    Circle,
    Corridor,
    Daily,
    Edge,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Time,
    Unit,
    Volume,
    Window,
    decode_volume,
    encode_volume,
)

_QUOTED: Final = 200
"""Characters of what was got that an error quotes."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(m|km|NM|ft)", re.IGNORECASE)
_METRES: Final = {"m": 1.0, "km": 1000.0, "nm": 1852.0, "ft": 0.3048}
_LEVEL: Final = re.compile(r"FL\s*(\d{1,4})", re.IGNORECASE)
_HEIGHT: Final = re.compile(r"(-?\d{1,8})\s*(m|ft)\s*(AMSL|AGL)?", re.IGNORECASE)
_DAILY: Final = re.compile(
    r"daily (\S+?)/(\S+) (\d\d):?(\d\d)-(\d\d):?(\d\d)(?: ([a-z]{3}(?:,[a-z]{3})*))?", re.IGNORECASE
)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EDGES: Final = {"great-circle": Edge.GREAT_CIRCLE, "rhumb": Edge.RHUMB, "parallel": Edge.PARALLEL}
_SHAPES: Final = ("point", "circle", "polygon", "corridor")
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_MIN: Final = 1440
_DAY_S: Final = 86_400
_EVERY_DAY: Final = 0b1111111


def _bad(what: str, got: object, wanted: str) -> UsageError:
    return UsageError(f"{got!r:.{_QUOTED}} is no {what}.", code="form-value", next_step=f"Write it like {wanted}.")


def _text(value: object, what: str, wanted: str) -> str:
    if not isinstance(value, str):
        raise _bad(what, value, wanted)
    return value.strip()


def read_time(value: object) -> int:
    """POSIX seconds, on a whole minute. Raises UsageError ``form-value``, like all readers here."""
    text = _text(value, "time", "2026-03-10T03:04Z")
    try:
        found = datetime.fromisoformat(text)
        seconds = int(found.replace(tzinfo=found.tzinfo or UTC).timestamp()) // _MINUTE_S * _MINUTE_S
    except (ValueError, OverflowError):
        raise _bad("time", text, "2026-03-10T03:04Z") from None
    if not 0 <= seconds <= MAX_TIME:
        raise _bad("time since 1970", text, "2026-03-10T03:04Z")
    return seconds


def write_time(time: int) -> str:
    """``2026-03-10T03:04Z``."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%MZ")


def read_day(value: object) -> int:
    """The first second of a day in UTC, from ``2026-03-10``."""
    text = _text(value, "day", "2026-03-10")
    try:
        return (date.fromisoformat(text).toordinal() - _EPOCH) * _DAY_S
    except ValueError:
        raise _bad("day", text, "2026-03-10") from None


def write_day(day: int) -> str:
    """``2026-03-10``."""
    return datetime.fromtimestamp(day, UTC).date().isoformat()


def read_window(value: object) -> Window:
    """``START/END``."""
    wanted = "2026-03-10T03:00Z/2026-03-10T05:00Z"
    start, slash, end = _text(value, "window of time", wanted).partition("/")
    if not slash:
        raise _bad("window of time", value, wanted)
    window = Window(read_time(start), read_time(end))
    if window.end <= window.start:
        raise UsageError(f"{value!r} ends before it begins.", code="form-value", next_step="Put the start first.")
    if window.end - window.start > MAX_SPAN_S:
        raise _too_long(value)
    return window


def _too_long(value: object) -> UsageError:
    days = f"{MAX_SPAN_S // _DAY_S} days"
    return UsageError(f"{value!r} lasts more than {days}.", code="geometry-range", next_step="State an earlier end.")


def write_window(window: Window) -> str:
    """``START/END``."""
    return f"{write_time(window.start)}/{write_time(window.end)}"


def read_times(value: object, lasts_h: int = 0) -> Time:
    """A window, or ``daily 2026-03-01/2026-03-05 08:00-12:00`` with the days of the week after it if not all.

    With ``lasts_h`` a start alone is a window of so many hours.
    """
    found = _DAILY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        if lasts_h and isinstance(value, str) and "/" not in value:
            start = read_time(value)
            return Window(start, start + lasts_h * _HOUR_S)
        return read_window(value)
    try:
        first, last = (date.fromisoformat(found[n]).toordinal() - _EPOCH for n in (1, 2))
        weekdays = sum({1 << _DAYS.index(d) for d in found[7].lower().split(",")}) if found[7] else _EVERY_DAY
    except ValueError:
        raise _bad("daily window", value, "daily 2026-03-01/2026-03-05 08:00-12:00 mon,tue") from None
    start, end = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
    if first < 0 or last * _DAY_S > MAX_TIME or last < first or start >= _DAY_MIN or end > _DAY_MIN:
        raise _bad("daily window", value, "daily 2026-03-01/2026-03-05 08:00-12:00")
    if last - first >= MAX_WINDOWS:
        raise _too_long(value)
    return Daily(first, last, start, end, weekdays)


def write_times(time: Time) -> str:
    """What ``read_times`` reads."""
    if isinstance(time, Window):
        return write_window(time)
    first, last = (date.fromordinal(_EPOCH + d).isoformat() for d in (time.first, time.last))
    days = ",".join(name for bit, name in enumerate(_DAYS) if time.weekdays >> bit & 1)
    hours = "-".join(f"{m // 60:02}:{m % 60:02}" for m in (time.start, time.end))
    return f"daily {first}/{last} {hours}" + (f" {days}" if time.weekdays != _EVERY_DAY else "")


def read_position(value: object) -> Position:
    """A place in any notation of ``parley.geo.coordinates``."""
    return parse_position(_text(value, "position", "36-43.09N 068-51.75E"))


def write_position(at: Position) -> str:
    """Decimal degrees with hemispheres, to the microdegree."""
    lat, lon = abs(at.lat) / MICRODEGREES, abs(at.lon) / MICRODEGREES
    return f"{lat:.6f}{'S' if at.lat < 0 else 'N'} {lon:.6f}{'W' if at.lon < 0 else 'E'}"


def read_length(value: object) -> int:
    """Metres, from ``500 m``, ``2 km``, ``2.5 NM`` or ``300 ft``."""
    found = _LENGTH.fullmatch(_text(value, "length", "2 NM"))
    if found is None:
        raise _bad("length", value, "2 NM")
    metres = float(found[1]) * _METRES[found[2].lower()]
    if metres > 2 * MAX_METRES:
        raise _bad("length", value, "2 NM")
    return round(metres)


def read_height(value: object) -> Height | None:
    """``FL100``, ``2000 ft AMSL``, ``30 m AGL``; None for ``open``: not limited, or not known."""
    text = _text(value, "height", "2000 ft AMSL")
    if text.lower() == "open":
        return None
    if level := _LEVEL.fullmatch(text):
        return Height(int(level[1]), Unit.HUNDRED_FEET, Reference.FL)
    found = _HEIGHT.fullmatch(text)
    if found is None:
        raise _bad("height", value, "2000 ft AMSL, 30 m AGL, FL100 or open")
    reference = Reference.AGL if (found[3] or "").upper() == "AGL" else Reference.AMSL
    return Height(int(found[1]), Unit.METRE if found[2].lower() == "m" else Unit.FOOT, reference)


def write_height(height: Height | None) -> str:
    """What ``read_height`` reads."""
    if height is None:
        return "open"
    if height.reference is Reference.FL:
        return f"FL{height.value}"
    return f"{height.value} {'m' if height.unit is Unit.METRE else 'ft'} {height.reference.name}"


def read_volume(value: object) -> Volume:
    """An area with its heights and times."""
    if not isinstance(value, Mapping):
        raise _bad("area", value, "{circle: 54-10N 019-20E, radius: 2 NM}")
    shapes = _list(value["shapes"]) if "shapes" in value else [value]
    known = {"shapes", "lower", "upper", "times", *_SHAPES, "radius", "width", "edge"}
    if extra := set(value) - known:
        raise _bad("part of an area", ", ".join(sorted(map(str, extra))), "one of " + ", ".join(sorted(known)))
    band = Band(*(read_height(value.get(side, "open")) for side in ("lower", "upper")))
    times = tuple(read_times(t) for t in _list(value.get("times", [])))
    volume = Volume(tuple(_read_shape(s) for s in shapes), band, times)
    # What cannot be sent is refused while the officer can still mend it.
    return decode_volume(encode_volume(volume))


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _read_shape(value: object) -> Shape:
    kinds = [k for k in _SHAPES if k in value] if isinstance(value, Mapping) else []
    if not isinstance(value, Mapping) or len(kinds) != 1:
        raise _bad("shape", value, "{circle: 54-10N 019-20E, radius: 2 NM}")
    kind = kinds[0]
    edge = _EDGES.get(str(value.get("edge", "great-circle")))
    if edge is None:
        raise _bad("edge", value["edge"], "one of " + ", ".join(_EDGES))
    if kind == "point":
        return Point(read_position(value[kind]))
    if kind == "circle":
        return Circle(read_position(value[kind]), read_length(value.get("radius")))
    path = tuple(read_position(p) for p in _list(value[kind]))
    if kind == "polygon":
        return Polygon(path[:-1] if len(path) > 1 and path[0] == path[-1] else path, edge)
    return Corridor(path, max(1, read_length(value.get("width")) // 2), edge)


def write_volume(volume: Volume) -> dict[str, Any]:
    """What ``read_volume`` reads."""
    shapes = [_write_shape(s) for s in volume.shapes]
    plain: dict[str, Any] = shapes[0] if len(shapes) == 1 else {"shapes": shapes}
    for side in ("lower", "upper"):
        if (height := getattr(volume.band, side)) is not None:
            plain[side] = write_height(height)
    if volume.times:
        plain["times"] = [write_times(t) for t in volume.times]
    return plain


def _write_shape(shape: Shape) -> dict[str, Any]:
    match shape:
        case Point():
            return {"point": write_position(shape.at)}
        case Circle():
            return {"circle": write_position(shape.centre), "radius": f"{shape.radius} m"}
        case Polygon():
            return {"polygon": [write_position(p) for p in shape.ring], **_write_edge(shape.edge)}
        case Corridor():
            path = [write_position(p) for p in shape.path]
            return {"corridor": path, "width": f"{shape.half_width * 2} m", **_write_edge(shape.edge)}


def _write_edge(edge: Edge) -> dict[str, str]:
    return {} if edge is Edge.GREAT_CIRCLE else {"edge": next(name for name, e in _EDGES.items() if e is edge)}
