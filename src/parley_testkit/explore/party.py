"""One party in a search: the real line, what is on its disk, its clock, its links, and what it has done so far.

Whatever happens to a party is one ``Deed``. A deed is a function of the party's state alone: the core takes time
and entropy as arguments and has no others to read. So each deed is carried out once for each state, and its
outcome serves wherever that state stands beside whatever else (space).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from parley.crypto.signing import Signer
from parley.ids import EntryId, MemberNumber
from parley.ports import Head
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.line import Line
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.settings import Settings
from parley.protocol.signers import Signers
from parley.stores import headfile
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence, Reference, Relation
from parley_testkit.explore.checks import Observer, Past
from parley_testkit.explore.copying import Canonical, Entropy, copied
from parley_testkit.explore.disk import Disk, Handle

BEARER: Final = "net"
START_S: Final = 1_800_000_000
_TALK_S: Final = 0.5
SETTINGS: Final = Settings(
    query_limit_s=3.0, heartbeat_s=1e9, slow_heartbeat_s=1e9, pq_interval_s=1e9, answer_interval_s=_TALK_S
)
"""Two things that go on for ever are put off: heartbeats, and the ML-DSA-44 cosignatures."""

Deed = tuple[Any, ...]
"""What happens: a name, and what goes with it. See ``Party.do``."""


@dataclass(frozen=True, slots=True)
class Say:
    """One message of a search: a text of ``precedence``, or the acknowledgement of the message ``about``."""

    who: int
    precedence: Precedence = Precedence.ROUTINE
    about: int | None = None


class WatchedSigner:
    """A signer whose every signature is seen."""

    def __init__(self, signer: Signer, observer: Observer, role: str) -> None:
        self._signer = signer
        self._observer = observer
        self._role = role
        self.public = signer.public

    def sign(self, message: bytes) -> bytes:
        """As the signer."""
        self._observer.signs(self._role, message)
        return self._signer.sign(message)


def _one_salt(size: int) -> bytes:
    """What an entry is blinded with: that no salt is used twice is for the simulator to see."""
    return b"salt"[:1] * size


@dataclass(frozen=True, slots=True)
class Home:
    """What of a party stays the same throughout a search."""

    number: MemberNumber
    signers: Signers
    membership: Membership
    observer: Observer
    says: tuple[Say, ...]
    slow: bool = False
    """A slow bearer takes one datagram at a time, and no prekeys go over it (D6)."""
    base: tuple[Disk, ...] = ()
    """The disk as it was when the search began: what an old backup holds."""


@dataclass(slots=True)
class Party:
    """See above. ``links`` holds, for each peer, what its bearer has yet to tell: "du" is down and then up again."""

    home: Home
    line: Line
    handle: Handle
    links: tuple[str, ...]
    boot: float = 1000.0
    wake: float = 1000.0
    starts: int = 1
    head: Head | None = None
    past: Past = field(default_factory=Past)

    # -- what can be done ------------------------------------------------------------------------------

    def do(self, deed: Deed) -> tuple[Party, list[i.Send]]:
        """The party after ``deed``, and what leaves it. This one stays as it is."""
        made: Party = copied(self, {})
        return made, made._do(deed)

    def _do(self, deed: Deed) -> list[i.Send]:
        match deed:
            case ("receive", bytes(data)):
                return self.step(i.Received(data, BEARER))
            case ("time",):
                self.boot = round(self.boot + self.due_ms() / 1000, 3)
                return self.step(i.Tick())
            case ("say", int(number)):
                self.past = replace(self.past, submitted=self.past.submitted | {number})
                return self.step(self._submission(number))
            case ("pass", int(span)):
                self.boot = round(self.boot + span / 1000, 3)
            case ("link", int(peer)):
                return self._link(peer)
            case ("lose link", int(peer)):
                links = list(self.links)
                links[peer] = "u" if links[peer] == "u" else "du"
                self.links = tuple(links)
            case ("start",):
                self._start(self.handle.disk)
            case ("restore",):
                self._lose(self.home.base[0])
            case ("lose database",):
                self._lose(Disk.empty())
            case _:
                raise ValueError(deed)
        return []

    def can_say(self, number: int) -> bool:
        """Whether the officer can: a message can be acknowledged only where it was shown."""
        said = self.home.says[number]
        return said.about is None or self._shown(said.about) is not None

    def digest(self) -> bytes:
        """What two states share only if all that follows is the same."""
        form = Canonical(self.boot, SETTINGS.query_limit_s, _TALK_S)
        disk = self.handle.disk
        digest = disk.digest.to_bytes(16, "big")
        return form.digest(self.line, digest, disk.apart(), self.links, self.starts, self.past.digest())

    def due_ms(self) -> int:
        """In how long its next timer ends, in milliseconds."""
        return max(math.ceil((self.wake - self.boot) * 1000 - 1e-6), 1)

    # -- how -------------------------------------------------------------------------------------------

    def now(self) -> i.Now:
        """Boot time moves when a timer ends; the wall clock is another after each start, else it stands."""
        return i.Now(START_S + 10 * self.starts, self.boot)

    def step(self, given: i.Input) -> list[i.Send]:
        """As the node does it (D7): step, commit, release. The bearer takes what it is given at once."""
        sends: list[i.Send] = []
        waiting = [given]
        while waiting:
            new = self._step(waiting.pop())
            sends += new
            if self.home.slow:
                waiting += [i.Ready(BEARER, peer) for peer in dict.fromkeys(s.peer for s in new)]
        return sends

    def _step(self, given: i.Input) -> list[i.Send]:
        observer = self.home.observer
        observer.begin(self.home.number, self.past)
        output = self.line.step((given,), self.now())
        self.line.out = i.Output()
        self.commit(output.changes)
        self.past = observer.released(self.handle.disk, output)
        self.wake = output.wake
        return output.sends

    def commit(self, changes: Sequence[r.Change]) -> None:
        """Make ``changes`` durable; the head file follows."""
        if changes:
            before = self.handle.disk
            after = before.committed(changes)
            self.home.observer.commits(before, after, changes)
            self.handle.disk = after
            self.head = Head(after.version, bytes(8), 0, bytes(32))

    def _submission(self, number: int) -> i.Submit:
        said = self.home.says[number]
        if said.about is None:
            content = Message(f"message {number}", "en", said.precedence)
            return i.Submit(Kind.MESSAGE, content, EVERYONE, number + 1)
        entry = self._shown(said.about)
        if entry is None:
            raise ValueError(number)
        mark = Mark((Reference(Relation.SUBJECT, entry),), text=f"mark {number}")
        return i.Submit(Kind.ACKNOWLEDGED, mark, EVERYONE, number + 1)

    def _shown(self, number: int) -> EntryId | None:
        """Where message ``number`` of another stands in the order of arrival."""
        text = f"message {number}".encode()
        for _, key in self.handle.scan(r.ARRIVAL):
            if key[0] != self.home.number:
                row = self.handle.get(r.ENTRY, key)
                if row is not None and text in row:
                    return r.read_entry_key(key)
        return None

    def _link(self, peer: int) -> list[i.Send]:
        event, rest = self.links[peer][0], self.links[peer][1:]
        links = list(self.links)
        links[peer] = rest
        self.links = tuple(links)
        if event == "d":
            return self.step(i.LinkDown(BEARER, MemberNumber(peer)))
        return self.step(i.LinkUp(BEARER, MemberNumber(peer), 65_000, 0.1, 10**9 if self.home.slow else 0))

    def _lose(self, disk: Disk) -> None:
        """The disk is back at an older state, or gone; the head file is not."""
        noticed = headfile.lost_state(disk.version, self.head)
        self.home.observer.loses(self.home.number, self.head, disk.version, noticed)
        self.past = replace(self.past, losses=self.past.losses + 1, flash=frozenset())
        self._start(disk)

    def _start(self, disk: Disk) -> None:
        """The process begins anew, as after a crash or a storage error (D15)."""
        self.starts += 1
        fresh = start(self.home, disk, self.starts)
        self.line, self.handle, self.boot, self.wake = fresh.line, fresh.handle, fresh.boot, fresh.wake
        self.links = fresh.links
        self.head = replace(self.head, version=disk.version) if self.head is not None else None
        self.past = replace(self.past, opened=frozenset(), flash=frozenset())


def start(home: Home, disk: Disk, starts: int = 1) -> Party:
    """A process begins on ``disk``; its links are about to come up."""
    handle = Handle(disk)
    entropy = Entropy(b"%d %d " % (home.number, starts))
    home.observer.begin(home.number, Past())
    line = Line(Rows(handle), home.membership, home.number, home.signers, entropy, SETTINGS)
    line.entropy = _one_salt
    others = home.membership.peers(home.number)
    links = tuple("u" if n in others else "" for n in range(len(others) + 1))
    return Party(home, line, handle, links, starts=starts)


__all__ = ["Home", "Party", "Say", "WatchedSigner", "start"]
