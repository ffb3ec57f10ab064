"""The search: all states that parties can come to, breadth first, each once (see the package for what a state is)."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from parley.errors import ParleyError
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.entries import StoredEntry
from parley.wire import datagram, parts
from parley_testkit.explore.checks import Broken, View, together, unsettled
from parley_testkit.explore.party import Deed, Party

State = tuple[tuple[int, ...], tuple[int, ...], int, int]
"""The local state of each party; what is in flight; which messages were submitted; faults left."""

NETWORK: Final = frozenset({"late", "duplicate", "damage", "reorder"})
NODE: Final = frozenset({"disk", "crash", "cut", "restore", "wipe"})
KINDS: Final = NETWORK | NODE
"""Every kind of fault; ``late`` is loss as well: what is late need never come."""

_LATE: Final = 1
_WAY: Final = 0b111100
"""Source and target of a datagram in flight."""
_LOSSES: Final = {"restore": "restore", "wipe": "lose database"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one deed: the local state after it, what left, and whether anything was committed, or happened at all."""

    local: int
    sent: tuple[int, ...]
    committed: bool
    idle: bool


@dataclass(frozen=True, slots=True)
class Move:
    """An edge: what happens, to whom, how many faults it is, and what comes of it."""

    name: str
    who: int
    cost: int
    state: State


class Locals:
    """Every state that a party was ever in, each once, and the outcome of every deed in it."""

    def __init__(self) -> None:
        self.parties: list[Party] = []
        self.datagrams: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._datagram_numbers: dict[bytes, int] = {}
        self._outcomes: dict[tuple[int, Deed], Outcome] = {}
        self._views: dict[int, View] = {}
        self.doing = ""
        """What is being carried out, for whom it may concern when a rule breaks."""

    def number(self, party: Party) -> int:
        """Of this state."""
        key = bytes((party.home.number,)) + party.digest()
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.parties)
            self.parties.append(party)
        return found

    def do(self, local: int, deed: Deed) -> Outcome:
        """Carry ``deed`` out, or remember what came of it. Raises Broken."""
        found = self._outcomes.get((local, deed))
        return found if found is not None else self._carry_out(local, deed)

    def _carry_out(self, local: int, deed: Deed) -> Outcome:
        party = self.parties[local]
        given = deed
        if deed[0] in {"receive", "damaged"}:
            data = self.datagrams[deed[1]]
            given = ("receive", data if deed[0] == "receive" else data[:-1] + bytes((data[-1] ^ 1,)))
        self.doing = f"{deed[0]} at member {party.home.number}"
        try:
            after, sends = party.do(given)
        except (ParleyError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Broken("crash", f"member {party.home.number} would have ended with {error!r}") from error
        number = self.number(after)
        sent = tuple(self._item(party.home.number, s) for s in sends)
        committed = after.handle.disk.version != party.handle.disk.version
        done = Outcome(number, sent, committed, number == local and not sent)
        self._outcomes[local, deed] = done
        return done

    def _item(self, source: int, send: i.Send) -> int:
        number = self._datagram_numbers.setdefault(send.datagram, len(self.datagrams))
        if number == len(self.datagrams):
            self.datagrams.append(send.datagram)
        return number << 6 | source << 4 | int(send.peer) << 2

    def in_order(self, net: tuple[int, ...]) -> tuple[int, ...]:
        """Each way's datagrams in the order in which they were sent, way by way; what is late in no order, last."""
        prompt = sorted((x for x in net if not x & _LATE), key=_WAY.__and__)
        late = [x for x in net if x & _LATE]
        if len(late) > 1:
            # Not by their numbers: a replay meets them in another order.
            late.sort(key=lambda x: self.datagrams[x >> 6])
        return (*prompt, *late)

    def view(self, local: int) -> View:
        """What the rules about several parties need of it."""
        found = self._views.get(local)
        if found is None:
            found = self._views[local] = view_of(self.parties[local])
        return found

    def say(self, item: int) -> str:
        """A datagram in flight, for a reader."""
        outer = datagram.decode(self.datagrams[item >> 6])
        what = type(outer).__name__
        if isinstance(outer, datagram.Sealed):
            what = ", ".join(type(p).__name__ for p in parts.decode(outer.box[:-16]))
        return f"{what} {item >> 4 & 3}->{item >> 2 & 3}{' late' if item & _LATE else ''}"

    @property
    def deeds(self) -> int:
        """Deeds that were carried out."""
        return len(self._outcomes)


def view_of(party: Party) -> View:
    """See View."""
    trees = sorted(party.line.trees, key=lambda t: t.log)
    return View(
        party.past,
        {m.entry: m for m in party.past.made},
        {r.read_entry_key(k): StoredEntry.decode(v) for k, v in party.handle.scan(r.ENTRY)},
        {t.log: t.held for t in trees},
        tuple((t.log, t.size, t.root, t.held) for t in trees),
        {t.log: dict(t.receipts) for t in trees if t.log.member == party.home.number},
    )


@dataclass(slots=True)
class Found:
    """What a search came to. ``rule`` is the one that broke, ``trace`` the shortest way there, by move numbers."""

    states: int = 0
    transitions: int = 0
    settled: int = 0
    deeds: int = 0
    locals: int = 0
    depth: int = 0
    complete: bool = False
    rule: str = ""
    text: str = ""
    trace: list[int] = field(default_factory=list)


class Search:
    """All that can follow from ``first``, with at most ``faults`` faults of ``kinds``; ``says`` is who says what."""

    def __init__(
        self, space: Locals, first: Sequence[int], says: Sequence[int], faults: int, kinds: frozenset[str] = KINDS
    ) -> None:
        self.space = space
        self._says = says
        self._kinds = kinds
        self.first: State = (tuple(first), (), 0, faults)
        self._checked: set[tuple[int, ...]] = set()
        self._settled: dict[tuple[int, ...], bool] = {}

    # -- moves -----------------------------------------------------------------------------------------

    def moves(self, state: State) -> Iterator[Move]:
        """Everything that can happen next."""
        locals_, net, said, left = state
        ways: set[int] = set()
        for item in dict.fromkeys(net):
            yield from self._deliveries(state, item, first=bool(item & _LATE) or item & _WAY not in ways)
            if not item & _LATE:
                ways.add(item & _WAY)
        for number, who in enumerate(self._says):
            if not said >> number & 1 and self.space.parties[locals_[who]].can_say(number):
                yield from self._stepped(state, ("say", number), who, net, said | 1 << number)
        linking = False
        for who, local in enumerate(locals_):
            for peer, pending in enumerate(self.space.parties[local].links):
                if pending:
                    linking = True
                    yield from self._stepped(state, ("link", peer), who, net, said)
        if not linking:
            yield from self._time(state)
        if left:
            yield from self._faults(state)

    def _deliveries(self, state: State, item: int, *, first: bool) -> Iterator[Move]:
        """``item`` arrives: the first of its way; another before it is out of order."""
        _, net, said, left = state
        at = net.index(item)
        rest = net[:at] + net[at + 1 :]
        who, deed = item >> 2 & 3, ("receive", item >> 6)
        if first:
            yield from self._stepped(state, deed, who, rest, said)
        elif left and "reorder" in self._kinds:
            yield from self._stepped(state, deed, who, rest, said, "out of order")
        if left and first and "duplicate" in self._kinds:
            yield from self._stepped(state, deed, who, (*rest, item | _LATE), said, "and again later")
        if left and first and "damage" in self._kinds:
            yield from self._stepped(state, ("damaged", item >> 6), who, rest, said, "one bit flipped")

    def _stepped(
        self, state: State, deed: Deed, who: int, net: tuple[int, ...], said: int, fault: str = ""
    ) -> Iterator[Move]:
        """A step of ``who``; and, where it is no fault itself, the same with a disk that fails."""
        left = state[3]
        local = state[0][who]
        done = self.space.do(local, deed)
        name = f"{deed[0]} {fault}".rstrip()
        yield Move(name, who, bool(fault), self._at(state, who, done, net, said, left - bool(fault)))
        if not fault and left and done.committed and "disk" in self._kinds:
            for sort, lives in (("disk fails, written", done.local), ("disk fails, not written", local)):
                again = self.space.do(lives, ("start",))
                yield Move(f"{name}, {sort}", who, 1, self._at(state, who, again, net, said, left - 1))

    def _at(self, state: State, who: int, done: Outcome, net: tuple[int, ...], said: int, left: int) -> State:
        locals_ = state[0]
        after = (*locals_[:who], done.local, *locals_[who + 1 :])
        return (after, self.space.in_order(net + done.sent) if done.sent or net != state[1] else net, said, left)

    def _time(self, state: State) -> Iterator[Move]:
        """The next timer ends; all clocks go evenly. What is in flight then is late, or lost."""
        locals_, net, said, left = state
        late = sum(not item & _LATE for item in net)
        if late > left or (late and "late" not in self._kinds):
            return
        ends = {k: done for k, x in enumerate(locals_) if not (done := self.space.do(x, ("time",))).idle}
        due = {k: self.space.parties[locals_[k]].due_ms() for k in ends}
        for who, done in ends.items():
            if due[who] == min(due.values()):
                after = [
                    done.local if k == who else self.space.do(x, ("pass", due[who])).local
                    for k, x in enumerate(locals_)
                ]
                flying = self.space.in_order((*(item | _LATE for item in net), *done.sent))
                yield Move("time", who, late, (tuple(after), flying, said, left - late))

    def _faults(self, state: State) -> Iterator[Move]:
        locals_, net, said, left = state
        kinds = self._kinds
        for who, local in enumerate(locals_):
            if "crash" in kinds:
                done = self.space.do(local, ("start",))
                yield Move("crash", who, 1, self._at(state, who, done, net, said, left - 1))
                yield self._reset(state, who, "crash, connections lost", done)
            for kind, deed in _LOSSES.items():
                if kind in kinds:
                    yield self._reset(state, who, deed, self.space.do(local, (deed,)))
        if "cut" in kinds:
            for a, b in itertools.combinations(range(len(locals_)), 2):
                after = list(locals_)
                after[a] = self.space.do(locals_[a], ("lose link", b)).local
                after[b] = self.space.do(locals_[b], ("lose link", a)).local
                yield Move("cut", a, 1, (tuple(after), _without(net, {a, b}), said, left - 1))

    def _reset(self, state: State, who: int, name: str, done: Outcome) -> Move:
        """A process ends, and its connections with it."""
        locals_, net, said, left = state
        after = [self.space.do(x, ("lose link", who)).local if k != who else done.local for k, x in enumerate(locals_)]
        return Move(name, who, 1, (tuple(after), _without(net, {who}), said, left - 1))

    # -- the search ------------------------------------------------------------------------------------

    def run(self, stop: Callable[[int], bool] = lambda _states: False) -> Found:
        """Until nothing new is found, a rule breaks, or ``stop`` says so of the number of states."""
        found = Found()
        states, numbers = [self.first], {self.first: 0}
        parents, ways = array("l", [-1]), array("l", [-1])
        edges, starts = array("l"), array("l", [0])
        level_end = 0
        for at, state in enumerate(states):
            if at == level_end:
                level_end, found.depth = len(states), found.depth + 1
            way = -1
            try:
                for way, move in enumerate(self.moves(state)):
                    found.transitions += 1
                    number = numbers.setdefault(move.state, len(states))
                    if number == len(states):
                        states.append(move.state)
                        parents.append(at)
                        ways.append(way)
                        self.check(move.state)
                    if not move.cost:
                        edges.append(number)
            except Broken as broken:
                found.rule, found.text = broken.rule, str(broken)
                found.trace = [*_way_to(parents, ways, at), way if broken.between else way + 1]
                break
            starts.append(len(edges))
            if stop(len(states)):
                break
        else:
            found.complete = True
            self._live(found, states, edges, starts, lambda bad: _way_to(parents, ways, bad))
        found.states, found.deeds, found.locals = len(states), self.space.deeds, len(self.space.parties)
        return found

    def check(self, state: State) -> None:
        """The rules about several parties. Raises Broken."""
        locals_ = state[0]
        if locals_ not in self._checked:
            together([self.space.view(x) for x in locals_])
            self._checked.add(locals_)

    def unsettled(self, state: State) -> str:
        """Why not all is at rest; empty when it is."""
        return unsettled([self.space.view(x) for x in state[0]])

    def _rests(self, state: State) -> bool:
        locals_ = state[0]
        known = self._settled.get(locals_)
        if known is None:
            known = self._settled[locals_] = not self.unsettled(state)
        return known

    def _live(
        self,
        found: Found,
        states: Sequence[State],
        edges: array[int],
        starts: array[int],
        way_to: Callable[[int], list[int]],
    ) -> None:
        """From every state, a settled one is reached without a further fault (C8)."""
        good = bytearray(self._rests(s) for s in states)
        found.settled = sum(good)
        changed = True
        while changed:
            changed = False
            for at in range(len(states) - 1, -1, -1):
                if not good[at] and any(good[edges[k]] for k in range(starts[at], starts[at + 1])):
                    good[at] = changed = True
        bad = good.find(0)
        if bad >= 0:
            found.rule = "C8"
            found.text = "C8: from here on nothing settles, though no fault comes any more: " + self.unsettled(
                states[bad]
            )
            found.trace = way_to(bad)

    def replay(self, trace: Sequence[int]) -> Iterator[str]:
        """What happens on the way that ``trace`` gives, line by line; the last is what broke, if anything did."""
        state = self.first
        for number in trace:
            try:
                move = next(itertools.islice(self.moves(state), number, None), None)
                if move is None:
                    yield f"There is no move {number} here."
                    return
                before, state = state, move.state
                sent = [x for x in state[1] if x not in before[1]]
                fault = f" [{move.cost} fault]" if move.cost else ""
                yield f"{number:3} {move.name} at {move.who}{fault}: {'; '.join(map(self.space.say, sent))}"
                self.check(state)
            except Broken as broken:
                yield f"{number:3} {self.space.doing}: {broken}"
                return
        yield self.unsettled(state) or "All is settled."


def _way_to(parents: array[int], ways: array[int], at: int) -> list[int]:
    way: list[int] = []
    while parents[at] >= 0:
        way.append(ways[at])
        at = parents[at]
    return way[::-1]


def _without(net: tuple[int, ...], ends: set[int]) -> tuple[int, ...]:
    """What is in flight when the connections among, or of, ``ends`` are gone; what is late is elsewhere already."""
    if len(ends) == 1:
        return tuple(x for x in net if x & _LATE or not {x >> 4 & 3, x >> 2 & 3} & ends)
    return tuple(x for x in net if x & _LATE or {x >> 4 & 3, x >> 2 & 3} != ends)


__all__ = ["KINDS", "NETWORK", "NODE", "Found", "Locals", "Search", "State", "view_of"]
