"""``parley token``: tokens with which this party's own systems use the console's API."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from parley.app.tokens import SCOPES, Tokens
from parley.cli.output import HomeOption, JsonOption, command, home_of, say, show_json, when

token = typer.Typer(no_args_is_help=True, help="Tokens with which this party's own systems use the API.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(token, name="token")


@token.command()
@command
def new(
    name: Annotated[str, typer.Argument(help="What it is for; the log of the watch names it so.")],
    scope: Annotated[
        list[str], typer.Option("--scope", "-s", help=f"One of: {', '.join(SCOPES)}; several may be given.")
    ],
    only: Annotated[list[str] | None, typer.Option("--line", "-l", help="Only for this line [all].")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token. It is shown this once; only its hash is kept."""
    where = home_of(home)
    lines = [where.the_line(line).name for line in only or ()]
    made = Tokens(where).new(name, scope, lines, int(time.time()))
    if json:
        show_json({"name": name, "token": made})
        return
    say(made, "bold")
    say("It is not shown again. Send it as 'Authorization: Bearer TOKEN'; /api/openapi.json describes the API.")


@token.command("list")
@command
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the tokens, without what they are."""
    found = [t.as_json() for t in Tokens(home_of(home)).all()]
    if json:
        show_json(found)
        return
    for t in found:
        say(f"{t['name']}  {', '.join(t['scopes'])}  {', '.join(t['lines']) or 'all lines'}  made {when(t['made'])}")
    if not found:
        say("No tokens.")


@token.command()
@command
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """End a token at once."""
    found = Tokens(home_of(home)).revoke(name)
    if json:
        show_json(found.as_json())
    else:
        say(f"{found.name} is revoked.")
