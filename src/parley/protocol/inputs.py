"""What goes into a step of the core, and what comes out of it.

Inputs are what happened; nothing here is trusted because of its type. ``Output`` is released by the node
only after its ``changes`` are durable (D7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from parley.errors import ParleyError
from parley.ids import EntryId, LogId, MemberNumber
from parley.protocol.rows import Change
from parley.wire.statement import EVERYONE, Kind, Mark, Message


@dataclass(frozen=True, slots=True)
class Now:
    """Both clocks of this machine at the moment of the step (D8). ``wall`` POSIX seconds, ``boot`` seconds."""

    wall: int
    boot: float


@dataclass(frozen=True, slots=True)
class Submit:
    """An officer's act becomes an entry. ``token`` comes back in Written or Rejected."""

    kind: Kind
    content: Message | Mark
    to: int = EVERYONE
    token: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that arrived by a bearer, from whoever."""

    datagram: bytes
    bearer: str = ""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """``bearer`` can reach ``peer`` now."""

    bearer: str
    peer: MemberNumber
    mtu: int
    round_trip_s: float = 0.1
    bits_per_second: int = 0
    one_way: bool = False
    cost: int = 0


@dataclass(frozen=True, slots=True)
class LinkDown:
    """``bearer`` can no longer reach ``peer``."""

    bearer: str
    peer: MemberNumber


@dataclass(frozen=True, slots=True)
class Ready:
    """``bearer`` takes another datagram for ``peer``."""

    bearer: str
    peer: MemberNumber


@dataclass(frozen=True, slots=True)
class Busy:
    """``bearer`` takes no further datagram for ``peer`` until Ready."""

    bearer: str
    peer: MemberNumber


@dataclass(frozen=True, slots=True)
class AddDocument:
    """A signed document that the operator carried here."""

    note: bytes


@dataclass(frozen=True, slots=True)
class Prune:
    """Erase contents whose messages are older than ``before`` (POSIX seconds), at most ``limit`` a step."""

    before: int
    token: int
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Countersign:
    """Give the ML-DSA-44 cosignatures that are due now, without waiting for their hour (D5)."""

    token: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Input = Submit | Received | LinkUp | LinkDown | Ready | Busy | AddDocument | Prune | Countersign | Tick


@dataclass(frozen=True, slots=True)
class Send:
    """A datagram to hand to a bearer, in order."""

    bearer: str
    peer: MemberNumber
    datagram: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """An own entry stands in the record."""

    token: int
    entry: EntryId


@dataclass(frozen=True, slots=True)
class Rejected:
    """A submission was refused before anything was written."""

    token: int
    error: ParleyError


@dataclass(frozen=True, slots=True)
class Done:
    """What ``token`` asked for is done; ``count`` entries were touched, and there is ``more`` to do."""

    token: int
    count: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Arrived:
    """An entry of somebody else's, verified, with its content, is on disk here."""

    entry: EntryId
    kind: Kind


@dataclass(frozen=True, slots=True)
class Receipted:
    """``giver`` proves that it holds ``log`` up to ``size`` durably. ``time`` is its claim."""

    log: LogId
    size: int
    giver: MemberNumber
    time: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the operator should know. ``code`` is stable (docs/reference/errors.md)."""

    code: str
    text: str
    peer: MemberNumber | None = None


@dataclass(frozen=True, slots=True)
class Equivocated:
    """Two histories of one tree, both signed: the proof lies in the record (D15)."""

    log: LogId


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """A document took effect."""


Event = Written | Rejected | Done | Arrived | Receipted | Warned | Equivocated | MembershipChanged


@dataclass(slots=True)
class Output:
    """What a step asks of the node, in this order: make ``changes`` durable, then release the rest."""

    changes: Sequence[Change] = ()
    sends: list[Send] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wake: float = 0.0
    """CLOCK_BOOTTIME seconds at which a Tick is wanted."""
