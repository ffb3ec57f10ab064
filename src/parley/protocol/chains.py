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

A chain is announced to each recipient on its own, sealed to a prekey of that recipient and signed with the
announce key. Who has not shown that it holds the chain is sent the announcement again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from parley import limits
from parley.crypto import aead, kdf
from parley.crypto.kem import KemPrivate, hpke_open, hpke_seal
from parley.crypto.signing import Signer, verify_ed25519
from parley.errors import DecodeError, ParleyError, SealInvalid, SignatureInvalid
from parley.ids import Incarnation, LineId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.inputs import Now
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.wire import cbor, datagram, parts

_MESSAGE_LABEL: Final = b"parley/message/v1\x00"
_ANNOUNCE_LABEL: Final = b"parley/announce/v1\x00"
_PREKEYS_LABEL: Final = b"parley/prekeys/v1\x00"
_RESERVE: Final = 256
"""Counters stored ahead, so that most datagrams cost no write; a restart skips what is left of them."""
_RECEIVE_CHAINS: Final = 8
"""Chains kept for one sender and recipient set: the newest, and those whose datagrams may still come."""
_INCARNATIONS: Final = 3
PREKEY_STOCK: Final = 4
"""One-time prekeys that a peer should hold of us."""


@dataclass(frozen=True, slots=True)
class Signers:
    """The node's keys, one job each (D16). ``kem`` opens what is sealed to the certificate's key."""

    checkpoint: Signer
    checkpoint_pq: Signer
    receipt: Signer
    receipt_pq: Signer
    announce: Signer
    kem: KemPrivate


@dataclass(slots=True)
class SendChain:
    """Our chain for one recipient set."""

    mask: int
    secret: bytes
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
    planned: tuple[int, Incarnation, MessageKey] | None = None
    """Counter, incarnation and message key, where they were derived ahead for the salts."""


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


def _step(key: bytes) -> bytes:
    return kdf.hmac_sha256(key, b"\x02")


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
        self._send: dict[int, SendChain] = {}
        self._receive: dict[bytes, list[ReceiveChain]] = {}
        self.knows_us: set[int] = set()
        """Members that have shown that they know our incarnation; the others get it with every datagram."""
        for key, value in rows.prefixed(r.CHAIN, b"s"):
            self._send[int.from_bytes(key[1:5], "big")] = _load_send(key, value)
        for key, value in rows.prefixed(r.CHAIN, b"r"):
            chain = _load_receive(key, value)
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
            secret = self._entropy(32)
            key = kdf.hmac_sha256(secret, b"parley/chain/v1")
            tag = kdf.hmac_sha256(secret, b"parley/tag/v1")[: datagram.TAG_BYTES]
            chain = SendChain(mask, secret, tag, key, 0, 0, key, now.wall)
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
        keys = self._message_key(_step(chain.key), self._me, chain.mask, self.incarnation, chain.counter)
        chain.planned = (chain.counter, self.incarnation, keys)
        return keys

    def seal(self, chain: SendChain, payload: bytes) -> bytes:
        """One sealed datagram. The chain has moved on, in the rows too, before this returns."""
        planned, chain.planned = chain.planned, None
        fits = planned is not None and planned[:2] == (chain.counter, self.incarnation)
        keys = planned[2] if planned is not None and fits else self.next_key(chain)
        chain.planned = None
        known = all(m in self.knows_us for m in range(limits.MAX_MEMBERS) if chain.mask >> m & 1)
        header = datagram.sealed_header(chain.tag, chain.counter, None if known else self.incarnation)
        chain.key = _advance(chain.key)
        chain.counter += 1
        if chain.counter > chain.reserved:
            self._reserve(chain)
        return header + aead.seal(keys.key, keys.nonce, payload, header)

    def _reserve(self, chain: SendChain) -> None:
        key = chain.key
        for _ in range(_RESERVE):
            key = _advance(key)
        chain.reserved, chain.reserved_key = chain.counter + _RESERVE, key
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

    def announcement(self, chain: SendChain, member: MemberNumber, now: Now) -> bytes:
        """A datagram that gives ``member`` the secret of ``chain`` from its present key on.

        Sealed to a one-time prekey of the member where one is at hand, otherwise to its certificate's key.
        """
        peer = self._membership().member(member)
        row = next(iter(self._rows.prefixed(r.PREKEY, b"t" + bytes((member,)))), None)
        if row is not None:
            self._rows.delete(r.PREKEY, row[0])
            public = row[1]
        else:
            public = peer.keys.kem
        tag = _prekey_tag(public)
        inner = cbor.encode(
            [
                self._line,
                self._me,
                member,
                self.incarnation,
                chain.mask,
                chain.tag,
                chain.key,
                chain.counter,
                now.wall,
            ]
        )
        signature = self._signers.announce.sign(_ANNOUNCE_LABEL + tag + inner)
        chain.announced[member] = now.boot
        return datagram.announce(tag, hpke_seal(public, self._announce_info(member), cbor.encode([inner, signature])))

    def _announce_info(self, recipient: int) -> bytes:
        return _ANNOUNCE_LABEL + self._line + bytes((datagram.SUITE_1, recipient))

    def prekeys_for(self, member: MemberNumber) -> parts.Prekeys:
        """A fresh batch of one-time prekeys for ``member`` alone, signed."""
        publics: list[bytes] = []
        for _ in range(PREKEY_STOCK):
            private = KemPrivate.generate(self._entropy)
            public = private.public
            publics.append(public)
            self._rows.put(r.PREKEY, b"m" + _prekey_tag(public), bytes((member,)) + private.encode())
        signed = _prekeys_message(self._line, self._me, member, publics)
        return parts.Prekeys(tuple(publics), self._signers.announce.sign(signed))

    def stock_with(self, member: MemberNumber) -> int:
        """How many of our one-time prekeys ``member`` may still use."""
        return sum(1 for _, v in self._rows.prefixed(r.PREKEY, b"m") if v[0] == member)

    # -- receiving -------------------------------------------------------------------------------------

    def accept_prekeys(self, batch: parts.Prekeys, giver: MemberNumber) -> None:
        """Keep a batch that ``giver`` issued to us. Raises SignatureInvalid."""
        keys = self._membership().member(giver).keys
        verify_ed25519(keys.announce, _prekeys_message(self._line, giver, self._me, batch.keys), batch.signature)
        for key, _ in list(self._rows.prefixed(r.PREKEY, b"t" + bytes((giver,)))):
            self._rows.delete(r.PREKEY, key)
        for public in batch.keys[:PREKEY_STOCK]:
            self._rows.put(r.PREKEY, b"t" + bytes((giver,)) + _prekey_tag(public), public)

    def accept_announcement(self, announced: datagram.Announce, now: Now) -> ReceiveChain | None:
        """Open and verify an announcement (spec/sealing.md section 4). None for one already held.

        1. the prekey is ours and unused, or the certificate's; 2. it opens; 3. it is well formed and names
        this line, us, and a member; 4. a one-time prekey was issued to that member; 5. the signature is that
        member's over the prekey tag and all of it. The one-time prekey is then deleted.
        Raises SealInvalid, DecodeError, SignatureInvalid.
        """
        row = self._rows.get(r.PREKEY, b"m" + announced.prekey_tag)
        private = KemPrivate.decode(row[1:]) if row is not None else self._signers.kem
        body = cbor.decode(
            hpke_open(private, self._announce_info(self._me), announced.sealed), limit=limits.MAX_DATAGRAM
        )
        match body:
            case [bytes(inner), bytes(signature)]:
                value = cbor.decode(inner, limit=limits.MAX_DATAGRAM)
            case _:
                raise DecodeError("the announcement is not as the specification has it.", code="announce-malformed")
        match value:
            case [
                self._line,
                int(sender),
                self._me,
                bytes(inc),
                int(mask),
                bytes(tag),
                bytes(key),
                int(counter),
                int(),
            ]:
                pass
            case _:
                raise DecodeError("the announcement names another line or recipient.", code="announce-malformed")
        membership = self._membership()
        if sender == self._me or sender not in membership.members or not mask >> self._me & 1:
            raise DecodeError(f"member {sender} cannot announce a chain here.", code="announce-malformed")
        if len(inc) != 8 or len(tag) != datagram.TAG_BYTES or len(key) != 32 or mask >> limits.MAX_MEMBERS:  # noqa: PLR2004
            raise DecodeError("the announcement has fields of wrong length.", code="announce-malformed")
        if row is not None and row[0] != sender:
            raise SignatureInvalid(f"member {sender} used a prekey that was issued to member {row[0]}.")
        author = membership.member(MemberNumber(sender))
        verify_ed25519(author.keys.announce, _ANNOUNCE_LABEL + announced.prekey_tag + inner, signature)
        if row is not None:
            self._rows.delete(r.PREKEY, b"m" + announced.prekey_tag)
        seen = b"a" + sha256(key).digest()[:16]
        if self._rows.get(r.CHAIN, seen) is not None:
            return None
        self._rows.put(r.CHAIN, seen, now.wall.to_bytes(8, "big"))
        chain = ReceiveChain(MemberNumber(sender), mask, tag, key, counter, now.wall, [Incarnation(inc)])
        self._keep(chain)
        return chain

    def _keep(self, chain: ReceiveChain) -> None:
        """Take a chain in; drop the oldest of its sender and set beyond the bound."""
        chains = self._receive.setdefault(chain.tag, [])
        for old in [c for c in chains if c.sender == chain.sender]:
            chains.remove(old)
            self._forget_skipped(old)
        same = [c for cs in self._receive.values() for c in cs if (c.sender, c.mask) == (chain.sender, chain.mask)]
        for old in sorted(same, key=lambda c: c.created)[: max(0, len(same) + 1 - _RECEIVE_CHAINS)]:
            self._receive[old.tag].remove(old)
            self._rows.delete(r.CHAIN, _receive_key(old))
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
                return opened
            kept = self._rows.get(r.SKIPPED, _receive_key(chain) + sealed.counter.to_bytes(4, "big"))
            if kept is None:
                behind = chain
                continue
            opened = self._try(chain, sealed, kept[:32])
            if opened is not None:
                self._rows.delete(r.SKIPPED, _receive_key(chain) + sealed.counter.to_bytes(4, "big"))
                return opened
        if behind is not None:
            raise BehindChain(behind.sender, behind.tag)
        raise SealInvalid("a datagram does not open under any chain held.", code="seal-unknown-chain")

    def _try(self, chain: ReceiveChain, sealed: datagram.Sealed, step: bytes) -> Opened | None:
        candidates = [sealed.incarnation] if sealed.incarnation is not None else list(chain.incarnations)
        for incarnation in candidates:
            keys = self._message_key(step, chain.sender, chain.mask, incarnation, sealed.counter)
            try:
                payload = aead.open_(keys.key, keys.nonce, sealed.box, sealed.header)
            except SealInvalid:
                continue
            new = incarnation not in chain.incarnations
            if new:
                chain.incarnations = [incarnation, *chain.incarnations][:_INCARNATIONS]
            return Opened(chain.sender, incarnation, chain.mask, sealed.counter, payload, keys, new)
        return None

    def _skip(self, chain: ReceiveChain, steps: list[tuple[int, bytes]], now: Now) -> None:
        if not steps:
            return
        prefix = _receive_key(chain)
        kept = list(self._rows.prefixed(r.SKIPPED, prefix))
        stale = now.wall - limits.SKIPPED_KEY_AGE_S
        excess = max(0, len(kept) + len(steps) - limits.MAX_SKIPPED_KEYS)
        for place, (key, value) in enumerate(kept):
            if place < excess or int.from_bytes(value[32:40], "big") < stale:
                self._rows.delete(r.SKIPPED, key)
        for counter, step in steps:
            self._rows.put(r.SKIPPED, prefix + counter.to_bytes(4, "big"), step + now.wall.to_bytes(8, "big"))

    def _forget_skipped(self, chain: ReceiveChain) -> None:
        for key, _ in list(self._rows.prefixed(r.SKIPPED, _receive_key(chain))):
            self._rows.delete(r.SKIPPED, key)

    def held_from(self, member: int) -> tuple[parts.ChainHeld, ...]:
        """The chains of ``member`` that we can open, with the counter we expect next."""
        found = [c for cs in self._receive.values() for c in cs if c.sender == member]
        return tuple(parts.ChainHeld(c.tag, c.counter) for c in sorted(found, key=lambda c: c.tag))

    def incarnation_of(self, member: int) -> Incarnation | None:
        """The newest incarnation of ``member`` that opened anything."""
        found = [c for cs in self._receive.values() for c in cs if c.sender == member]
        return max(found, key=lambda c: c.created).incarnations[0] if found else None

    # -- rows ------------------------------------------------------------------------------------------

    def _store_send(self, chain: SendChain) -> None:
        confirmed = sum(1 << m for m in chain.confirmed)
        value = b"".join(
            (
                chain.tag,
                chain.reserved_key,
                chain.reserved.to_bytes(4, "big"),
                chain.created.to_bytes(8, "big"),
                confirmed.to_bytes(4, "big"),
            )
        )
        self._rows.put(r.CHAIN, b"s" + chain.mask.to_bytes(4, "big"), value)

    def _store_receive(self, chain: ReceiveChain) -> None:
        value = b"".join(
            (
                chain.mask.to_bytes(4, "big"),
                chain.key,
                chain.counter.to_bytes(4, "big"),
                chain.created.to_bytes(8, "big"),
                *chain.incarnations,
            )
        )
        self._rows.put(r.CHAIN, _receive_key(chain), value)


def _receive_key(chain: ReceiveChain) -> bytes:
    return b"r" + bytes((chain.sender,)) + chain.tag


def _load_send(key: bytes, value: bytes) -> SendChain:
    mask = int.from_bytes(key[1:5], "big")
    chain_key, counter = value[2:34], int.from_bytes(value[34:38], "big")
    confirmed = int.from_bytes(value[46:50], "big")
    return SendChain(
        mask,
        b"",
        value[:2],
        chain_key,
        counter,
        counter,
        chain_key,
        int.from_bytes(value[38:46], "big"),
        {m for m in range(limits.MAX_MEMBERS) if confirmed >> m & 1},
    )


def _load_receive(key: bytes, value: bytes) -> ReceiveChain:
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


def _prekey_tag(public: bytes) -> bytes:
    return sha256(public).digest()[: datagram.PREKEY_TAG_BYTES]


def _prekeys_message(line: LineId, giver: int, recipient: int, publics: Iterable[bytes]) -> bytes:
    return b"".join((_PREKEYS_LABEL, line, bytes((datagram.SUITE_1, giver, recipient)), *publics))


__all__ = ["BehindChain", "Chains", "MessageKey", "Opened", "ParleyError", "SendChain", "Signers"]
