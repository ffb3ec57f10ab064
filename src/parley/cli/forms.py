"""``parley forms``: what forms there are, what they ask for, and whether a pack is fit to be agreed on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import click
import typer
import yaml
from rich.table import Table
from rich.text import Text

from parley.app.forms import fill, forms_of, library, read_folder, read_yaml, usual_packs
from parley.cli.output import HomeOption, JsonOption, LineOption, command, home_of, out, say, show_json
from parley.errors import UsageError, VerificationError
from parley.forms.filled import write_values
from parley.forms.library import HEADER_PACK, Forms
from parley.forms.pack import Field, Form
from parley.forms.prove import check_form_pack
from parley.forms.words import Words

forms = typer.Typer(no_args_is_help=True, help="Structured messages: list them, show one, write and check packs.")
LanguageOption = Annotated[str, typer.Option("--in", help="Language to show it in: en, fr, ru, ...")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(forms, name="forms")


def line_forms(home: Path | None, line: str | None) -> Forms:
    """The forms that the line's charter names; those of Parley where no line is founded yet."""
    found = home_of(home)
    if line is None and not found.lines():
        packs, dictionary = usual_packs()
        return library().under({p.name: p.hash for p in packs}, dictionary)
    at = found.the_line(line)
    return forms_of(at.membership().current.charter, at.forms)


@forms.command("list")
@command
def list_(
    language: LanguageOption = "en", line: LineOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """All forms of the line's charter."""
    found = line_forms(home, line)
    words = found.words(language)
    if json:
        packs = {p.name: {"version": p.version, "sha256": p.hash.hex(), "languages": p.languages} for p in found.packs}
        show_json({"packs": packs, "forms": [_plain(f, words) for f in found]})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "form", "title", "precedence", "notice", "reply"):
        table.add_column(column)
    for pack in found.packs:
        table.add_row("", Text(f"{pack.name} {pack.version}", style="bold"), Text(words.say(pack.title), style="bold"))
        for form in pack.forms:
            title = Text(words.say(form.title))
            table.add_row(form.id, form.name, title, form.precedence, _hours(form.notice_h), _hours(form.reply_h))
    out.print(table)
    if not found.packs:
        say("The line's charter names no form packs. 'parley line amend --packs' proposes those of this version.")


def _hours(hours: int) -> str:
    if not hours:
        return ""
    return f"{hours} h" if hours < 96 or hours % 24 else f"{hours // 24} d"  # noqa: PLR2004


def _plain(form: Form, words: Words) -> dict[str, Any]:
    return {
        "id": form.id,
        "name": form.name,
        "title": words.say(form.title),
        "help": words.say(form.help),
        "precedence": form.precedence,
        "notice_hours": form.notice_h,
        "reply_hours": form.reply_h,
        "release": form.release,
        "fields": [_plain_field(f, words) for f in form.fields],
    }


def _plain_field(field: Field, words: Words) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": field.name,
        "label": words.say(field.label),
        "type": field.type,
        "required": field.required,
        "repeat": field.repeat,
    }
    if field.choices:
        plain["choices"] = {c.name: words.say(c.label) for c in field.choices}
    if field.fields:
        plain["fields"] = [_plain_field(f, words) for f in field.fields]
    return plain


@forms.command()
@command
def show(
    name: Annotated[str, typer.Argument(help="Its id or name, such as M5, launch or military-activity/launch.")],
    language: LanguageOption = "en",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """What a form asks for, with the help of each field."""
    found = line_forms(home, line)
    form, words = found.named(name), found.words(language)
    if json:
        show_json(_plain(form, words))
        return
    say(f"{form.id}  {words.say(form.title)}  ({form.precedence})", "bold")
    if form.help:
        say(words.say(form.help))
    for field in form.fields:
        say(f"  {field.name}{' *' if field.required else ''}: {words.say(field.label)}  [{_kind(field)}]")
        for choice in field.choices:
            say(f"      {choice.name}: {words.say(choice.label)}", "dim")
        for inner in field.fields:
            say(
                f"      {inner.name}{' *' if inner.required else ''}: {words.say(inner.label)}  [{_kind(inner)}]", "dim"
            )
        if field.help:
            say(f"      {words.say(field.help)}", "dim")
    say("* wanted. 'parley forms new' prints it to be filled in.")


_HOW = {
    "text": "text",
    "choice": "one of these",
    "flag": "yes or no",
    "number": "whole number",
    "day": "2026-03-10",
    "time": "2026-03-10T03:04Z",
    "window": "START/END, or daily FIRST/LAST HH:MM-HH:MM",
    "position": "any notation: 36-43.09N 068-51.75E",
    "area": "{circle: 54-10N 019-20E, radius: 2 NM, lower: open, upper: FL100, times: [START/END]}",
    "group": "table",
}


def _kind(field: Field) -> str:
    kind = _HOW[field.type]
    if field.type == "text":
        kind = f"text of at most {field.high} characters"
    if field.type == "number":
        kind = f"{field.low} to {field.high} {field.unit}".strip()
    return f"list of at most {field.repeat}: {kind}" if field.repeat > 1 else kind


@forms.command()
@command
def new(
    name: Annotated[str, typer.Argument(help="Its id or name.")],
    language: LanguageOption = "en",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Print a form as YAML to be filled in, with the help as comments: for 'parley send --form NAME --file FILE'."""
    found = line_forms(home, line)
    form = found.named(name)
    text = template(form, found.words(language))
    if json:
        show_json({"form": form.id, "template": text})
    else:
        typer.echo(text, nl=False)


_FAULT = "#!"
"""Begins the lines that say what is wrong with a form; they are taken out when it is read again."""


def template(form: Form, words: Words, given: Mapping[str, Any] | None = None) -> str:
    """The form as YAML: the help as comments, what is given filled in, and other fields left out as comments."""
    head = [f"# {form.id} {words.say(form.title)}", *_comment(words.say(form.help))]
    return "\n".join([*head, *_lines(form, words, given or {})]) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in text.splitlines()]


def _lines(form: Form, words: Words, given: Mapping[str, Any]) -> Iterator[str]:
    for field in form.fields:
        yield ""
        wanted = " (wanted)" if field.required else ""
        yield f"# {words.say(field.label)}{wanted}: {_kind(field)}"
        yield from _comment(words.say(field.help))
        yield from (f"#   {c.name}: {words.say(c.label)}" for c in field.choices)
        yield from (f"#   {f.name}: {words.say(f.label)}, {_kind(f)}" for f in field.fields)
        if field.name in given:
            yield _yaml({field.name: given[field.name]})
        else:
            yield f"{field.name}:" if field.required else f"# {field.name}:"
    # What the form does not have stays in sight: reading it again says so.
    unknown = {name: given[name] for name in given if form.field(name) is None}
    if unknown:
        yield _yaml(unknown)


def _yaml(given: Mapping[str, Any]) -> str:
    """As people read it; with escapes where a text holds NEL (U+0085), which YAML takes for the end of a line."""
    text: str = yaml.safe_dump(given, allow_unicode=True, sort_keys=False)
    return (text if "\x85" not in text else yaml.safe_dump(given, sort_keys=False)).rstrip()


def read_settings(settings: list[str]) -> dict[str, Any]:
    """``field=value`` each; a field that comes several times is a list; a value in brackets or braces is YAML."""
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"{setting!r} is not field=value.", code="form-yaml")
        value = read_yaml(f"v: {text}")["v"] if text[:1] in ("{", "[") else text
        found[name] = [*_as_list(found[name]), *_as_list(value)] if name in found else value
    return found


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def gather(found: Forms, name: str, settings: list[str], file: Path | None, *, edit: bool) -> dict[str, Any]:
    """The values of a form from ``--set``, a file, or an editor. Raises UsageError before anything is sent."""
    form = found.named(name)
    given: dict[str, Any] = {}
    if file is not None:
        try:
            given = read_yaml(sys.stdin.read() if str(file) == "-" else file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}", code="file-unreadable") from error
    given |= read_settings(settings)
    if edit:
        given = edited(found, form, given)
    return write_values(form.fields, fill(found, form, given).values)


def edited(found: Forms, form: Form, given: dict[str, Any]) -> dict[str, Any]:
    """What an officer made of the template in an editor: opened until it is without fault or given up.

    What is wrong stands as comments at the head of what was written. Raises UsageError ``form-given-up``, or the
    fault itself when the officer does not go on.
    """
    text = template(form, found.words("en"), given)
    while True:
        written = click.edit(text, extension=".yaml")
        if written is None:
            raise UsageError("the form was left as it was; nothing is sent.", code="form-given-up")
        written = "".join(line for line in written.splitlines(keepends=True) if not line.startswith(_FAULT))
        try:
            values = read_yaml(written)
            fill(found, form, values)
        except UsageError as error:
            faults = f"{error.message} {error.next_step}".strip().splitlines()
            say("\n".join(faults), "bold red")
            if not typer.confirm("Edit again?", default=True):
                raise
            text = "".join(f"{_FAULT} {fault}\n" for fault in faults) + written
        else:
            return values


@forms.command()
@command
def check(
    folder: Annotated[Path, typer.Argument(help="A pack: pack.toml with a gettext file for each language.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Prove a pack: complete in its languages, there and back on the wire, every rule reachable."""
    del home
    pack = read_folder(folder)
    core = next(p for p in library().all() if p.name == HEADER_PACK)
    found = check_form_pack(pack, () if pack.name == HEADER_PACK else core.header)
    if json:
        show_json({"pack": pack.name, "version": pack.version, "sha256": pack.hash.hex(), "findings": found})
    elif not found:
        say(f"{pack.name} {pack.version} is complete in {', '.join(pack.languages)}; sha256 {pack.hash.hex()}")
    if found:
        raise VerificationError("\n  ".join([f"{pack.name} is not fit:", *found]), code="pack-unfit")
