"""``python -m parley_testkit.sim --seed N``: one world, or many; what fails is made small and shown.

Exit status: 0 everything held, 3 the product crashed, 4 a safety rule was broken, 5 something never settled.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from parley_testkit.sim.case import from_json, load, to_json
from parley_testkit.sim.plan import DAY_S, Act, Options, draw_day, draw_options, draw_plan
from parley_testkit.sim.shrink import shrink
from parley_testkit.sim.world import run_world

EXIT: Final = {"crash": 3, "safety": 4, "liveness": 5}


def say(text: str) -> None:
    """To standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def one(options: Options, plan: Sequence[Act], *, small: bool, trace: bool, runs: int) -> int:
    """Run one world, say what came of it."""
    lines: list[str] | None = [] if trace else None
    result = run_world(options, plan, verbose=lines)
    for line in lines or ():
        say(line)
    found = result.violation
    days = result.seconds / 86_400
    say(f"seed {options.seed}: {result.events} events, {days:.3f} days, trace {result.trace}")
    if found is None:
        return 0
    say(f"{found}\n{options.describe()}")
    if small:
        options, acts = shrink(options, plan, found, runs=runs)
        say(f"The smallest world found that fails so ({len(acts)} of {len(plan)} acts):\n{options.describe()}")
        for act in acts:
            say(str(act))
        say("As a case for tests/sim/cases.json:\n" + json.dumps(to_json(options, acts, str(found))))
    day = " DAY=1" if options.duration_s == DAY_S else ""
    say(f"Replay: make sim SEED={options.seed}{day}{' REAL=1' if options.real else ''}")
    return EXIT[found.sort]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m parley_testkit.sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="the first world's seed", default=0)
    parser.add_argument("--count", type=int, default=1, help="how many seeds from there on")
    parser.add_argument("--day", action="store_true", help="the whole day of a busy line that the soak draws of a seed")
    parser.add_argument("--real", action="store_true", help="real signatures and sealing: slower")
    parser.add_argument("--trace", action="store_true", help="print every event")
    parser.add_argument("--runs", type=int, default=200, help="worlds to try in making a failing one smaller; 0: none")
    parser.add_argument("--case", type=Path, help="replay the cases of a JSON file instead of seeds")
    given = parser.parse_args(arguments)
    worst = 0
    if given.case is not None:
        worlds = [from_json(case) for case in load(given.case.read_text("utf-8"))]
    else:
        draw = draw_day if given.day else draw_options
        drawn = (draw(seed) for seed in range(given.seed, given.seed + given.count))
        worlds = [(options, draw_plan(options)) for options in drawn]
    for options, plan in worlds:
        chosen = replace(options, real=given.real or options.real)
        code = one(chosen, plan, small=given.runs > 0, trace=given.trace, runs=given.runs)
        worst = worst or code
    return worst


if __name__ == "__main__":
    raise SystemExit(main())
