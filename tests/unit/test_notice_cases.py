"""Each way in which real notices state areas, times, heights and ends, one by one (docs/reference/notices.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from parley.forms.geotext import write_times
from parley.notices.draft import NoticeDraft, Part
from parley.notices.notice import read_notice
from parley.wire.geometry import Band, Circle, Corridor, Edge, Height, Polygon, Reference, Unit, Window, position

AREA = "IN AREA BOUND BY 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E"
RING = Polygon((position(10, 20), position(11, 20), position(11, 21)))


def warning(text: str, today: date = date(2026, 3, 1)) -> NoticeDraft:
    return read_notice(f"{today:%d}0000Z {today:%b %y}\nNAVAREA II 7/{today:%y}.\nSEA.\n1. {text}\n".upper(), today)


def only(text: str, today: date = date(2026, 3, 1)) -> Part:
    (part,) = warning(text, today).parts
    return part


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    "text",
    [
        "10-00.00N 020-00.00E, 11-00.00N 020-00.00E, 11-00.00N 021-00.00E",
        "100000N 0200000E - 110000N 0200000E - 110000N 0210000E",
        "N100000E0200000 - N110000E0200000 - N110000E0210000",
        "100000N0200000E-110000N0200000E-110000N0210000E-100000N0200000E",
        "N1000 E02000, N1100 E02000, N1100 E02100",
        "10-00-00N 020-00-00E, 11-00-00N 020-00-00E, 11-00-00N 021-00-00E, 10-00-00N 020-00-00E",
    ],
)
def test_a_ring_open_or_closed_with_the_hemisphere_before_or_after(text: str) -> None:
    part = only(f"FIRING 011200Z TO 011400Z APR IN AREA {text}.")
    assert part.volume.shapes == (RING,)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("HEIGHT 500 FEET TO 3000 FEET", Band(Height(500, Unit.FOOT), Height(3000, Unit.FOOT))),
        ("FROM 2000FT AMSL TO FL100", Band(Height(2000, Unit.FOOT), Height(100, Unit.HUNDRED_FEET, Reference.FL))),
        ("FROM SFC TO 900M AMSL", Band(None, Height(900, Unit.METRE))),
        ("BELOW 1500FT AGL", Band(None, Height(1500, Unit.FOOT, Reference.AGL))),
        ("ABOVE FL245", Band(Height(245, Unit.HUNDRED_FEET, Reference.FL), None)),
        ("UP TO 300 METERS", Band(None, Height(300, Unit.METRE))),
    ],
)
def test_feet_metres_and_flight_levels(text: str, band: Band) -> None:
    part = only(f"FIRING {text} 011200Z TO 011400Z APR {AREA}.")
    assert part.volume.band == band


def test_a_corridor_of_three_positions_is_one_corridor() -> None:
    """It was read as its first position, and the others as words."""
    draft = warning(
        "FIRING 011200Z TO 011400Z APR WITHIN 2 MILES OF TRACKLINE JOINING "
        "10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E."
    )
    assert draft.not_understood == ()
    assert draft.parts[0].volume.shapes == (Corridor(RING.ring, 3704),)


def test_several_areas_each_with_its_times() -> None:
    draft = read_notice(
        f"NAVAREA II 1/26.\n1. FIRING 011200Z TO 011400Z APR {AREA}.\n"
        "2. FIRING 021200Z TO 021400Z APR WITHIN 5NM OF 12-00N 022-00E.\n",
        date(2026, 3, 1),
    )
    assert [p.volume.shapes for p in draft.parts] == [(RING,), (Circle(position(12, 22), 9260),)]
    assert [p.volume.times for p in draft.parts] == [
        (Window(at(2026, 4, day, 12), at(2026, 4, day, 14)),) for day in (1, 2)
    ]


@pytest.mark.parametrize(
    ("today", "text", "start"),
    [
        (date(2026, 12, 20), "050100Z TO 050200Z JAN", at(2027, 1, 5, 1)),
        (date(2027, 1, 3), "300100Z TO 300200Z DEC", at(2026, 12, 30, 1)),
        (date(2026, 3, 1), "290100Z FEB TO 290200Z FEB 28", at(2028, 2, 29, 1)),
        (date(2026, 3, 1), "310100Z DEC TO 010200Z JAN 28", at(2027, 12, 31, 1)),
        (date(2026, 6, 1), "312300Z MAY TO 010100Z JUN", at(2026, 5, 31, 23)),
    ],
)
def test_the_year_that_is_not_stated_is_the_nearest(today: date, text: str, start: int) -> None:
    part = only(f"FIRING {text} {AREA}.", today)
    assert part.volume.windows()[0].start == start


@pytest.mark.parametrize("word", ["MSG", "MESSAGE", "WARNING", "NOTICE"])
def test_the_cancellation_of_oneself_and_of_others(word: str) -> None:
    draft = read_notice(
        f"NAVAREA II 1/26.\n1. FIRING 011200Z TO 011400Z APR {AREA}.\n"
        f"2. CANCEL NAVAREA II 7/26 AND 8/26.\n3. CANCEL THIS {word} 011500Z APR 26.\n",
        date(2026, 3, 1),
    )
    assert draft.cancels_itself == at(2026, 4, 1, 15)
    assert [c.rpartition(" ")[2] for c in draft.cancels] == ["7/26", "8/26"]
    assert draft.not_understood == ()


def test_sunset_is_computed_and_marked_and_where_the_sun_does_not_set_it_is_named() -> None:
    part = only(f"FIRING 1200Z TO SUNSET DAILY 05 APR {AREA}.")
    assert part.computed == ("SUNSET",)
    (window,) = part.volume.windows()
    assert at(2026, 4, 5, 16) < window.end < at(2026, 4, 5, 18), "about 18 h of local time at 20 E"
    far = warning("FIRING 1200Z TO SUNSET DAILY 21 JUN IN AREA 80-00N 020-00E, 81-00N 020-00E, 81-00N 021-00E.")
    assert "SUNSET" in " ".join(s.text for s in far.not_understood)
    assert far.raw[far.not_understood[0].start : far.not_understood[0].end] == far.not_understood[0].text


def test_what_cannot_be_read_keeps_the_text_and_names_the_words() -> None:
    text = f"FIRING 011200Z TO 011400Z APR {AREA} EXCEPT FISHING BANK"
    draft = warning(f"{text}.")
    assert text in draft.raw
    assert "EXCEPT FISHING BANK" in " ".join(s.text for s in draft.not_understood) + draft.subject


@pytest.mark.parametrize(
    "ring",
    [
        # A latitude without its longitude, the letter O for a nought, minutes that are none, two positions alone.
        "54-10N 019-20E, 54-20N, 54-20N 019-40E, 54-10N 019-40E",
        "54-10N 019-20E, 54-20N 019-20E, 54-2ON 019-40E, 54-10N 019-40E, 54-05N 019-30E",
        "54-10N 019-20E, 54-20N 019-20E, 54-20N 019-40E, 019-40E",
        "54-10N 019-20E, 54-70N 019-20E, 54-20N 019-40E, 54-10N 019-40E",
        "54-10N 019-20E, 54-20N 019-40E",
    ],
)
def test_what_is_left_of_a_ring_is_no_area_and_every_position_of_it_is_named(ring: str) -> None:
    draft = warning(f"FIRING 011200Z TO 011400Z APR IN AREA BOUND BY {ring}.")
    assert draft.parts == ()
    named = " ".join(s.text for s in draft.not_understood)
    assert [p for p in ring.split(", ") if p.upper() not in named and "O" not in p] == []


def test_an_area_that_is_whole_stays_where_another_is_not() -> None:
    draft = warning(
        "FIRING 011200Z TO 011400Z APR IN AREAS BOUND BY A. 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E. "
        "B. 12-00N 020-00E, 13-00N, 13-00N 021-00E."
    )
    (part,) = draft.parts
    assert (part.label, part.volume.shapes) == ("A", (RING,))
    assert draft.not_understood


@pytest.mark.parametrize(
    "box",
    [
        "BETWEEN 54-10N AND 54-20N, 019-20E AND 019-40E",
        "BETWEEN 54-10N 54-20N AND 019-20E 019-40E",
        "BETWEEN LATITUDES 54-10N AND 54-20N AND LONGITUDES 019-20E AND 019-40E",
    ],
)
def test_between_parallels_and_meridians(box: str) -> None:
    (shape,) = only(f"FIRING 011200Z TO 011400Z APR IN AREA {box}.").volume.shapes
    assert isinstance(shape, Polygon)
    assert shape.edge is Edge.PARALLEL
    assert {(p.lat, p.lon) for p in shape.ring} == {
        (p.lat, p.lon)
        for p in (position(lat, lon) for lat in (54 + 1 / 6, 54 + 1 / 3) for lon in (19 + 1 / 3, 19 + 2 / 3))
    }


def test_a_line_is_no_area_that_it_would_enclose() -> None:
    part = only(
        "CABLE WORK 011200Z TO 011400Z APR ALONG TRACKLINE JOINING 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E."
    )
    assert part.volume.shapes == (Corridor(RING.ring, 1),)


@pytest.mark.parametrize(
    ("times", "written"),
    [
        (
            "0300Z TO 0500Z AND 0900Z TO 1100Z DAILY 10 THRU 12 APR",
            ["daily 2026-04-10/2026-04-12 03:00-05:00", "daily 2026-04-10/2026-04-12 09:00-11:00"],
        ),
        (
            "0300Z TO 0500Z, 0900Z TO 1100Z DAILY MON THRU FRI 10 THRU 12 APR",
            [
                "daily 2026-04-10/2026-04-12 03:00-05:00 mon,tue,wed,thu,fri",
                "daily 2026-04-10/2026-04-12 09:00-11:00 mon,tue,wed,thu,fri",
            ],
        ),
        (
            "0300Z TO 0500Z DAILY 10, 12 AND 14 APR",
            [f"daily 2026-04-{day}/2026-04-{day} 03:00-05:00" for day in (10, 12, 14)],
        ),
        ("10 APR 0300Z TO 0500Z", ["daily 2026-04-10/2026-04-10 03:00-05:00"]),
        (
            "0300Z TO 0500Z 10 APR, 0600Z TO 0800Z 11 APR",
            ["daily 2026-04-10/2026-04-10 03:00-05:00", "daily 2026-04-11/2026-04-11 06:00-08:00"],
        ),
        (
            "EVERY MONDAY AND WEDNESDAY 0300Z TO 0500Z 10 THRU 30 APR",
            ["daily 2026-04-10/2026-04-30 03:00-05:00 mon,wed"],
        ),
        (
            "0300Z TO 0500Z DAILY EXCEPT SUNDAYS 10 THRU 30 APR",
            ["daily 2026-04-10/2026-04-30 03:00-05:00 mon,tue,wed,thu,fri,sat"],
        ),
        ("0300Z TO 0500Z DAILY THRU 14 MAR", ["daily 2026-03-01/2026-03-14 03:00-05:00"]),
    ],
)
def test_lists_of_hours_and_days(times: str, written: list[str]) -> None:
    draft = warning(f"FIRING {times} {AREA}.")
    (part,) = draft.parts
    assert [write_times(t) for t in part.volume.times] == written
    assert draft.not_understood == ()


@pytest.mark.parametrize(
    ("times", "named"),
    [
        # One time that is read must not stand for all that are stated: what is not known counts as always.
        ("320300Z TO 330500Z APR, 110300Z TO 110500Z APR", "320300Z"),
        ("110300Z TO 110500Z APR AND 120300Z", "120300Z"),
        ("0800 TO 1600 LOCAL TIME DAILY 10 THRU 12 APR", "LOCAL"),
        # A day that the year does not have is no day of a later one.
        ("290300Z TO 290500Z FEB", "290300Z"),
    ],
)
def test_where_a_time_cannot_be_read_the_area_counts_as_always_in_force(times: str, named: str) -> None:
    draft = warning(f"FIRING {times} {AREA}.")
    (part,) = draft.parts
    assert part.volume.times == ()
    assert any(named in s.text for s in draft.not_understood)
    assert any("at all times" in w or "always in force" in w for w in draft.warnings)


def test_heights_that_are_upside_down_are_none() -> None:
    draft = warning(f"FIRING HEIGHT 3000 FEET TO 500 FEET 011200Z TO 011400Z APR {AREA}.")
    assert draft.parts[0].volume.band == Band()
    assert draft.not_understood


NOTAM = """(A1236/26 NOTAM{kind}
Q)ULLL/QRTCA/IV/BO/W/000/100/5959N03015E005
A)ULLL B)2603100700 C)2603121650
E)AIRSPACE CLSD
F){lower} G){upper})"""


def test_a_notam_that_cancels_another_announces_nothing() -> None:
    text = NOTAM.format(kind="C A1234/26", lower="SFC", upper="UNL").replace(" C)2603121650", "")
    draft = read_notice(text, date(2026, 3, 1))
    assert (draft.cancels, draft.parts, draft.cancels_itself, draft.warnings) == (("A1234/26",), (), 0, ())
    replaced = read_notice(NOTAM.format(kind="R A1234/26", lower="SFC", upper="UNL"), date(2026, 3, 1))
    assert (replaced.cancels, len(replaced.parts)) == (("A1234/26",), 1)


def test_the_heights_of_a_notam_that_are_upside_down_are_named() -> None:
    draft = read_notice(NOTAM.format(kind="N", lower="1000M AGL", upper="500M AGL"), date(2026, 3, 1))
    assert draft.parts[0].volume.band == Band()
    assert [s.text.strip() for s in draft.not_understood] == ["1000M AGL", "500M AGL"]
