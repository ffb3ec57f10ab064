"""A node as a process of its own, started, asked, killed and stopped: for the demonstration, bench and tests."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parley.app.control import ControlClient
from parley.app.home import LineHome
from parley.errors import StoreError

_START_S = 60.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NodeProcess:
    """``parley serve`` for one line."""

    def __init__(
        self, home: Path, line: LineHome, *, console: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        """With ``console``, the officers' console is served as the home's config.toml says.

        ``environment`` is added to that of this process.
        """
        self.environment = dict(environment or {})
        self.home = home
        self.line = line
        self._console = console
        self.log = line.path / "serve.log"
        self._process: asyncio.subprocess.Process | None = None
        self._client: ControlClient | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises StoreError when it does not run."""
        if self._process is None:
            raise StoreError("the node does not run.", code="node-gone")
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it answers. Raises StoreError with the end of its log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "parley",
                "serve",
                "--home",
                str(self.home),
                "--line",
                self.line.name,
                "--json",
                "--console" if self._console else "--no-console",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        deadline = asyncio.get_running_loop().time() + _START_S
        while asyncio.get_running_loop().time() < deadline and self._process.returncode is None:
            self._client = await ControlClient.connect(self.line.control)
            if self._client is not None:
                return
            await asyncio.sleep(0.02)
        tail = self.log.read_text(errors="replace")[-800:]
        raise StoreError(f"the node of {self.home.name} did not start: {tail}", code="node-not-started")

    async def call(self, operation: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask it. Raises RemoteError, StoreError."""
        if self._client is None:
            raise StoreError("the node does not run.", code="node-gone")
        return await self._client.call(operation, **params)

    async def kill(self) -> None:
        """Kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to stop, as an operator does."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()
        self._process = None
