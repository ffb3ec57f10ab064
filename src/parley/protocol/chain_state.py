"""The state of sender chains, and how it is kept (chains)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from parley import limits
from parley.crypto import kdf
from parley.ids import Incarnation, MemberNumber

RESERVE_FIRST: Final = 16
RESERVE_MOST: Final = 256
"""Counters stored ahead, so that most datagrams cost no write: twice as many each time, from the first to the most. A
restart skips what is left of them, and each recipient then derives and keeps a key for every one skipped."""


@dataclass(slots=True)
class SendChain:
    """Our chain for one recipient set."""

    mask: int
    tag: bytes
    key: bytes
    counter: int
    reserved: int
    reserved_key: bytes
    created: int
    confirmed: set[int] = field(default_factory=set)
    """Members that have shown that they hold this chain."""
    announced: dict[int, float] = field(default_factory=dict)
    """Boot time of the last announcement to each member, in this run."""
    ahead: int = RESERVE_FIRST
    """How many counters are reserved next."""
    planned: tuple[int, Incarnation, MessageKey] | None = None
    """Counter, incarnation and message key, where they were derived ahead, for the salts or while there was time."""

    def encode(self) -> bytes:
        """The row: from the first counter that is not reserved, so that a restart uses none twice."""
        confirmed = sum(1 << m for m in self.confirmed)
        return b"".join(
            (
                self.tag,
                self.reserved_key,
                self.reserved.to_bytes(4, "big"),
                self.created.to_bytes(8, "big"),
                confirmed.to_bytes(4, "big"),
            )
        )


@dataclass(slots=True)
class ReceiveChain:
    """A chain of another member's. ``incarnations`` newest first."""

    sender: MemberNumber
    mask: int
    tag: bytes
    key: bytes
    counter: int
    created: int
    incarnations: list[Incarnation]
    ahead: Ahead | None = None
    """What opens the next datagram, where it was derived ahead."""
    skipped: dict[int, int] | None = None
    """When each key that was skipped was kept (POSIX seconds), by counter, in order; None until it is asked."""

    def encode(self) -> bytes:
        """The row."""
        return b"".join(
            (
                self.mask.to_bytes(4, "big"),
                self.key,
                self.counter.to_bytes(4, "big"),
                self.created.to_bytes(8, "big"),
                *self.incarnations,
            )
        )


@dataclass(frozen=True, slots=True)
class MessageKey:
    """What one datagram is sealed with, and what its salts come from."""

    key: bytes
    nonce: bytes
    salt_key: bytes

    def salt(self, ordinal: int) -> bytes:
        """The 32-byte salt of the payload's n-th entry that carries none."""
        return kdf.hmac_sha256(self.salt_key, ordinal.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Ahead:
    """The message key of a chain's present counter in the newest run of its sender, and the chain key after it."""

    counter: int
    incarnation: Incarnation
    keys: MessageKey
    chain_key: bytes


def send_key(chain: SendChain) -> bytes:
    """The key of a send chain's row."""
    return b"s" + chain.mask.to_bytes(4, "big")


def receive_key(chain: ReceiveChain) -> bytes:
    """The key of a receive chain's row."""
    return b"r" + bytes((chain.sender,)) + chain.tag


def load_send(key: bytes, value: bytes) -> SendChain:
    """The chain of a row."""
    mask = int.from_bytes(key[1:5], "big")
    chain_key, counter = value[2:34], int.from_bytes(value[34:38], "big")
    confirmed = int.from_bytes(value[46:50], "big")
    return SendChain(
        mask,
        value[:2],
        chain_key,
        counter,
        counter,
        chain_key,
        int.from_bytes(value[38:46], "big"),
        {m for m in range(limits.MAX_MEMBERS) if confirmed >> m & 1},
    )


def load_receive(key: bytes, value: bytes) -> ReceiveChain:
    """The chain of a row."""
    incarnations = [Incarnation(value[i : i + 8]) for i in range(48, len(value), 8)]
    return ReceiveChain(
        MemberNumber(key[1]),
        int.from_bytes(value[:4], "big"),
        key[2:4],
        value[4:36],
        int.from_bytes(value[36:40], "big"),
        int.from_bytes(value[40:48], "big"),
        incarnations,
    )
