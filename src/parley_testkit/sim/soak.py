"""Many worlds on all cores for a given time, and a report of what was run: ``make soak``.

Seeds go on from where the last run of the same commit stopped; every so many seeds, the world is a whole day of a
busy line. Each world is one line of ``worlds-N.jsonl``, so that a soak which is ended early still counts.

Exit status: 0 everything held, 3 the product crashed, 4 a safety rule was broken, 5 something never settled.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from parley_testkit.report import commit_here
from parley_testkit.sim.__main__ import EXIT, one, say
from parley_testkit.sim.case import to_json
from parley_testkit.sim.oracle import RULES
from parley_testkit.sim.plan import Act, Options, draw_day, draw_options, draw_plan
from parley_testkit.sim.world import run_world

DAY_EVERY: Final = 250
"""One world in so many is a day."""
_SHOWN: Final = 3
"""Failing worlds that are made small and shown."""

World = dict[str, Any]


def draw(seed: int, *, real: bool) -> tuple[Options, list[Act]]:
    """The world that the soak runs for a seed."""
    options = replace((draw_options if seed % DAY_EVERY else draw_day)(seed), real=real)
    return options, draw_plan(options)


def run_one(seed: int, commit: str, *, real: bool) -> World:
    """Run a seed's world; what the report needs to know of it."""
    options, plan = draw(seed, real=real)
    cpu = time.process_time()
    result = run_world(options, plan)
    found = result.violation
    return {
        "commit": commit,
        "seed": seed,
        "real": real,
        "day": seed % DAY_EVERY == 0,
        "parties": options.parties,
        "lies": list(options.lies),
        "events": result.events,
        "seconds": result.seconds,
        "cpu": round(time.process_time() - cpu, 3),
        "counts": result.counts,
        "violation": None if found is None else {**asdict(found), "text": str(found)},
    }


def work(job: int, jobs: int, first: int, until: float, commit: str, out: Path, *, real: bool) -> int:
    """Every ``jobs``-th seed from ``first + job`` until the monotonic time ``until``; how many."""
    # Worlds make no garbage that must go at once.
    gc.set_threshold(100_000, 50, 100)
    done = 0
    with (out / f"worlds-{job}.jsonl").open("a", encoding="utf-8") as lines:
        for seed in range(first + job, 1 << 62, jobs):
            if time.monotonic() >= until:
                break
            lines.write(json.dumps(run_one(seed, commit, real=real)) + "\n")
            lines.flush()
            done += 1
    return done


def read_worlds(out: Path, commit: str) -> list[World]:
    """What earlier runs and this one wrote for ``commit``."""
    texts = [path.read_text("utf-8") for path in sorted(out.glob("worlds-*.jsonl"))]
    worlds = [json.loads(line) for text in texts for line in text.splitlines()]
    return sorted((w for w in worlds if w["commit"] == commit), key=lambda w: w["seed"])


def report(commit: str, worlds: Sequence[World], seconds: float, jobs: int) -> dict[str, Any]:
    """The figures, n beside every zero: of n worlds without a violation, at most 3/n break the rule (95 %)."""
    counts: Counter[str] = Counter()
    for world in worlds:
        counts.update(world["counts"])
    found = [w for w in worlds if w["violation"]]
    cpu = sum(w["cpu"] for w in worlds)
    events = sum(w["events"] for w in worlds)
    broken = Counter(w["violation"]["rule"] for w in found)
    return {
        "commit": commit,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "processes": jobs,
        "wall_seconds": round(seconds),
        "signer": "real" if any(w["real"] for w in worlds) else "test",
        "worlds": len(worlds),
        "first_seed": worlds[0]["seed"] if worlds else None,
        "last_seed": worlds[-1]["seed"] if worlds else None,
        "worlds_with_a_liar": sum(bool(w["lies"]) for w in worlds),
        "events": events,
        "events_per_cpu_second": round(events / cpu) if cpu else None,
        "simulated_days": round(sum(w["seconds"] for w in worlds) / 86_400, 2),
        "busy_days": sum(w["day"] for w in worlds),
        "messages": counts.get("send", 0),
        "crashes": counts.get("crashes", 0),
        "faults": dict(sorted((k, n) for k, n in counts.items() if k not in {"send", "crashes"})),
        "rules": {
            rule: {"violations": broken.get(rule, 0), "worlds": len(worlds), "bound": _bound(broken, rule, worlds)}
            for rule in sorted({*RULES, *broken})
        },
        "violations": [
            {"seed": w["seed"], "sort": w["violation"]["sort"], "text": w["violation"]["text"]} for w in found
        ],
    }


def _bound(broken: Counter[str], rule: str, worlds: Sequence[World]) -> float | None:
    return round(3 / len(worlds), 6) if worlds and not broken.get(rule) else None


def show(worlds: Iterable[World], out: Path, runs: int) -> int:
    """Make the first failing worlds small and keep them as cases; the worst exit status."""
    failing = [w for w in worlds if w["violation"]]
    for world in failing[:_SHOWN]:
        options, plan = draw(world["seed"], real=world["real"])
        one(options, plan, small=runs > 0, trace=False, runs=runs)
        case = json.dumps(to_json(options, plan, world["violation"]["text"]))
        (out / f"seed-{world['seed']}.json").write_text(f"[{case}]\n", "utf-8")
        say(f"Replay this world: python -m parley_testkit.sim --case {out}/seed-{world['seed']}.json")
    return max((EXIT[w["violation"]["sort"]] for w in failing), default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m parley_testkit.sim.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="wall time to run worlds for [3600]")
    parser.add_argument("--out", type=Path, default=Path("soak-out"), help="folder of the report [soak-out]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes [as many as cores]")
    parser.add_argument("--first", type=int, help="first seed [after the last of this commit, or 1]")
    parser.add_argument("--commit", default="", help="name of what is run [git's]")
    parser.add_argument("--real", action="store_true", help="real signatures and sealing: slower")
    parser.add_argument("--runs", type=int, default=100, help="worlds to try in making a failing one smaller [100]")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    commit = given.commit or commit_here()
    before = read_worlds(given.out, commit)
    first = given.first if given.first is not None else before[-1]["seed"] + 1 if before else 1
    began = time.monotonic()
    run = partial(work, jobs=given.jobs, first=first, until=began + given.seconds, commit=commit, out=given.out)
    with ProcessPoolExecutor(given.jobs) as pool:
        for done in [pool.submit(run, job, real=given.real) for job in range(given.jobs)]:
            done.result()
    worlds = read_worlds(given.out, commit)
    made = report(commit, worlds, time.monotonic() - began, given.jobs)
    (given.out / "report.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    say(
        f"{made['worlds']} worlds, {made['events']} events, {made['simulated_days']} days, "
        f"{made['crashes']} crashes, {len(made['violations'])} violations: {given.out}/report.json"
    )
    return show(worlds, given.out, given.runs)


if __name__ == "__main__":
    raise SystemExit(main())
