"""Notices made at random read back as they were made, and any text gives a draft or the one error."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.errors import DecodeError
from parley.notices import grammar
from parley.notices.notice import read_notice
from parley.wire.geometry import Daily, Polygon, Position

ISSUED = date(2026, 3, 1)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
PLACES = st.lists(
    st.tuples(st.integers(-89 * 60, 89 * 60), st.integers(-179 * 60, 179 * 60)), min_size=3, max_size=12, unique=True
)
PIECES = st.sampled_from(
    (
        "1.",
        "2.",
        "A.",
        "B.",
        "0100Z",
        "312400Z",
        "1200-1300",
        "TO",
        "THRU",
        "DAILY",
        "SUNSET",
        "AND",
        "ALTERNATE",
        "EVERY",
        "MON",
        "31",
        "FEB",
        "MAR",
        "26",
        "WITHIN",
        "5NM",
        "OF",
        "RADIUS",
        "10-00N",
        "020-00E",
        "91-00N",
        "010000N0200000E",
        "N230636E1162812",
        "FL100",
        "BELOW",
        "UNTIL",
        "CANCEL",
        "THIS",
        "MSG",
        "NAVAREA",
        "IV",
        "12/26",
        "E)",
        "B)",
        "Q)",
        "(",
        ")",
        ".",
        ",",
        "-",
        "HEIGHT",
        "5000FT",
        "UNL",
        "\n",
        "WORD",
    )
)


def written(minutes: int, letters: str, width: int) -> str:
    whole, rest = divmod(abs(minutes), 60)
    return f"{whole:0{width}}-{rest:02}.00{letters[minutes < 0]}"


@settings(max_examples=25, deadline=None)
@given(
    places=PLACES,
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    first=st.integers(0, 300),
    length=st.integers(0, 25),
)
def test_a_generated_warning_reads_back(
    places: list[tuple[int, int]], start: int, end: int, first: int, length: int
) -> None:
    begin = ISSUED + timedelta(days=first)
    last = begin + timedelta(days=length)
    area = ", ".join(f"{written(lat, 'NS', 2)} {written(lon, 'EW', 3)}" for lat, lon in places)
    text = (
        f"010000Z MAR 26\nNAVAREA IV 12/26(11).\nSOME SEA.\n1. HAZARDOUS OPERATIONS {start // 60:02}{start % 60:02}Z"
        f" TO {end // 60:02}{end % 60:02}Z DAILY {begin.day:02} {MONTHS[begin.month - 1]} {begin.year % 100:02} THRU"
        f" {last.day:02} {MONTHS[last.month - 1]} {last.year % 100:02} IN AREA BOUND BY {area}.\n"
    )
    draft = read_notice(text, ISSUED)
    assert draft.not_understood == ()
    (part,) = draft.parts
    wanted = tuple(Position(round(lat * 1_000_000 / 60), round(lon * 1_000_000 / 60)) for lat, lon in places)
    assert part.volume.shapes == (Polygon(wanted),)
    epoch = date(1970, 1, 1)
    assert part.volume.times == (Daily((begin - epoch).days, (last - epoch).days, start, end),)


@settings(max_examples=40, deadline=None)
@given(
    head=st.sampled_from(["NAVAREA IV 12/26.\n1. ", "(A0001/26 NOTAMN\nE) ", ""]), words=st.lists(PIECES, max_size=40)
)
def test_any_text_gives_a_draft_or_the_one_error(head: str, words: list[str]) -> None:
    with contextlib.suppress(DecodeError):
        draft = read_notice(head + " ".join(words), ISSUED)
        assert all(draft.raw[s.start : s.end] == s.text for s in draft.not_understood)
        for part in draft.parts:
            part.volume.windows()


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_hostile_text_gives_a_draft_or_the_one_error(text: str) -> None:
    with contextlib.suppress(DecodeError):
        read_notice("NAVAREA IV 12/26.\n1. " + text, ISSUED)


@settings(max_examples=40, deadline=None)
@given(words=st.lists(PIECES, max_size=20))
def test_what_is_left_out_for_the_token_ahead_changes_no_reading(words: list[str]) -> None:
    text = " ".join(words)
    read, whole = grammar.parse_phrases(text), grammar._lark().parse(text)
    assert read == whole
    # Trees are equal by their words alone; where each phrase stands is compared as well.
    assert [(t.data, vars(t.meta)) for t in read.iter_subtrees()] == [
        (t.data, vars(t.meta)) for t in whole.iter_subtrees()
    ]
