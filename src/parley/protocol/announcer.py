"""Announcing sender chains, and the prekeys that announcements are sealed to (D6; spec/sealing.md section 4).

Each recipient gets its own announcement: HPKE to a prekey of that recipient, signed with the sender's announce
key over the prekey's tag and all that it says. One-time prekeys are issued to one peer each, in signed
batches, and deleted when used; until a peer has some of ours, the key in our certificate serves: such a first
announcement could be opened by who steals that key later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from parley import limits
from parley.crypto.kem import KemPrivate, hpke_open, hpke_seal
from parley.crypto.signing import verify_ed25519
from parley.errors import DecodeError, SealInvalid, SignatureInvalid
from parley.ids import Incarnation, LineId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.chain_state import ReceiveChain, SendChain
from parley.protocol.inputs import Now
from parley.protocol.membership import Member, Membership
from parley.protocol.rows import Rows
from parley.protocol.signers import Signers
from parley.protocol.tree import revoked
from parley.wire import cbor, datagram, parts

_ANNOUNCE_LABEL: Final = b"parley/announce/v1\x00"
_PREKEYS_LABEL: Final = b"parley/prekeys/v1\x00"
PREKEY_STOCK: Final = 4
"""One-time prekeys that a peer should hold of us."""


class Announcer:
    """Makes and opens announcements for one node."""

    def __init__(
        self,
        rows: Rows,
        membership: Callable[[], Membership],
        me: MemberNumber,
        signers: Signers,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._rows = rows
        self._membership = membership
        self._line: LineId = membership().line
        self._me = me
        self._signers = signers
        self._entropy = entropy

    def announcement(self, chain: SendChain, member: MemberNumber, incarnation: Incarnation, now: Now) -> bytes:
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
                incarnation,
                chain.mask,
                chain.tag,
                chain.key,
                chain.counter,
                now.wall,
            ]
        )
        signature = self._signers.announce.sign(_ANNOUNCE_LABEL + tag + inner)
        chain.announced[member] = now.boot
        return datagram.announce(tag, hpke_seal(public, self._info(member), cbor.encode([inner, signature])))

    def _info(self, recipient: int) -> bytes:
        return _ANNOUNCE_LABEL + self._line + bytes((datagram.SUITE_1, recipient))

    def prekeys_for(self, member: MemberNumber, count: int = PREKEY_STOCK) -> parts.Prekeys:
        """A fresh batch of ``count`` one-time prekeys for ``member`` alone, signed."""
        publics: list[bytes] = []
        for _ in range(count):
            private = KemPrivate.generate(self._entropy)
            public = private.public
            publics.append(public)
            self._rows.put(r.PREKEY, b"m" + _prekey_tag(public), bytes((member,)) + private.encode())
        signed = _prekeys_message(self._line, self._me, member, publics)
        return parts.Prekeys(tuple(publics), self._signers.announce.sign(signed))

    def prekeys_anew(self, member: MemberNumber, *, fast: bool) -> parts.Prekeys:
        """The same in the place of all that ``member`` was given before; one does where the air is dear."""
        for key, value in list(self._rows.prefixed(r.PREKEY, b"m")):
            if value[0] == member:
                self._rows.delete(r.PREKEY, key)
        return self.prekeys_for(member, PREKEY_STOCK if fast else 1)

    def stock_with(self, member: MemberNumber) -> int:
        """How many of our one-time prekeys ``member`` may still use."""
        return sum(1 for _, v in self._rows.prefixed(r.PREKEY, b"m") if v[0] == member)

    def accept_prekeys(self, batch: parts.Prekeys, giver: MemberNumber) -> None:
        """Keep a batch that ``giver`` issued to us. Raises SignatureInvalid."""
        self._verify(giver, _prekeys_message(self._line, giver, self._me, batch.keys), batch.signature)
        self.forget(giver)
        for public in batch.keys[:PREKEY_STOCK]:
            self._rows.put(r.PREKEY, b"t" + bytes((giver,)) + _prekey_tag(public), public)

    def open(self, announced: datagram.Announce, now: Now) -> ReceiveChain | None:
        """Open and verify an announcement (spec/sealing.md section 4). None for one already held.

        1. the prekey is ours and unused, or the certificate's; 2. it opens; 3. it is well formed and names
        this line, us, and a member; 4. a one-time prekey was issued to that member; 5. the signature is that
        member's, by a key of a certificate that is not revoked, over the prekey tag and all of it. The one-time
        prekey is then deleted. Raises SealInvalid, DecodeError, VerificationError.
        """
        row = self._rows.get(r.PREKEY, b"m" + announced.prekey_tag)
        keys = (KemPrivate.decode(row[1:]),) if row is not None else (self._signers.kem, *self._signers.older_kems)
        inner, signature = self._parse_outer(self._open_with(keys, announced.sealed))
        chain = self._parse_inner(inner, now)
        if row is not None and row[0] != chain.sender:
            raise SignatureInvalid(f"member {chain.sender} used a prekey that was issued to member {row[0]}.")
        self._verify(chain.sender, _ANNOUNCE_LABEL + announced.prekey_tag + inner, signature)
        if row is not None:
            self._rows.delete(r.PREKEY, b"m" + announced.prekey_tag)
        seen = b"a" + sha256(chain.key).digest()[:16]
        if self._rows.get(r.CHAIN, seen) is not None:
            return None
        self._rows.put(r.CHAIN, seen, now.wall.to_bytes(8, "big"))
        return chain

    def _verify(self, giver: MemberNumber, message: bytes, signature: bytes) -> None:
        """By an announce key of ``giver`` that stands: its node may not have begun to use the newest one yet."""
        member = self._membership().member(giver)
        keys = announce_keys(member)
        old = {k.announce for hash_, _, k in member.certificates if hash_ in member.closed}.difference(keys)
        problem = SignatureInvalid(f"member {giver} has no announce key.")
        for public in (*keys, *sorted(old)):
            try:
                verify_ed25519(public, message, signature)
            except SignatureInvalid as error:
                problem = error
            else:
                if public in old:
                    raise revoked(f"what member {giver} announces")
                return
        raise problem

    def forget(self, member: MemberNumber) -> None:
        """Use no prekey that ``member`` gave; of our own ones, let nobody use any."""
        prefix = b"m" if member == self._me else b"t" + bytes((member,))
        for key, _ in list(self._rows.prefixed(r.PREKEY, prefix)):
            self._rows.delete(r.PREKEY, key)

    def _open_with(self, keys: Sequence[KemPrivate], sealed: bytes) -> bytes:
        """Steps 1 and 2: the plaintext under the first key that opens it. Raises SealInvalid."""
        problem = SealInvalid("an announcement that does not open.")
        for key in keys:
            try:
                return hpke_open(key, self._info(self._me), sealed)
            except SealInvalid as error:
                problem = error
        raise problem

    @staticmethod
    def _parse_outer(body: bytes) -> tuple[bytes, bytes]:
        match cbor.decode(body, limit=limits.MAX_DATAGRAM):
            case [bytes(inner), bytes(signature)]:
                return inner, signature
        raise DecodeError("the announcement is not as the specification has it.", code="announce-malformed")

    def _parse_inner(self, inner: bytes, now: Now) -> ReceiveChain:
        """Step 3: the chain that an announcement gives, once every field of it is what it must be."""
        match cbor.decode(inner, limit=limits.MAX_DATAGRAM):
            case [
                self._line,
                int(sender),
                self._me,
                bytes(run),
                int(mask),
                bytes(tag),
                bytes(key),
                int(counter),
                int(),
            ]:
                pass
            case _:
                raise DecodeError("the announcement names another line or recipient.", code="announce-malformed")
        if sender == self._me or sender not in self._membership().members or not mask >> self._me & 1:
            raise DecodeError(f"member {sender} cannot announce a chain here.", code="announce-malformed")
        right = (len(run), len(tag), len(key)) == (8, datagram.TAG_BYTES, 32)
        if not right or mask >> limits.MAX_MEMBERS or not 0 <= counter < limits.CHAIN_MAX_MESSAGES * 2:
            raise DecodeError("the announcement has fields of wrong length or size.", code="announce-malformed")
        return ReceiveChain(MemberNumber(sender), mask, tag, key, counter, now.wall, [Incarnation(run)])


def announce_keys(member: Member) -> tuple[bytes, ...]:
    """The announce keys of its certificates that stand, newest first, each once."""
    return tuple(dict.fromkeys(keys.announce for keys in member.standing))


def _prekey_tag(public: bytes) -> bytes:
    return sha256(public).digest()[: datagram.PREKEY_TAG_BYTES]


def _prekeys_message(line: LineId, giver: int, recipient: int, publics: Iterable[bytes]) -> bytes:
    return b"".join((_PREKEYS_LABEL, line, bytes((datagram.SUITE_1, giver, recipient)), *publics))
