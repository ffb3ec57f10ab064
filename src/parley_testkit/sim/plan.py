"""What one seed holds: the options of its world, and the acts of officers, operators, couriers and misfortune.

Swarm: each seed turns every kind of fault on or off and draws its rate, so that some worlds see much of one thing
and nothing of another. The plan is a list, so that a failing one can be made shorter (``shrink``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from parley.limits import MAX_DATAGRAM
from parley.ports import Traits
from parley_testkit.sim.network import MAX_PARTIES, Carrier, Weather

CRASH_POINTS = ("before-commit", "after-commit", "send", "head", "idle")
LIES = (
    "equivocate",
    "replay",
    "reflect",
    "rollback",
    "withhold",
    "receipt-unsent",
    "flood",
    "misplace",
    "bomb",
    "frame",
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does, or that happens, at ``at`` seconds."""

    at: float
    kind: str
    who: int
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.at:10.3f}  {self.kind:<10} {self.who} {' '.join(str(a) for a in self.args)}".rstrip()


@dataclass(frozen=True, slots=True)
class Options:
    """The world of one seed."""

    seed: int
    parties: int = 2
    duration_s: float = 60.0
    messages: int = 40
    flash: float = 0.1
    narrow: float = 0.1
    """Share of messages that go to some of the members only."""
    long: float = 0.05
    """Share of messages that need fragments on small bearers."""
    bearers: tuple[str, ...] = ("net",)
    loss: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0
    delay_s: float = 0.02
    jitter_s: float = 0.0
    latency_s: float = 0.0
    """A commit's, on every disk."""
    read: float = 0.5
    """Chances that an officer does so with a message that arrived."""
    answer: float = 0.2
    acts: dict[str, int] = field(default_factory=dict)
    """How many there are of each kind of act."""
    lies: tuple[str, ...] = ()
    """What the last party does, if anything: it is then the liar."""
    query_limit_s: float = 60.0
    burst_bytes: int = 64 * 1024 * 1024
    rate_bytes_per_s: int = 4 * 1024 * 1024
    real: bool = False
    """Real signatures and sealing instead of the cheap stand-ins."""

    @property
    def liar(self) -> int | None:
        """The number of the party that lies."""
        return self.parties - 1 if self.lies else None

    def describe(self) -> str:
        """One line."""
        return json.dumps({k: v for k, v in asdict(self).items() if v not in (0, 0.0, (), {}, False)})

    def carriers(self) -> dict[str, Carrier]:
        """The bearers of this world."""
        weather = Weather(self.loss, self.duplication, self.corruption, self.delay_s, self.jitter_s)
        every = {
            "net": Carrier("net", Traits(MAX_DATAGRAM - 1, 2 * self.delay_s), weather),
            "relay": Carrier("relay", Traits(1400, 0.3, cost=1), replace(weather, delay_s=0.15)),
            "radio": Carrier("radio", Traits(700, 1.4, 9600, cost=5), replace(weather, delay_s=0.7), connected=False),
            "tone": Carrier("tone", Traits(200, 1.4, 2400, cost=6), replace(weather, delay_s=0.7), connected=False),
            "stick": Carrier("stick", Traits(MAX_DATAGRAM - 1, 60.0, cost=10), Weather(), by_hand=True),
        }
        return {name: every[name] for name in self.bearers}


RATES: dict[str, int] = {
    "crash": 8,
    "power": 4,
    "cut": 6,
    "down": 6,
    "partition": 3,
    "clock": 4,
    "full": 3,
    "eio": 5,
    "slow": 3,
    "tail": 3,
    "backup": 3,
    "damage": 2,
    "wipe": 2,
    "rotate": 2,
    "prune": 2,
    "countersign": 3,
    "courier": 6,
    "leave": 1,
    "join": 1,
}
"""The most that one world sees of each kind of act beside messages."""


LATER: dict[str, int] = {"draft": 4, "switch": 3, "revoke": 2}
"""Kinds that draw from a stream of their own, so that the worlds of old seeds keep what they had."""

_OFFICERS_DO: Final = ("read", "sign", "sign", "sign", "change", "release")

DAY_S = 86_400.0


def draw_options(seed: int) -> Options:
    """The options of a seed: most worlds are small, for there to be many; one in twenty-five is large."""
    chance = random.Random(seed)

    def some(most: float, often: float = 0.5) -> float:
        return round(chance.uniform(0, most), 3) if chance.random() < often else 0.0

    large = chance.random() < 1 / 25
    parties = chance.choice((2, 2, 2, 3, 3, 4, 5) if large else (2, 2, 2, 2, 2, 3))
    bearers = [chance.choice(("net", "net", "net", "relay", "radio", "tone"))]
    bearers += [name for name in ("net", "relay", "radio", "tone", "stick") if chance.random() < 0.2]
    share, part = (0.3, 1) if large else (0.2, 2)
    acts = {kind: chance.randint(1, -(-most // part)) for kind, most in RATES.items() if chance.random() < share}
    if "stick" not in bearers:
        acts.pop("courier", None)
    if parties == MAX_PARTIES:
        acts.pop("join", None)
    lies: tuple[str, ...] = ()
    if chance.random() < 0.2:
        parties = max(parties, 3)
        lies = tuple(x for x in LIES if chance.random() < 0.35) or (chance.choice(LIES),)
        for kind in ("join", "leave", "rotate"):
            acts.pop(kind, None)
    acts |= _later(seed, part, share)
    if lies:
        acts.pop("revoke", None)
    slow = not {"net", "relay"} & set(bearers)
    return Options(
        seed,
        parties,
        duration_s=chance.choice((30.0, 60.0, 60.0, 120.0, 600.0, 7200.0) if large else (30.0, 30.0, 60.0, 300.0)),
        messages=chance.randint(5, 20 if slow else 60) if large else chance.randint(3, 15),
        flash=some(0.5),
        narrow=some(0.5),
        long=some(0.2),
        bearers=tuple(dict.fromkeys(bearers)),
        loss=some(0.5),
        duplication=some(0.3),
        corruption=some(0.1),
        delay_s=chance.choice((0.001, 0.02, 0.3)),
        jitter_s=some(2.0, 0.4),
        latency_s=some(0.2, 0.3),
        read=some(1.0, 0.8),
        answer=some(0.5, 0.4),
        acts=acts,
        lies=lies,
        query_limit_s=chance.choice((20.0, 60.0, 600.0)),
        burst_bytes=chance.choice((8_000, 64 * 1024 * 1024, 64 * 1024 * 1024)),
        rate_bytes_per_s=chance.choice((4_000, 4 * 1024 * 1024)),
    )


def _later(seed: int, part: int, share: float) -> dict[str, int]:
    chance = random.Random(f"{seed}/later")
    return {kind: chance.randint(1, -(-most // part)) for kind, most in LATER.items() if chance.random() < share}


def draw_day(seed: int) -> Options:
    """A whole day of a busy line, with every kind of misfortune that the seed draws, some of it hours long."""
    chance = random.Random(seed)
    day = draw_options(seed)
    bearers = dict.fromkeys(("net" if chance.random() < 0.8 else "relay", *day.bearers))
    acts = {kind: chance.randint(1, 2 * most) for kind, most in RATES.items() if chance.random() < 0.5}
    acts = {k: n for k, n in acts.items() if k not in {"join", "leave"} and (k != "courier" or "stick" in bearers)}
    acts |= {k: 5 * n for k, n in _later(seed, 1, 0.5).items()}
    return replace(
        day,
        parties=max(2, min(day.parties, 3)),
        duration_s=DAY_S,
        messages=chance.randint(400, 900),
        long=min(day.long, 0.05),
        bearers=tuple(bearers),
        acts={k: n for k, n in acts.items() if not day.lies or k not in {"rotate", "revoke"}},
        query_limit_s=600.0,
    )


def draw_plan(options: Options) -> list[Act]:
    """The acts of a world, in order of time."""
    chance = random.Random(options.seed * 31 + 7)
    acts = [_message(options, chance, n) for n in range(options.messages)]
    for kind, count in sorted(options.acts.items()):
        own = random.Random(f"{options.seed}/{kind}") if kind in LATER else chance
        for n in range(count):
            match kind:
                case "draft":
                    acts.extend(_draft(options, own, n))
                case "revoke":
                    acts.append(_theft(options, own))
                case _:
                    acts.extend(_misfortune(options, own, kind))
    if options.lies:
        for lie in options.lies:
            acts += [
                Act(chance.uniform(1, options.duration_s), "lie", options.parties - 1, (lie,))
                for _ in range(chance.randint(1, 6))
            ]
    return sorted(acts, key=lambda act: act.at)


def _message(options: Options, chance: random.Random, n: int) -> Act:
    at = chance.uniform(0, options.duration_s)
    who = chance.randrange(options.parties)
    precedence = 3 if chance.random() < options.flash else chance.choice((0, 0, 0, 1, 2))
    to = 0
    if chance.random() < options.narrow:
        to = chance.randrange(1, 1 << options.parties) & ~(1 << who)
    size = chance.randint(1000, 6000) if chance.random() < options.long else chance.randint(0, 80)
    return Act(at, "send", who, (n, precedence, to, size))


def _draft(options: Options, chance: random.Random, n: int) -> Iterator[Act]:
    """A draft that two must release: read, signed, changed and let go in any order, by right and wrong people."""
    at, who = chance.uniform(0, options.duration_s), chance.randrange(options.parties)
    steps = [
        [round(chance.uniform(0.1, 3.0), 3), chance.choice(_OFFICERS_DO), chance.randrange(4)]
        for _ in range(chance.randint(3, 9))
    ]
    last = [[1.0, "release", 0]]
    to = chance.randrange(1, 1 << options.parties) if chance.random() < options.narrow else 0
    yield Act(at, "draft", who, (n, chance.randrange(4), to, [*steps, *last]))


def _theft(options: Options, chance: random.Random) -> Act:
    """Keys are stolen and revoked: when the new certificate is given out, when the revocation, how soon by hand."""
    at, who = chance.uniform(0, options.duration_s * 0.7), chance.randrange(options.parties)
    certified, revoked = (chance.choice((0.0, 2.0, options.duration_s / 8)) for _ in range(2))
    hand = chance.choice((1.0, options.duration_s / 8))
    return Act(at, "revoke", who, (certified, revoked, hand, chance.randrange(1 << 30)))


def _misfortune(options: Options, chance: random.Random, kind: str) -> Iterator[Act]:
    at = chance.uniform(0, options.duration_s)
    who = chance.randrange(options.parties)
    other = (who + chance.randrange(1, options.parties)) % options.parties
    span = chance.choice((0.5, 5.0, options.duration_s / 4))
    bearer = chance.choice(options.bearers)
    match kind:
        case "crash" | "power":
            yield Act(at, kind, who, (chance.choice(CRASH_POINTS), chance.choice((0, 0, 1, 3)), span))
        case "cut":
            yield Act(at, kind, who, (other, bearer, chance.random() < 0.5, span))
        case "down":
            yield Act(at, kind, who, (other, bearer, span))
        case "partition":
            yield Act(at, kind, who, (chance.randrange(1, (1 << options.parties) - 1), span))
        case "clock":
            size = chance.choice((3600, 86_400, 365 * 86_400, 10 * 365 * 86_400))
            yield Act(at, kind, who, (chance.randint(-size, size),))
        case "full" | "wipe" | "damage":
            yield Act(at, kind, who, (span,))
        case "eio":
            yield Act(at, kind, who, (chance.choice(("lost", "kept")),))
        case "slow":
            yield Act(at, kind, who, (chance.choice((0.05, 2.0)), span))
        case "tail":
            yield Act(at, kind, who, (chance.choice((1, 2, 5, 50)), span))
        case "backup":
            yield Act(at, kind, who)
            yield Act(at + chance.uniform(0, options.duration_s / 2), "restore", who, (span,))
        case "rotate":
            yield Act(at, kind, who, (chance.uniform(0, options.duration_s / 3),))
        case "switch":
            yield Act(at, kind, who, (other, span))
        case "courier":
            yield Act(at, kind, who, (other, chance.uniform(1, 20), chance.uniform(5, 600), chance.random()))
        case _:
            yield Act(at, kind, who)
