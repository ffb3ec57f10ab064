"""``parley follow``: what comes next after a message, as a form that is filled in from it (B8, R50)."""

from __future__ import annotations

from typing import Annotated

import typer

from parley.app.forms import fill
from parley.cli.forms import edited, line_forms, template, words_in
from parley.cli.messages import submit
from parley.cli.output import HomeOption, JsonOption, LineOption, call, command, say, show_json
from parley.forms.filled import write_values


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(follow)


@command
def follow(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The message, as 'parley inbox' shows it.")],
    form: Annotated[str | None, typer.Option(help="Which form, where several can follow.")] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="Of which quotation, as they are listed.", min=1)] = 1,
    edit: Annotated[bool, typer.Option("--edit", help="Complete it in an editor, then send it.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Send it as it is.")] = False,
    language: Annotated[str | None, typer.Option(help="Language of what is written [the line's first].")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the forms that can follow a message, such as "is this your position?" after a public statement.

    Each is filled in from the message and cites it. With --form, or where there is one alone, it is printed to be
    completed; --edit completes it in an editor, --send sends it.
    """
    offers = call(home, line, "follow", id=id_)
    single = len({each["form"] for each in offers}) == 1 and (edit or send)
    if form is None and not single:
        if json:
            show_json(offers)
            return
        for each in offers:
            say(f"{each['form']} {each['name']} --number {each['which']}: {each['title']}  {each['about']}")
        say("Choose with --form and --number." if offers else "Nothing follows this message by its form.")
        return
    chosen = call(home, line, "follow", id=id_, form=form or offers[0]["form"], which=number)[0]
    found = line_forms(home, line)
    named, values = found.named(chosen["form"]), chosen["values"]
    if edit:
        values = edited(found, named, values, words_in(found, home, line, ""))
    if not edit and not send:
        text = template(named, words_in(found, home, line, ""), values)
        if json:
            show_json(chosen | {"template": text})
        else:
            typer.echo(text, nl=False)
        return
    values = write_values(named.fields, fill(found, named, values).values)
    params = {"form": named.id, "values": values, "about": id_, "relation": "continues", "language": language}
    submit(home, line, params, json=json)
