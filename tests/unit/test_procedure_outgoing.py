"""Before a message leaves. B9, B11, R49, R72, D9, D10."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import UsageError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure import outgoing as o
from parley.procedure.outgoing import Approval, Arrival, Draft, ReleasePolicy
from parley.wire.assertion import Assertion
from parley.wire.statement import Message, Precedence, Reference, Relation

ENTRY = EntryId(LogId(MemberNumber(1), Incarnation(bytes(8))), 3)
T = 1_000_000
TWO = ReleasePolicy(two_officers=frozenset({"flash", "X1", "N3"}))
DRAFT = Draft(Message("text", "en", Precedence.FLASH), 0b10, "N1", T, 7, "operation")


def approved(draft: Draft, officer: str = "N2", at: int = T) -> Draft:
    return o.approve(draft, Approval(officer, o.draft_hash(draft), at))


def refused(draft: Draft, policy: ReleasePolicy = TWO, arrived: tuple[Arrival, ...] = (), now: int = T + 5) -> str:
    with pytest.raises(UsageError) as error:
        o.check_release(draft, arrived, "operation", now, policy)
    return error.value.code


def test_nobody_releases_their_own_and_nobody_what_they_did_not_see() -> None:
    assert refused(DRAFT) == "release-needed"
    with pytest.raises(UsageError) as own:
        approved(DRAFT, "N1")
    assert own.value.code == "release-own"
    with pytest.raises(UsageError) as other:
        o.approve(DRAFT, Approval("N2", o.draft_hash(replace(DRAFT, to=0)), T))
    assert other.value.code == "release-changed"
    o.check_release(approved(DRAFT), (), "operation", T + 5, TWO)


def test_a_changed_text_voids_its_approvals_and_old_ones_end() -> None:
    done = approved(DRAFT)
    changed = o.revised(done, replace(DRAFT.message, body="another"), 9)
    assert refused(changed) == "release-needed"
    assert o.revised(done, DRAFT.message, 9).approvals == done.approvals
    assert refused(replace(done, to=0)) == "release-needed", "other recipients are another statement"
    assert refused(done, now=T + TWO.valid_s + 1) == "release-needed"
    assert approved(approved(DRAFT), at=T + 9).approvals[0].at == T + 9


def signed(draft: Draft, officer: str, key: bytes, at: int = T) -> Draft:
    return o.approve(draft, Approval(officer, o.draft_hash(draft), at, Assertion(key, b"a", b"c", b"s")))


def test_with_keys_two_of_them_sign_and_names_alone_release_nothing() -> None:
    def refused_with_keys(draft: Draft, policy: ReleasePolicy = TWO) -> str:
        with pytest.raises(UsageError) as error:
            o.check_release(draft, (), "operation", T + 5, policy, keys=True)
        return error.value.code

    one, two = bytes(32), b"2" * 32
    assert refused_with_keys(approved(DRAFT)) == "release-key-needed", "a name"
    assert refused_with_keys(signed(DRAFT, "N1", one)) == "release-key-needed", "the author alone"
    assert refused_with_keys(signed(DRAFT, "N2", two)) == "release-key-needed", "another, without the author"
    same = signed(signed(DRAFT, "N1", one), "N2", one)
    assert refused_with_keys(same) == "release-key-needed", "one key under two names"
    assert [a.officer for a in same.approvals] == ["N2"]
    both = signed(signed(DRAFT, "N1", one), "N2", two)
    o.check_release(both, (), "operation", T + 5, TWO, keys=True)
    late = signed(signed(DRAFT, "N1", one), "N2", two, T + TWO.valid_s)
    with pytest.raises(UsageError):
        o.check_release(late, (), "operation", T + TWO.valid_s + 1, TWO, keys=True)
    assert refused(signed(DRAFT, "N1", one)) == "release-needed", "one's own signature is no other officer"


def test_a_class_that_is_signed_takes_one_key_and_check_fire_none() -> None:
    policy = ReleasePolicy(signed=frozenset({"N2", "X1"}))
    notice, fire = replace(DRAFT, message=Message(b"x", form="N2")), replace(DRAFT, message=Message(b"x", form="X1"))
    with pytest.raises(UsageError) as error:
        o.check_release(notice, (), "operation", T, policy, keys=True)
    assert error.value.code == "release-key-needed"
    o.check_release(notice, (), "operation", T, policy)
    o.check_release(signed(notice, "N1", bytes(32)), (), "operation", T, policy, keys=True)
    o.check_release(fire, (), "operation", T, policy, keys=True)
    with pytest.raises(UsageError):
        o.check_alone(notice.message, policy, keys=True)
    o.check_alone(fire.message, policy, keys=True)
    o.check_alone(notice.message, policy)
    correction = replace(notice.message, refs=(Reference(Relation.CORRECTS, ENTRY),))
    o.check_alone(correction, policy, keys=True)


@pytest.mark.parametrize(
    ("message", "two"),
    [
        (Message("x"), False),
        (Message("x", precedence=Precedence.FLASH), True),
        (Message(b"x", form="N3"), True),
        (Message(b"x", form="X1", precedence=Precedence.FLASH), False),
        (Message("x", precedence=Precedence.FLASH, refs=(Reference(Relation.CORRECTS, ENTRY),)), False),
        (Message("x", precedence=Precedence.FLASH, refs=(Reference(Relation.CANCELS, ENTRY),)), False),
        (Message("x", precedence=Precedence.FLASH, refs=(Reference(Relation.REPLY, ENTRY),)), True),
    ],
)
def test_who_needs_two(message: Message, *, two: bool) -> None:
    assert o.needs_two(message, TWO) is two
    assert not o.needs_two(message, ReleasePolicy())


def test_a_newer_message_holds_the_draft_until_it_was_seen() -> None:
    south, east = MemberNumber(1), MemberNumber(2)
    old, fresh, other = Arrival(7, south, ENTRY), Arrival(8, south, ENTRY), Arrival(9, east, ENTRY)
    assert o.newer(DRAFT, (old, fresh, other)) == [fresh]
    assert o.newer(replace(DRAFT, to=0), (old, fresh, other)) == [fresh, other]
    assert refused(approved(DRAFT), arrived=(fresh,)) == "draft-overtaken"
    o.check_release(approved(o.revised(DRAFT, DRAFT.message, 8)), (fresh,), "operation", T, TWO)


def test_a_message_cannot_change_class() -> None:
    assert refused(replace(DRAFT, purpose="exercise"), ReleasePolicy()) == "class-change"
    assert o.draft_hash(DRAFT) != o.draft_hash(replace(DRAFT, line=b"another"))
    assert o.draft_hash(DRAFT) != o.draft_hash(replace(DRAFT, member=1))


def test_an_exercise_is_marked_and_one_phrase_leaves_it() -> None:
    assert o.watermark("operation") == ""
    assert o.watermark("exercise") == "EXERCISE EXERCISE EXERCISE"
    assert o.leaves_exercise("no  duff: aircraft down", "exercise")
    assert not o.leaves_exercise("NO DUFF", "operation")
    assert not o.leaves_exercise("there is no duff", "exercise")


def test_a_correction_is_as_loud_as_what_it_corrects_and_a_question_never_routine() -> None:
    original = Message("north of 35-13", "en", Precedence.FLASH, "Area", to_role="air")
    fixed = o.follow_up(original, ENTRY, Relation.CORRECTS, "south", "en")
    assert (fixed.precedence, fixed.subject, fixed.to_role) == (Precedence.FLASH, "Area", "air")
    assert fixed.refs == (Reference(Relation.CORRECTS, ENTRY),)
    quiet = replace(original, precedence=Precedence.ROUTINE)
    assert o.follow_up(quiet, ENTRY, Relation.CANCELS, "", "en").precedence is Precedence.ROUTINE
    assert o.follow_up(quiet, ENTRY, Relation.QUERIES, "?", "en").precedence is Precedence.PRIORITY
