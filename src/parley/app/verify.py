"""Checking an exported record: what is proven, by which keys, and what is missing (D5; spec/export.md section 4)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cbor2

from parley.app.fingerprint import words
from parley.app.forms import library
from parley.app.revoked import revoked
from parley.app.testimony import SignedFact, Testimony
from parley.app.unsigned import Unsigned, Wanted
from parley.errors import DecodeError, ParleyError, UsageError, VerificationError
from parley.ids import Incarnation, LogId
from parley.procedure.outgoing import watermark
from parley.protocol.membership import ClosingHead, Member, Membership, NodeKeys, verify_documents
from parley.record import checkpoint, equivocation
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.commitment import commit, commit_for
from parley.record.cosignature import Cosignature, checkpoint_name, receipt_name
from parley.record.rfc6962 import leaf_hash, root_hash
from parley.wire import cbor, note, statement
from parley.wire.documents import decode_bundle
from parley.wire.note import Note
from parley.wire.statement import EVERYONE, Kind, Opened, RefusedEntry

_MAX_MEMBER: Final = 1 << 30
"""Bytes of one file within the export, after decompression."""
_MAX_FILES: Final = 1 << 20
_TILE: Final = 256
_LEAF: Final = 34
_REFUSED: Final = bytes((0, Kind.REFUSED))
"""Behind the head of a refusal's map: its first field. Spares all other statements their decoding."""


@dataclass(slots=True)
class Received:
    """How far one member's receipts on a tree reach: entries below the size, but those refused, are proven received."""

    code: str
    ed25519: int = 0
    mldsa44: int = 0
    time: int = 0
    refused: list[tuple[int, int]] = field(default_factory=list)
    """Entries that arrived there and that its own log refuses: its receipts do not say that it has their contents."""
    revoked: int = 0
    """How far those of its receipts reach whose certificate it has revoked since."""


@dataclass(slots=True)
class LogFacts:
    """What is proven of one tree."""

    origin: str
    author: str
    size: int
    said_mldsa44: int = 0
    """Entries below this are proven said by ML-DSA-44 too; the rest up to ``size`` by Ed25519 only."""
    contents: int = 0
    erased: list[tuple[int, int]] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    closed: int | None = None
    """Its certificate was revoked, and its author states that it ends here; None where that is in force."""
    beyond: list[tuple[int, int]] = field(default_factory=list)
    """Entries above the head at which its author closed it: signed and kept, and not its word any more (ADR 90)."""
    other_history: bool = False
    """What is held is not the history that its author closed."""


@dataclass(slots=True)
class Report:
    """The outcome: ``problems`` empty means that all that is in the file holds."""

    line: str = ""
    mark: str = ""
    """What stands on all that is shown of the line; empty for operation (B9)."""
    line_id: str = ""
    members: list[dict[str, Any]] = field(default_factory=list)
    logs: list[LogFacts] = field(default_factory=list)
    equivocations: list[str] = field(default_factory=list)
    revoked: list[dict[str, Any]] = field(default_factory=list)
    """Certificates that their parties revoked, with the heads at which the runs under them were closed."""
    officers: list[dict[str, Any]] = field(default_factory=list)
    """Officers' keys, as their parties stated them."""
    signed: list[SignedFact] = field(default_factory=list)
    """What officers signed, checked."""
    unsigned: list[Unsigned] = field(default_factory=list)
    """Releases and acknowledgements without the officers' keys that the charter asks for: said so by their authors."""
    unread: list[str] = field(default_factory=list)
    """Packs that the charter names and that are not at hand: which of their forms two release is not known."""
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing was tampered with."""
        return not self.problems

    @property
    def entries(self) -> int:
        """Entries of all trees."""
        return sum(log.size for log in self.logs)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "good": self.good,
            "line": self.line,
            "mark": self.mark,
            "line_id": self.line_id,
            "members": self.members,
            "entries": self.entries,
            "logs": [
                {
                    **{n: getattr(x, n) for n in x.__slots__ if n != "received"},
                    "received": [{n: getattr(y, n) for n in y.__slots__} for y in x.received],
                }
                for x in self.logs
            ],
            "equivocations": self.equivocations,
            "revoked": self.revoked,
            "officers": self.officers,
            "signed": [s.as_json() for s in self.signed],
            "unsigned": [u.as_json() for u in self.unsigned],
            "unread": self.unread,
            "problems": self.problems,
        }


Refusals = dict[tuple[str, str], set[int]]
"""The indexes that a member's log refuses, by the member's code and the origin of the tree."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is gathered from one tree for the record as a whole."""

    log: LogId
    refusals: Refusals
    testimony: Testimony
    wanted: Wanted


class _Archive:
    """The export's files, each read with a bound. Names are looked up, never used as paths."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = archive.namelist()
        if len(self.names) > _MAX_FILES or len(set(self.names)) < len(self.names):
            raise DecodeError("the file holds too many files, or two of one name.", code="record-malformed")

    def read(self, name: str) -> bytes:
        """Raises DecodeError that names the file which is damaged or missing."""
        try:
            if self._archive.getinfo(name).file_size > _MAX_MEMBER:
                raise DecodeError(f"{name} is larger than 1 GiB.", code="record-malformed")
            return self._archive.read(name)
        except KeyError:
            raise DecodeError(f"{name} is missing.", code="record-incomplete") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise DecodeError(f"{name} is damaged: {error}.", code="record-tampered") from None

    def under(self, prefix: str) -> list[str]:
        """The files whose names begin so, sorted."""
        return sorted(n for n in self.names if n.startswith(prefix) and not n.endswith("/"))


def verify_record(path: Path, packs: Path | None = None) -> Report:
    """Check the record in ``path``: needs nothing but the file and the keys in the charter inside it.

    ``packs``: a folder of form packs besides those of Parley, for which of their forms two officers release.

    1. the documents prove a membership; 2. each tree's head is signed by the key of the certificate that
    its first entry names; 3. the commitments give the head's root; 4. each content is the one committed to;
    5. each cosignature is on a head that the commitments give; 6. each equivocation proof holds; 7. each officer's
    assertion is by a key that its party stated, over what the entry says; 8. releases and acknowledgements of the
    classes that the charter and its packs name carry officers' keys: where not, that is no tampering (``unsigned``).
    9. what lies above the head at which a revocation closed its tree is named, and is no tampering either (``beyond``).
    Raises UsageError when the file cannot be read at all. What does not hold is in the report.
    """
    report = Report()
    try:
        with zipfile.ZipFile(path) as opened:
            _verify(_Archive(opened), report, packs)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist.", code="file-unreadable") from None
    except (zipfile.BadZipFile, OSError) as error:
        report.problems.append(f"{path.name} is no record, or is damaged: {error}")
    except ParleyError as error:
        report.problems.append(error.message)
    return report


def _verify(archive: _Archive, report: Report, packs: Path | None) -> None:
    membership = verify_documents(decode_bundle(archive.read("line.txt")).values())
    report.line = membership.current.charter.line
    report.mark = watermark(membership.current.charter.purpose)
    report.line_id = membership.line.hex()
    report.members = [
        {
            "code": m.code,
            "name": m.name,
            "fingerprint": m.party.hex(),
            "words": words(m.party),
            "threshold": list(m.threshold),
        }
        for m in membership.members.values()
    ]
    report.revoked = [{"code": m.code, **row} for m in membership.members.values() for row in revoked(m)]
    refusals: Refusals = {}
    testimony, wanted = Testimony(membership), Wanted(membership, library(packs).all())
    report.unread = wanted.unread
    for folder in sorted({"/".join(n.split("/")[:2]) for n in archive.under("logs/")}):
        try:
            report.logs.append(_verify_log(archive, membership, folder, report, (refusals, testimony, wanted)))
        except ParleyError as error:
            report.problems.append(f"{folder}: {error.message}")
    _subtract(report.logs, refusals)
    incomplete = {membership.by_code(log.author).number for log in report.logs if log.erased or log.missing}
    report.officers, report.signed, problems = testimony.verdict(incomplete)
    report.problems += problems
    report.unsigned = wanted.verdict()
    for name in archive.under("equivocations/"):
        try:
            report.equivocations.append(_verify_equivocation(archive.read(name), membership))
        except ParleyError as error:
            report.problems.append(f"{name}: {error.message}")


def _subtract(logs: Iterable[LogFacts], refusals: Refusals) -> None:
    for log in logs:
        for got in log.received:
            for index in sorted(refusals.get((got.code, log.origin), ())):
                _extend(got.refused, index, min(index + 1, max(got.ed25519, got.mldsa44)))


def _verify_log(
    archive: _Archive,
    membership: Membership,
    folder: str,
    report: Report,
    gathered: tuple[Refusals, Testimony, Wanted],
) -> LogFacts:
    signed = note.parse(archive.read(f"{folder}/checkpoint"))
    head = checkpoint.parse_text(signed.text)
    code, _, run = folder.removeprefix("logs/").rpartition("-")
    author = membership.by_code(code)
    if head.origin != origin_of(membership.line, code, Incarnation(bytes.fromhex(run))):
        raise VerificationError(f"the head is of {head.origin}.", code="record-tampered")
    commitments = _commitments(archive, folder, head.size)
    leaves = [leaf_hash(c) for c in commitments]
    if root_hash(leaves) != head.root:
        raise VerificationError("the commitments do not give the signed root: one was changed.", code="record-tampered")
    facts = LogFacts(head.origin, code, head.size)
    taken = _Taken(LogId(author.number, Incarnation(bytes.fromhex(run))), *gathered)
    opened = _verify_contents(archive, folder, membership, author, commitments, facts, report, taken)
    keys = author.keys_for(opened.certificate) if opened is not None else None
    candidates = [keys] if keys is not None else [k for _, _, k in author.certificates]
    used = _signed_by(signed, candidates)
    if opened is not None:
        _closing(facts, author.closing(opened.certificate, taken.log.incarnation), leaves)
    if signed.signatures[1:]:
        facts.said_mldsa44 = _author_mldsa(signed, head, membership, author, used)
    _verify_receipts(archive, folder, membership, author, used, leaves, facts, report)
    return facts


def _closing(facts: LogFacts, closing: ClosingHead | None, leaves: list[bytes]) -> None:
    """What its author's revocation says of a tree: no fault, whatever was signed beyond it."""
    if closing is None:
        return
    facts.closed = closing.size
    _extend(facts.beyond, closing.size, facts.size)
    reached = 0 < closing.size <= facts.size
    facts.other_history = reached and root_hash(leaves[: closing.size]) != closing.root


def _signed_by(signed: Note, candidates: Iterable[NodeKeys]) -> NodeKeys:
    problem: ParleyError | None = None
    for keys in candidates:
        try:
            checkpoint.verify(signed, keys.checkpoint)
        except ParleyError as error:
            problem = error
        else:
            return keys
    raise problem or VerificationError("its author has no certificate here.", code="certificate-missing")


def _commitments(archive: _Archive, folder: str, size: int) -> list[bytes]:
    prefix = f"{folder}/tile/entries/"
    data = bytearray()
    tiles = sorted(archive.under(prefix), key=lambda n: _tile_index(n[len(prefix) :]))
    for expected, name in enumerate(tiles):
        if _tile_index(name[len(prefix) :]) != expected:
            raise DecodeError(f"the commitments from {expected * _TILE} are missing.", code="record-incomplete")
        data += archive.read(name)
    if len(data) != size * _LEAF:
        raise DecodeError(f"{len(data) // _LEAF} commitments where the head has {size}.", code="record-incomplete")
    if data[0::_LEAF].strip(b"\x00") or data[1::_LEAF].strip(b"\x20"):
        raise DecodeError("a commitment's length is not 32.", code="record-tampered")
    return [bytes(data[at + 2 : at + _LEAF]) for at in range(0, len(data), _LEAF)]


def _tile_index(name: str) -> int:
    digits = name.split(".p/", maxsplit=1)[0].replace("x", "").replace("/", "")
    if not digits.isdigit():
        raise DecodeError(f"{name} names no tile.", code="record-malformed")
    return int(digits)


def _rows(data: bytes) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    stream = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(stream)
    again = 0
    while again < len(data):
        try:
            row = decoder.decode()
        except (cbor2.CBORDecodeError, ValueError, OverflowError, UnicodeDecodeError, RecursionError):
            raise DecodeError("contents.cbor is damaged.", code="record-tampered") from None
        match row:
            case [int(index), bytes(salt), bytes(said)] if len(salt) == 32:  # noqa: PLR2004
                yield index, salt, said
            case [int(index), None, None]:
                yield index, None, None
            case _:
                raise DecodeError("contents.cbor holds something else.", code="record-tampered")
        encoded = cbor.encode(row)
        if data[again : again + len(encoded)] != encoded:
            raise DecodeError("contents.cbor is not in its one encoding.", code="record-tampered")
        again += len(encoded)


def _verify_contents(
    archive: _Archive,
    folder: str,
    membership: Membership,
    author: Member,
    commitments: list[bytes],
    facts: LogFacts,
    report: Report,
    taken: _Taken,
) -> Opened | None:
    opened: Opened | None = None
    width = max(membership.current.members) + 1
    at = 0
    for index, salt, said in _rows(archive.read(f"{folder}/contents.cbor")):
        if not at <= index < len(commitments):
            raise VerificationError(f"entry {index} is out of place.", code="record-tampered")
        _extend(facts.missing, at, index)
        at = index + 1
        if salt is None or said is None:
            _extend(facts.erased, index, index + 1)
            continue
        if commit(salt, said) != commitments[index] and not _for_some(salt, said, commitments[index], author, width):
            report.problems.append(f"{folder}: entry {index} is not the one that its author committed to")
            continue
        facts.contents += 1
        if _REFUSED in said[1:6]:
            _note_refusal(said, author.code, membership, taken.refusals)
        taken.testimony.take(taken.log, index, said)
        taken.wanted.take(taken.log, index, said)
        if index == 0:
            first = statement.decode(said)
            if not isinstance(first.content, Opened):
                raise VerificationError("the tree does not begin with an opening.", code="record-tampered")
            opened = first.content
            revision = membership.revision(opened.revision)
            if revision is None:
                raise VerificationError("it was opened under a charter that is not here.", code="document-missing")
            width = max(revision.members) + 1
            taken.wanted.begin(taken.log, opened.revision)
    _extend(facts.missing, at, len(commitments))
    return opened


def _note_refusal(said: bytes, author: str, membership: Membership, refusals: Refusals) -> None:
    try:
        found = statement.decode(said)
    except DecodeError:
        return
    if not isinstance(found.content, RefusedEntry):
        return
    for ref in found.refs:
        log = ref.entry.log
        if log.member in membership.members:
            origin = origin_of(membership.line, membership.member(log.member).code, log.incarnation)
            refusals.setdefault((author, origin), set()).add(ref.entry.index)


def _for_some(salt: bytes, said: bytes, commitment: bytes, author: Member, width: int) -> bool:
    to = statement.audience(said)
    return to != EVERYONE and commit_for(salt, said, to | 1 << author.number, width) == commitment


def _extend(ranges: list[tuple[int, int]], first: int, end: int) -> None:
    """Add [first, end) to sorted ranges."""
    if first >= end:
        return
    if ranges and ranges[-1][1] == first:
        ranges[-1] = (ranges[-1][0], end)
    else:
        ranges.append((first, end))


def _author_mldsa(signed: Note, head: Checkpoint, membership: Membership, author: Member, keys: NodeKeys) -> int:
    name = checkpoint_name(membership.line, author.code)
    raw = signed.signed_by(name, note.key_id(name, note.COSIGNATURE_MLDSA44, keys.checkpoint_pq))
    if raw is None:
        return 0
    Cosignature.decode(raw).verify(name, keys.checkpoint_pq, head)
    return head.size


def _verify_receipts(
    archive: _Archive,
    folder: str,
    membership: Membership,
    author: Member,
    keys: NodeKeys,
    leaves: list[bytes],
    facts: LogFacts,
    report: Report,
) -> None:
    found: dict[str, Received] = {}
    for name in archive.under(f"{folder}/receipts/"):
        code = name.rpartition("/")[2].partition("-")[2]
        try:
            signed = note.parse(archive.read(name))
            head = checkpoint.verify(signed, keys.checkpoint)
            if head.origin != facts.origin or head.size > len(leaves) or root_hash(leaves[: head.size]) != head.root:
                raise VerificationError("it is on another tree.", code="record-tampered")
            giver = membership.by_code(code)
            if giver.number == author.number:
                facts.said_mldsa44 = max(facts.said_mldsa44, _author_mldsa(signed, head, membership, author, keys))
                continue
            _receipt(signed, head, membership, giver, found.setdefault(code, Received(code)))
        except ParleyError as error:
            report.problems.append(f"{name}: {error.message}")
    facts.received = list(found.values())


def _receipt(signed: Note, head: Checkpoint, membership: Membership, giver: Member, received: Received) -> None:
    name = receipt_name(membership.line, giver.code)
    counted = 0
    for hash_, _, keys in giver.certificates:
        for algorithm, public in (
            (note.COSIGNATURE_ED25519, keys.receipt),
            (note.COSIGNATURE_MLDSA44, keys.receipt_pq),
        ):
            raw = signed.signed_by(name, note.key_id(name, algorithm, public))
            if raw is None:
                continue
            cosignature = Cosignature.decode(raw)
            cosignature.verify(name, public, head)
            counted += 1
            received.revoked = max(received.revoked, head.size if hash_ in giver.closed else 0)
            if algorithm == note.COSIGNATURE_ED25519:
                received.ed25519, received.time = (
                    max(received.ed25519, head.size),
                    max(received.time, cosignature.time),
                )
            else:
                received.mldsa44 = max(received.mldsa44, head.size)
    if not counted:
        raise VerificationError(f"no receipt by a key of {giver.code}.", code="signature-missing")


def _verify_equivocation(data: bytes, membership: Membership) -> str:
    proof = equivocation.parse(data)
    origin = checkpoint.parse_text(proof.smaller.text).origin
    author = membership.by_code(origin.split("/")[2] if origin.count("/") == 3 else "")  # noqa: PLR2004
    for _, _, keys in author.certificates:
        if proof.smaller.signed_by(origin, note.key_id(origin, note.ED25519, keys.checkpoint)) is not None:
            first, second = proof.verify(keys.checkpoint)
            return f"{author.code} signed two histories of {first.origin}, at sizes {first.size} and {second.size}"
    raise VerificationError("no member's key signed it.", code="equivocation-false")
