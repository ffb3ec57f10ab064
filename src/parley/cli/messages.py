"""What an officer does with messages."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from parley.cli.forms import gather, line_forms, words_in
from parley.cli.output import (
    HomeOption,
    JsonOption,
    LineOption,
    ShownOption,
    ask_about,
    call,
    command,
    listing,
    out,
    say,
    say_mark,
    show_json,
    time_of,
    when,
)
from parley.errors import UsageError
from parley.forms.display import mixed_script_words, safe_line, safe_text

IdArgument = Annotated[str, typer.Argument(help="Message id, such as northland-3f2a-12.")]
_MINUTES_DIGITS = 7
_GOES_ON = {"reply": "in reply to", "subject": "about", "continues": "goes on with", "queries": "asks about"}
_STYLES = {"FLASH": "bold red", "IMMEDIATE": "bold yellow", "PRIORITY": "bold"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, function in (
        ("send", send),
        ("inbox", inbox),
        ("read", read),
        ("ack", ack),
        ("decline", decline),
        ("reply", reply),
        ("status", status),
    ):
        app.command(name)(function)


@command
def send(
    text: Annotated[
        str | None, typer.Argument(help="The text; left out, it is read from --file or standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a file.")] = None,
    precedence: Annotated[
        str | None,
        typer.Option("--precedence", "-p", help="FLASH, IMMEDIATE, PRIORITY or ROUTINE [ROUTINE, or the form's]."),
    ] = None,
    to: Annotated[list[str] | None, typer.Option(help="Codes of the recipients [every other member].")] = None,
    subject: Annotated[str, typer.Option(help="A short subject.")] = "",
    language: Annotated[str | None, typer.Option(help="Language of the text [the line's first].")] = None,
    form: Annotated[
        str | None, typer.Option(help="Send a form instead, filled in by --set, --edit or a YAML --file.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="field=value of the form; may be repeated.")] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Fill the form in in an editor, with its help beside it.")
    ] = False,
    in_: Annotated[str, typer.Option("--in", help="Language of the help beside it [this party's first].")] = "",
    about: Annotated[str | None, typer.Option(help="Id of the message that it is about.")] = None,
    reply_by: Annotated[
        str | None,
        typer.Option(help="When an answer is asked for: a time such as 2026-03-10T03:04Z, or minutes such as +90."),
    ] = None,
    relation: Annotated[
        str | None,
        typer.Option(
            help="What it is to that message: reply, corrects, cancels, supersedes, continues, queries [the form's]."
        ),
    ] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a text or a form. It is signed, and can never be denied. Returns when it is durable here."""
    params: dict[str, Any] = {"to": to or [], "subject": subject, "language": language, "reply_by": _reply_by(reply_by)}
    if form is None:
        if set_ or edit or about:
            raise UsageError("--set, --edit and --about belong to a --form.", code="form-missing")
        params |= {"text": text_of(text, file), "precedence": precedence or "ROUTINE"}
    else:
        if text is not None:
            raise UsageError("give a text or a form, not both.", code="text-twice")
        found = line_forms(home, line)
        help_ = words_in(found, home, line, in_) if edit else None
        values = gather(found, form, set_ or [], file, help_)
        params |= {"form": form, "values": values, "about": about, "relation": relation, "precedence": precedence}
    submit(home, line, params, json=json)


def submit(home: Path | None, line: str | None, params: dict[str, Any], *, json: bool) -> None:
    """Send a text or a form, which a person at a terminal is asked about before (R67), and say what was sent."""
    if "form" in params and sys.stdin.isatty() and not json:
        asked = call(home, line, "questions", form=params["form"], values=params["values"])
        _ask_first(asked["questions"])
    message = call(home, line, "send", **params)
    if json:
        show_json(message)
        return
    say(f"{message['id']}  {message['precedence']} to {', '.join(message['to'])}: on the record, on its way.")
    for warning in message["warnings"]:
        say(warning, "bold red")
    ask_about(message.get("questions", ()), " 'parley watch follow correct' corrects it.")


def _ask_first(questions: list[str]) -> None:
    """What was sent can never be taken back, so a person is asked before (R67)."""
    ask_about(questions)
    if questions and not typer.confirm("Send it as it is?", default=False):
        raise UsageError("nothing is sent.", code="form-given-up")


def _reply_by(text: str | None) -> int:
    """POSIX seconds of a time, or of minutes from now behind a plus sign. Raises UsageError."""
    if text is not None and text.startswith("+"):
        if not text[1:].isdigit() or len(text) > _MINUTES_DIGITS:
            raise UsageError(f"{text!r} is no number of minutes; one looks like +90.", code="time-malformed")
        return int(time.time()) + 60 * int(text[1:])
    return time_of(text)


def text_of(text: str | None, file: Path | None) -> str:
    """A text that was typed, or that of a file or of standard input. Raises UsageError."""
    if text is not None and file is not None:
        raise UsageError("give the text or a file, not both.", code="text-twice")
    if text is not None:
        return text
    try:
        data = file.read_bytes() if file is not None else sys.stdin.buffer.read()
        return data.decode()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", code="file-unreadable") from error
    except UnicodeDecodeError:
        raise UsageError("the text is not UTF-8.", code="text-encoding", next_step="Convert it first.") from None


@command
def inbox(
    everything: Annotated[bool, typer.Option("--all", "-a", help="Every message, sent ones too, in order.")] = False,
    limit: Annotated[
        int | None, typer.Option(help="At most so many: of those that wait the most urgent, with --all the newest.")
    ] = None,
    language: ShownOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List messages that wait to be acknowledged here: FLASH first."""
    messages = call(home, line, "inbox", all=everything, limit=limit, **{"in": language})
    if json:
        show_json(messages)
        return
    say_mark()
    if not messages:
        say("Nothing waits." if not everything else "Nothing yet.")
        return
    rows = [
        (
            m["id"],
            when(m["time"]),
            Text(m["precedence"], style=_STYLES.get(m["precedence"], "")),
            m["author"],
            _states(m),
            _about(m),
        )
        for m in messages
    ]
    listing(("id", "time", "precedence", "from", "state", "text"), rows)


def _about(message: dict[str, Any]) -> Text:
    """What a message is about; what is short about its notice stands before it in red (R59, B2)."""
    flags = [(f"!! {safe_line(warning)} ", "bold red") for warning in message["warnings"]]
    return Text.assemble(*flags, safe_line(message["subject"] or message["text"].strip())[:60])


def _states(message: dict[str, Any]) -> str:
    if message["open"]:
        return "waits here"
    states = [f"{r['code']} {r['state']}" for r in message["recipients"]]
    return ", ".join(states)


def _show(message: dict[str, Any], json: bool) -> None:
    if json:
        show_json(message)
        return
    say_mark()
    out.print(
        Text(
            f"{message['precedence']}  {message['author']} -> {', '.join(message['to'])}",
            style=_STYLES.get(message["precedence"], "bold"),
        )
    )
    say(f"{message['id']}  {when(message['time'])}  language {message['language'] or 'unknown'}")
    for warning in message["warnings"]:
        say(warning, "bold red")
    if message["subject"]:
        say(message["subject"], "bold")
    if message["reply_by"]:
        say(f"answer asked for by {when(message['reply_by'])}", "bold")
    for ref in message["refs"]:
        say(f"{_GOES_ON.get(ref['relation'], ref['relation'])} {ref['id']}")
    out.print(Text(safe_text(message["text"].rstrip("\n"))))
    mixed = mixed_script_words(message["text"])
    if mixed:
        say(f"Words with letters of several scripts: {', '.join(mixed[:10])}", "yellow")
    for made in message.get("translations", ()):
        by = safe_line(made["translator"])
        say(f"translation into {made['language']} by {by}, {when(made['time'])} (not part of the message):", "magenta")
        for row in safe_text(made["text"]).splitlines():
            say(f"  | {row}")
    for r in message["recipients"]:
        facts = [f"{k} {when(r[k])}" for k in ("delivered", "read", "acknowledged", "declined", "answered") if r[k]]
        reason = f" ({r['reason']})" if r["reason"] else ""
        say(f"  {r['code']}: {', '.join(facts) or 'undelivered'}{reason}", "dim")
        for remark in r["remark"].splitlines():
            say(f"    {remark}")


@command
def read(
    id_: IdArgument,
    language: ShownOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show a message, and put on the record that it was read."""
    message = call(home, line, "read", id=id_, **{"in": language})
    _show(message, json)
    if not json and not message["mine"]:
        for place in call(home, line, "readback", id=id_, **{"in": language}):
            say(f"  {place['at']} lies {'; '.join(place['said'])}", "cyan")
            for own in place["own"]:
                say(f"    from own plans (never sent): {own}", "cyan")


@command
def ack(
    id_: IdArgument,
    remark: Annotated[str, typer.Option(help="A remark for the record.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Acknowledge a message."""
    _done(call(home, line, "ack", id=id_, text=remark), "acknowledged", json)


@command
def decline(
    id_: IdArgument,
    reason: Annotated[str, typer.Argument(help="Why, for the record; may be empty.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Decline a message, with a reason: a refusal that is an answer, not a silence."""
    _done(call(home, line, "decline", id=id_, text=reason), "declined", json)


def _done(message: dict[str, Any], what: str, json: bool) -> None:
    if json:
        show_json(message)
    else:
        say(f"{message['id']} {what}.")


@command
def reply(
    id_: IdArgument,
    text: Annotated[
        str | None, typer.Argument(help="The answer; left out, it is read from --file or standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the answer from a file.")] = None,
    precedence: Annotated[
        str, typer.Option("--precedence", "-p", help="FLASH, IMMEDIATE, PRIORITY or ROUTINE.")
    ] = "ROUTINE",
    language: Annotated[str | None, typer.Option(help="Language of the text.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Answer a message, to all who know it."""
    message = call(home, line, "reply", id=id_, text=text_of(text, file), precedence=precedence, language=language)
    if json:
        show_json(message)
    else:
        say(f"{message['id']} answers {id_}.")


@command
def status(line: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show each peer and bearer: last heard, what was delivered, read and acknowledged, the oldest unanswered."""
    found = call(home, line, "status")
    if json:
        show_json(found)
        return
    say_mark()
    say(
        f"{found['line']} ({found['class']}), here {found['me']}, {found['entries']} entries on record",
        "bold",
    )
    if found["trouble"]:
        say(found["trouble"], "bold red")
    if found["refilling"]:
        say(f"The record is not whole yet: {found['refilling']}", "bold yellow")
    if found["armed_consoles"] == 0:
        say("No armed console watches: nobody would hear an alarm.", "bold yellow")
    for log in found["two_histories"]:
        say(f"TWO HISTORIES: {log}. The proof is in every export.", "bold red")
    for p in found["peers"]:
        bearers = ", ".join(f"{b['name']} {'up' if b['up'] else 'DOWN'}" for b in p["bearers"]) or "no bearer"
        left = ", has left the line" if p["left"] else ""
        say(f"{p['name']}{left}: last heard {when(p['last_heard'])}; {bearers}")
        say(
            f"  sent {p['sent']}, delivered {p['delivered']}, read {p['read']}, acknowledged {p['acknowledged']}, "
            f"declined {p['declined']}, answered {p['answered']}; oldest unanswered {when(p['oldest_unanswered'])}"
        )
        say(f"  waiting here {p['waiting_here']}; oldest {when(p['oldest_waiting_here'])}")
