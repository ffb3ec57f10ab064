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
from parley.forms.asking import kind, terms, wanted
from parley.forms.filled import write_values
from parley.forms.library import HEADER_PACK, Forms
from parley.forms.pack import Field, Form, Phrase
from parley.forms.prove import check_form_pack
from parley.forms.render import spoken
from parley.forms.words import Words

forms = typer.Typer(no_args_is_help=True, help="Structured messages: list them, show one, write and check packs.")
LanguageOption = Annotated[
    str, typer.Option("--in", help="Language to show it in: en, fr, ru, ... [this party's first].")
]


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


def words_in(found: Forms, home: Path | None, line: str | None, language: str) -> Words:
    """The words of a language that is asked for, else of this party's first that the forms have.

    Raises UsageError ``language-unknown``.
    """
    if language and language not in found.languages:
        known = ", ".join(found.languages)
        raise UsageError(f"no form is in {language!r}; there are {known}.", code="language-unknown")
    at = home_of(home)
    if not language and (line is not None or at.lines()):
        mine = at.the_line(line)
        membership = mine.membership()
        spoken_here = membership.member(mine.me(membership)).languages
        language = next((x for x in spoken_here if x in found.languages), "en")
    return found.words(language or "en")


@forms.command("list")
@command
def list_(
    language: LanguageOption = "", line: LineOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """All forms of the line's charter."""
    found = line_forms(home, line)
    words = words_in(found, home, line, language)
    if json:
        packs = {p.name: {"version": p.version, "sha256": p.hash.hex(), "languages": p.languages} for p in found.packs}
        show_json({"packs": packs, "forms": [_plain(f, found, words) for f in found]})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "form", "title", "precedence", "notice", "reply"):
        table.add_column(column)
    for pack in found.packs:
        own = words.within(pack.code)
        table.add_row("", Text(f"{pack.name} {pack.version}", style="bold"), Text(own.say(pack.title), style="bold"))
        for form in pack.forms:
            notice, reply = _hours(form.notice_h), _hours(form.reply_h)
            table.add_row(form.id, form.name, Text(own.say(form.title)), form.precedence, notice, reply)
    out.print(table)
    if not found.packs:
        say("The line's charter names no form packs. 'parley line amend --packs' proposes those of this version.")


def _hours(hours: int) -> str:
    if not hours:
        return ""
    return f"{hours} h" if hours < 96 or hours % 24 else f"{hours // 24} d"  # noqa: PLR2004


def _plain(form: Form, found: Forms, words: Words) -> dict[str, Any]:
    words = words.within(form.pack)
    return {
        "id": form.id,
        "name": form.name,
        "title": words.say(form.title),
        "help": words.say(form.help),
        "precedence": form.precedence,
        "notice_hours": form.notice_h,
        "reply_hours": form.reply_h,
        "release": form.release,
        "relation": form.relation,
        "answers": form.answers,
        "terms": list(terms(form, found, words)),
        "fields": [_plain_field(f, form, words) for f in form.fields],
        **({"phrases": [_plain_phrase(p, words) for p in form.phrases]} if form.phrases else {}),
    }


def _plain_field(field: Field, form: Form, words: Words) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": field.name,
        "label": words.say(field.label),
        "help": words.say(field.help),
        "type": field.type,
        "takes": kind(field, words),
        "required": field.required,
        "wanted": wanted(field, form, words),
        "repeat": field.repeat,
    }
    if field.choices:
        plain["choices"] = {c.name: words.say(c.label) for c in field.choices}
    if field.fields:
        plain["fields"] = [_plain_field(f, form, words) for f in field.fields]
    return plain


def _plain_phrase(phrase: Phrase, words: Words) -> dict[str, Any]:
    texts = {"phrase": phrase.phrase, "meaning": phrase.meaning, "signal": phrase.signal, "response": phrase.response}
    return {"code": phrase.code, **{n: words.say(text) for n, text in texts.items()}, "said": phrase.said}


@forms.command()
@command
def show(
    name: Annotated[str, typer.Argument(help="Its id or name, such as M5, launch or military-activity/launch.")],
    language: LanguageOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """What a form asks for, with the help of each field, and the terms that it is sent under.

    Of coded phrases it is the table as well: meaning, other signals, response, and how each is said.
    """
    found = line_forms(home, line)
    form = found.named(name)
    words = words_in(found, home, line, language).within(form.pack)
    if json:
        show_json(_plain(form, found, words))
        return
    say(f"{form.id}  {words.say(form.title)}  ({form.precedence})", "bold")
    if form.help:
        say(words.say(form.help))
    for term in terms(form, found, words):
        say(f"- {term}")
    for field in form.fields:
        _show_field(field, form, words)
    for phrase in form.phrases:
        _show_phrase(phrase, words)
    say(f"* {words.say('wanted')}. 'parley forms new' prints it to be filled in.")


def _show_field(field: Field, form: Form, words: Words) -> None:
    colon = words.say(":")
    when = wanted(field, form, words) if field.required_if else ""
    asked = kind(field, words) + (f"; {when}" if when else "")
    say(f"  {field.name}{' *' if field.required else ''}: {words.say(field.label)}  [{asked}]")
    for choice in field.choices:
        say(f"      {choice.name}{colon} {words.say(choice.label)}", "dim")
    for inner in field.fields:
        mark = " *" if inner.required else ""
        say(f"      {inner.name}{mark}{colon} {words.say(inner.label)}  [{kind(inner, words)}]", "dim")
        for choice in inner.choices:
            say(f"          {choice.name}{colon} {words.say(choice.label)}", "dim")
    if field.help:
        say(f"      {words.say(field.help)}", "dim")


def _show_phrase(phrase: Phrase, words: Words) -> None:
    colon = words.say(":")
    say(f"{phrase.code}{colon} {words.say(phrase.meaning)}", "bold")
    say(f"  {words.say('Response that is wanted')}{colon} {words.say(phrase.response)}")
    say(f"  {words.say('Another signal for it')}{colon} {words.say(phrase.signal)}")
    for said in spoken(phrase, words):
        say(f"  {said}")


@forms.command()
@command
def new(
    name: Annotated[str, typer.Argument(help="Its id or name.")],
    language: LanguageOption = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Print a form as YAML to be filled in, with the help as comments: for 'parley send --form NAME --file FILE'."""
    found = line_forms(home, line)
    form = found.named(name)
    text = template(form, words_in(found, home, line, language))
    if json:
        show_json({"form": form.id, "template": text})
    else:
        typer.echo(text, nl=False)


_FAULT = "#!"
"""Begins the lines that say what is wrong with a form; they are taken out when it is read again."""


def template(form: Form, words: Words, given: Mapping[str, Any] | None = None) -> str:
    """The form as YAML: the help as comments, what is given filled in, and other fields left out as comments."""
    words = words.within(form.pack)
    head = [f"# {form.id} {words.say(form.title)}", *_comment(words.say(form.help))]
    return "\n".join([*head, *_lines(form, words, given or {})]) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in text.splitlines()]


def _lines(form: Form, words: Words, given: Mapping[str, Any]) -> Iterator[str]:
    for field in form.fields:
        yield ""
        when = wanted(field, form, words)
        yield f"# {words.say(field.label)}{f' ({when})' if when else ''}: {kind(field, words)}"
        yield from _comment(words.say(field.help))
        yield from (f"#   {c.name}: {words.say(c.label)}" for c in field.choices)
        for inner in field.fields:
            yield f"#   {inner.name}: {words.say(inner.label)}, {kind(inner, words)}"
            yield from (f"#     {c.name}: {words.say(c.label)}" for c in inner.choices)
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


def gather(found: Forms, name: str, settings: list[str], file: Path | None, edit: Words | None) -> dict[str, Any]:
    """The values of a form from ``--set``, a file, or an editor, whose help is in the words of ``edit``.

    Raises UsageError before anything is sent.
    """
    form = found.named(name)
    given: dict[str, Any] = {}
    if file is not None:
        try:
            given = read_yaml(sys.stdin.read() if str(file) == "-" else file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}", code="file-unreadable") from error
    given |= read_settings(settings)
    if edit is not None:
        given = edited(found, form, given, edit)
    return write_values(form.fields, fill(found, form, given).values)


def edited(found: Forms, form: Form, given: dict[str, Any], words: Words) -> dict[str, Any]:
    """What an officer made of the template in an editor: opened until it is without fault or given up.

    What is wrong stands as comments at the head of what was written. Raises UsageError ``form-given-up``, or the
    fault itself when the officer does not go on.
    """
    text = template(form, words, given)
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
