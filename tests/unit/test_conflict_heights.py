"""Bands with different references, and windows of time."""

from __future__ import annotations

import numpy as np
import pytest

from parley.conflict.heights import height_gap, levels, shared
from parley.conflict.times import MAX_WINDOWS, common, spans, time_gap, within
from parley.errors import DecodeError
from parley.wire.geometry import Band, Daily, Height, Reference, Time, Unit, Window

DAY = 86_400
HOUR = 3_600


def feet(value: int) -> Height:
    return Height(value, Unit.FOOT)


def agl(value: int) -> Height:
    return Height(value, Unit.METRE, Reference.AGL)


def level(value: int) -> Height:
    return Height(value, Unit.HUNDRED_FEET, Reference.FL)


def gap(a: Band, b: Band) -> tuple[object, object]:
    found = height_gap(levels(a), levels(b))
    assert height_gap(levels(b), levels(a)).metres == found.metres
    return found.metres, found.doubts


def test_one_reference_is_compared_as_stated() -> None:
    """CON-6."""
    assert gap(Band(feet(0), feet(1000)), Band(feet(2000), feet(3000))) == (pytest.approx(304.8), ())
    assert gap(Band(level(100), level(200)), Band(level(210), level(300))) == (pytest.approx(304.8), ())
    assert gap(Band(agl(0), agl(100)), Band(agl(150), agl(300))) == (50, ())
    assert gap(Band(feet(0), feet(3281)), Band(Height(1000), Height(2000)))[0] == 0
    assert gap(Band(feet(0), feet(3280)), Band(Height(1000), Height(2000)))[0] == pytest.approx(0.256)


def test_bands_that_touch_meet() -> None:
    assert gap(Band(level(100), level(200)), Band(level(200), level(300))) == (0, ())


def test_a_bound_that_is_not_stated_is_open_and_says_so() -> None:
    """CON-6 and CON-7."""
    assert gap(Band(), Band(feet(30_000), feet(40_000))) == (0, ("height-unstated",))
    assert gap(Band(None, feet(1000)), Band(feet(2000), feet(3000))) == (pytest.approx(304.8), ("height-unstated",))
    assert gap(Band(feet(2000), None), Band(feet(5000), None)) == (0, ("height-unstated",))


def test_above_ground_without_terrain_is_anywhere_between_the_lowest_and_the_highest_ground() -> None:
    # 100 m above ground may be as high as 8,950 m above the sea ...
    assert gap(Band(agl(0), agl(100)), Band(Height(8_950), Height(9_500))) == (0, ("height-agl",))
    # ... and no higher.
    assert gap(Band(agl(0), agl(100)), Band(Height(8_960), Height(9_500))) == (10, ("height-agl",))
    assert gap(Band(agl(1_000), agl(2_000)), Band(Height(0), Height(500))) == (70, ("height-agl",))


def test_a_flight_level_is_where_the_weather_puts_it() -> None:
    # FL 300 is 9,144 m in standard air; 7,022 m in the lowest pressure and the coldest air allowed for.
    assert gap(Band(level(300), level(400)), Band(Height(0), Height(7_100))) == (0, ("height-flight-level",))
    assert gap(Band(level(300), level(400)), Band(Height(0), Height(7_000)))[0] == pytest.approx(22.4)
    assert gap(Band(level(0), level(100)), Band(Height(3_900), Height(5_000)))[0] == pytest.approx(36.24)
    assert gap(Band(level(10), level(20)), Band(agl(0), agl(100)))[1] == ("height-agl", "height-flight-level")


def test_a_band_upside_down_is_refused() -> None:
    for band in (Band(feet(2000), feet(1000)), Band(level(400), feet(1000))):
        with pytest.raises(DecodeError) as caught:
            levels(band)
        assert caught.value.code == "band-inverted"
    levels(Band(level(30), feet(2500)))


def test_the_heights_that_both_share() -> None:
    assert shared(Band(feet(0), feet(5000)), Band(feet(2000), None)) == Band(feet(2000), feet(5000))
    assert shared(Band(), Band()) == Band()
    assert shared(Band(level(100), level(300)), Band(level(200), level(400))) == Band(level(200), level(300))
    # The levels cannot be told apart: what leaves the more in common stands.
    assert shared(Band(level(100), level(300)), Band(Height(3_000), Height(4_000))) == Band(level(100), level(300))


# -- times ---------------------------------------------------------------------------------------------


def windows(*times: Time) -> list[list[int]]:
    found: list[list[int]] = spans(times).tolist()
    return found


def test_windows_are_sorted_and_joined() -> None:
    assert windows(Window(50, 60), Window(0, 10), Window(10, 20), Window(5, 8)) == [[0, 20], [50, 60]]
    assert windows() == []


def test_daily_windows_are_those_of_the_form() -> None:
    # 22:00 to 02:00 over the end of February, on Fridays and Saturdays.
    daily = Daily(20_870, 20_890, 22 * 60, 2 * 60, 0b0110000)
    assert windows(daily) == [[w.start, w.end] for w in daily.windows()]
    assert len(windows(daily)) == 6
    assert windows(Daily(0, 3, 0, 0)) == [[0, 4 * DAY]]


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ((Window(10, 10),), "time-empty"),
        ((Window(10, 5),), "time-empty"),
        ((Daily(4, 4, 0, 60, 0b1000000),), "time-empty"),
        (tuple(Daily(0, 365, m, m + 1) for m in range(0, 60, 2)), "time-many"),
    ],
)
def test_times_that_hold_nothing_or_too_much_are_refused(times: tuple[Time, ...], code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        spans(times)
    assert caught.value.code == code
    assert MAX_WINDOWS == 10_000


def test_two_daily_patterns_meet_where_their_hours_and_days_do() -> None:
    """CON-8."""
    nights = spans((Daily(0, 364, 22 * 60, 4 * 60),))
    mornings = spans((Daily(0, 364, 3 * 60, 5 * 60, 0b0000001),))
    both = common(nights, mornings)
    assert len(both) == 52  # an hour each Monday
    assert set((both[:, 1] - both[:, 0]).tolist()) == {HOUR}
    assert within(nights, mornings, 0)
    late = spans((Daily(0, 364, 4 * 60, 5 * 60),))
    assert not within(nights, late, 0)  # one ends as the other begins
    assert within(nights, late, 1)
    assert time_gap(nights, late) == 0
    assert time_gap(mornings, spans((Daily(0, 364, 6 * 60, 7 * 60),))) == HOUR


def test_always_meets_everything() -> None:
    always, once = spans(()), spans((Window(10, 20),))
    assert within(always, once, 0)
    assert within(once, always, 0)
    assert time_gap(always, once) == 0
    assert common(always, once).tolist() == common(once, always).tolist() == [[10, 20]]


def test_windows_far_apart() -> None:
    a, b = spans((Window(0, 10), Window(100, 110))), spans((Window(40, 50), Window(200, 210)))
    assert time_gap(a, b) == time_gap(b, a) == 30
    assert common(a, b).shape == (0, 2)
    assert within(a, b, 30)
    assert not within(a, b, 29)


def test_times_agree_with_counting_minutes() -> None:
    draw = np.random.default_rng(5)
    for _ in range(200):
        sets, minutes = [], []
        for _side in range(2):
            starts = draw.integers(0, 200, 6)
            rows = [(int(s), int(s + n)) for s, n in zip(starts, draw.integers(1, 20, 6), strict=True)]
            sets.append(spans(tuple(Window(*r) for r in rows)))
            minutes.append({m for a, b in rows for m in range(a, b)})
        both = minutes[0] & minutes[1]
        found = [m for a, b in common(*sets).tolist() for m in range(a, b)]
        assert found == sorted(both)
        assert within(sets[0], sets[1], 0) == bool(both)
        apart = min(max(a - b - 1, b - a - 1) for a in minutes[0] for b in minutes[1])
        assert time_gap(*sets) == max(apart, 0)
