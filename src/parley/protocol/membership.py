"""Who is on a line, under which rules and keys: documents in, a verified Membership out (D11).

``verify_documents`` is the only way to a Membership, and a Membership is what the rest of the core trusts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from parley.crypto.signing import check_ed25519_key, verify_ed25519
from parley.errors import DocumentError, SignatureInvalid
from parley.ids import Incarnation, LineId, MemberNumber
from parley.wire import documents, note
from parley.wire.documents import (
    Charter,
    Document,
    NodeCertificate,
    NodeKeys,
    NoticeOfLeaving,
    Party,
    Revocation,
    document_hash,
)
from parley.wire.note import Note

__all__ = ["ClosingHead", "Member", "Membership", "NodeKeys", "Revision", "root_signature_name", "verify_documents"]


class ClosingHead(NamedTuple):
    """Where a run under a revoked certificate ends, as its party states."""

    size: int
    root: bytes


_NOTHING: Final = ClosingHead(0, b"")


@dataclass(frozen=True, slots=True)
class Member:
    """A member and its node's certificates, oldest first."""

    number: MemberNumber
    code: str
    name: str
    languages: tuple[str, ...]
    party: bytes
    threshold: tuple[int, int]
    """k of n root signers; (1, 1) is shown as such."""
    certificates: tuple[tuple[bytes, int, NodeKeys], ...]
    """Hash, serial and keys."""
    left: bool = False
    revocations: tuple[Revocation, ...] = ()
    """Of its certificates, in the order of their hashes."""
    closed: Mapping[bytes, Mapping[Incarnation, ClosingHead]] = field(default_factory=dict)
    """By the hash of each certificate that is revoked, where its runs end; those that are not named end at nothing."""

    @property
    def keys(self) -> NodeKeys:
        """The keys in force."""
        return self.certificates[-1][2]

    @property
    def certificate(self) -> bytes:
        """The hash of the certificate in force."""
        return self.certificates[-1][0]

    def keys_for(self, certificate: bytes) -> NodeKeys | None:
        """The keys of one certificate, in force or not."""
        return next((keys for h, _, keys in self.certificates if h == certificate), None)

    @property
    def standing(self) -> tuple[NodeKeys, ...]:
        """The keys of the certificates that are not revoked, newest first."""
        return tuple(keys for h, _, keys in reversed(self.certificates) if h not in self.closed)

    def closing(self, certificate: bytes, run: Incarnation) -> ClosingHead | None:
        """Where ``run`` ends under ``certificate``; None where that is not revoked."""
        runs = self.closed.get(certificate)
        return None if runs is None else runs.get(run, _NOTHING)


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of the charter that every member signed."""

    hash: bytes
    charter: Charter

    @property
    def members(self) -> tuple[MemberNumber, ...]:
        """The numbers of its members, in order."""
        return tuple(MemberNumber(m.number) for m in self.charter.members)


@dataclass(frozen=True, slots=True)
class Membership:
    """The verified documents of a line."""

    line: LineId
    revisions: tuple[Revision, ...]
    members: Mapping[MemberNumber, Member]
    notes: Mapping[bytes, bytes]
    """Every document, by the SHA-256 of its text."""

    @property
    def current(self) -> Revision:
        """The revision in force."""
        return self.revisions[-1]

    def member(self, number: MemberNumber) -> Member:
        """Raises DocumentError for a number that nobody has or had."""
        found = self.members.get(number)
        if found is None:
            raise DocumentError(f"nobody is member {number} of this line.", code="member-unknown")
        return found

    def by_code(self, code: str) -> Member:
        """Raises DocumentError for a code that nobody has or had."""
        for member in self.members.values():
            if member.code == code:
                return member
        known = ", ".join(m.code for m in self.members.values())
        raise DocumentError(f"nobody on this line is called {code!r}; there are {known}.", code="member-unknown")

    def revision(self, hash_: bytes) -> Revision | None:
        """The revision with this hash."""
        return next((r for r in self.revisions if r.hash == hash_), None)

    def peers(self, me: MemberNumber) -> tuple[MemberNumber, ...]:
        """The other members in force. One that left still hears and is heard: what it wrote before must reach all."""
        return tuple(n for n in self.current.members if n != me)


def root_signature_name(code: str, holder: str) -> str:
    """The key name of a root signature: the holder's words joined, since a key name holds no spaces."""
    return f"parley/{code}/root/" + "-".join(holder.split())


def root_signers(signed: Note, party: Party) -> tuple[str, ...]:
    """Whose root signatures on ``signed`` verify; wrong ones are not counted."""
    found = []
    for signer in party.signers:
        name = root_signature_name(party.code, signer.holder)
        signature = signed.signed_by(name, note.key_id(name, note.ED25519, signer.key))
        if signature is None:
            continue
        try:
            verify_ed25519(signer.key, signed.text.encode(), signature)
        except SignatureInvalid:
            continue
        found.append(signer.holder)
    return tuple(found)


def _require_root(signed: Note, party: Party, what: str) -> None:
    got = len(root_signers(signed, party))
    if got < party.threshold:
        raise DocumentError(
            f"{what} needs {party.threshold} of {len(party.signers)} root signatures of {party.code}, got {got}.",
            code="document-unsigned",
            next_step="Let the missing signers run 'parley line sign' on the file.",
        )


def verify_documents(signed: Iterable[bytes]) -> Membership:
    """The membership that a line's documents prove (spec/documents.md section 3).

    1. every note parses, and its text is the one encoding of a document;
    2. each party document is signed by its own root, and its keys are acceptable Ed25519 keys;
    3. each certificate is signed by the root of the party it names, and gives no key two jobs;
    4. exactly one charter has revision 0; it cites nothing before it; its hash names the line;
    5. each further revision cites the one before and the founding one, keeps every member's number and
       code, and reuses none;
    6. each revision is signed by the roots of all its members, and of all members of the one before;
    7. every member's party document and certificate are here; a later certificate has a higher serial;
    8. each notice of leaving is signed by that member's root;
    9. each revocation is signed by that member's root, and names a certificate of it that a later one replaces. Of
       several of one certificate, what each lets stand is what all of them do.

    Raises DecodeError for bytes that are no document, DocumentError for what does not hold.
    """
    parsed = [(raw, *documents.parse(raw)) for raw in signed]
    notes = {document_hash(n.text): raw for raw, n, _ in parsed}
    parties: dict[bytes, Party] = {}
    for _, signed_note, document in parsed:
        if isinstance(document, Party):
            for signer in document.signers:
                _check_key(signer.key, f"a root key of {document.code}")
            _require_root(signed_note, document, f"the party document of {document.code}")
            parties[document_hash(signed_note.text)] = document
    certificates = [
        (document_hash(n.text), d, _verify_certificate(n, d, parties))
        for _, n, d in parsed
        if isinstance(d, NodeCertificate)
    ]
    charters = sorted(
        ((document_hash(n.text), n, d) for _, n, d in parsed if isinstance(d, Charter)),
        key=lambda row: row[2].revision,
    )
    revisions = _verify_charters(charters, parties)
    members = _members(revisions, parties, certificates)
    line = LineId(revisions[0].hash)
    for _, signed_note, document in parsed:
        if isinstance(document, NoticeOfLeaving):
            member = _own_word(signed_note, document, line, parties, members, "notice of leaving")
            members[member.number] = replace(member, left=True)
    _revoke(parsed, line, parties, members)
    return Membership(line, revisions, members, notes)


def extend(membership: Membership, signed: bytes) -> Membership:
    """With one document more; the same object when it is known already. Raises as ``verify_documents``."""
    return extend_all(membership, [signed])


def extend_all(membership: Membership, signed: Iterable[bytes]) -> Membership:
    """With documents that may need one another, in any order; the same object when all are known already."""
    fresh = {document_hash(documents.parse(raw)[0].text): raw for raw in signed}
    fresh = {hash_: raw for hash_, raw in fresh.items() if hash_ not in membership.notes}
    return verify_documents([*membership.notes.values(), *fresh.values()]) if fresh else membership


def _check_key(key: bytes, what: str) -> None:
    try:
        check_ed25519_key(key)
    except SignatureInvalid as error:
        raise DocumentError(f"{what} must be refused: {error.message}", code=error.code) from None


def _verify_certificate(signed: Note, certificate: NodeCertificate, parties: Mapping[bytes, Party]) -> Party:
    party = parties.get(certificate.party)
    if party is None or party.code != certificate.code:
        raise DocumentError(
            f"a node certificate of {certificate.code} names a party document that is not here.",
            code="document-missing",
        )
    for name in ("checkpoint", "receipt", "announce"):
        _check_key(getattr(certificate.keys, name), f"the {name} key of {certificate.code}")
    _require_root(signed, party, f"the node certificate of {certificate.code}")
    return party


def _verify_charters(
    charters: list[tuple[bytes, Note, Charter]], parties: Mapping[bytes, Party]
) -> tuple[Revision, ...]:
    if not charters:
        raise DocumentError("no charter is here.", code="document-missing")
    revisions: list[Revision] = []
    for hash_, signed, charter in charters:
        before = revisions[-1] if revisions else None
        wanted = (len(revisions), revisions[0].hash if revisions else b"", before.hash if before else b"")
        if (charter.revision, charter.founding, charter.previous) != wanted:
            raise DocumentError(
                f"charter revision {charter.revision} does not follow from the one before.",
                code="charter-out-of-order",
                next_step="Add the revisions between, or the one that all members signed.",
            )
        signing = {m.party for m in charter.members} | {m.party for m in (before.charter.members if before else ())}
        for party_hash in sorted(signing):
            party = parties.get(party_hash)
            if party is None:
                raise DocumentError("a charter names a party document that is not here.", code="document-missing")
            _require_root(signed, party, f"charter revision {charter.revision}")
        for earlier in revisions:
            _check_numbers(earlier.charter, charter)
        revisions.append(Revision(hash_, charter))
    return tuple(revisions)


def _check_numbers(earlier: Charter, later: Charter) -> None:
    if later.purpose != earlier.purpose or later.line != earlier.line:
        raise DocumentError("a revision cannot change a line's name or class.", code="charter-changes-class")
    was = {m.number: m.party for m in earlier.members}
    for member in later.members:
        if was.get(member.number, member.party) != member.party:
            raise DocumentError(f"number {member.number} was given to two parties.", code="member-number-reused")


def _members(
    revisions: tuple[Revision, ...],
    parties: Mapping[bytes, Party],
    certificates: list[tuple[bytes, NodeCertificate, Party]],
) -> dict[MemberNumber, Member]:
    members: dict[MemberNumber, Member] = {}
    line = revisions[0].charter.line
    for revision in revisions:
        for entry in revision.charter.members:
            party = parties[entry.party]
            if party.code != entry.code or party.name != entry.name:
                raise DocumentError(
                    f"the charter calls {party.code} otherwise than its party document does.",
                    code="document-mismatch",
                )
            own = sorted((c.serial, h, c.keys) for h, c, _ in certificates if c.party == entry.party and c.line == line)
            if entry.certificate not in {h for _, h, _ in own}:
                raise DocumentError(f"the node certificate of {entry.code} is not here.", code="document-missing")
            if len({serial for serial, _, _ in own}) < len(own):
                raise DocumentError(f"{entry.code} signed two certificates of one serial.", code="certificate-twice")
            members[MemberNumber(entry.number)] = Member(
                MemberNumber(entry.number),
                entry.code,
                entry.name,
                party.languages,
                entry.party,
                (party.threshold, len(party.signers)),
                tuple((h, serial, keys) for serial, h, keys in own),
            )
    return members


def _own_word(
    signed: Note,
    document: NoticeOfLeaving | Revocation,
    line: LineId,
    parties: Mapping[bytes, Party],
    members: Mapping[MemberNumber, Member],
    what: str,
) -> Member:
    """Whose ``document`` this is, once its root has signed it."""
    member = next((m for m in members.values() if m.party == document.party), None)
    if document.line_id != line or member is None or member.code != document.code:
        raise DocumentError(f"a {what} belongs to another line.", code="document-mismatch")
    _require_root(signed, parties[document.party], f"the {what} of {document.code}")
    return member


def _revoke(
    parsed: Iterable[tuple[bytes, Note, Document]],
    line: LineId,
    parties: Mapping[bytes, Party],
    members: dict[MemberNumber, Member],
) -> None:
    """Step 9. The order of the documents makes no difference: of two words on one run, the lower head holds."""
    found = [(document_hash(n.text), n, d) for _, n, d in parsed if isinstance(d, Revocation)]
    for _, signed, document in sorted(found, key=lambda row: row[0]):
        member = _own_word(signed, document, line, parties, members, "revocation")
        if member.keys_for(document.certificate) is None or member.certificate == document.certificate:
            raise DocumentError(
                f"the certificate that {document.code} revokes, or the one that replaces it, is not here.",
                code="document-missing",
                next_step="Add the newer certificate of that party first.",
            )
        runs = {Incarnation(c.run): ClosingHead(c.size, c.root) for c in document.closed}
        before = member.closed.get(document.certificate)
        if before is not None:
            runs = {run: min(head, before[run]) for run, head in runs.items() if run in before}
        closed = {**member.closed, document.certificate: runs}
        members[member.number] = replace(member, revocations=(*member.revocations, document), closed=closed)
