"""``parley backup`` and ``parley restore``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from parley.app import backup as backups
from parley.cli.output import HomeOption, JsonOption, LineOption, command, home_of, say, show_json, when
from parley.errors import UsageError

VARIABLE = "PARLEY_BACKUP_PASSPHRASE"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


@command
def backup(
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Put the node's keys in too, all under a passphrase.")
    ] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Back up a line to one encrypted file, whether its node runs or not. It is verified before it has its name.

    In it: the record, the line's documents, config.toml. Without --with-keys, no key is in it, and it opens only
    where the node's keys are: keep a copy of the keys directory apart. With --with-keys the node's keys are in it,
    and the passphrase (PARLEY_BACKUP_PASSPHRASE, else asked for) is all that keeps a thief of the file from being
    this node. Never in it: root keys, and the keys that messages are sealed and opened with.
    """
    where = home_of(home)
    given = _passphrase(json, new=True) if with_keys else None
    found = backups.back_up(where, where.the_line(line), path.resolve(), given)
    if json:
        show_json(found)
        return
    say(f"Wrote {found['file']}: the line {found['line']!r}, {found['entries']} entries, as of {when(found['made'])}.")
    say("The node's keys are in it." if with_keys else "No key is in it: it opens only where the node's keys are.")


@command
def restore(
    path: Annotated[Path, typer.Argument(help="A backup.")],
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="It was made with --with-keys: ask for its passphrase.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put aside the record that is there.")] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a line back from a backup. Keys, documents and configuration that are there are never replaced.

    On the next start the node opens a new tree, says that it was restored, and takes back from its peers what
    came after the backup, its own entries included. Restore to one machine only, and never start the old one again.
    """
    given = _passphrase(json, new=False) if passphrase or os.environ.get(VARIABLE) else None
    found = backups.restore(home_of(home), path, line, given, replace=replace)
    if json:
        show_json(found)
        return
    say(f"Restored the line {found['line']!r}, {found['entries']} entries, as of {when(found['made'])}.")
    say("Next: 'parley serve'. Do not conclude from an empty inbox until the peers have been heard.")


def _passphrase(json: bool, *, new: bool) -> bytes:
    given = os.environ.get(VARIABLE)
    if not given and json:
        raise UsageError(f"give the passphrase in {VARIABLE}.", code="passphrase-needed")
    return (given or str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new))).encode()
