"""Forms: whatever is filled in comes back, as text and from its bytes; any bytes decode or raise one error."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from parley.app.forms import library, read_yaml, usual_packs
from parley.cli.forms import template
from parley.errors import DecodeError
from parley.forms import geotext
from parley.forms.filled import Filled, problems, read_values, write_values
from parley.forms.library import Forms
from parley.forms.pack import Field, Form
from parley.forms.render import as_html, as_text, render
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
    Unit,
    Volume,
    Window,
)

_MINUTES = st.integers(0, 60 * 24 * 365 * 60)
positions = st.builds(Position, st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 179_999_999))
windows = st.builds(lambda start, length: Window(start * 60, (start + length) * 60), _MINUTES, st.integers(1, 500_000))
dailies = st.builds(
    lambda first, days, start, end, week: Daily(first, first + days, start, end, week),
    st.integers(0, 40_000),
    st.integers(0, 365),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(1, 127),
)
heights = st.none() | st.one_of(
    st.builds(Height, st.integers(0, 9999), st.just(Unit.HUNDRED_FEET), st.just(Reference.FL)),
    st.builds(
        Height,
        st.integers(-999, 99_999),
        st.sampled_from([Unit.METRE, Unit.FOOT]),
        st.sampled_from([Reference.AMSL, Reference.AGL]),
    ),
)
rings = st.lists(positions, min_size=3, max_size=8, unique=True).map(tuple)
shapes = st.one_of(
    st.builds(Point, positions),
    st.builds(Circle, positions, st.integers(1, 999_999)),
    st.builds(Polygon, rings, st.sampled_from(Edge)),
    st.builds(Corridor, rings, st.integers(1, 99_999), st.sampled_from(Edge)),
)
volumes = st.builds(
    Volume,
    st.lists(shapes, min_size=1, max_size=3).map(tuple),
    st.builds(Band, heights, heights),
    st.lists(windows | dailies, max_size=3).map(tuple),
)


def shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


FORMS = shipped()


def texts(spec: Field) -> st.SearchStrategy[str]:
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    wanted = st.text(alphabet, min_size=max(1, spec.low), max_size=min(spec.high, 60)).map(str.strip)
    return wanted.filter(lambda t: len(t) >= max(1, spec.low))


def one(spec: Field) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one branch a type
    match spec.type:
        case "choice":
            return st.sampled_from([c.name for c in spec.choices])
        case "flag":
            return st.booleans()
        case "number":
            return st.integers(spec.low, spec.high)
        case "day":
            return st.integers(-719_162, 2_932_896).map(lambda d: d * 86_400)
        case "time":
            return _MINUTES.map(lambda m: m * 60)
        case "window":
            return windows | dailies
        case "position":
            return positions
        case "area":
            return volumes
        case "group":
            return values_of(spec.fields, wanted=True)
    return texts(spec)


def value(spec: Field) -> st.SearchStrategy[Any]:
    if spec.repeat == 1:
        return one(spec)
    return st.lists(one(spec), min_size=1, max_size=min(spec.repeat, 3)).map(tuple)


def values_of(fields: tuple[Field, ...], *, wanted: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    must = {f.name: value(f) for f in fields if wanted and f.required}
    may = {f.name: value(f) for f in fields if f.name not in must}
    return st.fixed_dictionaries(must, optional=may)


filled_forms = st.sampled_from(list(FORMS)).flatmap(lambda form: st.tuples(st.just(form), values_of(form.fields)))


@given(filled_forms, st.sampled_from(["en", "fr", "ru"]))
def test_what_is_filled_in_comes_back(filled: tuple[Form, dict[str, Any]], language: str) -> None:
    form, values = filled
    back = FORMS.codec.decode(form, FORMS.codec.encode(form, values))
    assert back.values == values
    assert not back.unknown
    assert read_values(form, write_values(form.fields, values)) == values
    problems(form, values)
    shown = render(back, FORMS.words(language), 1_700_000_000)
    assert len(as_text(shown)) > len(shown.title)
    assert as_html(shown).startswith("<section")


NEL = (FORMS.named("check-fire/check-fire"), {"seen": "Two aircraft,\x85bombs"})


@given(filled_forms)
@example(NEL)
def test_what_is_written_as_yaml_reads_back(filled: tuple[Form, dict[str, Any]]) -> None:
    form, values = filled
    text = template(form, FORMS.words("en"), write_values(form.fields, values))
    assert read_values(form, read_yaml(text)) == values if values else True


@given(volumes)
def test_an_area_reads_back_as_it_was_written(volume: Volume) -> None:
    assert geotext.read_volume(geotext.write_volume(volume)) == volume


@given(st.sampled_from(list(FORMS)), st.sampled_from(["en", "fr", "ru"]))
def test_a_template_is_yaml(form: Form, language: str) -> None:
    given_back = yaml.load(template(form, FORMS.words(language)), Loader=yaml.BaseLoader)
    wanted = {f.name for f in form.fields if f.required}
    assert set(given_back or {}) == wanted


@given(st.sampled_from(list(FORMS)), st.binary(max_size=300))
def test_any_bytes_are_a_form_or_the_one_error(form: Form, data: bytes) -> None:
    try:
        filled = FORMS.codec.decode(form, data)
    except DecodeError:
        return
    as_text(render(filled, FORMS.words("ru")))


@given(filled_forms, st.data())
def test_a_changed_byte_is_a_form_or_the_one_error(filled: tuple[Form, dict[str, Any]], data: st.DataObject) -> None:
    form, values = filled
    body = bytearray(FORMS.codec.encode(form, values))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = FORMS.codec.decode(form, bytes(body))
    except DecodeError:
        return
    as_text(render(Filled(found.form, found.values), FORMS.words("en"), 0))
