"""Where a line's rows are kept. Each store proves itself with ``parley_testkit.contracts.check_store``."""

from __future__ import annotations

from parley.stores.datadir import DataDirectory
from parley.stores.headfile import TwoSlotHeadFile, lost_state
from parley.stores.memory import MemoryStore
from parley.stores.sqlite import SqliteStore

__all__ = ["DataDirectory", "MemoryStore", "SqliteStore", "TwoSlotHeadFile", "lost_state"]
