"""The control socket of a running line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parley.app.control import MAX_REQUEST, ControlClient, RemoteError
from parley.app.home import LineHome
from parley.app.service import ControlServer
from parley.errors import UsageError


def test_a_server_that_closes_while_somebody_is_connected_reports_no_failure(tmp_path: Path) -> None:
    complaints: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        runtime: Any = SimpleNamespace(line_home=LineHome(tmp_path))
        server = ControlServer(runtime)
        await server.start()
        clients = [await ControlClient.connect(tmp_path / "control.sock") for _ in range(3)]
        for client in clients:
            assert client is not None
            # An answer says that the server has the connection.
            with pytest.raises(RemoteError) as refused:
                await client.call("no such operation")
            assert refused.value.code == "request-malformed"
        await server.close()
        for client in clients:
            assert client is not None
            client.close()
        await asyncio.sleep(0)

    asyncio.run(run())
    assert complaints == []


def test_what_is_too_large_to_ask_is_refused_and_what_a_form_may_need_is_not(tmp_path: Path) -> None:
    """Above 128 kB the node hung up, and the command said that the node went away."""

    async def run() -> None:
        runtime: Any = SimpleNamespace(line_home=LineHome(tmp_path))
        server = ControlServer(runtime)
        await server.start()
        client = await ControlClient.connect(tmp_path / "control.sock")
        assert client is not None
        with pytest.raises(RemoteError) as answered:
            await client.call("no such operation", values="x" * 1_000_000)
        assert answered.value.code == "request-malformed"
        with pytest.raises(UsageError) as refused:
            await client.call("no such operation", values="x" * MAX_REQUEST)
        assert refused.value.code == "request-large"
        with pytest.raises(RemoteError):
            await client.call("no such operation")
        client.close()
        await server.close()

    asyncio.run(run())
