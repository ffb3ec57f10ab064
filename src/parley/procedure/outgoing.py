"""Before a message leaves: what came meanwhile, who releases it, and its class (B9, B11, R49, R72, D9, D10).

A draft is released when
 - nothing newer has come from those it is to, or the drafter confirmed it after having seen what came (B11);
 - where its class is one that the charter names, a second officer approved this very statement, by its hash (D9); once
   the node has officers with keys, two of them signed that hash;
 - it is of the class of its line: operation or exercise (B9).
Check-fire, correction and cancellation never wait for a second officer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from parley.errors import UsageError
from parley.ids import EntryId, MemberNumber
from parley.procedure.clocks import HOUR_S
from parley.wire.assertion import Assertion
from parley.wire.statement import EVERYONE, Kind, Message, Precedence, Reference, Relation, Statement, signed_hash

EXERCISE: Final = "exercise"
NO_DUFF: Final = "NO DUFF"
"""The one phrase that leaves an exercise: what follows is real (D10)."""
_ALONE: Final = (Relation.CORRECTS, Relation.CANCELS)


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """Settings, from the charter. A class is a form's id, ``text`` for free text, or a precedence in small letters."""

    two_officers: frozenset[str] = frozenset()
    one_officer: frozenset[str] = frozenset({"X1"})
    """Never need two, whatever else is set: the check-fire form, where seconds count (D9)."""
    signed: frozenset[str] = frozenset()
    """Classes whose release and acknowledgement carry an officer's key; those of ``two_officers`` carry two."""
    valid_s: int = HOUR_S
    """How long an approval holds."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is being written. ``seen``: the place in the order of arrival up to which its author had read."""

    message: Message
    to: int
    author: str
    at: int
    seen: int
    purpose: str
    approvals: tuple[Approval, ...] = ()
    line: bytes = b""
    member: int = 0
    """Whose line and entry it will be: what officers sign is for them alone."""


@dataclass(frozen=True, slots=True)
class Approval:
    """``officer`` releases the statement with this hash; ``assertion``, where there is one, was verified."""

    officer: str
    statement: bytes
    at: int
    assertion: Assertion | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came: its place in the order of arrival, its author."""

    place: int
    author: MemberNumber
    message: EntryId


def draft_hash(draft: Draft) -> bytes:
    """SHA-256 of what would be stated, without its time: what officers approve and sign."""
    return signed_hash(draft.line, draft.member, Statement(Kind.MESSAGE, 0, draft.message, draft.to))


def revised(draft: Draft, message: Message, seen: int) -> Draft:
    """The draft with another text, and with what came until ``seen`` read. Approvals of the text before are void."""
    kept = draft.approvals if message == draft.message else ()
    return replace(draft, message=message, seen=max(draft.seen, seen), approvals=kept)


def newer(draft: Draft, arrived: Iterable[Arrival]) -> list[Arrival]:
    """What came from those that the draft is to since its author looked: it holds the draft (B11)."""
    return [a for a in arrived if a.place > draft.seen and (draft.to == EVERYONE or draft.to >> a.author & 1)]


def needs_two(message: Message, policy: ReleasePolicy) -> bool:
    """True when the charter wants a second officer for this message."""
    return bool(_of(message, policy.two_officers, policy))


def needs_key(message: Message, policy: ReleasePolicy) -> bool:
    """True when its release, and its acknowledgement, carry an officer's key."""
    return bool(key_classes(message, policy))


def key_classes(message: Message, policy: ReleasePolicy) -> frozenset[str]:
    """The classes for which its release, and its acknowledgement, carry an officer's key."""
    return _of(message, policy.signed | policy.two_officers, policy)


def _of(message: Message, classes: frozenset[str], policy: ReleasePolicy) -> frozenset[str]:
    form = message.form or "text"
    if form in policy.one_officer or any(r.relation in _ALONE for r in message.refs):
        return frozenset()
    return classes & {form, message.precedence.name.lower()}


def approve(draft: Draft, approval: Approval) -> Draft:
    """The draft with one more approval. Raises UsageError: nobody releases their own, nor what they did not see.

    The author's own approval is a signature: it counts as one of two keys, and never as another officer. One key
    counts once, whatever names it is used under.
    """
    if approval.officer == draft.author and approval.assertion is None:
        raise UsageError("nobody releases a draft of their own.", code="release-own")
    if approval.statement != draft_hash(draft):
        raise UsageError(
            "the draft is not what was approved.", code="release-changed", next_step="Read it again as it stands."
        )
    others = tuple(a for a in draft.approvals if a.officer != approval.officer and not _same_key(a, approval))
    return replace(draft, approvals=(*others, approval))


def _same_key(one: Approval, other: Approval) -> bool:
    return one.assertion is not None and other.assertion is not None and one.assertion.key == other.assertion.key


def valid_approvals(draft: Draft, now: int, policy: ReleasePolicy) -> list[Approval]:
    """Those that are of the draft as it stands, and not too old."""
    hash_ = draft_hash(draft)
    return [a for a in draft.approvals if a.statement == hash_ and a.at <= now <= a.at + policy.valid_s]


def check_release(
    draft: Draft, arrived: Iterable[Arrival], purpose: str, now: int, policy: ReleasePolicy, *, keys: bool = False
) -> None:
    """Refuse a draft that may not leave now. ``keys``: the node has officers with keys. Raises UsageError."""
    if draft.purpose != purpose:
        raise UsageError(
            f"a draft of class {draft.purpose!r} cannot leave on a line of class {purpose!r}.",
            code="class-change",
            next_step="Write it anew on the other line.",
        )
    if newer(draft, arrived):
        raise UsageError(
            "a newer message arrived while this was being drafted.",
            code="draft-overtaken",
            next_step="Read what came, then confirm or change the draft.",
        )
    valid = valid_approvals(draft, now, policy)
    if keys:
        _check_keys(draft.message, {a.assertion.key for a in valid if a.assertion is not None}, policy)
    elif all(a.officer == draft.author for a in valid):
        check_alone(draft.message, policy)


def _check_keys(message: Message, keys: set[bytes], policy: ReleasePolicy) -> None:
    wanted = 2 if needs_two(message, policy) else 1 if needs_key(message, policy) else 0
    if len(keys) < wanted:
        who = "two officers" if wanted > 1 else "an officer"
        raise UsageError(
            f"this class of message is signed by {who} with a key of their own; {len(keys)} did.",
            code="release-key-needed",
            next_step="Sign the draft at the console; where it takes two, another officer signs it, too.",
        )


def check_alone(message: Message, policy: ReleasePolicy, *, keys: bool = False) -> None:
    """Refuse a message that may not be released alone and without a key. Raises UsageError."""
    if needs_two(message, policy):
        raise UsageError(
            "this class of message is released by a second officer.",
            code="release-needed",
            next_step="'parley watch draft' keeps it; another officer approves it, then it is released.",
        )
    if keys:
        _check_keys(message, set(), policy)


def follow_up(original: Message, entry: EntryId, relation: Relation, text: str, language: str) -> Message:
    """A question about, a correction or a cancellation of ``original``: to the same role, as loud as it (R49, R72)."""
    precedence = original.precedence
    if relation is Relation.QUERIES:
        precedence = max(precedence, Precedence.PRIORITY)
    refs = (Reference(relation, entry),)
    subject = original.subject
    return Message(text, language, precedence, subject, to_role=original.to_role, refs=refs)


def watermark(purpose: str) -> str:
    """What stands on every screen, print and export of a line; empty for operation (B9)."""
    return "" if purpose == "operation" else " ".join([purpose.upper()] * 3)


def leaves_exercise(text: str, purpose: str) -> bool:
    """True when a message on an exercise line is real: it alarms and opens a draft on the operational line (D10)."""
    return purpose == EXERCISE and " ".join(text.split()).upper().startswith(NO_DUFF)
