"""A party's own settings of the conflict check: the table [conflict] of config.toml (docs/reference/config.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from parley.conflict.check import Rules
from parley.conflict.volumes import Buffer
from parley.errors import UsageError

_CLASS: Final = frozenset({"buffer_m", "buffer_vertical_m", "buffer_s", "set_distance_m"})
_MAX: Final = 20_000_000
"""Metres half way round the Earth; more seconds than that are no buffer either."""


@dataclass(frozen=True, slots=True)
class ConflictSettings:
    """Buffers are in metres and seconds; ``rules`` is what they come to."""

    buffer_m: int = 0
    """How near one's own activity may come to an announced one."""
    buffer_vertical_m: int = 0
    buffer_s: int = 0
    set_distance_m: int = 500
    """How near it may come to a notified protected place before the plan is held (B4)."""
    check_fire_range_m: int = 20_000
    """Own activities within it are stopped by a check-fire: wide, since who calls may be wrong by kilometres (B1)."""
    check_fire_grace_s: int = 1800
    site_grace_days: int = 90
    """A protected place whose validity is over is held against plans for so long more, and said to be over."""
    confirm_days: int = 90
    """After which a protected place is to be confirmed again (R70)."""
    report_s: int = 1800
    """A movement under way that did not report for so long is shown as silent (R63)."""
    track_s: int = 1800
    """How long a track is held against notified movements after its newest fix."""
    rules: Rules = field(default_factory=Rules)


_NUMBERS: Final = frozenset(f.name for f in fields(ConflictSettings)) - {"rules"}


def load_conflict_settings(path: Path) -> ConflictSettings:
    """What config.toml sets; the defaults where there is none. Raises UsageError ``config``."""
    given: dict[str, Any] = {}
    if path.exists():
        try:
            given = dict(tomllib.loads(path.read_text()).get("conflict", {}))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
            raise _bad(path, str(error)) from error
    classes = given.pop("class", {})
    _known(path, "[conflict]", given, _NUMBERS)
    settings = replace(ConflictSettings(), **given)
    usual = Buffer(settings.buffer_m, settings.buffer_vertical_m, settings.buffer_s)
    if not isinstance(classes, dict):
        raise _bad(path, "[conflict.class.NAME] is a table for each class of activity")
    buffers, distances = {}, {}
    for name, table in classes.items():
        if not isinstance(table, dict):
            raise _bad(path, f"[conflict.class.{name}] is a table")
        _known(path, f"[conflict.class.{name}]", table, _CLASS)
        buffers[name] = Buffer(
            table.get("buffer_m", usual.metres),
            table.get("buffer_vertical_m", usual.vertical_m),
            table.get("buffer_s", usual.seconds),
        )
        distances[name] = Buffer(table.get("set_distance_m", settings.set_distance_m))
    return replace(settings, rules=Rules(buffers, usual, distances, Buffer(settings.set_distance_m)))


def _known(path: Path, where: str, table: Mapping[str, Any], names: frozenset[str]) -> None:
    if unknown := set(table) - names:
        raise _bad(path, f"{where} knows {', '.join(sorted(names))}, not {min(unknown)!r}")
    for name, value in table.items():
        if type(value) is not int or not 0 <= value <= _MAX:
            raise _bad(path, f"{where} {name} is a whole number from 0 to {_MAX}")


def _bad(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is not acceptable: {why}.", code="config", next_step="See docs/reference/config.md.")
