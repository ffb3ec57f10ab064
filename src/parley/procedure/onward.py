"""Did it reach those who act on it? Onward distribution, with its lights (R60, R61, B3, B5).

A notification stays "received" until each unit's role that it was passed on to has acknowledged it: by an entry of that
role, or by an officer's word "by telephone, at T", which is shown as such. Both sides see the same lights:

=======  ==============================================================================
light    when
=======  ==============================================================================
green    the unit's role acknowledged
white    it did not, and there is time
amber    it did not, and the effect is at most ``amber_s`` away (24 hours)
red      it did not, and the effect is at most ``red_s`` away (1 hour), or has begun
=======  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from parley.ids import EntryId
from parley.procedure.clocks import HOUR_S
from parley.procedure.facts import PassedOn, UnitAcknowledged


class Light(IntEnum):
    """How a unit's silence is shown, the worst highest."""

    GREEN = 0
    WHITE = 1
    AMBER = 2
    RED = 3


@dataclass(frozen=True, slots=True)
class OnwardPolicy:
    """Settings, in seconds before the effect."""

    amber_s: int = 24 * HOUR_S
    red_s: int = HOUR_S


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A unit's, at ``at`` (POSIX seconds)."""

    at: int
    by_telephone: bool


@dataclass(frozen=True, slots=True)
class Onward:
    """How far one notification came. Roles, no names: who they are is the party's own affair."""

    message: EntryId
    effect_at: int = 0
    """When it takes effect, POSIX seconds; 0 while nobody stated it."""
    units: Mapping[str, Acknowledgement | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OnwardReading:
    """The lights at one moment, and when one of them changes by itself (0: never).

    ``worst`` is that of a silent unit, too, where nobody was named to pass it on to.
    """

    lights: Mapping[str, Light]
    worst: Light
    next_change: int


def passed(onward: Onward, fact: PassedOn | UnitAcknowledged) -> Onward:
    """``onward`` with one more fact. The earliest effect and the first acknowledgement count, a signed one first."""
    match fact:
        case PassedOn(_, roles, effect_at):
            effect = min(onward.effect_at or effect_at, effect_at or onward.effect_at)
            return replace(onward, effect_at=effect, units={**dict.fromkeys(roles), **onward.units})
        case UnitAcknowledged(_, role, at, by_telephone):
            known = onward.units.get(role)
            said = Acknowledgement(at, by_telephone)
            if known is not None and (known.by_telephone, known.at) <= (said.by_telephone, said.at):
                return onward
            return replace(onward, units={**onward.units, role: said})


def lights(onward: Onward, now: int, policy: OnwardPolicy) -> OnwardReading:
    """How it is shown at ``now``, to both sides."""
    left = onward.effect_at - now
    silent = Light.WHITE
    change = onward.effect_at - policy.amber_s
    if onward.effect_at and left <= policy.amber_s:
        silent, change = Light.AMBER, onward.effect_at - policy.red_s
    if onward.effect_at and left <= policy.red_s:
        silent, change = Light.RED, 0
    found = {role: silent if said is None else Light.GREEN for role, said in onward.units.items()}
    worst = max(found.values(), default=silent)
    waits = worst is not Light.GREEN and onward.effect_at
    return OnwardReading(found, worst, change if waits else 0)
