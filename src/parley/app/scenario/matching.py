"""Whether an answer is what a scenario says that it must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.app.scenario.script import Must, seconds_of

Resolve = Callable[[str], Any]
"""What a text of a pattern stands for: a ``$name``, a time such as +0:05, or itself."""


def holds(must: Must, answer: Any, resolve: Resolve) -> bool:  # noqa: ANN401 - plain data
    """Whether every test of ``must`` passes on ``answer``."""
    found = follow(answer, must.path)
    return all(_passes(name, pattern, found, resolve) for name, pattern in must.tests)


def _passes(name: str, pattern: Any, found: Any, resolve: Resolve) -> bool:  # noqa: ANN401
    match name:
        case "is":
            return matches(pattern, found, resolve)
        case "count":
            return isinstance(found, list | dict) and matches(pattern, len(found), resolve)
    within = isinstance(found, list) and any(matches(pattern, item, resolve) for item in found)
    return within if name == "has" else isinstance(found, list) and not within


def follow(answer: Any, path: str) -> Any:  # noqa: ANN401
    """The part of an answer that ``a.b.0`` leads to; None where it leads nowhere."""
    for word in path.split(".") if path else ():
        if isinstance(answer, dict):
            answer = answer.get(word)
        elif isinstance(answer, list) and word.isdigit() and int(word) < len(answer):
            answer = answer[int(word)]
        else:
            return None
    return answer


def matches(pattern: Any, value: Any, resolve: Resolve) -> bool:  # noqa: ANN401 - plain data
    """A map matches when all that it names does; more may be there."""
    match pattern:
        case {"contains": text}:
            return isinstance(value, str | list) and resolve(text) in value
        case {"at_least": bound}:
            return isinstance(value, int) and value >= resolve(bound)
        case {"at_most": bound}:
            return isinstance(value, int) and value <= resolve(bound)
        case {"any": options}:
            return any(matches(option, value, resolve) for option in options)
        case {"not": other}:
            return not matches(other, value, resolve)
        case dict():
            held = isinstance(value, dict) and pattern.keys() <= value.keys()
            return held and all(matches(p, value[k], resolve) for k, p in pattern.items())
        case list():
            held = isinstance(value, list) and len(value) == len(pattern)
            return held and all(matches(p, v, resolve) for p, v in zip(pattern, value, strict=True))
    wanted = resolve(pattern)
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


def resolver(names: dict[str, Any], start: int) -> Resolve:
    """``$name`` stands for what the step of that name made, ``+0:05`` for POSIX seconds."""

    def resolve(text: Any) -> Any:  # noqa: ANN401
        if not isinstance(text, str):
            return text
        if text.startswith("$"):
            return names.get(text[1:])
        seconds = seconds_of(text)
        return text if seconds is None else start + seconds

    return resolve
