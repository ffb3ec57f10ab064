"""What a form pack says: forms, their fields, rules, examples and sentences, and the words of each language (R17, R45).

A pack is data: ``pack.toml`` in English, and one gettext file a language beside it. Its hash covers every byte of them,
so two parties whose charter names the hash read a message by one definition, wording included.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from parley.errors import DecodeError

MAX_PACK: Final = 1 << 20
"""Bytes of all files of one pack."""
DEFINITION: Final = "pack.toml"
HEADER_KEY: Final = 64
"""Keys from here on are those of the header that every form has (C1, C4)."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CODE: Final = re.compile(r"[A-Z]{1,3}")
_LOCALE_FILE: Final = re.compile(r"([a-z]{2,3})\.po")
TYPES: Final = ("text", "choice", "flag", "number", "day", "time", "window", "position", "area", "group")
CHECKS: Final = ("order", "excludes", "any", "sum")
RELATIONS: Final = ("", "reply", "corrects", "cancels", "supersedes")
PRECEDENCES: Final = ("ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH")


@dataclass(frozen=True, slots=True)
class Condition:
    """True when ``field`` is given, and when it is one of ``among`` if that names any choices."""

    field: str
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration; ``number`` is what travels."""

    number: int
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``low`` and ``high`` bound a number, in ``unit``, or the length of a text in characters."""

    key: int
    name: str
    type: str
    label: str
    help: str = ""
    required: bool = False
    required_if: Condition | None = None
    choices: tuple[Choice, ...] = ()
    low: int = 0
    high: int = 0
    unit: str = ""
    repeat: int = 1
    """How many values at most; a list when more than one."""
    lasts_h: int = 0
    """Of a window: the hours that it lasts where its start alone is written; 0 where its end must be."""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule across fields: ``order`` (none later or larger than the next), ``excludes``, ``any``, ``sum``.

    ``sum``: all but the last add up to no more than the last.
    """

    name: str
    check: str
    fields: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the summary: values go where ``{field}`` stands. Shown when all are given and ``when`` holds."""

    text: str
    plural: str = ""
    count: str = ""
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """Values as officers write them. ``breaks`` names what they break: a rule, or a field; empty for nothing."""

    values: Mapping[str, Any]
    breaks: str = ""


@dataclass(frozen=True, slots=True)
class Follow:
    """A form that follows another: what it takes over, and what it states besides.

    ``copy``: its field to the other's, or to ``group.field``, of a group that may stand several times. ``silence``:
    it is the next step when no answer comes.
    """

    form: str
    copy: Mapping[str, str]
    set: Mapping[str, Any]
    silence: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """One form. ``id`` is what a message carries: the pack's code and the form's number (R45)."""

    id: str
    name: str
    title: str
    help: str
    fields: tuple[Field, ...]
    precedence: str = "ROUTINE"
    starts: str = ""
    """The field whose first instant is when the activity starts."""
    notice_h: int = 0
    """Hours of notice that are agreed before it (R48); fewer are flagged, never refused (R59)."""
    urgent: Condition | None = None
    urgent_h: int = 0
    """The agreed hours when ``urgent`` holds."""
    reply_h: int = 0
    """Hours within which an answer is due (R46); 0 for none."""
    next_step: str = ""
    """What follows when no answer comes."""
    release: str = "watch"
    """Who must release it: ``watch``, or ``two`` persons (D9)."""
    answers: tuple[str, ...] = ()
    """Names of the forms that answer it."""
    rules: tuple[Rule, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    """What stands under the form whenever it is shown (R71)."""
    follows: tuple[Follow, ...] = ()
    """Forms that follow it, filled in from it (B8, R50)."""
    thresholds: tuple[tuple[str, int], ...] = ()
    """Numbers from which on the notice is agreed (C5): where any are given and all are below, none is."""
    relation: str = ""
    """How it goes on with an earlier message, which it must cite (R45), as in RELATIONS; empty where it need not."""
    coded: str = ""
    """The field whose choices are the coded phrases of the pack (C11)."""
    phrases: tuple[Phrase, ...] = ()

    @property
    def pack(self) -> str:
        """The code of its pack, which its id begins with."""
        return self.id.rstrip("0123456789")

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A coded phrase (C11): what it means, how it is said and to be answered (R50)."""

    code: str
    meaning: str
    phrase: str
    signal: str
    response: str
    said: Mapping[str, Mapping[str, str]]
    """For each language: ``words``, and how they sound in the ``latin`` and the ``cyrillic`` script."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as its files say. ``hash`` is SHA-256 over the names and hashes of the files, in order."""

    name: str
    code: str
    version: int
    title: str
    forms: tuple[Form, ...]
    header: tuple[Field, ...]
    phrases: tuple[Phrase, ...]
    words: tuple[str, ...]
    """Texts that stand around the fields of every form."""
    locales: Mapping[str, bytes]
    """Language to gettext file."""
    hash: bytes

    @property
    def languages(self) -> tuple[str, ...]:
        """English, and those that it is translated to."""
        return ("en", *sorted(self.locales))


def files_hash(files: Mapping[str, bytes]) -> bytes:
    """What a charter names a pack, or the dictionaries, by: SHA-256 over a line for each file, as sha256sum has it."""
    lines = "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return sha256(b"parley form pack v1\n" + lines.encode()).digest()


def read_pack(files: Mapping[str, bytes]) -> Pack:
    """The pack of these files, by name. Raises DecodeError ``pack-malformed``, naming what is wrong."""
    if sum(map(len, files.values())) > MAX_PACK:
        raise _bad(f"a pack of more than {MAX_PACK} bytes")
    if DEFINITION not in files:
        raise _bad(f"there is no {DEFINITION}")
    try:
        table = tomllib.loads(files[DEFINITION].decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(f"{DEFINITION} is not TOML: {error}") from None
    row = _Row(table, DEFINITION)
    name, code = row.name("pack"), row.text("code")
    if not _CODE.fullmatch(code):
        raise _bad(f"code {code!r} is not one to three capital letters")
    locales = {m[1]: data for file, data in files.items() if (m := _LOCALE_FILE.fullmatch(file))}
    if extra := set(files) - {DEFINITION} - {f"{x}.po" for x in locales}:
        raise _bad(f"{min(extra)} is no file of a pack")
    phrases = tuple(_phrase(r) for r in row.rows("phrase"))
    pack = Pack(
        name,
        code,
        row.number("version", 1, 1 << 16),
        row.text("title"),
        tuple(_with_phrases(_form(r, code), phrases) for r in row.rows("form")),
        tuple(_field(r) for r in row.rows("header")),
        phrases,
        row.names("words"),
        locales,
        files_hash(files),
    )
    row.done()
    _distinct("form", [f.name for f in pack.forms], [f.id for f in pack.forms])
    return pack


def all_fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    """The fields and those of their groups."""
    for field in fields:
        yield field
        yield from all_fields(field.fields)


def _bad(why: str) -> DecodeError:
    return DecodeError(
        f"the form pack is not acceptable: {why}.",
        code="pack-malformed",
        next_step="'parley forms check FOLDER' names all that is wrong with a pack.",
    )


class _Row:
    """Typed access to a table; what is missing, wrong or left over is named."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self._left = dict(table)
        self.where = where

    def get(self, key: str, kind: type, usual: Any = None) -> Any:  # noqa: ANN401
        value = self._left.pop(key, usual)
        if type(value) is not kind:
            raise _bad(f"{self.where}: {key} must be a {kind.__name__}, got {value!r:.60}")
        return value

    def text(self, key: str, usual: str | None = None) -> str:
        return str(self.get(key, str, usual))

    def name(self, key: str) -> str:
        value = self.text(key)
        if not _NAME.fullmatch(value):
            raise _bad(f"{self.where}: {key} {value!r} is not a-z, 0-9 and hyphens")
        return value

    def among(self, key: str, known: tuple[str, ...], usual: str | None = None) -> str:
        value = self.text(key, usual)
        if value not in known:
            raise _bad(f"{self.where}: {key} {value!r} is none of {', '.join(known)}")
        return value

    def number(self, key: str, low: int, high: int, usual: int | None = None) -> int:
        value = self.get(key, int, usual)
        if not low <= value <= high:
            raise _bad(f"{self.where}: {key} {value} lies outside {low} to {high}")
        return int(value)

    def numbers(self, key: str) -> tuple[tuple[str, int], ...]:
        found = tuple(self.table(key).items())
        if not all(type(x) is int for _, x in found):
            raise _bad(f"{self.where}: {key} must be a table of numbers")
        return found

    def names(self, key: str) -> tuple[str, ...]:
        value = self.get(key, list, [])
        if not all(isinstance(x, str) for x in value):
            raise _bad(f"{self.where}: {key} must be a list of names")
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        return dict(self.get(key, dict, {}))

    def rows(self, key: str) -> list[_Row]:
        rows = self.get(key, list, [])
        if not all(isinstance(r, dict) for r in rows):
            raise _bad(f"{self.where}: {key} must be a list of tables")
        return [_Row(r, f"{self.where} {key} {r.get('name', n + 1)}") for n, r in enumerate(rows)]

    def condition(self, key: str) -> Condition | None:
        if key not in self._left:
            return None
        row = _Row(self.table(key), f"{self.where} {key}")
        found = Condition(row.text("field"), row.names("in"))
        row.done()
        return found

    def done(self) -> None:
        if self._left:
            raise _bad(f"{self.where}: {min(self._left)} is not known")


def _form(row: _Row, code: str) -> Form:
    fields = tuple(_field(r) for r in row.rows("field"))
    if any(f.key >= HEADER_KEY for f in fields):
        raise _bad(f"{row.where}: keys from {HEADER_KEY} on belong to the header")
    _distinct(row.where, [f.name for f in fields], [f.key for f in fields])
    form = Form(
        f"{code}{row.number('number', 1, 999)}",
        row.name("name"),
        row.text("title"),
        row.text("help", ""),
        fields,
        row.among("precedence", PRECEDENCES, "ROUTINE"),
        row.text("starts", ""),
        row.number("notice_h", 0, 8784, 0),
        row.condition("urgent"),
        row.number("urgent_h", 0, 8784, 0),
        row.number("reply_h", 0, 8784, 0),
        row.text("next_step", ""),
        row.among("release", ("watch", "two"), "watch"),
        row.names("answers"),
        tuple(_rule(r) for r in row.rows("rule")),
        tuple(_sentence(r) for r in row.rows("sentence")),
        tuple(_example(r) for r in row.rows("example")),
        row.names("notes"),
        tuple(_follow(r) for r in row.rows("follow")),
        row.numbers("thresholds"),
        row.among("relation", RELATIONS, ""),
        row.text("coded", ""),
    )
    row.done()
    _check_names(form, row.where)
    return form


def _with_phrases(form: Form, phrases: tuple[Phrase, ...]) -> Form:
    """The form with the phrases that are the choices of its coded field, each with one of them."""
    if not form.coded:
        return form
    coded = form.field(form.coded)
    codes = [p.code for p in phrases]
    if coded is None or sorted(c.name for c in coded.choices) != sorted(codes):
        raise _bad(f"{form.name}: the choices of {form.coded!r} are not the coded phrases of the pack")
    return replace(form, phrases=phrases)


def _field(row: _Row) -> Field:
    kind = row.among("type", TYPES, "text")
    choices = tuple(
        Choice(number, name, label)
        for number, (name, label) in enumerate(row.table("choices").items(), start=1)
        if isinstance(label, str) and _NAME.fullmatch(name)
    )
    field = Field(
        row.number("key", 1, 127),
        row.name("name"),
        kind,
        row.text("label"),
        row.text("help", ""),
        bool(row.get("required", bool, usual=False)),
        row.condition("required_if"),
        choices,
        row.number("low", -(1 << 53), 1 << 53, 0),
        row.number("high", -(1 << 53), 1 << 53, 200 if kind == "text" else 0),
        row.text("unit", ""),
        row.number("repeat", 1, 1024, 1),
        row.number("lasts_h", 0, 8784, 0),
        tuple(_field(r) for r in row.rows("field")),
    )
    row.done()
    if (kind == "choice") != bool(choices) or (kind == "group") != bool(field.fields):
        raise _bad(f"{row.where}: choices belong to a choice, and fields to a group")
    if field.lasts_h and kind != "window":
        raise _bad(f"{row.where}: lasts_h belongs to a window")
    if kind in ("number", "text") and field.high <= field.low:
        raise _bad(f"{row.where}: high must be above low")
    if any(f.type == "group" for f in field.fields):
        raise _bad(f"{row.where}: a group within a group")
    _distinct(row.where, [f.name for f in field.fields], [f.key for f in field.fields])
    return field


def _rule(row: _Row) -> Rule:
    rule = Rule(row.name("name"), row.among("check", CHECKS), row.names("fields"), row.text("text"))
    row.done()
    if len(rule.fields) < 2:  # noqa: PLR2004 - a rule across fields
        raise _bad(f"{row.where}: a rule across fewer than two fields")
    return rule


def _sentence(row: _Row) -> Sentence:
    found = Sentence(row.text("text"), row.text("plural", ""), row.text("count", ""), row.condition("when"))
    row.done()
    return found


def _follow(row: _Row) -> Follow:
    copy = row.table("copy")
    found = Follow(
        row.name("form"),
        {name: str(source) for name, source in copy.items()},
        row.table("set"),
        bool(row.get("silence", bool, usual=False)),
    )
    row.done()
    return found


def _example(row: _Row) -> Example:
    found = Example(row.table("values"), row.text("breaks", ""))
    row.done()
    return found


def _phrase(row: _Row) -> Phrase:
    said = {
        language: {script: str(text) for script, text in spoken.items()}
        for language, spoken in row.table("said").items()
        if isinstance(spoken, dict)
    }
    found = Phrase(
        row.text("code"), row.text("meaning"), row.text("phrase"), row.text("signal"), row.text("response"), said
    )
    row.done()
    return found


def _distinct(where: str, *lists: list[Any]) -> None:
    for values in lists:
        if len(set(values)) != len(values):
            raise _bad(f"{where}: a name or number is used twice")


def _check_names(form: Form, where: str) -> None:
    """Every field that a rule, condition or sentence names is there, and every choice."""
    conditions = [f.required_if for f in form.fields] + [s.when for s in form.sentences] + [form.urgent]
    named = [n for r in form.rules for n in r.fields] + [c.field for c in conditions if c is not None]
    named += [s.count for s in form.sentences if s.count] + ([form.starts] if form.starts else [])
    named += [name for name, _ in form.thresholds]
    named += [source.partition(".")[0] for f in form.follows for source in f.copy.values()]
    for name in named:
        if form.field(name) is None:
            raise _bad(f"{where}: there is no field {name!r}")
    for condition in filter(None, conditions):
        field = form.field(condition.field)
        known = {c.name for c in field.choices} if field is not None else set()
        if set(condition.among) - known:
            raise _bad(f"{where}: {condition.field} has no choice {min(set(condition.among) - known)!r}")
