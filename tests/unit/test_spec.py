"""The CDDL of the specification describes what the code writes (D12)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire import documents, parts, statement
from parley.wire.geometry import Position
from parley.wire.readback import Near, ReadBack
from parley.wire.statement import (
    EVERYONE,
    Kind,
    Mark,
    Message,
    Opened,
    Precedence,
    Reference,
    RefusedEntry,
    Relation,
    Seen,
    Statement,
)

pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for this interpreter or machine")

SPEC = Path(__file__).parents[2] / "spec"
LOG = LogId(MemberNumber(3), Incarnation(bytes(8)))
REF = Reference(Relation.REPLY, EntryId(LOG, 7))
STATEMENTS = [
    Statement(Kind.MESSAGE, 5, Message("text")),
    Statement(
        Kind.MESSAGE,
        5,
        Message(b"form", "fr", Precedence.FLASH, "subject", "core/x/1", "ops", "air", (REF,), 9),
        to=6,
        seen=(Seen(LOG, 4),),
    ),
    Statement(Kind.OPENED, 5, Opened(bytes(32), bytes(32), (Incarnation(bytes(8)), 3, bytes(32)), "parley")),
    Statement(Kind.ACKNOWLEDGED, 5, Mark((REF,), "ops", "noted")),
    Statement(Kind.ACKNOWLEDGED, 5, Mark((REF,), places=(ReadBack(Position(-1, 7), (Near("Town (SY)", 0, 359),)),))),
    Statement(Kind.REFUSED, 5, RefusedEntry((REF,), 2)),
    Statement(Kind.MESSAGE, 5, Message("text"), EVERYONE, (), {60: [1, b"later"]}),
]
PARTS: list[parts.Part] = [
    parts.Entries(
        0,
        (
            parts.Opening(b"statement"),
            parts.Opening(b"statement", bytes(32)),
            parts.Blind(bytes(32)),
            parts.Gone(bytes(32)),
            parts.NotForYou(bytes(32), bytes(16), (bytes(32),)),
        ),
        bytes(64),
        LOG,
    ),
    parts.Cosigned(LOG, 5, 6, bytes(64), 2),
    parts.Have((parts.Held(LOG, 3, 2),), (parts.ChainHeld(b"ab", 9),), (bytes(8),), bytes(8)),
    parts.Have((parts.Held(LOG, 9, 2, (2, 5)),), (), (), b""),
    parts.Have((parts.Held(LOG, 9, 9, before=3), parts.Held(LOG, 9, 2, (2, 5), 70_000)), (), (), b""),
    parts.Query(),
    parts.Query((LOG.incarnation,)),
    parts.Gossip(LOG, 5, bytes(32), bytes(64)),
    parts.Prekeys((bytes(1216),), bytes(64)),
    parts.Document(b"note"),
    parts.Evidence(b"proof"),
    parts.Prove(LOG, 2, 3),
    parts.Prove(LOG, 2, 3, (bytes(32),)),
    parts.Fragment(70_000, 1, 3, b"slice"),
    parts.Padding(5),
]


@pytest.mark.parametrize("said", STATEMENTS)
def test_statements_are_what_the_cddl_says(said: Statement) -> None:
    rule = {Mark: "mark", Opened: "opened", RefusedEntry: "refused"}.get(type(said.content), "message")
    schema = pycddl.Schema(f"start = {rule}\n" + (SPEC / "statement.cddl").read_text("utf-8"))
    schema.validate_cbor(statement.encode(said))
    assert statement.decode(statement.encode(said)) == said


@pytest.mark.parametrize("part", PARTS, ids=lambda p: type(p).__name__)
def test_parts_are_what_the_cddl_says(part: parts.Part) -> None:
    rule = type(part).__name__.lower()
    schema = pycddl.Schema(f"start = {rule}\n" + (SPEC / "parts.cddl").read_text("utf-8"))
    # A payload of one part is one byte of array header and the part.
    schema.validate_cbor(parts.encode([part])[1:])
    assert parts.decode(parts.encode([part])) == (part,)


def test_the_charter_of_the_specification_has_the_lines_that_are_written() -> None:
    # DOC-1
    said = (SPEC / "documents.md").read_text("utf-8")
    block = said[said.index("    # parley charter v1") :].split("\n\nA fingerprint")[0]
    stated = re.findall(r"(?m)^    (\[+\w+\]+|\w+ =)", block)
    member = documents.CharterMember(0, "a", "A", bytes(32), bytes(32), ("+00 0 000",))
    charter = documents.Charter(
        *("line", "operation", 0, b"", b"", b"", ("en",), dict.fromkeys(documents.PRECEDENCES, 60), 365, (member,)),
        packs=(documents.CharterPack("core", 1, bytes(32)),),
        dictionary=bytes(32),
        two_officers=("flash",),
        signed=("flash", "text"),
    )
    assert stated == re.findall(r"(?m)^(\[+\w+\]+|\w+ =)", charter.text())
