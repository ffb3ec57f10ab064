"""``parley officer``: who may sign in at the console, with which roles."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from parley.app import officerops
from parley.cli.output import HomeOption, JsonOption, call, command, home_of, say, show_json, when

officer = typer.Typer(no_args_is_help=True, help="Who may sign in at the console, with which roles.")

NameArgument = Annotated[str, typer.Argument(help="The officer's name: on this node only; others see a key.")]
RolesOption = Annotated[
    list[str], typer.Option("--role", "-r", help="A duty role, observer or administrator; several may be given.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(officer, name="officer")


def _tell(home: Any, code: str, **values: Any) -> None:  # noqa: ANN401 - a path or None
    """Let each line's log of the watch, and its record, know."""
    for line in home_of(home).lines():
        if line.notes():
            call(home, line.name, "officer-changed", note={"code": code, **values})


@officer.command()
@command
def invite(name: NameArgument, role: RolesOption, home: HomeOption = None, json: JsonOption = False) -> None:
    """Give a one-time code with which an officer enrols a passkey at the console."""
    found = officerops.invite(home_of(home), name, role)
    _tell(home, "officer-invited", officer=found["name"], roles=found["roles"])
    if json:
        show_json(found)
        return
    say(f"{found['name']} enrols at the console, until {when(found['until'])}, with the code")
    say(f"  {found['code']}", "bold")
    if found["first"]:
        say(
            "The first two officers of a node are enrolled by the command line alone, and the record says so. "
            "Each one after them is approved by another officer at the console.",
            "yellow",
        )
    else:
        say("Another officer then approves at the console.")


@officer.command("list")
@command
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the officers, and who is invited."""
    found = officerops.listed(home_of(home))
    if json:
        show_json(found)
        return
    for o in found["officers"]:
        marks = ", in SOFTWARE" if o["software"] else ""
        how = ", enrolled by the command line alone" if o["first"] else ""
        say(f"{o['name']}  {', '.join(o['roles'])}  {o['standing']}  key {o['key'][:16]}{marks}{how}")
    for i in found["invited"]:
        say(f"{i['name']}  {', '.join(i['roles'])}  invited until {when(i['until'])}")
    if not found["officers"] and not found["invited"]:
        say("No officers. 'parley officer invite NAME --role watch' gives the first two codes.")


@officer.command()
@command
def revoke(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """End what an officer may do, at once; the lines' records say that the key is no officer's any more."""
    found = officerops.revoke(home_of(home), name)
    _tell(home, "officer-revoked", officer=found["name"])
    if json:
        show_json(found)
    else:
        say(f"{found['name']} is revoked.")


@officer.command("role")
@command
def give_roles(
    name: NameArgument,
    roles: Annotated[list[str], typer.Argument(help="All roles that the officer has from now on.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give an officer other roles instead of those they had."""
    found = officerops.give_roles(home_of(home), name, roles)
    _tell(home, "officer-roles", officer=found["name"], roles=found["roles"])
    if json:
        show_json(found)
    else:
        say(f"{found['name']}: {', '.join(found['roles'])}.")
