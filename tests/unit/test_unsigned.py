"""What lacks officers' keys is found without reading every statement of a record. OFF-7."""

from __future__ import annotations

from typing import Any

import pytest

from parley.app.unsigned import Wanted
from parley.ids import EntryId, LogId, MemberNumber
from parley.wire import statement
from parley.wire.statement import (
    Kind,
    Mark,
    Message,
    Opened,
    Precedence,
    Reference,
    RefusedEntry,
    Relation,
    Signed,
    Statement,
)
from parley_testkit.small_world import World

LOG = LogId(MemberNumber(1), b"\x00\x01\x02\x03\x04\x05\x06\x07")  # type: ignore[arg-type]
REF = (Reference(Relation.SUBJECT, EntryId(LOG, 3)),)
MANY: dict[int, Any] = dict.fromkeys(range(100, 140), 0)
SAID = [
    Statement(kind, 5, content, extra=extra)
    for extra in ({}, {99: "M2"}, MANY)
    for kind, content in (
        (Kind.MESSAGE, Message("A text.", "en")),
        (Kind.MESSAGE, Message("A text that names M2.", "en", Precedence.FLASH)),
        (Kind.MESSAGE, Message(b"\xa0", form="M2")),
        (Kind.MESSAGE, Message(b"\xa0", form="M2", signed=Signed(bytes(16)))),
        (Kind.MESSAGE, Message(b"\xa0", form="M3")),
        (Kind.READ, Mark(REF)),
        (Kind.ACKNOWLEDGED, Mark(REF)),
        (Kind.DECLINED, Mark(REF, text="Why.")),
        (Kind.REFUSED, RefusedEntry(REF, 1)),
        (Kind.OPENED, Opened(bytes(32), bytes(32))),
    )
]


def taken(classes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> tuple[Any, Any, int]:
    """What is found of all statements, and how many of them were read."""
    read: list[bytes] = []
    decode = statement.decode

    def counted(data: bytes) -> Statement:
        read.append(data)
        return decode(data)

    with monkeypatch.context() as patched:
        patched.setattr("parley.app.unsigned.statement.decode", counted)
        if whole:
            patched.setattr(Wanted, "_may_be_of", lambda _self, _data: True)
        membership = World(2, signed=classes).membership
        wanted = Wanted(membership, [])
        wanted.begin(LOG, membership.current.hash)
        for index, said in enumerate(SAID):
            wanted.take(LOG, index, statement.encode(said))
        wanted.take(LOG, len(SAID), b"")
        return wanted._messages, wanted._marks, len(read)


@pytest.mark.parametrize("classes", [("M2",), ("M2", "M3"), ("text",), ("flash",)])
def test_a_glance_misses_nothing(classes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    messages, marks, read = taken(classes, monkeypatch, whole=False)
    assert (messages, marks) == taken(classes, monkeypatch, whole=True)[:2]
    assert messages
    assert len(marks) == 6
    # Where only forms are named, texts and what is no mark are passed over.
    assert (read < len(SAID)) == classes[0].startswith("M")
