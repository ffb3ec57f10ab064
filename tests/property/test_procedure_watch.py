"""The watch is what its log says, read at once or after a restart. R41, R60, D7."""

from __future__ import annotations

import random
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.errors import UsageError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure import watch as w
from parley.procedure.clocks import Stage
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.facts import PassedOn, UnitAcknowledged
from parley.procedure.onward import Onward, OnwardPolicy, lights, passed
from parley.procedure.watch import OpenItem, Watch, WatchFact, WatchPolicy

SOUTH = MemberNumber(1)
ENTRIES = st.integers(0, 3).map(lambda i: EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), i))
ROLES = st.sampled_from(["watch", "air"])
OFFICERS = st.sampled_from(["N1", "N2", "N3"])
ITEMS = [OpenItem("message", "south-0000-3", "unread")]
HASHES = st.just(w.summary_hash(ITEMS)) | st.just(bytes(32))
T = 1_000_000_000
TIMES = st.integers(T, T + 200_000)
FACTS: st.SearchStrategy[WatchFact] = st.one_of(
    st.builds(w.Rostered, ROLES, OFFICERS, TIMES, TIMES),
    st.builds(w.Offered, ROLES, OFFICERS, HASHES, TIMES),
    st.builds(w.Relieved, ROLES, OFFICERS, HASHES, TIMES),
    st.builds(w.Took, ROLES, OFFICERS, HASHES, TIMES),
    st.builds(w.AlarmAcknowledged, ENTRIES, OFFICERS, TIMES),
    st.builds(w.Muted, ENTRIES, OFFICERS, st.just("flood"), TIMES, TIMES),
    st.builds(w.Noted, OFFICERS, st.text(max_size=5), TIMES),
    st.builds(Escalated, ENTRIES, st.just(SOUTH), st.just(Stage.UNREAD), st.sampled_from(Rung), ROLES, TIMES),
)


def entered(state: Watch, log: list[WatchFact], fact: WatchFact) -> Watch:
    """As the application does it: checked, put in the log, applied."""
    try:
        w.check(state, fact, lambda: ITEMS, WatchPolicy())
    except UsageError:
        return state
    log.append(fact)
    return w.apply(state, fact)


@settings(max_examples=100)
@given(st.lists(FACTS, max_size=25), st.integers(0, 25))
def test_a_restart_changes_nothing(facts: list[WatchFact], cut: int) -> None:
    log: list[WatchFact] = []
    before = reduce(lambda s, f: entered(s, log, f), facts[:cut], Watch())
    again = reduce(w.apply, log, Watch())
    assert again == before
    whole = reduce(lambda s, f: entered(s, log, f), facts[cut:], again)
    assert reduce(w.apply, log, Watch()) == whole


@settings(max_examples=100)
@given(st.lists(FACTS, max_size=25))
def test_a_role_that_was_once_taken_is_never_without_an_officer(facts: list[WatchFact]) -> None:
    state, log = Watch(), list[WatchFact]()
    held: set[str] = set()
    for fact in facts:
        state = entered(state, log, fact)
        assert held <= set(state.duties)
        held = set(state.duties)
        for role, offer in state.offers.items():
            assert state.duties[role].officer == offer.officer, "only who has the watch hands it over"


UNITS = st.sampled_from(["air", "navy", "early-warning"])
ONWARD = st.lists(
    st.builds(PassedOn, ENTRIES, st.lists(UNITS, max_size=3).map(tuple), st.just(0) | TIMES)
    | st.builds(UnitAcknowledged, ENTRIES, UNITS, TIMES, st.booleans()),
    max_size=10,
)


@settings(max_examples=100)
@given(ONWARD, TIMES, st.randoms(use_true_random=False))
def test_both_sides_see_the_same_lights_in_whatever_order_the_entries_came(
    facts: list[PassedOn | UnitAcknowledged], now: int, chance: random.Random
) -> None:
    entry = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 0)
    shuffled = facts + facts[:2]
    chance.shuffle(shuffled)
    one, other = reduce(passed, facts, Onward(entry)), reduce(passed, shuffled, Onward(entry))
    assert one == other
    found = lights(one, now, OnwardPolicy())
    if found.next_change:
        assert found.next_change > now
        before, after = (lights(one, found.next_change - s, OnwardPolicy()) for s in (1, 0))
        assert (before.lights, before.worst) == (found.lights, found.worst)
        assert after.worst > found.worst
