"""What a scenario file says, checked before anything runs (docs/reference/scenarios.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from parley.app.scenario.tables import Table, read

TIME: Final = re.compile(r"\+(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")
"""Since the scenario's clock began: +HOURS:MINUTES or +HOURS:MINUTES:SECONDS."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_TITLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_PRECEDENCES: Final = ("routine", "priority", "immediate", "flash")
_COMPARE: Final = ("contains", "at_least", "at_most", "any", "not")
LINE: Final = "line"
"""The line of a scenario that names none."""

M: Final = ("message",)


@dataclass(frozen=True, slots=True)
class Act:
    """What a party can do, or be asked: parameters with their sorts, and those that are wanted.

    Sorts: ``text``, ``number``, ``flag``, ``list``, ``map``, ``time``; ``message``, ``draft``: a name given by ``as``.
    ``operation`` is the node's own, ``names`` how it calls the parameters; without one the world itself acts.
    """

    help: str
    params: Mapping[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    operation: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


_FORM: Final = {"text": "text", "form": "text", "values": "map", "precedence": "text", "to": "list", "subject": "text"}
_ID: Final = {"message": "id"}
ACTS: Final[Mapping[str, Act]] = {
    "send": Act(
        "Write a text, or a form with its values.",
        _FORM | {"language": "text", "about": "message", "relation": "text", "draft": "flag"},
        operation="send",
    ),
    "read": Act("An officer reads a message, which goes on the record.", {"message": "message"}, M, "read", _ID),
    "ack": Act(
        "A duty role acknowledges; the read-back of places goes with it.",
        {"message": "message", "remark": "text", "role": "text"},
        M,
        "ack",
        _ID | {"remark": "text"},
    ),
    "decline": Act(
        "A duty role declines, with or without a reason.",
        {"message": "message", "reason": "text"},
        M,
        "decline",
        _ID | {"reason": "text"},
    ),
    "reply": Act(
        "Answer a message.",
        {"message": "message", "text": "text", "precedence": "text", "language": "text"},
        ("message", "text"),
        "reply",
        _ID,
    ),
    "hold": Act(
        "A holding reply: what was understood, and until when the answer comes.",
        {"message": "message", "text": "text", "answer_by": "time"},
        ("message", "text"),
        "watch-hold",
        _ID,
    ),
    "pass-on": Act(
        "Pass a message on to the roles of units.",
        {"message": "message", "roles": "list", "effect": "time"},
        ("message", "roles"),
        "watch-onward",
        _ID | {"effect": "effect_at"},
    ),
    "unit": Act(
        "A unit's role acknowledges what was passed on to it.",
        {"message": "message", "role": "text", "telephone": "time"},
        ("message", "role"),
        "watch-onward",
        _ID | {"telephone": "telephone_at"},
    ),
    "draft": Act(
        "Keep a draft; ``as`` names it.",
        _FORM | {"officer": "text", "after": "message", "about": "message", "relation": "text"},
        ("officer",),
        "watch-draft",
    ),
    "approve": Act(
        "A second officer approves a draft as it stands.", {"draft": "draft", "officer": "text"}, ("draft", "officer")
    ),
    "release": Act(
        "Send a draft; ``as`` names the message.",
        {"draft": "draft", "officer": "text", "confirm": "flag"},
        ("draft", "officer"),
        "watch-release",
        {"draft": "number"},
    ),
    "query": Act("Question a message.", {"message": "message", "text": "text"}, ("message", "text")),
    "correct": Act("Correct one's own message.", {"message": "message", "text": "text"}, ("message", "text")),
    "cancel": Act("Take one's own message back.", {"message": "message", "text": "text"}, ("message", "text")),
    "test": Act("Send a line test.", {"text": "text"}, (), "watch-test"),
    "copy": Act("A person copies a line test back.", {"message": "message", "text": "text"}, M),
    "declare": Act(
        "Declare a silence, or the agreement suspended or in force.",
        {"silence": "text", "until": "time", "agreement": "text", "reason": "text"},
        (),
        "watch-declare",
    ),
    "take-watch": Act("An officer takes the watch.", {"officer": "text", "role": "text"}, ("officer",)),
    "plan": Act(
        "Keep a plan or place of one's own, which is never sent.",
        {
            "name": "text",
            "at": "text",
            "radius": "number",
            "from": "time",
            "until": "time",
            "kind": "text",
            "role": "text",
            "protected": "flag",
        },
        ("name", "at"),
    ),
    "track": Act(
        "Enter a fix of what is watched, a track of interest.",
        {"name": "text", "at": "text", "radius": "number", "role": "text", "note": "text"},
        ("name", "at"),
        "track-put",
    ),
    "call": Act(
        "Log an attempt to reach the contact of a movement or place.",
        {"message": "message", "contact": "text", "outcome": "text", "officer": "text", "note": "text"},
        ("message", "contact", "outcome", "officer"),
        "call-put",
        _ID,
    ),
    "cut": Act("The line is cut, for all."),
    "heal": Act("The line works again."),
    "stop": Act("The party's node stops."),
    "start": Act("The party's node starts again, from what it stored."),
    "impostor": Act(
        "Somebody with other keys speaks to the party in the name of ``as``.",
        {"as": "text", "text": "text"},
        ("as", "text"),
    ),
    "stray": Act(
        "All datagrams that went to the party on the line ``from`` reach its node of this line.",
        {"from": "text"},
        ("from",),
    ),
}
"""What steps can do."""
QUESTIONS: Final[Mapping[str, Act]] = {
    "inbox": Act("Messages that wait here; with ``all``, every message.", {"all": "flag", "in": "text"}, (), "inbox"),
    "show": Act("One message, in the language ``in``.", {"message": "message", "in": "text"}, M, "show", _ID),
    "readback": Act(
        "Where the places of a message lie, in the language ``in``.",
        {"message": "message", "in": "text"},
        M,
        "readback",
        _ID,
    ),
    "watch": Act("Whose turn it is, lines, onward distribution, drafts.", {}, (), "watch"),
    "log": Act("The log of the watch.", {}, (), "watch-log"),
    "check": Act("Own plans against what was announced.", {}, (), "check"),
    "movements": Act("Notified movements, with contacts, reports and calls.", {}, (), "movements"),
    "check-fires": Act("Check-fires, each with the roles whose activities are near.", {}, (), "check-fires"),
    "status": Act("Per peer: last heard, what was delivered.", {}, (), "status"),
    "told": Act("What the node and its watch told so far, each with its ``time``."),
    "record": Act("What an outsider can prove from the exported record."),
}
"""What ``must`` can ask."""


@dataclass(frozen=True, slots=True)
class Must:
    """Something that must hold: ``path`` leads into the answer, ``test`` and ``pattern`` say what must be there."""

    line: int
    that: str
    party: str
    on: str
    ask: str
    given: Mapping[str, Any]
    path: str
    tests: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a trainee may choose, and what is to be said about it."""

    do: str
    because: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step: at ``at`` seconds, ``party`` does ``act``; then everything in ``musts`` must hold."""

    line: int
    at: int
    say: str
    party: str
    on: str
    act: str
    given: Mapping[str, Any]
    name: str
    refused: str
    musts: tuple[Must, ...]
    ask: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """A party. ``watch`` and ``settings`` are tables of its config.toml."""

    code: str
    name: str
    language: str
    watch: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """A scenario."""

    name: str
    title: str
    story: str
    lesson: str
    clock: int
    languages: tuple[str, ...]
    deadlines: Mapping[str, int]
    lines: Mapping[str, str]
    """Each line's class: operation or exercise."""
    actors: tuple[Actor, ...]
    steps: tuple[Step, ...]

    @property
    def musts(self) -> int:
        """How much must hold."""
        return sum(len(step.musts) + bool(step.refused) for step in self.steps)


def read_script(text: str, source: str) -> Script:
    """The scenario in a file. Raises UsageError ``scenario-malformed`` with the line and what was expected."""
    table = read(text, source)
    name = table.text("scenario")
    if not _TITLE.fullmatch(name):
        raise table.bad(f"scenario {name!r} is not letters, figures and hyphens")
    title, story, lesson = table.text("title"), table.text("story"), table.text("lesson")
    clock = _clock(table)
    languages = tuple(_texts(table, "languages", ["en"]))
    deadlines = _deadlines(table.table("acknowledge_within"))
    lines = _lines(table.table("lines"))
    actors = _actors(table.table("parties"))
    reader = _Reader({a.code for a in actors}, lines)
    steps = tuple(reader.step(t) for t in table.tables("steps"))
    if not steps:
        raise table.bad("steps are wanted")
    table.done()
    return Script(name, title, story, lesson, clock, languages, deadlines, lines, actors, steps)


def texts_of(script: Script) -> list[str]:
    """Every text that a reader sees: what is to be translated."""
    found = [script.title, script.story, script.lesson]
    for step in script.steps:
        found += [step.say, step.ask, *(m.that for m in step.musts)]
        found += [text for choice in step.choices for text in (choice.do, choice.because)]
    return list(dict.fromkeys(filter(None, found)))


def seconds_of(text: str) -> int | None:
    """Seconds of a time such as +1:30; None when it is none."""
    found = TIME.fullmatch(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0) if found else None


def _clock(table: Table) -> int:
    line, text = table.line_of("clock"), table.text("clock")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise table.bad(f"clock {text!r} is no time; one looks like 2026-03-10T03:04Z", line) from None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())


def _texts(table: Table, key: str, usual: list[str]) -> list[str]:
    line = table.line_of(key)
    found: list[Any] = table.take(key, list, usual)
    if not found or not all(isinstance(x, str) and x for x in found):
        raise table.bad(f"{key} must be a list of texts", line)
    return found


def _deadlines(table: Table) -> dict[str, int]:
    found = {p: int(table.take(p, int)) for p in _PRECEDENCES if table.has(p)}
    if table.names():
        raise table.bad(f"{table.names()[0]!r} is not known here; expected {', '.join(_PRECEDENCES)}")
    return found


def _lines(table: Table) -> dict[str, str]:
    found = {name: table.among(name, ("operation", "exercise")) for name in table.names()}
    _check_names(table, found)
    return found or {LINE: "operation"}


def _actors(table: Table) -> tuple[Actor, ...]:
    found = []
    _check_names(table, table.names())
    for code in table.names():
        row = table.table(code)
        watch, settings = row.take("watch", dict, {}), row.take("settings", dict, {})
        found.append(Actor(code, row.text("name"), row.text("language", "en"), watch, settings))
        row.done()
    if len(found) < 2:  # noqa: PLR2004 - a line joins two
        raise table.bad("at least two parties are wanted")
    return tuple(found)


def _check_names(table: Table, names: Collection[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise table.bad(f"{name!r} is no name: small letters, figures and hyphens")


class _Reader:
    """Reads steps in order, so that what is named before is known."""

    def __init__(self, parties: set[str], lines: Mapping[str, str]) -> None:
        self._parties = parties
        self._lines = lines
        self._at = 0
        self._named: set[str] = set()

    def step(self, table: Table) -> Step:
        """One step."""
        at = self._time(table, "at")
        if at < self._at:
            raise table.bad("a step lies before the one above it")
        self._at = at
        say, party = table.text("say", ""), table.among("party", self._parties, "")
        on = table.among("line", self._lines, next(iter(self._lines)))
        act, refused = table.among("do", ACTS, ""), table.text("refused", "")
        given = self._params(table.table("with"), ACTS[act]) if act else {}
        if act and not party and act not in ("cut", "heal"):
            raise table.bad(f"party is wanted: who does {act}?")
        if refused and not act:
            raise table.bad("refused is wanted only where something is done")
        name = table.text("as", "")
        if name:
            if not act or not _NAME.fullmatch(name) or name in self._named:
                raise table.bad(f"as {name!r} must be a new name, for what is done")
            self._named.add(name)
        musts = tuple(self._must(t) for t in table.tables("must"))
        ask, choices = table.text("ask", ""), tuple(self._choice(t) for t in table.tables("choices"))
        if bool(ask) != bool(choices) or (choices and sum(c.right for c in choices) != 1):
            raise table.bad("a question has choices, and one of them is right")
        table.done()
        if not (act or musts or say):
            raise table.bad("a step needs one of say, do, must")
        return Step(table.line, at, say, party, on, act, given, name, refused, musts, ask, choices)

    @staticmethod
    def _choice(table: Table) -> Choice:
        found = Choice(table.text("do"), table.text("because"), bool(table.take("right", bool, usual=False)))
        table.done()
        return found

    def _must(self, table: Table) -> Must:
        that, party = table.text("that"), table.among("party", self._parties)
        on = table.among("line", self._lines, next(iter(self._lines)))
        ask = table.among("ask", QUESTIONS)
        given = self._params(table.table("with"), QUESTIONS[ask])
        path = table.text("path", "")
        tests = [
            (name, table.take(name, (str, int, bool, list, dict))) for name in ("is", "has", "lacks") if table.has(name)
        ]
        if table.has("count"):
            tests.append(("count", table.take("count", (int, dict))))
        if not tests:
            raise table.bad("one of is, has, lacks, count is wanted")
        for _, pattern in tests:
            self._check_pattern(table, pattern)
        table.done()
        return Must(table.line, that, party, on, ask, given, path, tuple(tests))

    def _check_pattern(self, table: Table, pattern: object) -> None:
        match pattern:
            case str() if pattern.startswith("$"):
                self._check_known(table, pattern[1:])
            case list():
                for item in pattern:
                    self._check_pattern(table, item)
            case dict():
                if len(pattern) > 1 and set(pattern) & set(_COMPARE):
                    raise table.bad(f"{', '.join(_COMPARE)} stand alone in their map")
                for item in pattern.values():
                    self._check_pattern(table, item)

    def _check_known(self, table: Table, name: str) -> None:
        if name not in self._named:
            known = ", ".join(sorted(self._named)) or "none yet"
            raise table.bad(f"{name!r} was not named by an earlier step; there are {known}")

    def _params(self, table: Table, act: Act) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, sort in act.params.items():
            if table.has(name):
                found[name] = self._param(table, name, sort)
            elif name in act.wanted:
                raise table.bad(f"{name} is wanted")
        table.done(act.params)
        return found

    def _param(self, table: Table, name: str, sort: str) -> Any:  # noqa: ANN401
        match sort:
            case "number":
                return table.take(name, int)
            case "flag":
                return table.take(name, bool)
            case "list":
                return _texts(table, name, [])
            case "map":
                return table.take(name, dict)
            case "time":
                return self._time(table, name)
        text = table.take(name, str)
        if sort in ("message", "draft"):
            self._check_known(table, text)
        return text

    @staticmethod
    def _time(table: Table, key: str) -> int:
        line, text = table.line_of(key), table.text(key)
        found = seconds_of(text)
        if found is None:
            raise table.bad(f"{key} {text!r} is no time since the beginning; one looks like +0:05 or +26:00:30", line)
        return found
