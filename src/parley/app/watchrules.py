"""The watch's settings: the table [watch] of config.toml, and the charter's deadlines.

docs/explanation/procedure.md lists them. What the charter says of acknowledgements is no party's own to set.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from parley.errors import UsageError
from parley.forms.library import Forms
from parley.procedure.clocks import Allowances
from parley.procedure.escalation import Ladder
from parley.procedure.line_state import Schedule
from parley.procedure.onward import OnwardPolicy
from parley.procedure.outgoing import ReleasePolicy
from parley.procedure.watch import WatchPolicy
from parley.wire.documents import Charter
from parley.wire.statement import Precedence

T = TypeVar("T")
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Rules:
    """All settings of the procedures."""

    allowances: Allowances = field(default_factory=Allowances)
    ladder: Ladder = field(default_factory=Ladder)
    schedule: Schedule = field(default_factory=Schedule)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    release: ReleasePolicy = field(default_factory=ReleasePolicy)
    onward: OnwardPolicy = field(default_factory=OnwardPolicy)

    def under(self, charter: Charter, forms: Forms) -> Rules:
        """With the deadlines of ``charter``, and the classes that it and its packs name for two officers or a key.

        A party's own settings add to those of the charter and take none away.
        """
        within = {Precedence[name.upper()]: seconds for name, seconds in charter.acknowledge_within.items()}
        named = frozenset({*charter.two_officers, *charter.signed})
        two = self.release.two_officers | {*charter.two_officers, *(f.id for f in forms if f.release == "two")}
        alone = ReleasePolicy().one_officer | (self.release.one_officer - named)
        return replace(
            self,
            allowances=replace(self.allowances, acknowledge_within=within),
            release=replace(
                self.release, two_officers=two, signed=self.release.signed | {*charter.signed}, one_officer=alone
            ),
        )


def load_rules(path: Path) -> Rules:
    """What config.toml sets; the defaults where there is none. Raises UsageError ``config``."""
    given: dict[str, Any] = {}
    if path.exists():
        try:
            given = dict(tomllib.loads(path.read_text()).get("watch", {}))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
            raise _bad(path, str(error)) from error
    rules = Rules()
    known = {f.name for part in fields(Rules) for f in fields(getattr(rules, part.name))} - {"acknowledge_within"}
    if set(given) - known:
        raise _bad(path, f"[watch] knows {', '.join(sorted(known))}")
    return Rules(*(_set(path, getattr(rules, part.name), given) for part in fields(Rules)))


def _set(path: Path, part: T, given: Mapping[str, Any]) -> T:
    named = [f.name for f in fields(part) if f.name in given]  # type: ignore[arg-type]
    try:
        return replace(part, **{n: _value(getattr(part, n), given[n]) for n in named})  # type: ignore[type-var]
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, f"[watch] {' or '.join(named)}: {error}") from error


def _value(usual: object, value: Any) -> object:  # noqa: ANN401 - what TOML may hold
    """``value`` as the setting that is ``usual``. Raises KeyError, TypeError, ValueError."""
    match usual:
        case Precedence():
            return Precedence[value.upper()] if isinstance(value, str) else _not(value)
        case int():
            return value if type(value) is int and value > 0 else _not(value)
        case Mapping():
            return {**usual, **{Precedence[k.upper()]: _value(1, v) for k, v in dict(value).items()}}
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        return _not(value)
    if isinstance(usual, frozenset):
        return frozenset(value)
    return tuple(value) if usual and isinstance(next(iter(usual)), str) else tuple(map(_time_of_day, value))  # type: ignore[call-overload]


def _time_of_day(text: str) -> int:
    hours, _, minutes = text.partition(":")
    found = int(hours) * 60 + int(minutes)
    return found * 60 if 0 <= found < _DAY_MINUTES else int(_not(text))


def _not(value: object) -> str:
    raise ValueError(f"{value!r} is not what it takes")


def _bad(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is not acceptable: {why}.", code="config", next_step="See docs/explanation/procedure.md."
    )
