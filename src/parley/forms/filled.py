"""A form as it is filled in: what its values may be, how they travel, and what is wrong with them (R45, R48).

On the wire a form is a map of integer keys (spec/forms.cddl), compressed with a dictionary that every node has. What
this version does not know under a key is kept and shown as not understood (D4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from parley.errors import DecodeError, ParleyError, UsageError
from parley.forms import geotext
from parley.forms.compressed import MAX_FORM, Way, unreadable
from parley.forms.pack import Condition, Field, Follow, Form, Rule
from parley.limits import MAX_TIME
from parley.wire import cbor, geometry
from parley.wire.geometry import Daily, Volume, Window

Values = Mapping[str, Any]
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_FIRST_DAY: Final = -719_162
_LAST_DAY: Final = 2_932_896
"""Days from 1970 to the first of year 1 and the last of year 9999."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form and its values. ``unknown`` holds what came under keys that the form does not have."""

    form: Form
    values: Values
    unknown: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: ``about`` is the rule's or the field's name, ``text`` is in English and can be translated."""

    about: str
    text: str


# -- values ----------------------------------------------------------------------------------------------


def read_values(form: Form, given: Values) -> dict[str, Any]:
    """Values from what an officer wrote. Raises UsageError ``form-field-unknown``, ``form-value``."""
    return _read_fields(form.fields, given, form.name)


def _read_fields(fields: tuple[Field, ...], given: Values, where: str) -> dict[str, Any]:
    known = {f.name: f for f in fields}
    if extra := [name for name in given if name not in known]:
        raise UsageError(
            f"{where} has no field {extra[0]!r}.", code="form-field-unknown", next_step=f"It has {', '.join(known)}."
        )
    return {name: _read(known[name], text) for name, text in given.items() if text not in (None, "", [], {})}


def _read(spec: Field, given: object) -> Any:  # noqa: ANN401
    if spec.repeat > 1:
        items = given if isinstance(given, list | tuple) else [given]
        if len(items) > spec.repeat:
            raise _bad(spec, f"{len(items)} values", f"at most {spec.repeat}")
        return tuple(_read_one(spec, item) for item in items)
    return _read_one(spec, given)


def _read_one(spec: Field, given: object) -> Any:  # noqa: ANN401
    try:
        return _READERS[spec.type](spec, given)
    except UsageError as error:
        raise UsageError(f"{spec.name}: {error.message}", code=error.code, next_step=error.next_step) from None
    except DecodeError as error:
        raise UsageError(f"{spec.name}: {error.message}", code=error.code) from None


def _bad(spec: Field, got: object, wanted: str) -> UsageError:
    return UsageError(f"{got!r} will not do.", code="form-value", next_step=f"{spec.name} is {wanted}.")


def _read_text(spec: Field, given: object) -> str:
    text = str(given).strip()
    if not isinstance(given, str | int) or "\0" in text or not max(1, spec.low) <= len(text) <= spec.high:
        raise _bad(spec, text[:40], f"a text of {max(1, spec.low)} to {spec.high} characters, not {len(text)}")
    return text


def _read_choice(spec: Field, given: object) -> str:
    names = [c.name for c in spec.choices]
    if given not in names:
        raise _bad(spec, given, f"one of {', '.join(names)}")
    return str(given)


def _read_flag(spec: Field, given: object) -> bool:
    flags = {"yes": True, "true": True, "no": False, "false": False}
    if (found := flags.get(str(given).lower())) is None:
        raise _bad(spec, given, "yes or no")
    return found


def _read_number(spec: Field, given: object) -> int:
    text = str(given).removesuffix(spec.unit).replace("\u202f", "").replace(" ", "").strip()
    try:
        return _ranged(spec, int(text))
    except (ValueError, DecodeError):
        wanted = f"a whole number from {spec.low} to {spec.high}" + (f", in {spec.unit}" if spec.unit else "")
        raise _bad(spec, given, wanted) from None


def _ranged(spec: Field, number: int) -> int:
    if not spec.low <= number <= spec.high:
        raise _peer(spec, f"{number} lies outside {spec.low} to {spec.high}")
    return number


def _read_group(spec: Field, given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise _bad(spec, given, "a table of " + ", ".join(f.name for f in spec.fields))
    found = _read_fields(spec.fields, given, spec.name)
    if lacks := [f.name for f in spec.fields if f.required and f.name not in found]:
        raise _bad(spec, given, f"a table with {lacks[0]}")
    return found


_READERS: Final = {
    "text": _read_text,
    "choice": _read_choice,
    "flag": _read_flag,
    "number": _read_number,
    "day": lambda _, given: geotext.read_day(given),
    "time": lambda _, given: geotext.read_time(given),
    "window": lambda spec, given: geotext.read_times(given, spec.lasts_h),
    "position": lambda _, given: geotext.read_position(given),
    "area": lambda _, given: geotext.read_volume(given),
    "group": _read_group,
}


def write_values(fields: tuple[Field, ...], values: Values) -> dict[str, Any]:
    """What ``read_values`` reads: for templates and for people to copy."""
    return {f.name: _write(f, values[f.name]) for f in fields if f.name in values}


def _write(spec: Field, value: Any) -> Any:  # noqa: ANN401
    if spec.repeat > 1:
        return [_write_one(spec, item) for item in value]
    return _write_one(spec, value)


def _write_one(spec: Field, value: Any) -> Any:  # noqa: ANN401
    match spec.type:
        case "flag":
            return "yes" if value else "no"
        case "day":
            return geotext.write_day(value)
        case "time":
            return geotext.write_time(value)
        case "window":
            return geotext.write_times(value)
        case "position":
            return geotext.write_position(value)
        case "area":
            return geotext.write_volume(value)
        case "group":
            return write_values(spec.fields, value)
    return str(value)


def follow_values(form: Form, values: Values, follow: Follow, which: int = 1) -> dict[str, Any]:
    """What ``read_values`` of the form that follows takes: filled in from ``values`` of ``form``.

    Of a group that stands several times the one numbered ``which`` is taken. Raises UsageError ``form-value``.
    """
    written, found = write_values(form.fields, values), dict(follow.set)
    for name, source in follow.copy.items():
        outer, _, inner = source.partition(".")
        value = written.get(outer)
        if inner:
            rows = value if isinstance(value, list) else [value] if value else []
            if not 1 <= which <= len(rows):
                raise UsageError(
                    f"there is no number {which} of {outer}.", code="form-value", next_step=f"It has {len(rows)}."
                )
            value = rows[which - 1].get(inner)
        if value is not None:
            found[name] = value
    return found


# -- bytes -----------------------------------------------------------------------------------------------


class Codec:
    """Bytes of forms: one byte that names a dictionary, or 0, then the form (spec/forms.md).

    With 0 the form is plain CBOR. Else its texts are taken out, each leaving an empty text in its place, and follow
    compressed, since positions and letters compress badly together. The dictionaries are those of the charter, in
    the order of their names: one a language, in the character set that its name states.
    """

    def __init__(self, dictionaries: Mapping[str, bytes] | None = None) -> None:
        self._ways = [Way.under(name, data) for name, data in sorted((dictionaries or {}).items())]

    def encode(self, form: Form, values: Values) -> bytes:
        """The body of a message under ``form.id``. Raises UsageError ``form-too-large``."""
        plain = _encode_fields(form.fields, values)
        data = cbor.encode(plain)
        if len(data) > MAX_FORM:
            raise UsageError(f"the form has {len(data)} bytes, at most {MAX_FORM} fit.", code="form-too-large")
        texts: list[str] = []
        structure = cbor.encode(_take_texts(plain, texts))
        joined = "\0".join(texts)
        best = b"\0" + data
        for number, way in enumerate(self._ways if texts else (), start=1):
            packed = way.pack(joined)
            if packed is not None:
                best = min(best, bytes((number,)) + structure + packed, key=len)
        if not best[0]:
            return best
        return best[:1] + structure + self._ways[best[0] - 1].pack_small(joined)

    def decode(self, form: Form, data: bytes) -> Filled:
        """What ``data`` says, by ``form``. Raises DecodeError: ``form-malformed``, ``geometry-*``, ``cbor-*``."""
        if not data or data[0] > len(self._ways):
            raise unreadable("in no encoding that is known")
        if data[0] == 0:
            plain = cbor.decode(data[1:], limit=MAX_FORM)
        else:
            structure, packed = cbor.decode_first(data[1:], limit=MAX_FORM)
            texts = self._ways[data[0] - 1].unpack(packed)
            plain = _put_texts(structure, texts)
            if texts:
                raise unreadable("with more texts than places for them")
        if not isinstance(plain, dict):
            raise unreadable("that is no map")
        return Filled(form, *_decode_fields(form.fields, plain))


def _take_texts(plain: Any, texts: list[str]) -> Any:  # noqa: ANN401
    match plain:
        case str():
            texts.append(plain)
            return ""
        case list():
            return [_take_texts(item, texts) for item in plain]
        case dict():
            return {key: _take_texts(plain[key], texts) for key in sorted(plain)}
    return plain


def _put_texts(plain: Any, texts: list[str]) -> Any:  # noqa: ANN401
    match plain:
        case "":
            if not texts:
                raise unreadable("with fewer texts than places for them")
            return texts.pop()
        case list():
            return [_put_texts(item, texts) for item in plain]
        case dict():
            return {key: _put_texts(value, texts) for key, value in plain.items()}
    return plain


def _encode_fields(fields: tuple[Field, ...], values: Values) -> dict[int, Any]:
    return {f.key: _encode(f, values[f.name]) for f in fields if f.name in values}


def _encode(spec: Field, value: Any) -> Any:  # noqa: ANN401
    if spec.repeat > 1:
        return [_encode_one(spec, item) for item in value]
    return _encode_one(spec, value)


def _encode_one(spec: Field, value: Any) -> Any:  # noqa: ANN401
    match spec.type:
        case "choice":
            return next(c.number for c in spec.choices if c.name == value)
        case "day":
            return value // _DAY_S
        case "time":
            return value // _MINUTE_S
        case "window":
            return geometry.encode_time(value)
        case "position":
            return geometry.encode_positions([value])
        case "area":
            return geometry.encode_volume(value)
        case "group":
            return _encode_fields(spec.fields, value)
    return value


def _decode_fields(fields: tuple[Field, ...], plain: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[int, Any]]:
    known = {f.key: f for f in fields}
    values = {known[key].name: _decode(known[key], value) for key, value in plain.items() if key in known}
    return values, {key: value for key, value in plain.items() if key not in known}


def _decode(spec: Field, plain: object) -> Any:  # noqa: ANN401
    if spec.repeat == 1:
        return _decode_one(spec, plain)
    if not isinstance(plain, list) or not 1 <= len(plain) <= spec.repeat:
        raise _peer(spec, f"not a list of 1 to {spec.repeat}")
    return tuple(_decode_one(spec, item) for item in plain)


def _peer(spec: Field, why: str) -> DecodeError:
    return DecodeError(f"{spec.name}: {why}.", code="form-malformed", next_step="Ask the sender to state it again.")


def _decode_one(spec: Field, plain: object) -> Any:  # noqa: ANN401, PLR0911 - one branch a type
    match spec.type, plain:
        case "text", str() as text if len(text) <= spec.high:
            return text
        case "choice", int() as number if not isinstance(number, bool):
            found = next((c.name for c in spec.choices if c.number == number), None)
            if found is not None:
                return found
        case "flag", bool() as flag:
            return flag
        case "number", int() as number if not isinstance(number, bool):
            return _ranged(spec, number)
        case "day", int() as days if not isinstance(days, bool) and _FIRST_DAY <= days <= _LAST_DAY:
            return days * _DAY_S
        case "time", int() as minutes if not isinstance(minutes, bool) and 0 <= minutes * _MINUTE_S <= MAX_TIME:
            return minutes * _MINUTE_S
        case "window", list():
            return geometry.decode_time(plain)
        case "position", bytes() as data:
            positions = geometry.decode_positions(data)
            if len(positions) == 1:
                return positions[0]
        case "area", list():
            return geometry.decode_volume(plain)
        case "group", dict() as table:
            values, unknown = _decode_fields(spec.fields, table)
            if not unknown:
                return values
    raise _peer(spec, f"{plain!r:.60} is no {spec.type} of this form")


# -- verdict ---------------------------------------------------------------------------------------------


def holds(condition: Condition, values: Values) -> bool:
    """Whether the condition is met."""
    value = values.get(condition.field)
    return value is not None and value is not False and (not condition.among or value in condition.among)


def problems(form: Form, values: Values) -> tuple[Problem, ...]:
    """What is missing, and which rules are broken. A form from a peer is delivered all the same, and flagged."""
    found = [
        Problem(f.name, "This field is wanted.")
        for f in form.fields
        if f.name not in values and (f.required or (f.required_if is not None and holds(f.required_if, values)))
    ]
    found += [Problem(rule.name, rule.text) for rule in form.rules if _broken(rule, values)]
    return tuple(found)


def _broken(rule: Rule, values: Values) -> bool:
    given = [values[name] for name in rule.fields if name in values]
    match rule.check:
        case "any":
            return not given
        case "excludes":
            return len(given) > 1
        case "sum":
            return len(given) == len(rule.fields) and sum(given[:-1]) > given[-1]
    first, last = [_instant(v, last=False) for v in given], [_instant(v, last=True) for v in given]
    return any(a is not None and b is not None and a > b for a, b in zip(last, first[1:], strict=False))


def _instant(value: Any, *, last: bool) -> int | None:  # noqa: ANN401
    """The first or last instant or amount of a value; None when it has none."""
    match value:
        case bool() | str():
            return None
        case int():
            return value
        case Window():
            return value.end if last else value.start
        case Daily():
            outer = value.ends()
            return (outer[1].end if last else outer[0].start) if outer is not None else None
        case Volume():
            span = value.span()
            return (span.end if last else span.start) if span is not None else None
        case tuple():
            ends = [i for i in (_instant(v, last=last) for v in value) if i is not None]
        case _:
            return None
    if not ends:
        return None
    return max(ends) if last else min(ends)


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Seconds from the sending of a notice to the start of what it announces, and the seconds that are agreed (B2)."""

    seconds: int
    agreed: int

    @property
    def short(self) -> bool:
        """Nearer than agreed: flagged on both sides, never refused (R59)."""
        return self.seconds < self.agreed


def lead_time(filled: Filled, at: int) -> LeadTime | None:
    """The lead time of a form sent at ``at`` (POSIX seconds); None when the form has none or its field is empty."""
    form = filled.form
    start = _instant(filled.values.get(form.starts), last=False)
    if not form.starts or start is None:
        return None
    hours = form.urgent_h if form.urgent is not None and holds(form.urgent, filled.values) else form.notice_h
    return LeadTime(start - at, hours * _HOUR_S if _notifiable(form, filled.values) else 0)


def _notifiable(form: Form, values: Values) -> bool:
    """Whether the notice is agreed for an activity of this size: also where no number says its size."""
    stated = [(values[name], least) for name, least in form.thresholds if name in values]
    return not stated or any(number >= least for number, least in stated)


def malformed(codec: Codec, form: Form, data: bytes) -> bool:
    """Whether ``data`` cannot be read by ``form``: such an entry has arrived and is not understood (D4)."""
    try:
        codec.decode(form, data)
    except ParleyError:
        return True
    return False
