"""The documents of a line (D11): TOML that people read and compare, as the text of a C2SP signed note.

Each text has one encoding: parsed and rendered again it must be the same bytes, or it is refused. The first
line names what it is, so that no text can stand in another's place (D16).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from parley import limits
from parley.crypto.kem import PUBLIC_BYTES as KEM_PUBLIC_BYTES
from parley.crypto.signing import ED25519_PUBLIC_BYTES
from parley.wire import note
from parley.wire.note import Note
from parley.wire.tables import Table, b64, malformed, moment, string, strings

PARTY_HEADER: Final = "# parley party v1"
NODE_HEADER: Final = "# parley node v1"
CHARTER_HEADER: Final = "# parley charter v1"
LEAVE_HEADER: Final = "# parley notice of leaving v1"
REVOCATION_HEADER: Final = "# parley revocation v1"
REASONS: Final = ("keyCompromise", "superseded")
"""Why a certificate is revoked, in the words of RFC 5280 section 5.3.1."""
PRECEDENCES: Final = ("routine", "priority", "immediate", "flash")


@dataclass(frozen=True, slots=True)
class RootSigner:
    """One of a party's root keys: who holds it, as a function and never a person's name, and the Ed25519 key."""

    holder: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Party:
    """Who a party is: ``threshold`` of ``signers`` speak for it (TUF's root role)."""

    code: str
    name: str
    languages: tuple[str, ...]
    threshold: int
    signers: tuple[RootSigner, ...]

    def text(self) -> str:
        """The document."""
        lines = [
            PARTY_HEADER,
            f"code = {string(self.code)}",
            f"name = {string(self.name)}",
            f"languages = {strings(self.languages)}",
            f"threshold = {self.threshold}",
        ]
        for signer in self.signers:
            lines += ["", "[[signer]]", f"holder = {string(signer.holder)}", f'key = "{b64(signer.key)}"']
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """A node's public keys, one job each (D5, D16). ``tls`` is SHA-256 of its certificate's public key info."""

    checkpoint: bytes
    checkpoint_pq: bytes
    receipt: bytes
    receipt_pq: bytes
    announce: bytes
    kem: bytes
    tls: bytes


_KEY_LENGTHS: Final = {
    "checkpoint": ED25519_PUBLIC_BYTES,
    "checkpoint_pq": 1312,
    "receipt": ED25519_PUBLIC_BYTES,
    "receipt_pq": 1312,
    "announce": ED25519_PUBLIC_BYTES,
    "kem": KEM_PUBLIC_BYTES,
    "tls": 32,
}


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """A party's word that these are the keys of its node on a line. A higher ``serial`` replaces a lower one."""

    line: str
    code: str
    party: bytes
    serial: int
    keys: NodeKeys

    def text(self) -> str:
        """The document."""
        lines = [
            NODE_HEADER,
            f"line = {string(self.line)}",
            f"code = {string(self.code)}",
            f'party = "{self.party.hex()}"',
            f"serial = {self.serial}",
            "",
            "[keys]",
        ]
        lines += [f'{name} = "{b64(getattr(self.keys, name))}"' for name in _KEY_LENGTHS]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class CharterMember:
    """A member as the charter names it. ``party`` and ``certificate`` are SHA-256 of those documents."""

    number: int
    code: str
    name: str
    party: bytes
    certificate: bytes
    telephone: tuple[str, ...] = ()
    """Of the duty roles, for when the line fails: the out-of-band card."""


@dataclass(frozen=True, slots=True)
class CharterPack:
    """A form pack that the members agreed to read forms by. ``hash`` is over all its files (spec/forms.md)."""

    name: str
    version: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Charter:
    """The rules of a line, which all its members sign. Revision 0 founds it; its SHA-256 names the line."""

    line: str
    purpose: str
    revision: int
    founding: bytes
    previous: bytes
    succeeds: bytes
    languages: tuple[str, ...]
    acknowledge_within: Mapping[str, int]
    """Seconds for each precedence."""
    retention_days: int
    members: tuple[CharterMember, ...]
    packs: tuple[CharterPack, ...] = ()
    dictionary: bytes = b""
    """SHA-256 of the dictionary that forms are compressed with; empty where there are no packs."""
    two_officers: tuple[str, ...] = ()
    """Classes that two officers release: a form's id, ``text`` for free text, or a precedence in small letters."""
    signed: tuple[str, ...] = ()
    """Classes whose release and acknowledgement carry an officer's key."""

    def text(self) -> str:
        """The document."""
        lines = [
            CHARTER_HEADER,
            "# The members of this line sign this text. A signed record of what is said here can never be denied.",
            f"line = {string(self.line)}",
            f"class = {string(self.purpose)}",
            f"revision = {self.revision}",
            f'founding = "{self.founding.hex()}"',
            f'previous = "{self.previous.hex()}"',
            f'succeeds = "{self.succeeds.hex()}"',
            f"languages = {strings(self.languages)}",
            f"retention_days = {self.retention_days}",
            *([f"two_officers = {strings(self.two_officers)}"] if self.two_officers else []),
            *([f"signed = {strings(self.signed)}"] if self.signed else []),
            *([f'dictionary = "{self.dictionary.hex()}"'] if self.packs else []),
            "",
            "[acknowledge_within_seconds]",
            *(f"{name} = {self.acknowledge_within[name]}" for name in PRECEDENCES),
        ]
        for pack in self.packs:
            lines += ["", "[[pack]]", f"name = {string(pack.name)}", f"version = {pack.version}"]
            lines.append(f'sha256 = "{pack.hash.hex()}"')
        for member in self.members:
            lines += [
                "",
                "[[member]]",
                f"number = {member.number}",
                f"code = {string(member.code)}",
                f"name = {string(member.name)}",
                f'party = "{member.party.hex()}"',
                f'certificate = "{member.certificate.hex()}"',
                *([f"telephone = {strings(member.telephone)}"] if member.telephone else []),
            ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class NoticeOfLeaving:
    """A member's word, alone, that it no longer writes on a line."""

    line_id: bytes
    code: str
    party: bytes
    reason: str

    def text(self) -> str:
        """The document."""
        return "\n".join(
            (
                LEAVE_HEADER,
                f'line = "{self.line_id.hex()}"',
                f"code = {string(self.code)}",
                f'party = "{self.party.hex()}"',
                f"reason = {string(self.reason)}",
                "",
            )
        )


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """The head at which a run was closed: its incarnation, how many entries it has, and the root over all of them."""

    run: bytes
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Revocation:
    """A party's word that one of its node's certificates holds no longer, and how far each run under it goes (ADR 90).

    A run that is not among ``closed`` is closed before its first entry. ``time`` is POSIX seconds, as the party states.
    """

    line_id: bytes
    code: str
    party: bytes
    certificate: bytes
    reason: str
    time: int
    closed: tuple[ClosedRun, ...] = ()
    """By rising run."""

    def text(self) -> str:
        """The document."""
        lines = [
            REVOCATION_HEADER,
            f'line = "{self.line_id.hex()}"',
            f"code = {string(self.code)}",
            f'party = "{self.party.hex()}"',
            f'certificate = "{self.certificate.hex()}"',
            f"reason = {string(self.reason)}",
            f'time = "{moment(self.time)}"',
        ]
        for head in self.closed:
            lines += ["", "[[closed]]", f'run = "{head.run.hex()}"', f"size = {head.size}"]
            lines.append(f'root = "{head.root.hex()}"')
        return "\n".join(lines) + "\n"


Document = Party | NodeCertificate | Charter | NoticeOfLeaving | Revocation


def document_hash(text: str) -> bytes:
    """SHA-256 of a document's text: what other documents cite it by."""
    return sha256(text.encode()).digest()


def parse(signed: bytes) -> tuple[Note, Document]:
    """The note and the document that is its text; nothing verified. Raises DecodeError."""
    parsed = note.parse(signed)
    return parsed, parse_text(parsed.text)


def parse_text(text: str) -> Document:
    """The document of which ``text`` is the one encoding. Raises DecodeError that names the first bad line."""
    if len(text) > limits.MAX_DOCUMENT:
        raise malformed(f"it has {len(text)} characters, at most {limits.MAX_DOCUMENT} wanted")
    header = text.partition("\n")[0]
    reader = _READERS.get(header)
    if reader is None:
        raise malformed(f"its first line is {header[:60]!r}, which names no document of Parley")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise malformed(f"it is not TOML: {error}") from None
    document = reader(Table(table))
    rendered = document.text()
    if rendered != text:
        for number, (got, wanted) in enumerate(zip(text.split("\n"), rendered.split("\n"), strict=False), 1):
            if got != wanted:
                raise malformed(f"line {number} is {got[:80]!r} where {wanted[:80]!r} is wanted")
        raise malformed("it is not in its one encoding")
    return document


def _party(table: Table) -> Party:
    signers = tuple(RootSigner(s.text("holder"), s.octets("key", 32)) for s in table.tables("signer", 15))
    if len({s.key for s in signers}) != len(signers) or len({s.holder for s in signers}) != len(signers):
        raise malformed("two signers share a key or a holder")
    threshold = table.number("threshold", 1, len(signers))
    return Party(table.slug("code"), table.text("name"), table.languages("languages"), threshold, signers)


def _node(table: Table) -> NodeCertificate:
    given = table.table("keys")
    keys = NodeKeys(**{name: given.octets(name, length) for name, length in _KEY_LENGTHS.items()})
    if len({keys.checkpoint, keys.receipt, keys.announce}) < 3 or keys.checkpoint_pq == keys.receipt_pq:  # noqa: PLR2004
        raise malformed("one key is given two jobs")
    serial = table.number("serial", 1, 1 << 31)
    return NodeCertificate(table.slug("line"), table.slug("code"), table.hash("party"), serial, keys)


def _charter(table: Table) -> Charter:
    within = table.table("acknowledge_within_seconds")
    members = tuple(
        CharterMember(
            m.number("number", 0, limits.MAX_MEMBERS - 1),
            m.slug("code"),
            m.text("name"),
            m.hash("party"),
            m.hash("certificate"),
            m.short_texts("telephone", limits.MAX_TELEPHONES),
        )
        for m in table.tables("member", limits.MAX_MEMBERS)
    )
    numbers = [m.number for m in members]
    if len(members) < 2 or numbers != sorted(set(numbers)) or len({m.code for m in members}) < len(members):  # noqa: PLR2004
        raise malformed("a line has two members or more, in order, each with a number and code of its own")
    packs = tuple(
        CharterPack(p.slug("name"), p.number("version", 1, 1 << 16), p.hash("sha256"))
        for p in table.tables("pack", limits.MAX_PACKS, least=0)
    )
    if len({p.name for p in packs}) < len(packs):
        raise malformed("a form pack is named twice")
    purpose = table.text("class")
    if purpose not in ("operation", "exercise"):
        raise malformed("class must be operation or exercise")
    return Charter(
        table.slug("line"),
        purpose,
        table.number("revision", 0, 1 << 31),
        table.hash("founding", optional=True),
        table.hash("previous", optional=True),
        table.hash("succeeds", optional=True),
        table.languages("languages"),
        {name: within.number(name, 1, 30 * 86400) for name in PRECEDENCES},
        table.number("retention_days", 0, 36_500),
        members,
        packs,
        table.hash("dictionary") if packs else b"",
        table.classes("two_officers"),
        table.classes("signed"),
    )


def _leave(table: Table) -> NoticeOfLeaving:
    return NoticeOfLeaving(table.hash("line"), table.slug("code"), table.hash("party"), table.text("reason"))


def _revocation(table: Table) -> Revocation:
    closed = tuple(
        ClosedRun(c.run("run"), c.number("size", 1, (1 << 32) - 1), c.hash("root"))
        for c in table.tables("closed", limits.MAX_CLOSED_RUNS, least=0)
    )
    runs = [c.run for c in closed]
    if runs != sorted(set(runs)):
        raise malformed("the runs closed must be in order, each once")
    reason = table.text("reason")
    if reason not in REASONS:
        raise malformed(f"reason must be {' or '.join(REASONS)}")
    return Revocation(
        table.hash("line"),
        table.slug("code"),
        table.hash("party"),
        table.hash("certificate"),
        reason,
        table.moment("time"),
        closed,
    )


_READERS: Final[Mapping[str, Callable[[Table], Document]]] = {
    PARTY_HEADER: _party,
    NODE_HEADER: _node,
    CHARTER_HEADER: _charter,
    LEAVE_HEADER: _leave,
    REVOCATION_HEADER: _revocation,
}


_RULE: Final = "=" * 8


def encode_bundle(notes: Mapping[str, bytes]) -> bytes:
    """One readable file of several signed documents, each under a line that names it."""
    return b"".join(f"{_RULE} {title}\n".encode() + body for title, body in notes.items())


def decode_bundle(data: bytes) -> dict[str, bytes]:
    """The documents of a bundle by title. Raises DecodeError."""
    if len(data) > limits.MAX_BUNDLE:
        raise malformed(f"the file has {len(data)} bytes, at most {limits.MAX_BUNDLE} wanted")
    marker = f"{_RULE} ".encode()
    if not data.startswith(marker):
        raise malformed("the file does not begin as a bundle of Parley")
    notes: dict[str, bytes] = {}
    for section in re.split(rb"(?m)^" + re.escape(marker), data)[1:]:
        title, _, body = section.partition(b"\n")
        try:
            name = title.decode()
        except UnicodeDecodeError:
            raise malformed("a section's title is not UTF-8") from None
        if name in notes or not name:
            raise malformed(f"two sections are called {name!r}")
        notes[name] = body
    return notes
