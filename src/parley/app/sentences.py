"""Sentences that a node keeps: a code with values, said in the language of who reads it (R42).

``sentences.toml`` has each in every language. What people wrote stays as they wrote it; so does what a version kept as
a finished text that knew no codes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from babel.numbers import format_decimal

from parley.geo.coordinates import format_position
from parley.procedure import facts
from parley.procedure.facts import Fact, key_digits
from parley.procedure.watch import Said
from parley.wire.assertion import key_of
from parley.wire.readback import Near, ReadBack

LANGUAGES: Final = ("en", "fr", "ru")
"""English first: it is what another language falls back to."""
_WORDS, _WHO = "word", "who"
_CODED: Final = frozenset({"degree", "state", "outcome", "stage", "silence", "point"})
"""Values that are codes themselves; each has its word."""
_MODES: Final = ("normal", "receipts only", "receive only")
_EXACT_M: Final = 100_000
"""Below it, distances are told to 10 m."""
_POINTS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_Table = Mapping[str, Mapping[str, str]]


@cache
def _tables() -> tuple[_Table, _Table, _Table]:
    """Sentences, words within them, and who acts that is no officer; by code and language."""
    found = tomllib.loads(files("parley.app").joinpath("sentences.toml").read_text("utf-8"))
    return found, found.pop(_WORDS), found.pop(_WHO)


class _Values(dict[str, str]):
    """What stands in for a value that another version left out."""

    def __missing__(self, name: str) -> str:
        return "?"


def language_of(wanted: str) -> str:
    """``wanted`` where sentences are in it, else English."""
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


def say(said: Said | str, language: str) -> str:
    """A sentence in ``language``. One of a version that knows more codes is shown as it is kept."""
    if isinstance(said, str):
        return said
    forms = _tables()[0].get(said.code)
    if forms is None:
        return " ".join([said.code, *(f"{n} {_plain(v)}" for n, v in said.values.items())])
    text = forms[language_of(language)]
    return ", ".join(text.format_map(given) for given in _each(said, language)).strip()


def _each(said: Said, language: str) -> Iterator[_Values]:
    """What goes into a sentence: once, or for each activity that a check-fire names."""
    values = said.values
    match values.get("activities"), values.get("metres"):
        case tuple() as names, tuple() as far:
            for name, metres in zip(names, far, strict=False):
                yield _Values(activity=name, far=decimals(int(metres) / 1000, 1, language))
        case _:
            yield _Values({n: word(str(v), language) if n in _CODED else _plain(v) for n, v in values.items()})


def _plain(value: int | str | tuple[str, ...]) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def word(code: str, language: str) -> str:
    """The word for a code; the code itself where there is none."""
    return _word(_tables()[1], code, language)


def who(name: str, language: str) -> str:
    """An officer's name as it is; the command line or the node itself in words."""
    return _word(_tables()[2], name, language)


def _word(table: _Table, code: str, language: str) -> str:
    found = table.get(code)
    return code if found is None else found[language_of(language)]


def plain(said: Said) -> dict[str, Any]:
    """A sentence as data, for a program and for a row that is kept."""
    return {"code": said.code, "values": {n: list(v) if isinstance(v, tuple) else v for n, v in said.values.items()}}


def said_of(row: Mapping[str, Any]) -> Said:
    """What ``plain`` made of a sentence."""
    return Said(row["code"], {n: tuple(v) if isinstance(v, list) else v for n, v in row["values"].items()})


def height_band(lower: str, upper: str, language: str) -> str:
    """``500 ft AMSL to FL100``; an open side in words. Units and references are the same in every language."""
    low, high = lower or say(Said("surface"), language), upper or say(Said("unlimited"), language)
    return say(Said("heights", {"lower": low, "upper": high}), language)


def decimals(value: float, digits: int, language: str) -> str:
    """A number with so many decimal places, written as the language writes it."""
    pattern = f"0.{'0' * digits}" if digits else "0"
    return format_decimal(value, pattern, locale=language_of(language))


# -- facts of the watch on the line's record ---------------------------------------------------------------


def fact_sentence(fact: Fact, code_of: Callable[[int], str], language: str) -> str:
    """``fact`` on one line; ``code_of`` gives a member's code for its number."""
    return say(_of(fact, code_of), language)


def _of(fact: Fact, code_of: Callable[[int], str]) -> Said:  # noqa: PLR0911 - one for each fact
    match fact:
        case facts.NoReply(_, party, stage, _, deadline):
            return Said("no-reply", {"party": code_of(party), "stage": stage, "deadline": when(deadline)})
        case facts.Readdressed(_, party, stage, role):
            return Said("readdressed", {"party": code_of(party), "stage": stage, "role": role})
        case facts.PassedOn(_, roles, effect_at):
            code = "passed-on" if roles else "passed-on-nobody"
            return Said(f"{code}-effect" if effect_at and roles else code, {"roles": roles, "effect": when(effect_at)})
        case facts.UnitAcknowledged(_, role, at, by_telephone):
            code = "unit-acknowledged-by-telephone" if by_telephone else "unit-acknowledged"
            return Said(code, {"role": role, "at": when(at)})
        case facts.DeclaredSilence(mode, until):
            name = _MODES[mode] if mode < len(_MODES) else str(mode)
            return Said("silence-until" if until else "silence", {"silence": name, "until": when(until)})
        case facts.DeclaredAgreement(suspended, reason):
            return Said("agreement-suspended" if suspended else "agreement-in-force", {"reason": reason})
        case facts.Misuse(_, reason):
            return Said("misuse", {"reason": reason})
        case facts.HoldingReply(_, understood, answer_by):
            code = "holding-reply-by" if answer_by else "holding-reply"
            return Said(code, {"understood": understood, "answer_by": when(answer_by)})
        case facts.LineTest(text):
            return Said("line-test", {"text": text})
        case facts.LineTestCopy(text=text):
            return Said("line-test-copy", {"text": text})
        case facts.OfficerEnrolled(key, _, software, approvals):
            code = f"officer-key{'-software' if software else ''}{'' if approvals else '-alone'}"
            return Said(code, {"key": key_digits(key_of(key)), "by": tuple(key_digits(a.key) for a in approvals)})
        case facts.OfficerRevoked(key):
            return Said("officer-key-revoked", {"key": key_digits(key)})


def when(seconds: int) -> str:
    """A time: UTC to the minute, which every language reads alike."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")


# -- read-back of places ----------------------------------------------------------------------------------


def near_words(near: Near, language: str) -> str:
    """``9.30 km SW (224°) of NAME``, to 10 m below 100 km."""
    if not near.metres:
        return say(Said("at-place", {"name": near.name}), language)
    far = decimals(near.metres / 1000, 2 if near.metres < _EXACT_M else 0, language)
    point = _POINTS[round(near.degrees / 45) % 8]
    values = {"far": far, "point": point, "degrees": f"{near.degrees:03}", "name": near.name}
    return say(Said("from-place", values), language)


def place_words(place: ReadBack, language: str) -> str:
    """One place as it was read back, on a line."""
    near = "; ".join(near_words(n, language) for n in place.near)
    return say(Said("read-back", {"at": format_position(place.at), "places": near}), language)
