"""ROUTINE is shown in the order in which it was written, over all runs of its author (C2)."""

from __future__ import annotations

from parley.ids import EntryId
from parley.protocol.entries import StoredEntry
from parley.wire import statement
from parley.wire.statement import Message, Precedence
from parley_testkit.sim.oracle.facts import Fail
from parley_testkit.sim.parties import CODES


class OrderWatch:
    """Numbers what each author makes durable, and sees in what order others are told of it."""

    def __init__(self, fail: Fail) -> None:
        self._fail = fail
        self._places = [0 for _ in CODES]
        self._shown: dict[tuple[int, int], int] = {}
        self._loose: set[tuple[int, int]] = set()

    def placed(self, who: int, stored: StoredEntry) -> int:
        """The place of what ``who`` wrote; 0 where no order is promised."""
        content = statement.decode(stored.statement).content
        if not isinstance(content, Message) or content.precedence is not Precedence.ROUTINE:
            return 0
        self._places[who] += 1
        return self._places[who]

    def waited(self, who: int, author: int) -> None:
        """``who`` waited as long as it may for what ``author`` wrote, and takes what came."""
        self._loose.add((who, author))

    def told(self, who: int, entry: EntryId, place: int) -> None:
        """``who`` was shown what its author wrote at ``place``."""
        author = entry.log.member
        last = self._shown.get((who, author), 0)
        if place and place < last and (who, author) not in self._loose:
            self._fail("safety", "C2", f"member {who} was shown {entry} after what was written later.")
        self._shown[who, author] = max(place, last)
