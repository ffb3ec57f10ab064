"""What a line's documents prove, and each way in which they do not (spec/documents.md section 3)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from parley.crypto.signing import Ed25519Signer
from parley.errors import DocumentError
from parley.ids import MemberNumber
from parley.protocol import membership as m
from parley.protocol.membership import Membership, verify_documents
from parley.wire import documents as d
from parley.wire import note
from parley.wire.note import Note
from parley_testkit.small_world import Party, charter_note

DRAW = random.Random(1).randbytes
NORTH, SOUTH, EAST, WEST = (Party(code, DRAW) for code in ("north", "south", "east", "west"))
PAIR = [NORTH, SOUTH]
ENTRIES = [NORTH.entry(0), SOUTH.entry(3)]
NOTES = [*NORTH.notes(), *SOUTH.notes()]
FOUNDING = charter_note(PAIR, ENTRIES)
LOW_ORDER = bytes([1]) + bytes(31)


def verified(*more: bytes, leave_out: bytes = b"") -> Membership:
    return verify_documents([n for n in (*NOTES, FOUNDING, *more) if n != leave_out])


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(DocumentError) as caught:
        call()
    return caught.value.code


def charter(*signing: Party, before: Membership | None = None, **changed: Any) -> bytes:
    """A charter with some fields changed, signed by ``signing``."""
    members = changed.pop("members", ENTRIES)
    made = d.parse_text(note.parse(charter_note(PAIR, members, before)).text)
    assert isinstance(made, d.Charter)
    text = replace(made, **changed).text()
    return Note(text, tuple(p.sign(text) for p in signing or PAIR)).encode()


def certificate(of: Party, *signing: Party, **changed: Any) -> bytes:
    """A node certificate with some fields changed."""
    text = replace(of.certificate, **changed).text()
    return Note(text, tuple(p.sign(text) for p in signing or (of,))).encode()


def test_documents_prove_who_is_on_a_line() -> None:
    line = verified()
    assert line.line == d.document_hash(note.parse(FOUNDING).text)
    assert [r.members for r in line.revisions] == [(0, 3)]
    assert line.current.hash == line.line
    assert line.revision(line.line) is line.current
    assert line.revision(bytes(32)) is None
    assert sorted(line.notes.values()) == sorted([*NOTES, FOUNDING])
    assert line.peers(MemberNumber(0)) == (3,)
    assert line.peers(MemberNumber(3)) == (0,)
    south = line.member(MemberNumber(3))
    assert (south.number, south.code, south.name, south.languages) == (3, "south", "South", ("en",))
    assert (south.threshold, south.left) == ((1, 1), False)
    assert south.party == d.document_hash(SOUTH.party_text)
    assert (south.keys, south.certificate) == (SOUTH.certificate.keys, d.document_hash(SOUTH.certificate.text()))
    assert south.keys_for(south.certificate) == south.keys
    assert south.keys_for(bytes(32)) is None
    assert line.by_code("south") is south
    assert code_of(lambda: line.member(MemberNumber(1))) == "member-unknown"
    assert code_of(lambda: line.by_code("east")) == "member-unknown"


@pytest.mark.parametrize("missing", range(4))
def test_every_document_that_is_cited_must_be_there(missing: int) -> None:
    assert code_of(lambda: verified(leave_out=NOTES[missing])) == "document-missing"


def test_without_a_charter_there_is_no_line() -> None:
    assert code_of(lambda: verified(leave_out=FOUNDING)) == "document-missing"


def test_a_charter_that_names_an_unknown_party() -> None:
    made = charter_note([*PAIR, EAST], [*ENTRIES, EAST.entry(4)])
    assert code_of(lambda: verify_documents([*NOTES, made])) == "document-missing"
    assert code_of(lambda: verify_documents([*NOTES, EAST.notes()[0], made])) == "document-missing"
    assert verify_documents([*NOTES, *EAST.notes(), made]).peers(MemberNumber(0)) == (3, 4)


@pytest.mark.parametrize("signing", [[], [NORTH], [SOUTH], [NORTH, EAST]])
def test_a_charter_is_signed_by_all_its_members(signing: list[Party]) -> None:
    text = note.parse(FOUNDING).text
    signatures = tuple(p.sign(text) for p in signing) or (EAST.sign(text),)
    assert code_of(lambda: verify_documents([*NOTES, Note(text, signatures).encode()])) == "document-unsigned"


def test_a_signature_that_is_wrong_or_under_another_name_counts_for_nothing() -> None:
    text = note.parse(FOUNDING).text
    good = NORTH.sign(text)
    for bad in (
        replace(good, signature=bytes(64)),
        replace(good, name=m.root_signature_name("north", "other")),
        replace(good, key_id=bytes(4)),
        replace(EAST.sign(text), name=good.name, key_id=good.key_id),
    ):
        signed = Note(text, (SOUTH.sign(text), bad)).encode()
        assert code_of(lambda: verify_documents([*NOTES, signed])) == "document-unsigned"  # noqa: B023
    both = Note(text, (replace(good, signature=bytes(64), name="x"), SOUTH.sign(text), good)).encode()
    assert verify_documents([*NOTES, both]).line == verified().line


def test_a_root_of_two_of_three() -> None:
    keys = [Ed25519Signer(DRAW(32)) for _ in range(3)]
    signers = tuple(d.RootSigner(f"the {n} holder", k.public) for n, k in enumerate(keys))
    party = d.Party("north", "North", ("en",), 2, signers)
    names = [m.root_signature_name("north", s.holder) for s in signers]
    assert names[0] == "parley/north/root/the-0-holder"

    def signed(*which: int) -> Note:
        lines = tuple(
            note.NoteSignature(
                names[n], note.key_id(names[n], note.ED25519, keys[n].public), keys[n].sign(party.text().encode())
            )
            for n in which
        )
        return Note(party.text(), (*lines, NORTH.sign(party.text())))

    assert m.root_signers(signed(0, 2), party) == ("the 0 holder", "the 2 holder")
    wrong = replace(signed(0).signatures[0], signature=bytes(64))
    rest_ = signed(1, 2).signatures
    assert m.root_signers(Note(party.text(), (wrong, *rest_)), party) == ("the 1 holder", "the 2 holder")
    rest = [*SOUTH.notes(), *EAST.notes(), charter_note([SOUTH, EAST], [SOUTH.entry(0), EAST.entry(1)])]
    assert code_of(lambda: verify_documents([*rest, signed(1).encode()])) == "document-unsigned"
    assert verify_documents([*rest, signed(1, 2).encode()]).peers(MemberNumber(0)) == (1,)


def test_keys_that_anyone_could_sign_for_are_refused() -> None:
    party = d.Party("weak", "Weak", ("en",), 1, (d.RootSigner("root", LOW_ORDER),))
    weak = Note(party.text(), (NORTH.sign(party.text()),)).encode()
    assert code_of(lambda: verified(weak)) == "key-small-order"
    for name in ("checkpoint", "receipt", "announce"):
        keys = replace(NORTH.certificate.keys, **{name: LOW_ORDER})
        assert code_of(lambda: verified(certificate(NORTH, serial=2, keys=keys))) == "key-small-order"  # noqa: B023


def test_a_certificate_is_signed_by_its_party_and_names_it() -> None:
    assert code_of(lambda: verified(certificate(NORTH, SOUTH, serial=2))) == "document-unsigned"
    assert code_of(lambda: verified(certificate(NORTH, serial=2, party=bytes(32)))) == "document-missing"
    assert code_of(lambda: verified(certificate(NORTH, serial=2, code="south"))) == "document-missing"
    assert code_of(lambda: verified(certificate(NORTH, keys=SOUTH.certificate.keys))) == "certificate-twice"


def test_the_certificate_of_the_highest_serial_is_in_force() -> None:
    newer = certificate(NORTH, serial=3, keys=EAST.certificate.keys)
    between = certificate(NORTH, serial=2, keys=WEST.certificate.keys)
    north = verified(newer, between).member(MemberNumber(0))
    assert [serial for _, serial, _ in north.certificates] == [1, 2, 3]
    assert north.keys == EAST.certificate.keys
    assert north.certificate == d.document_hash(note.parse(newer).text)
    assert north.keys_for(d.document_hash(note.parse(between).text)) == WEST.certificate.keys
    elsewhere = certificate(NORTH, serial=9, line="another", keys=WEST.certificate.keys)
    assert [s for _, s, _ in verified(elsewhere).member(MemberNumber(0)).certificates] == [1]


def test_the_charter_calls_a_party_as_its_document_does() -> None:
    for called in (replace(ENTRIES[0], name="Norther"), replace(ENTRIES[0], code="norther")):
        members = [called, ENTRIES[1]]
        assert code_of(lambda: verify_documents([*NOTES, charter(members=members)])) == "document-mismatch"  # noqa: B023
    members = [replace(ENTRIES[0], certificate=bytes(32)), ENTRIES[1]]
    assert code_of(lambda: verify_documents([*NOTES, charter(members=members)])) == "document-missing"
    members = [replace(ENTRIES[0], certificate=d.document_hash(SOUTH.certificate.text())), ENTRIES[1]]
    assert code_of(lambda: verify_documents([*NOTES, charter(members=members)])) == "document-missing"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"revision": 2}, "charter-out-of-order"),
        ({"revision": 0}, "charter-out-of-order"),
        ({"founding": bytes(32)}, "charter-out-of-order"),
        ({"previous": bytes(32)}, "charter-out-of-order"),
        ({"purpose": "exercise"}, "charter-changes-class"),
        ({"line": "another"}, "charter-changes-class"),
        ({"members": [NORTH.entry(3), SOUTH.entry(4)]}, "member-number-reused"),
    ],
)
def test_a_revision_follows_from_the_one_before(changed: dict[str, Any], code: str) -> None:
    made = charter(before=verified(), **changed)
    assert code_of(lambda: verified(made)) == code


def test_a_founding_charter_cites_nothing() -> None:
    for made in (charter(founding=bytes(32)), charter(previous=bytes(32))):
        assert code_of(lambda: verify_documents([*NOTES, made])) == "charter-out-of-order"  # noqa: B023
    alone = charter(revision=1)
    assert code_of(lambda: verify_documents([*NOTES, alone])) == "charter-out-of-order"


def test_a_revision_is_signed_by_the_members_before_it_as_well() -> None:
    before = verified()
    members = [NORTH.entry(0), EAST.entry(4)]
    text = note.parse(charter_note([NORTH], members, before)).text
    without = Note(text, (NORTH.sign(text), EAST.sign(text))).encode()
    assert code_of(lambda: verified(*EAST.notes(), without)) == "document-unsigned"
    agreed = Note(text, (NORTH.sign(text), EAST.sign(text), SOUTH.sign(text))).encode()
    after = verified(*EAST.notes(), agreed)
    assert [r.members for r in after.revisions] == [(0, 3), (0, 4)]
    assert after.current is after.revisions[1]
    assert after.line == after.revisions[0].hash
    assert after.revision(after.current.hash) is after.current
    assert after.peers(MemberNumber(0)) == (4,)
    assert after.member(MemberNumber(3)).code == "south"
    # The number of who is gone is not given to another, in any later revision.
    third = charter_note([NORTH, EAST, WEST], [NORTH.entry(0), WEST.entry(3), EAST.entry(4)], after)
    assert code_of(lambda: verified(*EAST.notes(), *WEST.notes(), agreed, third)) == "member-number-reused"
    third = charter_note([NORTH, EAST, WEST], [NORTH.entry(0), EAST.entry(4), WEST.entry(5)], after)
    assert len(verified(*EAST.notes(), *WEST.notes(), agreed, third).revisions) == 3
    back = charter_note([NORTH, EAST, SOUTH], [NORTH.entry(0), SOUTH.entry(3), EAST.entry(4)], after)
    assert verified(*EAST.notes(), agreed, back).peers(MemberNumber(0)) == (3, 4)


def test_a_notice_of_leaving_is_the_members_own_and_of_this_line() -> None:
    line = verified().line
    party = d.document_hash(SOUTH.party_text)

    def leaving(signer: Party = SOUTH, **changed: Any) -> bytes:
        text = replace(d.NoticeOfLeaving(line, "south", party, "over"), **changed).text()
        return Note(text, (signer.sign(text),)).encode()

    after = verified(leaving())
    assert [member.left for member in after.members.values()] == [False, True]
    assert after.peers(MemberNumber(0)) == (3,)
    assert code_of(lambda: verified(leaving(NORTH))) == "document-unsigned"
    assert code_of(lambda: verified(leaving(line_id=bytes(32)))) == "document-mismatch"
    assert code_of(lambda: verified(leaving(party=bytes(32)))) == "document-mismatch"


def test_a_document_that_is_known_changes_nothing() -> None:
    before = verified()
    assert m.extend(before, FOUNDING) is before
    after = m.extend(before, certificate(NORTH, serial=2, keys=EAST.certificate.keys))
    assert len(after.notes) == len(before.notes) + 1
    assert after.member(MemberNumber(0)).keys == EAST.certificate.keys
    assert code_of(lambda: m.extend(before, certificate(NORTH, SOUTH, serial=2))) == "document-unsigned"
