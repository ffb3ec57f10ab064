"""Worlds as JSON: what a failing one is kept as, and where it is read from again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from parley_testkit.sim.plan import Act, Options


def to_json(options: Options, plan: Sequence[Act], note: str = "") -> dict[str, Any]:
    """Options without what is as usual, and every act."""
    usual = asdict(Options(options.seed))
    changed = {k: v for k, v in asdict(options).items() if v != usual[k] and k != "acts"}
    return {
        "note": note,
        "options": {"seed": options.seed, **changed},
        "plan": [list(asdict(a).values()) for a in plan],
    }


def from_json(case: dict[str, Any]) -> tuple[Options, list[Act]]:
    """The world of ``to_json``."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in case["options"].items()}
    return Options(**fields), [Act(at, kind, who, tuple(args)) for at, kind, who, args in case["plan"]]


def load(text: str) -> list[dict[str, Any]]:
    """A file of cases."""
    cases: list[dict[str, Any]] = json.loads(text)
    return cases
