"""No key and nonce twice, no salt twice, and nothing signed without a label, its line and its ends."""

from __future__ import annotations

from collections.abc import Callable

from parley_testkit.sim.oracle.facts import Fail
from parley_testkit.sim.parties import CODES


class KeyWatch:
    """Sees every sealing, every opening, and what announce keys sign."""

    def __init__(self, fail: Fail, honest: Callable[[int], bool]) -> None:
        self._fail = fail
        self._honest = honest
        self._sealed: set[tuple[bytes, bytes]] = set()
        self._opened: list[set[tuple[bytes, bytes]]] = [set() for _ in CODES]
        self._salts: set[bytes] = set()
        self.line = b""
        """The line's id."""

    def sealed(self, who: int, key: bytes, nonce: bytes) -> None:
        """A datagram was sealed."""
        if not self._honest(who):
            return
        if (key, nonce) in self._sealed:
            self._fail("safety", "key", f"member {who} used a key and nonce twice.")
        self._sealed.add((key, nonce))

    def opened(self, who: int, key: bytes, nonce: bytes) -> None:
        """A datagram opened: its key is then to be gone (D6)."""
        if self._honest(who) and (key, nonce) in self._opened[who]:
            self._fail("safety", "key", f"member {who} opened two datagrams under one key and nonce.")
        self._opened[who].add((key, nonce))

    def announces(self, who: int, message: bytes) -> None:
        """Member ``who`` signed prekeys or an announcement (D16, spec/sealing.md)."""
        label, _, rest = message.partition(b"\x00")
        named = label == b"parley/announce/v1" or (
            label == b"parley/prekeys/v1"
            and rest[:32] == self.line
            and rest[32:34] == bytes((1, who))
            and rest[34] < len(CODES)
            and (len(rest) - 35) % 1216 == 0
        )
        if not named:
            self._fail("safety", "label", f"member {who} signed without label, line or direction.")

    def begins(self, who: int) -> None:
        """A node begins anew: what it opened before may come again, and is refused by what it has stored."""
        self._opened[who].clear()

    def salted(self, salt: bytes, what: object) -> None:
        """An author made an entry durable under ``salt``."""
        if salt in self._salts:
            self._fail("safety", "key", f"the salt of {what} was used before.")
        self._salts.add(salt)
