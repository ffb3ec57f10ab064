"""``parley import``: real notices and press texts become drafts of forms, for an officer to check."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from parley.app.areas import FORMATS, write_areas
from parley.app.usable import area_fault
from parley.cli.forms import edited, line_forms, words_in
from parley.cli.output import HomeOption, JsonOption, LineOption, call, command, say, show_json, when
from parley.errors import UsageError
from parley.forms.display import safe_line
from parley.forms.filled import write_values
from parley.forms.geotext import write_height, write_times
from parley.forms.library import Forms
from parley.geo.coordinates import format_position
from parley.notices import forms as notice_form
from parley.notices.anything import KINDS, read_any
from parley.notices.draft import NoticeDraft, Part
from parley.notices.statement import form as press_form
from parley.notices.statement.draft import StatementDraft
from parley.notices.statement.form import StatementForm, statement_form
from parley.wire.geometry import Circle, Corridor, Point, Polygon, Shape

Draft = NoticeDraft | StatementDraft


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


@command
def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Notices or press texts; left out, one is read from standard input.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send each to the line, as an area-warning or public-statement form.")
    ] = False,
    edit: Annotated[bool, typer.Option("--edit", help="Check and complete each in an editor, then send it.")] = False,
    form: Annotated[
        str | None, typer.Option("--as", help=f"Print the areas in a format of others instead: {FORMATS}.")
    ] = None,
    kind: Annotated[str, typer.Option(help=f"What the texts are: {', '.join(KINDS)}.")] = "auto",
    written: Annotated[
        str | None,
        typer.Option(help="The day on which a press text was written, such as 2026-03-10 [as the text says]."),
    ] = None,
    language: Annotated[str, typer.Option(help="The language of a press text: en or fr [told by its words].")] = "",
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read navigational warnings, NOTAMs and press texts, and show what was understood, each value with its words.

    A press text in French or English becomes a draft of a public statement: the quoted words with their speakers, the
    figures, the days, the chain of sources.
    """
    texts = [_read(path) for path in files] if files else [_read(None)]
    today, day = datetime.now(UTC).date(), _day(written)
    drafts = [read_any(text, today, kind, language=language, written=day) for text in texts]
    found = line_forms(home, line)
    if form is not None:
        typer.echo(write_areas([d for d in drafts if isinstance(d, NoticeDraft)], form), nl=False)
    elif not (send or edit) and json:
        show_json([_plain(draft, found) for draft in drafts])
    elif not json:
        for draft in drafts:
            _show(draft, found)
    if send or edit:
        sent = [_send(draft, found, home, line, edit=edit) for draft in drafts]
        if json:
            show_json(sent)
        elif form is None:
            for message in sent:
                say(f"Sent {message['subject']} as {message['id']}.")


def _read(path: Path | None) -> str:
    try:
        data = sys.stdin.buffer.read() if path is None else path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", code="file-unreadable") from error
    except UnicodeDecodeError:
        raise UsageError(
            f"{path or 'the text'} is not UTF-8.", code="text-encoding", next_step="Convert it first."
        ) from None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is no day; one looks like 2026-03-10.", code="form-value") from None


def _form_of(draft: Draft, found: Forms) -> tuple[str, dict[str, Any]]:
    """The form's name and its values as officers write them."""
    if isinstance(draft, StatementDraft):
        return press_form.FORM, _statement(draft, found).values
    values = notice_form.form_values(draft)
    return notice_form.FORM, write_values(found.named(notice_form.FORM).fields, values)


def _statement(draft: StatementDraft, found: Forms) -> StatementForm:
    return statement_form(found.named(press_form.FORM), draft)


def _send(draft: Draft, found: Forms, home: Path | None, line: str | None, *, edit: bool) -> Any:  # noqa: ANN401 - JSON
    """As a form; what could not be read is in it by name, and the original text with it."""
    name, values = _form_of(draft, found)
    if edit:
        values = edited(found, found.named(name), values, words_in(found, home, line, ""))
    if isinstance(draft, NoticeDraft):
        subject, language = draft.name, "en"
    else:
        subject, language = str(values.get("headline", ""))[:_SUBJECT], draft.language
    return call(home, line, "send", form=name, values=values, subject=subject, language=language, draft=True)


_SUBJECT = 120
"""Characters of a headline that become the subject."""


def _plain(draft: Draft, found: Forms) -> dict[str, Any]:
    return _plain_notice(draft) if isinstance(draft, NoticeDraft) else _plain_statement(draft, found)


def _plain_statement(draft: StatementDraft, found: Forms) -> dict[str, Any]:
    made = _statement(draft, found)
    return {
        "form": press_form.FORM,
        "language": draft.language,
        "written": draft.written.isoformat() if draft.written else None,
        "values": made.values,
        "fields": [
            {
                "field": link.field,
                "value": link.value,
                "start": link.span.start,
                "end": link.span.end,
                "text": link.span.text,
                "why": link.why,
            }
            for link in made.links
        ],
        "dates": [
            {
                "date": d.date.isoformat() if d.date else None,
                "start": d.span.start,
                "end": d.span.end,
                "text": d.words,
                "why": d.reckoning.value,
            }
            for d in draft.dates
        ],
        "warnings": made.warnings,
    }


def _plain_notice(draft: NoticeDraft) -> dict[str, Any]:
    return {
        "kind": draft.kind.value,
        "series": draft.series,
        "number": draft.number,
        "issued": draft.issued,
        "regions": draft.regions,
        "fir": draft.fir,
        "qualifiers": draft.qualifiers,
        "subject": draft.subject,
        "parts": [
            {
                "label": part.label,
                "shapes": [_shape(s) for s in part.volume.shapes],
                "lower": write_height(part.volume.band.lower),
                "upper": write_height(part.volume.band.upper),
                "windows": [[w.start, w.end] for w in part.volume.windows()],
                "computed": part.computed,
                "unusable": "" if (fault := area_fault(part.volume)) is None else fault.code,
            }
            for part in draft.parts
        ],
        "cancels": draft.cancels,
        "cancels_itself": draft.cancels_itself,
        "not_understood": [{"start": s.start, "end": s.end, "text": s.text} for s in draft.not_understood],
        "warnings": draft.warnings,
    }


def _shape(shape: Shape) -> dict[str, Any]:
    match shape:
        case Point(at):
            return {"kind": "point", "positions": [format_position(at)]}
        case Circle(centre, radius):
            return {"kind": "circle", "positions": [format_position(centre)], "radius_m": radius}
        case Polygon(ring, edge):
            return {"kind": "polygon", "positions": [format_position(p) for p in ring], "edge": edge.name.lower()}
        case Corridor(path, half_width, _):
            return {"kind": "corridor", "positions": [format_position(p) for p in path], "half_width_m": half_width}


def _show(draft: Draft, found: Forms) -> None:
    if isinstance(draft, NoticeDraft):
        _show_notice(draft)
    else:
        _show_statement(draft, found)


def _show_statement(draft: StatementDraft, found: Forms) -> None:
    """Each value with the place in the text, in characters, where its words stand."""
    made = _statement(draft, found)
    written = draft.written.isoformat() if draft.written else "not stated"
    say(f"Public statement, a draft from a press text ({draft.language}, written: {written})", "bold")
    row = ""
    for link in made.links:
        group, _, field = link.field.rpartition(".")
        if group != row and group.count("."):
            say(f"  {group.replace('.', ' ')}", "bold")
        row = group
        words = "" if link.span.text == link.value else f" “{safe_line(link.span.text)}”"
        why = f" ({link.why})" if link.why else ""
        indent = "    " if group.count(".") else "  "
        name = link.field.replace(".", " ") if field.isdecimal() else field
        say(f"{indent}{name}: {safe_line(link.value)}  [{link.span.start}-{link.span.end}{words}]{why}")
    for dated in draft.dates:
        day = dated.date.isoformat() if dated.date else "?"
        say(f"  day {day}: “{dated.words}” [{dated.span.start}-{dated.span.end}] ({dated.reckoning.value})", "dim")
    for warning in made.warnings:
        say(f"  note: {warning}", "yellow")


def _show_notice(draft: NoticeDraft) -> None:
    say(f"{draft.series} {draft.number}: {draft.subject}", "bold")
    if draft.regions or draft.fir:
        say(f"  {', '.join((*draft.regions, *draft.fir))}")
    for part in draft.parts:
        _show_part(part)
    for cancelled in draft.cancels:
        say(f"  cancels {cancelled}")
    if draft.cancels_itself:
        say(f"  ends itself {when(draft.cancels_itself)}")
    for warning in draft.warnings:
        say(f"  note: {warning}", "yellow")
    for span in draft.not_understood:
        say(f"  not understood: {span.text}", "bold red")


def _show_part(part: Part) -> None:
    """An area whole: each position, its heights and its times, as an officer compares them with the text."""
    computed = f" ({', '.join(part.computed)} computed)" if part.computed else ""
    say(f"  {part.label or 'area'}{computed}")
    for shape in part.volume.shapes:
        plain = _shape(shape)
        size = "".join(f", {words} {plain[name]} m" for name, words in _SIZES.items() if name in plain)
        say(f"    {plain['kind']}{size}: {', '.join(plain['positions'])}")
    band = part.volume.band
    if band.lower is not None or band.upper is not None:
        say(f"    heights {write_height(band.lower)} to {write_height(band.upper)}")
    for stated in part.volume.times[:_TIMES]:
        say(f"    {write_times(stated)}")
    if len(part.volume.times) > _TIMES:
        say(f"    and {len(part.volume.times) - _TIMES} more, the last {write_times(part.volume.times[-1])}")
    windows = part.volume.windows()
    say(f"    {len(windows)} times, {when(windows[0].start)} to {when(windows[-1].end)}" if windows else "    always")
    if (fault := area_fault(part.volume)) is not None:
        say(f"    no check can use this area: {fault.message} {fault.next_step}", "bold red")


_SIZES = {"radius_m": "radius", "half_width_m": "half its width"}
_TIMES = 12
"""Times of one area that are listed; --json has all of them."""
