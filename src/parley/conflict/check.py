"""Which activities clash: where, when and at what heights they meet, or by how much they miss.

Every error is an error toward conflict, and is told (``Conflict.doubts``). Requirements R58 to R62, scenarios B1 to B5;
spec/conflict.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import reduce
from operator import or_

from parley.conflict.areas import Place, places
from parley.conflict.heights import height_gap, shared
from parley.conflict.times import UNSTATED, common, time_gap, within
from parley.conflict.volumes import Buffer, Prepared
from parley.wire.geometry import Band, Window


class Degree(IntEnum):
    """How bad a conflict is."""

    NEAR = 0
    """Apart, but within the buffer of the two classes of activity."""
    MEETS = 1
    BLOCKING = 2
    """A planned activity within the set distance of a notified protected place (B4): not to go on unseen."""


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Something that takes up a volume: a plan of one's own, or what another party announced.

    ``kind`` is its class, by which buffers are chosen. ``protected`` marks a notified place or movement that must not
    be struck. ``role`` is the duty role that controls it, known for one's own.
    """

    id: str
    kind: str
    prepared: Prepared
    own: bool
    protected: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """A party's own settings: how near two activities may come.

    The buffer of a pair is the larger of the buffers of both classes. Between a protected place and an activity that is
    not protected, ``set_distance`` of the activity's class counts as well.
    """

    buffers: Mapping[str, Buffer] = field(default_factory=dict)
    buffer: Buffer = Buffer()  # noqa: RUF009 - frozen
    """Of classes that ``buffers`` does not name."""
    set_distances: Mapping[str, Buffer] = field(default_factory=dict)
    set_distance: Buffer = Buffer(500.0)  # noqa: RUF009
    """Of classes that ``set_distances`` does not name."""

    def between(self, a: Activity, b: Activity) -> Buffer:
        """How near ``a`` and ``b`` may come."""
        found = self.buffers.get(a.kind, self.buffer) | self.buffers.get(b.kind, self.buffer)
        if a.protected == b.protected:
            return found
        return found | self.set_distances.get((b if a.protected else a).kind, self.set_distance)

    def widest(self) -> Buffer:
        """No pair has a larger buffer: what an index is asked with."""
        return reduce(or_, (*self.buffers.values(), *self.set_distances.values()), self.buffer | self.set_distance)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two activities that meet, or come nearer than they may.

    ``metres``, ``vertical_m`` and ``seconds`` are by how much they miss over ground, in height and in time; 0 each
    where they do not. ``heights`` are those that they share, None when they miss in height. ``windows`` are when both
    are under way, None for always, empty when they miss in time. ``doubts`` are the codes of what could not be resolved
    and was taken for meeting: ``height-unstated``, ``height-agl``, ``height-flight-level``, ``time-unstated``.
    """

    first: str
    second: str
    degree: Degree
    places: tuple[Place, ...]
    """Nearest first; at least one."""
    metres: float
    vertical_m: float
    heights: Band | None
    seconds: int
    windows: tuple[Window, ...] | None
    doubts: tuple[str, ...]
    buffer: Buffer
    """What was held against them."""


@dataclass(frozen=True, slots=True)
class Controller:
    """An activity of one's own that is under way within range of a check-fire, and the role to tell."""

    activity: str
    role: str
    metres: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What a change of plan does: conflicts that are new or of a worse degree, that stay, and that are gone."""

    new: tuple[Conflict, ...]
    same: tuple[Conflict, ...]
    gone: tuple[Conflict, ...]


def check(a: Activity, b: Activity, rules: Rules) -> Conflict | None:
    """The conflict between ``a`` and ``b``; None when they are certainly farther apart than ``rules`` ask."""
    buffer = rules.between(a, b)
    if not within(a.prepared.spans, b.prepared.spans, buffer.seconds):
        return None
    heights = height_gap(a.prepared.levels, b.prepared.levels)
    if heights.metres > buffer.vertical_m:
        return None
    found = places(a.prepared.area, b.prepared.area, buffer.metres)
    if not found:
        return None
    windows = _windows(a.prepared, b.prepared)
    apart = found[0].metres > 0 or heights.metres > 0 or windows == ()
    degree = Degree.BLOCKING if a.protected != b.protected else Degree.NEAR if apart else Degree.MEETS
    unstated = (UNSTATED,) if not len(a.prepared.spans) or not len(b.prepared.spans) else ()
    return Conflict(
        first=a.id,
        second=b.id,
        degree=degree,
        places=found,
        metres=found[0].metres,
        vertical_m=heights.metres,
        heights=shared(a.prepared.band, b.prepared.band) if heights.metres == 0 else None,
        seconds=time_gap(a.prepared.spans, b.prepared.spans),
        windows=windows,
        doubts=(*heights.doubts, *unstated),
        buffer=buffer,
    )


def _windows(a: Prepared, b: Prepared) -> tuple[Window, ...] | None:
    if not len(a.spans) and not len(b.spans):
        return None
    return tuple(Window(start, end) for start, end in common(a.spans, b.spans).tolist())


def conflicts(activity: Activity, others: Iterable[Activity], rules: Rules) -> tuple[Conflict, ...]:
    """All conflicts of ``activity`` with ``others``, the worst first, then the nearest."""
    found = [c for other in others if other.id != activity.id and (c := check(activity, other, rules)) is not None]
    return tuple(sorted(found, key=lambda c: (-c.degree, c.metres, c.vertical_m, c.seconds)))


def changes(before: Iterable[Conflict], after: Iterable[Conflict]) -> Changes:
    """What a diverted or changed plan does to its conflicts (R62), matched by the activity on the other side."""
    old = {(c.first, c.second): c for c in before}
    new: list[Conflict] = []
    same: list[Conflict] = []
    for c in after:
        earlier = old.pop((c.first, c.second), None)
        (new if earlier is None or earlier.degree < c.degree else same).append(c)
    return Changes(tuple(new), tuple(same), tuple(old.values()))


def controllers(
    call: Prepared, at: int, own: Iterable[Activity], *, range_m: float, grace_s: int
) -> tuple[Controller, ...]:
    """Whom a check-fire received at ``at`` (POSIX seconds) goes straight to, the nearest first (B1, B4).

    Those who control an activity within ``range_m`` metres that is under way, or was planned to be within ``grace_s``
    seconds: activities begin early and overrun. Heights are left aside. Who calls may be wrong about the place: when
    none is found the call is still everybody's.
    """
    found = []
    for activity in own:
        spans = activity.prepared.spans
        if len(spans) and not ((spans[:, 0] - grace_s <= at) & (at < spans[:, 1] + grace_s)).any():
            continue
        near = places(call.area, activity.prepared.area, range_m)
        if near:
            found.append(Controller(activity.id, activity.role, near[0].metres))
    return tuple(sorted(found, key=lambda c: c.metres))
