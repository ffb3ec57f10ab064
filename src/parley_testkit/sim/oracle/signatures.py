"""What leaves is durable (C7), and no signer signs two roots for one origin and size, nor goes back (C6)."""

from __future__ import annotations

from collections.abc import Callable

from parley.ids import LogId
from parley_testkit.sim.oracle.facts import Copy, Fail, log_of
from parley_testkit.sim.parties import CODES


class SignatureWatch:
    """Sees every checkpoint and receipt as it is signed, and every datagram as it leaves."""

    def __init__(
        self, fail: Fail, honest: Callable[[int], bool], copies: list[dict[LogId, Copy]], losses: list[int]
    ) -> None:
        self._fail = fail
        self._honest = honest
        self._copies = copies
        self._losses = losses
        self._signed: dict[tuple[str, int, str], str] = {}
        self._newest: dict[tuple[str, int, str], int] = {}
        self.tainted: set[LogId] = set()
        """Trees in which others wrote with their author's key."""
        self._unsynced: list[list[tuple[str, LogId, int]]] = [[] for _ in CODES]

    origin: Callable[[LogId], str]
    """The origin line of a tree."""

    def signs(self, who: int, role: str, message: bytes) -> None:
        """Member ``who`` signed a checkpoint or a receipt (C6)."""
        lines = message.decode().split("\n")
        if role == "receipt":
            lines = lines[2:]
        origin, size, root = lines[0], int(lines[1]), lines[2]
        log = log_of(origin)
        self._unsynced[who].append((role, log, size))
        before = self._signed.setdefault((f"{role}{who}{origin}", size, ""), root)
        if not self._honest(who):
            self._signed[f"{role}{who}{origin}", size, root] = root
            return
        if before != root and ((self._honest(log.member) and log not in self.tainted) or not self._losses[who]):
            self._fail("safety", "C6", f"member {who} signed two roots of {log} at size {size} as {role}.")
        key = (role, who, origin)
        newest = self._newest.get(key, 0)
        if role == "checkpoint" and size <= newest:
            self._fail("safety", "C6", f"member {who} signed {log} at size {size} after {newest}.")
        self._newest[key] = max(size, newest)

    def begins(self, who: int) -> None:
        """A node begins anew: what it signed and never made durable never left, and is forgotten."""
        for role, log, size in self._unsynced[who]:
            copy = self._copies[who].get(log)
            if role == "receipt" and (copy is None or copy.held < size):
                self._signed.pop((f"{role}{who}{self.origin(log)}", size, ""), None)
        self._unsynced[who].clear()

    def leaves(self, who: int) -> None:
        """A datagram leaves ``who``: all that it signed so far must be durable (C7)."""
        unsynced = self._unsynced[who]
        if not unsynced:
            return
        if self._honest(who):
            for role, log, size in unsynced:
                copy = self._copies[who].get(log)
                if copy is None or (copy.held if role == "receipt" else len(copy.commitments)) < size:
                    self._fail("safety", "C7", f"a datagram left member {who} before {log} was durable at {size}.")
        unsynced.clear()

    def has_receipted(self, who: int, log: LogId, size: int) -> bool:
        """True when ``who`` itself gave a receipt on ``log`` at ``size``."""
        return (f"receipt{who}{self.origin(log)}", size, "") in self._signed

    def has_signed(self, log: LogId, size: int, root: str) -> bool:
        """True when the author of ``log`` signed ``root`` at ``size``."""
        origin = f"checkpoint{log.member}{self.origin(log)}"
        return root in (self._signed.get((origin, size, "")), self._signed.get((origin, size, root)))
