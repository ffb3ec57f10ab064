"""C9: what two officers must release carries two different people's approvals of this very content, both before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from parley.ids import EntryId
from parley.wire.statement import Message
from parley_testkit.sim.oracle.facts import Fail

_LEAST = 2


class ReleaseWatch:
    """Sees each officer sign, each release, and each such entry as its author makes it durable.

    Contents are compared as they are, not by the product's hash of them.
    """

    def __init__(self, fail: Fail, honest: Callable[[int], bool]) -> None:
        self._fail = fail
        self._honest = honest
        self._moment = 0
        self._given: list[tuple[int, int, bytes, object]] = []
        """When, at whom, by whose key, over what."""
        self._released: dict[object, int] = {}
        """When a text was let go."""

    def signed(self, who: int, key: bytes, message: Message, to: int) -> None:
        """An officer of ``who`` signed what was read."""
        self._moment += 1
        self._given.append((self._moment, who, key, _content(message, to)))

    def released(self, who: int, message: Message) -> None:
        """The product let a draft of ``who`` go."""
        self._moment += 1
        self._released.setdefault((who, message.body), self._moment)

    def written(self, who: int, entry: EntryId, message: Message, to: int) -> None:
        """A message that two must release stands in the record of ``who``."""
        if not self._honest(who):
            return
        at = self._released.get((who, message.body), 0)
        content = _content(message, to)
        people = {key for when, whose, key, what in self._given if when < at and whose == who and what == content}
        named = {a.key for a in message.signed.by} if message.signed is not None else set()
        count = len(people & named)
        if count < _LEAST:
            self._fail("safety", "C9", f"{entry} was released by {count} people who approved it as it is.")


def _content(message: Message, to: int) -> object:
    """Everything that is said, and to whom; not who signed it."""
    return replace(message, signed=None), message.signed and message.signed.nonce, to
