"""All lines at one glance: state of each line, party and bearer; unread, overdue, whose turn; what sounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from parley.app.desk import desk_of
from parley.wire.statement import Precedence

if TYPE_CHECKING:
    from parley.console.web import Visit

_ORDER: Final = ("calm", "quiet", "watch", "trouble")
_STATES: Final = {
    "answers": "calm",
    "node up, not tested": "quiet",
    "silent as declared": "quiet",
    "node up, nobody answers": "watch",
    "declined": "watch",
    "test copied wrongly": "watch",
    "node unreachable": "trouble",
}
_SOUNDING: Final = frozenset({"node unreachable", "declined", "test copied wrongly", "node up, nobody answers"})
"""States of a line that sound when they begin (R35)."""
_LIGHTS: Final = {"amber": 2, "red": 3}
CONDITION: Final = "~"
"""What the key of an alarm begins with that is about no message."""
LEVELS: Final = {Precedence.ROUTINE: 1, Precedence.PRIORITY: 2, Precedence.IMMEDIATE: 3, Precedence.FLASH: 4}
"""How loud an arrival is."""
_RANK: Final = {precedence.name: -level for precedence, level in LEVELS.items()}
_ALARMS: Final = 12
"""Alarms that a page shows one by one, when it is asked for more than the first."""


@dataclass(slots=True)
class Party:
    """One peer of a line."""

    code: str
    name: str
    state: str
    status: str
    words: str
    since: int
    heard: int
    declared: str
    suspended: str
    bearers: list[dict[str, Any]]


@dataclass(slots=True)
class Glance:
    """One line."""

    name: str
    exercise: bool
    watermark: str
    state: str
    words: str
    me: str
    unread: int = 0
    waiting: int = 0
    overdue_here: int = 0
    overdue_there: int = 0
    turn: str = ""
    lost: str = ""
    """Why our own node goes on with this line no more; empty while it does."""
    troubles: list[str] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)
    watch: dict[str, Any] = field(default_factory=dict)

    @property
    def overdue(self) -> int:
        """Deadlines that were missed on either side."""
        return self.overdue_here + self.overdue_there


@dataclass(slots=True)
class Counted:
    """What a line's watch comes to, counted once for all who look."""

    watch: dict[str, Any]
    unread: int = 0
    waiting: int = 0
    overdue_here: int = 0
    overdue_there: int = 0
    turns: dict[str, int] = field(default_factory=dict)
    loud: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """What may sound, with its level, the loudest first and of these the newest."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that sounds until an officer acknowledges it; ``key`` names it within its line."""

    line: str
    key: str
    level: int
    head: str
    text: str
    address: str
    since: int = 0
    """When it began to sound, POSIX seconds."""
    known_key: bool = True
    """False for a message under no key of its author's that is known here: it never looks like a verified one."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """What sounds, the loudest first and of these the newest: a page shows that one whole, and counts the rest."""

    shown: list[Alarm]
    more: int
    """How many there are beside those shown."""
    rest: list[tuple[str, int]]
    """All but the first, counted by precedence."""

    def __bool__(self) -> bool:
        return bool(self.shown)


async def look(visit: Visit) -> tuple[list[Glance], Sounding]:
    """Every line of this console, and what sounds."""
    glances = [await _line(visit, name) for name in visit.console.lines]
    loud = [(level, g, row) for g in glances for level, row in _loud(visit, g)]
    loud.sort(key=lambda found: (-found[0], -found[2]["since"]))
    found = chain(_channels(visit), *(_troubles(visit, g) for g in glances))
    troubles = [a for a in found if (a.line, a.key) not in visit.console.heard]
    shown = [*(_alarm(visit, *found) for found in loud[:_ALARMS]), *troubles]
    shown = sorted(shown, key=lambda a: (-a.level, -a.since))[:_ALARMS]
    kinds = Counter({visit.say("ALARM"): len(troubles)})
    kinds.update(row["precedence"] or visit.say("ALARM") for _, _, row in loud)
    kinds.subtract(a.head.partition(" · ")[0] for a in shown[:1])
    if not visit.officer:
        # To nobody in particular: that something waits, and what only where it is FLASH (D9).
        flash = LEVELS[Precedence.FLASH]
        shown = [a if a.level == flash and not a.key.startswith(CONDITION) else replace(a, text="") for a in shown]
    rest = sorted(((kind, n) for kind, n in kinds.items() if n), key=lambda counted: _RANK.get(counted[0], 0))
    return glances, Sounding(shown, len(loud) + len(troubles) - len(shown), rest)


def status_words(visit: Visit, status: str) -> str:
    """The state of a line in words; three states that must not be taken for one another (R35, B6)."""
    known = {
        "node unreachable": visit.say("node unreachable"),
        "silent as declared": visit.say("silent as declared"),
        "declined": visit.say("somebody declined"),
        "test copied wrongly": visit.say("test copied wrongly"),
        "node up, nobody answers": visit.say("node up, nobody answers"),
        "answers": visit.say("answers"),
        "node up, not tested": visit.say("node up, not tested"),
    }
    return str(known.get(status, status))


async def _line(visit: Visit, name: str) -> Glance:
    runtime = visit.console.line(name)
    watch = await visit.ask("watch", line=name)
    line = runtime.node.line
    me = line.membership.member(line.me).code
    made = Glance(name, bool(watch["watermark"]), watch["watermark"], "calm", "", me, watch=watch)
    suspended = {s["code"]: s["reason"] or " " for s in watch["suspended_by"]}
    readings = {entry["code"]: entry for entry in watch["lines"]}
    for number, peer in sorted(line.peers.items()):
        member = line.membership.member(number)
        reading = readings[member.code]
        bearers = [{"name": b.name, "up": b.name in peer.links} for b in runtime.bearers]
        made.parties.append(
            Party(
                member.code,
                member.name,
                _state(reading["status"], bearers),
                reading["status"],
                status_words(visit, reading["status"]),
                reading["since"],
                peer.heard_wall,
                _declared(visit, reading),
                suspended.get(member.code, ""),
                bearers,
            )
        )
    counted = _counted(visit, name, watch, me)
    made.unread, made.waiting = counted.unread, counted.waiting
    made.overdue_here, made.overdue_there = counted.overdue_here, counted.overdue_there
    worst = max(made.parties, key=lambda p: _ORDER.index(p.state), default=None)
    made.state, made.words = (worst.state, worst.words) if worst is not None else ("quiet", visit.say("no other party"))
    if runtime.node.trouble is not None:
        made.state = "trouble"
        made.lost = str(runtime.node.trouble)
        made.troubles.append(made.lost)
    if runtime.refilling:
        made.troubles.append(visit.say("The record is not whole yet: the other parties are giving it back."))
    made.turn = _turn(visit, made, counted.turns)
    if runtime.armed_consoles == 0:
        made.troubles.append(visit.say("No armed console watches: nobody would hear an alarm."))
    return made


def _state(status: str, bearers: list[dict[str, Any]]) -> str:
    state = _STATES.get(status, "watch")
    return "quiet" if state == "calm" and any(not b["up"] for b in bearers) else state


def _declared(visit: Visit, reading: dict[str, Any]) -> str:
    if not reading["declared"] or reading["declared"] == "normal":
        return ""
    said = silence_words(visit, reading["declared"])
    if reading["until"]:
        return visit.say("%(silence)s until %(time)s", silence=said, time=visit.times.utc(reading["until"]))
    return said


def silence_words(visit: Visit, silence: str) -> str:
    """A declared silence in words."""
    words = {"receipts_only": visit.say("receipts only"), "receive_only": visit.say("receive only")}
    said: str = words.get(silence, silence)
    return said


def _counted(visit: Visit, name: str, watch: dict[str, Any], me: str) -> Counted:
    known = visit.console.counted.get(name)
    if known is not None and known.watch is watch:
        return known
    made = visit.console.counted[name] = Counted(watch)
    raised = {a["id"]: a["since"] for a in watch["alarms"]}
    silent = set()
    for row in watch["messages"]:
        ours, stage = row["party"] == me, row["stage"]
        if ours:
            made.unread += stage in ("undelivered", "unread")
            made.waiting += stage in ("undelivered", "unread", "unacknowledged")
            made.overdue_here += row["overdue"]
        else:
            made.overdue_there += row["overdue"]
        if row["turn"]:
            made.turns[row["turn"]] = made.turns.get(row["turn"], 0) + 1
        if row["muted"]:
            silent.add(row["id"])
        elif row["id"] in raised or (ours and stage == "unread"):
            began = raised.get(row["id"], 0)
            sounds = {**row, "raised": bool(began), "since": max(row["since"], began)}
            made.loud.append((LEVELS[Precedence[row["precedence"]]], sounds))
    listed = {row["id"] for _, row in made.loud} | silent
    loudest = LEVELS[Precedence.FLASH]
    for key in sorted(raised.keys() - listed):
        made.loud.append((loudest, {"id": key, "raised": True, "precedence": "", "since": raised[key]}))
    # The rows are in the order in which they came.
    made.loud.reverse()
    made.loud.sort(key=lambda found: (-found[0], -found[1]["since"]))
    return made


def _turn(visit: Visit, glance: Glance, turns: dict[str, int]) -> str:
    if not turns:
        return visit.say("Nothing waits on this line.")
    named = {glance.me: visit.say("us"), "the line": visit.say("the line")}
    return visit.say("Whose turn: ") + ", ".join(f"{named.get(who, who)} {n}" for who, n in turns.items())


def _troubles(visit: Visit, glance: Glance) -> Iterator[Alarm]:
    """What is wrong with the line itself, and what a unit or a relief is late with: each sounds once for its while."""
    state = visit.address("line_state", line=glance.name)
    desk = desk_of(visit.console.line(glance.name))

    def alarm(key: str, level: int, text: str, since: int = 0, address: str = state) -> Alarm:
        head = f"{visit.say('ALARM')} · {glance.name}"
        return Alarm(glance.name, f"{CONDITION}{key}", level, head, text, address, since)

    if glance.lost:
        yield alarm("node", 4, glance.lost)
    for party in glance.parties:
        # A node that has just begun hears the others within seconds, and its watch waits for them as long.
        settled = party.status != "node unreachable" or desk.now >= desk.settles_at
        if party.status in _SOUNDING and settled:
            key = f"line:{party.code}:{party.status}:{party.since}"
            yield alarm(key, 3, f"{party.code}: {party.words}", party.since)
    for reading in glance.watch["lines"]:
        for missing in reading["missing_tests"]:
            whose = (
                visit.say("our line test is missing") if missing["ours"] else visit.say("their line test is missing")
            )
            key = f"test:{reading['code']}:{missing['ours']}:{missing['scheduled']}"
            text = f"{reading['code']}: {whose}, {visit.times.utc(missing['scheduled'])}"
            yield alarm(key, 2, text, missing["scheduled"])
    for passed in glance.watch["onward"]:
        if passed["light"] in _LIGHTS:
            silent = ", ".join(u["role"] for u in passed["units"] if u["light"] == passed["light"])
            text = visit.say("onward distribution is silent: %(roles)s", roles=silent)
            where = message_address(visit, glance.name, passed["id"])
            yield alarm(f"onward:{passed['id']}:{passed['light']}", _LIGHTS[passed["light"]], text, address=where)
    for duty in glance.watch["duties"]:
        if duty["relief_late"]:
            text = visit.say("the relief of %(role)s is late", role=duty["role"])
            where = visit.address("handover", line=glance.name)
            yield alarm(f"relief:{duty['role']}:{duty['since']}", 2, text, address=where)


def _channels(visit: Visit) -> Iterator[Alarm]:
    """Alert channels that fail: who counts on them is told nothing. Each sounds once for its while."""
    # Who heard it is noted in a line's log: that of the first.
    line = next(iter(visit.console.lines))
    for name, since in sorted(visit.console.channels.items()):
        key, text = f"{CONDITION}alert:{name}:{since}", channel_words(visit, name)
        yield Alarm(line, key, 2, visit.say("ALARM"), text, visit.address("glance"), since)


def channel_words(visit: Visit, name: str) -> str:
    """That an alert channel fails, in words."""
    said: str = visit.say("The alert channel %(name)s fails: nobody is told elsewhere.", name=name)
    return said


def _new(visit: Visit, glance: Glance, row: dict[str, Any]) -> bool:
    """Whether it is an arrival whose sound no officer stopped yet."""
    ours = row["precedence"] and row["party"] == glance.me and row["stage"] == "unread"
    return bool(ours) and (glance.name, row["id"]) not in visit.console.heard


def _loud(visit: Visit, glance: Glance) -> list[tuple[int, dict[str, Any]]]:
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for level, row in visit.console.counted[glance.name].loud:
        if row["raised"] or _new(visit, glance, row):
            found[row["id"]] = level, row
    return list(found.values())


def _alarm(visit: Visit, level: int, glance: Glance, row: dict[str, Any]) -> Alarm:
    key = row["id"]
    address = message_address(visit, glance.name, key)
    if not row["precedence"]:
        return Alarm(glance.name, key, level, f"{visit.say('ALARM')} · {glance.name}", key, address, row["since"])
    head = f"{row['precedence']} · {glance.name} · {row['author']}"
    said = visit.said(row)
    text = said if _new(visit, glance, row) else f"{stage_words(visit, row['stage'])}: {said}"
    return Alarm(glance.name, key, level, head, text, address, row["since"], row["known_key"])


def stage_words(visit: Visit, stage: str) -> str:
    """A clock's stage in words."""
    known = {
        "undelivered": visit.say("undelivered"),
        "unread": visit.say("unread"),
        "unacknowledged": visit.say("unacknowledged"),
        "unanswered": visit.say("unanswered"),
        "not understood": visit.say("not understood"),
        "acknowledged": visit.say("acknowledged"),
        "declined": visit.say("declined"),
        "answered": visit.say("answered"),
        "withdrawn": visit.say("withdrawn"),
    }
    return known.get(stage, stage)


def step_words(visit: Visit, step: str) -> str:
    """A rung of the ladder in words."""
    known = {
        "no reply": visit.say("no reply: on the record"),
        "alarm": visit.say("alarm"),
        "next role": visit.say("passed to the role"),
        "other bearers": visit.say("other bearers are tried"),
        "next step": visit.say("the next step was opened"),
        "card": visit.say("take the out-of-band card"),
    }
    return known.get(step, step)


def message_address(visit: Visit, line: str, key: str) -> str:
    """Where a message is shown."""
    return visit.address("message", line=line, id=key)
