"""FLASH never waits behind ROUTINE."""

from __future__ import annotations

from parley.ids import EntryId
from parley_testkit.sim.oracle.facts import Fail
from parley_testkit.sim.parties import CODES


class FlashWatch:
    """FLASH never waits behind ROUTINE, on any path that takes something."""

    def __init__(self, fail: Fail) -> None:
        self._fail = fail
        self._waiting: dict[tuple[int, int], set[EntryId]] = {}

    def written(self, who: int, entry: EntryId, to: int) -> None:
        """FLASH stands in the record of ``who``."""
        for peer in range(len(CODES)):
            if peer != who and to >> peer & 1:
                self._waiting.setdefault((who, peer), set()).add(entry)

    def waits(self, who: int, peer: int) -> set[EntryId]:
        """What has not left yet for ``peer``."""
        return self._waiting.get((who, peer), set())

    def held(self, peer: int, entry: EntryId) -> None:
        """``peer`` has it, by whomever: it waits for nobody there."""
        waiting = self._waiting.get((entry.log.member, peer))
        if waiting is not None:
            waiting.discard(entry)

    def forget(self, who: int) -> None:
        """A node begins anew: what it had sent, and what not, is not known to it."""
        for key in [k for k in self._waiting if k[0] == who]:
            del self._waiting[key]

    def leaves(self, who: int, peer: int, urgent: set[EntryId], routine: set[EntryId]) -> None:
        """A datagram with these own contents leaves ``who`` for ``peer``."""
        waiting = self.waits(who, peer)
        if routine and waiting and not waiting & urgent:
            self._fail("safety", "flash", f"{min(routine)} left member {who} for {peer} before FLASH {min(waiting)}.")
        waiting -= urgent
