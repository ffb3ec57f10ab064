"""What is searched: so many messages, so many faults of these kinds; and how a search is run."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from unittest import mock

from parley.crypto import kdf
from parley.protocol.chain_state import MessageKey
from parley.wire.statement import Precedence
from parley_testkit.explore.checks import Broken
from parley_testkit.explore.party import Say
from parley_testkit.explore.scene import begin
from parley_testkit.explore.space import KINDS, NETWORK, Found, Locals, Search
from parley_testkit.sim import cheap

_ROUTINE: Final = Say(0)
_FLASH: Final = Say(0, Precedence.FLASH)
_BACK: Final = Say(1)


@dataclass(frozen=True, slots=True)
class Scene:
    """One search. ``says`` are its messages, of which one may acknowledge another."""

    name: str
    says: tuple[Say, ...]
    faults: int
    kinds: frozenset[str] = KINDS
    parties: int = 2
    slow: bool = True

    def describe(self) -> str:
        """What is searched, for a reader."""
        kinds = "of any kind" if self.kinds == KINDS else "of " + ", ".join(sorted(self.kinds))
        return f"{self.name}: {self.parties} parties, {len(self.says)} messages, {self.faults} faults {kinds}"


ONE: Final = (_ROUTINE,)
TWO: Final = (_ROUTINE, _BACK)
THREE: Final = (_ROUTINE, _FLASH, _BACK)
ANSWERED: Final = (_FLASH, Say(1, about=0), _ROUTINE)


SCENES: Final = {
    s.name: s
    for s in (
        Scene("one-one", ONE, 1),
        Scene("two-one-kept", TWO, 1, KINDS - {"wipe"}),
        Scene("three-one-network", THREE, 1, NETWORK),
        Scene("one-two-network", ONE, 2, NETWORK),
    )
}
"""What ``make test`` searches, and ``make explore``."""

SOAK: Final = {
    s.name: s
    for s in (
        Scene("three-parties", TWO, 0, parties=3),
        Scene("two-one", TWO, 1),
        Scene("fast-one-one", ONE, 1, slow=False),
        Scene("answered-one-network", ANSWERED, 1, NETWORK),
        Scene("two-two-network", TWO, 2, NETWORK),
        Scene("three-one", THREE, 1),
        Scene("answered-one", ANSWERED, 1),
        Scene("one-two", ONE, 2),
        Scene("three-two-network", THREE, 2, NETWORK),
    )
}
"""What ``make soak`` searches as well."""


def _salt(_key: MessageKey, _place: int) -> bytes:
    return bytes(32)


@contextlib.contextmanager
def searching(scene: Scene) -> Iterator[Search]:
    """A search that is ready to run, with the stand-ins in place."""
    with contextlib.ExitStack() as stack:
        spy = stack.enter_context(cheap.primitives())
        stack.enter_context(mock.patch.object(kdf, "hmac_sha256", lru_cache(1 << 18)(kdf.hmac_sha256)))
        stack.enter_context(mock.patch.object(MessageKey, "salt", _salt))
        thresholds = gc.get_threshold()
        stack.callback(gc.set_threshold, *thresholds)
        # Nearly all that is made is kept.
        gc.set_threshold(100_000, 50, 100)
        parties = begin(scene.parties, scene.says, spy, slow=scene.slow)
        space = Locals()
        first = [space.number(p) for p in parties]
        yield Search(space, first, [s.who for s in scene.says], scene.faults, scene.kinds)


def search(scene: Scene, most: int | None = None, seconds: float | None = None) -> tuple[Found, list[str]]:
    """Search a scene whole, or until ``most`` states or ``seconds`` of processor time; and the way to what broke."""
    end = None if seconds is None else time.process_time() + seconds

    def stop(states: int) -> bool:
        return (most is not None and states > most) or (end is not None and time.process_time() > end)

    try:
        with searching(scene) as made:
            found = made.run(stop)
    except Broken as broken:
        return Found(rule=broken.rule, text=str(broken)), [f"While the parties met: {broken}"]
    return found, replay(scene, found.trace) if found.rule else []


def replay(scene: Scene, trace: list[int]) -> list[str]:
    """What happens on the way that ``trace`` gives."""
    with searching(scene) as made:
        return list(made.replay(trace))


def say(scene: Scene, found: Found, seconds: float) -> str:
    """What came of a search, in one line."""
    whole = "complete" if found.complete else "NOT COMPLETE"
    return (
        f"{scene.describe()}: {found.states} states, {found.transitions} transitions, {found.settled} settled, depth "
        f"{found.depth}, {found.locals} states of a party, {found.deeds} real deeds, {whole}, {seconds:.1f} s"
    )


__all__ = [
    "ANSWERED",
    "NETWORK",
    "ONE",
    "SCENES",
    "SOAK",
    "THREE",
    "TWO",
    "Scene",
    "replay",
    "say",
    "search",
    "searching",
]
