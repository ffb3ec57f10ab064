"""Whether a check can use an area. What it cannot is refused where it is entered, and named where it came."""

from __future__ import annotations

from parley.conflict.volumes import prepare_volume
from parley.errors import DecodeError
from parley.wire.geometry import Volume


def area_fault(volume: Volume) -> DecodeError | None:
    """Why no check can use an area, such as a ring that crosses itself (spec/conflict.md, CON-5); None when it can."""
    try:
        prepare_volume(volume)
    except DecodeError as error:
        return error
    return None
