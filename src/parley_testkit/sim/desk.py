"""Drafts that two officers release, by the product's own procedure (D9): read, signed, changed and let go.

A party has three officers with a key each; one of them goes by a second name, too. Drafts and signatures lie on the
desk, which no crash of the node takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from parley.errors import UsageError
from parley.procedure import outgoing
from parley.procedure.outgoing import Approval, Draft, ReleasePolicy
from parley.wire.assertion import Assertion
from parley.wire.statement import EVERYONE, Kind, Message, Precedence, Signed

if TYPE_CHECKING:
    from parley_testkit.sim.station import Station
    from parley_testkit.sim.world import World

OFFICERS: Final = (("first", "A"), ("second", "B"), ("third", "C"), ("second again", "B"))
"""The names that sign, each with the person whose key it is."""
POLICY: Final = ReleasePolicy(two_officers=frozenset({"text"}))
DRAFT: Final = "draft "
"""How the text of every message that two must release begins."""

Step = Sequence[Any]
"""After how many seconds, what is done, and by which of OFFICERS."""


@dataclass(slots=True)
class Paper:
    """A draft on the desk, and what each officer last read of it."""

    draft: Draft
    read: dict[int, Draft] = field(default_factory=dict)
    gone: bool = False
    """It was released, and is no longer on the desk."""


def begin(world: World, station: Station, n: int, author: int, to: int, steps: Sequence[Step]) -> None:
    """A draft is written; ``steps`` follow."""
    to &= (1 << len(world.stations)) - 1 & ~(1 << station.number)
    signed = Signed(station.chance.randbytes(16))
    message = Message(f"{DRAFT}{n} of {station.number}", "en", Precedence.IMMEDIATE, signed=signed)
    wall = station.clock.wall_s()
    line = world.membership.line
    draft = Draft(message, to or EVERYONE, OFFICERS[author][0], wall, 0, "operation", (), line, station.number)
    paper = Paper(draft)
    after = 0.0
    for wait, what, officer in steps:
        after += wait
        world.loop.after(after, _STEPS[what], world, station, paper, officer)


def _read(_world: World, _station: Station, paper: Paper, officer: int) -> None:
    paper.read[officer] = paper.draft


def _sign(world: World, station: Station, paper: Paper, officer: int) -> None:
    """Sign what was read last, which may not be the draft as it stands now."""
    name, person = OFFICERS[officer]
    read = paper.read.get(officer, paper.draft)
    hash_ = outgoing.draft_hash(read)
    key = sha256(f"{station.number}/{person}".encode()).digest()
    assertion = Assertion(key, bytes(37), b"{}", sha256(key + hash_).digest())
    world.oracle.releases.signed(station.number, key, read.message, read.to)
    try:
        paper.draft = outgoing.approve(paper.draft, Approval(name, hash_, station.clock.wall_s(), assertion))
    except UsageError:
        world.count("approval-refused")


def _change(world: World, _station: Station, paper: Paper, _officer: int) -> None:
    body = str(paper.draft.message.body) + " changed"
    world.count("draft-changed")
    paper.draft = outgoing.revised(paper.draft, replace(paper.draft.message, body=body), 0)


def _release(world: World, station: Station, paper: Paper, _officer: int) -> None:
    draft, wall = paper.draft, station.clock.wall_s()
    if paper.gone or not station.running:
        return
    try:
        outgoing.check_release(draft, [], "operation", wall, POLICY, keys=True)
    except UsageError:
        world.count("release-refused")
        return
    given = [a.assertion for a in outgoing.valid_approvals(draft, wall, POLICY) if a.assertion is not None]
    nonce = draft.message.signed.nonce if draft.message.signed is not None else bytes(16)
    message = replace(draft.message, signed=Signed(nonce, tuple(given)))
    paper.gone = True
    world.count("released")
    world.oracle.releases.released(station.number, message)
    station.submit(message.body, Kind.MESSAGE, message, draft.to)


_STEPS: Final = {"read": _read, "sign": _sign, "change": _change, "release": _release}
