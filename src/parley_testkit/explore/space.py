"""The search itself (see the package)."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from parley.ids import MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.trees import StoredEntry
from parley_testkit.explore.checks import Broken, View, together, unsettled
from parley_testkit.explore.party import Deed, Party

State = tuple[tuple[int, ...], tuple[int, ...], int, int]
"""Each party's local state; what is in flight; which messages were submitted; faults left."""

_LATE: Final = 1
_WAY: Final = 0b111100
"""Source and target of a datagram in flight."""


@dataclass(slots=True)
class Outcome:
    """Of one deed: the local state after it, what left, and whether anything was committed or changed."""

    local: int
    sent: tuple[int, ...]
    committed: bool
    idle: bool


@dataclass(frozen=True, slots=True)
class Move:
    """An edge: what happens, to whom, and how many faults it is."""

    name: str
    who: int
    what: int
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

    def number(self, party: Party) -> int:
        """Of this state."""
        key = bytes((party.home.number,)) + party.digest()
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.parties)
            self.parties.append(party)
        return found

    def do(self, local: int, deed: Deed) -> Outcome:
        """Carry ``deed`` out, or remember what came of it."""
        found = self._outcomes.get((local, deed))
        if found is None:
            party = self.parties[local]
            given: Deed = deed
            if deed[0] == "receive":
                given = ("receive", self.datagrams[deed[1]])
            elif deed[0] == "damaged":
                data = self.datagrams[deed[1]]
                given = ("receive", data[:-1] + bytes((data[-1] ^ 1,)))
            after, sends = party.do(given)
            number = self.number(after)
            sent = tuple(self._item(party.home.number, s) for s in sends)
            committed = after.handle.disk.version != party.handle.disk.version
            found = self._outcomes[local, deed] = Outcome(number, sent, committed, number == local and not sent)
        return found

    def _item(self, source: int, send: i.Send) -> int:
        number = self._datagram_numbers.setdefault(send.datagram, len(self.datagrams))
        if number == len(self.datagrams):
            self.datagrams.append(send.datagram)
        return number << 6 | source << 4 | int(send.peer) << 2

    def view(self, local: int) -> View:
        """What the rules about several parties need of it."""
        found = self._views.get(local)
        if found is None:
            found = self._views[local] = view_of(self.parties[local])
        return found

    @property
    def deeds(self) -> int:
        """Steps of the real core that were carried out."""
        return len(self._outcomes)


def view_of(party: Party) -> View:
    """See View."""
    trees = sorted((t for t in party.line.trees), key=lambda t: t.log)
    me = MemberNumber(party.home.number)
    return View(
        party.past,
        {r.read_entry_key(k): StoredEntry.decode(v) for k, v in party.handle.scan(r.ENTRY)},
        {t.log: t.held for t in trees},
        tuple((t.log, t.size, t.root, t.held) for t in trees),
        {t.log: dict(t.receipts) for t in trees if t.log.member == me},
    )


@dataclass(slots=True)
class Found:
    """What a search came to."""

    states: int = 0
    transitions: int = 0
    settled: int = 0
    deeds: int = 0
    locals: int = 0
    depth: int = 0
    complete: bool = False
    rule: str = ""
    text: str = ""
    trace: list[str] = field(default_factory=list)


class Search:
    """Breadth first over all states from ``first``."""

    def __init__(self, space: Locals, first: Sequence[int], says: Sequence[int], faults: int, kinds: frozenset[str]) -> None:
        self.space = space
        self._says = says
        self._kinds = kinds
        self._count = len(first)
        self.first: State = (tuple(first), (), 0, faults)
        self._links: dict[int, str] = {}
        self._checked: set[tuple[int, ...]] = set()
        self._settled: dict[tuple[int, ...], bool] = {}

    # -- moves -----------------------------------------------------------------------------------------

    def moves(self, state: State) -> Iterator[Move]:
        """Everything that can happen next."""
        locals_, net, said, left = state
        heads: set[int] = set()
        for item in dict.fromkeys(net):
            way = item & _WAY
            yield from self._deliveries(state, item, first=bool(item & _LATE) or way not in heads)
            if not item & _LATE:
                heads.add(way)
        for number, who in enumerate(self._says):
            if not said >> number & 1 and self.space.parties[locals_[who]].can_say(number):
                yield from self._stepped(state, "say", who, number, net, said | 1 << number)
        linking = False
        for who, local in enumerate(locals_):
            for peer, pending in enumerate(self.space.parties[local].links):
                if pending:
                    linking = True
                    yield from self._stepped(state, "link", who, peer, net, said)
        if not linking:
            yield from self._time(state)
        if left:
            yield from self._faults(state)

    def _deliveries(self, state: State, item: int, *, first: bool) -> Iterator[Move]:
        """``item`` arrives: the first of its way; another before it is out of order."""
        _, net, said, left = state
        at = net.index(item)
        rest = net[:at] + net[at + 1 :]
        who, number = item >> 2 & 3, item >> 6
        if first:
            yield from self._stepped(state, "receive", who, number, rest, said)
        elif left and "reorder" in self._kinds:
            yield from self._stepped(state, "receive", who, number, rest, said, 1, "receive out of order")
        if left and first:
            if "duplicate" in self._kinds:
                again = _ordered((*rest, item | _LATE))
                yield from self._stepped(state, "receive", who, number, again, said, 1, "receive twice")
            if "damage" in self._kinds:
                yield from self._stepped(state, "damaged", who, number, rest, said, 1)

    def _stepped(
        self, state: State, name: str, who: int, what: int, net: tuple[int, ...], said: int, cost: int = 0, label: str = ""
    ) -> Iterator[Move]:
        """A step of ``who``; and the same with a disk that fails."""
        locals_, _, _, left = state
        local = locals_[who]
        done = self.space.do(local, (name, what))
        yield Move(label or name, who, what, cost, self._at(state, who, done, net, said, left - cost))
        if cost == 0 and left and done.committed and "disk" in self._kinds:
            for sort, lives in (("written, then the disk fails", done.local), ("not written, the disk fails", local)):
                again = self.space.do(lives, ("start",))
                yield Move(f"{name}: {sort}", who, what, 1, self._at(state, who, again, net, said, left - 1))

    def _at(self, state: State, who: int, done: Outcome, net: tuple[int, ...], said: int, left: int) -> State:
        locals_ = state[0]
        after = (*locals_[:who], done.local, *locals_[who + 1 :])
        return (after, _ordered(net + done.sent) if done.sent else net, said, left)

    def _time(self, state: State) -> Iterator[Move]:
        """A timer ends: what is in flight then is late, or lost."""
        locals_, net, said, left = state
        late = sum(not item & _LATE for item in net)
        if late > left or (late and "late" not in self._kinds):
            return
        marked = tuple(sorted(item | _LATE for item in net)) if late else net
        ends = {k: done for k, x in enumerate(locals_) if not (done := self.space.do(x, ("time",))).idle}
        if not ends:
            return
        due = {k: self.space.parties[locals_[k]].due_ms() for k in ends}
        soon = min(due.values())
        for who, done in ends.items():
            if due[who] == soon:
                after = [done.local if k == who else self.space.do(x, ("pass", soon)).local for k, x in enumerate(locals_)]
                yield Move("time", who, late, late, (tuple(after), _ordered(marked + done.sent), said, left - late))

    def _faults(self, state: State) -> Iterator[Move]:
        locals_, net, said, left = state
        kinds = self._kinds
        for who, local in enumerate(locals_):
            if "crash" in kinds:
                done = self.space.do(local, ("start",))
                yield Move("crash", who, 0, 1, self._at(state, who, done, net, said, left - 1))
                yield self._reset(state, who, "crash, connections lost", done)
            for kind, deed in _LOSSES.items():
                if kind in kinds:
                    done = self.space.do(local, (deed,))
                    yield self._reset(state, who, deed, done)
        if "cut" in kinds:
            for a, b in itertools.combinations(range(self._count), 2):
                after = list(locals_)
                after[a] = self.space.do(locals_[a], ("lose link", b)).local
                after[b] = self.space.do(locals_[b], ("lose link", a)).local
                yield Move("cut", a, b, 1, (tuple(after), _without(net, {a, b}), said, left - 1))

    def _reset(self, state: State, who: int, name: str, done: Outcome) -> Move:
        """A process ends, and its connections with it."""
        locals_, net, said, left = state
        after = [self.space.do(x, ("lose link", who)).local if k != who else done.local for k, x in enumerate(locals_)]
        return Move(name, who, 0, 1, (tuple(after), _without(net, {who}), said, left - 1))

    # -- the search ------------------------------------------------------------------------------------

    def run(self, most: int | None = None, say: Callable[[str], None] | None = None) -> Found:
        """Until nothing new is found, or a rule breaks, or there are ``most`` states."""
        found = Found()
        states = [self.first]
        numbers = {self.first: 0}
        parents = array("l", [-1])
        edges, starts = array("l"), array("l", [0])
        at = level_end = 0
        while at < len(states):
            if at == level_end:
                level_end = len(states)
                found.depth += 1
                if say is not None:
                    say(f"depth {found.depth}: {len(states)} states, {found.transitions} transitions, {self.space.deeds} deeds")
            try:
                for move in self.moves(states[at]):
                    found.transitions += 1
                    number = numbers.get(move.state)
                    if number is None:
                        number = numbers[move.state] = len(states)
                        states.append(move.state)
                        parents.append(at)
                        self._check(move.state)
                    if not move.cost:
                        edges.append(number)
            except Broken as broken:
                found.rule, found.text = broken.rule, str(broken)
                self._blame(found, states, parents, at)
                break
            starts.append(len(edges))
            at += 1
            if most is not None and len(states) > most:
                break
        else:
            found.complete = True
            self._live(found, states, parents, edges, starts)
        found.states, found.deeds, found.locals = len(states), self.space.deeds, len(self.space.parties)
        return found

    def _check(self, state: State) -> None:
        locals_ = state[0]
        if locals_ not in self._checked:
            together([self.space.view(x) for x in locals_])
            self._checked.add(locals_)

    def settled(self, state: State) -> bool:
        """All is at rest."""
        locals_ = state[0]
        known = self._settled.get(locals_)
        if known is None:
            known = self._settled[locals_] = not unsettled([self.space.view(x) for x in locals_])
        return known

    def _live(self, found: Found, states: list[State], parents: array[int], edges: array[int], starts: array[int]) -> None:
        """From every state, a settled one is reached without a further fault (C8)."""
        good = bytearray(self.settled(s) for s in states)
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
            found.text = "C8: from here nothing settles: " + unsettled([self.space.view(x) for x in states[bad][0]])
            self._blame(found, states, parents, bad)

    def _blame(self, found: Found, states: list[State], parents: array[int], at: int) -> None:
        path = [at]
        while parents[path[-1]] >= 0:
            path.append(parents[path[-1]])
        path.reverse()
        for before, after in itertools.pairwise(path):
            for number, move in enumerate(self.moves(states[before])):
                if move.state == states[after]:
                    found.trace.append(f"{number}: {move.name} at {move.who} ({move.what})")
                    break


_LOSSES: Final = {"restore": "restore", "wipe": "lose database"}


def _ordered(net: tuple[int, ...]) -> tuple[int, ...]:
    """Each way's datagrams in the order in which they were sent, way by way; what is late in no order, last."""
    prompt = sorted((x for x in net if not x & _LATE), key=_WAY.__and__)
    return (*prompt, *sorted(x for x in net if x & _LATE))


def _without(net: tuple[int, ...], ends: set[int]) -> tuple[int, ...]:
    """What is in flight when the connections among, or of, ``ends`` are gone; what is late is elsewhere already."""
    if len(ends) == 1:
        return tuple(x for x in net if x & _LATE or not {x >> 4 & 3, x >> 2 & 3} & ends)
    return tuple(x for x in net if x & _LATE or {x >> 4 & 3, x >> 2 & 3} != ends)


__all__ = ["Found", "Locals", "Search", "State"]
