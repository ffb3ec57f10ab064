"""``parley watch``: whose turn it is, the watch and its handover, tests, silence, drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from parley.cli.forms import gather, line_forms
from parley.cli.output import (
    HomeOption,
    JsonOption,
    LineOption,
    ShownOption,
    ask_about,
    asks_group,
    call,
    command,
    listing,
    say,
    say_mark,
    show_json,
    time_of,
    when,
)
from parley.errors import UsageError
from parley.forms.display import safe_line

watch = typer.Typer(invoke_without_command=True, help="Whose turn it is, since when and until when; and the watch.")
_STYLES = {"FLASH": "bold red", "IMMEDIATE": "yellow"}
_LIGHTS = {"red": "bold red", "amber": "yellow", "green": "green"}

OfficerOption = Annotated[str, typer.Option("--officer", "-o", help="Which officer; stays on this node.")]
RoleOption = Annotated[str, typer.Option(help="The duty role.")]
IdArgument = Annotated[str, typer.Argument(help="The message's id.")]
TextArgument = Annotated[str, typer.Argument(help="The text.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(watch, name="watch")


def _ask(home: Any, line: str | None, json: bool, operation: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
    """Ask the node; with ``json``, print the answer and return None."""
    found = call(home, line, operation, **params)
    if json:
        show_json(found)
        return None
    return found


@watch.callback()
@command
def status(
    context: typer.Context,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Whose turn it is, since when and until when; and the watch."""
    if asks_group(context, home, line, json=json):
        _status(line, home, json)


def _status(line: str | None, home: Any, json: bool) -> None:  # noqa: ANN401 - a path or None
    found = _ask(home, line, json, "watch")
    if not found:
        return
    say_mark()
    for peer in found["lines"]:
        until = f" until {when(peer['until'])}" if peer["until"] else ""
        say(f"{peer['code']}: {peer['status']} since {when(peer['since'])}{until}; heard {when(peer['heard'])}", "bold")
        for test in peer["missing_tests"]:
            whose = "our" if test["ours"] else "their"
            say(f"  {whose} line test of {when(test['scheduled'])} is missing", "bold red")
    for s in found["suspended_by"]:
        say(f"{s['code']} holds the agreement to be suspended since {when(s['since'])}: {s['reason']}", "yellow")
    _messages(found)
    for alarm in found["alarms"]:
        say(f"ALARM {alarm['id']} since {when(alarm['since'])}", "bold red")
        for of in alarm["of"]:
            say(f"  {of['code']}, for {of['role'] or 'everybody'}: {of['detail']}", "bold red")
    for test in found["tests_to_copy"]:
        say(f"line test {test['id']}, copy it back with 'parley watch test --copy':\n{test['text']}")
    for notice in found["onward"]:
        for unit in notice["units"]:
            how = " by telephone" if unit["by_telephone"] else ""
            said = f"acknowledged {when(unit['time'])}{how}" if unit["time"] else "silent"
            say(f"{notice['id']} -> {unit['role']}: {unit['light']}, {said}", _LIGHTS.get(unit["light"], ""))
    for duty in found["duties"]:
        late = ", relief is late" if duty["relief_late"] else ""
        how = "" if duty["handed_over"] else ", without handover"
        say(f"{duty['role']}: {duty['officer']} since {when(duty['since'])}{how}{late}")
    for offer in found["handovers"]:
        say(f"{offer['role']}: {offer['officer']} offers the handover since {when(offer['time'])}", "yellow")
    for draft in found["drafts"]:
        _show_draft(draft)


def _messages(found: dict[str, Any]) -> None:
    if not found["messages"]:
        say("Nothing waits.")
        return
    rows = []
    for m in found["messages"]:
        state = "OVERDUE" if m["overdue"] else "silent as declared" if m["silent"] else "muted" if m["muted"] else ""
        row = (
            m["id"],
            Text(m["precedence"], style=_STYLES.get(m["precedence"], "")),
            m["stage"],
            m["turn"],
            when(m["since"]),
            when(m["deadline"]),
            Text(state, style="bold red" if m["overdue"] else ""),
            Text(safe_line(m["text"])),
        )
        rows.append(row)
    listing(("id", "precedence", "stage", "turn", "since", "deadline", "state", "text"), rows)
    for m in found["messages"]:
        if not m["times_plausible"]:
            say(
                f"{m['id']}: a time that {m['party']} or {m['author']} states is implausible and was not used", "yellow"
            )
        for step in m["steps"]:
            role = f" to {step['role']}" if step["role"] else ""
            say(f"  {m['id']} {m['party']}: {step['step']}{role}, {step['stage']}, {when(step['time'])}", "dim")


# -- the watch's own log ----------------------------------------------------------------------------------


@watch.command()
@command
def handover(
    officer: Annotated[str, typer.Option("--officer", "-o", help="Offer the handover as this officer.")] = "",
    role: RoleOption = "watch",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List all that is open, with the hash that the relieving officer acknowledges; with --officer, offer it."""
    found = _ask(home, line, json, "watch-handover", role=role, officer=officer)
    if not found:
        return
    for item in found["items"]:
        say(f"{item['sort']:10} {item['subject']:24} {item['state']}")
    if not found["items"]:
        say("Nothing is open.")
    say(f"summary {found['summary']}")


@watch.command()
@command
def relieve(
    summary: Annotated[str, typer.Argument(help="The summary's hash, as 'parley watch handover' shows it.")],
    officer: OfficerOption,
    take: Annotated[
        bool, typer.Option("--take", help="Without an offer: nobody has the watch, or relief is late.")
    ] = False,
    role: RoleOption = "watch",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take over the watch, acknowledging the summary of all that is open."""
    found = _ask(home, line, json, "watch-relieve", role=role, officer=officer, summary=summary, take=take)
    if found:
        say(f"{officer} has the watch as {role}.")


@watch.command()
@command
def roster(
    officer: Annotated[str, typer.Option("--officer", "-o", help="Put this officer on the roster.")] = "",
    start: Annotated[str | None, typer.Option(help="When the shift begins, such as 2026-03-10T08:00Z.")] = None,
    role: RoleOption = "watch",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Who is expected in the coming day; with --officer and --start, put one on the roster."""
    if bool(officer) != bool(start):
        raise UsageError("give both the officer and the start of the shift.", code="roster-incomplete")
    found = _ask(home, line, json, "watch-roster", role=role, officer=officer, start=time_of(start))
    for shift in found or ():
        say(f"{when(shift['start'])}  {shift['role']}  {shift['officer'] or 'NOBODY'}")


@watch.command()
@command
def mute(
    id_: IdArgument,
    officer: OfficerOption,
    minutes: Annotated[int, typer.Option(help="For how long.", min=1)] = 60,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    misuse: Annotated[
        bool, typer.Option("--misuse", help="Put on the line's record that it misuses the line.")
    ] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a thread make no sound for a while. Nothing is erased, clocks go on, and FLASH sounds unless it is misuse."""
    params = {"id": id_, "officer": officer, "seconds": minutes * 60, "reason": reason, "misuse": misuse}
    found = _ask(home, line, json, "watch-mute", **params)
    if found:
        say(f"{found['id']} makes no sound until {when(found['until'])}.")


@watch.command()
@command
def hush(
    id_: IdArgument, officer: OfficerOption, line: LineOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Acknowledge an alarm: somebody heard it. The message still waits."""
    if _ask(home, line, json, "watch-hush", id=id_, officer=officer):
        say(f"{officer} heard the alarm about {id_}.")


@watch.command()
@command
def note(
    text: TextArgument,
    officer: OfficerOption,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a line in the log of the watch."""
    if _ask(home, line, json, "watch-note", text=text, officer=officer):
        say("Entered.")


@watch.command()
@command
def log(
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 100,
    language: ShownOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """The log of the watch; it stays on this node."""
    for fact in _ask(home, line, json, "watch-log", limit=limit, **{"in": language}) or ():
        rest = ", ".join(f"{k} {v}" for k, v in fact.items() if k not in ("fact", "at", "said") and v != "")
        say(f"{when(fact['at'])}  {fact['fact']}: {rest}")


# -- what goes on the line's record -----------------------------------------------------------------------


@watch.command("test")
@command
def line_test(
    copy: Annotated[str | None, typer.Option(help="Copy back the test of this id.")] = None,
    text: Annotated[str | None, typer.Option(help="The text: as copied, or of one's own.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="Codes of the recipients [every other member].")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a line test for people to copy back; or copy one back, letter by letter."""
    if copy and not text:
        raise UsageError("give the text as you copied it.", code="text-empty")
    found = _ask(home, line, json, "watch-test", id=copy, text=text, to=to or [])
    if found:
        say(f"{found['id']}: {'copied back' if copy else 'sent'}.")


@watch.command()
@command
def silence(
    mode: Annotated[str, typer.Argument(help="normal, receipts_only or receive_only.")],
    until: Annotated[str | None, typer.Option(help="Until when, such as 2026-03-10T08:00Z.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Declare on the record that this party will be silent: its deadlines then read "silent as declared"."""
    found = _ask(home, line, json, "watch-declare", silence=mode, until=time_of(until))
    if found:
        say(f"Declared: {found['silence']} until {when(found['until'])}.")


@watch.command()
@command
def agreement(
    state: Annotated[str, typer.Argument(help="suspended, or in-force.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Declare the agreement suspended or in force. The line goes on either way."""
    if state not in ("suspended", "in-force"):
        raise UsageError(f"{state!r} is neither 'suspended' nor 'in-force'.", code="agreement-unknown")
    if _ask(home, line, json, "watch-declare", agreement=state, reason=reason):
        say(f"Declared: {state}.")


@watch.command()
@command
def hold(
    id_: IdArgument,
    text: TextArgument,
    by: Annotated[str | None, typer.Option(help="Until when the answer comes, such as 2026-03-10T08:00Z.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a holding reply: what was understood, and until when the answer comes."""
    found = _ask(home, line, json, "watch-hold", id=id_, text=text, answer_by=time_of(by))
    if found:
        say(f"{found['id']} holds {id_}.")


@watch.command("pass")
@command
def pass_on(
    id_: IdArgument,
    to: Annotated[list[str], typer.Option(help="The roles of the units that act on it.")],
    effect: Annotated[str | None, typer.Option(help="When it takes effect, such as 2026-03-10T08:00Z.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Pass a message on to units, by their roles; until they acknowledge, both sides see it."""
    _onward(_ask(home, line, json, "watch-onward", id=id_, roles=to, effect_at=time_of(effect)))


@watch.command("unit")
@command
def unit_acknowledged(
    id_: IdArgument,
    role: Annotated[str, typer.Option(help="The unit's role.")],
    telephone: Annotated[str | None, typer.Option(help="It said so by telephone, at this time.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a unit acknowledge what was passed on to it; or state that it did by telephone."""
    params = {"id": id_, "role": role, "telephone_at": time_of(telephone)}
    _onward(_ask(home, line, json, "watch-onward", **params))


def _onward(found: dict[str, Any] | None) -> None:
    for unit in found["units"] if found else ():
        say(f"{unit['role']}: {unit['light']}", _LIGHTS.get(unit["light"], ""))


@watch.command("follow")
@command
def follow_up(
    how: Annotated[str, typer.Argument(help="query, correct or cancel.")],
    id_: IdArgument,
    text: TextArgument,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Question, correct or cancel a message, as loud as it was."""
    if how not in ("query", "correct", "cancel"):
        raise UsageError(f"{how!r} is none of query, correct, cancel.", code="follow-unknown")
    found = _ask(home, line, json, "watch-follow", how=how, id=id_, text=text)
    if found:
        say(f"{found['id']}: {how} of {id_}.")


# -- drafts ---------------------------------------------------------------------------------------------------


def _show_draft(draft: dict[str, Any]) -> None:
    wants = "a second officer approves it" if draft["two_officers"] else "one officer sends it"
    done = f", approved by {', '.join(draft['approved_by'])}" if draft["approved_by"] else ""
    say(f"draft {draft['number']} of {draft['officer']}, {draft['precedence']}: {wants}{done}")
    say(draft["text"])
    say(f"statement {draft['statement']}", "dim")
    if draft["newer"]:
        say(f"newer messages arrived: {', '.join(draft['newer'])}", "yellow")


@watch.command()
@command
def draft(
    officer: OfficerOption,
    text: Annotated[str, typer.Argument(help="The text.")] = "",
    precedence: Annotated[
        str, typer.Option("--precedence", "-p", help="FLASH, IMMEDIATE, PRIORITY or ROUTINE [ROUTINE, or the form's].")
    ] = "",
    form: Annotated[str, typer.Option(help="A form instead, filled in by --set or a YAML --file.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="field=value of the form; may be repeated.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The form's values.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="Codes of the recipients [every other member].")] = None,
    subject: Annotated[str, typer.Option(help="A short subject.")] = "",
    after: Annotated[str, typer.Option(help="The next step after this message was left without an answer.")] = "",
    about: Annotated[str, typer.Option(help="Id of the message that it is about.")] = "",
    relation: Annotated[str, typer.Option(help="What it is to that message, as of 'parley send' [the form's].")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a draft, for a second officer to approve or to send later."""
    params: dict[str, Any] = {"officer": officer, "precedence": precedence, "to": to or [], "subject": subject}
    if bool(text) == bool(form):
        raise UsageError("give a text or a form.", code="text-twice" if text else "text-empty")
    values = gather(line_forms(home, line), form, set_ or [], file, None) if form else {}
    params |= {"after": after, "about": about, "relation": relation}
    found = _ask(home, line, json, "watch-draft", text=text, form=form, values=values, **params)
    if found:
        _show_draft(found)
        ask_about(found["questions"])


@watch.command()
@command
def approve(
    number: Annotated[int, typer.Argument(help="The draft's number.")],
    statement: Annotated[str, typer.Argument(help="The statement's hash, as shown with the draft.")],
    officer: OfficerOption,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Approve a draft of another officer, as it stands."""
    found = _ask(home, line, json, "watch-approve", number=number, statement=statement, officer=officer)
    if found:
        _show_draft(found)


@watch.command()
@command
def release(
    number: Annotated[int, typer.Argument(help="The draft's number.")],
    officer: OfficerOption,
    confirm: Annotated[bool, typer.Option("--confirm", help="What came meanwhile was read.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Forget the draft instead.")] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a draft; held back while something newer came that was not read, or a second officer is wanted."""
    params = {"number": number, "officer": officer, "confirm": confirm, "drop": drop}
    found = _ask(home, line, json, "watch-release", **params)
    if found:
        say(f"draft {number} dropped." if drop else f"{found['id']}: on the record, on its way.")
