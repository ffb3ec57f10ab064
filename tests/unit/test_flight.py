"""What a peer says it holds and lacks, and when what is on its way to it counts as lost (ADR 61)."""

from __future__ import annotations

from collections import deque

import pytest

from parley.errors import DecodeError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.limits import MAX_MISSING_TOLD
from parley.protocol.flight import Flight, Way
from parley.wire import cbor, parts
from parley.wire.parts import Held

LOG = LogId(MemberNumber(1), Incarnation(bytes(8)))


def test_what_is_listed_as_missing_is_not_held_and_the_rest_is() -> None:
    held = Held(LOG, 10, 3, (3, 6))
    assert [n for n in range(12) if held.holds(n)] == [0, 1, 2, 4, 5, 7, 8, 9]


def test_without_a_list_nothing_above_the_first_gap_is_known_to_be_held() -> None:
    assert [n for n in range(12) if Held(LOG, 10, 3).holds(n)] == [0, 1, 2]


def test_above_a_full_list_nothing_is_known() -> None:
    missing = tuple(range(3, 3 + 2 * MAX_MISSING_TOLD, 2))
    held = Held(LOG, 200, 3, missing)
    assert held.holds(missing[-1] - 1)
    assert not held.holds(missing[-1] + 1)


@pytest.mark.parametrize("missing", [[], [4], [3, 3], [3, 2], [3, 10], list(range(3, 4 + MAX_MISSING_TOLD)), ["3"]])
def test_a_list_that_is_none_is_refused(missing: list[object]) -> None:
    row = [2, [[1, bytes(8), 10, 3, missing]], [], [], b""]
    with pytest.raises(DecodeError) as caught:
        parts.decode(cbor.encode([row]))
    assert caught.value.code == "part-malformed"


def test_a_list_travels() -> None:
    have = parts.Have((Held(LOG, 10, 3, (3, 6)), Held(LOG, 4, 4)), (), ())
    assert parts.decode(parts.encode([have])) == (have,)


def test_a_payload_is_lost_once_its_counter_is_passed_and_it_is_not_there() -> None:
    way = Way(deque([Flight(b"ab", 5, 3, 2), Flight(b"ab", 9, 6, 5)]))
    assert not way.lost(Held(LOG, 0, 0), {b"ab": 4})  # on its way
    assert not way.lost(Held(LOG, 0, 0), {b"cd": 99})  # of another chain
    assert way.lost(Held(LOG, 0, 0), {b"ab": 5})
    assert not way.lost(Held(LOG, 3, 3), {b"ab": 8})  # the first arrived, the second is on its way
    assert way.lost(Held(LOG, 6, 3, (3, 5)), {b"ab": 9})
    assert not way.lost(Held(LOG, 6, 3, (3,)), {b"ab": 9})


def test_a_receipt_ends_what_it_covers() -> None:
    way = Way(deque([Flight(b"ab", 5, 3, 2), Flight(b"ab", 9, 6, 5)]))
    way.shown(2)
    assert len(way.flights) == 2
    way.shown(5)
    assert [f.known for f in way.flights] == [6]
