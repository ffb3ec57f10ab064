"""Which commands there are, in which module each is, and its line in the overview.

A command's module is imported when the command is called: ``parley inbox`` on a running node loads neither the node nor
the console, and ``parley --help`` loads no command at all. A command of a new module is listed here;
``tests/cli/test_commands.py`` holds the table against the modules.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("identity", "Make this party's identity: root keys and the document that names them."),
    "serve": (
        "serve",
        "Run this party's nodes until they are stopped (SIGINT, SIGTERM): of all lines, or of one.",
    ),
    "send": ("messages", "Send a text or a form."),
    "inbox": ("messages", "List messages that wait to be acknowledged here: FLASH first."),
    "read": ("messages", "Show a message, and put on the record that it was read."),
    "ack": ("messages", "Acknowledge a message."),
    "decline": ("messages", "Decline a message, with a reason: a refusal that is an answer, not a silence."),
    "reply": ("messages", "Answer a message, to all who know it."),
    "status": (
        "messages",
        "Show each peer and bearer: last heard, what was delivered, read and acknowledged, the oldest unanswered.",
    ),
    "export": (
        "record",
        "Write the record to one file that anyone can verify with their own tools; or areas for others' maps.",
    ),
    "proof": (
        "record",
        "Write the proof of one message: who said it and who received it, for anyone's tools (C2SP tlog-proof).",
    ),
    "verify": ("record", "Verify an exported record: needs the file alone."),
    "prune": ("record", "Erase the contents of messages past their retention."),
    "demo": (
        "record",
        "Run two real nodes on this machine, found a line, and exchange real notices through trouble.",
    ),
    "bench": ("record", "Measure this machine: the work, and the floor beside it."),
    "follow": (
        "following",
        'List the forms that can follow a message, such as "is this your position?" after a public statement.',
    ),
    "check": ("plans", "Check one's own plans against all that others announced."),
    "import": (
        "importing",
        "Read navigational warnings, NOTAMs and press texts, and show what was understood, each value with its words.",
    ),
    "show": ("sheets", "Show a message as a sheet, to print or to hand on."),
    "translate": (
        "sheets",
        "Keep a translation beside a message, on this node alone: it is never sent, and the original stays as it is.",
    ),
    "movements": ("aid", "Movements of aid: those notified here, and one's own to notify."),
    "backup": ("backup", "Back up a line to one encrypted file, whether its node runs or not."),
    "restore": ("backup", "Put a line back from a backup."),
    "identity": ("identity", "This party's identity: show it, compare fingerprints."),
    "line": ("line", "Found a line at a meeting, and change it."),
    "forms": ("forms", "Structured messages: list them, show one, write and check packs."),
    "plans": ("plans", "One's own plans and places, kept here and never sent."),
    "track": ("aid", "What this side follows, checked against all that was notified."),
    "calls": ("aid", "Attempts to reach a convoy or place, kept here and never sent."),
    "sites": ("aid", "Protected places: those notified here, and one's own to notify."),
    "watch": ("watch", "Whose turn it is, since when and until when; and the watch."),
    "officer": ("officers", "Who may sign in at the console, with which roles."),
    "token": ("tokens", "Tokens with which this party's own systems use the API."),
    "alerts": ("alerts", "Alert channels: webhook, mail, syslog ([[alert]] in config.toml)."),
    "scenario": ("scenario", "Documented failures: run them, or be walked through one."),
}
"""In the order of the overview: the module below ``parley.cli``, and the first sentence of the command's help."""


class Shelf(MutableMapping[str, Any]):
    """The commands by name, each taken from its module when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer has its own copy of click's classes
        if name not in self._loaded:
            app = typer.Typer(rich_markup_mode=None)
            import_module(f"parley.cli.{COMMANDS[name][0]}").register(app)
            self._loaded |= get_group(app).commands
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The application's own level: all of COMMANDS."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - as typer gives them
        super().__init__(**given)
        self.commands = Shelf()

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """The overview, from the table alone."""
        del ctx
        room = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short(words, room)) for name, (_, words) in COMMANDS.items()])


def _short(text: str, room: int) -> str:
    """As many whole words as fit in ``room`` columns."""
    if len(text) <= room:
        return text
    return text[: room - 2].rsplit(" ", 1)[0] + "..."
