"""The network is the enemy: real sockets and real nodes, and an attacker who owns everything between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import parley
from parley.app.process import NodeProcess
from parley.bearers.tls import TlsBearer
from parley.bearers.tls_channel import TlsIdentity
from parley.ids import MemberNumber
from parley.keys.file import NodeKeyFile
from parley.wire.documents import NodeKeys
from parley_testkit.contracts.bearer import Listener, wait_until
from parley_testkit.figures import report
from parley_testkit.hostile import Meddle, Middle, bombs, peak_mib, pour
from parley_testkit.lines import NAME, found, home_of

A, B = MemberNumber(0), MemberNumber(1)
LOOPBACK = "127.0.0.1"
MEMORY_MIB = 256


def replaced(old: bytes, new: bytes) -> Meddle:
    """A meddler who hopes that nobody looks at what was agreed on."""
    return lambda data: data.replace(old, new)


MEDDLING: dict[str, tuple[Meddle | None, Meddle | None]] = {
    "no post-quantum group offered": (replaced(b"\x11\xec", b"\x0a\x0a"), None),
    "TLS 1.2 offered": (replaced(b"\x00\x2b\x00\x03\x02\x03\x04", b"\x00\x2b\x00\x03\x02\x03\x03"), None),
    "no version offered": (replaced(b"\x00\x2b\x00\x03\x02\x03\x04", b"\xfa\xfa\x00\x03\x02\x03\x04"), None),
    "another protocol offered": (replaced(b"parley/1", b"parley/0"), None),
    "another group chosen": (None, replaced(b"\x11\xec", b"\x00\x1d")),
    "another version chosen": (None, replaced(b"\x00\x2b\x00\x02\x03\x04", b"\x00\x2b\x00\x02\x03\x03")),
}


class Pair:
    """Two TLS bearers with a man in the middle; the first dials."""

    def __init__(self) -> None:
        made = [NodeKeyFile.draw(os.urandom).tls() for _ in range(2)]
        self.identities = [TlsIdentity(key, certificate) for key, certificate, _ in made]
        self.pins = {made[0][2]: A, made[1][2]: B}
        self.heard, self.mine = Listener(), Listener()

    @contextlib.asynccontextmanager
    async def up(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        server = TlsBearer("b", self.identities[1], self.pins, listen=(LOOPBACK, 0))
        await server.start(self.heard)
        middle = Middle((LOOPBACK, server.port))
        await middle.start()
        client = TlsBearer("a", self.identities[0], self.pins, dial={B: (LOOPBACK, middle.port)})
        try:
            yield server, middle, client
        finally:
            await client.close()
            await middle.close()
            await server.close()


@pytest.mark.parametrize("what", MEDDLING)
def test_a_man_in_the_middle_who_downgrades_is_refused(what: str) -> None:
    """Not even for a moment is there a connection of less; when he lets go there is one."""
    pair = Pair()
    to_server, to_client = MEDDLING[what]

    async def run() -> None:
        async with pair.up() as (_, middle, client):
            if to_server is not None:
                middle.client = to_server
            if to_client is not None:
                middle.server = to_client
            await client.start(pair.mine)
            await wait_until(lambda: len(middle.seen) >= 3, "three attempts")
            changed = [middle.client(bytes(c)) != c or middle.server(bytes(s)) != s for c, s in middle.seen[:2]]
            assert all(changed), "the attack changes nothing: this OpenSSL writes it in another way"
            assert not pair.heard.up
            assert not pair.mine.up
            middle.client = middle.server = bytes
            await wait_until(lambda: B in pair.mine.up and A in pair.heard.up, "it connects when he lets go", 30)

    asyncio.run(run())


def test_recorded_connections_are_worth_nothing_to_who_plays_them_again() -> None:
    """To where they went, to where they came from, each direction as the other."""
    pair = Pair()

    async def run() -> None:
        async with pair.up() as (server, middle, client):
            await client.start(pair.mine)
            await wait_until(lambda: B in pair.mine.up and A in pair.heard.up, "up")
            for n in range(20):
                client.send(B, b"there %d" % n)
                server.send(A, b"back %d" % n)
            await wait_until(lambda: len(pair.heard.received) == len(pair.mine.received) == 20, "all came")
            (recorded,) = middle.seen
            sent, answered = bytes(recorded[0]), bytes(recorded[1])
            await client.close()
            await wait_until(lambda: not pair.heard.up, "down")
            for data in (sent, answered, sent + sent, sent[: len(sent) // 2], sent[600:]):
                await pour(server.port, data)
            # And as a server, to a client that dials him.
            for data in (answered, sent):

                async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes = data) -> None:
                    try:
                        await reader.read(1)
                        writer.write(data)
                        await reader.read()
                    except ConnectionError:
                        pass
                    finally:
                        writer.transport.abort()

                listener = await asyncio.start_server(play, LOOPBACK, 0)
                port = listener.sockets[0].getsockname()[1]
                victim = TlsBearer("c", pair.identities[0], pair.pins, dial={B: (LOOPBACK, port)})
                heard = Listener()
                await victim.start(heard)
                await asyncio.sleep(0.4)
                assert not heard.up
                assert heard.received == []
                await victim.close()
                listener.close()
            assert not pair.heard.up
            assert len(pair.heard.received) == len(pair.mine.received) == 20

    asyncio.run(run())


def tls_of(keys: NodeKeyFile) -> TlsIdentity:
    key, certificate, _ = keys.tls()
    return TlsIdentity(key, certificate)


def pins_of(nodes: list[NodeKeys]) -> dict[bytes, MemberNumber]:
    return {keys.tls: MemberNumber(n) for n, keys in enumerate(nodes)}


async def _until(check: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    await wait_until(check, what, seconds)


@pytest.mark.parametrize(
    "half_open", [pytest.param(600, id="600"), pytest.param(5000, id="5000", marks=pytest.mark.soak)]
)
def test_half_open_connections_and_bombs_keep_no_peer_out_and_fill_no_memory(tmp_path: Path, half_open: int) -> None:
    """A node of its own process is besieged, within 256 MiB; an honest peer connects and its messages go through."""
    lines = found(tmp_path)
    incoming = tmp_path / "stick"
    incoming.mkdir()
    with lines[0].config.open("a") as config:
        config.write(f'\n[[bearer]]\nkind = "folder"\nname = "stick"\nincoming = "{incoming}"\n')
    victim, honest = (NodeProcess(home_of(line).path, line) for line in lines)
    keys = [line.newest_keys()[1] for line in lines]
    port = int(lines[0].config.read_text().split('listen = "127.0.0.1:')[1].split('"')[0])
    pins = pins_of([k.public() for k in keys])

    async def run() -> None:
        await victim.start()
        storm = await besieged(port, half_open)
        try:
            # The time that a connection takes, from the first try on.
            mine = Listener()
            probe = TlsBearer("p", tls_of(keys[1]), pins, dial={A: (LOOPBACK, port)})
            began = time.monotonic()
            await probe.start(mine)
            await _until(lambda: A in mine.up, "an honest peer is in")
            connect_s = round(time.monotonic() - began, 3)
            await besiege(probe, incoming, port)
            await probe.close()
            await honest.start()
            text = "through the siege"
            await honest.call("send", text=text)
            for _ in range(600):
                if text in [m["text"] for m in await victim.call("inbox", all=True)]:
                    break
                await asyncio.sleep(0.1)
            else:
                raise AssertionError("the message did not come through")
            peak = peak_mib(victim.pid)
            assert storm.stdin is not None
            assert storm.stdout is not None
            storm.stdin.close()
            opened = int(await storm.stdout.readline())
            report("half-open", at_once=half_open, opened=opened, connect_s=connect_s, peak_mib=round(peak, 1))
            assert peak < MEMORY_MIB
            assert opened >= half_open
        finally:
            if storm.returncode is None:
                storm.kill()
            await storm.wait()
            await honest.stop()
            await victim.stop()
        log = victim.log.read_text()
        # Thousands of datagrams that are nothing are not thousands of lines.
        assert log.count('"event": "notice"') < 200

    asyncio.run(run())
    assert NAME in victim.line.path.name


async def besieged(port: int, count: int) -> asyncio.subprocess.Process:
    """The storm is a process of its own: the honest peer's time is not its time."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "parley_testkit.hostile", str(port), str(count))
    environment = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parents[1])}
    storm = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
    assert storm.stdout is not None
    assert await storm.stdout.readline() == b"up\n"
    return storm


async def besiege(probe: TlsBearer, incoming: Path, port: int) -> None:
    """Bombs from an authenticated peer, by stick, and by who never ends a ClientHello."""
    for _ in range(40):
        for bomb in bombs():
            while not probe.ready(A):
                await asyncio.sleep(0.001)
            probe.send(A, bomb)
        await asyncio.sleep(0)
    for n, bomb in enumerate(bombs()):
        (incoming / f"{n:04}.dgm").write_bytes(bomb)
    with (incoming / "huge.dgm").open("wb") as huge:
        huge.truncate(1 << 30)
    announced = [
        b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16_379),  # a ClientHello of 16 MiB
        b"\x16\x03\x01\xff\xff" + bytes(70_000),
        b"\x17\x03\x03\xff\xff" + bytes(70_000),
        b"GET / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n",
        b"\x80\x00\x00\x01",
    ]
    for data in announced:
        await pour(port, data, wait_s=0.2)
    for _ in range(600):
        if not os.listdir(incoming):  # noqa: PTH208 - a look
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the stick was not read")
