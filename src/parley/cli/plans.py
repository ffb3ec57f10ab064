"""``parley plans`` and ``check``: one's own plans and places, and what clashes with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parley.app.forms import read_yaml
from parley.cli.output import (
    HomeOption,
    JsonOption,
    LineOption,
    ShownOption,
    ask_about,
    call,
    command,
    say,
    show_json,
    when,
)
from parley.errors import UsageError

plans = typer.Typer(no_args_is_help=True, help="One's own plans and places, kept here and never sent.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(plans, name="plans")
    app.command()(check)


PlanArgument = Annotated[str, typer.Argument(help="Its id, as 'parley plans list' shows it.")]
AtOption = Annotated[str | None, typer.Option(help="Where its middle is, in any notation of coordinates.")]
AreaOption = Annotated[
    str | None, typer.Option(help="An area instead, as forms take it: {corridor: [...], width: 200 m}.")
]
RadiusOption = Annotated[int, typer.Option(help="Metres around it.", min=0)]
StartOption = Annotated[str | None, typer.Option(help="When it begins, such as 2026-03-10T03:04Z [always].")]
EndOption = Annotated[str | None, typer.Option(help="When it ends.")]
LowerOption = Annotated[str | None, typer.Option(help="From which height: 500 ft AGL, 300 m AMSL, FL100, open.")]
UpperOption = Annotated[str | None, typer.Option(help="Up to which height.")]
KindOption = Annotated[str, typer.Option(help="The class of activity.")]
ControlOption = Annotated[str, typer.Option(help="The duty role that controls it.")]
OverrideOption = Annotated[
    str, typer.Option(help="Let it go on near a notified protected place, for this reason; it is logged.")
]
OfficerOption = Annotated[str, typer.Option("--officer", "-o", help="Which officer overrides; stays on this node.")]


@plans.command()
@command
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    at: AtOption = None,
    area: AreaOption = None,
    radius: RadiusOption = 0,
    start: StartOption = None,
    end: EndOption = None,
    lower: LowerOption = None,
    upper: UpperOption = None,
    kind: KindOption = "",
    role: ControlOption = "watch",
    protected: Annotated[bool, typer.Option("--protected", help="A place that must not be struck.")] = False,
    override: OverrideOption = "",
    officer: OfficerOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a plan or place, and check it at once; one of the same name is replaced.

    Exits with 1 when it is held: within the set distance of a notified protected place.
    """
    given = {"at": at, "area": _area(area), "radius": radius, "start": start, "end": end, "lower": lower}
    given |= {"upper": upper, "kind": kind, "role": role, "protected": protected}
    found = call(home, line, "plan-put", name=name, override=override, officer=officer, **given)
    _kept(found, json)


def _area(text: str | None) -> Any:  # noqa: ANN401
    return read_yaml(f"v: {text}")["v"] if text else None


def _kept(found: dict[str, Any], json: bool) -> None:
    plan = found["plan"]
    if json:
        show_json(found)
    else:
        say(f"Kept {plan['id']}: {plan['where'][0]}.")
        ask_about(found["warnings"])
        for each in found["conflicts"]:
            if not each["over"]:
                show_conflict(each)
        for name in found["gone"]:
            say(f"gone: the conflict with {name}", "green")
        if found["held"]:
            say(f"HELD: {plan['id']} lies within the set distance of a notified protected place.", "bold red")
            say("  Divert it ('parley plans divert'), or let an officer override it ('parley plans override').")
    if found["held"]:
        raise typer.Exit(1)


@plans.command()
@command
def divert(
    plan: PlanArgument,
    at: AtOption = None,
    area: AreaOption = None,
    radius: RadiusOption = 0,
    start: StartOption = None,
    end: EndOption = None,
    lower: LowerOption = None,
    upper: UpperOption = None,
    override: OverrideOption = "",
    officer: OfficerOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a plan elsewhere, and check it again at once (R62). Exits with 1 when it is held there."""
    if not at and not area:
        raise UsageError("say where to.", code="plan-where", next_step="Give --at or --area.")
    given = {"at": at, "area": _area(area), "radius": radius, "start": start, "end": end, "lower": lower}
    _kept(call(home, line, "plan-change", id=plan, override=override, officer=officer, upper=upper, **given), json)


@plans.command()
@command
def change(
    plan: PlanArgument,
    start: StartOption = None,
    end: EndOption = None,
    lower: LowerOption = None,
    upper: UpperOption = None,
    kind: KindOption = "",
    role: ControlOption = "",
    override: OverrideOption = "",
    officer: OfficerOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change a plan's times, heights, class or role, and check it again at once. Exits with 1 when it is held."""
    given = {"start": start, "end": end, "lower": lower, "upper": upper, "kind": kind, "role": role}
    _kept(call(home, line, "plan-change", id=plan, override=override, officer=officer, **given), json)


@plans.command("override")
@command
def override_(
    plan: PlanArgument,
    reason: Annotated[str, typer.Option(help="Why; it is logged.")],
    officer: Annotated[str, typer.Option("--officer", "-o", help="Which officer; stays on this node.")],
    notice: Annotated[str, typer.Option(help="For this notice alone [all that hold it].")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a held plan go on as it stands; a change of it, or a newer notice, holds it again."""
    found = call(home, line, "plan-override", plan=plan, notice=notice, officer=officer, reason=reason)
    if json:
        show_json(found)
    else:
        say(f"{plan} goes on in spite of {', '.join(found['overridden'])}; it is in the log of the watch.")


@plans.command("list")
@command
def list_(line: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """All plans and places of this line."""
    found = call(home, line, "plans")
    if json:
        show_json(found)
        return
    for plan in found:
        times = f"{when(plan['windows'][0][0])} to {when(plan['windows'][-1][1])}" if plan["windows"] else "always"
        marks = "  protected" if plan["protected"] else ""
        marks += f"  {plan['conflicts']} conflicts" if plan["conflicts"] else ""
        marks += "  HELD" if plan["held"] else ""
        say(f"{plan['id']:24} {plan['kind']:12} {plan['where'][0]}  {times}{marks}", "bold red" if plan["held"] else "")
    if not found:
        say("No plans are kept. 'parley plans add' or 'parley plans import' keeps some.")


@plans.command()
@command
def remove(
    plan: PlanArgument,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a plan."""
    found = call(home, line, "plan-remove", id=plan)
    if json:
        show_json(found)


@plans.command("import")
@command
def import_plans(
    files: Annotated[list[Path], typer.Argument(help="GeoJSON, KML or CSV files; YAML of a form with --form.")],
    form: Annotated[
        str, typer.Option(help="The files are this form, filled in: its areas are the plan, as 'parley send' has them.")
    ] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep the plans and places of files, all of them or none, and check them. Exits with 1 when any is held."""
    paths = [str(path.absolute()) for path in files]
    found = call(home, line, "plans-import", paths=paths, form=form)
    if json:
        show_json(found)
    else:
        say(f"{found['read']} read: {found['new']} new, {found['changed']} changed; {found['conflicts']} conflicts.")
        ask_about(found["warnings"])
        for plan in found["held"]:
            say(f"HELD: {plan} lies within the set distance of a notified protected place.", "bold red")
    if found["held"]:
        raise typer.Exit(1)


@command
def check(
    language: ShownOption = "", line: LineOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Check one's own plans against all that others announced. Exits with 1 when anything clashes."""
    found = call(home, line, "check", **{"in": language})
    if json:
        show_json(found)
    else:
        for each in found["conflicts"]:
            show_conflict(each)
        for message, reasons in found["unchecked"].items():
            for reason in reasons:
                say(f"{message} is not checked in full: {reason}", "yellow")
        if not found["conflicts"]:
            say(f"No conflict: {found['plans']} plans checked.")
    if found["conflicts"]:
        raise typer.Exit(1)


def show_conflict(each: dict[str, Any]) -> None:
    """Print a conflict for people."""
    style = "dim" if each["over"] else "yellow" if each["degree"] == "near" else "bold red"
    state = " (over)" if each["over"] else " (held)" if each["held"] else ""
    what = f"{each['number']} {each['subject']}".strip()
    say(f"{each['degree'].upper()}  {each['plan_name']} / {what} ({each['notice']}, {each['author']}){state}", style)
    apart = f"{each['metres']} m apart" if each["metres"] else "they meet"
    apart += f", {each['vertical_m']} m in height" if each["vertical_m"] else ""
    apart += f", {each['seconds']} s in time" if each["seconds"] else ""
    say(f"  where: {each['where']}, {apart}; heights: {each['heights']}; control: {each['role'] or '-'}")
    if each["windows"] is None:
        say("  when: always")
    for start, end in each["windows"] or []:
        say(f"  when: {when(start)} to {when(end)}")
    more = each["windows_count"] - len(each["windows"] or [])
    if more > 0:
        say(f"  and {more} times more")
    acknowledged = ", ".join(each["acknowledged_by"]) or "nobody"
    say(f"  announced {when(each['stated'])}, {_age(each['age_s'])} ago; acknowledged by {acknowledged}")
    for unit in each["onward"]:
        said = f"acknowledged {when(unit['time'])}" if unit["time"] else "has not acknowledged"
        say(f"  passed on to {unit['role']}: {said}")
    if each["override"]:
        made = each["override"]
        say(f"  overridden by {made['officer']} on {when(made['time'])}: {made['reason']}", "yellow")
    for name, contacts in (("there", each["convoy"]), ("headquarters", each["headquarters"])):
        for contact in contacts:
            say(f"  reach {name}: {contact}", "bold")
    if each.get("last_report"):
        show_report(each["last_report"])
    for attempt in each["calls"]:
        show_call(attempt)
    for doubt in each["doubts"]:
        say(f"  taken for a conflict because of {doubt}", "yellow")


def _age(seconds: int) -> str:
    if seconds < 3600:  # noqa: PLR2004 - an hour
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} d"  # noqa: PLR2004 - two days


def show_report(report: dict[str, Any]) -> None:
    """Print where a movement said that it was, against its plan."""
    off = f", {report['off_m']} m off its announced route" if report["off_m"] else ""
    off += f", {report['early_s'] // 60} min early" if report["early_s"] else ""
    off += f", {report['late_s'] // 60} min late" if report["late_s"] else ""
    style = "bold red" if report["off_m"] or report["state"] == "attacked" else ""
    say(f"  reported {when(report['time'])}: {report['state']} at {report['where']}{off}", style)


def show_call(attempt: dict[str, Any]) -> None:
    """Print an attempt to reach somebody."""
    note = f": {attempt['note']}" if attempt["note"] else ""
    say(f"  called {when(attempt['time'])} {attempt['contact']}: {attempt['outcome']} ({attempt['officer']}){note}")
