"""Statements at their bounds: each field is read and written, and one more, one less or another type is refused."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from parley import limits
from parley.errors import DecodeError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire import cbor, statement
from parley.wire.assertion import Assertion
from parley.wire.geometry import Position
from parley.wire.readback import Near, ReadBack
from parley.wire.statement import (
    Kind,
    Mark,
    Message,
    Opened,
    Precedence,
    Reference,
    RefusedEntry,
    Relation,
    Seen,
    Signed,
    Statement,
)

RUN, HASH, LARGE, LONG = bytes(range(8)), bytes(range(32)), (1 << 32) - 1, (1 << 63) - 1
LOG = LogId(MemberNumber(31), Incarnation(RUN))
ASSERTED = [HASH, b"data", b"client", b"signature"]
SIGNED = Signed(bytes(16), (Assertion(HASH, b"data", b"client", b"signature"),) * 4)
REFS = (Reference(Relation.QUERIES, EntryId(LOG, LARGE)), Reference(Relation.SUBJECT, EntryId(LOG, 0)))
ROWS = [[6, 31, RUN, LARGE], [0, 31, RUN, 0]]
PLACES = (ReadBack(Position(1, 2), (Near("n", 3, 4),)),)

GOOD: dict[str, tuple[dict[int, Any], Statement]] = {
    "text": ({1: 5, 9: "said"}, Statement(Kind.MESSAGE, 5, Message("said"))),
    "message": (
        {
            1: limits.MAX_TIME,
            2: (1 << limits.MAX_MEMBERS) - 1,
            3: [[31, RUN, LARGE]],
            4: 3,
            5: "a",
            6: "b",
            7: "en",
            8: "f/g",
            9: b"said",
            10: ROWS,
            11: "c",
            12: limits.MAX_TIME,
            20: [bytes(16), [ASSERTED] * 4],
            99: [1],
        },
        Statement(
            Kind.MESSAGE,
            limits.MAX_TIME,
            Message(b"said", "en", Precedence.FLASH, "c", "f/g", "a", "b", REFS, limits.MAX_TIME, SIGNED),
            (1 << limits.MAX_MEMBERS) - 1,
            (Seen(LOG, LARGE),),
            {99: [1]},
        ),
    ),
    "largest body": ({1: 0, 9: "s" * limits.MAX_TEXT}, Statement(Kind.MESSAGE, 0, Message("s" * limits.MAX_TEXT))),
    "read": ({0: 2, 1: 5, 10: ROWS}, Statement(Kind.READ, 5, Mark(REFS))),
    "acknowledged": (
        {0: 3, 1: 5, 5: "a", 9: "why", 10: ROWS, 20: [bytes(16), []], 21: [[1, 2, [[3, 4, "n"]]]]},
        Statement(Kind.ACKNOWLEDGED, 5, Mark(REFS, "a", "why", Signed(bytes(16)), PLACES)),
    ),
    "declined": ({0: 4, 1: 5}, Statement(Kind.DECLINED, 5, Mark(()))),
    "refused": ({0: 5, 1: 5, 10: ROWS, 13: LONG}, Statement(Kind.REFUSED, 5, RefusedEntry(REFS, LONG))),
    "opened": ({0: 1, 1: 5, 16: HASH, 17: HASH[::-1]}, Statement(Kind.OPENED, 5, Opened(HASH, HASH[::-1]))),
    "opened after another": (
        {0: 1, 1: 5, 16: HASH, 17: HASH, 18: [RUN, LARGE, HASH], 19: "parley 1"},
        Statement(Kind.OPENED, 5, Opened(HASH, HASH, (Incarnation(RUN), LARGE, HASH), "parley 1")),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_each_statement_is_read_and_written(name: str) -> None:
    fields, said = GOOD[name]
    assert statement.decode(cbor.encode(fields)) == said
    assert statement.encode(said) == cbor.encode(fields)


MALFORMED: list[tuple[str, int, Any]] = [
    ("text", 1, -1),
    ("text", 1, limits.MAX_TIME + 1),
    ("text", 1, True),
    ("text", 1, None),
    ("text", 9, None),
    ("text", 9, 1),
    ("text", 9, "s" * (limits.MAX_TEXT + 1)),
    ("text", 9, b"s" * (limits.MAX_TEXT + 1)),
    ("text", 0, -1),
    ("text", 0, 1 << 63),
    ("text", 0, True),
    ("message", 2, 1 << limits.MAX_MEMBERS),
    ("message", 2, -1),
    ("message", 2, True),
    ("message", 3, [[31, RUN, LARGE + 1]]),
    ("message", 3, [[31, RUN, -1]]),
    ("message", 3, [[32, RUN, 1]]),
    ("message", 3, [[31, RUN[:7], 1]]),
    ("message", 3, [[31, RUN + b"8", 1]]),
    ("message", 3, [[31, RUN]]),
    ("message", 3, [[31, RUN, 1, 1]]),
    ("message", 3, ["abc"]),
    ("message", 3, 1),
    ("message", 4, 4),
    ("message", 4, -1),
    ("message", 5, 1),
    ("message", 6, b"b"),
    ("message", 7, 1),
    ("message", 8, b"f"),
    ("message", 11, 1),
    ("message", 10, [[7, 31, RUN, 1]]),
    ("message", 10, [[-1, 31, RUN, 1]]),
    ("message", 10, [[True, 31, RUN, 1]]),
    ("message", 10, [["0", 31, RUN, 1]]),
    ("message", 10, [[0, 32, RUN, 1]]),
    ("message", 10, [[0, -1, RUN, 1]]),
    ("message", 10, [[0, 31, RUN, LARGE + 1]]),
    ("message", 10, [[0, 31, RUN]]),
    ("message", 12, limits.MAX_TIME + 1),
    ("message", 12, -1),
    ("message", 20, [bytes(15), []]),
    ("message", 20, [bytes(17), []]),
    ("message", 20, [bytes(16), [ASSERTED] * 5]),
    ("message", 20, [bytes(16)]),
    ("message", 20, ["n" * 16, []]),
    ("message", 20, 0),
    ("acknowledged", 9, b"why"),
    ("acknowledged", 5, 1),
    ("acknowledged", 20, [bytes(16), {}]),
    ("acknowledged", 21, []),
    ("acknowledged", 21, 0),
    ("refused", 13, -1),
    ("refused", 13, 1 << 63),
    ("refused", 13, "0"),
    ("opened", 16, HASH[:31]),
    ("opened", 16, HASH + b"3"),
    ("opened", 16, None),
    ("opened", 17, HASH[:31]),
    ("opened", 17, "c" * 32),
    ("opened after another", 18, [RUN, 1]),
    ("opened after another", 18, [RUN, 1, HASH, 1]),
    ("opened after another", 18, RUN),
    ("opened after another", 18, [RUN[:7], 1, HASH]),
    ("opened after another", 18, [RUN, LARGE + 1, HASH]),
    ("opened after another", 18, [RUN, 1, HASH[:31]]),
    ("opened after another", 19, b"parley 1"),
]
STATED: list[tuple[str, int, Any]] = [
    ("text", 0, 0),
    ("text", 2, 0),
    ("text", 3, []),
    ("text", 4, 0),
    ("text", 5, "watch"),
    ("text", 6, "watch"),
    ("text", 7, ""),
    ("text", 8, ""),
    ("text", 10, []),
    ("text", 11, ""),
    ("text", 12, 0),
    ("text", 20, None),
    ("read", 5, "watch"),
    ("read", 9, ""),
    ("read", 20, None),
    ("read", 21, None),
    ("refused", 10, []),
    ("opened", 18, None),
    ("opened", 19, ""),
]


def code_of(fields: object) -> str:
    """The code with which ``fields`` are refused."""
    with pytest.raises(DecodeError) as caught:
        statement.decode(cbor.encode(fields))
    return caught.value.code


@pytest.mark.parametrize(("name", "key", "value"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_field_that_is_not_as_specified_is_refused(name: str, key: int, value: Any) -> None:
    fields = {**GOOD[name][0], key: value}
    wanted = {"statement-malformed"} | ({"statement-not-canonical"} if value is None else set())
    assert code_of(fields) in wanted


@pytest.mark.parametrize(("name", "key", "value"), STATED, ids=range(len(STATED)))
def test_a_default_that_is_stated_is_refused(name: str, key: int, value: Any) -> None:
    assert code_of({**GOOD[name][0], key: value}) == "statement-not-canonical"


@pytest.mark.parametrize(("name", "key"), [("text", 1), ("text", 9), ("refused", 13), ("opened", 16), ("opened", 17)])
def test_a_field_that_must_be_there(name: str, key: int) -> None:
    assert code_of({k: v for k, v in GOOD[name][0].items() if k != key}) == "statement-malformed"


def test_what_is_no_statement_at_all() -> None:
    assert code_of([1, 5]) == "statement-malformed"
    assert code_of({0: 6, 1: 5}) == "statement-unknown-kind"
    with pytest.raises(statement.UnknownKind):
        statement.decode(cbor.encode({0: LONG, 1: 5}))
    with pytest.raises(DecodeError) as caught:
        statement.decode(bytes(limits.MAX_STATEMENT + 1))
    assert caught.value.code == "statement-too-large"
    with pytest.raises(DecodeError) as caught:
        statement.decode(bytes(limits.MAX_STATEMENT))
    assert caught.value.code == "cbor-trailing"


def test_a_statement_is_bounded_when_it_is_written() -> None:
    largest = Statement(Kind.MESSAGE, 5, Message("said"), extra={99: b""})
    room = limits.MAX_STATEMENT - len(statement.encode(largest)) - 2
    fits = Statement(Kind.MESSAGE, 5, Message("said"), extra={99: bytes(room)})
    assert len(statement.encode(fits)) == limits.MAX_STATEMENT
    assert statement.decode(statement.encode(fits)) == fits
    with pytest.raises(DecodeError) as caught:
        statement.encode(Statement(Kind.MESSAGE, 5, Message("said"), extra={99: bytes(room + 1)}))
    assert caught.value.code == "statement-too-large"


def test_recipients_and_precedence_are_read_of_whatever_can_be_read() -> None:
    top = (1 << limits.MAX_MEMBERS) - 1
    for said, to, level in [
        ({0: 99, 2: 5, 4: 2}, 5, Precedence.IMMEDIATE),
        ({2: top, 4: 3}, top, Precedence.FLASH),
        ({2: top + 1, 4: 4}, statement.EVERYONE, Precedence.ROUTINE),
        ({2: -1, 4: -1}, statement.EVERYONE, Precedence.ROUTINE),
        ({2: True, 4: True}, statement.EVERYONE, Precedence.ROUTINE),
        ({2: "1", 4: b"1"}, statement.EVERYONE, Precedence.ROUTINE),
        ({}, statement.EVERYONE, Precedence.ROUTINE),
        ([5, 5, 5, 5, 5], statement.EVERYONE, Precedence.ROUTINE),
    ]:
        data = cbor.encode(said)
        assert (statement.audience(data), statement.precedence(data)) == (to, level)
    for data in (b"", b"\xff", bytes(limits.MAX_STATEMENT + 1)):
        assert (statement.audience(data), statement.precedence(data)) == (statement.EVERYONE, Precedence.ROUTINE)


def test_officers_sign_the_line_the_member_and_what_is_said() -> None:
    _, said = GOOD["message"]
    bare = {k: v for k, v in GOOD["message"][0].items() if k != 3} | {1: 0, 20: [bytes(16), []]}
    wanted = sha256(b"parley signed v1\n" + cbor.encode([b"line", 7, cbor.encode(bare)])).digest()
    assert statement.signed_hash(b"line", 7, said) == wanted
    mark = Statement(Kind.ACKNOWLEDGED, 5, Mark(REFS, signed=SIGNED))
    bare = {0: 3, 1: 0, 10: ROWS, 20: [bytes(16), []]}
    wanted = sha256(b"parley signed v1\n" + cbor.encode([b"line", 7, cbor.encode(bare)])).digest()
    assert statement.signed_hash(b"line", 7, mark) == wanted


def test_what_passes_is_messages_but_not_those_that_state_officers() -> None:
    assert statement.passes(Message("said"))
    assert statement.passes(Message(b"", form="watch/no-reply"))
    assert not statement.passes(Message(b"", form="watch/officer"))
    assert not statement.passes(Message(b"", form="watch/officer-withdrawn"))
    assert not statement.passes(Mark(REFS))


def test_references_of_any_content() -> None:
    assert GOOD["message"][1].refs == GOOD["read"][1].refs == GOOD["refused"][1].refs == REFS
    assert GOOD["opened"][1].refs == ()
