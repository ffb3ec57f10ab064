"""Statements: what an entry says (spec/statement.cddl).

A statement is one CBOR map with integer keys. A field that has its default is left out, so that every
statement has one encoding. Keys that this version does not know are kept in ``extra`` and shown as not
understood (D4); a kind or form that it does not know makes the entry "arrived, not understood".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

from parley import limits
from parley.errors import DecodeError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire import cbor
from parley.wire.assertion import Assertion, read_assertion
from parley.wire.readback import ReadBack, read_places

EVERYONE: Final = 0
"""Audience mask that stands for every member of the tree's charter revision."""

WATCH: Final = "watch"
"""The duty role that a message is from and to unless it says otherwise (D9)."""

PLAIN_TEXT: Final = ""
"""The form id of free text."""

WATCH_FORMS: Final = "watch/"
"""What the ids of the watch's own forms begin with: they are about messages, and wait for no acknowledgement."""

OFFICER_FORMS: Final = "watch/officer"
"""What the ids of the forms that state officers' keys begin with: they outlast retention."""


class Kind(IntEnum):
    """What sort of entry this is."""

    MESSAGE = 0
    OPENED = 1
    READ = 2
    ACKNOWLEDGED = 3
    DECLINED = 4
    REFUSED = 5


class Precedence(IntEnum):
    """ACP 121 precedence, lowest first (C2)."""

    ROUTINE = 0
    PRIORITY = 1
    IMMEDIATE = 2
    FLASH = 3


class Relation(IntEnum):
    """How an entry refers to another (C1 ``refs``)."""

    SUBJECT = 0
    REPLY = 1
    CORRECTS = 2
    CANCELS = 3
    SUPERSEDES = 4
    CONTINUES = 5
    QUERIES = 6


class Refusal(IntEnum):
    """Why a content that arrived is not accepted (D4)."""

    UNDECODABLE = 0
    TOO_LARGE = 1
    UNKNOWN_KIND = 2
    UNKNOWN_FORM = 3
    ERASED = 4


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to another entry."""

    relation: Relation
    entry: EntryId


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of another member's tree the author held when it wrote (D1)."""

    log: LogId
    size: int


@dataclass(frozen=True, slots=True)
class Signed:
    """Which officers signed what is said, over ``signed_hash`` (D9; spec/officers.md). Unverified until checked.

    With no assertion it says that no officer's key was used.
    """

    nonce: bytes
    """16 random bytes, so that an officer's word is not used twice."""
    by: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """Free text, or a form's bytes under the form's id."""

    body: str | bytes
    language: str = ""
    precedence: Precedence = Precedence.ROUTINE
    subject: str = ""
    form: str = PLAIN_TEXT
    from_role: str = WATCH
    to_role: str = WATCH
    refs: tuple[Reference, ...] = ()
    reply_by: int = 0
    """POSIX seconds; 0 for none."""
    signed: Signed | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """READ, ACKNOWLEDGED or DECLINED: what a duty role did with messages of others (D2)."""

    refs: tuple[Reference, ...]
    role: str = WATCH
    text: str = ""
    """The reason of a decline, or a remark."""
    signed: Signed | None = None
    places: tuple[ReadBack, ...] = ()
    """Where the places of what is acknowledged lie, by this side's own computing (R58)."""


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """REFUSED: a content arrived and was not understood, or can no longer be had."""

    refs: tuple[Reference, ...]
    reason: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The first entry of a tree (D15)."""

    revision: bytes
    certificate: bytes
    previous: tuple[Incarnation, int, bytes] | None = None
    """Incarnation, size and root of the last known head of the tree before."""
    software: str = ""


Content = Message | Mark | RefusedEntry | Opened


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry's statement. ``time`` is the author's claim in POSIX seconds (D8)."""

    kind: Kind
    time: int
    content: Content
    to: int = EVERYONE
    """Bit mask of member numbers; EVERYONE when no bit is set. The recipients are signed with the rest (R2)."""
    seen: tuple[Seen, ...] = ()
    extra: Mapping[int, Any] = field(default_factory=dict)

    @property
    def refs(self) -> tuple[Reference, ...]:
        """References of any kind of content."""
        return () if isinstance(self.content, Opened) else self.content.refs


class UnknownKind(DecodeError):
    """The statement is well formed and of a kind that this version does not know."""

    default_code = "statement-unknown-kind"


# Keys of the map; the same numbers stand in spec/statement.cddl.
_KIND, _TIME, _TO, _SEEN = 0, 1, 2, 3
_PRECEDENCE, _FROM, _TOROLE, _LANG, _FORM, _BODY, _REFS, _SUBJECT, _REPLY_BY = 4, 5, 6, 7, 8, 9, 10, 11, 12
_REASON = 13
_SIGNED = 20
_PLACES = 21
_NONCE_BYTES: Final = 16
_MAX_SIGNED: Final = 4
_SIGNED_LABEL: Final = b"parley signed v1\n"
_REVISION, _CERTIFICATE, _PREVIOUS, _SOFTWARE = 16, 17, 18, 19
_ABSENT: Final = object()


def encode(statement: Statement) -> bytes:
    """The one encoding of ``statement``. Raises DecodeError when it exceeds MAX_STATEMENT."""
    fields: dict[int, Any] = {_TIME: statement.time}
    if statement.kind:
        fields[_KIND] = int(statement.kind)
    if statement.to:
        fields[_TO] = statement.to
    if statement.seen:
        fields[_SEEN] = [[s.log.member, s.log.incarnation, s.size] for s in statement.seen]
    _encode_content(statement.content, fields)
    fields.update(statement.extra)
    data = cbor.encode(fields)
    if len(data) > limits.MAX_STATEMENT:
        raise DecodeError(
            f"a statement of {len(data)} bytes exceeds {limits.MAX_STATEMENT}.",
            code="statement-too-large",
            next_step="Send it in parts, each continuing the one before.",
        )
    return data


def _encode_content(content: Content, fields: dict[int, Any]) -> None:
    match content:
        case Message():
            fields[_BODY] = content.body
            optional = {
                _PRECEDENCE: int(content.precedence),
                _LANG: content.language,
                _SUBJECT: content.subject,
                _FORM: content.form,
                _REPLY_BY: content.reply_by,
            }
            fields.update((key, value) for key, value in optional.items() if value)
            if content.from_role != WATCH:
                fields[_FROM] = content.from_role
            if content.to_role != WATCH:
                fields[_TOROLE] = content.to_role
        case Mark():
            if content.role != WATCH:
                fields[_FROM] = content.role
            if content.text:
                fields[_BODY] = content.text
            if content.places:
                fields[_PLACES] = [p.plain() for p in content.places]
        case RefusedEntry():
            fields[_REASON] = content.reason
        case Opened():
            fields[_REVISION] = content.revision
            fields[_CERTIFICATE] = content.certificate
            if content.previous is not None:
                fields[_PREVIOUS] = list(content.previous)
            if content.software:
                fields[_SOFTWARE] = content.software
            return
    if isinstance(content, Message | Mark) and content.signed is not None:
        fields[_SIGNED] = [content.signed.nonce, [a.plain() for a in content.signed.by]]
    if content.refs:
        fields[_REFS] = [
            [int(r.relation), r.entry.log.member, r.entry.log.incarnation, r.entry.index] for r in content.refs
        ]


def decode(data: bytes) -> Statement:
    """The statement that ``data`` encodes. Raises DecodeError; UnknownKind for a kind of a later version."""
    if len(data) > limits.MAX_STATEMENT:
        raise DecodeError(
            f"a statement of {len(data)} bytes, at most {limits.MAX_STATEMENT} wanted.",
            code="statement-too-large",
        )
    value = cbor.decode(data, limit=limits.MAX_STATEMENT)
    if not isinstance(value, dict):
        raise DecodeError(f"a statement must be a map, got {type(value).__name__}.", code="statement-malformed")
    fields = _Fields(dict(value))
    number = fields.uint(_KIND, 0)
    try:
        kind = Kind(number)
    except ValueError:
        raise UnknownKind(f"statement kind {number} is not known to this version.") from None
    time = fields.time(_TIME)
    to = fields.uint(_TO, EVERYONE, limits.MAX_MEMBERS)
    seen = tuple(Seen(log_id(s[0], s[1]), _uint(s[2], 32)) for s in fields.lists(_SEEN, 3))
    return Statement(kind, time, _decode_content(kind, fields), to, seen, fields.rest())


def signed_hash(line: bytes, member: int, said: Statement) -> bytes:
    """What officers sign: SHA-256 over the statement of ``member`` on ``line``, its time and what it saw left out.

    Those are filled in when the entry is written; the assertions are left out because they are over it.
    """
    content = said.content
    if isinstance(content, Message | Mark) and content.signed is not None:
        content = replace(content, signed=replace(content.signed, by=()))
    bare = encode(replace(said, time=0, seen=(), content=content))
    return sha256(_SIGNED_LABEL + cbor.encode([line, member, bare])).digest()


def passes(content: Content) -> bool:
    """True for what may be erased after its retention: messages, but for those that state officers' keys."""
    return isinstance(content, Message) and not content.form.startswith(OFFICER_FORMS)


def audience(data: bytes) -> int:
    """The recipients' mask of bytes that may be no statement that we know; EVERYONE where none can be read.

    The commitment depends on it, so even what cannot be understood can be held to its commitment (D4).
    """
    try:
        value = cbor.decode(data, limit=limits.MAX_STATEMENT)
    except DecodeError:
        return EVERYONE
    to = value.get(_TO, EVERYONE) if isinstance(value, dict) else EVERYONE
    return to if type(to) is int and 0 <= to < 1 << limits.MAX_MEMBERS else EVERYONE


def precedence(data: bytes) -> Precedence:
    """The precedence of bytes that may be no statement; ROUTINE where none can be read."""
    try:
        value = cbor.decode(data, limit=limits.MAX_STATEMENT)
    except DecodeError:
        return Precedence.ROUTINE
    found = value.get(_PRECEDENCE) if isinstance(value, dict) else None
    return Precedence(found) if type(found) is int and 0 <= found <= Precedence.FLASH else Precedence.ROUTINE


def _decode_content(kind: Kind, fields: _Fields) -> Content:
    if kind is Kind.OPENED:
        previous = fields.take(_PREVIOUS, None)
        if previous is not None:
            if not isinstance(previous, list) or len(previous) != 3:  # noqa: PLR2004
                raise _malformed("previous")
            previous = (
                Incarnation(_octets(previous[0], 8)),
                _uint(previous[1], 32),
                _octets(previous[2], 32),
            )
        return Opened(
            _octets(fields.take(_REVISION, None), 32),
            _octets(fields.take(_CERTIFICATE, None), 32),
            previous,
            fields.text(_SOFTWARE),
        )
    refs = tuple(
        Reference(_relation(r[0]), EntryId(log_id(r[1], r[2]), _uint(r[3], 32))) for r in fields.lists(_REFS, 4)
    )
    if kind is Kind.REFUSED:
        return RefusedEntry(refs, fields.uint(_REASON))
    if kind is not Kind.MESSAGE:
        return Mark(refs, fields.text(_FROM, WATCH), fields.text(_BODY), fields.signed(), fields.places())
    body = fields.take(_BODY, None)
    if not isinstance(body, str | bytes) or len(body) > limits.MAX_TEXT:
        raise _malformed("body")
    precedence = fields.uint(_PRECEDENCE, 0)
    if precedence > Precedence.FLASH:
        raise _malformed("precedence")
    return Message(
        body,
        fields.text(_LANG),
        Precedence(precedence),
        fields.text(_SUBJECT),
        fields.text(_FORM),
        fields.text(_FROM, WATCH),
        fields.text(_TOROLE, WATCH),
        refs,
        fields.time(_REPLY_BY, 0),
        fields.signed(),
    )


class _Fields:
    """Takes typed fields out of a decoded map; what is left over is kept as ``extra``.

    A field that spells out its default is refused: the CBOR has one encoding, and so has the statement.
    """

    def __init__(self, fields: dict[int, Any]) -> None:
        self._fields = fields

    def take(self, key: int, default: object) -> Any:  # noqa: ANN401 - a decoded value of any type
        value = self._fields.pop(key, _ABSENT)
        if value is _ABSENT:
            return default
        if value == default:
            raise DecodeError("the statement is not in its one encoding.", code="statement-not-canonical")
        return value

    def uint(self, key: int, default: int | None = None, bits: int = 63) -> int:
        return _uint(self.take(key, default), bits)

    def time(self, key: int, default: int | None = None) -> int:
        found = self.uint(key, default)
        if found > limits.MAX_TIME:
            raise _malformed("time")
        return found

    def text(self, key: int, default: str = "") -> str:
        value = self.take(key, default)
        if not isinstance(value, str):
            raise _malformed(f"field {key}")
        return value

    def lists(self, key: int, width: int) -> list[list[Any]]:
        rows = self.take(key, [])
        if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == width for r in rows):
            raise _malformed(f"field {key}")
        return rows

    def signed(self) -> Signed | None:
        value = self.take(_SIGNED, None)
        match value:
            case None:
                return None
            case [bytes(nonce), list(by)] if len(nonce) == _NONCE_BYTES and len(by) <= _MAX_SIGNED:
                return Signed(nonce, tuple(map(read_assertion, by)))
        raise _malformed("signed")

    def places(self) -> tuple[ReadBack, ...]:
        value = self.take(_PLACES, None)
        return () if value is None else read_places(value)

    def rest(self) -> dict[int, Any]:
        return self._fields


def _malformed(what: str) -> DecodeError:
    return DecodeError(f"the statement's {what} is not as the specification has it.", code="statement-malformed")


def _uint(value: object, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise _malformed("number")
    return value


def _octets(value: object, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise _malformed("byte string")
    return value


def _relation(value: object) -> Relation:
    if type(value) is not int or not 0 <= value <= Relation.QUERIES:
        raise _malformed("relation")
    return Relation(value)


def log_id(member: object, incarnation: object) -> LogId:
    """A LogId from decoded values. Raises DecodeError."""
    number = _uint(member, 8)
    if number >= limits.MAX_MEMBERS:
        raise _malformed("member number")
    return LogId(MemberNumber(number), Incarnation(_octets(incarnation, 8)))
