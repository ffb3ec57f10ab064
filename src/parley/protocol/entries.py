"""What a node holds of one entry: a row of space ``entry``.

==============  ==========================================================================
entry state     meaning
==============  ==========================================================================
BLIND           the commitment lies under a checkpoint; the content has not come
HELD            commitment and content are here
NOT_FOR_US      proven not to be addressed to us
ERASED          the content was here and was erased under retention
GONE            its sender says that it erased the content before it could reach us
==============  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from parley.wire.statement import EVERYONE

PRECEDENCE_AT: Final = 1
"""Where the precedence is in a row, for whoever reads many for it alone."""


class State(IntEnum):
    """What is held of an entry; see the table above."""

    BLIND = 0
    HELD = 1
    NOT_FOR_US = 2
    ERASED = 3
    GONE = 4


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One row of space ``entry``."""

    state: State
    precedence: int
    commitment: bytes
    salt: bytes = b""
    statement: bytes = b""
    audience: int = EVERYONE

    def encode(self) -> bytes:
        """The row's value."""
        head = bytes((self.state, self.precedence)) + self.audience.to_bytes(4, "big")
        return head + self.commitment + self.salt + self.statement

    @classmethod
    def decode(cls, value: bytes) -> StoredEntry:
        """The row that ``encode`` wrote."""
        audience = int.from_bytes(value[2:6], "big")
        return cls(State(value[0]), value[1], value[6:38], value[38:70], value[70:], audience)
