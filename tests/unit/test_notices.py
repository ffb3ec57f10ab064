"""Real navigational warnings and NOTAMs, read as a navigator reads them. R67, C9."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib import resources

import pytest

from parley.errors import DecodeError
from parley.notices.draft import NoticeDraft, NoticeKind
from parley.notices.notice import read_notice
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Daily,
    Height,
    Point,
    Polygon,
    Reference,
    Unit,
    Window,
    position,
)

TODAY = date(2026, 3, 1)


def real(name: str) -> NoticeDraft:
    text = resources.files("parley.app").joinpath("demo_data", f"{name}.txt").read_text("utf-8")
    draft = read_notice(text, TODAY)
    assert read_notice(text, date(2029, 11, 23)) == draft, "whenever it is read"
    return draft


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def day(*when: int) -> int:
    return at(*when) // 86400


def window(start: tuple[int, ...], end: tuple[int, ...]) -> Window:
    return Window(at(*start), at(*end))


def ring(*places: tuple[float, float]) -> Polygon:
    return Polygon(tuple(position(lat, lon) for lat, lon in places))


def dm(degrees: int, minutes: float) -> float:
    return degrees + minutes / 60


def dms(degrees: int, minutes: int, seconds: int) -> float:
    return degrees + minutes / 60 + seconds / 3600


def test_two_areas_with_daily_windows_across_midnight() -> None:
    draft = real("hydroarc-34-26")
    assert (draft.kind, draft.series, draft.number) == (NoticeKind.WARNING, "HYDROARC", "34/26")
    assert draft.regions == ("NORWEGIAN SEA", "NORWAY")
    assert draft.charts == ("DNC 21", "DNC 22")
    assert draft.subject == "HAZARDOUS OPERATIONS, ROCKET LAUNCHING"
    first, second = draft.parts
    assert (first.label, second.label) == ("A", "B")
    assert first.volume.shapes == (
        ring(
            (71 + 1 / 60, 11.9), (69.75, dm(14, 19)), (dm(70, 10), 16.35), (dm(70, 40), dm(16, 53)), (71.35, dm(16, 5))
        ),
    )
    assert len(second.volume.shapes[0].ring) == 4  # type: ignore[union-attr]
    assert first.volume.times == (Daily(day(2026, 3, 6), day(2026, 3, 15), 19 * 60 + 30, 60),)
    assert first.volume.windows()[0] == window((2026, 3, 6, 19, 30), (2026, 3, 7, 1, 0))
    assert draft.cancels_itself == at(2026, 3, 16, 2, 0)
    assert draft.not_understood == ()


def test_days_of_the_week_lists_of_windows_and_sunset_computed_for_the_area() -> None:
    draft = real("hydrolant-237-26")
    assert draft.issued == at(2026, 2, 3, 17, 44)
    (part,) = draft.parts
    assert part.computed == ("SUNSET",)
    windows = part.volume.windows()
    # The third of February 2026 is a Tuesday; the notice speaks of Wednesday to Saturday.
    assert {datetime.fromtimestamp(w.start, UTC).weekday() for w in windows} == {2, 3, 4, 5}
    assert windows[0].start == at(2026, 2, 4, 5, 30)
    days = {datetime.fromtimestamp(w.start, UTC).date() for w in windows}
    assert max(d for d in days if d < date(2026, 8, 1)) == date(2026, 6, 13)
    assert min(d for d in days if d > date(2026, 8, 1)) == date(2026, 9, 16)
    assert max(days) == date(2026, 12, 31)
    # Sunset at 36 N 24 E: between 1510Z in December and 1755Z in June.
    ends = [w.end % 86400 // 60 for w in windows]
    assert 15 * 60 + 5 <= min(ends) < max(ends) <= 18 * 60
    assert draft.cancels_itself == at(2027, 1, 1, 0, 1)
    assert draft.not_understood == ()


def test_one_window_alternates_and_the_cancelling_of_another_notice() -> None:
    draft = real("navarea-iv-1178-22")
    assert (draft.series, draft.number) == ("NAVAREA IV", "1178/22")
    assert draft.cancels == ("NAVAREA IV 1165/22",)
    assert draft.authority == "EASTERN RANGE 0/22 072203Z NOV 22"
    a, b = draft.parts
    assert a.volume.times == (
        window((2022, 11, 12, 16, 6), (2022, 11, 12, 18, 54)),
        window((2022, 11, 13, 16, 6), (2022, 11, 13, 18, 54)),
        Daily(day(2022, 11, 14), day(2022, 11, 18), 16 * 60 + 7, 18 * 60 + 54),
    )
    assert a.alternates == {1, 2}
    assert b.volume.times == a.volume.times
    assert a.volume.shapes == (
        ring((dm(28, 39.92), -dm(80, 38.33)), (dm(28, 40), -dm(79, 44)), (dm(28, 28), -dm(79, 40)),
             (dm(28, 29.97), -dm(80, 32.29))),
    )  # fmt: skip
    assert len(b.volume.shapes[0].ring) == 6  # type: ignore[union-attr]
    assert draft.not_understood == ()


def test_alternate_daily_windows() -> None:
    (part,) = real("navarea-iv-207-26").parts
    assert part.volume.times == (
        window((2026, 3, 10, 3, 4), (2026, 3, 10, 6, 36)),
        Daily(day(2026, 3, 11), day(2026, 3, 16), 3 * 60 + 4, 6 * 60 + 36),
    )
    assert part.alternates == {1}


def test_a_closed_ring_with_the_hemisphere_first_from_ground_to_unlimited() -> None:
    draft = real("notam-a4703-26")
    (part,) = draft.parts
    corners = [
        ((23, 6, 36), (116, 28, 12)),
        ((23, 40, 42), (117, 44, 25)),
        ((23, 30, 12), (117, 49, 57)),
        ((22, 58, 20), (116, 32, 32)),
    ]
    assert part.volume.shapes == (ring(*((dms(*lat), dms(*lon)) for lat, lon in corners)),)
    assert part.volume.band == Band()
    assert part.volume.times == (window((2026, 9, 17, 23, 30), (2026, 9, 18, 3, 30)),)
    assert draft.fir == ("ZGZU", "ZSHA")
    assert draft.qualifiers == "QRTCA/IV/BO/W"
    assert len(draft.warnings) == 1, "the text names another height"


def test_metres_above_sea_level_and_a_circle_in_kilometres() -> None:
    draft = real("notam-q1233-25")
    (part,) = draft.parts
    assert part.volume.shapes == (Circle(position(61 + 28 / 60, 40.25), 5000),)
    assert part.volume.band == Band(None, Height(150, Unit.METRE, Reference.AMSL))
    (triangle,) = real("notam-q0338-25").parts
    assert len(triangle.volume.shapes[0].ring) == 3  # type: ignore[union-attr]
    assert triangle.volume.band.upper == Height(100, Unit.METRE, Reference.AMSL)


def warning(text: str) -> NoticeDraft:
    return read_notice(f"010000Z MAR 26\nNAVAREA II 1/26.\nSEA.\n1. {text}\n", TODAY)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("GUNNERY 0100Z TO 0200Z DAILY 30 MAR THRU 02 APR", (Daily(day(2026, 3, 30), day(2026, 4, 2), 60, 120),)),
        ("GUNNERY 312200Z MAR TO 010400Z APR", (window((2026, 3, 31, 22, 0), (2026, 4, 1, 4, 0)),)),
        ("GUNNERY 0100Z TO 2400Z DAILY 05 MAR", (Daily(day(2026, 3, 5), day(2026, 3, 5), 60, 1440),)),
        ("GUNNERY 0100Z TO 0200Z DAILY 28 DEC THRU 03 JAN", (Daily(day(2026, 12, 28), day(2027, 1, 3), 60, 120),)),
        (
            "GUNNERY 0100Z TO 0200Z DAILY EVERY MONDAY AND 05 THRU 20 MAR",
            (Daily(day(2026, 3, 5), day(2026, 3, 20), 60, 120, 1),),
        ),
    ],
)
def test_times_across_months_and_years(text: str, times: tuple[object, ...]) -> None:
    (part,) = warning(f"{text} IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E.").parts
    assert part.volume.times == times


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("WITHIN 2NM OF 10-00N 020-00E", Circle(position(10, 20), 3704)),
        (
            "2NM RADIUS CENTRED ON 483052N 0092008E",
            Circle(position(48 + 30 / 60 + 52 / 3600, 9 + 20 / 60 + 8 / 3600), 3704),
        ),
        ("CIRCLE RADIUS 5KM CENTRE 10-00S 020-00W", Circle(position(-10, -20), 5000)),
        ("AT 10-00N 020-00E", Point(position(10, 20))),
        (
            "WITHIN 5 MILES OF LINE JOINING 10-00N 020-00E, 11-00N 020-30E",
            Corridor((position(10, 20), position(11, 20.5)), 9260),
        ),
        ("10-00N 179-00E, 11-00N 179-00W, 12-00N 179-30E", ring((10, 179), (11, -179), (12, 179.5))),
    ],
)
def test_shapes(text: str, shape: object) -> None:
    (part,) = warning(f"FIRING 011200Z TO 011400Z APR IN AREA {text}.").parts
    assert part.volume.shapes == (shape,)


def test_what_is_not_understood_is_named_and_never_guessed() -> None:
    draft = warning(
        "FIRING 311200Z TO 311400Z APR IN AREA 10-00N 020-00E, 11-00N 020-00E, 10-75N 021-00E. WIDE BERTH REQUESTED."
    )
    named = [span.text for span in draft.not_understood]
    assert "311200Z TO 311400Z APR" in named, "April has thirty days"
    assert any("10-75N" in text for text in named), "seventy-five minutes"
    assert any("WIDE BERTH REQUESTED" in text for text in named)
    assert all(draft.raw[s.start : s.end] == s.text for s in draft.not_understood)


def test_an_hour_that_is_none_leaves_the_day_of_issue_open() -> None:
    draft = read_notice("005000Z MAR 26\nNAVAREA II 1/26.\nSEA.\n1. GUNNERY 0100Z TO 0200Z DAILY 05 MAR.\n", TODAY)
    assert draft.issued == 0


@pytest.mark.parametrize(
    "when", ["SUNSET TO SUNRISE DAILY 30 THRU 31 DEC 9999", "312200Z DEC 9999 TO 312300Z DEC 9999"]
)
def test_a_year_at_the_end_of_the_calendar_is_named_as_not_understood(when: str) -> None:
    draft = warning(f"GUNNERY {when} IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E.")
    assert any("9999" in span.text for span in draft.not_understood)


def test_an_area_without_a_time_counts_as_always() -> None:
    draft = warning("FIRING IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E.")
    assert draft.parts[0].volume.times == ()
    assert draft.warnings


def notam(items: str) -> NoticeDraft:
    return read_notice(f"(A0001/26 NOTAMN\n{items})", TODAY)


def test_a_schedule_a_cancellation_and_a_q_line_alone() -> None:
    draft = notam(
        "Q)EDGG/QRTCA/IV/BO/W/000/100/4830N00920E002 A)EDGG B)2604010000 C)2604302359 D)DAILY 0700-1300 E)FIRING"
    )
    (part,) = draft.parts
    assert part.volume.shapes == (Circle(position(48.5, 9 + 20 / 60), 3704),)
    assert part.volume.times == (Daily(day(2026, 4, 1), day(2026, 4, 30), 420, 780),)
    assert part.computed == ("the area of the Q-line",)
    ended = read_notice("A0002/26 NOTAMC A0001/26\nA)EDGG B)2604010000 E)CANCELLED", TODAY)
    assert (ended.kind, ended.cancels) == (NoticeKind.NOTAM_CANCEL, ("A0001/26",))


@pytest.mark.parametrize("text", ["", "hello", "1. NOTHING", "(A0001/26 NOTAMX"])
def test_what_is_no_notice_is_refused(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_notice(text, TODAY)
    assert caught.value.code == "notice-malformed"


def test_the_size_is_bounded() -> None:
    with pytest.raises(DecodeError) as caught:
        read_notice("A" * 40_000, TODAY)
    assert caught.value.code == "notice-too-large"


def test_a_warning_without_numbered_paragraphs() -> None:
    draft = read_notice(
        "NAVAREA II 9/26.\nSOME SEA.\nFIRING 011200Z TO 011400Z APR WITHIN 2NM OF 10-00N 020-00E.", TODAY
    )
    assert draft.regions == ("SOME SEA",)
    assert draft.parts[0].volume.times == (window((2026, 4, 1, 12, 0), (2026, 4, 1, 14, 0)),)
