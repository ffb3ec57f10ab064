"""Founding a line and changing it, by files that people carry (D11, R18).

Who gives which file to whom, for any number of parties from two::

    every other party   introduce  ->  NAME-CODE.intro   -> to the one who proposes
    one party           propose    ->  NAME.charter      -> to each of the others (read it, compare fingerprints)
    every other party   accept     ->  NAME-CODE.accept  -> back to the one who proposed
    the first           open       ->  NAME.line         -> to all, who 'import' it

With two parties the acceptance is complete by itself: 'open' and 'import' of it both work. Every file is text;
the charter stands first in it. A party whose root needs several signers lets each run 'sign' on the file.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from parley.app import fingerprint
from parley.app.forms import keep, usual_packs
from parley.app.home import Home, LineHome
from parley.errors import DocumentError, KeyUnavailable, UsageError
from parley.keys.file import NodeKeyFile, create_root_key, load_root_key, write_private
from parley.protocol import membership as members
from parley.protocol.membership import Membership, root_signature_name, root_signers, verify_documents
from parley.wire import documents, note
from parley.wire.documents import (
    Charter,
    CharterMember,
    CharterPack,
    NodeCertificate,
    NoticeOfLeaving,
    Party,
    Revocation,
    RootSigner,
    decode_bundle,
    document_hash,
    encode_bundle,
)
from parley.wire.note import Note, NoteSignature
from parley.wire.tables import CLASS

DEFAULT_DEADLINES: Final = {"routine": 6 * 3600, "priority": 3 * 3600, "immediate": 1800, "flash": 60}
"""Seconds within which a message of each precedence is to be acknowledged; (U) in the field notes, so a setting."""
_NO_CHARTER: Final = "no charter is in this file."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A charter on its way to being signed, with the documents it needs."""

    charter: Charter
    signed: Note
    notes: tuple[bytes, ...]
    missing: tuple[str, ...]
    """Members whose root signatures are not yet enough."""

    def encode(self) -> bytes:
        """The file: the charter first."""
        sections = {f"charter revision {self.charter.revision} of {self.charter.line}": self.signed.encode()}
        for raw in self.notes:
            title = _title(raw)
            if raw != self.signed.encode():
                sections[title] = raw
        return encode_bundle(sections)


def in_turn(notes: Iterable[bytes]) -> list[bytes]:
    """A file's documents, so that none comes before what it needs: revocations after certificates."""
    return sorted(notes, key=lambda raw: isinstance(documents.parse(raw)[1], Revocation))


def titled(notes: Iterable[bytes]) -> dict[str, bytes]:
    """Documents by the titles that they have in a file."""
    return {_title(raw): raw for raw in notes}


def _title(raw: bytes) -> str:
    signed, document = documents.parse(raw)
    match document:
        case Party(code=code):
            return f"party {code}"
        case NodeCertificate(code=code, serial=serial):
            return f"node certificate {serial} of {code}"
        case Charter(revision=revision):
            return f"charter revision {revision}"
        case NoticeOfLeaving(code=code):
            return f"notice of leaving of {code}"
        case Revocation(code=code):
            return f"revocation {document_hash(signed.text).hex()[:16]} of {code}"


# -- identity ----------------------------------------------------------------------------------------------


def init_party(
    home: Home,
    code: str,
    name: str,
    languages: Sequence[str],
    holders: Sequence[str] = ("Root",),
    threshold: int = 1,
    passphrase: bytes | None = None,
) -> Party:
    """Make the party's root and its document. Raises UsageError when there is one already."""
    if home.party_note.exists():
        raise UsageError(
            f"{home.path} has an identity already.",
            code="identity-exists",
            next_step="See 'parley identity show'.",
        )
    trial = Party(
        code,
        name,
        tuple(languages),
        threshold,
        tuple(RootSigner(h, bytes([n] * 32)) for n, h in enumerate(holders)),
    )
    documents.parse_text(trial.text())
    signers = tuple(RootSigner(h, create_root_key(_root_path(home, h), passphrase)) for h in holders)
    party = replace(trial, signers=signers)
    signed = sign_note(home, Note(party.text(), ()), party, passphrase)
    write_private(home.party_note, signed.encode())
    return party


def _root_path(home: Home, holder: str) -> Path:
    return home.roots / ("-".join(holder.split()) + ".key")


def sign_note(home: Home, signed: Note, party: Party, passphrase: bytes | None, roots: Sequence[Path] = ()) -> Note:
    """``signed`` with the signature of every root key that is at hand. Raises KeyUnavailable for none."""
    added = 0
    for signer in party.signers:
        for path in (_root_path(home, signer.holder), *roots):
            if not path.exists():
                continue
            key = load_root_key(path, passphrase)
            if key.public == signer.key:
                name = root_signature_name(party.code, signer.holder)
                ident = note.key_id(name, note.ED25519, key.public)
                signed = signed.with_signature(NoteSignature(name, ident, key.sign(signed.text.encode())))
                added += 1
                break
    if not added:
        raise KeyUnavailable(
            f"none of the root keys of {party.code} is at hand.",
            code="key-missing",
            next_step="Put a root key into identity/roots, or name it with --root.",
        )
    return signed


# -- founding ----------------------------------------------------------------------------------------------


def introduce(home: Home, line_name: str, passphrase: bytes | None = None, roots: Sequence[Path] = ()) -> bytes:
    """Make this party's node for a line; the file for the one who proposes. ``roots``: keys kept elsewhere."""
    raw, party = home.party()
    line = home.line(line_name)
    known = bool(line.key_files())
    existing = line.path / "introduction.note"
    keys = line.newest_keys()[1] if known else NodeKeyFile.draw(os.urandom)
    if known and existing.exists():
        before = note.parse(existing.read_bytes())
    else:
        before = Note(NodeCertificate(line_name, party.code, home.party_hash(), 1, keys.public()).text(), ())
        documents.parse_text(before.text)
    signed = _signed_by_enough(home, before, party, passphrase, roots)
    # Not before it is signed: where that fails, nothing is left that nobody uses.
    if not known:
        keys.write(line.key_file(1))
    if signed is not before:
        write_private(existing, signed.encode())
    return encode_bundle({_title(raw): raw, _title(signed.encode()): signed.encode()})


def _signed_by_enough(home: Home, before: Note, party: Party, passphrase: bytes | None, roots: Sequence[Path]) -> Note:
    """``before`` with the root signatures that it lacks. Raises DocumentError ``document-unsigned`` for too few."""
    if len(root_signers(before, party)) >= party.threshold:
        return before
    signed = sign_note(home, before, party, passphrase, roots)
    count = len(root_signers(signed, party))
    if count < party.threshold:
        raise DocumentError(
            f"{count} root signatures of {party.code}, where {party.threshold} are wanted; nothing was written.",
            code="document-unsigned",
            next_step="Name the root keys that are kept elsewhere, each with --root.",
        )
    return signed


def propose(  # noqa: PLR0913 - what a charter states
    home: Home,
    line_name: str,
    introductions: Sequence[bytes],
    *,
    purpose: str = "operation",
    languages: Sequence[str] = ("en",),
    deadlines: Mapping[str, int] | None = None,
    retention_days: int = 3650,
    classes: Classes | None = None,
    telephones: Mapping[str, Sequence[str]] | None = None,
    succeeds: bytes = b"",
    passphrase: bytes | None = None,
    roots: Sequence[Path] = (),
) -> Proposal:
    """A charter of revision 0 between this party and those introduced, signed by this party.

    ``telephones``: by the code of a party, for the out-of-band card. ``classes``: those of messages that two officers
    release, or that carry an officer's key.
    """
    own = introduce(home, line_name, passphrase, roots)
    notes: list[bytes] = []
    entries: list[CharterMember] = []
    for number, data in enumerate([own, *introductions]):
        member, given = _introduced(data, number, line_name)
        entries.append(member)
        notes += given
    if len({m.party for m in entries}) < len(entries):
        raise UsageError("a party is introduced twice.", code="member-twice")
    packs, dictionary = usual_packs(home.forms)
    charter = Charter(
        line_name,
        purpose,
        0,
        b"",
        b"",
        succeeds,
        tuple(languages),
        dict(DEFAULT_DEADLINES, **(deadlines or {})),
        retention_days,
        _reached(entries, telephones or {}),
        packs,
        dictionary,
        classes.two_officers if classes else (),
        classes.signed if classes else (),
    )
    documents.parse_text(charter.text())
    signed = sign_note(home, Note(charter.text(), ()), home.party()[1], passphrase, roots)
    return _proposal(signed, notes)


def _reached(entries: Iterable[CharterMember], telephones: Mapping[str, Sequence[str]]) -> tuple[CharterMember, ...]:
    """The members, with the numbers that are given for some of them. Raises UsageError ``member-unknown``."""
    found = tuple(replace(m, telephone=tuple(telephones.get(m.code, m.telephone))) for m in entries)
    if extra := sorted(set(telephones) - {m.code for m in found}):
        known = ", ".join(m.code for m in found)
        raise UsageError(f"nobody is called {extra[0]!r} here; there are {known}.", code="member-unknown")
    return found


def succeed(  # noqa: PLR0913 - what a charter states
    home: Home,
    old: LineHome,
    line_name: str,
    introductions: Sequence[bytes],
    *,
    deadlines: Mapping[str, int] | None = None,
    retention_days: int | None = None,
    classes: Classes | None = None,
    telephones: Mapping[str, Sequence[str]] | None = None,
    passphrase: bytes | None = None,
    roots: Sequence[Path] = (),
) -> Proposal:
    """The founding charter of the line that takes the place of ``old``. What is not given is as in the old charter."""
    membership = old.membership()
    current = membership.current.charter
    remain = {home.party()[1].code, *(_introduced(data, 0, line_name)[0].code for data in introductions)}
    reached = {m.code: m.telephone for m in current.members if m.telephone and m.code in remain}
    return propose(
        home,
        line_name,
        introductions,
        purpose=current.purpose,
        languages=current.languages,
        deadlines=dict(current.acknowledge_within, **(deadlines or {})),
        retention_days=current.retention_days if retention_days is None else retention_days,
        classes=Classes(current.two_officers, current.signed) if classes is None else classes,
        telephones={**reached, **(telephones or {})},
        succeeds=bytes(membership.line),
        passphrase=passphrase,
        roots=roots,
    )


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of messages that a charter names, as ``parley.wire.documents.Charter`` has them."""

    two_officers: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()

    @classmethod
    def of(cls, two_officers: Iterable[str], signed: Iterable[str]) -> Classes:
        """As people write them. Raises UsageError ``class-unknown``."""
        return cls(_classes(two_officers), _classes(signed))


def _classes(given: Iterable[str]) -> tuple[str, ...]:
    found = tuple(sorted({c.strip() for c in given if c.strip()}))
    for each in found:
        if not CLASS.fullmatch(each):
            raise UsageError(
                f"{each!r} is no class of messages.",
                code="class-unknown",
                next_step="Name forms by id (M2), 'text' for free text, or a precedence in small letters.",
            )
    return found


def _introduced(data: bytes, number: int, line_name: str) -> tuple[CharterMember, list[bytes]]:
    party: tuple[bytes, Party] | None = None
    certificate: tuple[bytes, NodeCertificate] | None = None
    raws = list(decode_bundle(data).values())
    for raw in raws:
        signed, document = documents.parse(raw)
        if isinstance(document, Party):
            party = document_hash(signed.text), document
        elif isinstance(document, NodeCertificate):
            certificate = document_hash(signed.text), document
    if party is None or certificate is None:
        raise DocumentError("an introduction lacks a party document or a certificate.", code="document-missing")
    if certificate[1].line != line_name:
        raise DocumentError(
            f"{party[1].code} introduced itself for the line {certificate[1].line!r}, not {line_name!r}.",
            code="document-mismatch",
        )
    return CharterMember(number, party[1].code, party[1].name, party[0], certificate[0]), raws


def _proposal(signed: Note, notes: Iterable[bytes]) -> Proposal:
    raws = tuple(notes)
    document = documents.parse_text(signed.text)
    if not isinstance(document, Charter):
        raise DocumentError(_NO_CHARTER, code="document-missing")
    return Proposal(document, signed, raws, _missing(signed, document, raws))


def _missing(signed: Note, charter: Charter, raws: Iterable[bytes]) -> tuple[str, ...]:
    parties: dict[bytes, Party] = {}
    must = {m.party for m in charter.members}
    for raw in raws:
        other, document = documents.parse(raw)
        if isinstance(document, Party):
            parties[document_hash(other.text)] = document
        elif isinstance(document, Charter) and document_hash(other.text) == charter.previous:
            must |= {m.party for m in document.members}
    return tuple(
        parties[h].code if h in parties else h.hex()[:16]
        for h in sorted(must)
        if h not in parties or len(root_signers(signed, parties[h])) < parties[h].threshold
    )


def read_proposal(data: bytes) -> Proposal:
    """The proposal in a file: its newest charter and the rest. Raises DecodeError, DocumentError."""
    raws = list(decode_bundle(data).values())
    charters = [(d.revision, n) for n, d in map(documents.parse, raws) if isinstance(d, Charter)]
    if not charters:
        raise DocumentError(_NO_CHARTER, code="document-missing")
    signed = max(charters, key=lambda row: row[0])[1]
    return _proposal(signed, [r for r in raws if documents.parse(r)[0].text != signed.text])


def sign(home: Home, proposal: Proposal, passphrase: bytes | None = None, roots: Sequence[Path] = ()) -> Proposal:
    """Add this party's root signatures to the charter."""
    _, party = home.party()
    return _proposal(sign_note(home, proposal.signed, party, passphrase, roots), proposal.notes)


def check_fingerprint(proposal: Proposal, home: Home, expected: str) -> None:
    """Raises DocumentError unless ``expected`` names the party document of another member (R37)."""
    own = home.party_hash()
    for member in proposal.charter.members:
        if member.party != own and fingerprint.agrees(expected, member.party):
            return
    raise DocumentError(
        "the fingerprint read to you is of no other party in this file.",
        code="fingerprint-mismatch",
        next_step="Do not sign. Somebody may have changed the file on its way; ask for it again, by hand.",
    )


def accept(home: Home, proposal: Proposal, passphrase: bytes | None = None) -> Proposal:
    """Sign a proposal that names this party and its node. Raises DocumentError when it does not."""
    line = home.line(proposal.charter.line)
    own = next((m for m in proposal.charter.members if m.party == home.party_hash()), None)
    introduction = line.path / "introduction.note"
    if own is None or not introduction.exists():
        raise DocumentError(
            "this charter does not name this party.",
            code="document-mismatch",
            next_step="Give the proposer the file of 'parley line introduce' first.",
        )
    if document_hash(documents.parse(introduction.read_bytes())[0].text) != own.certificate:
        raise DocumentError("this charter names another node certificate of ours.", code="document-mismatch")
    return sign(home, proposal, passphrase)


def merge(proposals: Sequence[Proposal]) -> Proposal:
    """One proposal with all their signatures. Raises DocumentError when the charters differ."""
    first = proposals[0]
    signed = first.signed
    for other in proposals[1:]:
        if other.signed.text != signed.text:
            raise DocumentError(
                "the files hold different charters.",
                code="charter-differs",
                next_step="Compare them line by line (diff); all must sign one text.",
            )
        for signature in other.signed.signatures:
            signed = signed.with_signature(signature)
    return _proposal(signed, first.notes)


def install(home: Home, proposal: Proposal) -> tuple[LineHome, Membership]:
    """Verify all and keep it: the line is founded here, or amended. Raises DocumentError."""
    if proposal.missing:
        raise DocumentError(
            f"root signatures are missing: {', '.join(proposal.missing)}.",
            code="document-unsigned",
            next_step="Let them run 'parley line accept' or 'sign' on the file.",
        )
    line = home.line(proposal.charter.line)
    notes = {document_hash(documents.parse(raw)[0].text): raw for raw in (*line.notes(), *proposal.notes)}
    notes[document_hash(proposal.signed.text)] = proposal.signed.encode()
    membership = verify_documents(notes.values())
    if not line.key_files():
        raise DocumentError("this home has no node keys for the line.", code="key-missing")
    line.me(membership)
    # Before the charter holds: what it names must be there for as long as it does, whichever build comes next.
    keep(membership.current.charter, line.forms)
    line.add_notes(membership.notes)
    return line, membership


def founding_file(membership: Membership) -> bytes:
    """All documents of a line in one file, the newest charter first."""
    notes = dict(membership.notes)
    newest = notes.pop(membership.current.hash)
    charter = membership.current.charter
    sections = {f"charter revision {charter.revision} of {charter.line}": newest}
    sections.update({_title(raw): raw for raw in notes.values()})
    return encode_bundle(sections)


# -- changing ----------------------------------------------------------------------------------------------


def amend(  # noqa: PLR0913 - what a revision may change
    home: Home,
    line: LineHome,
    *,
    deadlines: Mapping[str, int] | None = None,
    retention_days: int | None = None,
    classes: Classes | None = None,
    telephones: Mapping[str, Sequence[str]] | None = None,
    add: Sequence[bytes] = (),
    remove: Sequence[str] = (),
    packs: Sequence[CharterPack] | None = None,
    passphrase: bytes | None = None,
) -> Proposal:
    """The next revision of the charter, signed by this party; all members sign it before it holds."""
    membership = line.membership()
    current = membership.current.charter
    entries = [m for m in current.members if m.code not in remove]
    for code in remove:
        membership.by_code(code)
    notes = list(membership.notes.values())
    number = max(membership.members) + 1
    for data in add:
        member, given = _introduced(data, number, line.name)
        entries.append(member)
        notes += given
        number += 1
    charter = replace(
        current,
        revision=current.revision + 1,
        founding=membership.line,
        previous=membership.current.hash,
        acknowledge_within=dict(current.acknowledge_within, **(deadlines or {})),
        retention_days=current.retention_days if retention_days is None else retention_days,
        members=_reached(entries, telephones or {}),
        packs=current.packs if packs is None else tuple(packs),
        dictionary=current.dictionary if packs is None else usual_packs(home.forms)[1],
        two_officers=current.two_officers if classes is None else classes.two_officers,
        signed=current.signed if classes is None else classes.signed,
    )
    documents.parse_text(charter.text())
    return _proposal(sign_note(home, Note(charter.text(), ()), home.party()[1], passphrase), notes)


def changes(before: Charter, after: Charter) -> list[str]:
    """What a later revision changes of the text of the one in force: lines taken out and put in, as in a diff."""
    if after.revision <= before.revision:
        return []
    texts = (before.text().splitlines(), after.text().splitlines())
    found = difflib.unified_diff(*texts, lineterm="", n=0)
    passing = ("---", "+++", "@@", "-revision", "+revision", "-founding", "+founding", "-previous", "+previous")
    return [line for line in found if not line.startswith(passing)]


def rotate(
    home: Home,
    line: LineHome,
    passphrase: bytes | None = None,
    roots: Sequence[Path] = (),
    *,
    compromised: bool = False,
) -> bytes:
    """New keys for this node from its next start on; the certificate, for peers that get it by hand.

    ``roots``: root keys kept elsewhere, so that a root of k signers signs at once. Raises DocumentError
    ``document-unsigned`` for fewer, and nothing has changed then.

    TLS and announce keys stay: with them the certificate travels over the line itself, whenever the node restarts.
    Where the keys are ``compromised`` they are drawn anew as well; then the certificate must be with the peers first.
    """
    membership = line.membership()
    serial, keys = line.newest_keys()
    _, party = home.party()
    fresh = NodeKeyFile.draw(os.urandom, keep=keys, compromised=compromised)
    certificate = NodeCertificate(line.name, party.code, home.party_hash(), serial + 1, fresh.public())
    signed = sign_note(home, Note(certificate.text(), ()), party, passphrase, roots).encode()
    extended = members.extend(membership, signed)
    fresh.write(line.key_file(serial + 1))
    line.add_notes(extended.notes)
    return encode_bundle({_title(signed): signed})


def leave(
    home: Home, line: LineHome, reason: str, passphrase: bytes | None = None, roots: Sequence[Path] = ()
) -> bytes:
    """This party's notice that it no longer writes on the line; it goes on listening."""
    membership = line.membership()
    _, party = home.party()
    notice = NoticeOfLeaving(membership.line, party.code, home.party_hash(), reason)
    documents.parse_text(notice.text())
    signed = sign_note(home, Note(notice.text(), ()), party, passphrase, roots).encode()
    line.add_notes(members.extend(membership, signed).notes)
    return encode_bundle({_title(signed): signed})


def add_documents(line: LineHome, data: bytes) -> Membership:
    """Take in certificates, notices or complete revisions from a file."""
    membership = line.membership()
    for raw in in_turn(decode_bundle(data).values()):
        membership = members.extend(membership, raw)
    line.add_notes(membership.notes)
    return membership
