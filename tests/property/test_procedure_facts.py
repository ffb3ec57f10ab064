"""Facts of the watch in messages: one encoding, and nothing but DecodeError for what is none. R4, D4."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.app.sentences import LANGUAGES, fact_sentence
from parley.errors import DecodeError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.limits import MAX_TIME
from parley.procedure import facts
from parley.procedure.facts import FORMS, Fact, read_fact, to_message
from parley.wire import cbor, statement
from parley.wire.assertion import Assertion
from parley.wire.statement import Kind, Message, Precedence, Reference, Relation, Statement

ENTRIES = st.builds(
    EntryId,
    st.builds(LogId, st.integers(0, 31).map(MemberNumber), st.binary(min_size=8, max_size=8).map(Incarnation)),
    st.integers(0, 2**32 - 1),
)
NAMES = st.text(max_size=64)
LONG = st.text(max_size=200)
UINTS = st.integers(0, 2**63 - 1)
TIMES = st.integers(0, MAX_TIME)
KEYS = st.binary(min_size=1, max_size=80)
ASSERTIONS = st.builds(Assertion, st.binary(min_size=32, max_size=32), KEYS, KEYS, KEYS)
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(facts.NoReply, ENTRIES, UINTS, NAMES, TIMES, TIMES),
    st.builds(facts.Readdressed, ENTRIES, UINTS, NAMES, NAMES),
    st.builds(facts.PassedOn, ENTRIES, st.lists(NAMES, max_size=16).map(tuple), TIMES),
    st.builds(facts.UnitAcknowledged, ENTRIES, NAMES, TIMES, st.booleans()),
    st.builds(facts.DeclaredSilence, UINTS, TIMES),
    st.builds(facts.DeclaredAgreement, st.booleans(), LONG),
    st.builds(facts.Misuse, ENTRIES, LONG),
    st.builds(facts.HoldingReply, ENTRIES, LONG, TIMES),
    st.builds(facts.LineTest, LONG),
    st.builds(facts.LineTestCopy, ENTRIES, LONG),
    st.builds(facts.OfficerEnrolled, KEYS, NAMES, st.booleans(), st.lists(ASSERTIONS, max_size=3).map(tuple)),
    st.builds(facts.OfficerRevoked, KEYS),
)


@settings(max_examples=100)
@given(FACTS, st.sampled_from(Precedence))
def test_a_fact_survives_the_record(fact: Fact, precedence: Precedence) -> None:
    message = to_message(fact, precedence, "operations", "en")
    back = statement.decode(statement.encode(Statement(Kind.MESSAGE, 5, message))).content
    assert back == message
    assert isinstance(back, Message)
    assert read_fact(back) == fact
    assert back.precedence is precedence


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.binary(max_size=9) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=20),
    max_leaves=30,
)
REFS = st.lists(st.builds(Reference, st.sampled_from(Relation), ENTRIES), max_size=2).map(tuple)


@settings(max_examples=150)
@given(st.sampled_from([*FORMS, "watch/none", ""]), VALUES | st.lists(VALUES, max_size=5), REFS)
def test_whatever_a_peer_sends_is_a_fact_or_a_decode_error(
    form: str, value: object, refs: tuple[Reference, ...]
) -> None:
    message = Message(cbor.encode(value), form=form, refs=refs)
    try:
        fact = read_fact(message)
    except DecodeError:
        return
    again = to_message(fact, message.precedence)
    assert (again.body, again.form) == (message.body, message.form)


@given(st.sampled_from(list(FORMS)), st.binary(max_size=40) | st.text(max_size=40))
def test_bytes_that_are_no_array_are_refused(form: str, body: bytes | str) -> None:
    try:
        fact = read_fact(Message(body, form=form))
    except DecodeError:
        return
    assert to_message(fact, Precedence.ROUTINE).body == body


def test_names_are_bounded() -> None:
    entry = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 1)
    for fact in (
        facts.Readdressed(entry, 1, "unread", "x" * 65),
        facts.PassedOn(entry, ("x",) * 17, 5),
        facts.NoReply(entry, 1, "y" * 65, 0, 0),
    ):
        with pytest.raises(DecodeError) as error:
            read_fact(to_message(fact, Precedence.ROUTINE))
        assert error.value.code == "fact-malformed"


@given(FACTS)
def test_every_fact_reads_as_a_sentence(fact: Fact) -> None:
    said = {fact_sentence(fact, lambda number: f"member {number}", language) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)
