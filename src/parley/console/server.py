"""Serves the console from within the node's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn

from parley.console.web import Console, create_app
from parley.errors import BearerError, UsageError

_PATIENCE_S: Final = 2


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The node has its own."""
        yield


class ConsoleServer:
    """The console of one process."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and serve from now on. Raises UsageError ``console-address`` when the address cannot be had."""
        settings = self.console.settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            listening.close()
            raise UsageError(
                f"the console cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
                code="console-address",
                next_step="Set listen in the table [console] of config.toml in the home directory.",
            ) from error
        self._server = _Server(
            uvicorn.Config(
                create_app(self.console),
                http="h11",
                ws="none",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_PATIENCE_S,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.key,
            )
        )
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise BearerError("the console did not start.", code="console-not-started")
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop serving."""
        self.console.hub.close()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
