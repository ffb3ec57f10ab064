"""Two verifiers agree on what officers signed, and on every way in which an author may lie about it.

Shows OFF-4, OFF-5, OFF-6 and OFF-7. Each lie is by the author itself: it lies under the author's own checkpoint.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from parley.app.export import write_record
from parley.app.forms import Understands, read_folder, usual_packs
from parley.app.passkeys import SoftwarePasskey, site_of, verify_registration
from parley.app.verify import verify_record
from parley.cli import app
from parley.forms import packs as shipped_packs
from parley.ids import EntryId, MemberNumber
from parley.procedure import facts
from parley.protocol import inputs as i
from parley.protocol.settings import Settings
from parley.wire.assertion import Assertion, enrolment_hash, key_of
from parley.wire.documents import CharterPack
from parley.wire.statement import (
    Kind,
    Mark,
    Message,
    Precedence,
    Reference,
    Relation,
    Signed,
    Statement,
    signed_hash,
)
from parley_testkit.small_world import World

VERIFIER = Path(__file__).parents[2] / "spec" / "verifier" / "verify_officers.py"
RP = "localhost"


@dataclass
class Officer:
    """With a passkey in software."""

    passkey: SoftwarePasskey = field(default_factory=lambda: SoftwarePasskey("http://localhost:7480"))
    public: bytes = b""

    def __post_init__(self) -> None:
        options = {"rp": {"id": RP}, "user": {"id": "AAAA"}, "challenge": bytes_to_base64url(bytes(32))}
        made = verify_registration(site_of(self.passkey.origin), self.passkey.create(options), bytes(32))
        self.public = made.public_key

    def sign(self, hash_: bytes) -> Assertion:
        answer = self.passkey.get({"rpId": RP, "challenge": bytes_to_base64url(hash_)})["response"]
        parts = (base64url_to_bytes(answer[n]) for n in ("authenticatorData", "clientDataJSON", "signature"))
        return Assertion(key_of(self.public), *parts)


@dataclass
class Line:
    """Two members; what the first one's officers say."""

    world: World = field(default_factory=lambda: World(2, settings=Settings(understands=Understands())))
    one: Officer = field(default_factory=Officer)
    two: Officer = field(default_factory=Officer)

    def __post_init__(self) -> None:
        self.world.link_all()
        self.world.run(1.0)

    def fact(self, fact: facts.Fact, member: int = 0) -> None:
        self.put(facts.to_message(fact, Precedence.ROUTINE), member=member)

    def put(self, content: Message | Mark, kind: Kind = Kind.MESSAGE, member: int = 0) -> None:
        self.world.step(member, i.Submit(kind, content))
        self.world.run(1.0)

    def enrol(self, officer: Officer, *by: Officer, hash_: bytes = b"") -> None:
        party = self.world.membership.members[0].party  # type: ignore[index]
        hash_ = hash_ or enrolment_hash(party, officer.public, RP, software=True)
        approvals = tuple(o.sign(hash_) for o in by)
        self.fact(facts.OfficerEnrolled(officer.public, RP, software=True, approvals=approvals))

    def hash(self, content: Message | Mark, kind: Kind = Kind.MESSAGE) -> bytes:
        return signed_hash(self.world.membership.line, 0, Statement(kind, 0, content))

    def signed(
        self, content: Message | Mark, *by: Officer, nonce: bytes = b"n" * 16, kind: Kind = Kind.MESSAGE
    ) -> None:
        content = replace(content, signed=Signed(nonce))
        hash_ = self.hash(content, kind)
        self.put(replace(content, signed=Signed(nonce, tuple(o.sign(hash_) for o in by))), kind)

    def record(self, path: Path) -> Path:
        write_record(self.world.stores[1], self.world.membership, path)
        return path


def independent(path: Path, *packs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(VERIFIER), *map(str, (path, *packs))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


FLASH = Message("Cease firing north of 60N.", "en", Precedence.FLASH)


def test_who_released_and_who_acknowledged_is_told_by_both(tmp_path: Path) -> None:
    line = Line()
    three = Officer()
    line.enrol(line.one)
    line.enrol(line.two)
    line.enrol(three, line.one)
    line.signed(FLASH, line.one, line.two)
    line.world.send(1, "Understood?")
    line.world.run(1.0)
    tree = next(t for t in line.world.lines[0].trees if t.log.member == 1)
    ref = Reference(Relation.SUBJECT, EntryId(tree.log, tree.size - 1))
    line.signed(Mark((ref,), text="60N"), three, nonce=b"m" * 16, kind=Kind.ACKNOWLEDGED)
    line.signed(Message("Nobody's key."), nonce=b"o" * 16)
    line.fact(facts.OfficerRevoked(key_of(three.public)))
    path = line.record(tmp_path / "record.parley")
    report = verify_record(path)
    assert report.problems == []
    keys = [key_of(o.public).hex() for o in (line.one, line.two, three)]
    assert [(s.kind, list(s.keys), s.software) for s in report.signed] == [
        ("released", keys[:2], True),
        ("acknowledged", keys[2:], True),
        ("released", [], False),
    ]
    assert [o["approved_by"] for o in report.officers] == [[], [], [keys[0]]]
    assert [o["revoked"] for o in report.officers] == [False, False, True]
    words = f"released by two officers: keys {keys[0][:16]}, {keys[1][:16]}"
    assert words in report.signed[0].sentence()
    assert "without an officer's key" in report.signed[2].sentence()
    done = independent(path)
    assert done.returncode == 0, done.stdout
    assert words in done.stdout
    assert f"acknowledged by an officer: key {keys[2][:16]}" in done.stdout
    assert "released without an officer's key" in done.stdout


def other_words(line: Line) -> None:
    hash_ = line.hash(replace(FLASH, signed=Signed(b"n" * 16)))
    by = Signed(b"n" * 16, (line.one.sign(hash_), line.two.sign(hash_)))
    line.put(replace(FLASH, body="Open fire north of 60N.", signed=by))


def other_nonce(line: Line) -> None:
    hash_ = line.hash(replace(FLASH, signed=Signed(b"n" * 16)))
    line.put(replace(FLASH, signed=Signed(b"x" * 16, (line.one.sign(hash_),))))


def used_twice(line: Line) -> None:
    line.signed(FLASH, line.one, line.two)
    line.signed(FLASH, line.one, line.two)


def stranger(line: Line) -> None:
    line.signed(FLASH, line.one, Officer())


def revoked(line: Line) -> None:
    line.fact(facts.OfficerRevoked(key_of(line.two.public)))
    line.signed(FLASH, line.one, line.two)


def one_key_twice(line: Line) -> None:
    line.signed(FLASH, line.one, line.one)


def under_another_name(line: Line) -> None:
    """One officer's signature, put under another's key."""
    hash_ = line.hash(replace(FLASH, signed=Signed(b"n" * 16)))
    forged = replace(line.one.sign(hash_), key=key_of(line.two.public))
    line.put(replace(FLASH, signed=Signed(b"n" * 16, (line.one.sign(hash_), forged))))


def others_officer(line: Line) -> None:
    """An officer of the other member's."""
    theirs = Officer()
    line.fact(facts.OfficerEnrolled(theirs.public, RP, software=True, approvals=()), member=1)
    line.signed(FLASH, line.one, theirs)


def self_approved(line: Line) -> None:
    three = Officer()
    line.enrol(three, three)


def approved_for_another(line: Line) -> None:
    line.enrol(Officer(), line.one, hash_=bytes(32))


def approved_by_nobody_known(line: Line) -> None:
    line.enrol(Officer(), Officer())


def replayed_as_acknowledgement(line: Line) -> None:
    """What was signed as a decline, stated as an acknowledgement."""
    line.world.send(1, "Stop?")
    line.world.run(1.0)
    tree = next(t for t in line.world.lines[0].trees if t.log.member == 1)
    mark = Mark((Reference(Relation.SUBJECT, EntryId(tree.log, tree.size - 1)),), signed=Signed(b"n" * 16))
    hash_ = line.hash(mark, Kind.DECLINED)
    line.put(replace(mark, signed=Signed(b"n" * 16, (line.one.sign(hash_),))), Kind.ACKNOWLEDGED)


LIES = [
    other_words,
    other_nonce,
    used_twice,
    stranger,
    revoked,
    one_key_twice,
    under_another_name,
    others_officer,
    self_approved,
    approved_for_another,
    approved_by_nobody_known,
    replayed_as_acknowledgement,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: str(lie.__name__))
def test_every_lie_about_officers_is_named_by_both(lie: Callable[[Line], None], tmp_path: Path) -> None:
    line = Line()
    line.enrol(line.one)
    line.enrol(line.two)
    lie(line)
    path = line.record(tmp_path / "record.parley")
    report = verify_record(path)
    assert len(report.problems) == 1
    assert len(report.officers) >= 2
    done = independent(path)
    assert done.returncode == 1, done.stdout
    assert "NOT VERIFIED" in done.stdout


def test_what_states_officers_keys_outlasts_retention_and_a_missing_one_is_no_fault(tmp_path: Path) -> None:
    line = Line()
    line.enrol(line.one)
    line.enrol(line.two)
    line.signed(FLASH, line.one, line.two)
    line.world.send(0, "old")
    line.world.run(1.0)
    line.world.step(1, i.Prune(line.world.now(1).wall + 1, 5))
    path = line.record(tmp_path / "record.parley")
    report = verify_record(path)
    assert report.problems == []
    assert any(log.erased for log in report.logs)
    assert len(report.officers) == 2
    assert independent(path).returncode == 0


def newest(line: Line, member: int) -> Reference:
    tree = next(t for t in line.world.lines[0].trees if t.log.member == member)
    return Reference(Relation.SUBJECT, EntryId(tree.log, tree.size - 1))


def test_a_class_that_the_charter_names_without_its_keys_is_named_by_both_and_is_no_tampering(tmp_path: Path) -> None:
    settings = Settings(understands=Understands())
    line = Line(World(2, settings=settings, two_officers=("flash",), signed=("immediate",)))
    urgent = replace(FLASH, precedence=Precedence.IMMEDIATE)
    line.enrol(line.one)
    line.enrol(line.two)
    # As it should be: two keys, one key, none where no class is named, and none where seconds count.
    line.signed(FLASH, line.one, line.two, nonce=b"1" * 16)
    line.signed(urgent, line.one, nonce=b"2" * 16)
    line.put(replace(urgent, precedence=Precedence.PRIORITY))
    line.put(replace(FLASH, refs=(replace(newest(line, 0), relation=Relation.CORRECTS),)))
    line.put(urgent, member=1)
    theirs = newest(line, 1)
    line.signed(Mark((theirs,)), line.one, nonce=b"3" * 16, kind=Kind.ACKNOWLEDGED)
    assert verify_record(line.record(tmp_path / "whole.parley")).problems == []
    # One key of two; none; and acknowledgements without a key, of which one says so.
    line.signed(FLASH, line.two, nonce=b"4" * 16)
    line.put(urgent)
    line.put(urgent, member=1)
    line.put(Mark((newest(line, 1),)), Kind.ACKNOWLEDGED)
    line.signed(Mark((newest(line, 1),), text="No."), nonce=b"5" * 16, kind=Kind.DECLINED)
    path = line.record(tmp_path / "record.parley")
    report = verify_record(path)
    assert report.problems == []
    assert report.good
    logs = [theirs.entry.log, next(t.log for t in line.world.lines[0].trees if t.log.member == 0)]
    name = {log.member: f"{'north' if log.member == 0 else 'south'}-{log.incarnation.hex()}" for log in logs}
    size = next(t.size for t in line.world.lines[0].trees if t.log == logs[1])
    found = [(u.log, u.index, u.author, u.kind, u.classes, u.keys, u.wanted) for u in report.unsigned]
    assert sorted(found) == sorted(
        [
            (name[MemberNumber(1)], theirs.entry.index, "south", "released", ("immediate",), 0, 1),
            (name[MemberNumber(1)], theirs.entry.index + 1, "south", "released", ("immediate",), 0, 1),
            (name[MemberNumber(0)], size - 4, "north", "released", ("flash",), 1, 2),
            (name[MemberNumber(0)], size - 3, "north", "released", ("immediate",), 0, 1),
            (name[MemberNumber(0)], size - 2, "north", "acknowledged", ("immediate",), 0, 1),
            (name[MemberNumber(0)], size - 1, "north", "declined", ("immediate",), 0, 1),
        ]
    )
    assert {u["code"] for u in report.as_json()["unsigned"]} == {"officer-key-missing"}
    done = independent(path)
    assert done.returncode == 0, done.stdout
    told = [row for row in done.stdout.splitlines() if row.startswith("WITHOUT KEY: ")]
    assert sorted(told) == sorted(f"WITHOUT KEY: {u.sentence()}" for u in report.unsigned)
    shown = CliRunner().invoke(app, ["verify", str(path)])
    assert (shown.exit_code, shown.stdout.count("WITHOUT KEY")) == (0, 6)


def test_a_record_with_all_the_keys_that_the_charter_asks_for_is_clean(tmp_path: Path) -> None:
    line = Line(World(2, settings=Settings(understands=Understands()), two_officers=("text",)))
    line.enrol(line.one)
    line.enrol(line.two)
    line.signed(FLASH, line.one, line.two)
    path = line.record(tmp_path / "record.parley")
    report = verify_record(path)
    assert (report.problems, report.unsigned) == ([], [])
    done = independent(path)
    assert (done.returncode, "WITHOUT KEY" in done.stdout) == (0, False)


OWN_PACK = """\
pack = "own"
code = "ZZ"
version = 3
title = "Own"

[[form]]
number = 1
name = "order"
title = "Order"
release = "two"
field = [{ key = 1, name = "what", label = "What" }]
sentence = [{ text = "{what}" }]
example = [{ values = { what = "Stop" } }]
"""


def test_a_form_that_a_pack_has_released_by_two_is_of_a_class_of_the_charter(tmp_path: Path) -> None:
    folder = tmp_path / "forms" / "own"
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(OWN_PACK)
    own = read_folder(folder)
    packs = (*usual_packs()[0], CharterPack("own", own.version, own.hash))
    line = Line(World(2, settings=Settings(understands=lambda *_: True), packs=packs))
    line.enrol(line.one)
    line.enrol(line.two)
    # M1, an exercise, is released by two, as its pack says; M2 by one; ZZ1 by two, as only its own pack says.
    for form, by in (("M1", (line.one,)), ("M2", ()), ("ZZ1", (line.two,))):
        line.signed(Message(b"", "en", form=form), *by, nonce=form.encode().ljust(16))
    line.signed(Message(b"", "en", form="M1"), line.one, line.two, nonce=b"6" * 16)
    line.put(Message(b"", "en", form="M1"), member=1)
    line.put(Mark((newest(line, 1),)), Kind.ACKNOWLEDGED)
    path = line.record(tmp_path / "record.parley")
    name = f"own 3 ({own.hash.hex()})"

    def told(*folders: Path) -> list[str]:
        done = independent(path, *folders)
        assert done.returncode == 0, done.stdout
        return sorted(r for r in done.stdout.splitlines() if r.startswith(("WITHOUT KEY: ", "NOT CHECKED: ")))

    shipped = [p for p in Path(str(files(shipped_packs))).iterdir() if (p / "pack.toml").is_file()]
    for folders, at_hand, forms in (
        (shipped, None, {"M1"}),
        ([*shipped, folder], folder.parent, {"M1", "ZZ1"}),
    ):
        report = verify_record(path, at_hand)
        assert report.good
        assert {u.classes[0] for u in report.unsigned} == forms
        assert report.unread == ([name] if at_hand is None else [])
        rows = [f"WITHOUT KEY: {u.sentence()}" for u in report.unsigned]
        rows += [
            f"NOT CHECKED: which forms of the pack {x} two officers release; it is not at hand." for x in report.unread
        ]
        assert told(*folders) == sorted(rows)
    found = {(u.kind, u.author, u.classes, u.keys, u.wanted) for u in verify_record(path, folder.parent).unsigned}
    assert found == {
        ("released", "north", ("M1",), 1, 2),
        ("released", "north", ("ZZ1",), 1, 2),
        ("released", "south", ("M1",), 0, 2),
        ("acknowledged", "north", ("M1",), 0, 1),
    }
    assert len(told()) == len(packs), "without packs, each is named as not checked"
    shown = CliRunner().invoke(app, ["verify", str(path), "--packs", str(folder.parent)])
    assert (shown.exit_code, shown.stdout.count("WITHOUT KEY"), shown.stdout.count("NOT CHECKED")) == (0, 4, 0)
