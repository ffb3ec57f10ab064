"""``parley plans`` and ``check``: one's own plans and places, and what clashes with them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from parley.app.plans import open_plans, plan_of
from parley.cli.output import HomeOption, JsonOption, LineOption, call, command, home_of, say, show_json, when
from parley.errors import UsageError
from parley.geo.coordinates import format_position, parse_position
from parley.notices.places import PlaceDraft, read_geojson
from parley.wire.geometry import Band, Circle, Point, Shape, Volume, Window

plans = typer.Typer(no_args_is_help=True, help="One's own plans and places, kept here and never sent.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(plans, name="plans")
    app.command()(check)


@plans.command()
@command
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    at: Annotated[str, typer.Option(help="Where its middle is, in any notation of coordinates.")],
    radius: Annotated[int, typer.Option(help="Metres around it.", min=0)] = 0,
    start: Annotated[str | None, typer.Option(help="When it begins, such as 2026-03-10T03:04Z [always].")] = None,
    end: Annotated[str | None, typer.Option(help="When it ends.")] = None,
    kind: Annotated[str, typer.Option(help="The class of activity.")] = "",
    role: Annotated[str, typer.Option(help="The duty role that controls it.")] = "watch",
    protected: Annotated[bool, typer.Option("--protected", help="A place that must not be struck.")] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a plan or place; one of the same name is replaced."""
    where = parse_position(at)
    shape: Shape = Circle(where, radius) if radius else Point(where)
    times = (Window(_time(start), _time(end)),) if start and end else ()
    if (start is None) != (end is None) or any(w.end <= w.start for w in times):
        raise UsageError("give the start and a later end, or neither for always.", code="plan-times")
    plan = plan_of(PlaceDraft(name, kind, role, Volume((shape,), Band(), times), protected))
    with open_plans(home_of(home).the_line(line)) as kept:
        kept.put([plan])
    if json:
        show_json(plan.as_json())
    else:
        say(f"Kept {plan.id}: {format_position(where)}.")


def _time(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; one looks like 2026-03-10T03:04Z.", code="plan-times") from None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp()) // 60 * 60


@plans.command("list")
@command
def list_(line: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """All plans and places of this line."""
    with open_plans(home_of(home).the_line(line)) as kept:
        found = [p.as_json() for p in kept]
    if json:
        show_json(found)
        return
    for plan in found:
        times = f"{when(plan['windows'][0][0])} to {when(plan['windows'][-1][1])}" if plan["windows"] else "always"
        mark = "  protected" if plan["protected"] else ""
        say(f"{plan['id']:24} {plan['kind']:12} {plan['where'][0]}  {times}{mark}")
    if not found:
        say("No plans are kept. 'parley plans add' or 'parley plans import' keeps some.")


@plans.command()
@command
def remove(
    plan: Annotated[str, typer.Argument(help="Its id, as 'parley plans list' shows it.")],
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a plan."""
    with open_plans(home_of(home).the_line(line)) as kept:
        kept.remove(plan)
    if json:
        show_json({"removed": plan})


@plans.command("import")
@command
def import_plans(
    files: Annotated[list[Path], typer.Argument(help="GeoJSON files.")],
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep the plans and places of GeoJSON files: all of them, or none."""
    drafts = [d for path in files for d in read_geojson(_read(path))]
    with open_plans(home_of(home).the_line(line)) as kept:
        new, changed = kept.put(plan_of(d) for d in drafts)
    if json:
        show_json({"read": len(drafts), "new": new, "changed": changed})
    else:
        say(f"{len(drafts)} read: {new} new, {changed} changed.")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", code="file-unreadable") from error


@command
def check(line: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Check one's own plans against all that others announced. Exits with 1 when anything clashes."""
    found = call(home, line, "check")
    if json:
        show_json(found)
    else:
        for each in found["conflicts"]:
            _show_conflict(each)
        for message, reasons in found["unchecked"].items():
            for reason in reasons:
                say(f"{message} is not checked in full: {reason}", "yellow")
        if not found["conflicts"]:
            say(f"No conflict: {found['plans']} plans checked.")
    if found["conflicts"]:
        raise typer.Exit(1)


def _show_conflict(each: dict[str, Any]) -> None:
    style = "bold red" if each["degree"] != "near" else "yellow"
    say(f"{each['degree'].upper()}  {each['plan_name']} / {each['number']} {each['subject']} ({each['notice']})", style)
    apart = f"{each['metres']} m apart" if each["metres"] else "they meet"
    say(f"  where: {each['where']}, {apart}; heights: {each['heights']}; control: {each['role'] or '-'}")
    if each["windows"] is None:
        say("  when: always")
    for start, end in each["windows"] or []:
        say(f"  when: {when(start)} to {when(end)}")
    more = each["windows_count"] - len(each["windows"] or [])
    if more > 0:
        say(f"  and {more} times more")
    acknowledged = ", ".join(each["acknowledged_by"]) or "nobody"
    say(f"  announced {when(each['stated'])}, acknowledged by {acknowledged}")
    for doubt in each["doubts"]:
        say(f"  taken for a conflict because of {doubt}", "yellow")
