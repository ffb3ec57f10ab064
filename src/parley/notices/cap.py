"""Announced areas as a Common Alerting Protocol alert (OASIS CAP 1.2): one document, an ``info`` for each notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from parley.forms.display import safe_text
from parley.notices.broadcast import LEVEL_FEET, NAUTICAL_MILE_M, TOP_LEVEL, around, level, stated_times
from parley.notices.draft import NoticeDraft, Part
from parley.notices.exports import outline
from parley.wire.geometry import Circle, Corridor, Point, Position, Shape

_CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"


def to_cap(drafts: Sequence[NoticeDraft], sender: str, now: int, *, exercise: bool = False) -> str:
    """The alert, sent at ``now`` (POSIX seconds): times as CAP 3.3.2 has them, polygons closed, radii in kilometres.

    Of a line for ``exercise`` its status says so (R54).
    """
    ET.register_namespace("", _CAP)
    alert = ET.Element(f"{{{_CAP}}}alert")
    first = drafts[0]
    _put(alert, "identifier", _name(f"{first.name}-{now}"))
    _put(alert, "sender", _name(sender) or "unknown")
    _put(alert, "sent", _time(now))
    for name, text in (("status", "Exercise" if exercise else "Actual"), ("msgType", "Alert"), ("scope", "Public")):
        _put(alert, name, text)
    for draft in drafts:
        _info(alert, draft)
    return ET.tostring(alert, encoding="unicode", xml_declaration=True) + "\n"


def _put(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_CAP}}}{name}").text = safe_text(text)


def _name(text: str) -> str:
    """CAP 3.2.1 forbids spaces, commas, < and & in identifier and sender."""
    return "".join(c if c.isalnum() or c in "-.@" else "-" for c in text).strip("-")


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}-00:00"


def _info(alert: ET.Element, draft: NoticeDraft) -> None:
    info = ET.SubElement(alert, f"{{{_CAP}}}info")
    for name, text in (
        ("language", "en"),
        ("category", "Safety"),
        ("event", draft.subject or "Area warning"),
        ("urgency", "Expected"),
        ("severity", "Severe"),
        ("certainty", "Likely"),
    ):
        _put(info, name, text)
    windows = [w for p in draft.parts for w in p.volume.windows()]
    if windows:
        _put(info, "onset", _time(min(w.start for w in windows)))
        _put(info, "expires", _time(max(w.end for w in windows)))
    _put(info, "headline", draft.name or draft.subject)
    if draft.raw:
        _put(info, "description", draft.raw)
    for part in draft.parts:
        _area(info, part)


def _area(info: ET.Element, part: Part) -> None:
    area = ET.SubElement(info, f"{{{_CAP}}}area")
    times = "; ".join(stated_times(part.volume.times))
    _put(area, "areaDesc", f"{part.label or 'area'}{f': {times}' if times else ''}")
    shapes = [_shape(s) for s in part.volume.shapes]
    # The schema wants all polygons before all circles.
    for kind in ("polygon", "circle"):
        for name, text in shapes:
            if name == kind:
                _put(area, name, text)
    lower, upper = part.volume.band.lower, part.volume.band.upper
    if lower is not None or upper is not None:
        _put(area, "altitude", str(level(lower, 0, up=False) * LEVEL_FEET))
        _put(area, "ceiling", str(level(upper, TOP_LEVEL, up=True) * LEVEL_FEET))


def _pair(at: Position) -> str:
    return f"{at.lat / 1_000_000:.6f},{at.lon / 1_000_000:.6f}"


def _shape(shape: Shape) -> tuple[str, str]:
    match shape:
        case Point(at):
            return "circle", f"{_pair(at)} 0"
        case Circle(centre, radius):
            return "circle", f"{_pair(centre)} {radius / 1000:g}"
        case Corridor():
            # CAP has no corridor: the circle around it is the smallest that leaves nothing out.
            centre, miles = around([shape])
            return "circle", f"{_pair(centre)} {miles * NAUTICAL_MILE_M / 1000:g}"
    places = outline(shape)
    return "polygon", " ".join(_pair(p) for p in (*places, places[0]))
