"""Serves the console from within the node's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn

from parley.console.connections import Admission, Bounds, bounded
from parley.console.settings import ConsoleSettings
from parley.console.web import Console, create_app
from parley.errors import BearerError, UsageError

_PATIENCE_S: Final = 2
Told = Callable[[str, dict[str, Any]], None]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The node has its own."""
        yield


UNARMED_S: Final = 20.0
"""So long no armed console may watch before the node says so: a page that is loaded anew is away for a moment."""


def _tls(settings: ConsoleSettings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate, settings.key)
    return context


class ConsoleServer:
    """The console of one process."""

    def __init__(
        self, console: Console, told: Told | None = None, unarmed_s: float = UNARMED_S, bounds: Bounds | None = None
    ) -> None:
        """``told`` hears notices of the console's own: that no armed console watches, and that one does again."""
        self._bounds = bounds or Bounds()
        self.console = console
        self._told = told
        self._unarmed_s = unarmed_s
        self._minding: asyncio.Task[None] | None = None
        self._server: _Server | None = None
        self._admission: Admission | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and serve from now on. Raises UsageError ``console-address`` when the address cannot be had."""
        settings = self.console.settings
        protocol = bounded(self._bounds, _tls(settings))
        self._admission = protocol.admission
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
                http=protocol,
                timeout_keep_alive=self._bounds.idle_s,
                ws="none",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_PATIENCE_S,
            )
        )
        watching = bool(self._count())
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise BearerError("the console did not start.", code="console-not-started")
            await asyncio.sleep(0.01)
        self._minding = asyncio.create_task(self._mind(watching))

    def _count(self) -> int:
        """Armed consoles, which every line is told."""
        armed = self.console.armed
        for runtime in self.console.lines.values():
            runtime.armed_consoles = armed
        return armed

    async def _mind(self, watching: bool) -> None:  # noqa: FBT001
        """Say when nobody would hear an alarm (ecosystem: the watcher must learn that the alarm is down)."""
        loop = asyncio.get_running_loop()
        watched, since = True, loop.time()
        while True:
            await asyncio.sleep(min(1.0, self._unarmed_s / 4))
            armed = self._count()
            if watching != bool(armed):
                # Pages say when nobody would hear. Who turns a page draws no other's anew.
                watching = bool(armed)
                self.console.hub.tell("watching")
            if armed:
                since = loop.time()
            if watched != bool(armed) and (armed or loop.time() - since >= self._unarmed_s):
                watched = bool(armed)
                self._say(watched)

    def _say(self, watched: bool) -> None:  # noqa: FBT001
        code = "console-armed" if watched else "no-armed-console"
        text = "an armed console watches." if watched else "no armed console watches: nobody would hear an alarm."
        if self._told is not None:
            for name in self.console.lines:
                self._told(name, {"event": "notice", "code": code, "text": text})

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._server.server_state.connections) if self._server is not None else 0

    async def close(self) -> None:
        """Stop serving."""
        if self._minding is not None:
            self._minding.cancel()
            await asyncio.gather(self._minding, return_exceptions=True)
        self.console.hub.close()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        if self._admission is not None:
            self._admission.end()
