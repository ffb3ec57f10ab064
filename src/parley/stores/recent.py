"""The newest commits as one row each, laid over the table of rows (ADR 13).

A commit touches rows of many kinds, far apart in the table, and would write a page for each. Instead it is
appended whole to the table ``recent``, one or two pages; now and then all that gathered there is folded into
the table of rows at once, in which a row that changed sixty times is written once. Readers lay ``recent`` over
the rows. Both happen inside transactions of the one database, so there is nothing that could disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from parley.errors import StoreCorrupt
from parley.protocol.rows import Change

FOLD_COMMITS: Final = 64
"""Commits that gather before they are folded into the rows: what a reader lays over them stays small."""
LARGE_CHANGES: Final = 64
"""Changes of one commit from which on it goes into the rows directly: written once, not twice."""
_REMOVED: Final = 0xFFFFFFFF
NEWEST: Final = "SELECT max(version) FROM recent"
_OLDEST: Final = "SELECT min(version) FROM recent"
_SINCE: Final = "SELECT version, changes FROM recent WHERE version>? ORDER BY version"

Overlay = dict[str, dict[bytes, bytes | None]]


def encode_changes(changes: Sequence[Change]) -> bytes:
    """One commit: for each change the space, the key, and the length and bytes of the value."""
    out = bytearray()
    for change in changes:
        space = change.space.encode()
        out.append(len(space))
        out += space
        out += len(change.key).to_bytes(2, "big")
        out += change.key
        if change.value is None:
            out += _REMOVED.to_bytes(4, "big")
        else:
            out += len(change.value).to_bytes(4, "big")
            out += change.value
    return bytes(out)


def lay_over(overlay: Overlay, data: bytes) -> None:
    """Apply one encoded commit to ``overlay``."""
    at = 0
    while at < len(data):
        space_end = at + 1 + data[at]
        space = data[at + 1 : space_end].decode()
        key_end = space_end + 2 + int.from_bytes(data[space_end : space_end + 2], "big")
        length = int.from_bytes(data[key_end : key_end + 4], "big")
        value_end = key_end + 4 + (0 if length == _REMOVED else length)
        value = None if length == _REMOVED else data[key_end + 4 : value_end]
        overlay.setdefault(space, {})[data[space_end + 2 : key_end]] = value
        at = value_end


class Recent:
    """What one connection knows of ``recent``; brought up to date inside its read transactions."""

    __slots__ = ("connection", "newest", "oldest", "overlay")

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.overlay: Overlay = {}
        self.newest = -1
        self.oldest = -1

    def refresh(self) -> Overlay:
        """The overlay as the connection's open transaction sees it. Raises apsw.Error, StoreCorrupt."""
        execute = self.connection.execute
        newest = execute(NEWEST).get
        if not isinstance(newest, int):
            raise StoreCorrupt("the store has no commit version")
        if newest != self.newest:
            oldest = execute(_OLDEST).get
            if oldest != self.oldest:
                # What gathered was folded meanwhile: begin again with what is there now.
                self.overlay, self.newest, self.oldest = {}, -1, oldest
            for version, data in execute(_SINCE, (self.newest,)):
                lay_over(self.overlay, data)
                self.newest = version
        return self.overlay
