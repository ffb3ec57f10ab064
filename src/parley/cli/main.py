"""The command line."""

from __future__ import annotations

from typing import Annotated

import typer

from parley import __version__
from parley.cli.commands import Commands

app = typer.Typer(
    name="parley",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="A direct line between parties that do not trust one another. What is signed here can never be denied.",
    epilog="Exit status: 0 done, 1 verification failed or refused, 2 used wrongly, 3 node, store or key not "
    "available, 4 network.",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"parley {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A direct line between parties that do not trust one another."""


def main() -> None:
    """The entry point."""
    app()
