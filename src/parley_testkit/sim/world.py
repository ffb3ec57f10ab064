"""One seed, one world: parties on a line, everything that can befall them, and what must hold all the same.

A safety phase in which anything may fail; then every fault ends, and within a bound set by the bearers all that is
pending must settle and the line must carry a message from each to all (C8).
"""

from __future__ import annotations

import contextlib
import random
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from parley.errors import DecodeError
from parley.ids import EntryId, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import membership as members
from parley.protocol.settings import Settings
from parley.protocol.tree import Tree
from parley.record.checkpoint import origin_of
from parley.wire import datagram, parts, statement
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence, Reference, Relation
from parley_testkit.sim import cheap
from parley_testkit.sim.acts import ACTS
from parley_testkit.sim.clockwork import SimLoop
from parley_testkit.sim.network import Network, SimBearer
from parley_testkit.sim.oracle import Oracle, Violation
from parley_testkit.sim.parties import CODES, Party, charter
from parley_testkit.sim.plan import Act, Options
from parley_testkit.sim.station import Station

_TRAIL: Final = 1 << 16
"""Bytes of the trace that are hashed at once."""
_ONE_FRAGMENT: Final = b"\x81\x85\x09"
"""A payload that is a fragment, as it begins."""


@dataclass(slots=True)
class Result:
    """What became of one world."""

    options: Options
    violation: Violation | None
    trace: str
    """Hash over every event, in order."""
    events: int
    seconds: float
    """Simulated."""
    counts: dict[str, int] = field(default_factory=dict)


class World:
    """Runs a plan. ``say`` prints the trace when given."""

    def __init__(self, options: Options, spy: cheap.Spy, *, verbose: list[str] | None = None) -> None:
        self.options = options
        self.loop = SimLoop()  # type: ignore[abstract]  # as much of a loop as the node needs
        self.loop.on_error = self._loop_error
        self.counts: dict[str, int] = {}
        self.events = 0
        self.violation: Violation | None = None
        self._hash = blake2b(digest_size=16)
        self._trail = bytearray()
        self._verbose = verbose
        self._spy = spy
        self.chance = random.Random(options.seed * 7919 + 1)
        self.settings = Settings(
            query_limit_s=options.query_limit_s,
            burst_bytes=options.burst_bytes,
            rate_bytes_per_s=options.rate_bytes_per_s,
        )
        self.oracle = Oracle(self.fail, options.liar)
        self.network = Network(
            self.loop, random.Random(options.seed * 7919 + 2), options.carriers(), self.trace, faults=self.counts
        )
        self.parties = [
            Party(code, random.Random(f"{options.seed}/{code}").randbytes, real=options.real)
            for code in CODES[: options.parties]
        ]
        documents = [n for p in self.parties for n in p.notes()]
        documents.append(charter(self.parties, [p.entry(k) for k, p in enumerate(self.parties)]))
        self.membership = members.verify_documents(documents)
        self.oracle.signatures.origin = lambda log: origin_of(self.membership.line, CODES[log.member], log.incarnation)
        self.oracle.keys.line = self.membership.line
        self.oracle.everyone = self._everyone
        self.oracle.checkpoint_key = self._checkpoint_key
        self.network.knows = self._knows
        self.stations = [Station(self, k, p, dict(self.membership.notes)) for k, p in enumerate(self.parties)]
        self.switches: dict[tuple[int, int], float] = {}
        """Whose bearer breaks down in the middle of the next message to whom, and for how many seconds."""
        self.pending = 0
        """Revocations that are not with everybody yet."""
        self._acting = -1
        self._answers = 0
        self.overheard: deque[tuple[int, int, bytes]] = deque(maxlen=300)
        """Source, target and datagram of what lately went over the air; kept where somebody lies."""
        self._assembling: list[bytes] = []
        self._payloads: dict[bytes, bytes] = {}
        """What each fragment is a part of."""
        spy.told = self._sealed
        spy.opened = lambda key, nonce: self.oracle.keys.opened(self._acting, key, nonce)

    # -- what the parts of a world tell it ---------------------------------------------------------------

    def trace(self, kind: str, *what: object) -> None:
        """One event more."""
        self.events += 1
        line = f"{self.loop.now:.4f} {kind} {what}"
        self._trail += line.encode()
        if self._verbose is not None:
            self._verbose.append(line)
        if len(self._trail) > _TRAIL:
            self._digest()

    def _digest(self) -> str:
        """Hash what was gathered: many small pieces cost more one by one."""
        self._hash.update(self._trail)
        self._trail.clear()
        return self._hash.hexdigest()

    def count(self, fault: str) -> None:
        """One more fault of a kind."""
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def fail(self, sort: str, rule: str, text: str) -> None:
        """The first violation ends the world."""
        if self.violation is None:
            self.violation = Violation(sort, rule, text, self.loop.now)
            self.loop.ended = True

    def _loop_error(self, context: dict[str, object]) -> None:
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self.fail("crash", type(error).__name__, f"{context.get('message')}: {error!r}")

    def _sealed(self, key: bytes, nonce: bytes, plaintext: bytes) -> None:
        self.oracle.keys.sealed(self._acting, key, nonce)
        if plaintext[:3] == _ONE_FRAGMENT:
            part = parts.decode(plaintext)[0]
            if isinstance(part, parts.Fragment):
                self._assembling = [*(self._assembling if part.index else []), plaintext]
                if part.index + 1 == part.count:
                    whole = b"".join(_data(x) for x in self._assembling)
                    self._payloads.update(dict.fromkeys(self._assembling, whole))

    def acts(self, who: int) -> None:
        """The node of ``who`` takes a step: what is sealed from now on is its."""
        self._acting = who
        self.trace("step", who)

    def _checkpoint_key(self, log: LogId) -> bytes:
        return self.parties[log.member].key_sets[0].signers.checkpoint.public

    def _knows(self, source: int, target: int) -> bool:
        node = self.stations[source].node
        return node is not None and MemberNumber(target) in node.line.peers

    def _everyone(self, who: int) -> int:
        """The members of the line as the node of ``who`` knows it."""
        node = self.stations[who].node
        return sum(1 << m for m in node.line.membership.current.members) if node is not None else 0

    def sends(self, station: Station, bearer: SimBearer, peer: MemberNumber, data: bytes) -> None:
        """A datagram leaves a node."""
        me = station.number
        self.trace("send", bearer.name, me, peer, len(data))
        if not self.options.real:
            self._trail += data
        if self.options.lies:
            self.overheard.append((me, peer, data))
        self.oracle.signatures.leaves(me)
        if self.switches:
            self._switch(me, peer, bearer.name)
        if self.oracle.flash.waits(me, peer) and peer not in self.oracle.stolen.members:
            self.oracle.flash.leaves(me, peer, *self._own_contents(me, data))

    def _switch(self, me: int, peer: int, bearer: str) -> None:
        """The bearer is lost while the rest of a message still waits for it."""
        node = self.stations[me].node
        link = node.line.peers[MemberNumber(peer)].links.get(bearer) if node is not None else None
        if (me, peer) in self.switches and link is not None and link.pending and not self.network.calm:
            span = self.switches.pop((me, peer))
            self.count("switch-mid-message")
            for table in (self.network.cut, self.network.down):
                for source, target in ((me, peer), (peer, me)):
                    self.network.change(table, bearer, source, target, 1)
                    self.loop.after(span, self.uncut, table, bearer, source, target)

    def _own_contents(self, me: int, data: bytes) -> tuple[set[EntryId], set[EntryId]]:
        """The FLASH and the ROUTINE messages of ``me`` in a datagram of its own, as far as it is one piece."""
        urgent: set[EntryId] = set()
        routine: set[EntryId] = set()
        outer = datagram.decode(data)
        if not isinstance(outer, datagram.Sealed):
            return urgent, routine
        for part in self._whole(outer):
            if not isinstance(part, parts.Entries):
                continue
            for index, item in enumerate(part.items, part.first):
                if not isinstance(item, parts.Opening):
                    continue
                log = part.log or self.oracle.log_with(me, index, item.statement)
                if log is None or log.member != me:
                    continue
                with contextlib.suppress(DecodeError):
                    content = statement.decode(item.statement).content
                    flash = isinstance(content, Message) and content.precedence is Precedence.FLASH
                    (urgent if flash else routine).add(EntryId(log, index))
        # An opening belongs to every tree's first datagram, whatever else is in it.
        return urgent, {e for e in routine if e.index}

    def _whole(self, outer: datagram.Sealed) -> Sequence[parts.Part]:
        """The parts of a datagram; of a fragment, those of the payload that it belongs to."""
        plaintext = self._spy.plaintext(outer.box)
        return parts.decode(self._payloads.get(plaintext, plaintext))

    def told(self, station: Station, event: i.Event) -> None:
        """A node told its operator something; officers react."""
        self.trace("told", station.number, type(event).__name__)
        self.oracle.told(station.number, event)
        if isinstance(event, i.Arrived) and event.kind is Kind.MESSAGE:
            self._officer(station, event.entry)

    # -- officers ----------------------------------------------------------------------------------------

    def _officer(self, station: Station, entry: EntryId) -> None:
        """Somebody reads, acknowledges or declines, answers, or forgets."""
        draw, options = self.chance.random, self.options
        if draw() < options.read:
            self.loop.after(draw() * 5, self._mark, station, Kind.READ, entry)
            kind = Kind.ACKNOWLEDGED if draw() < 0.7 else Kind.DECLINED
            self.loop.after(5 + draw() * 20, self._mark, station, kind, entry)
        if draw() < options.answer and not self._is_answer(station, entry):
            self.loop.after(draw() * 30, self._answer, station, entry)

    @staticmethod
    def _is_answer(station: Station, entry: EntryId) -> bool:
        """Answers are not answered, or the world would fill with them."""
        stored = station.node.line.trees.entry(entry.log, entry.index) if station.node is not None else None
        return stored is None or b"answer" in stored.statement

    def _mark(self, station: Station, kind: Kind, entry: EntryId) -> None:
        mark = Mark((Reference(Relation.SUBJECT, entry),), text="noted")
        station.submit((station.number, kind, entry), kind, mark, self._audience(station, entry))

    def _answer(self, station: Station, entry: EntryId) -> None:
        self._answers += 1
        body = f"answer {station.number} {self._answers}"
        refs = (Reference(Relation.REPLY, entry),)
        station.submit(body, Kind.MESSAGE, Message(body, "en", refs=refs), self._audience(station, entry))

    @staticmethod
    def _audience(station: Station, entry: EntryId) -> int:
        if station.node is None or not station.running:
            return EVERYONE
        stored = station.node.line.trees.entry(entry.log, entry.index)
        if stored is None or stored.audience == EVERYONE:
            return EVERYONE
        return stored.audience | 1 << entry.log.member

    # -- the run -----------------------------------------------------------------------------------------

    def run(self, plan: Sequence[Act]) -> Result:
        """Both phases."""
        for station in self.stations:
            self.loop.at(0.0, station.start)
        for act in plan:
            self.loop.at(act.at, self._act, act)
        try:
            self.loop.run_until(self.options.duration_s)
            if self.violation is None:
                self._settle()
        except Exception:  # noqa: BLE001 - whatever the product raises is what is looked for
            self.fail("crash", "uncaught", traceback.format_exc(limit=-6))
        result = Result(self.options, self.violation, self._digest(), self.events, self.loop.now, dict(self.counts))
        self._close()
        return result

    def _close(self) -> None:
        """Let every coroutine come to its end."""
        self.violation = self.violation or Violation("none", "closed", "")
        for station in self.stations:
            station.crash()
        self.loop.ended = False
        self.loop.run_until(self.loop.now)

    def uncut(self, table: dict[tuple[str, int, int], int], bearer: str, source: int, target: int) -> None:
        """A cut or an outage ends."""
        if not self.network.calm:
            self.network.change(table, bearer, source, target, -1)

    def join(self) -> None:
        """A party joins: a revision that all sign, which every operator takes in, and a node of its own."""
        number = len(self.stations)
        if any(s.left for s in self.stations):
            return
        code = CODES[number]
        newcomer = Party(code, random.Random(f"{self.options.seed}/{code}").randbytes, real=self.options.real)
        parties = [*self.parties, newcomer]
        known = {h: n for s in self.stations for h, n in s.notes.items()}
        before = members.verify_documents(known.values())
        revision = charter(parties, [p.entry(k) for k, p in enumerate(parties)], before)
        documents = [*newcomer.notes(), revision]
        self.membership = members.verify_documents([*known.values(), *documents])
        for station in self.stations:
            self.loop.after(self.chance.uniform(0, 5), station.document, *documents)
        self.parties.append(newcomer)
        self.stations.append(Station(self, number, newcomer, dict(self.membership.notes)))
        self.loop.after(self.chance.uniform(0, 10), self.stations[-1].start)

    def _act(self, act: Act) -> None:
        self.trace(act.kind, act.who, act.args)
        self.count(act.kind)
        if act.who < len(self.stations):
            ACTS[act.kind](self, self.stations[act.who], *act.args)

    def _settle(self) -> None:
        """The liveness phase."""
        self.network.heal()
        for station in self.stations:
            station.disk.full, station.disk.fail_next, station.disk.latency_s = False, "", 0.0
            if station.process is not None:
                station.process.crash_point = ""
            self.loop.after(0.5, station.start)
        end = self.loop.now + self.bound_s()
        self._until_settled(end)
        if self.violation is None:
            for station in self.stations:
                body = f"roll call {station.number}"
                if not station.left:
                    station.submit(body, Kind.MESSAGE, Message(body, "en"), EVERYONE)
            self.loop.run_until(self.loop.now + 1.0)
            self._until_settled(self.loop.now + self.bound_s())
        if self.violation is None:
            self.oracle.judge_end(self.honest_members(), lambda k: self.stations[k].disk.rows())

    def _until_settled(self, end: float) -> None:
        while self.violation is None:
            self.loop.run_until(self.loop.now + 2.0)
            why = self.unsettled()
            if not why:
                return
            if self.loop.now >= end:
                self.fail("liveness", "C8", why)

    def bound_s(self) -> float:
        """How long all may take once nothing fails any more: what the slowest bearers need, and the waits."""
        options = self.options
        waits = 300.0 + 3 * options.query_limit_s
        rates = [c.traits.bits_per_second for c in self.network.carriers.values() if not c.by_hand]
        total = sum(len(a.commitments) for copies in self.oracle.copies for a in copies.values()) * 600.0
        air = 0.0 if 0 in rates else total * 8 / max(rates, default=1)
        return waits + air * 4 + total * options.parties / options.rate_bytes_per_s

    def honest_members(self) -> list[int]:
        """The members that must agree at the end."""
        return [s.number for s in self.stations if self.oracle.honest(s.number)]

    def unsettled(self) -> str:
        """Why not all is settled; empty when it is."""
        honest = self.honest_members()
        if self.pending:
            return f"{self.pending} revocations are on their way."
        for k in honest:
            if not self.stations[k].running:
                return f"member {k} does not run."
        sizes: dict[LogId, int] = {}
        for k in honest:
            for log, copy in self.oracle.copies[k].items():
                sizes[log] = max(sizes.get(log, 0), len(copy.commitments))
        for k in honest:
            node = self.stations[k].node
            if node is None:
                return f"member {k} does not run."
            for log, size in sizes.items():
                why = self._lacks(k, log, size)
                if why:
                    return why
        return ""

    def _lacks(self, k: int, log: LogId, size: int) -> str:
        if not self.oracle.honest(log.member):
            return self.oracle.unproven(k, log)
        node = self.stations[k].node
        tree = node.line.trees.get(log) if node is not None else None
        if (end := self.oracle.stolen.end(log)) is not None:
            return self._lacks_closed(k, log, min(size, end), tree)
        if tree is None:
            return f"member {k} has nothing of {log}." if self._concerned(k, log) else ""
        if tree.size != size:
            return f"member {k} holds {tree.size} of {size} entries of {log}."
        lost = [x for x in tree.holes if EntryId(log, x) not in self.oracle.gone]
        if lost:
            return f"member {k} lacks contents {lost} of {log}."
        if log.member == k and not any(EntryId(log, x) in self.oracle.gone for x in range(size)):
            for peer in self.honest_members():
                if peer != k and tree.everyone >> peer & 1 and tree.receipts.get(peer, 0) != size:
                    return f"member {k} has a receipt of {peer} for {tree.receipts.get(peer, 0)} of {size} of {log}."
        return ""

    def _lacks_closed(self, k: int, log: LogId, size: int, tree: Tree | None) -> str:
        """The same of a run that its party closed: all of it up to its closing head, and nothing of the rest."""
        if not size or not self._concerned(k, log) or self.oracle.forked(k, log):
            return ""
        held = (s.node.line.trees for s in self.stations if s.node is not None)
        if log in self.oracle.stolen.tainted and not any((t := x.get(log)) and x.complete(t) for x in held):
            return ""  # The thief's is all that is left above what this one has.
        if tree is None or tree.stands != size:
            return f"member {k} holds {tree.stands if tree else 0} of {size} entries of the closed {log}."
        lost = [x for x in tree.holes if x < size and EntryId(log, x) not in self.oracle.gone]
        return f"member {k} lacks contents {lost} of the closed {log}." if lost else ""

    def _concerned(self, k: int, log: LogId) -> bool:
        for station in self.stations:
            tree = station.node.line.trees.get(log) if station.node is not None else None
            if tree is not None:
                return bool(tree.everyone >> k & 1)
        return False


def _data(plaintext: bytes) -> bytes:
    part = parts.decode(plaintext)[0]
    return part.data if isinstance(part, parts.Fragment) else b""


def run_world(options: Options, plan: Sequence[Act], *, verbose: list[str] | None = None) -> Result:
    """One world from its options and plan."""
    with cheap.primitives(real=options.real) as spy:
        return World(options, spy, verbose=verbose).run(plan)
