"""A form in the reader's language: its sentences, its fields with their labels, and what is wrong with it (R17, R42).

The same parts are made into plain text and HTML here; free text in the fields stays as it was written, made safe (R4).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from parley.forms.display import safe_line, safe_text
from parley.forms.filled import Filled, LeadTime, Values, holds, lead_time, problems
from parley.forms.pack import Field, Form, Phrase, Sentence
from parley.forms.words import Words
from parley.geo.coordinates import format_position
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Daily,
    Edge,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Volume,
    Window,
)

COUNT: Final = "count"
"""In a sentence with a plural: how many there are."""
_PLACE: Final = re.compile(r"\{([a-z0-9-]+)\}")
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_EVERY_DAY: Final = 0b1111111
_MAX_TIMES: Final = 12
_EDGES: Final = ("great circles", "rhumb lines", "parallels")


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what it is called and its values, each safe to show on a line of text."""

    label: str
    values: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A form as people read it."""

    language: str
    title: str
    sentences: tuple[str, ...]
    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    colon: str = ":"
    end: str = "END OF MESSAGE"


def render(filled: Filled, words: Words, sent: int | None = None) -> Rendered:
    """The form in the language of ``words``; with ``sent`` (POSIX seconds) its lead time is judged (R59)."""
    form, values, words = filled.form, filled.values, words.within(filled.form.pack)
    shown = {f.name: _shown(f, values[f.name], words) for f in form.fields if f.name in values}
    lines = [Line(words.say(f.label), tuple(shown[f.name]), f.name) for f in form.fields if f.name in shown]
    lines += _phrase(form, values, words)
    lines += [
        Line(words.say("Not understood (field {key})").format(key=key), (safe_line(repr(value)[:200]),))
        for key, value in filled.unknown.items()
    ]
    labels = {f.name: words.say(f.label) for f in form.fields}
    warnings = [
        f"{labels[p.about]}{words.say(':')} {words.say(p.text)}" if p.about in labels else words.say(p.text)
        for p in problems(form, values)
    ]
    lead = lead_time(filled, sent) if sent is not None else None
    if lead is not None and lead.short:
        warnings.insert(0, _short_notice(lead, words))
    sentences = tuple(text for s in form.sentences if (text := _sentence(s, filled, words)))
    notes = tuple(words.say(note) for note in form.notes)
    around = words.say(":"), words.say("END OF MESSAGE")
    return Rendered(words.language, words.say(form.title), sentences, tuple(lines), tuple(warnings), notes, *around)


def _phrase(form: Form, values: Values, words: Words) -> Iterator[Line]:
    """What a coded phrase means, what it asks for, and how it is said in each language (C11, R50)."""
    for phrase in form.phrases:
        if phrase.code == values.get(form.coded):
            yield Line(words.say("Meaning"), (words.say(phrase.meaning),))
            yield Line(words.say("Response that is wanted"), (words.say(phrase.response),))
            yield Line(words.say("Another signal for it"), (words.say(phrase.signal),))
            yield Line(words.say("How it is said"), tuple(spoken(phrase, words)))


def spoken(phrase: Phrase, words: Words) -> Iterator[str]:
    """A coded phrase in each language, and for a reader of another how it sounds, in the script that he reads."""
    for language, said in phrase.said.items():
        sound = said.get(words.script, "") if language != words.language else ""
        text = f"{words.language_name(language)}{words.say(':')} {said['words']}"
        yield f"{text} [{sound}]" if sound else text


def _short_notice(lead: LeadTime, words: Words) -> str:
    if lead.seconds <= 0:
        text = words.say("Sent after the start; agreed minimum notice {agreed}.")
    else:
        text = words.say("Short notice: lead time {lead}; agreed minimum {agreed}.")
    said = text.format(lead=_duration(lead.seconds, words), agreed=_duration(lead.agreed, words))
    return said.replace("..", ".")  # An abbreviated unit brings the full stop that ends the sentence.


def _duration(seconds: int, words: Words) -> str:
    minutes = max(0, seconds) // _MINUTE_S
    if minutes < 2 * 60:
        return words.amount(minutes, "min")
    hours = minutes // 60
    return words.amount(hours, "h") if hours < 72 or hours % 24 else words.amount(hours // 24, "d")  # noqa: PLR2004


def _sentence(sentence: Sentence, filled: Filled, words: Words) -> str:
    values = filled.values
    if sentence.when is not None and not holds(sentence.when, values):
        return ""
    fields = [(name, filled.form.field(name)) for name in placeholders(sentence) if name != COUNT]
    shown = {n: words.all_of(_shown(f, values[n], words)) for n, f in fields if f is not None and n in values}
    if len(shown) < len(fields) or (sentence.count and sentence.count not in values):
        return ""
    text = words.say(sentence.text)
    if sentence.count:
        counted = values[sentence.count]
        number = counted if isinstance(counted, int) else len(counted)
        text, shown[COUNT] = words.count(sentence.text, sentence.plural, number), words.number(number)
    return _PLACE.sub(lambda found: shown.get(found[1], found[0]), text)


def placeholders(sentence: Sentence) -> set[str]:
    """The names in braces: fields, and ``count``."""
    return set(_PLACE.findall(sentence.text + sentence.plural))


def _shown(spec: Field, value: Any, words: Words) -> list[str]:  # noqa: ANN401
    values = value if spec.repeat > 1 else (value,)
    return [_one(spec, item, words) for item in values]


def _one(spec: Field, value: Any, words: Words) -> str:  # noqa: ANN401, PLR0911 - one branch a type
    match spec.type:
        case "choice":
            return words.say(next(c.label for c in spec.choices if c.name == value))
        case "flag":
            return words.say("yes") if value else words.say("no")
        case "number":
            return words.amount(value, spec.unit)
        case "day":
            return words.day(value)
        case "time":
            return words.time(value)
        case "window":
            return _times(value, words)
        case "position":
            return format_position(value)
        case "area":
            return _area(value, words)
        case "group":
            parts = (
                f"{words.say(f.label)}{words.say(':')} {', '.join(_shown(f, value[f.name], words))}"
                for f in spec.fields
                if f.name in value
            )
            return "; ".join(parts)
    return safe_text(value)


def _times(value: Window | Daily, words: Words) -> str:
    if isinstance(value, Window):
        return words.say("{start} to {end}").format(start=words.time(value.start), end=words.time(value.end))
    start, end = (f"{m // 60:02}:{m % 60:02}" for m in (value.start, value.end))
    if value.end <= value.start:
        end = words.say("{time} on the next day").format(time=end)
    every = value.weekdays == _EVERY_DAY
    text = words.say(
        "daily from {first} to {last}, {start} to {end} (UTC)"
        if every
        else "on {weekdays} from {first} to {last}, {start} to {end} (UTC)"
    )
    first, last = (words.day(day * _DAY_S) for day in (value.first, value.last))
    return text.format(weekdays=words.weekdays(value.weekdays), first=first, last=last, start=start, end=end)


def _area(volume: Volume, words: Words) -> str:
    parts = [_shape(shape, words) for shape in volume.shapes]
    parts += _band(volume.band, words)
    parts += [_times(t, words) for t in volume.times[:_MAX_TIMES]]
    if len(volume.times) > _MAX_TIMES:
        more, last = words.number(len(volume.times) - _MAX_TIMES), _times(volume.times[-1], words)
        parts.append(words.say("and {count} more, the last {last}").format(count=more, last=last))
    return "; ".join(parts)


def _band(band: Band, words: Words) -> Iterator[str]:
    match band.lower, band.upper:
        case None, None:
            return
        case None, Height() as upper:
            yield words.say("up to {upper}, from below without a limit or from a height not known").format(
                upper=_height(upper, words)
            )
        case Height() as lower, None:
            yield words.say("from {lower} up, without a limit or to a height not known").format(
                lower=_height(lower, words)
            )
        case Height() as lower, Height() as upper:
            text = words.say("from {lower} to {upper}")
            yield text.format(lower=_height(lower, words), upper=_height(upper, words))


def _height(height: Height, words: Words) -> str:
    if height.reference is Reference.FL:
        return f"FL{height.value:03}"
    reference = words.say("above mean sea level" if height.reference is Reference.AMSL else "above ground level")
    return f"{words.amount(height.value, 'm' if height.unit.name == 'METRE' else 'ft')} {reference}"


def _shape(shape: Shape, words: Words) -> str:
    match shape:
        case Point():
            return format_position(shape.at)
        case Circle():
            text = words.say("within {radius} of {centre}")
            return text.format(radius=_distance(shape.radius, words), centre=format_position(shape.centre))
        case Polygon():
            text = words.say("area bounded by {positions}")
            return _along(text, shape.ring, shape.edge, words)
        case Corridor():
            text = words.say("within {width} of the route {positions}")
            return _along(text.replace("{width}", _distance(shape.half_width, words)), shape.path, shape.edge, words)


def _along(text: str, path: tuple[Position, ...], edge: Edge, words: Words) -> str:
    listed = text.replace("{positions}", ", ".join(format_position(p) for p in path))
    return f"{listed} ({words.say(_EDGES[edge])})" if edge else listed


def _distance(metres: int, words: Words) -> str:
    if metres % 1852 == 0:
        return words.amount(metres // 1852, "NM")
    return words.amount(metres // 1000, "km") if metres % 1000 == 0 else words.amount(metres, "m")


def as_text(rendered: Rendered, end: str = "") -> str:
    """Plain text; ``end`` is repeated in the last line, so that a cut is seen (R45)."""
    out = [rendered.title.upper(), *(f"!! {w}" for w in rendered.warnings), *rendered.sentences, ""]
    for number, line in enumerate(rendered.lines, 1):
        if len(line.values) == 1:
            out.append(f"{number}. {line.label}{rendered.colon} {line.values[0]}")
        else:
            out.append(f"{number}. {line.label}{rendered.colon}")
            out += [f"   - {value}" for value in line.values]
    out += ["", *rendered.notes] if rendered.notes else []
    return "\n".join(out) + (f"\n\n{rendered.end} {end}" if end else "") + "\n"


def as_html(rendered: Rendered) -> str:
    """A section of HTML without scripts, styles or anything remote."""
    e = html.escape
    parts = [f'<section class="form" lang="{e(rendered.language)}"><h2>{e(rendered.title)}</h2>']
    parts += [f'<p class="warning">{e(w)}</p>' for w in rendered.warnings]
    parts += [f"<p>{e(s)}</p>" for s in rendered.sentences]
    parts.append("<dl>")
    for line in rendered.lines:
        parts.append(f"<dt>{e(line.label)}</dt>")
        parts += [f'<dd dir="auto">{e(v)}</dd>' for v in line.values]
    parts.append("</dl>")
    parts += [f'<p class="note">{e(n)}</p>' for n in rendered.notes]
    return "\n".join([*parts, "</section>"]) + "\n"
