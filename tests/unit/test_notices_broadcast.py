"""Areas as navigational warnings, NOTAMs and CAP alerts: what is written is read back, and nothing is narrowed."""

from __future__ import annotations

from datetime import date
from importlib import resources
from xml.etree import ElementTree as ET

import pytest

from parley.app.areas import FORMATS, write_areas
from parley.app.forms import library, usual_packs
from parley.errors import UsageError
from parley.forms.filled import Filled, problems, read_values, write_values
from parley.forms.library import Forms
from parley.notices.broadcast import aeronautical_position, around, level, navigational_position, to_navarea, to_notam
from parley.notices.cap import to_cap
from parley.notices.draft import NoticeDraft, NoticeKind, Part
from parley.notices.forms import FORM, draft_of, form_values, hazard_of
from parley.notices.notice import read_notice
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Unit,
    Volume,
    Window,
    position,
)

DATA = resources.files("parley.app").joinpath("demo_data")
NAMES = sorted(p.name for p in DATA.iterdir() if "statement" not in p.name)
READ = date(2026, 2, 20)
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def forms() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def notice(name: str) -> NoticeDraft:
    return read_notice(DATA.joinpath(name).read_text("utf-8"), READ)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_notice_goes_into_a_form_and_out_again(name: str) -> None:
    form, draft = forms().named(FORM), notice(name)
    values = form_values(draft)
    assert problems(form, values) == ()
    assert read_values(form, write_values(form.fields, values)) == values
    back = draft_of(forms().codec.decode(form, forms().codec.encode(form, values)), draft.issued)
    assert [p.volume for p in back.parts] == [p.volume for p in draft.parts]
    assert (back.series, back.number, back.raw, back.cancels) == (draft.series, draft.number, draft.raw, draft.cancels)


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("notam")])
def test_a_real_warning_written_and_read_again_is_the_same(name: str) -> None:
    draft = notice(name)
    again = read_notice(to_navarea([draft]), READ)
    assert [p.volume for p in again.parts] == [p.volume for p in draft.parts]
    assert again.not_understood == ()
    assert (again.cancels, again.cancels_itself) == (draft.cancels, draft.cancels_itself)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_notice_written_as_a_notam_is_read_again(name: str) -> None:
    draft = notice(name)
    again = [read_notice(text, READ) for text in to_notam([draft]).strip().split("\n\n")]
    assert [a.not_understood for a in again] == [()] * len(draft.parts)
    for part, read in zip(draft.parts, again, strict=True):
        assert read.parts[0].volume.windows() == part.volume.windows()
        assert near(read.parts[0].volume.shapes, part.volume.shapes)


def near(a: tuple[Shape, ...], b: tuple[Shape, ...]) -> bool:
    """The same, or polygons whose positions are within a second of arc."""
    if a == b:
        return True
    pairs = [
        (p, q)
        for x, y in zip(a, b, strict=True)
        if isinstance(x, Polygon) and isinstance(y, Polygon)
        for p, q in zip(x.ring, y.ring, strict=True)
    ]
    return bool(pairs) and all(abs(p.lat - q.lat) <= 140 and abs(p.lon - q.lon) <= 140 for p, q in pairs)


def made(shape: Shape, band: Band | None = None, *times: Window) -> NoticeDraft:
    band = band or Band()
    return NoticeDraft(NoticeKind.WARNING, "NAVAREA I", "1/26", "", 0, parts=(Part(Volume((shape,), band, times)),))


def test_a_notice_that_does_not_say_when_it_was_issued_is_not_said_to_be_of_1970() -> None:
    text = to_navarea([made(Point(position(10, 20)))])
    assert text.splitlines()[0] == "NAVAREA I 1/26."


def test_positions_have_their_leading_zeros() -> None:
    at = position(-5.0042, -7.5)
    assert navigational_position(at) == "05-00.25S 007-30.00W"
    assert aeronautical_position(at) == "050015S 0073000W"
    assert aeronautical_position(at, seconds=False) == "0500S00730W"


@pytest.mark.parametrize(
    "shape",
    [
        Point(position(54.2, 19.5)),
        Circle(position(54.2, 19.5), 20_000),
        Polygon((position(10, 179), position(10, -179), position(12, 180))),
        Corridor((position(54, 19), position(55, 20)), 5_000),
    ],
)
def test_every_shape_is_stated_in_every_format(shape: Shape) -> None:
    for form in FORMATS.split(", "):
        text = write_areas([made(shape)], form)
        assert "54" in text or "179" in text, form


def test_the_circle_of_the_q_line_reaches_all_of_the_area() -> None:
    centre, miles = around([Polygon((position(10, 179), position(10, -179), position(12, 180)))])
    assert abs(abs(centre.lon) - 180_000_000) < 50_000
    assert 59 <= miles <= 90
    assert around([Circle(position(89.9, 0), 300_000)])[1] >= 162


@pytest.mark.parametrize(
    ("height", "up", "found"),
    [
        (Height(2_001, Unit.FOOT), True, 21),
        (Height(2_099, Unit.FOOT), False, 20),
        (Height(1_000, Unit.METRE), True, 33),
        (Height(180, Unit.HUNDRED_FEET, Reference.FL), True, 180),
        (Height(-30, Unit.METRE), False, 0),
        (Height(100_000, Unit.METRE), True, 999),
        (None, True, 999),
    ],
)
def test_levels_are_rounded_outward(height: Height | None, up: bool, found: int) -> None:
    assert level(height, 999 if up else 0, up=up) == found


@pytest.mark.parametrize(
    ("text", "hazard"),
    [
        ("GUNNERY EXERCISES", "gunnery"),
        ("DERELICT ADRIFT", "obstruction"),
        ("TEMPORARY RESTRICTED AIRSPACE", "air-activity"),
        ("SPACE DEBRIS", "space"),
        ("HYDROGRAPHIC SURVEY", "survey"),
        ("LIGHT CHANGED", "other"),
    ],
)
def test_the_kind_of_danger_is_suggested_by_the_words(text: str, hazard: str) -> None:
    assert hazard_of(text) == hazard


def test_an_alert_is_as_cap_wants_it() -> None:
    """The order of elements, closed polygons, and times with an offset: OASIS CAP 1.2, section 3.2 and 3.4."""
    draft = notice("navarea-iv-207-26.txt")
    circle = made(Circle(position(54.2, 19.5), 2_000), Band(None, Height(2_001, Unit.FOOT)))
    alert = ET.fromstring(to_cap([draft, circle], "northland watch", 1_772_000_000))
    assert [e.tag.removeprefix(CAP) for e in alert] == [
        *("identifier", "sender", "sent", "status", "msgType", "scope", "info", "info")
    ]
    assert alert.findtext(f"{CAP}sender") == "northland-watch"
    assert alert.findtext(f"{CAP}sent") == "2026-02-25T06:13:20-00:00"
    first, second = alert.findall(f"{CAP}info")
    order = ("language", "category", "event", "urgency", "severity", "certainty", "onset", "expires", "headline")
    assert [e.tag.removeprefix(CAP) for e in first][:9] == list(order)
    pairs = (first.findtext(f"{CAP}area/{CAP}polygon") or "").split()
    assert pairs[0] == pairs[-1]
    assert len(pairs) >= 5
    assert second.findtext(f"{CAP}area/{CAP}circle") == "54.200000,19.500000 2"
    assert second.findtext(f"{CAP}area/{CAP}ceiling") == "2100"


def test_without_areas_or_in_an_unknown_format_nothing_is_written() -> None:
    for drafts, form, code in (([], "cap", "areas-missing"), ([made(Point(Position(0, 0)))], "dxf", "format-unknown")):
        with pytest.raises(UsageError) as caught:
            write_areas(drafts, form)
        assert caught.value.code == code


def test_a_form_of_another_kind_gives_its_areas_too() -> None:
    form = forms().named("exercise")
    area = {"circle": "60N 029E", "radius": "20 km"}
    filled = Filled(form, read_values(form, {"designation": "READY 3", "purpose": "Check", "areas": [area, area]}))
    draft = draft_of(filled, 7)
    assert (draft.subject, len(draft.parts), draft.issued) == ("READY 3", 2, 7)
