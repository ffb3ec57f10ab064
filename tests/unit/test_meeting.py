"""Founding and changing a line by files: what is refused, and why. Shows DOC-1 to DOC-6, DOC-8, DOC-9."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.app import fingerprint, meeting
from parley.app.forms import forms_of
from parley.app.home import Home
from parley.app.watchrules import Rules
from parley.errors import DecodeError, DocumentError, KeyUnavailable, ParleyError, UsageError
from parley.procedure.outgoing import ReleasePolicy
from parley.protocol.membership import extend, verify_documents
from parley.wire import documents
from parley.wire.note import Note, parse

NAME = "trial"


def parties(folder: Path, count: int) -> list[Home]:
    homes = [Home(folder / f"p{n}") for n in range(count)]
    for n, home in enumerate(homes):
        meeting.init_party(home, f"p{n}", f"Party {n}", ["en"])
    return homes


def found(homes: list[Home]) -> meeting.Proposal:
    proposal = meeting.propose(homes[0], NAME, [meeting.introduce(h, NAME) for h in homes[1:]])
    accepted = [meeting.accept(h, meeting.read_proposal(proposal.encode())) for h in homes[1:]]
    return meeting.merge([proposal, *(meeting.read_proposal(a.encode()) for a in accepted)])


@pytest.mark.parametrize("count", [2, 3, 8])
def test_any_number_of_parties_found_a_line(tmp_path: Path, count: int) -> None:
    homes = parties(tmp_path, count)
    signed = found(homes)
    assert signed.missing == ()
    line, membership = meeting.install(homes[0], signed)
    bundle = meeting.read_proposal(meeting.founding_file(membership))
    for n, home in enumerate(homes[1:], 1):
        other, same = meeting.install(home, bundle)
        assert same.line == membership.line
        assert other.me(same) == n
    assert line.me(membership) == 0


def test_a_root_of_two_of_three_signs_one_after_another(tmp_path: Path) -> None:
    north = parties(tmp_path, 1)[0]
    south = Home(tmp_path / "south")
    meeting.init_party(south, "south", "South", ["en"], ["Chief", "Duty", "Legal"], 2, b"words")
    intro = meeting.introduce(south, NAME, b"words")
    proposal = meeting.propose(north, NAME, [intro])
    kept = {}
    for holder in ("Duty", "Legal"):
        path = south.roots / f"{holder}.key"
        kept[holder] = path.read_bytes()
        path.unlink()
    once = meeting.accept(south, proposal, b"words")
    assert once.missing == ("south",)
    with pytest.raises(DocumentError) as refused:
        meeting.install(south, once)
    assert refused.value.code == "document-unsigned"
    elsewhere = tmp_path / "Duty.key"
    elsewhere.write_bytes(kept["Duty"])
    twice = meeting.sign(south, meeting.read_proposal(once.encode()), b"words", [elsewhere])
    assert twice.missing == ()
    meeting.install(south, twice)
    with pytest.raises(KeyUnavailable) as wrong:
        meeting.sign(south, twice, b"other words")
    assert wrong.value.code == "passphrase-wrong"


def test_a_root_of_two_of_three_rotates_and_leaves_with_keys_from_elsewhere(tmp_path: Path) -> None:
    north = parties(tmp_path, 1)[0]
    south = Home(tmp_path / "south")
    meeting.init_party(south, "south", "South", ["en"], ["Chief", "Duty", "Legal"], 2)
    elsewhere = tmp_path / "Duty.key"
    for holder in ("Duty", "Legal"):
        path = south.roots / f"{holder}.key"
        elsewhere.write_bytes(path.read_bytes() if holder == "Duty" else elsewhere.read_bytes())
        path.unlink()
    proposal = meeting.propose(north, NAME, [meeting.introduce(south, NAME, None, [elsewhere])])
    signed = meeting.sign(south, meeting.accept(south, proposal), None, [elsewhere])
    line, _ = meeting.install(south, signed)
    with pytest.raises(DocumentError) as alone:
        meeting.rotate(south, line)
    assert alone.value.code == "document-unsigned"
    assert line.newest_keys()[0] == 1
    bundle = meeting.rotate(south, line, None, [elsewhere])
    assert line.newest_keys()[0] == 2
    other, _ = meeting.install(north, signed)
    assert len(meeting.add_documents(other, bundle).member(line.me(line.membership())).certificates) == 2
    with pytest.raises(DocumentError) as leaving:
        meeting.leave(south, line, "the agreement ended")
    assert leaving.value.code == "document-unsigned"
    assert meeting.leave(south, line, "the agreement ended", None, [elsewhere])


def test_a_root_of_two_of_three_proposes_with_a_key_from_elsewhere_or_leaves_nothing(tmp_path: Path) -> None:
    """It wrote keys and a certificate that too few had signed, and gave that out again for good."""
    north = parties(tmp_path, 1)[0]
    south = Home(tmp_path / "south")
    meeting.init_party(south, "south", "South", ["en"], ["Chief", "Duty", "Legal"], 2)
    elsewhere = tmp_path / "Duty.key"
    (south.roots / "Duty.key").rename(elsewhere)
    (south.roots / "Legal.key").unlink()
    intro = meeting.introduce(north, NAME)
    with pytest.raises(DocumentError) as alone:
        meeting.propose(south, NAME, [intro])
    assert alone.value.code == "document-unsigned"
    assert not south.line(NAME).path.exists()
    proposal = meeting.propose(south, NAME, [intro], roots=[elsewhere])
    assert proposal.missing == ("p0",)
    certificate = south.line(NAME).path / "introduction.note"
    whole = certificate.read_bytes()
    # As an earlier build left it: with one signature of two.
    certificate.write_bytes(replace(parse(whole), signatures=parse(whole).signatures[:1]).encode())
    meeting.introduce(south, NAME, None, [elsewhere])
    assert certificate.read_bytes() == whole
    meeting.install(south, meeting.accept(north, proposal))


def test_what_is_not_as_agreed_is_refused(tmp_path: Path) -> None:
    homes = parties(tmp_path, 2)
    signed = found(homes)
    with pytest.raises(DocumentError) as other:
        meeting.merge([signed, meeting.propose(homes[0], NAME, [meeting.introduce(homes[1], NAME)], retention_days=1)])
    assert other.value.code == "charter-differs"
    stranger = parties(tmp_path / "more", 1)[0]
    with pytest.raises(DocumentError) as unnamed:
        meeting.accept(stranger, signed)
    assert unnamed.value.code == "document-mismatch"
    with pytest.raises(UsageError):
        meeting.propose(homes[0], NAME, [meeting.introduce(homes[1], NAME)] * 2)
    with pytest.raises(DocumentError) as line:
        meeting.propose(homes[0], "other", [meeting.introduce(homes[1], NAME)])
    assert line.value.code == "document-mismatch"


@pytest.mark.no_cover
def test_every_byte_of_the_signed_texts_counts(tmp_path: Path) -> None:
    homes = parties(tmp_path, 2)
    _, membership = meeting.install(homes[0], found(homes))
    notes = list(membership.notes.values())
    assert verify_documents(notes).line == membership.line
    for place, raw in enumerate(notes):
        for at in range(0, len(raw), max(1, len(raw) // 60)):
            changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            with pytest.raises((DecodeError, DocumentError)):
                verify_documents([*notes[:place], changed, *notes[place + 1 :]])
        with pytest.raises(DocumentError):
            verify_documents([*notes[:place], *notes[place + 1 :]])


def test_revisions_follow_from_one_another(tmp_path: Path) -> None:
    homes = parties(tmp_path, 3)
    line, membership = meeting.install(homes[0], found(homes[:2]))
    meeting.install(homes[1], meeting.read_proposal(meeting.founding_file(membership)))
    joined = meeting.amend(homes[0], line, add=[meeting.introduce(homes[2], NAME)])
    for home in homes[1:]:
        joined = meeting.sign(home, meeting.read_proposal(joined.encode()))
    _, after = meeting.install(homes[0], joined)
    assert after.current.members == (0, 1, 2)
    meeting.install(homes[2], joined)
    charter = after.current.charter
    for changed, code in (
        (replace(charter, revision=3), "charter-out-of-order"),
        (replace(charter, revision=2), "charter-out-of-order"),
        (replace(charter, revision=2, previous=after.current.hash, purpose="exercise"), "charter-changes-class"),
        (
            replace(
                charter,
                revision=2,
                previous=after.current.hash,
                members=(*charter.members[:2], replace(charter.members[0], number=2, code="p3")),
            ),
            None,
        ),
    ):
        signed = Note(changed.text(), ())
        for home in homes:
            signed = meeting.sign_note(home, signed, home.party()[1], None)
        with pytest.raises((DocumentError, DecodeError)) as refused:
            extend(after, signed.encode())
        assert code is None or refused.value.code == code
    removal = meeting.amend(homes[0], line, remove=["p2"])
    for home in homes[1:]:
        removal = meeting.sign(home, removal)
    _, last = meeting.install(homes[0], removal)
    assert last.current.members == (0, 1)
    assert last.member(last.by_code("p2").number).code == "p2"


def test_rotating_and_leaving(tmp_path: Path) -> None:
    homes = parties(tmp_path, 2)
    line, membership = meeting.install(homes[0], found(homes))
    other, _ = meeting.install(homes[1], meeting.read_proposal(meeting.founding_file(membership)))
    certificate = meeting.rotate(homes[1], other)
    rotated = meeting.add_documents(line, certificate)
    old, new = (keys for _, _, keys in rotated.member(rotated.by_code("p1").number).certificates)
    assert old.checkpoint != new.checkpoint
    assert old.tls == new.tls
    notice = meeting.leave(homes[1], other, "the agreement ended")
    assert meeting.add_documents(line, notice).by_code("p1").left
    with pytest.raises(DocumentError):
        rotated.by_code("nobody")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_document_or_are_refused(data: bytes) -> None:
    for read in (documents.decode_bundle, documents.parse):
        with pytest.raises(DecodeError):
            read(data)


@pytest.mark.parametrize(
    "text",
    [
        "# parley party v1\n",
        "# parley party v1\ncode = [\n",
        "# parley charter v1\nline = 5\n",
        "# parley notice of leaving v1\nline = 'zz'\n",
        '# parley node v1\nline = "x"\n',
        "# something else\n",
    ],
)
def test_what_is_no_document(text: str) -> None:
    with pytest.raises(DecodeError) as refused:
        documents.parse_text(text)
    assert refused.value.code == "document-malformed"


@pytest.mark.no_cover
@pytest.mark.parametrize("language", ["en", "fr", "ru"])
@given(digest=st.binary(min_size=32, max_size=32))
def test_fingerprints_are_read_aloud_and_back(language: str, digest: bytes) -> None:
    words = fingerprint.words(digest, language)
    assert fingerprint.parse(words, language) == digest[:16]
    assert fingerprint.agrees(words, digest)
    assert fingerprint.agrees(digest.hex(), digest)


def test_a_misheard_word_is_named() -> None:
    words = fingerprint.words(bytes(range(32)))
    first, *rest = words.split()
    with pytest.raises(UsageError) as heard:
        fingerprint.parse(" ".join([first + "s", *rest]))
    assert heard.value.code == "fingerprint-word"
    assert first in heard.value.message
    with pytest.raises(UsageError) as order:
        fingerprint.parse(" ".join([*rest, first]))
    assert order.value.code == "fingerprint-checksum"
    with pytest.raises(ParleyError):
        fingerprint.words(bytes(32), "xx")


def test_the_charter_names_classes_and_a_party_only_adds(tmp_path: Path) -> None:
    # DOC-8
    homes = parties(tmp_path, 2)
    intro = meeting.introduce(homes[1], NAME)
    plain = meeting.propose(homes[0], NAME, [intro])
    assert "two_officers" not in plain.charter.text(), "a charter that names none is as it always was"
    proposal = meeting.propose(homes[0], NAME, [intro], classes=meeting.Classes.of(["text", "M2"], ["immediate"]))
    charter = proposal.charter
    assert (charter.two_officers, charter.signed) == (("M2", "text"), ("immediate",))
    assert documents.parse_text(charter.text()) == charter
    for bad in ('["text", "M2"]', '["M2", "M2", "text"]', '["m2"]', '"M2"', '["M2", 7]'):
        with pytest.raises(DecodeError) as caught:
            documents.parse_text(charter.text().replace('["M2", "text"]', bad))
        assert caught.value.code == "document-malformed"
    with pytest.raises(UsageError) as unknown:
        meeting.Classes.of(["everything"], [])
    assert unknown.value.code == "class-unknown"

    # Settings add classes; those of the charter stay, and check-fire never waits for two.
    own = ReleasePolicy(two_officers=frozenset({"flash"}), one_officer=frozenset({"M2", "H1"}))
    policy = Rules(release=own).under(charter, forms_of(charter)).release
    assert {"M2", "text", "flash"} <= policy.two_officers
    assert policy.signed == {"immediate"}
    assert policy.one_officer == {"X1", "H1"}

    # A revision changes them, and shows what it changes.
    meeting.install(homes[0], meeting.merge([meeting.accept(homes[1], proposal)]))
    line = homes[0].line(NAME)
    amended = meeting.amend(homes[0], line, classes=meeting.Classes.of([], ["immediate", "flash"]))
    assert (amended.charter.two_officers, amended.charter.signed) == ((), ("flash", "immediate"))
    assert meeting.changes(charter, amended.charter) == [
        '-two_officers = ["M2", "text"]',
        '-signed = ["immediate"]',
        '+signed = ["flash", "immediate"]',
    ]
    assert meeting.amend(homes[0], line, retention_days=9).charter.two_officers == ("M2", "text")


def test_the_charter_has_the_numbers_of_the_card(tmp_path: Path) -> None:
    # DOC-9
    homes = parties(tmp_path, 2)
    intro = meeting.introduce(homes[1], NAME)
    numbers = {"p1": ["+00 555 0101", "+00 555 0102"]}
    charter = meeting.propose(homes[0], NAME, [intro], telephones=numbers).charter
    assert [m.telephone for m in charter.members] == [(), ("+00 555 0101", "+00 555 0102")]
    assert documents.parse_text(charter.text()) == charter
    listed = '["+00 555 0101", "+00 555 0102"]'
    for bad in ("[]", "[1]", '"+00 555 0101"', str(["1"] * 9).replace("'", '"')):
        with pytest.raises(DecodeError):
            documents.parse_text(charter.text().replace(listed, bad))
    with pytest.raises(UsageError) as caught:
        meeting.propose(homes[0], NAME, [intro], telephones={"nobody": ["1"]})
    assert caught.value.code == "member-unknown"
