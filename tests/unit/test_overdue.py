"""When a movement is silent, and a place to be confirmed (R63, R70): by the clock alone."""

from __future__ import annotations

import pytest

from parley.app.announced import Notice
from parley.app.overdue import Silence, confirm_by, silence
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire.geometry import Window

HOUR = 3600
WINDOWS = [Window(10 * HOUR, 14 * HOUR), Window(20 * HOUR, 22 * HOUR)]


@pytest.mark.parametrize(
    ("now", "last", "silent"),
    [
        (9 * HOUR, 0, False),
        (10 * HOUR + 1800, 0, False),
        (10 * HOUR + 1801, 0, True),
        (12 * HOUR, 11 * HOUR + 1800, False),
        (12 * HOUR + 1, 11 * HOUR + 1800, True),
        (15 * HOUR, 11 * HOUR, False),
        (21 * HOUR, 13 * HOUR, True),
    ],
)
def test_a_movement_is_silent_while_it_is_under_way_and_does_not_report(now: int, last: int, silent: bool) -> None:
    found = silence(WINDOWS, last, 1800, now)
    assert found is not None
    assert found.now(now) is silent


def test_what_is_over_is_not_silent() -> None:
    assert silence(WINDOWS, 0, 1800, 22 * HOUR) is None
    assert silence([], 0, 1800, 0) is None
    assert silence(WINDOWS, 13 * HOUR, 1800, 15 * HOUR) == Silence(20 * HOUR + 1800, 20 * HOUR, 22 * HOUR)


def test_a_place_is_confirmed_again_before_its_validity_is_over() -> None:
    author = MemberNumber(0)
    entry = EntryId(LogId(author, Incarnation(bytes(8))), 0)
    notice = Notice("a", entry, author, 0, "site", confirmed=HOUR)
    assert confirm_by(notice, 90) == HOUR + 90 * 86_400
    notice.valid = Window(0, 2 * HOUR)
    assert confirm_by(notice, 90) == 2 * HOUR
