"""What every command shares: options, output for people or programs, errors, exit statuses.

======  =====================================================================
status  meaning
======  =====================================================================
0       done
1       refused: a verification failed, or the other side is at fault
2       used wrongly: the message says what to do
3       the node, its store or a key is not available
4       the network or a bearer failed
======  =====================================================================
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parley.app.control import ControlClient, RemoteError, error_data
from parley.app.home import Home, default_home
from parley.errors import KeyUnavailable, ParleyError, StoreError, StoreLocked, UsageError
from parley.forms.display import safe_text
from parley.later import later
from parley.limits import MAX_TIME

if TYPE_CHECKING:
    from parley.app import runtime, service
else:
    # Where a node runs, it does the work.
    runtime, service = later("parley.app.runtime"), later("parley.app.service")

P = ParamSpec("P")
T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
LineOption = Annotated[str | None, typer.Option("--line", "-l", help="Which line; may be left out when there is one.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The party's home directory [PARLEY_HOME, else ~/.parley].")
]
ShownOption = Annotated[
    str, typer.Option("--in", help="Language to show forms and the node's own sentences in [this party's first].")
]
_TRIES: Final = 100
_AGAIN_S: Final = 0.1
_WIDE: Final = 110
"""Columns of a screen on which a list shows its texts beside ids and times."""
_marked: set[str] = set()
"""The watermark, once this command has shown it."""
EXIT: Final = {"peer": 1, "operator": 2, "system": 3, "network": 4}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def home_of(home: Path | None) -> Home:
    """The home that an option names, or the default."""
    return Home(home if home is not None else default_home())


def passphrase() -> bytes | None:
    """The passphrase of the root keys, from PARLEY_PASSPHRASE."""
    given = os.environ.get("PARLEY_PASSPHRASE")
    return given.encode() if given else None


def show_json(value: object) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def say(text: str, style: str = "") -> None:
    """Print a line for people. What peers wrote in it is made safe to see (D13)."""
    out.print(Text(safe_text(text), style=style))


def listing(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """A table whose last column is a text; where the screen is too narrow for it, the text stands below its row."""
    narrow = out.width < _WIDE
    table = Table(box=None, pad_edge=False, show_header=not narrow)
    for column in columns[:-1] if narrow else columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis" if column == columns[-1] else "fold")
    for row in rows:
        if not narrow:
            table.add_row(*row)
            continue
        out.print(Text("  ").join(Text.assemble(cell) for cell in row[:-1]))
        out.print(Text.assemble("    ", row[-1]))
    if not narrow:
        out.print(table)


def ask_about(questions: Iterable[str], more: str = "") -> None:
    """What is probably a slip in what was entered (R67); ``more`` says what to do."""
    for question in questions:
        say(f"Is this right? {question}{more}", "yellow")


def when(time: int) -> str:
    """UTC, to the second; a dash for never. A record from elsewhere may state what no calendar has."""
    if time > MAX_TIME:
        return f"{time} s"
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if time else "-"


def time_of(text: str | None) -> int:
    """POSIX seconds of a time such as 2026-03-10T03:04Z (without a zone, UTC); 0 for none. Raises UsageError."""
    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; one looks like 2026-03-10T03:04Z.", code="time-malformed") from None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())


def exit_status(error: ParleyError) -> int:
    """The status for an error; the table of this module."""
    if isinstance(error, StoreError | KeyUnavailable):
        return 3
    fault = error.told_fault if isinstance(error, RemoteError) else error.fault
    return EXIT.get(fault, 3)


def command(function: Callable[P, T]) -> Callable[P, T]:
    """Print a ParleyError as its message and next step, or as JSON, and leave with its status."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        _marked.clear()
        try:
            return function(*args, **kwargs)
        except ParleyError as error:
            if kwargs.get("json"):
                show_json({"error": error_data(error)})
            else:
                err.print(Text(f"parley: {safe_text(error.message)}", style="bold red"))
                if error.next_step:
                    err.print(Text(f"  {safe_text(error.next_step)}"))
                err.print(Text(f"  [{error.code}]", style="dim"))
            raise typer.Exit(exit_status(error)) from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return wrapped


def asks_group(context: typer.Context, home: Path | None, line: str | None, *, json: bool) -> bool:
    """Whether a group is called by itself, and no command of it. Raises UsageError ``option-misplaced``."""
    if context.invoked_subcommand is None:
        return True
    if json or home is not None or line is not None:
        raise UsageError(
            f"--line, --home and --json before {context.invoked_subcommand!r} would be lost.",
            code="option-misplaced",
            next_step=f"Give them after it: '{context.command_path} {context.invoked_subcommand} ...'.",
        )
    return False


def _show_mark(mark: str) -> None:
    """Once on what a command shows: beside it, so that JSON stays JSON (R54)."""
    if mark and mark not in _marked:
        _marked.add(mark)
        err.print(Text(mark, style="bold magenta"))


def say_mark() -> None:
    """The watermark at the head of a text that goes into a file or to a printer; a terminal has shown it already."""
    if not err.is_terminal:
        for mark in _marked:
            say(mark, "bold magenta")


def call(home: Path | None, line: str | None, operation: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
    """Run an operation: by the running node, or here when none runs (then nothing leaves until one does)."""
    return asyncio.run(_call(home_of(home), line, operation, params))


async def _call(home: Home, line: str | None, operation: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    found = home.the_line(line)
    for left in reversed(range(_TRIES)):
        client = await ControlClient.connect(found.control)
        if client is not None:
            try:
                result = await client.call(operation, **params)
                _show_mark(client.mark)
                return result
            finally:
                client.close()
        try:
            async with runtime.running(found, with_bearers=False) as opened:
                result = await service.OPERATIONS[operation](opened, params)
                _show_mark(service.mark_of(opened))
                return result
        except StoreLocked:
            # A node that starts, or another command: either has it for a moment.
            if not left:
                raise
            await asyncio.sleep(_AGAIN_S)
    return None


def run(task: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(task)
