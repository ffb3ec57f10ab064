"""Scenarios: what comes with Parley holds; what breaks it is seen; a malformed file is refused with its line."""

from __future__ import annotations

import re

import pytest

from parley.app.forms import library, urgency, usual_packs
from parley.app.scenario import shelf
from parley.app.scenario.run import Outcome, run_script
from parley.app.scenario.script import read_script, texts_of
from parley.app.scenario.telling import SAYINGS
from parley.errors import UsageError
from parley.forms.filled import Filled, read_values

BARE = """\
scenario: T
title: Two parties
story: They are there.
lesson: None.
clock: 2026-03-10T03:00Z
parties:
  north: {name: North}
  south: {name: South}
steps:
  - at: +0:00
    party: north
    do: send
    as: first
    with: {text: Good morning.}
    must:
      - that: It is there.
        party: south
        ask: inbox
        has: {id: $first, author: north}
"""


def run(text: str) -> Outcome:
    return run_script(read_script(text, "test.yaml"), shelf.words("en"))


@pytest.mark.parametrize("name", shelf.shipped())
def test_what_must_hold_holds(name: str) -> None:
    outcome = run(shelf.text_of(name)[0])
    assert outcome.failures == []
    assert outcome.good
    told = [(e.at, e.text) for e in outcome.timeline if e.sort == "software"]
    assert sorted(told) == sorted(set(told)), "told twice"


def changed(name: str, *changes: tuple[str, str]) -> str:
    text = shelf.text_of(name)[0]
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


BROKEN = [
    # The point is not moved: the read-back does not move either.
    ("B1", "moved by the same 9 km", [("35-15.00N 040-10.00E, radius", "35-10.132N 040-10.00E, radius")]),
    # The named officer has the only role there is: nobody is next.
    ("B1", "next role", [("{name: Northland", "{watch: {roles: [watch]}, name: Northland"),
                         ("{name: Southland", "{watch: {roles: [watch]}, name: Southland")]),
    # Enough notice: nothing is short, and nothing is red.
    ("B2", "goes as FLASH", [("2018-09-17T18:40Z/2018-09-17T18:50Z", "2018-09-18T18:50Z/2018-09-18T18:59Z")]),
    # A flight is elsewhere: the check does not name it.
    ("B2", "in the area,", [("35-30N 035-20E, radius: 15000, from: +0:00", "39-30N 035-20E, from: +0:00")]),
    # The area is given: it is not refused as vague.
    ("B2", "sends", [("circle: north of the harbour", "circle: 35-36N 035-24E")]),
    # It never takes effect: no light goes amber.
    ("B3", "amber, a day before", [("roles: [early-warning], effect: +48:00", "roles: [early-warning]")]),
    # Another hospital, elsewhere: the plan is not blocked.
    ("B4", "blocks the plan", [("at: 36-43.10N 068-51.53E, radius: 50", "at: 37-43.10N 068-51.53E, radius: 50")]),
    # The minutes read as seconds: not the same point.
    ("B4", "the same point", [("36-43.0818N 068-51.7327E, valid", "36-43.0491N 068-51.4396E, valid")]),
    # The call names another place: it is everybody's, and nobody's in particular.
    ("B4", "straight to the role", [("{struck: hospital, position: 36-43", "{struck: hospital, position: 39-43")]),
    # Half an hour until somebody acknowledges.
    ("B4", "a minute after it called", [("  - at: +90:11\n", "  - at: +90:41\n")]),
    # What is watched is elsewhere: nothing meets.
    ("B5", "route and time", [("at: 31-28.0N 034-23.4E", "at: 33-28.0N 034-23.4E")]),
    # Nobody logs the call.
    ("B5", "stands with the convoy", [("outcome: no-answer, officer", "outcome: busy, officer")]),
    # It never takes effect: nothing is red.
    ("B5", "sees red", [("brigade-operations], effect: +11:00}", "brigade-operations]}")]),
    # The exercise is run on a line of class operation: no mark.
    ("B9", "mark of the exercise", [("drill: exercise", "drill: operation")]),
    # It is questioned, and not taken back.
    ("B9", "asks nobody", [("do: cancel", "do: query")]),
    # What is unusual is not said.
    ("B10", "reads what is unusual", [("radio silence on 9 November; heads", "heads")]),
    # Nobody answers: the question stays open.
    ("B10", "answered", [("      about: question\n", "")]),
    # The line is not cut: nobody is unreachable.
    ("B6", "unreachable", [("do: cut", "do: heal")]),
    # A test that somebody copied is not declined.
    ("B6", "declined", [("do: decline", "do: copy"), (", reason: No comment.", "")]),
    # Nothing arrives over a line that is cut.
    ("B7", "delivered", [("steps:\n", "steps:\n  - at: +0:00\n    do: cut\n")]),
    # A question with another clock is not the one of 48 hours.
    ("B8", "48 hours", [("form: clarification-request", "form: core/query"),
                        ("        activity: C", "        remarks: C"),
                        ("        where: [{circle: 51-30N 036-00E, radius: 60 km}]\n", "")]),
    # Nothing newer came: the draft is not held.
    ("B11", "releases", [("party: eastland\n    do: send\n    as: s", "party: northland\n    do: send\n    as: s")]),
    # The agreement was never suspended.
    ("B12", "who suspended it", [("agreement: suspended", "agreement: in-force")]),
    # The keys are the right ones.
    ("B13", "inbox", [("party: southland\n    do: impostor", "party: northland\n    do: send"),
                      ("{as: northland, text", "{text")]),
]  # fmt: skip
"""Scenario, the sentence that no longer holds, what is changed in its file."""


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "that", "changes"), BROKEN, ids=[f"{b[0]}-{n}" for n, b in enumerate(BROKEN)])
def test_what_breaks_a_scenario_is_seen(name: str, that: str, changes: list[tuple[str, str]]) -> None:
    outcome = run(changed(name, *changes))
    assert not outcome.good
    assert [f for f in outcome.failures if that in f.that]


def test_a_bare_scenario_holds_and_tells_what_happened() -> None:
    outcome = run(BARE)
    assert outcome.good
    assert [e.text for e in outcome.timeline if e.sort == "software"] == [
        "South: first arrived (ROUTINE).",
        "North: the receipt of South proves the delivery of first.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("lesson: None.", "lesson: None.\nmoral: none", 5, "'moral' is not known here; expected scenario"),
        ("lesson: None.\n", "", 1, "lesson is wanted"),
        ("clock: 2026-03-10T03:00Z", "clock: tomorrow", 5, "2026-03-10T03:04Z"),
        ("  south: {name: South}\n", "", 7, "at least two parties"),
        ("{name: South}", "{name: South, town: X}", 8, "'town' is not known here; expected watch"),
        ("at: +0:00", "at: 0:00", 10, "+0:05"),
        ("do: send", "do: shout", 12, "'shout' is none of ack"),
        ("party: north\n", "party: west\n", 11, "'west' is none of north, south"),
        ("with: {text: Good", "with: {loud: true, text: Good", 14, "'loud' is not known here; expected text, form"),
        ("ask: inbox", "ask: crystal", 18, "'crystal' is none of"),
        ("$first", "$second", 16, "'second' was not named by an earlier step; there are first"),
        ("        has: {id: $first, author: north}\n", "", 16, "one of is, has, lacks, count"),
        ("has: {id: $first", "has: {at_most: 3, id: $first", 16, "stand alone"),
        ("as: first", "as: First", 10, "must be a new name"),
        ("title: Two parties", "title: 7", 2, "title must be a text, got 7"),
        ("steps:\n", "steps:\n  - at: +0:09\n    say: Later.\n", 12, "before the one above"),
        ("title: Two parties", "title: &a Two parties\ntitle: *a", 1, "alias"),
        ("title: Two parties", "title: A\ntitle: B", 3, "title stands twice"),
        ("title: Two parties", "title: [", 3, "not YAML"),
        ("title: Two parties", "title: !!python/name:os.system x", 2, "is not used here"),
        ("    party: north\n    do", "    do", 9, "who does send?"),
        ("    party: north\n", "    ask: What?\n    party: north\n", 10, "one of them is right"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(before: str, after: str, line: int, expected: str) -> None:
    assert before in BARE
    with pytest.raises(UsageError) as caught:
        read_script(BARE.replace(before, after, 1), "test.yaml")
    assert caught.value.code == "scenario-malformed"
    assert expected in caught.value.message
    found = re.match(r"test.yaml, line (\d+): ", caught.value.message)
    assert found is not None
    assert abs(int(found[1]) - line) <= 1


def test_a_file_that_is_too_large_or_too_deep_is_refused() -> None:
    for text in ("#" * 300_000, "a: " + "[" * 200 + "]" * 200, ""):
        with pytest.raises(UsageError) as caught:
            read_script(text, "test.yaml")
        assert caught.value.code == "scenario-malformed"


def test_a_scenario_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        shelf.load("B99")
    assert caught.value.code == "scenario-unknown"
    with pytest.raises(UsageError) as caught:
        shelf.load("none.yaml")
    assert caught.value.code == "file-unreadable"


@pytest.mark.parametrize("language", ["fr", "ru"])
def test_every_text_is_translated_with_the_same_places(language: str) -> None:
    words = shelf.words(language)
    places = re.compile(r"\{[a-z]+\}")
    for text in {*SAYINGS, *(t for name in shelf.shipped() for t in texts_of(shelf.load(name)))}:
        said = words.say(text)
        assert said != text or text == "{who}: {code} {message} {stage}" or not text.isascii(), text
        assert sorted(places.findall(said)) == sorted(places.findall(text)), text


def test_a_line_that_was_just_opened_lacks_no_test_of_the_hours_before() -> None:
    text = BARE.replace("{name: North}", '{name: North, watch: {tests_at: ["01:00"]}}')
    must = "        ask: told\n        lacks: {code: test-missing}\n"
    text = text.replace("        ask: inbox\n        has: {id: $first, author: north}\n", must)
    assert run(text.replace("party: south", "party: north")).good


def test_a_flash_alarms_once_until_it_is_acknowledged_and_not_again() -> None:
    text = (
        BARE.replace("{text: Good morning.}", "{text: Stop., precedence: flash}")
        + """\
  - at: +0:00:10
    party: south
    do: ack
    with: {message: first}
  - at: +0:10
    must:
      - that: It alarmed.
        party: south
        ask: told
        has: {code: flash, message: $first, time: {at_most: "+0:00:05"}}
      - that: Nothing of it is open.
        party: south
        ask: watch
        path: messages
        count: 0
"""
    )
    outcome = run(text)
    assert outcome.good
    assert [e.text for e in outcome.timeline if "ALARM" in e.text] == ["South: ALARM, a FLASH waits: first."]


@pytest.mark.parametrize(
    ("lead_s", "precedence"),
    [(60, "FLASH"), (-60, "FLASH"), (3599, "FLASH"), (3600, "PRIORITY"), (-3600, "PRIORITY"), (86_400, "PRIORITY")],
)
def test_what_starts_soon_and_late_is_announced_as_flash(lead_s: int, precedence: str) -> None:
    packs, dictionary = usual_packs()
    form = library().under({p.name: p.hash for p in packs}, dictionary).named("flight")
    area = {"circle": "55N 015E", "radius": "5 km", "times": ["2026-03-10T12:00Z/2026-03-10T13:00Z"]}
    filled = Filled(form, read_values(form, {"purpose": "transit", "aircraft": "1", "routes": [area]}))
    assert urgency(filled, 1_773_144_000 - lead_s).name == precedence
