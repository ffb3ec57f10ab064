"""The officer's indexes are the same in whatever order the trees come back."""

from __future__ import annotations

from itertools import permutations

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.ledger import Ledger
from parley.protocol.rows import Rows
from parley.stores import MemoryStore
from parley.wire.statement import WATCH_FORMS, Kind, Mark, Message, Reference, Relation, Statement

ME, PEER = MemberNumber(0), MemberNumber(1)
ASKED = EntryId(LogId(PEER, Incarnation(bytes(8))), 1)
ANSWERED = EntryId(LogId(ME, Incarnation(bytes(8))), 1)


def waiting(kinds: tuple[tuple[EntryId, Kind], ...], *, restart: bool = False) -> int:
    rows = Rows(MemoryStore())
    ledger = Ledger(rows, ME)
    for entry, kind in kinds:
        ledger = Ledger(rows, ME) if restart else ledger
        content = Message("?") if kind is Kind.MESSAGE else Mark((Reference(Relation.SUBJECT, ASKED),))
        ledger.apply(r.entry_key(entry.log, entry.index), Statement(kind, 0, content))
    return len(list(rows.scan(r.OPEN)))


@pytest.mark.parametrize(("mark", "left"), [(Kind.ACKNOWLEDGED, 0), (Kind.DECLINED, 0), (Kind.READ, 1)])
def test_what_was_answered_is_not_open_whichever_tree_comes_back_first(mark: Kind, left: int) -> None:
    for order in permutations([(ASKED, Kind.MESSAGE), (ANSWERED, mark)]):
        assert waiting(order) == left
        assert waiting(order, restart=True) == left


@pytest.mark.parametrize(("to", "left"), [(0, 1), (0b01, 1), (0b11, 1), (0b10, 0), (0b100, 0)])
def test_what_is_addressed_to_others_waits_for_nobody(to: int, left: int) -> None:
    rows = Rows(MemoryStore())
    Ledger(rows, ME).apply(r.entry_key(ASKED.log, 1), Statement(Kind.MESSAGE, 7, Message("?"), to))
    assert len(list(rows.scan(r.OPEN))) == left


@pytest.mark.parametrize(("member", "index"), [(31, (1 << 32) - 1), (0, 1 << 32), (32, 0)])
def test_a_mark_on_what_no_tree_can_hold_is_passed_over(member: int, index: int) -> None:
    rows = Rows(MemoryStore())
    target = EntryId(LogId(MemberNumber(member), Incarnation(bytes(8))), index)
    said = Statement(Kind.READ, 7, Mark((Reference(Relation.SUBJECT, target),)))
    Ledger(rows, ME).apply(r.entry_key(ANSWERED.log, 1), said)
    assert len(list(rows.scan(r.MARK))) == (member < 32 and index < 1 << 32)


def test_facts_of_the_watch_wait_for_nobody() -> None:
    rows = Rows(MemoryStore())
    ledger = Ledger(rows, ME)
    ledger.apply(
        r.entry_key(ASKED.log, ASKED.index), Statement(Kind.MESSAGE, 0, Message(b"", form=f"{WATCH_FORMS}no-reply"))
    )
    assert list(rows.scan(r.OPEN)) == []
