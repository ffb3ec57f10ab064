"""Making a failing world smaller: fewer kinds of weather, then fewer acts, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from parley_testkit.sim.oracle import Violation
from parley_testkit.sim.plan import Act, Options
from parley_testkit.sim.world import Result, run_world

_USUAL: Final = Options(0)
_CALMER: Final[tuple[dict[str, Any], ...]] = (
    {"loss": 0.0},
    {"duplication": 0.0},
    {"corruption": 0.0},
    {"jitter_s": 0.0},
    {"latency_s": 0.0},
    {"answer": 0.0},
    {"read": 0.0},
    {"query_limit_s": 20.0},
    {"burst_bytes": _USUAL.burst_bytes, "rate_bytes_per_s": _USUAL.rate_bytes_per_s},
)
Run = Callable[[Options, Sequence[Act]], Result]


def shrink(
    options: Options, plan: Sequence[Act], violation: Violation, *, runs: int = 200, run: Run = run_world
) -> tuple[Options, list[Act]]:
    """The smallest options and plan found in ``runs`` worlds that break the same rule."""
    left = runs

    def fails(tried: Options, acts: Sequence[Act]) -> bool:
        nonlocal left
        left -= 1
        found = run(tried, acts).violation
        return found is not None and (found.sort, found.rule) == (violation.sort, violation.rule)

    acts = [act for act in plan if act.at <= violation.at]
    if not fails(options, acts):
        acts = list(plan)
    for change in _CALMER:
        calmer = replace(options, **change)
        if calmer != options and left > 0 and fails(calmer, acts):
            options = calmer
    acts = _fewer(acts, lambda some: left > 0 and fails(options, some))
    for name in options.bearers:
        fewer = replace(options, bearers=tuple(b for b in options.bearers if b != name))
        if fewer.bearers and left > 0 and not any(name in a.args for a in acts) and fails(fewer, acts):
            options = fewer
    return options, acts


def _fewer(acts: list[Act], fails: Callable[[list[Act]], bool]) -> list[Act]:
    """Delta debugging: leave out halves, quarters, ... single acts."""
    size = max(1, len(acts) // 2)
    while acts:
        at = 0
        while at < len(acts):
            without = acts[:at] + acts[at + size :]
            if fails(without):
                acts = without
            else:
                at += size
        if size == 1:
            break
        size = max(1, size // 2)
    return acts
