"""The check on whole activities: scenarios B1 to B5, and what a conflict says."""

from __future__ import annotations

import pytest

from parley.conflict.check import Activity, Conflict, Degree, Rules, changes, check, conflicts, controllers
from parley.conflict.volumes import Buffer, prepare_volume
from parley.geo.sphere import destination, distance_m
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Daily,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Time,
    Unit,
    Volume,
    Window,
    position,
)

HOUR = 3600
NIGHT = 1_443_823_200  # 2015-10-02 22:00 UTC
HOSPITAL = position(36 + 43 / 60 + 4.91 / 3600, 68 + 51 / 60 + 43.96 / 3600)
RULES = Rules(buffers={"strike": Buffer(1_000, 300, 600)}, set_distances={"strike": Buffer(500)})


def activity(
    name: str,
    shape: Shape,
    *times: Time,
    kind: str = "strike",
    band: Band = Band(),  # noqa: B008 - frozen
    own: bool = True,
    protected: bool = False,
    role: str = "",
) -> Activity:
    return Activity(name, kind, prepare_volume(Volume((shape,), band, times)), own, protected, role)


def clash(a: Activity, b: Activity, rules: Rules = RULES) -> Conflict:
    found, back = check(a, b, rules), check(b, a, rules)
    assert found is not None
    assert back is not None
    assert (back.degree, back.windows, back.doubts) == (found.degree, found.windows, found.doubts)
    assert back.metres == pytest.approx(found.metres, abs=0.01)
    return found


def hospital(shape: Shape = Point(HOSPITAL)) -> Activity:  # noqa: B008 - frozen
    return activity("hospital", shape, kind="site", own=False, protected=True)


def strike(name: str, metres: float) -> Activity:
    return activity(name, Point(destination(HOSPITAL, 90, metres)), Window(NIGHT, NIGHT + HOUR), role="fires")


def test_b4_a_strike_near_a_notified_hospital_is_blocking() -> None:
    """CON-9."""
    found = clash(strike("plan", 300), hospital())
    assert found.degree is Degree.BLOCKING
    assert (found.first, found.second) == ("plan", "hospital")
    assert found.metres == pytest.approx(300, abs=0.2)
    assert found.windows == (Window(NIGHT, NIGHT + HOUR),)
    assert found.doubts == ("height-unstated", "time-unstated")
    assert found.buffer.metres == 1_000


def test_b4_the_set_distance_is_held_to_the_metre() -> None:
    rules = Rules(set_distances={"strike": Buffer(500)})
    assert check(strike("plan", 499.5), hospital(), rules) is not None
    assert check(strike("plan", 500.6), hospital(), rules) is None
    # A class without a distance of its own has the general one.
    assert check(strike("plan", 499.5), hospital(), Rules()) is not None


def test_two_protected_places_do_not_block_one_another() -> None:
    other = activity("clinic", Point(HOSPITAL), kind="site", own=False, protected=True)
    assert clash(hospital(), other).degree is Degree.MEETS


def test_r62_a_diverted_plan_is_checked_again() -> None:
    planned, diverted = strike("plan", 9_000), strike("plan", 200)
    depot = activity("depot", Circle(destination(HOSPITAL, 90, 9_000), 50), kind="site", own=False)
    before = conflicts(planned, [hospital(), depot], RULES)
    after = conflicts(diverted, [hospital(), depot], RULES)
    found = changes(before, after)
    assert [c.second for c in found.new] == ["hospital"]
    assert [c.second for c in found.gone] == ["depot"]
    assert found.same == ()
    assert changes(after, after).same == after
    nearer = conflicts(activity("plan", Point(HOSPITAL), kind="walk"), [depot], RULES)
    assert changes((), nearer).new == nearer


def test_a_conflict_that_gets_worse_is_new() -> None:
    place = activity("other", Point(HOSPITAL), own=False)
    near, on = conflicts(strike("plan", 700), [place], RULES), conflicts(strike("plan", 0), [place], RULES)
    assert (near[0].degree, on[0].degree) == (Degree.NEAR, Degree.MEETS)
    assert changes(near, on).new == on
    assert changes(on, near).same == near


def test_b1_a_check_fire_goes_to_the_role_that_controls_the_strike() -> None:
    """CON-10."""
    own = [
        activity("west", Circle(destination(HOSPITAL, 270, 20_000), 1_000), Window(NIGHT, NIGHT + HOUR), role="west"),
        activity("far", Point(position(10, 10)), Window(NIGHT, NIGHT + HOUR), role="far"),
        strike("here", 3_000),
        activity("tomorrow", Point(HOSPITAL), Window(NIGHT + 24 * HOUR, NIGHT + 25 * HOUR), role="tomorrow"),
        activity("patrol", Point(destination(HOSPITAL, 0, 1_000)), role="patrol"),
    ]
    # The position that was called is 9 km off, as it was in 2016.
    call = prepare_volume(Volume((Point(destination(HOSPITAL, 270, 9_000)),)))
    found = controllers(call, NIGHT + 60, own, range_m=15_000, grace_s=1_800)
    assert [c.role for c in found] == ["patrol", "west", "fires"]
    assert found[1].metres == pytest.approx(10_000, abs=1)
    late = controllers(call, NIGHT + HOUR + 1_799, own, range_m=15_000, grace_s=1_800)
    assert [c.activity for c in late] == ["patrol", "west", "here"]
    assert [c.role for c in controllers(call, NIGHT + 2 * HOUR, own, range_m=15_000, grace_s=0)] == ["patrol"]


def test_b5_a_track_inside_a_convoys_corridor_and_window() -> None:
    route = (position(31.40, 34.36), position(31.42, 34.35), position(31.45, 34.38))
    convoy = activity("convoy", Corridor(route, 200), Window(NIGHT, NIGHT + 3 * HOUR), own=False, protected=True)
    middle = Position((route[1].lat + route[2].lat) // 2, (route[1].lon + route[2].lon) // 2)
    track = activity("track", Point(middle), Window(NIGHT + HOUR, NIGHT + HOUR + 600), kind="track")
    assert clash(track, convoy).degree is Degree.BLOCKING
    later = activity("track", Point(middle), Window(NIGHT + 4 * HOUR, NIGHT + 5 * HOUR), kind="track")
    assert check(later, convoy, RULES) is None


def test_b2_every_flight_in_the_box_within_the_window() -> None:
    coast = Polygon(tuple(position(*p) for p in ((35.2, 35.4), (35.8, 35.4), (35.8, 35.9), (35.2, 35.9))))
    notice = activity("notice", coast, Window(NIGHT, NIGHT + HOUR), kind="area", own=False)
    path = (position(35.0, 34.5), position(36.0, 36.5))
    inside = activity("il", Corridor(path, 5_000), Window(NIGHT - HOUR, NIGHT + 60), kind="flight")
    before = activity("early", Corridor(path, 5_000), Window(NIGHT - HOUR, NIGHT), kind="flight")
    south = activity("south", Corridor((position(33, 34), position(33, 36)), 5_000), Window(NIGHT, NIGHT + 60))
    assert [c.second for c in conflicts(notice, [inside, before, south, notice], Rules())] == ["il"]


def test_what_a_near_miss_says() -> None:
    def level(a: int, b: int) -> Band:
        return Band(*(Height(v, Unit.HUNDRED_FEET, Reference.FL) for v in (a, b)))

    a = activity("a", Circle(HOSPITAL, 2_000), Window(NIGHT, NIGHT + HOUR), band=level(100, 200))
    there = destination(HOSPITAL, 45, 4_800)
    b = activity("b", Circle(there, 2_000), Window(NIGHT + HOUR + 300, NIGHT + 2 * HOUR), band=level(205, 300))
    found = clash(a, b)
    assert found.degree is Degree.NEAR
    assert found.metres == pytest.approx(800, abs=1)
    assert found.vertical_m == pytest.approx(152.4)
    assert found.heights is None
    assert found.seconds == 300
    assert found.windows == ()
    assert found.doubts == ()
    assert distance_m(found.places[0].at, destination(HOSPITAL, 45, 2_400)) < 2
    # Each of the three keeps them apart when it is more than the buffer.
    for buffer in (Buffer(799, 300, 600), Buffer(1000, 152, 600), Buffer(1000, 300, 299)):
        assert check(a, b, Rules(buffer=buffer)) is None
        assert check(a, b, Rules(buffer=buffer | Buffer(801, 153, 300))) is not None


def test_what_a_meeting_says() -> None:
    a = activity("a", Circle(HOSPITAL, 2_000), Daily(16_700, 16_709, 600, 720), band=Band(None, Height(3_000)))
    b = activity("b", Circle(HOSPITAL, 500), Daily(16_705, 16_720, 660, 780), band=Band(Height(1_000), Height(5_000)))
    found = clash(a, b)
    assert found.degree is Degree.MEETS
    assert found.heights == Band(Height(1_000), Height(3_000))
    assert found.windows is not None
    assert len(found.windows) == 5
    assert found.places[0].reach_m <= 501 * 1.01
    # At all times when both are.
    assert clash(activity("a", Point(HOSPITAL)), activity("b", Point(HOSPITAL))).windows is None


def test_the_worst_comes_first() -> None:
    others = [activity("near", Point(destination(HOSPITAL, 0, 700)), own=False), hospital(), strike("on", 0)]
    found = conflicts(strike("plan", 0), others, RULES)
    assert [c.second for c in found] == ["hospital", "on", "near"]


def test_an_index_is_asked_with_the_widest_buffer() -> None:
    rules = Rules({"a": Buffer(1, 20, 3)}, Buffer(7, 0, 0), {"b": Buffer(2, 2, 9)}, Buffer(5, 1, 1))
    assert rules.widest() == Buffer(7, 20, 9)
