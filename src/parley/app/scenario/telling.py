"""The timeline in words: what parties do and what the software does of itself, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from parley.app.scenario.script import Script, Step
from parley.app.scenario.world import Station
from parley.forms.words import Words
from parley.ids import EntryId, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.wire.statement import WATCH_FORMS, Kind, Message

DEEDS: Final[Mapping[str, str]] = {
    "send": "{who} sends {name}.",
    "read": "{who} reads {message}.",
    "ack": "{who} acknowledges {message}.",
    "decline": "{who} declines {message}.",
    "reply": "{who} answers {message}.",
    "hold": "{who} sends a holding reply to {message}.",
    "pass-on": "{who} passes {message} on to its units.",
    "unit": "A unit of {who} acknowledges {message}.",
    "draft": "{who} drafts {name}.",
    "approve": "A second officer of {who} approves {draft}.",
    "release": "{who} releases {draft}.",
    "query": "{who} questions {message}.",
    "correct": "{who} corrects {message}.",
    "cancel": "{who} takes {message} back.",
    "test": "{who} sends a line test.",
    "copy": "{who} copies the line test back.",
    "declare": "{who} declares something on the record.",
    "take-watch": "An officer of {who} takes the watch.",
    "plan": "{who} keeps a plan of its own.",
    "track": "{who} enters what it watches.",
    "call": "{who} logs a call to {contact}.",
    "cut": "The line is cut.",
    "heal": "The line works again.",
    "stop": "The node of {who} stops.",
    "start": "The node of {who} starts again.",
    "impostor": "Somebody with other keys speaks to {who} in another's name.",
    "stray": "Datagrams of another line reach the node of {who}.",
}
"""What a party did, by the name of the act."""
ALARMS: Final[Mapping[str, str]] = {
    "flash": "{who}: ALARM, a FLASH waits: {message}.",
    "alarm": "{who}: ALARM, {message} is overdue: {stage}.",
    "no-reply": "{who}: no reply to {message}, put on the record: {stage}.",
    "next-role": "{who}: {message} goes to the next role, {role}.",
    "next-step": "{who}: the next step after {message} lies ready as a draft.",
    "other-bearers": "{who}: {message} did not arrive; other ways are shown.",
    "card": "{who}: the card with telephone numbers is opened for {message}.",
    "line": "{who}: the line to {message}: {stage}.",
    "test-missing": "{who}: a line test with {message} is missing.",
    "onward": "{who}: units have not acknowledged {message}: {stage}.",
    "relief-late": "{who}: the relief of {message} is late.",
    "conflict": "{who}: ALARM, {message} clashes with own activities of {role}: {stage}.",
    "check-fire": "{who}: ALARM, {message} goes straight to who controls what is near: {role}.",
    "off-route": "{who}: ALARM, a movement is off its route: {stage}.",
    "silent": "{who}: ALARM, a movement is silent: {stage}.",
    "confirm-due": "{who}: ALARM, protected places are to be confirmed again: {stage}.",
    "under-fire": "{who}: ALARM, a movement is under fire: {stage}.",
    "no-duff": "{who}: ALARM, {message} on the exercise line is real.",
}
"""What the watch does of itself, by the code that it tells."""
ARRIVALS: Final[Mapping[Kind, str]] = {
    Kind.MESSAGE: "{who}: {message} arrived ({precedence}).",
    Kind.READ: "{who}: on the record, {author} read {message}.",
    Kind.ACKNOWLEDGED: "{who}: on the record, {author} acknowledged {message}.",
    Kind.DECLINED: "{who}: on the record, {author} declined {message}.",
    Kind.REFUSED: "{who}: on the record, {author} did not understand {message}.",
}
RECEIPT: Final = "{who}: the receipt of {author} proves the delivery of {message}."
OTHER: Final = "{who}: {code} {message} {stage}"
"""Anything else that the watch tells."""
STAGES: Final = (
    "undelivered",
    "unread",
    "unacknowledged",
    "unanswered",
    "not understood",
    "node unreachable",
    "silent as declared",
    "declined",
    "test copied wrongly",
    "node up, nobody answers",
    "amber",
    "red",
    "ours",
    "theirs",
    "near",
    "meets",
    "blocking",
)
SAYINGS: Final = (
    *DEEDS.values(),
    *ALARMS.values(),
    *ARRIVALS.values(),
    RECEIPT,
    OTHER,
    *STAGES,
    "{what} Refused: {why}",
)
"""Every text of this module that is to be translated."""


class Teller:
    """Sentences about one run. ``names`` is what the steps were named, each with its id or number."""

    def __init__(self, script: Script, words: Words) -> None:
        self.names: dict[str, Any] = {}
        self._words = words
        self._parties = {a.code: a.name for a in script.actors}
        self._proven: set[tuple[str, int]] = set()

    def done(self, step: Step) -> str:
        """What a step did."""
        given = {k: v if isinstance(v, str) else "" for k, v in step.given.items()}
        parts = {"name": step.name or self._words.say("a message"), "message": "", "draft": "", **given}
        parts["who"] = self._parties.get(step.party, "")
        return self._words.say(DEEDS[step.act]).format_map(parts)

    def plainly(self, text: str) -> str:
        """``text`` with the names of messages in place of their ids, which differ from run to run."""
        for name, made in self.names.items():
            text = text.replace(made, name) if isinstance(made, str) else text
        return text

    def sentences(self, station: Station, event: i.Event | Mapping[str, Any]) -> Iterator[str]:
        """What a node or its watch told, in words; nothing for what is of no interest here."""
        who = self._who(station)
        if isinstance(event, Mapping):
            if event.get("event") == "watch":
                code = str(event["code"])
                stage = self._words.say(str(event.get("stage", "")))
                parts = {"who": who, "message": self._named(str(event.get("message", ""))), "stage": stage}
                parts |= {"role": str(event.get("role", "")), "code": code}
                yield self._words.say(ALARMS.get(code, OTHER)).format_map(parts).rstrip()
            return
        match event:
            case i.Arrived(entry, kind):
                yield from self._arrived(station, entry, kind)
            case i.Receipted(log, size, giver, _):
                yield from self._receipted(station, log, size, giver)

    def _who(self, station: Station) -> str:
        return self._parties[station.actor.code]

    def _named(self, id_: str) -> str:
        """The step's name of a message, or a party's name."""
        known = next((name for name, made in self.names.items() if made == id_), id_)
        return self._parties.get(known, known)

    def _arrived(self, station: Station, entry: EntryId, kind: Kind) -> Iterator[str]:
        views = station.runtime.views()
        try:
            said = views.said(views.stored(entry))
            if said is None or kind not in ARRIVALS:
                return
            about = entry if kind is Kind.MESSAGE else next((r.entry for r in said.refs), entry)
            id_, author = views.name_of(about), self._parties[views.membership.member(entry.log.member).code]
        finally:
            views.close()
        content, precedence = said.content, ""
        if isinstance(content, Message):
            if content.form.startswith(WATCH_FORMS):
                return
            precedence = content.precedence.name
        text = self._words.say(ARRIVALS[kind])
        yield text.format(who=self._who(station), message=self._named(id_), author=author, precedence=precedence)

    def _receipted(self, station: Station, log: LogId, size: int, giver: int) -> Iterator[str]:
        runtime = station.runtime
        if log.member != runtime.node.line.me:
            return
        author = self._parties[runtime.node.line.membership.members[MemberNumber(giver)].code]
        run = f"{station.actor.code}-{log.incarnation.hex()[:4]}-"
        for name, made in self.names.items():
            if not isinstance(made, str) or not made.startswith(run) or (made, giver) in self._proven:
                continue
            if int(made.removeprefix(run)) < size:
                self._proven.add((made, giver))
                yield self._words.say(RECEIPT).format(who=self._who(station), author=author, message=name)
