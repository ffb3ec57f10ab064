"""The CDDL of the watch's facts describes what the code writes (D12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure import facts
from parley.procedure.facts import FORMS, Fact, to_message
from parley.wire.assertion import Assertion
from parley.wire.statement import WATCH_FORMS, Precedence

pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for this interpreter or machine")

CDDL = (Path(__file__).parents[2] / "spec" / "watch.cddl").read_text("utf-8")
ENTRY = EntryId(LogId(MemberNumber(3), Incarnation(bytes(8))), 7)
FACTS: list[Fact] = [
    facts.NoReply(ENTRY, 1, "unread", 5, 6),
    facts.Readdressed(ENTRY, 1, "unread", "operations"),
    facts.PassedOn(ENTRY, (), 0),
    facts.PassedOn(ENTRY, ("air", "navy"), 9),
    facts.UnitAcknowledged(ENTRY, "air", 9, by_telephone=True),
    facts.DeclaredSilence(2, 9),
    facts.DeclaredAgreement(suspended=True, reason="protest"),
    facts.Misuse(ENTRY, "flood"),
    facts.HoldingReply(ENTRY, "understood", 9),
    facts.LineTest("text"),
    facts.LineTestCopy(ENTRY, "text"),
    facts.OfficerEnrolled(b"cose", "localhost", software=True, approvals=()),
    facts.OfficerEnrolled(b"cose", "localhost", False, (Assertion(bytes(32), bytes(37), b"{}", b"s"),)),
    facts.OfficerRevoked(bytes(32)),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: type(f).__name__)
def test_facts_are_what_the_cddl_says(fact: Fact) -> None:
    message = to_message(fact, Precedence.ROUTINE)
    schema = pycddl.Schema(f"start = {message.form.removeprefix(WATCH_FORMS)}\n{CDDL}")
    schema.validate_cbor(message.body)
    with pytest.raises(pycddl.ValidationError):
        schema.validate_cbor(b"\x82\x40\x40")


def test_every_form_is_specified() -> None:
    assert {type(f) for f in FACTS} == set(FORMS.values())
    assert all(f'"{form}"' in CDDL for form in FORMS)
