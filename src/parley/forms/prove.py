"""``check_form_pack``: a pack is complete in all its languages, its forms go there and back, and every rule can be met.

The proof is by the pack's own examples: those that break nothing must be without fault, come back from their bytes as
they were and read in every language; for each rule one example must break just that, and each wanted field be missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from babel.messages.catalog import Message

from parley.errors import ParleyError
from parley.forms.filled import Codec, Filled, follow_values, problems, read_values, write_values
from parley.forms.library import with_header
from parley.forms.pack import Example, Field, Form, Pack, Sentence, all_fields
from parley.forms.render import COUNT, placeholders, render
from parley.forms.words import Words, messages, read_catalog


def check_form_pack(pack: Pack, header: tuple[Field, ...] = ()) -> list[str]:
    """What is wrong with a pack, in sentences; empty for nothing. ``header``: the fields that every form has."""
    found = [f"{language}.po: {text}" for language in pack.languages[1:] for text in _language(pack, language)]
    if found and any("gettext" in text for text in found):
        return found
    found += _spoken(pack)
    codec = Codec()
    words = [Words(x, [pack.locales[x]] if x in pack.locales else []) for x in pack.languages]
    for form in pack.forms:
        whole = with_header(form, (*pack.header, *header))
        found += [f"{form.name}: {text}" for text in _form(whole, form, codec, words)]
        found += [f"{form.name}: {text}" for text in _follows(pack, form, whole)]
    return found


def _language(pack: Pack, language: str) -> Iterator[str]:
    try:
        catalog = read_catalog(pack.locales[language], language)
    except ParleyError as error:
        yield error.message
        return
    wanted = dict(messages(pack))
    for text, plural in wanted.items():
        message = catalog.get(text)
        forms = _strings(message)
        if message is None or message.fuzzy or not all(forms):
            yield f"{text!r:.70} is not translated"
        elif len(forms) != (catalog.num_plurals if plural else 1):
            yield f"{text!r:.70} has {len(forms)} plural forms, {catalog.num_plurals if plural else 1} wanted"
        elif any(placeholders(Sentence(f)) - placeholders(Sentence(text, plural)) for f in forms) or (
            not plural and placeholders(Sentence(forms[0])) != placeholders(Sentence(text))
        ):
            yield f"{text!r:.70} has other fields in braces than its translation"
    for other in catalog:
        text = str(other.id if isinstance(other.id, str) else other.id[0])
        if text and text not in wanted:
            yield f"{text!r:.70} is in no form"


def _spoken(pack: Pack) -> Iterator[str]:
    """What is wrong with how the coded phrases are said: each has its words in each language, as that one has them."""
    for language in pack.languages:
        words = Words(language, [pack.locales[language]] if language in pack.locales else [])
        for phrase in pack.phrases:
            said = phrase.said.get(language, {})
            if said.get("words") != words.say(phrase.phrase):
                yield f"the phrase {phrase.code} is said {said.get('words')!r} in {language}, and written otherwise"
            if any(Words(x).script not in said for x in pack.languages if Words(x).script != words.script):
                yield f"the phrase {phrase.code} is without its sound in {language}"


def _strings(message: Message | None) -> tuple[str, ...]:
    if message is None or not message.string:
        return ("",)
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def _form(whole: Form, form: Form, codec: Codec, words: list[Words]) -> Iterator[str]:
    unbroken: list[Filled] = []
    broken: set[str] = set()
    for example in form.examples:
        try:
            filled = _round_trip(whole, example, codec)
        except ParleyError as error:
            if example.breaks not in {f.name for f in all_fields(form.fields)}:
                yield f"an example cannot be read: {error}"
            broken.add(example.breaks)
            continue
        about = {p.about for p in problems(whole, filled.values)}
        if about != ({example.breaks} if example.breaks else set()):
            yield f"the example that should break {example.breaks or 'nothing'!r} breaks {sorted(about)}"
        broken |= about
        if not example.breaks:
            unbroken.append(filled)
    if not unbroken:
        yield "there is no example without fault"
    yield from (f"no example breaks {name!r}" for name in sorted({r.name for r in form.rules} - broken))
    for field in whole.fields:
        if (field.required or field.required_if) and not any(_is_missed(whole, field, f) for f in unbroken):
            yield f"{field.name} is wanted, and no example shows when"
    yield from _sentences(form, unbroken, words)


def _follows(pack: Pack, form: Form, whole: Form) -> Iterator[str]:
    """What is wrong with the forms that follow: one that is not there, or that an example does not fill."""
    for follow in form.follows:
        after = next((f for f in pack.forms if f.name == follow.form), None)
        if after is None:
            yield f"{follow.form} is to follow it and is no form of the pack"
            continue
        for example in (e for e in form.examples if not e.breaks):
            try:
                given = follow_values(whole, read_values(whole, example.values), follow)
                missing = problems(after, read_values(after, given))
            except ParleyError as error:
                yield f"{follow.form} cannot be filled in from an example: {error}"
            else:
                yield from (f"{follow.form}, filled in from an example, lacks {p.about}" for p in missing)


def _is_missed(whole: Form, field: Field, filled: Filled) -> bool:
    """Whether an example that has the field would be at fault without it."""
    without = {name: value for name, value in filled.values.items() if name != field.name}
    return field.name in filled.values and field.name in {p.about for p in problems(whole, without)}


def _round_trip(whole: Form, example: Example, codec: Codec) -> Filled:
    values = read_values(whole, example.values)
    filled = codec.decode(whole, codec.encode(whole, values))
    if filled.values != values or filled.unknown or read_values(whole, write_values(whole.fields, values)) != values:
        raise ParleyError("it does not come back as it was", code="pack-round-trip")
    return filled


def _sentences(form: Form, unbroken: list[Filled], words: list[Words]) -> Iterator[str]:
    said: set[int] = set()
    for filled in unbroken:
        shown = [render(filled, w) for w in words]
        if len({len(r.sentences) for r in shown}) > 1:
            yield "its sentences differ in number between languages"
        if not shown[0].sentences:
            yield "an example has no sentence"
        for number, sentence in enumerate(form.sentences):
            if render(Filled(_only(filled.form, number), filled.values), words[0]).sentences:
                said.add(number)
            for name in placeholders(sentence):
                if name != COUNT and form.field(name) is None:
                    yield f"a sentence names the field {name!r}, which is not there"
    for number, sentence in enumerate(form.sentences):
        if number not in said:
            yield f"no example leads to the sentence {sentence.text!r:.60}"


def _only(form: Form, number: int) -> Form:
    return replace(form, sentences=(form.sentences[number],))
