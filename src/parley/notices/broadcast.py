"""Announced areas as the texts that mariners and airmen get: navigational warnings (S-53), NOTAMs (ICAO Annex 15).

A NOTAM has no polygon of its own, so one is stated in item E, with the circle around it in the Q line. What a format
cannot state is put into its text in words and never left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from parley.geo.sphere import unit_vectors
from parley.notices.draft import NoticeDraft, Part
from parley.notices.exports import outline
from parley.wire.geometry import Circle, Corridor, Daily, Height, Point, Polygon, Position, Shape, Time, Unit, Window

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NAUTICAL_MILE_M: Final = 1852
_EARTH_M: Final = 6_371_008.8
_MAX_Q_NM: Final = 999
_NOTAM_NUMBER: Final = re.compile(r"[A-Z]{1,2}\d{1,4}/\d{2}")
LEVEL_FEET: Final = 100
_FEET_IN_METRE: Final = 3.280839895
TOP_LEVEL: Final = 999
_EVERY_DAY: Final = 0b1111111
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def _minutes(value: int, letters: str, width: int) -> str:
    hundredths = round(abs(value) * 6000 / 1_000_000)
    letter = letters[0] if value >= 0 else letters[1]
    return f"{hundredths // 6000:0{width}}-{hundredths % 6000 // 100:02}.{hundredths % 100:02}{letter}"


def navigational_position(at: Position) -> str:
    """``DD-MM.mmN DDD-MM.mmE``, with leading zeros (S-53)."""
    return f"{_minutes(at.lat, 'NS', 2)} {_minutes(at.lon, 'EW', 3)}"


def aeronautical_position(at: Position, *, seconds: bool = True) -> str:
    """``DDMMSSN DDDMMSSE``, or to the minute for the Q line."""
    parts = []
    for value, letters, width in ((at.lat, "NS", 2), (at.lon, "EW", 3)):
        whole = round(abs(value) * (3600 if seconds else 60) / 1_000_000)
        digits = f"{whole // 3600:0{width}}{whole % 3600 // 60:02}{whole % 60:02}"
        if not seconds:
            digits = f"{whole // 60:0{width}}{whole % 60:02}"
        parts.append(digits + (letters[0] if value >= 0 else letters[1]))
    return parts[0] + (" " if seconds else "") + parts[1]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _group(seconds: int) -> str:
    at = _moment(seconds)
    return f"{at:%d%H%M}Z {_MONTHS[at.month - 1]} {at:%y}"


def stated_times(times: Sequence[Time]) -> Iterator[str]:
    """Windows and daily windows as a notice states them."""
    for time in times:
        if isinstance(time, Window):
            yield f"{_group(time.start)} TO {_group(time.end)}"
        elif time.weekdays == _EVERY_DAY:
            yield _daily(time)
        else:
            yield from (f"{_group(w.start)} TO {_group(w.end)}" for w in time.windows())


def _daily(time: Daily) -> str:
    first, last = (datetime.fromordinal(_EPOCH + d) for d in (time.first, time.last))
    hours = f"{time.start // 60:02}{time.start % 60:02}Z TO {time.end // 60 % 24:02}{time.end % 60:02}Z"
    days = f"{first:%d} {_MONTHS[first.month - 1]} {first:%y} THRU {last:%d} {_MONTHS[last.month - 1]} {last:%y}"
    return f"{hours} DAILY {days}"


def _height(height: Height | None) -> str:
    if height is None:
        return ""
    if height.unit is Unit.HUNDRED_FEET:
        return f"FL{height.value:03}"
    return f"{height.value}{'M' if height.unit is Unit.METRE else 'FT'} {height.reference.name}"


def _area_text(shape: Shape) -> str:
    match shape:
        case Point(at):
            return f"IN {navigational_position(at)}"
        case Circle(centre, radius):
            return f"WITHIN {_radius(radius)} OF {navigational_position(centre)}"
        case Polygon(ring, _):
            return "IN AREA BOUND BY " + ", ".join(navigational_position(p) for p in ring)
        case Corridor(path, half_width, _):
            along = ", ".join(navigational_position(p) for p in path)
            return f"WITHIN {_radius(half_width)} OF TRACKLINE JOINING {along}"


def _radius(metres: int) -> str:
    miles = metres / NAUTICAL_MILE_M
    if abs(miles - round(miles, 1)) * NAUTICAL_MILE_M < 1:
        return f"{round(miles, 1):g} MILES"
    return f"{metres / 1000:g} KILOMETERS"


def to_navarea(drafts: Sequence[NoticeDraft]) -> str:
    """Navigational warnings, in the order of S-53: series, area, charts, subject, positions, cancellation."""
    return "\n\n".join("\n".join(_navarea(draft)) for draft in drafts) + "\n"


def _navarea(draft: NoticeDraft) -> Iterator[str]:
    if draft.issued:  # a NOTAM does not say
        yield f"{_group(draft.issued)}"
    yield f"{draft.name}."
    yield from (f"{region.upper()}." for region in draft.regions)
    yield from (f"{chart.upper()}." for chart in draft.charts)
    number = 0
    for part in draft.parts:
        number += 1
        label = f"{number}. " if len(draft.parts) > 1 or draft.cancels or draft.cancels_itself else ""
        yield f"{label}{draft.subject.upper()}{_when(part)}"
        yield from (f"   {_area_text(shape)}." for shape in part.volume.shapes)
    for cancelled in draft.cancels:
        number += 1
        yield f"{number}. CANCEL {cancelled}."
    if draft.cancels_itself:
        yield f"{number + 1}. CANCEL THIS MSG {_group(draft.cancels_itself)}."


def _when(part: Part) -> str:
    band = part.volume.band
    lower, upper = _height(band.lower), _height(band.upper)
    between = f", {lower} TO {upper}" if lower and upper else f", BELOW {upper}" if upper else ""
    between = f", ABOVE {lower}" if lower and not upper else between
    times = "; ".join(stated_times(part.volume.times))
    return f"{between}, {times}" if times else between


def around(shapes: Sequence[Shape]) -> tuple[Position, int]:
    """A point in the middle of the shapes, and a radius in NM that reaches all of them."""
    places = [p for s in shapes for p in outline(s)]
    vectors = unit_vectors(places)
    middle = vectors.sum(axis=0)
    middle = middle / (math.sqrt(float(middle @ middle)) or 1.0)
    lat, lon = (
        math.degrees(math.asin(max(-1.0, min(1.0, float(middle[2]))))),
        math.degrees(math.atan2(middle[1], middle[0])),
    )
    far = max(math.acos(max(-1.0, min(1.0, float(v @ middle)))) for v in vectors) * _EARTH_M
    far += max((s.radius if isinstance(s, Circle) else s.half_width if isinstance(s, Corridor) else 0) for s in shapes)
    return Position(round(lat * 1_000_000), round(lon * 1_000_000)), max(1, math.ceil(far / NAUTICAL_MILE_M))


def level(height: Height | None, usual: int, *, up: bool) -> int:
    """The flight level that holds ``height``: rounded outward, so that the band is never narrowed."""
    if height is None:
        return usual
    if height.unit is Unit.HUNDRED_FEET:
        return min(TOP_LEVEL, max(0, height.value))
    feet = height.value * (_FEET_IN_METRE if height.unit is Unit.METRE else 1)
    levels = math.ceil(feet / LEVEL_FEET) if up else math.floor(feet / LEVEL_FEET)
    return min(TOP_LEVEL, max(0, levels))


def to_notam(drafts: Sequence[NoticeDraft]) -> str:
    """NOTAMs, one for each area. A region that the form does not state is XXXX, for the issuing office to fill in."""
    return "\n\n".join(_notam(draft, part, n) for draft in drafts for n, part in enumerate(draft.parts)) + "\n"


def _notam(draft: NoticeDraft, part: Part, number: int) -> str:
    centre, radius = around(part.volume.shapes)
    band = part.volume.band
    lower, upper = level(band.lower, 0, up=False), level(band.upper, TOP_LEVEL, up=True)
    windows = part.volume.windows()
    start, end = (windows[0].start, windows[-1].end) if windows else (draft.issued, 0)
    place = f"{aeronautical_position(centre, seconds=False)}{min(radius, _MAX_Q_NM):03}"
    fir = draft.fir or ("XXXX",)
    # The Q-line of several regions has the country's letters and XX (ICAO Doc 8126).
    country = fir[0][:2] if len({f[:2] for f in fir}) == 1 else f"{fir[0][:1]}X"
    of_all = fir[0] if len(fir) == 1 else f"{country}XX"
    own = len(draft.parts) == 1 and _NOTAM_NUMBER.fullmatch(draft.number)
    name = draft.number if own else f"X{number + 1:04}/{_moment(draft.issued or start):%y}"
    q = f"Q) {of_all}/{draft.qualifiers or 'QWXXX/IV/BO/W'}/{lower:03}/{upper:03}/{place}"
    text = f"{draft.subject.upper()} " + "; ".join(_notam_area(s) for s in part.volume.shapes)
    schedule = "\nD) " + "; ".join(stated_times(part.volume.times)) if len(windows) > 1 else ""
    until = f"{_moment(end):%y%m%d%H%M}" if end else "PERM"
    return (
        f"({name} NOTAMN\n{q}\n"
        f"A) {' '.join(fir)} B) {_moment(start):%y%m%d%H%M} C) {until}{schedule}\n"
        f"E) {text}.\n"
        f"F) {_height(band.lower) or 'SFC'} G) {_height(band.upper) or 'UNL'})"
    )


def _notam_area(shape: Shape) -> str:
    match shape:
        case Point(at):
            return f"PSN {aeronautical_position(at)}"
        case Circle(centre, radius):
            return f"{radius / NAUTICAL_MILE_M:.1f}NM RADIUS CENTRED ON {aeronautical_position(centre)}"
        case Polygon(ring, _):
            return "WI " + " - ".join(aeronautical_position(p) for p in (*ring, ring[0]))
        case Corridor(path, half_width, _):
            return f"WI {half_width / NAUTICAL_MILE_M:.1f}NM OF LINE JOINING " + " - ".join(
                aeronautical_position(p) for p in path
            )
