"""What an officer needs while writing a message: forms in words, and what the node thinks of the values so far.

Nothing is kept and nothing leaves: ``watch-draft`` keeps what was written, and ``watch-release`` sends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from parley.app.announced import Notice
from parley.app.forms import area_faults, each_value
from parley.app.guard import Guard, guard_of
from parley.app.mapping import feature, heights
from parley.app.readback import Named, from_place, nearest_towns
from parley.app.register import volumes_of
from parley.app.runtime import Runtime
from parley.app.sanity import form_doubts, known_places
from parley.app.views import Views
from parley.conflict.check import Activity, Conflict, check
from parley.conflict.volumes import prepare_volume
from parley.errors import DecodeError, ParleyError, UsageError
from parley.forms.filled import Filled, lead_time, problems, read_values
from parley.forms.pack import HEADER_KEY, Choice, Field, Form
from parley.forms.render import as_text, render
from parley.forms.words import Words
from parley.geo.coordinates import format_position
from parley.geo.sphere import distance_m
from parley.notices.broadcast import around
from parley.procedure.outgoing import needs_two
from parley.wire.geometry import MICRODEGREES, Position, Volume
from parley.wire.statement import Message, Precedence

Params = dict[str, Any]
_AID: Final = "H"
"""The code of the humanitarian pack: what its forms state must not be struck."""
_SHOWN: Final = 20
_WINDOWS: Final = 3
_READ_BACK: Final = 24
"""Places of one form that are read back."""


async def compose(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """What can be written on this line, to whom, and the fields of ``form``, in the language ``in``."""
    forms, language = runtime.forms, str(params.get("in") or "en")
    words = forms.words(language)
    line = runtime.node.line
    charter = line.membership.current.charter
    chosen = forms.named(str(params["form"])) if params.get("form") else None
    return {
        "forms": [
            {"id": f.id, "name": f.name, "title": own.say(f.title), "pack": own.say(pack.title)}
            for pack, own in ((p, words.within(p.code)) for p in forms.packs)
            for f in pack.forms
        ],
        "members": [
            {"code": m.code, "name": m.name}
            for number, m in sorted(line.membership.members.items())
            if number != line.me and not m.left
        ],
        "languages": list(charter.languages),
        "two_officers": sorted(runtime.procedures.release.two_officers),
        "signed": sorted(runtime.procedures.release.signed),
        "form": described(chosen, words) if chosen is not None else None,
    }


def described(form: Form, words: Words) -> dict[str, Any]:
    """A form's fields, helps, choices and notes in the reader's language."""
    words = words.within(form.pack)
    return {
        "id": form.id,
        "name": form.name,
        "title": words.say(form.title),
        "help": words.say(form.help),
        "precedence": form.precedence,
        "two": form.release == "two",
        "notice_h": form.notice_h,
        "notes": [words.say(n) for n in form.notes],
        "fields": [_field(f, words) for f in form.fields],
    }


def _field(spec: Field, words: Words) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.type,
        "label": words.say(spec.label),
        "help": words.say(spec.help),
        "required": spec.required,
        "required_if": spec.required_if and {"field": spec.required_if.field, "among": list(spec.required_if.among)},
        "choices": [_choice(c, words) for c in spec.choices],
        "low": spec.low,
        "high": spec.high,
        "unit": words.say(spec.unit) if spec.unit else "",
        "repeat": spec.repeat,
        "more": spec.key >= HEADER_KEY,
        "fields": [_field(f, words) for f in spec.fields],
    }


def _choice(choice: Choice, words: Words) -> dict[str, str]:
    return {"name": choice.name, "label": words.say(choice.label)}


async def check_values(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """What the node thinks of ``values`` of ``form`` so far.

    Answers ``errors`` and their ``codes`` (by field, ``field.2`` for its third value), ``missing``, ``broken`` (rules),
    ``lead`` (notice), ``two`` (whether a second officer must release it), ``places`` (each with where it lies, R58),
    ``doubts`` (what is probably a slip, R67: ``parley.app.sanity.Doubt``), ``things`` (its areas, for a map) and
    ``text`` (as it will read).
    """
    forms = runtime.forms
    form = forms.named(str(params["form"]))
    given = dict(params.get("values") or {})
    language = str(params.get("in") or "en")
    guard = guard_of(runtime)
    return await guard.ask(lambda views: _check(guard, views, form, given, forms.words(language)))


def _check(guard: Guard, views: Views, form: Form, given: Mapping[str, Any], words: Words) -> dict[str, Any]:
    words = words.within(form.pack)
    runtime = guard.runtime
    errors, values = read_each(form, given)
    filled = Filled(form, values)
    wrong = problems(form, values)
    names = {f.name: words.say(f.label) for f in form.fields}
    now = runtime.node.wall_s()
    lead = lead_time(filled, now)
    message = Message(b"", precedence=Precedence[form.precedence], form=form.id)
    own = [Named(p.name, around(p.volume.shapes)[0]) for p in guard.plans()]
    return {
        "errors": {path: _said(error) for path, error in errors.items()},
        "codes": {path: error.code for path, error in errors.items()},
        "missing": [{"field": p.about, "label": names[p.about]} for p in wrong if p.about in names],
        "broken": [words.say(p.text) for p in wrong if p.about not in names],
        "lead": lead and {"seconds": lead.seconds, "agreed": lead.agreed, "short": lead.short},
        "two": needs_two(message, runtime.procedures.release),
        "places": list(_places(filled, own, words.language)),
        "doubts": [d.as_json(path) for path, d in form_doubts(filled, known_places(guard, views), now)],
        "conflicts": _conflicts(guard, views, filled, words.language),
        "things": list(_things(filled, words)),
        "text": as_text(render(filled, words, now), "") if values else "",
    }


def read_each(form: Form, given: Mapping[str, Any]) -> tuple[dict[str, ParleyError], dict[str, Any]]:
    """What is wrong by field, and what could be read: each value alone, so that one that is wrong hides no other."""
    errors: dict[str, ParleyError] = {}
    values: dict[str, Any] = {}
    for spec in form.fields:
        if spec.name not in given:
            continue
        single = replace(form, fields=(spec,))
        items = given[spec.name] if spec.repeat > 1 and isinstance(given[spec.name], list) else [given[spec.name]]
        read: list[Any] = []
        for n, item in enumerate(items):
            try:
                found = read_values(single, {spec.name: item}).get(spec.name)
                for _, fault in area_faults(Filled(single, {} if found is None else {spec.name: found})):
                    raise fault
            except ParleyError as error:
                errors[f"{spec.name}.{n}" if spec.repeat > 1 else spec.name] = error
                continue
            if found is not None:
                read += found if spec.repeat > 1 else [found]
        if len(read) > spec.repeat:
            errors[spec.name] = UsageError(f"{spec.name}: at most {spec.repeat}.", code="form-value")
        elif read:
            values[spec.name] = tuple(read) if spec.repeat > 1 else read[0]
    return errors, values


def _said(error: ParleyError) -> str:
    return f"{error.message} {error.next_step}".strip()


def _places(filled: Filled, own: list[Named], language: str) -> Iterator[dict[str, Any]]:
    """Where each place of a form lies by this node's own computing: from towns, and from one's own plans (R58)."""
    found = [
        (path, value if spec.type == "position" else around(value.shapes)[0])
        for path, spec, value in each_value(filled.form.fields, filled.values)
        if spec.type in ("position", "area")
    ]
    for path, at in found[:_READ_BACK]:
        yield {
            "field": path,
            "at": format_position(at),
            "lon": at.lon / MICRODEGREES,
            "lat": at.lat / MICRODEGREES,
            "near": [from_place(town, at, language) for town in nearest_towns(at)],
            "own": [from_place(p, at, language) for p in sorted(own, key=lambda n: distance_m(n.at, at))[:1]],
        }


def _conflicts(guard: Guard, views: Views, filled: Filled, language: str) -> list[dict[str, Any]]:
    """What others announced that the areas of a form meet, or come too near to, the worst first."""
    rules = guard.settings.rules
    found: list[tuple[Conflict, dict[str, Any]]] = []
    for path, _, value in each_value(filled.form.fields, filled.values):
        if not isinstance(value, Volume):
            continue
        try:
            prepared = prepare_volume(value)
        except DecodeError:
            continue
        own = Activity(
            path, filled.form.name, prepared, own=True, protected=filled.form.id.startswith(_AID), role="watch"
        )
        for name in guard.index.query(prepared, rules.widest()):
            message, _, label = name.rpartition("/")
            notice = guard.register.notices.get(message)
            if notice is None or notice.mine:
                continue
            theirs = volumes_of(views, notice, guard.grace_s).get(label)
            if theirs is None:
                continue
            other = Activity(name, notice.kind, prepare_volume(theirs), own=False, protected=notice.protected)
            if (conflict := check(own, other, rules)) is not None:
                found.append((conflict, _plain(guard, path, notice, conflict, language)))
    return [data for _, data in sorted(found, key=lambda x: (-x[0].degree, x[0].metres))][:_SHOWN]


def _plain(guard: Guard, path: str, notice: Notice, conflict: Conflict, language: str) -> dict[str, Any]:
    return {
        "field": path,
        "degree": conflict.degree.name.lower(),
        "message": notice.id,
        "author": guard.runtime.node.line.membership.member(notice.author).code,
        "number": notice.number,
        "subject": notice.subject,
        "where": format_position(conflict.places[0].at),
        "metres": round(conflict.metres),
        "heights": heights(conflict.heights, language) if conflict.heights is not None else "",
        "windows": [[w.start, w.end] for w in (conflict.windows or ())[:_WINDOWS]],
        "doubts": list(conflict.doubts),
    }


def _things(filled: Filled, words: Words) -> Iterator[dict[str, Any]]:
    for path, spec, value in each_value(filled.form.fields, filled.values):
        if isinstance(value, Volume):
            try:
                yield feature(path, "announced", words.say(spec.label), value, words.language)
            except DecodeError:
                continue
        elif isinstance(value, Position):
            at = [value.lon / MICRODEGREES, value.lat / MICRODEGREES]
            point = {"type": "Point", "coordinates": at}
            name, where = words.say(spec.label), format_position(value)
            always: list[list[int]] = []
            yield {
                "id": path, "layer": "site", "name": name, "geometry": point, "middle": at, "where": where,
                "windows": always, "heights": "", "lower_m": None, "upper_m": None,
            }  # fmt: skip


COMPOSING_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "compose": compose,
    "compose-check": check_values,
}
