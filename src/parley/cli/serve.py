"""``parley serve``: this party's nodes, and the officers' console."""

from __future__ import annotations

import asyncio
import contextlib
import json as jsonlib
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from parley.app.alerts import Alerts, load_channels
from parley.app.control import served
from parley.app.home import Home, LineHome
from parley.app.runtime import Runtime, running, tune_interpreter
from parley.app.service import ControlServer
from parley.app.standing import stand_watch
from parley.cli.output import HomeOption, JsonOption, LineOption, command, err, home_of, run
from parley.console.settings import ConsoleSettings, load_settings
from parley.errors import ParleyError, StoreLocked, UsageError
from parley.forms.display import safe_line
from parley.later import later

if TYPE_CHECKING:
    from parley.console import server, web
else:
    # Only a node that serves a console loads one.
    server, web = later("parley.console.server"), later("parley.console.web")

Told = Callable[[str, dict[str, Any]], None]
_COMMAND_S: Final = 60.0
"""How long a command may have a line before the node gives it up: an export of a long record takes its time."""
_AGAIN_S: Final = 0.1
_SOUNDS = frozenset({"flash", "alarm", "no-duff"})
"""What the watch tells that rings the terminal's bell."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


@command
def serve(
    line: LineOption = None,
    console: Annotated[
        bool, typer.Option("--console/--no-console", help="Serve the officers' console, too (config.toml, [console]).")
    ] = True,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run this party's nodes until they are stopped (SIGINT, SIGTERM): of all lines, or of one.

    Events go to standard error. The console shows all lines of one process at a glance.
    """
    where = home_of(home)
    lines = [where.the_line(line)] if line else [found for found in where.lines() if found.notes()]
    run(_serve(where, lines or [where.the_line(None)], console, json))


async def _serve(home: Home, lines: list[LineHome], with_console: bool, json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    settings = load_settings(home.path / "config.toml")
    shown: list[web.Console] = []

    def told(line: str, event: dict[str, Any]) -> None:
        if event.get("ended") and len(lines) == 1:
            # Without its node the process only seems to serve: it leaves with the error.
            stop.set()
        if json:
            sys.stderr.write(jsonlib.dumps({**event, "line": line}, ensure_ascii=False) + "\n")
            sys.stderr.flush()
        elif event["event"] in ("notice", "arrived", "watch"):
            # Not through the console: an event is on the path of every message.
            before = f"{line}: " if line and len(lines) > 1 else ""
            bell = "\a" if event.get("code") in _SOUNDS and sys.stderr.isatty() else ""
            sys.stderr.write(bell + safe_line(before + _event_line(event)) + "\n")
            sys.stderr.flush()
        for console in shown:
            console.told(line, event)
        alerts.take(line, event)

    alerts = Alerts(load_channels(home.path / "config.toml"), told)
    async with contextlib.AsyncExitStack() as stack:
        runtimes = await _start(stack, lines, told, stop)
        alerts.start()
        stack.push_async_callback(alerts.close)
        if with_console and settings.enabled:
            await _start_console(stack, home, runtimes, settings, shown, told)
        tune_interpreter()
        names = ", ".join(repr(name) for name in runtimes)
        err.print(Text(f"Serving the line{'s' if len(runtimes) > 1 else ''} {names}; stop with Ctrl-C."))
        try:
            await stop.wait()
        finally:
            stop.set()


async def _start(
    stack: contextlib.AsyncExitStack, lines: list[LineHome], told: Told, stop: asyncio.Event
) -> dict[str, Runtime]:
    """Start every line. One that cannot run is told of and keeps no other from running; none at all is an error."""
    runtimes: dict[str, Runtime] = {}
    for found in lines:
        try:
            opened = runtimes[found.name] = await _open(stack, found, told, stop)
            opened.beside = runtimes
        except ParleyError as error:
            if len(lines) == 1:
                raise
            err.print(Text(safe_line(f"The line {found.name!r} does not run: {error.message}"), style="bold red"))
            told(found.name, {"event": "notice", "code": error.code, "text": error.message})
    if not runtimes:
        raise UsageError("none of the lines can run.", code="line-unknown", next_step="See what was said above.")
    return runtimes


async def _open(stack: contextlib.AsyncExitStack, found: LineHome, told: Told, stop: asyncio.Event) -> Runtime:
    """Start one line. A command that uses it for a moment is waited for; another node that serves it is not."""
    until, waits = asyncio.get_running_loop().time() + _COMMAND_S, False
    while True:
        try:
            return await stack.enter_async_context(_line(found, told, stop))
        except StoreLocked as error:
            if stop.is_set() or asyncio.get_running_loop().time() > until or await served(found.control):
                raise
            if not waits:
                told(found.name, {"event": "notice", "code": error.code, "text": f"waiting: {error.message}"})
            waits = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _AGAIN_S)


@contextlib.asynccontextmanager
async def _line(found: LineHome, told: Told, stop: asyncio.Event) -> AsyncIterator[Runtime]:
    def say(event: dict[str, Any]) -> None:
        told(found.name, event)

    async with running(found, say) as runtime:
        control = ControlServer(runtime)
        await control.start()
        watch = asyncio.create_task(stand_watch(runtime, say, stop))
        if not runtime.bearers:
            err.print(Text(f"No bearer is configured in {found.config}: nothing can leave or arrive.", style="yellow"))
        try:
            yield runtime
        finally:
            stop.set()
            await watch
            await control.close()


async def _start_console(
    stack: contextlib.AsyncExitStack,
    home: Home,
    runtimes: dict[str, Runtime],
    settings: ConsoleSettings,
    shown: list[web.Console],
    told: Told,
) -> None:
    """Serve the console. Where its address is taken, the nodes run on without it, and say so."""
    console = web.Console(home, runtimes, settings, secrets.token_hex(4))
    serving = server.ConsoleServer(console, told)
    try:
        await serving.start()
    except UsageError as error:
        err.print(Text(f"No console: {error.message} {error.next_step}", style="bold yellow"))
        told("", {"event": "notice", "code": error.code, "text": error.message})
        return
    shown.append(console)
    stack.push_async_callback(serving.close)
    err.print(Text(f"Console: {settings.origin}/"))


def _event_line(event: dict[str, Any]) -> str:
    if event["event"] == "arrived":
        return f"{event['from']}: {event['kind']} {event['index']}"
    if event["event"] == "watch":
        return f"WATCH {event['code']}: {event['message']} {event.get('stage', '')} {event.get('role', '')}".rstrip()
    peer = f" ({event['peer']})" if event.get("peer") else ""
    return f"{event['code']}{peer}: {event['text']}"
