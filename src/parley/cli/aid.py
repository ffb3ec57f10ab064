"""``parley track``, ``movements``, ``calls``, ``sites``: who must not be struck, and how to reach them (R63, R70)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from parley.cli.output import (
    HomeOption,
    JsonOption,
    LineOption,
    ask_about,
    asks_group,
    call,
    command,
    say,
    show_json,
    when,
)
from parley.cli.plans import show_call, show_conflict, show_report

track = typer.Typer(no_args_is_help=True, help="What this side follows, checked against all that was notified.")
calls = typer.Typer(no_args_is_help=True, help="Attempts to reach a convoy or place, kept here and never sent.")
movements = typer.Typer(help="Movements of aid: those notified here, and one's own to notify.")
sites = typer.Typer(no_args_is_help=True, help="Protected places: those notified here, and one's own to notify.")

_NAMED: Final = 5
"""Places of each sort that a report names."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(track, name="track")
    app.add_typer(calls, name="calls")
    app.add_typer(sites, name="sites")
    app.add_typer(movements, name="movements")


@track.command("add")
@command
def add_track(
    name: Annotated[str, typer.Argument(help="What it is called; a known name moves that track.")],
    at: Annotated[str, typer.Option(help="Where it is, in any notation of coordinates.")],
    time: Annotated[str | None, typer.Option(help="When it was there, such as 2026-04-01T18:40Z [now].")] = None,
    radius: Annotated[int, typer.Option(help="Metres that it may be off.", min=0)] = 0,
    until: Annotated[str | None, typer.Option(help="Until when it counts [half an hour later].")] = None,
    role: Annotated[str, typer.Option(help="The duty role that follows it [watch].")] = "",
    note: Annotated[str, typer.Option(help="What it is.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a track of interest or its next position. Exits with 1 when it is in or near what was notified."""
    given = {"at": at, "time": time, "radius": radius, "until": until, "role": role, "note": note}
    found = call(home, line, "track-put", name=name, **given)
    current = [c for c in found["conflicts"] if not c["over"]]
    if json:
        show_json(found)
    else:
        say(f"Kept {found['track']['id']}, until {when(found['track']['until'])}.")
        ask_about(found["warnings"])
        for each in current:
            show_conflict(each)
        if not current:
            say("Nothing that was notified is near.")
    if current:
        raise typer.Exit(1)


@track.command("list")
@command
def list_tracks(line: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """All tracks of interest."""
    found = call(home, line, "tracks")
    if json:
        show_json(found)
        return
    for each in found:
        last = each["fixes"][-1]
        where = f"{last['where']} {when(last['time'])}"
        say(f"{each['id']:24} {where}, {len(each['fixes'])} fixes, until {when(each['until'])}  {each['note']}")
    if not found:
        say("No tracks are kept.")


@track.command("drop")
@command
def drop_track(
    id_: Annotated[str, typer.Argument(metavar="TRACK", help="Its id, as 'parley track list' shows it.")],
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a track."""
    found = call(home, line, "track-drop", id=id_)
    if json:
        show_json(found)


@movements.callback(invoke_without_command=True)
@command
def list_movements(
    context: typer.Context, line: LineOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Notified movements in force: where they are against their plan, how to reach them, who was called."""
    if not asks_group(context, home, line, json=json):
        return
    found = call(home, line, "movements")
    if json:
        show_json(found)
        return
    for each in found:
        _show_movement(each)
    if not found:
        say("No movement is notified.")


def _show_movement(each: dict[str, Any]) -> None:
    times = f"{when(each['windows'][0][0])} to {when(each['windows'][-1][1])}" if each["windows"] else "no times"
    whose = "ours" if each["mine"] else each["author"]
    say(f"{each['ref']}  {each['purpose']}  {each['state']}  {times}  ({each['message']}, {whose})", "bold")
    if each["last_report"]:
        show_report(each["last_report"])
    if each["silent"]:
        say("  SILENT: it is under way and did not report in time", "bold red")
    for contact in each["convoy"]:
        say(f"  reach there: {contact}")
    for contact in each["headquarters"]:
        say(f"  reach headquarters: {contact}")
    for attempt in each["calls"]:
        show_call(attempt)
    say(f"  acknowledged by {', '.join(each['acknowledged_by']) or 'nobody'}")
    for unit in each["onward"]:
        said = f"acknowledged {when(unit['time'])}" if unit["time"] else "has not acknowledged"
        say(f"  passed on to {unit['role']}: {said}")


@movements.command("import")
@command
def import_movements(
    files: Annotated[
        list[Path], typer.Argument(help="CSV, GeoJSON or KML: id, purpose, route, start, end, vehicles, contacts, by.")
    ],
    send: Annotated[
        bool, typer.Option("--send", help="Notify what is new or changed since it was last notified.")
    ] = False,
    end_missing: Annotated[
        bool, typer.Option("--end-missing", help="Take what is in no file from the list; with --send it is cancelled.")
    ] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Bring one's own list of movements up to date, all of a file or none. Sent only with --send."""
    paths = [str(path.absolute()) for path in files]
    found = call(home, line, "movements-import", paths=paths, send=send, end_missing=end_missing)
    if not _show_report(found, as_json=json):
        return
    if send:
        _show_sent(found)


@calls.command("add")
@command
def add_call(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The movement's or place's identifier, or a message's id.")],
    contact: Annotated[str, typer.Option(help="Who was called, and how.")],
    outcome: Annotated[str, typer.Option(help="reached, no-answer, busy, refused or failed.")],
    officer: Annotated[str, typer.Option("--officer", "-o", help="Which officer; stays on this node.")],
    time: Annotated[str | None, typer.Option(help="When, such as 2026-04-01T22:40Z [now].")] = None,
    note: Annotated[str, typer.Option(help="What was said.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Log an attempt to reach a convoy, its headquarters or a place, with its outcome."""
    given = {"contact": contact, "outcome": outcome, "officer": officer, "time": time, "note": note}
    found = call(home, line, "call-put", id=id_, **given)
    if json:
        show_json(found)
    else:
        show_call(found)


@calls.command("list")
@command
def list_calls(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of this movement or place alone.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """All attempts, oldest first."""
    found = call(home, line, "calls", id=id_)
    if json:
        show_json(found)
        return
    for each in found:
        say(f"{each['ref'] or each['message']} ({each['author']})", "bold")
        show_call(each)
    if not found:
        say("Nobody was called.")


@sites.command("list")
@command
def list_sites(
    state: Annotated[str, typer.Option(help="Only those that are valid, to confirm, or expired.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Protected places that were notified on this line, those to be confirmed first (R70)."""
    found = call(home, line, "sites", state=state)
    if json:
        show_json(found)
        return
    for each in found:
        whose = "ours" if each["mine"] else each["author"]
        style = {"valid": "", "confirm": "yellow"}.get(each["state"], "bold red")
        say(f"{each['ref']:16} {each['name']}, {each['function']}, {each['where']} ({whose}, {each['message']})", style)
        until = f"valid until {when(each['valid_until'])}, " if each["valid_until"] else ""
        say(
            f"  {each['state']}: {until}confirmed {when(each['confirmed'])}, again by {when(each['confirm_by'])}", style
        )
    if not found:
        say("No protected place is notified.")


@sites.command("import")
@command
def import_sites(
    files: Annotated[list[Path], typer.Argument(help="CSV, GeoJSON or KML: id, name, position, validity.")],
    send: Annotated[
        bool, typer.Option("--send", help="Notify what is new, changed, confirmed or ended since it was last notified.")
    ] = False,
    end_missing: Annotated[
        bool, typer.Option("--end-missing", help="Take what is in no file from the list; with --send its end is told.")
    ] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Bring one's own list of protected places up to date, all of a file or none. Sent only with --send."""
    paths = [str(path.absolute()) for path in files]
    found = call(home, line, "sites-import", paths=paths, send=send, end_missing=end_missing)
    if not _show_report(found, as_json=json):
        return
    if send:
        _show_sent(found)
        if found["shortened"]:
            say(f"Of {len(found['shortened'])} a year of validity was notified: import and send them again before.")


def _show_report(found: dict[str, Any], *, as_json: bool) -> bool:
    """What an import found, a line for each sort of change, and what is asked; or as JSON, and then that is all."""
    if as_json:
        show_json(found)
        return False
    say(f"{found['read']} read.")
    for word in ("new", "changed", "renewed", "unchanged", "expired", "missing", "duplicate"):
        named = [x if isinstance(x, str) else f"{x['id']} (is {x['of']})" for x in found[word]]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        say(f"  {len(named):6} {word}: {', '.join(named[:_NAMED])}{more}".rstrip(": "))
    ask_about(found["warnings"][:_NAMED])
    if len(found["warnings"]) > _NAMED:
        say(f"and {len(found['warnings']) - _NAMED} more such questions: --json has all.", "yellow")
    return True


def _show_sent(found: dict[str, Any]) -> None:
    """How many of each stage were notified."""
    say("Notified: " + (", ".join(f"{n} {stage}" for stage, n in found["sent"].items()) or "nothing was due") + ".")
