"""What an operator may set of a line's behaviour. The defaults serve a duty office; tests shorten them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley.wire.documents import Charter
from parley.wire.statement import PLAIN_TEXT, Message


def only_plain_text(_charter: Charter, message: Message) -> bool:
    """Free text is the one form that every version knows."""
    return message.form == PLAIN_TEXT


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds."""

    software: str = ""
    understands: Callable[[Charter, Message], bool] = only_plain_text
    """Whether a message can be shown as the form that it says it is, by the packs of the charter it stands under."""
    quiet_s: float = 0.3
    """After a link comes up, what is held is said only if nothing else was for so long."""
    answer_interval_s: float = 0.5
    """At most one HAVE to a peer in this time."""
    query_limit_s: float = 600.0
    """Longest wait between two queries for a missing receipt (R14)."""
    forward_after_s: float = 2.0
    """How long a peer's lack of a third party's entries is left to their author."""
    idle_s: float = 5.0
    """An idle node looks this often whether a heartbeat is due."""
    heartbeat_s: float = 60.0
    """A fresh cosignature after so much silence on a fast bearer (D18)."""
    slow_heartbeat_s: float = 900.0
    """The same where the only bearers are slow."""
    pq_interval_s: float = 300.0
    """ML-DSA-44 cosignatures are given this often, where something is new (D5)."""
    burst_bytes: int = 64 * 1024 * 1024
    rate_bytes_per_s: int = 4 * 1024 * 1024
    """A peer's entries beyond burst and rate wait at the peer (R22)."""
    flash_burst_bytes: int = 1024 * 1024
    flash_rate_bytes_per_s: int = 64 * 1024
    """What FLASH may take beyond that: who floods with anything else leaves it its room (D18)."""
