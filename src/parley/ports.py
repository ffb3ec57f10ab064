"""What the node needs from the world: few methods, each written as a guarantee (style.md 11).

Who implements one proves it with the contract suites of ``parley_testkit.contracts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from parley.ids import MemberNumber
from parley.protocol.rows import Change, Reader

__all__ = [
    "Bearer",
    "BearerEvents",
    "Change",
    "Clock",
    "Entropy",
    "Head",
    "HeadFile",
    "Reader",
    "Store",
    "Traits",
]


class Store(Reader, Protocol):
    """The one writer.

    Guarantees:

    1. ``commit`` is all or nothing, and what it returned for survives a crash and a power cut.
    2. ``commit`` is a compare-and-swap: it raises StoreConflict, changing nothing, unless
       ``expected_version`` is the current version.
    3. StoreFull: nothing was committed and reads go on. OutcomeUnknown: the commit may come back;
       every later call on this handle raises OutcomeUnknown until the store is opened anew.
    4. Damage is raised as StoreCorrupt, never read as absence.
    5. Deleted values are overwritten on the medium as far as the medium allows.
    """

    @property
    def version(self) -> int:
        """Number of commits so far; 0 for a new store."""
        ...

    def commit(self, expected_version: int, changes: Sequence[Change]) -> int:
        """Apply ``changes`` in order, make them durable, return the new version. Blocks on the disk."""
        ...

    def reader(self) -> Reader:
        """A new independent read-only view."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What a node last signed, kept outside the store so that a loss is noticed (D15)."""

    version: int
    incarnation: bytes
    size: int
    root: bytes


class HeadFile(Protocol):
    """Two slots; a torn write leaves the other one good."""

    def read(self) -> Head | None:
        """The newest good slot, None when the file does not exist. Raises StoreCorrupt when no slot is good."""
        ...

    def write(self, head: Head, *, sync: bool) -> None:
        """Write the older slot. With ``sync`` it is durable on return; without, it survives a killed process."""
        ...


@dataclass(frozen=True, slots=True)
class Traits:
    """What a bearer is like.

    ``bits_per_second`` 0 means fast; ``round_trip_s`` is an estimate in seconds.
    """

    mtu: int
    round_trip_s: float = 0.1
    bits_per_second: int = 0
    one_way: bool = False
    cost: int = 0
    """Rank: ROUTINE goes by the lowest cost that works; FLASH goes by all."""


class BearerEvents(Protocol):
    """What a bearer tells the node. Called on the node's event loop; never blocks."""

    def bearer_up(self, bearer: Bearer, peer: MemberNumber) -> None:
        """A path to ``peer`` works now (connected, or a directory is there)."""
        ...

    def bearer_down(self, bearer: Bearer, peer: MemberNumber, reason: str) -> None:
        """The path is gone; ``reason`` is for the operator."""
        ...

    def bearer_warned(self, bearer: Bearer, code: str, text: str) -> None:
        """Something that the operator should know, though the bearer goes on; ``code`` is stable."""
        ...

    def bearer_ready(self, bearer: Bearer, peer: MemberNumber) -> None:
        """``send`` will take another datagram for ``peer``."""
        ...

    def bearer_received(self, bearer: Bearer, datagram: bytes) -> None:
        """Opaque bytes of at most MAX_DATAGRAM arrived, from whoever: they are hostile until opened."""
        ...

    def room(self) -> bool:
        """False while so much waits that a bearer hands over no more of what can wait where it is. Ask again soon."""
        ...


class Bearer(Protocol):
    """Carries opaque datagrams up to its MTU; may lose, repeat, delay and reorder them (D17)."""

    @property
    def name(self) -> str:
        """As the operator named it in the configuration."""
        ...

    @property
    def traits(self) -> Traits:
        """What this bearer is like."""
        ...

    async def start(self, events: BearerEvents) -> None:
        """Begin; reconnects by itself until ``close``. Raises BearerError when it cannot begin at all."""
        ...

    def ready(self, peer: MemberNumber) -> bool:
        """True when a datagram handed over now would begin to leave at once (at most 64 KiB queued)."""
        ...

    def send(self, peer: MemberNumber, datagram: bytes) -> None:
        """Hand over one datagram of at most ``traits.mtu`` bytes. Never blocks; may lose it when not up."""
        ...

    async def close(self) -> None:
        """Stop; nothing is called afterwards. Idempotent."""
        ...


class Clock(Protocol):
    """Time as the node sees it. Both are claims about this machine, never about a peer's (D8)."""

    def wall_s(self) -> int:
        """POSIX seconds, UTC."""
        ...

    def boot_s(self) -> float:
        """Seconds of CLOCK_BOOTTIME: never goes back within one boot, counts suspended time."""
        ...

    def boot_id(self) -> bytes:
        """16 bytes that differ between boots."""
        ...


class Entropy(Protocol):
    """Random bytes from the system or a token."""

    def __call__(self, count: int) -> bytes:
        """``count`` bytes, unpredictable to everybody else."""
        ...
