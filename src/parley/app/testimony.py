"""What officers signed, held against the keys that their parties stated: for a record as a whole (spec/officers.md)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, Final

from parley.errors import DecodeError, ParleyError, SignatureInvalid
from parley.ids import LogId, MemberNumber
from parley.procedure import facts
from parley.protocol.membership import Membership
from parley.wire import statement
from parley.wire.assertion import Assertion, check, enrolment_hash, key_of
from parley.wire.statement import OFFICER_FORMS, Kind, Mark, Message, Signed, Statement, signed_hash

_SIGNED_FIELD: Final = bytes((20, 0x82, 0x50))
"""How the field ``signed`` begins: its key, an array of two, 16 bytes."""
_FORM: Final = OFFICER_FORMS.encode()
_WORDS: Final = {Kind.MESSAGE: "released", Kind.ACKNOWLEDGED: "acknowledged", Kind.DECLINED: "declined"}
_NUMBERS: Final = {1: "an officer", 2: "two officers", 3: "three officers", 4: "four officers"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry stands among those of its author: by index in one tree, by its stated time across trees."""

    log: LogId
    index: int
    time: int

    def before(self, other: _Place) -> bool:
        return self.index < other.index if self.log == other.log else self.time < other.time


@dataclass(slots=True)
class OfficerKey:
    """A key that a member stated to be an officer's."""

    public_key: bytes
    rp: str
    software: bool
    approvals: tuple[Assertion, ...]
    revoked: list[_Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignedFact:
    """What officers signed in one entry. ``unchecked``: keys whose statement is not in the record."""

    entry: str
    kind: str
    keys: tuple[str, ...]
    software: bool
    unchecked: tuple[str, ...] = ()

    def sentence(self) -> str:
        """In words."""
        if not self.keys:
            return f"{self.entry}: {self.kind} without an officer's key"
        number, noun = _NUMBERS.get(len(self.keys), f"{len(self.keys)} officers"), "keys" if self.keys[1:] else "key"
        said = f"{self.entry}: {self.kind} by {number}: {noun} {', '.join(k[:16] for k in self.keys)}"
        if self.software:
            said += " (in software, with no person at it)"
        if self.unchecked:
            said += f"; not checked, since the statement of the key is not here: {', '.join(self.unchecked)}"
        return said

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {n: getattr(self, n) for n in self.__slots__} | {"text": self.sentence()}


class OfficerKeys:
    """What the members stated of their officers' keys."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.keys: dict[tuple[MemberNumber, bytes], OfficerKey] = {}
        self._early: dict[tuple[MemberNumber, bytes], list[_Place]] = {}
        """Revocations that were met before the key: trees come in any order."""

    def take(self, log: LogId, index: int, data: bytes) -> None:
        """Look at one entry's statement, which lies under its author's checkpoint."""
        if _FORM not in data:
            return
        try:
            said = statement.decode(data)
            if not isinstance(said.content, Message) or not said.content.form.startswith(OFFICER_FORMS):
                return
            fact = facts.read_fact(said.content)
        except DecodeError:
            return
        if isinstance(fact, facts.OfficerEnrolled):
            whose = log.member, key_of(fact.key)
            revoked = self._early.setdefault(whose, [])
            self.keys.setdefault(whose, OfficerKey(fact.key, fact.rp, fact.software, fact.approvals, revoked))
        elif isinstance(fact, facts.OfficerRevoked):
            self._early.setdefault((log.member, fact.key), []).append(_Place(log, index, said.time))

    def key(self, member: MemberNumber, key: bytes) -> OfficerKey | None:
        """One key of a member's officers."""
        return self.keys.get((member, key))

    def check(self, assertion: Assertion, place: _Place, said: Statement) -> OfficerKey:
        """The key by which ``assertion`` holds over ``said``. Raises SignatureInvalid."""
        member, name = place.log.member, assertion.key.hex()[:16]
        officer = self.key(member, assertion.key)
        if officer is None:
            raise SignatureInvalid(
                f"it is signed by the key {name}, which its author never stated.", code="officer-key-unknown"
            )
        if any(revoked.before(place) for revoked in officer.revoked):
            raise SignatureInvalid(f"it is signed by the key {name}, which was revoked.", code="officer-key-revoked")
        check(assertion, signed_hash(self._membership.line, member, said), officer.public_key, officer.rp)
        return officer

    def attest(self, log: LogId, index: int, said: Statement) -> list[dict[str, Any]]:
        """Of each assertion of an entry: its ``key``, ``standing`` ("verified", or the error's code), ``software``."""
        found = []
        signed = said.content.signed if isinstance(said.content, Message | Mark) else None
        for assertion in signed.by if signed is not None else ():
            standing, software = "verified", False
            try:
                software = self.check(assertion, _Place(log, index, said.time), said).software
            except ParleyError as error:
                standing = error.code
            found.append({"key": assertion.key.hex(), "standing": standing, "software": software})
        return found


class Testimony(OfficerKeys):
    """Gathers what officers' keys there are and what was signed, then checks one against the other."""

    def __init__(self, membership: Membership) -> None:
        super().__init__(membership)
        self._signed: list[tuple[_Place, Statement, Signed]] = []

    def take(self, log: LogId, index: int, data: bytes) -> None:
        """Look at one entry's statement, which lies under its author's checkpoint."""
        super().take(log, index, data)
        if _SIGNED_FIELD not in data:
            return
        try:
            said = statement.decode(data)
        except DecodeError:
            return
        if isinstance(said.content, Message | Mark) and said.content.signed is not None:
            self._signed.append((_Place(log, index, said.time), said, said.content.signed))

    def verdict(self, incomplete: Container[MemberNumber]) -> tuple[list[dict[str, Any]], list[SignedFact], list[str]]:
        """The officers' keys, what they signed, and what does not hold.

        Of a member that is ``incomplete`` some contents are not here, so that a key may be unknown without a fault.
        """
        problems: list[str] = []
        officers = []
        for (member, key), officer in self.keys.items():
            code = self._membership.member(member).code
            try:
                self._check_approvals(member, officer)
            except ParleyError as error:
                problems.append(f"{code}'s officer {key.hex()[:16]}: {error.message}")
            officers.append(
                {
                    "code": code,
                    "key": key.hex(),
                    "software": officer.software,
                    "approved_by": [a.key.hex() for a in officer.approvals],
                    "revoked": bool(officer.revoked),
                }
            )
        signed, nonces = [], set()
        for place, said, by in self._signed:
            name = self._name(place)
            if (place.log.member, by.nonce) in nonces:
                problems.append(f"{name}: an officer's word was used twice")
            nonces.add((place.log.member, by.nonce))
            try:
                signed.append(self._check(name, place, said, by, lenient=place.log.member in incomplete))
            except ParleyError as error:
                problems.append(f"{name}: {error.message}")
        return officers, signed, problems

    def _name(self, place: _Place) -> str:
        return f"{self._membership.member(place.log.member).code}-{place.log.incarnation.hex()[:4]}-{place.index}"

    def _check_approvals(self, member: MemberNumber, officer: OfficerKey) -> None:
        party = self._membership.member(member).party
        hash_ = enrolment_hash(party, officer.public_key, officer.rp, software=officer.software)
        for approval in officer.approvals:
            by = self.key(member, approval.key)
            if by is None or by is officer:
                raise SignatureInvalid("it was approved by a key that is no other officer's.", code="assertion-invalid")
            check(approval, hash_, by.public_key, by.rp)

    def _check(self, name: str, place: _Place, said: Statement, signed: Signed, *, lenient: bool) -> SignedFact:
        if len({a.key for a in signed.by}) < len(signed.by):
            raise SignatureInvalid("one officer's key signed it twice.", code="assertion-invalid")
        unchecked, software = [], False
        for assertion in signed.by:
            if lenient and self.key(place.log.member, assertion.key) is None:
                unchecked.append(assertion.key.hex())
                continue
            software = self.check(assertion, place, said).software or software
        keys = tuple(a.key.hex() for a in signed.by)
        return SignedFact(name, _WORDS.get(said.kind, said.kind.name.lower()), keys, software, tuple(unchecked))
