"""While a node that lost state is given back its record by its peers: how far that is, and when it is whole (D15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from parley.node.loop import Node

LOSSES: Final = frozenset({"store-lost", "store-behind-head", "store-restored"})
"""Notices at start after which the record is looked for at the peers."""
_LOOK_S: Final = 0.5
_TELL_LOOKS: Final = 6
"""Looks between two notices that something, but not all, came."""


async def tell_refill(node: Node, told: Callable[[dict[str, Any]], None]) -> None:
    """Tell how many entries came back and how many peers still have, until none of those heard has more.

    What a peer says that it has is its claim: nothing but these words depends on it.
    """
    before, said, looks = _entries(node), -1, 0
    waits = True
    while True:
        heard = [peer for peer in node.line.peers.values() if peer.says is not None]
        back, more = _entries(node) - before, node.line.outbox.lacking(heard)
        if heard and not more and len(heard) == len(node.line.peers):
            told(_notice("store-refilled", f"the record is whole again: {back} entries came back from peers."))
            return
        looks += 1
        if heard and (waits or (looks % _TELL_LOOKS == 0 and back != said)):
            said, waits = back, False
            text = f"{back} entries came back from peers, who have {more} more."
            told(_notice("store-refilling", text))
        await asyncio.sleep(_LOOK_S)


def _entries(node: Node) -> int:
    """Entries held of trees that earlier runs, or others, wrote."""
    line = node.line
    return sum(tree.size for tree in line.trees if tree.log.incarnation != line.incarnation)


def _notice(code: str, text: str) -> dict[str, Any]:
    return {"event": "notice", "code": code, "text": text}
