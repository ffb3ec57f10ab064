"""What the watch puts on the line's record, as forms that travel in messages (spec/statement.cddl; ADR 30).

Each fact is a frozen dataclass; its form is ``watch/`` and a name, its body the CBOR array of its fields in order,
without ``about``, which is the message's reference. These forms start no clock: they are about messages that do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from parley.errors import DecodeError
from parley.ids import EntryId
from parley.limits import MAX_TIME
from parley.wire import cbor
from parley.wire.assertion import MAX_PUBLIC_KEY, Assertion, read_assertion
from parley.wire.statement import WATCH, WATCH_FORMS, Message, Precedence, Reference, Relation

_MAX_UINT: Final = (1 << 63) - 1
_MAX_NAME: Final = 64
_MAX_NAMES: Final = 16
_TIMES: Final = frozenset({"since", "deadline", "effect_at", "at", "until", "answer_by"})
_MAX_FACT: Final = 32 * 1024
_KEY_DIGITS: Final = 8
"""Of a key's name, as people compare it; the whole is in the record."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """``about`` was not dealt with by ``party`` in time: the asker's claim, with its basis (D8, B8)."""

    about: EntryId
    party: int
    stage: str
    since: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Readdressed:
    """``about`` is now for ``role`` of ``party``, because the role before did not act (B1)."""

    about: EntryId
    party: int
    stage: str
    role: str


@dataclass(frozen=True, slots=True)
class PassedOn:
    """``about`` was passed on to the ``roles`` of units that act on it; it takes effect at ``effect_at`` (R60, R61)."""

    about: EntryId
    roles: tuple[str, ...]
    effect_at: int


@dataclass(frozen=True, slots=True)
class UnitAcknowledged:
    """The unit's ``role`` acknowledged ``about`` at ``at``; ``by_telephone`` when an officer says so in its stead."""

    about: EntryId
    role: str
    at: int
    by_telephone: bool


@dataclass(frozen=True, slots=True)
class DeclaredSilence:
    """The author will be silent: ``mode`` of clocks.Mode, until ``until`` (POSIX seconds; 0: until it says so)."""

    mode: int
    until: int


@dataclass(frozen=True, slots=True)
class DeclaredAgreement:
    """The author holds the agreement to be in force or suspended. The line goes on either way (B12)."""

    suspended: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Misuse:
    """The author holds ``about`` to be a misuse of the line, for the record (R38)."""

    about: EntryId
    reason: str


@dataclass(frozen=True, slots=True)
class HoldingReply:
    """``about`` was read and is being answered: what was understood, and until when the answer comes (R16)."""

    about: EntryId
    understood: str
    answer_by: int


@dataclass(frozen=True, slots=True)
class LineTest:
    """A text to be copied back by a person (R35)."""

    text: str


@dataclass(frozen=True, slots=True)
class LineTestCopy:
    """The text of the test ``about``, as a person of the other side copied it."""

    about: EntryId
    text: str


@dataclass(frozen=True, slots=True)
class OfficerEnrolled:
    """``key`` is the COSE public key of an officer of the author, used on pages of ``rp`` (D9; spec/officers.md).

    ``software``: no person is at it. ``approvals`` are by officers enrolled before, over the enrolment's hash; none
    where the party had fewer than two officers.
    """

    key: bytes
    rp: str
    software: bool
    approvals: tuple[Assertion, ...]


@dataclass(frozen=True, slots=True)
class OfficerRevoked:
    """What is asserted from here on by the key with this SHA-256 is no officer's of the author."""

    key: bytes


Fact = (
    NoReply
    | Readdressed
    | PassedOn
    | UnitAcknowledged
    | DeclaredSilence
    | DeclaredAgreement
    | Misuse
    | HoldingReply
    | LineTest
    | LineTestCopy
    | OfficerEnrolled
    | OfficerRevoked
)

FORMS: Final[Mapping[str, type[Fact]]] = MappingProxyType(
    {
        f"{WATCH_FORMS}no-reply": NoReply,
        f"{WATCH_FORMS}readdressed": Readdressed,
        f"{WATCH_FORMS}passed-on": PassedOn,
        f"{WATCH_FORMS}unit-acknowledged": UnitAcknowledged,
        f"{WATCH_FORMS}silence": DeclaredSilence,
        f"{WATCH_FORMS}agreement": DeclaredAgreement,
        f"{WATCH_FORMS}misuse": Misuse,
        f"{WATCH_FORMS}holding-reply": HoldingReply,
        f"{WATCH_FORMS}line-test": LineTest,
        f"{WATCH_FORMS}line-test-copy": LineTestCopy,
        f"{WATCH_FORMS}officer": OfficerEnrolled,
        f"{WATCH_FORMS}officer-revoked": OfficerRevoked,
    }
)
"""The forms of this module, by their ids."""
_IDS: Final = {kind: form for form, kind in FORMS.items()}
_LONG: Final = frozenset({"text", "understood", "reason"})


def to_message(fact: Fact, precedence: Precedence, role: str = WATCH, language: str = "") -> Message:
    """The message that carries ``fact``."""
    values = [_plain(getattr(fact, f.name)) for f in fields(fact) if f.name != "about"]
    about = getattr(fact, "about", None)
    refs = () if about is None else (Reference(Relation.SUBJECT, about),)
    return Message(cbor.encode(values), language, precedence, form=_IDS[type(fact)], from_role=role, refs=refs)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [v.plain() if isinstance(v, Assertion) else v for v in value]
    return value


def read_fact(message: Message) -> Fact:
    """The fact that ``message`` carries. Raises DecodeError ``fact-malformed``."""
    kind = FORMS.get(message.form)
    if kind is None or not isinstance(message.body, bytes):
        raise _malformed(message.form)
    values = cbor.decode(message.body, limit=_MAX_FACT)
    about = [ref.entry for ref in message.refs if ref.relation is Relation.SUBJECT]
    names = [f.name for f in fields(kind)]
    wanted = {f.name: f.type for f in fields(kind) if f.name != "about"}
    if not isinstance(values, list) or len(values) != len(wanted) or len(about) != names.count("about"):
        raise _malformed(message.form)
    given: dict[str, Any] = {
        name: _checked(message.form, name, str(type_), value)
        for (name, type_), value in zip(wanted.items(), values, strict=True)
    }
    if about:
        given["about"] = about[0]
    return kind(**given)


def key_digits(key: bytes) -> str:
    """A key's SHA-256 as people compare it."""
    return key.hex()[:_KEY_DIGITS]


def _checked(form: str, name: str, type_: str, value: object) -> object:
    match type_, value:
        case "bool", bool():
            return value
        case "int", int() if not isinstance(value, bool) and 0 <= value <= (MAX_TIME if name in _TIMES else _MAX_UINT):
            return value
        case "str", str() if name in _LONG or len(value) <= _MAX_NAME:
            return value
        case "bytes", bytes() if 0 < len(value) <= MAX_PUBLIC_KEY:
            return value
        case "tuple[Assertion, ...]", list() if len(value) <= _MAX_NAMES:
            return tuple(map(read_assertion, value))
        case "tuple[str, ...]", list() if len(value) <= _MAX_NAMES and all(
            isinstance(x, str) and len(x) <= _MAX_NAME for x in value
        ):
            return tuple(value)
    raise _malformed(form)


def _malformed(form: str) -> DecodeError:
    return DecodeError(f"the form {form!r} does not hold what it should.", code="fact-malformed")
