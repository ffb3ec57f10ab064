"""Sealing: sender chains, their announcements, and prekeys (D6; spec/sealing.md).

Theory. A sender chain is a one-way sequence of chain keys; each gives one step key, and a step key with the
sender's incarnation gives one message key. The chain key moves on before the datagram leaves and is stored
ahead of use, so a message key is never derived twice from one (step, incarnation), even from an old copy of
the store: an old copy starts with another incarnation.

::

    secret --announce--> chain key 0 -> chain key 1 -> ...        HMAC(chain key, 1)
                             |               |
                          step key 0      step key 1              HMAC(chain key, 2)
                             + line, sender, mask, incarnation, counter  --HKDF-->  key, nonce, salt key

A chain is announced to each recipient on its own (announcer). Who has not shown that it holds the chain is
sent the announcement again, from the chain's present key on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from parley import limits
from parley.crypto import aead, kdf
from parley.errors import SealInvalid
from parley.ids import Incarnation, LineId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.announcer import Announcer
from parley.protocol.chain_state import (
    RESERVE_MOST,
    Ahead,
    MessageKey,
    ReceiveChain,
    SendChain,
    load_receive,
    load_send,
    receive_key,
    send_key,
)
from parley.protocol.inputs import Now
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.signers import Signers
from parley.wire import datagram, parts

_MESSAGE_LABEL: Final = b"parley/message/v1\x00"
_RECEIVE_CHAINS: Final = 8
"""Chains kept for one sender and recipient set: the newest, and those whose datagrams may still come."""
_INCARNATIONS: Final = 3
_TRIES: Final = 8
"""A recipient of two chains of one sender and one tag could not tell them apart: so often another one is drawn."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A datagram that opened: who sealed it (as far as a shared key can say), and what was in it."""

    sender: MemberNumber
    incarnation: Incarnation
    mask: int
    counter: int
    payload: bytes
    keys: MessageKey
    new_incarnation: bool


class BehindChain(SealInvalid):
    """A known chain, at a counter whose key is used up or too far ahead: its sender lost state, or we did."""

    default_code = "seal-counter"

    def __init__(self, sender: MemberNumber, tag: bytes) -> None:
        super().__init__(f"a datagram of member {sender} at a counter that cannot be opened.")
        self.sender = sender
        self.tag = tag


def _advance(key: bytes) -> bytes:
    return kdf.hmac_sha256(key, b"\x01")


def _skipped_key(chain: ReceiveChain, counter: int) -> bytes:
    return receive_key(chain) + counter.to_bytes(4, "big")


def _step(key: bytes) -> bytes:
    return kdf.hmac_sha256(key, b"\x02")


@lru_cache(maxsize=256)
def _members(mask: int) -> frozenset[int]:
    return frozenset(m for m in range(limits.MAX_MEMBERS) if mask >> m & 1)


class Chains:
    """All chains of one line at one node. Pure: entropy and time come as arguments."""

    def __init__(
        self,
        rows: Rows,
        membership: Callable[[], Membership],
        me: MemberNumber,
        signers: Signers,
        incarnation: Incarnation,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._rows = rows
        self._membership = membership
        self._line: LineId = membership().line
        self._me = me
        self._signers = signers
        self._entropy = entropy
        self.incarnation = incarnation
        self.announcer = Announcer(rows, membership, me, signers, entropy)
        self._send: dict[int, SendChain] = {}
        self._receive: dict[bytes, list[ReceiveChain]] = {}
        self.knows_us: set[int] = set()
        """Members that have shown that they know our incarnation; the others get it with every datagram."""
        self._used: dict[bytes, SendChain | ReceiveChain] = {}
        """Chains whose next keys are not derived ahead yet, by the keys of their rows."""
        for key, value in rows.prefixed(r.CHAIN, b"s"):
            self._send[int.from_bytes(key[1:5], "big")] = load_send(key, value)
        for key, value in rows.prefixed(r.CHAIN, b"r"):
            chain = load_receive(key, value)
            self._receive.setdefault(chain.tag, []).append(chain)

    # -- sending ---------------------------------------------------------------------------------------

    def chain_for(self, members: Iterable[int], now: Now) -> SendChain:
        """The chain whose recipients are exactly ``members``; made anew when absent, used up or old."""
        mask = sum(1 << m for m in members)
        chain = self._send.get(mask)
        if chain is not None and (
            chain.counter >= limits.CHAIN_MAX_MESSAGES
            or (now.wall - chain.created > limits.CHAIN_MAX_AGE_S and chain.counter > 0)
        ):
            chain = None
        if chain is None:
            tags, tag, secret = {c.tag for c in self._send.values()}, b"", b""
            for _ in range(_TRIES):
                secret = self._entropy(32)
                tag = kdf.hmac_sha256(secret, b"parley/tag/v1")[: datagram.TAG_BYTES]
                if tag not in tags:
                    break
            key = kdf.hmac_sha256(secret, b"parley/chain/v1")
            chain = SendChain(mask, tag, key, 0, 0, key, now.wall)
            self._send[mask] = chain
            self._reserve(chain)
        return chain

    def rekey(self, mask: int) -> None:
        """Forget a chain, so that the next use makes another (D17)."""
        if self._send.pop(mask, None) is not None:
            self._rows.delete(r.CHAIN, b"s" + mask.to_bytes(4, "big"))

    def send_chain_by_tag(self, tag: bytes) -> SendChain | None:
        """Our chain with this tag."""
        return next((c for c in self._send.values() if c.tag == tag), None)

    def send_chains_with(self, member: int) -> list[SendChain]:
        """Our chains that ``member`` is a recipient of."""
        return [c for c in self._send.values() if c.mask >> member & 1]

    def confirm(self, chain: SendChain, member: int) -> None:
        """``member`` has shown that it holds ``chain``."""
        if member not in chain.confirmed:
            chain.confirmed.add(member)
            self._store_send(chain)

    def unconfirm(self, chain: SendChain, member: int) -> None:
        """``member`` has shown that it does not hold ``chain``."""
        if member in chain.confirmed:
            chain.confirmed.discard(member)
            self._store_send(chain)
        chain.announced.pop(member, None)

    def next_key(self, chain: SendChain) -> MessageKey:
        """The keys that ``seal`` will use next on ``chain``."""
        if chain.planned is not None and chain.planned[:2] == (chain.counter, self.incarnation):
            return chain.planned[2]
        keys = self._message_key(_step(chain.key), self._me, chain.mask, self.incarnation, chain.counter)
        chain.planned = (chain.counter, self.incarnation, keys)
        return keys

    def seal(self, chain: SendChain, payload: bytes) -> bytes:
        """One sealed datagram. The chain has moved on, in the rows too, before this returns."""
        keys = self.next_key(chain)
        chain.planned = None
        known = _members(chain.mask) <= self.knows_us
        header = datagram.sealed_header(chain.tag, chain.counter, None if known else self.incarnation)
        chain.key = _advance(chain.key)
        chain.counter += 1
        if chain.counter > chain.reserved:
            self._reserve(chain)
        self._used[send_key(chain)] = chain
        return header + aead.seal(keys.key, keys.nonce, payload, header)

    def _reserve(self, chain: SendChain) -> None:
        key = chain.key
        for _ in range(chain.ahead):
            key = _advance(key)
        chain.reserved, chain.reserved_key = chain.counter + chain.ahead, key
        chain.ahead = min(2 * chain.ahead, RESERVE_MOST)
        self._store_send(chain)

    def _message_key(self, step: bytes, sender: int, mask: int, incarnation: Incarnation, counter: int) -> MessageKey:
        info = b"".join(
            (
                _MESSAGE_LABEL,
                self._line,
                bytes((datagram.SUITE_1, sender)),
                mask.to_bytes(4, "big"),
                incarnation,
                counter.to_bytes(4, "big"),
            )
        )
        okm = kdf.hkdf_expand(step, info, 76)
        return MessageKey(okm[:32], okm[32:44], okm[44:])

    # -- receiving -------------------------------------------------------------------------------------

    def accept_announcement(self, announced: datagram.Announce, now: Now) -> ReceiveChain | None:
        """Take in a chain that was announced to us; None for one already held. Raises as Announcer.open."""
        chain = self.announcer.open(announced, now)
        if chain is not None:
            self._keep(chain)
        return chain

    def _keep(self, chain: ReceiveChain) -> None:
        """Take a chain in; drop the oldest of its sender and set beyond the bound."""
        chains = self._receive.setdefault(chain.tag, [])
        if any((c.sender, c.mask) == (chain.sender, chain.mask) and c.counter > chain.counter for c in chains):
            # Held back on its way: to go back to it would open again what was opened. Its sender sees by HAVE.
            return
        for old in [c for c in chains if c.sender == chain.sender]:
            chains.remove(old)
            self._forget_skipped(old)
        same = [c for cs in self._receive.values() for c in cs if (c.sender, c.mask) == (chain.sender, chain.mask)]
        for old in sorted(same, key=lambda c: c.created)[: max(0, len(same) + 1 - _RECEIVE_CHAINS)]:
            self._receive[old.tag].remove(old)
            self._rows.delete(r.CHAIN, receive_key(old))
            self._forget_skipped(old)
        chains.append(chain)
        self._store_receive(chain)

    def open(self, sealed: datagram.Sealed, now: Now) -> Opened:
        """Open a datagram under whichever chain fits.

        Raises SealInvalid; BehindChain when only a counter stands in the way, which the caller answers with
        what it holds (D17).
        """
        behind: ReceiveChain | None = None
        for chain in self._receive.get(sealed.tag, ()):
            distance = sealed.counter - chain.counter
            if distance > limits.MAX_SKIPPED_KEYS:
                behind = chain
                continue
            if distance >= 0:
                opened = self._open_ahead(chain, sealed)
                if opened is not None:
                    return opened
                key = chain.key
                steps: list[tuple[int, bytes]] = []
                for counter in range(chain.counter, sealed.counter):
                    steps.append((counter, _step(key)))
                    key = _advance(key)
                opened = self._try(chain, sealed, _step(key))
                if opened is None:
                    continue
                self._skip(chain, steps, now)
                chain.key, chain.counter = _advance(key), sealed.counter + 1
                self._store_receive(chain)
                self._used[receive_key(chain)] = chain
                return opened
            kept = self._rows.get(r.SKIPPED, _skipped_key(chain, sealed.counter))
            if kept is None:
                behind = chain
                continue
            opened = self._try(chain, sealed, kept[:32])
            if opened is not None:
                self._drop_skipped(chain, sealed.counter)
                return opened
        if behind is not None:
            raise BehindChain(behind.sender, behind.tag)
        raise SealInvalid("a datagram does not open under any chain held.", code="seal-unknown-chain")

    def _try(self, chain: ReceiveChain, sealed: datagram.Sealed, step: bytes) -> Opened | None:
        runs = [sealed.incarnation] if sealed.incarnation is not None else self._runs_of(chain)
        for incarnation in runs:
            keys = self._message_key(step, chain.sender, chain.mask, incarnation, sealed.counter)
            opened = self._open_with(chain, sealed, incarnation, keys)
            if opened is not None:
                return opened
        return None

    @staticmethod
    def _open_with(
        chain: ReceiveChain, sealed: datagram.Sealed, incarnation: Incarnation, keys: MessageKey
    ) -> Opened | None:
        try:
            payload = aead.open_(keys.key, keys.nonce, sealed.box, sealed.header)
        except SealInvalid:
            return None
        new = incarnation not in chain.incarnations
        if new:
            chain.incarnations = [incarnation, *chain.incarnations][:_INCARNATIONS]
        return Opened(chain.sender, incarnation, chain.mask, sealed.counter, payload, keys, new)

    def _open_ahead(self, chain: ReceiveChain, sealed: datagram.Sealed) -> Opened | None:
        """Open the next datagram of ``chain`` with what was derived ahead; None where that does not fit."""
        ahead, chain.ahead = chain.ahead, None
        if ahead is None or ahead.counter != sealed.counter or sealed.incarnation not in (None, ahead.incarnation):
            return None
        opened = self._open_with(chain, sealed, ahead.incarnation, ahead.keys)
        if opened is not None:
            chain.key, chain.counter = ahead.chain_key, sealed.counter + 1
            self._store_receive(chain)
            self._used[receive_key(chain)] = chain
        return opened

    def _runs_of(self, chain: ReceiveChain) -> Iterator[Incarnation]:
        """The incarnations to try: this chain's, then those that another chain of its sender showed us."""
        tried = list(chain.incarnations)
        yield from tried
        others = (c for cs in self._receive.values() for c in cs if c.sender == chain.sender and c is not chain)
        newer = sorted(others, key=lambda c: c.created, reverse=True)
        yield from dict.fromkeys(run for c in newer for run in c.incarnations if run not in tried)

    def _skip(self, chain: ReceiveChain, steps: list[tuple[int, bytes]], now: Now) -> None:
        if not steps:
            return
        kept = self._skipped(chain)
        stale = now.wall - limits.SKIPPED_KEY_AGE_S
        excess = max(0, len(kept) + len(steps) - limits.MAX_SKIPPED_KEYS)
        for counter in [c for place, (c, at) in enumerate(kept.items()) if place < excess or at < stale]:
            self._drop_skipped(chain, counter)
        for counter, step in steps:
            kept[counter] = now.wall
            self._rows.put(r.SKIPPED, _skipped_key(chain, counter), step + now.wall.to_bytes(8, "big"))

    def _skipped(self, chain: ReceiveChain) -> dict[int, int]:
        """When each skipped key of ``chain`` was kept: read once, since a datagram may be lost at every other one."""
        if chain.skipped is None:
            rows = self._rows.prefixed(r.SKIPPED, receive_key(chain))
            chain.skipped = {
                int.from_bytes(key[-4:], "big"): int.from_bytes(value[32:40], "big") for key, value in rows
            }
        return chain.skipped

    def _drop_skipped(self, chain: ReceiveChain, counter: int) -> None:
        self._skipped(chain).pop(counter, None)
        self._rows.delete(r.SKIPPED, _skipped_key(chain, counter))

    def _forget_skipped(self, chain: ReceiveChain) -> None:
        for counter in list(self._skipped(chain)):
            self._drop_skipped(chain, counter)

    def forget(self, member: MemberNumber) -> None:
        """Who had keys of ``member`` may know its chains and ours that it hears: use none of them again (ADR 90)."""
        for chains in self._receive.values():
            for chain in [c for c in chains if c.sender == member]:
                chains.remove(chain)
                self._rows.delete(r.CHAIN, receive_key(chain))
                self._forget_skipped(chain)
        for mask in [mask for mask in self._send if member == self._me or mask >> member & 1]:
            self.rekey(mask)
        self._used.clear()
        self.announcer.forget(member)

    def held_from(self, member: int) -> tuple[parts.ChainHeld, ...]:
        """The chains of ``member`` that we can open, with the counter we expect next."""
        found = [c for cs in self._receive.values() for c in cs if c.sender == member]
        return tuple(parts.ChainHeld(c.tag, c.counter) for c in sorted(found, key=lambda c: c.tag))

    def incarnation_of(self, member: int) -> Incarnation | None:
        """The newest incarnation of ``member`` that opened anything."""
        found = [c for cs in self._receive.values() for c in cs if c.sender == member]
        return max(found, key=lambda c: c.created).incarnations[0] if found else None

    def prepare(self) -> None:
        """Derive, while nothing waits, what the next datagram of each chain in use takes (rule 6 of the line)."""
        for chain in self._used.values():
            if isinstance(chain, SendChain):
                self.next_key(chain)
            elif chain.ahead is None or chain.ahead.counter != chain.counter:
                run = chain.incarnations[0]
                keys = self._message_key(_step(chain.key), chain.sender, chain.mask, run, chain.counter)
                chain.ahead = Ahead(chain.counter, run, keys, _advance(chain.key))
        self._used.clear()

    # -- rows ------------------------------------------------------------------------------------------

    def _store_send(self, chain: SendChain) -> None:
        self._rows.put(r.CHAIN, send_key(chain), chain.encode())

    def _store_receive(self, chain: ReceiveChain) -> None:
        self._rows.put(r.CHAIN, receive_key(chain), chain.encode())
