"""Positions in the notations that people use, all read to the same place, and written back (R67, B4).

Decimal degrees; degrees, minutes and seconds with decimals on the last; DDMMSS and DDMM run together; each with the
hemisphere before or after; MGRS; UTM. A figure that can be read in two ways is refused, not guessed.
"""

from __future__ import annotations

import re
from typing import Final

from mgrs import MGRS
from mgrs.core import MGRSError

from parley.errors import DecodeError, UsageError
from parley.wire.geometry import MICRODEGREES, Position, position

_MGRS: Final = re.compile(r"(\d{1,2}[C-HJ-NP-X]|[ABYZ])\s*[A-HJ-NP-Z]{2}\s*(\d[\d ]*)")
_UTM: Final = re.compile(r"(\d{1,2})\s*([C-HJ-NP-X])\s+(\d{6}(?:\.\d+)?)\s*M?E?[\s,]+(\d{1,7}(?:\.\d+)?)\s*M?N?")
_TOKEN: Final = re.compile(r"[NSEW]|[+-]?\d+(?:\.\d+)?")
_SYMBOLS: Final = re.compile(r"[°º'′’\"″”:,;/\s]+|(?<=[\d.])-(?=\d)|(?<=\d)\s*-\s+(?=\d)")  # noqa: RUF001 - as people type them
_FIRST_NORTHERN_BAND: Final = "N"
_SIXTY: Final = (1, 60, 3600)
_LATITUDE: Final = frozenset("NS")
_COMPACT: Final = {"lat": 2, "lon": 3}
_BANDS: Final = "CDEFGHJKLMNPQRSTUVWX"
"""Of 8 degrees each from 80 S on, the last of 12."""
_SQUARE_DEGREES: Final = 0.9
"""Latitude that a square of 100 km takes: its corner may lie so far outside the band that its place is in."""
_BAND_SLACK: Final = 0.001
_SOUTH: Final = "S"
_PRECISION_M: Final = 5
_converter: Final = MGRS()


def parse_position(text: str) -> Position:
    """The place that ``text`` states.

    Raises UsageError: ``coordinates-unreadable``, ``coordinates-ambiguous``, ``coordinates-range``.
    """
    upper = " ".join(text.upper().split())
    if _MGRS.fullmatch(upper):
        return _from_mgrs(upper.replace(" ", ""))
    utm = _UTM.fullmatch(upper)
    if utm:
        return _from_utm(int(utm[1]), utm[2], float(utm[3]), float(utm[4]))
    return _from_degrees(text, upper)


def _bad(code: str, text: str, wanted: str) -> UsageError:
    return UsageError(
        f"{text!r} is no position: {wanted}.",
        code=code,
        next_step="Write it as 36.7181 N 68.8626 E, 36-43.09N 068-51.75E, 36 43 05 N 68 51 45 E, MGRS or UTM.",
    )


def _from_mgrs(text: str) -> Position:
    if len(text.lstrip("0123456789").lstrip("ABCDEFGHJKLMNPQRSTUVWXYZ")) % 2:
        raise _bad("coordinates-unreadable", text, "easting and northing of MGRS have as many figures each")
    try:
        lat, lon = _converter.toLatLon(text)
        found = position(lat, lon)
    except (ValueError, RuntimeError, RuntimeWarning, MGRSError, DecodeError):
        raise _bad("coordinates-range", text, "there is no such square in MGRS") from None
    band, figures = re.match(r"\d*([A-Z])[A-Z]{2}(\d*)", text).groups()  # type: ignore[union-attr]
    # The library takes a square of another band for a place far from it, with a warning that nobody reads.
    if band in _BANDS and not _in_band(band, lat, _SQUARE_DEGREES / 10 ** (len(figures) // 2)):
        raise _bad("coordinates-range", text, f"no square of that name lies in band {band}")
    return found


def _in_band(band: str, lat: float, slack: float) -> bool:
    """Whether a latitude lies in one of ``_BANDS``, or within ``slack`` degrees of it."""
    south = -80 + 8 * _BANDS.index(band)
    return south - slack <= lat <= south + (12 if band == "X" else 8) + slack


def _from_utm(zone: int, band: str, easting: float, northing: float) -> Position:
    text = f"{zone}{band} {easting:.0f} {northing:.0f}"
    try:
        lat, lon = _utm_degrees(zone, band, easting, northing)
        found = position(lat, lon)
    except (ValueError, RuntimeError, MGRSError, DecodeError):
        raise _bad("coordinates-range", text, "there is no such place in UTM") from None
    # N may say which half of the Earth it is: the place is the same.
    if band != _FIRST_NORTHERN_BAND and not _in_band(band, lat, _BAND_SLACK):
        if band == _SOUTH:
            raise _bad(
                "coordinates-ambiguous", text, "S is the band from 32 N to 40 N here; write the band's own letter"
            )
        raise _bad("coordinates-range", text, f"no such northing lies in band {band}")
    return found


def _utm_degrees(zone: int, band: str, easting: float, northing: float) -> tuple[float, float]:
    hemisphere = "N" if band >= _FIRST_NORTHERN_BAND else "S"
    square = _converter.UTMToMGRS(zone, hemisphere, easting, northing, MGRSPrecision=_PRECISION_M)
    lat, lon = _converter.toLatLon(square)
    return float(lat), float(lon)


def _from_degrees(text: str, upper: str) -> Position:
    tokens: list[str] = []
    for piece in _SYMBOLS.sub(" ", upper).split():
        found = _TOKEN.findall(piece)
        if "".join(found) != piece:
            raise _bad("coordinates-unreadable", text, f"{piece!r} is not understood")
        tokens += found
    letters = [t for t in tokens if t.isalpha()]
    figures = [t for t in tokens if not t.isalpha()]
    if not letters:
        if len(figures) != 2 or not all("." in f for f in figures):  # noqa: PLR2004 - latitude and longitude
            raise _bad("coordinates-ambiguous", text, "name the hemispheres, or give two decimal numbers")
        return _checked(text, float(figures[0]), float(figures[1]))
    if len(letters) != 2 or any(f[0] in "+-" for f in figures):  # noqa: PLR2004
        raise _bad("coordinates-unreadable", text, "one N or S and one E or W are wanted, and no signs")
    before = tokens[0].isalpha()
    first, second = _halves(tokens, before=before)
    north, east = (first, second) if letters[0] in _LATITUDE else (second, first)
    signs = {"N": 1, "S": -1, "E": 1, "W": -1}
    of = dict(zip(("lat", "lon"), sorted(letters, key=lambda c: c not in _LATITUDE), strict=True))
    if of["lat"] not in _LATITUDE or of["lon"] in _LATITUDE:
        raise _bad("coordinates-unreadable", text, "one N or S and one E or W are wanted")
    lat = signs[of["lat"]] * _degrees(text, north, "lat")
    lon = signs[of["lon"]] * _degrees(text, east, "lon")
    return _checked(text, lat, lon)


def _halves(tokens: list[str], *, before: bool) -> tuple[list[str], list[str]]:
    """The figures of the first and of the second letter."""
    places = [n for n, t in enumerate(tokens) if t.isalpha()]
    if before:
        return tokens[1 : places[1]], tokens[places[1] + 1 :]
    return tokens[: places[0]], tokens[places[0] + 1 : places[1]]


def _degrees(text: str, figures: list[str], which: str) -> float:
    if len(figures) == 1:
        whole, _, fraction = figures[0].partition(".")
        width = _COMPACT[which]
        if len(whole) in (width + 2, width + 4):
            cuts = [whole[:width], whole[width : width + 2], whole[width + 2 :]]
            figures = [c for c in cuts if c]
            figures[-1] += "." + fraction if fraction else ""
    if not 1 <= len(figures) <= len(_SIXTY) or any("." in f for f in figures[:-1]):
        raise _bad("coordinates-unreadable", text, "degrees, minutes and seconds, decimals on the last alone")
    values = [float(f) for f in figures]
    if any(v >= 60 for v in values[1:]):  # noqa: PLR2004 - minutes and seconds
        raise _bad("coordinates-range", text, "minutes and seconds go to 59")
    return sum(v / _SIXTY[n] for n, v in enumerate(values))


def _checked(text: str, lat: float, lon: float) -> Position:
    try:
        return position(lat, lon)
    except DecodeError:
        raise _bad("coordinates-range", text, "latitudes go to 90, longitudes to 180 degrees") from None


def format_position(at: Position) -> str:
    """Degrees and minutes with three decimals (1.9 m), as notices to mariners have them: ``36-43.086N 068-51.757E``."""
    return f"{_minutes(at.lat, 'NS', 2)} {_minutes(at.lon, 'EW', 3)}"


def _minutes(value: int, letters: str, width: int) -> str:
    thousandths = round(abs(value) * 60_000 / MICRODEGREES)
    degrees, rest = divmod(thousandths, 60_000)
    return f"{degrees:0{width}}-{rest / 1000:06.3f}{letters[value < 0]}"
