"""Each way in which real notices state areas, times, heights and ends, one by one (docs/reference/notices.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from parley.notices.draft import NoticeDraft, Part
from parley.notices.notice import read_notice
from parley.wire.geometry import Band, Circle, Corridor, Height, Polygon, Reference, Unit, Window, position

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
