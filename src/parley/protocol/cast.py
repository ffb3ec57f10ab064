"""New entries on their way at once, under one seal, to every peer that has all before them (D6, D17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.protocol import inputs as i
from parley.protocol.chain_state import MessageKey, SendChain
from parley.protocol.credit import WINDOW
from parley.protocol.outbox import SEAL_OVERHEAD, Outgoing, Peer
from parley.protocol.tree import Tree
from parley.wire.statement import EVERYONE, Message, Precedence, Statement

if TYPE_CHECKING:
    from parley.protocol.line import Line

_CAST_BYTES: Final = 32 * 1024
"""A batch larger than this waits its turn like everything else, so that it can be overtaken."""


@dataclass(slots=True)
class Cast:
    """New entries on their way at once to every peer that has all before them, under one seal."""

    chain: SendChain
    keys: MessageKey
    peers: list[Peer]
    everyone: bool
    precedence: int = 0
    statements: tuple[bytes, ...] = ()

    def salt(self, place: int) -> bytes:
        """The salt of the batch's entry at ``place``."""
        return self.keys.salt(place)


def plan(line: Line, tree: Tree, encoded: Sequence[tuple[Statement, bytes]], now: i.Now) -> Cast | None:
    """Who can be sent the batch at once; the chain's next key then gives the salts (D6)."""
    to = encoded[0][0].to
    if any(s.to != to for s, _ in encoded) or sum(len(d) + 16 for _, d in encoded) > _CAST_BYTES:
        return None
    if len(encoded) > limits.MAX_ENTRIES_PER_PAYLOAD:
        return None
    recipients = [p for p in line.peers.values() if to == EVERYONE or to >> p.number & 1]
    group = []
    for peer in recipients:
        out = peer.trees.get(tree.log)
        if out is None and tree.size == 0:
            out = Outgoing()
        link = peer.best_link()
        if out is None or link is None or link.pending or peer.flash_waits() or link.mtu < SEAL_OVERHEAD * 2:
            continue
        caught_up = out.next == out.known == tree.size and not out.early
        if caught_up and out.next - out.confirmed < WINDOW[Precedence.ROUTINE] and not _owed(line, peer, tree):
            group.append(peer)
    if not group:
        return None
    chain = line.chains.chain_for([p.number for p in recipients], now)
    precedence = max(int(s.content.precedence) if isinstance(s.content, Message) else 0 for s, _ in encoded)
    everyone = len(recipients) == len(line.peers)
    statements = tuple(d for _, d in encoded)
    return Cast(chain, line.chains.next_key(chain), group, everyone, precedence, statements)


def _owed(line: Line, peer: Peer, tree: Tree) -> bool:
    """True when an earlier tree of ours has not gone out to ``peer`` yet: order is kept."""
    return any(
        log.member == tree.log.member and log != tree.log and out.next < t.stands
        for log, out in peer.trees.items()
        if (t := line.trees.get(log)) is not None
    )
