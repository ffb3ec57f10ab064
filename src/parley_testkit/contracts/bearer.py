"""What every bearer must do (ports.Bearer). No pytest: raises AssertionError with what was wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from parley.ids import MemberNumber
from parley.ports import Bearer

_PATIENCE_S = 10.0


class Listener:
    """Takes what a bearer tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.up: set[MemberNumber] = set()
        self.downs: list[tuple[MemberNumber, str]] = []
        self.received: list[bytes] = []
        self.warned: list[str] = []
        self.full = False

    def bearer_up(self, bearer: Bearer, peer: MemberNumber) -> None:
        """A path works."""
        assert bearer.name
        self.up.add(peer)

    def bearer_down(self, bearer: Bearer, peer: MemberNumber, reason: str) -> None:
        """A path is gone."""
        assert reason, f"{bearer.name} gives no reason"
        self.up.discard(peer)
        self.downs.append((peer, reason))

    def bearer_warned(self, bearer: Bearer, code: str, text: str) -> None:
        """Something that the operator should know."""
        assert text, f"{bearer.name} says nothing with {code}"
        self.warned.append(code)

    def bearer_ready(self, bearer: Bearer, peer: MemberNumber) -> None:
        """A path takes more."""

    def bearer_received(self, bearer: Bearer, datagram: bytes) -> None:
        """Bytes came."""
        assert isinstance(datagram, bytes), f"{bearer.name} hands over {type(datagram)}"
        self.received.append(datagram)

    def room(self) -> bool:
        """As ``full`` says."""
        return not self.full


async def wait_until(done: Callable[[], bool], what: str, seconds: float = _PATIENCE_S) -> None:
    """Return once ``done``; AssertionError after ``seconds``."""
    for _ in range(int(seconds / 0.01)):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited {seconds} s until {what}")


async def check_bearer(make_pair: Callable[[], Awaitable[tuple[Bearer, Bearer]]]) -> None:
    """Two bearers of members 0 and 1 that can reach each other carry opaque bytes both ways, and close twice."""
    first, second = await make_pair()
    a, b = Listener(), Listener()
    await second.start(b)
    await first.start(a)
    try:
        await wait_until(lambda: MemberNumber(1) in a.up and MemberNumber(0) in b.up, "both sides see each other")
        assert first.ready(MemberNumber(1)), "a bearer that is up takes a datagram"
        assert not first.ready(MemberNumber(9)), "nobody is member 9"
        sizes = (1, 17, 400, min(first.traits.mtu, 40_000), first.traits.mtu)
        sent = [bytes([n]) * size for n, size in enumerate(sizes)]
        for datagram in sent:
            first.send(MemberNumber(1), datagram)
            await wait_until(lambda d=datagram: d in b.received, f"{len(datagram)} bytes arrive")  # type: ignore[misc]
        second.send(MemberNumber(0), b"back")
        await wait_until(lambda: b"back" in a.received, "bytes come back")
        first.send(MemberNumber(9), b"to nobody")
    finally:
        await first.close()
        await second.close()
        await first.close()
    count = len(b.received)
    first.send(MemberNumber(1), b"after the end")
    await asyncio.sleep(0.05)
    assert len(b.received) == count, "nothing is told after close"
