"""Distances and heights as notices state them."""

from __future__ import annotations

from typing import Final

from parley.errors import DecodeError
from parley.wire.geometry import Height, Reference, Unit

_METRES: Final = {"NM": 1852.0, "MILE": 1852.0, "MILES": 1852.0, "KM": 1000.0, "M": 1.0}
_HEIGHT_UNITS: Final = {"FT": Unit.FOOT, "FEET": Unit.FOOT, "FOOT": Unit.FOOT}


def _measure(text: str) -> tuple[float, str]:
    """The figure and the unit of a measure. Raises DecodeError ``geometry-height``."""
    figure = "".join(c for c in text if c in "0123456789.")
    if not figure.strip("."):
        raise DecodeError(f"{text!r} has no figure.", code="geometry-height")
    return float(figure), "".join(c for c in text if c.isalpha() or c == " ").strip()


def metres(text: str) -> float:
    """A distance. Raises DecodeError ``geometry-range``."""
    figure, unit = _measure(text)
    name = unit.split()[-1] if unit else ""
    factor = _METRES.get(name, 1.0 if name.startswith("MET") else None)
    if factor is None:
        raise DecodeError(f"{text} is no distance.", code="geometry-range")
    return figure * factor


def read_height(text: str, reference: str = "") -> Height | None:
    """A height as F), G) and texts state it; None for the surface and for no limit. Raises DecodeError."""
    if text.startswith(("SFC", "GND", "SURFACE", "GROUND", "UNL")):
        return None
    if text.startswith("FL") and text[2:].strip().isdecimal():
        return Height(int(text[2:]), Unit.HUNDRED_FEET, Reference.FL)
    figure, unit = _measure(text)
    in_metres = unit == "M" or unit.startswith("MET")
    if unit not in _HEIGHT_UNITS and not in_metres:
        raise DecodeError(f"{text} is no height.", code="geometry-height")
    above = Reference.AGL if reference == "AGL" else Reference.AMSL
    return Height(round(figure), Unit.METRE if in_metres else Unit.FOOT, above)
