"""What a form asks for, in the reader's language: what each field takes and when, and the terms that it is sent under.

What is typed, such as names of choices and ``yes``, is the same in every language and stands as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.forms.library import Forms
from parley.forms.pack import Condition, Field, Form
from parley.forms.words import Words

_HOW: Final = {
    "day": "2026-03-10",
    "time": "2026-03-10T03:04Z",
    "window": "2026-03-10T03:00Z/2026-03-10T05:00Z",
    "daily": "daily 2026-03-10/2026-03-14 03:00-15:00 mon,tue",
    "position": "36-43.09N 068-51.75E",
    "area": "{circle: 54-10N 019-20E, radius: 2 NM, lower: open, upper: FL100, times: [START/END]}",
    "shapes": "{polygon: [P, P, P]}, {corridor: [P, P], width: 4 NM}, {point: P}; edge: rhumb, parallel",
}
_OF_ONES_OWN: Final = {
    "corrects": "It corrects an earlier message of one's own.",
    "cancels": "It cancels an earlier message of one's own.",
    "supersedes": "It replaces an earlier message of one's own.",
}


def kind(field: Field, words: Words) -> str:
    """What a field takes."""
    one = _one(field, words)
    text = words.say("list of at most {count}: {kind}")
    return text.format(count=words.number(field.repeat), kind=one) if field.repeat > 1 else one


def _one(field: Field, words: Words) -> str:
    match field.type:
        case "text":
            return words.say("text of at most {high} characters").format(high=words.number(field.high))
        case "choice":
            return words.say("one of these")
        case "flag":
            said = {flag: words.say(flag) for flag in ("yes", "no")}
            return ", ".join(flag if flag == text else f"{flag} ({text})" for flag, text in said.items())
        case "number":
            text = words.say("whole number from {low} to {high}")
            return text.format(low=words.number(field.low), high=words.amount(field.high, field.unit))
        case "group":
            return words.say("table of these")
    return _written(field, words)


def _written(field: Field, words: Words) -> str:
    """How a value of a type with a notation of its own is written."""
    example, either = _HOW[field.type], words.say("{example}, or {other}")
    match field.type:
        case "position":
            return words.say("in any notation, such as {example}").format(example=example)
        case "area":
            return either.format(example=example, other=_HOW["shapes"])
        case "window":
            text = either.format(example=example, other=_HOW["daily"])
            alone = words.say("a start alone lasts {hours}").format(hours=words.amount(field.lasts_h, "h"))
            return f"{text}; {alone}" if field.lasts_h else text
    return example


def wanted(field: Field, form: Form, words: Words) -> str:
    """When a field is wanted; empty for never."""
    if field.required:
        return words.say("wanted")
    condition = field.required_if
    if condition is None:
        return ""
    if not condition.among:
        return words.say("wanted when {field} is given").format(field=_label(condition, form, words))
    text, values = words.say("wanted when {field} is {values}"), ", ".join(condition.among)
    return text.format(field=_label(condition, form, words), values=values)


def _label(condition: Condition, form: Form, words: Words) -> str:
    field = form.field(condition.field)
    return words.say(field.label) if field is not None else condition.field


def terms(form: Form, forms: Forms, words: Words) -> Iterator[str]:
    """The terms of a form, each a sentence: notice, answer, release, what it goes on with, and its rules (R45-R48)."""
    if form.notice_h:
        yield _notice(form, words)
    if form.thresholds:
        fields = ((form.field(name), least) for name, least in form.thresholds)
        numbers = words.all_of([f"{words.say(f.label)} {words.number(least)}" for f, least in fields if f is not None])
        text = words.say("It is agreed from one of these numbers on, and where none is given: {numbers}")
        yield text.format(numbers=numbers)
    if form.reply_h:
        yield words.say("An answer is due within {hours}.").format(hours=words.amount(form.reply_h, "h"))
    if form.release == "two":
        yield words.say("Two officers release it.")
    if form.relation == "reply":
        asked = [words.within(f.pack).say(f.title) for f in forms if form.name in f.answers]
        text = words.say("It answers an earlier message: {forms}")
        yield text.format(forms=", ".join(asked) or words.say("any"))
    elif form.relation:
        yield words.say(_OF_ONES_OWN[form.relation])
    if form.answers:
        titles = [words.within(f.pack).say(f.title) for f in forms if f.name in form.answers]
        yield words.say("It is answered by: {forms}").format(forms=", ".join(titles))
    if form.next_step:
        yield words.say("If no answer comes: {step}").format(step=words.say(form.next_step))
    yield from (words.say(rule.text) for rule in form.rules)
    yield from (words.say(note) for note in form.notes)


def _notice(form: Form, words: Words) -> str:
    hours = words.amount(form.notice_h, "h")
    if form.urgent is None:
        return words.say("Agreed minimum notice: {hours}").format(hours=hours)
    text = words.say("Agreed minimum notice: {hours}, and {urgent} when {field}")
    urgent = words.amount(form.urgent_h, "h")
    return text.format(hours=hours, urgent=urgent, field=_label(form.urgent, form, words))
