"""Onward distribution. B3, B5, R60, R61."""

from __future__ import annotations

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.facts import PassedOn, UnitAcknowledged
from parley.procedure.onward import Acknowledgement, Light, Onward, OnwardPolicy, lights, passed

ENTRY = EntryId(LogId(MemberNumber(1), Incarnation(bytes(8))), 3)
H = 3600
T = 1_000_000
P = OnwardPolicy()
START = passed(Onward(ENTRY), PassedOn(ENTRY, ("early-warning", "air"), T))


@pytest.mark.parametrize(
    ("now", "light", "change"),
    [
        (T - 24 * H - 1, Light.WHITE, T - 24 * H),
        (T - 24 * H, Light.AMBER, T - H),
        (T - H - 1, Light.AMBER, T - H),
        (T - H, Light.RED, 0),
        (T + 99, Light.RED, 0),
    ],
)
def test_while_a_unit_is_silent_it_is_amber_a_day_and_red_an_hour_before(now: int, light: Light, change: int) -> None:
    heard = passed(START, UnitAcknowledged(ENTRY, "air", T - 48 * H, by_telephone=False))
    found = lights(heard, now, P)
    assert found.lights == {"early-warning": light, "air": Light.GREEN}
    assert (found.worst, found.next_change) == (light, change)


def test_when_all_acknowledged_nothing_waits() -> None:
    heard = START
    for role in START.units:
        heard = passed(heard, UnitAcknowledged(ENTRY, role, T - 5, by_telephone=True))
    assert (lights(heard, T, P).worst, lights(heard, T, P).next_change) == (Light.GREEN, 0)


def test_by_telephone_is_kept_apart_and_a_signed_word_goes_before_it() -> None:
    phone = UnitAcknowledged(ENTRY, "air", T - 50, by_telephone=True)
    signed = UnitAcknowledged(ENTRY, "air", T - 5, by_telephone=False)
    for order in ((phone, signed), (signed, phone)):
        heard = START
        for fact in order:
            heard = passed(heard, fact)
        assert heard.units["air"] == Acknowledgement(T - 5, by_telephone=False)
    assert passed(START, phone).units["air"] == Acknowledgement(T - 50, by_telephone=True)


def test_the_earliest_effect_counts_and_no_unit_is_lost() -> None:
    heard = passed(START, UnitAcknowledged(ENTRY, "air", T - 5, by_telephone=False))
    more = passed(passed(heard, PassedOn(ENTRY, ("air", "navy"), T - 99)), PassedOn(ENTRY, (), 0))
    assert (more.effect_at, set(more.units)) == (T - 99, {"early-warning", "air", "navy"})
    assert more.units["air"] is not None


def test_without_units_or_an_effect_it_stays_received() -> None:
    assert lights(Onward(ENTRY), T, P).worst is Light.WHITE
    nobody = passed(Onward(ENTRY), PassedOn(ENTRY, (), T))
    assert lights(nobody, T, P).worst is Light.RED, "received, and passed on to nobody"
    unknown = passed(Onward(ENTRY), PassedOn(ENTRY, ("air",), 0))
    assert (lights(unknown, T, P).worst, lights(unknown, T, P).next_change) == (Light.WHITE, 0)
