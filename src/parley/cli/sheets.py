"""``parley show`` and ``translate``: a message as text, HTML or PDF, and translations kept beside it."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Annotated

import typer

from parley.app.sheets import FORMATS
from parley.cli.messages import IdArgument, text_of
from parley.cli.output import HomeOption, JsonOption, LineOption, ShownOption, call, command, say, show_json
from parley.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(show)
    app.command()(translate)


@command
def show(
    id_: IdArgument,
    form: Annotated[str, typer.Option("--as", help=f"{', '.join(FORMATS)}.")] = "text",
    file: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to a file [standard output].")] = None,
    language: ShownOption = "",
    original: Annotated[
        bool, typer.Option("--original", help="In the language of its author, instead of one's own.")
    ] = False,
    watermark: Annotated[str, typer.Option(help="Words across every page, such as COPY.")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show a message as a sheet, to print or to hand on. It is not marked as read.

    Translations stand beneath the original, each with its translator. On a line for exercises each page says so.
    """
    if original:
        language = call(home, line, "show", id=id_)["language"]
    made = call(home, line, "sheet", id=id_, **{"as": form, "in": language, "mark": watermark})
    data = base64.b64decode(made["pdf"]) if "pdf" in made else made[form].encode()
    if file is not None:
        try:
            file.write_bytes(data)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}.", code="file-unwritable") from error
        made = {"file": str(file), "bytes": len(data)}
    if json:
        show_json(made)
    elif file is not None:
        say(f"{file}: {len(data)} bytes.")
    elif form == "pdf" and sys.stdout.isatty():
        raise UsageError("a PDF is not shown on a terminal.", code="pdf-terminal", next_step="Give a file with --out.")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@command
def translate(
    id_: IdArgument,
    text: Annotated[
        str | None, typer.Argument(help="The translation; left out, it is read from --file or standard input.")
    ] = None,
    language: Annotated[str, typer.Option("--into", help="Language of the translation, such as fr.")] = "",
    translator: Annotated[
        str, typer.Option("--by", help="Who or what translated it: a role, or a program with its version.")
    ] = "",
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read it from a file.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a translation beside a message, on this node alone: it is never sent, and the original stays as it is."""
    message = call(home, line, "translate", id=id_, language=language, translator=translator, text=text_of(text, file))
    if json:
        show_json(message)
    else:
        say(f"{message['id']} has {len(message['translations'])} translations. 'parley show {message['id']}' has all.")
