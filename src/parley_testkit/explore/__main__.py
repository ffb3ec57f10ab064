"""``python -m parley_testkit.explore``: search scenes whole, or replay the way to what broke.

Exit status: 0 everything held, 3 the product crashed, 4 a safety rule was broken, 5 something never settles, 6 a search
was ended before it was complete.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from parley_testkit.explore.scenes import SCENES, SOAK, Scene, replay, say, search
from parley_testkit.report import commit_here
from parley_testkit.sim.__main__ import say as show

_EXIT: Final = {"crash": 3, "C8": 5}
_INCOMPLETE: Final = 6


def one(scene: Scene, seconds: float | None) -> tuple[int, dict[str, Any]]:
    """Search one scene and say what came of it; the exit status, and the figures."""
    began = time.process_time()
    found, story = search(scene, seconds=seconds)
    spent = time.process_time() - began
    show(say(scene, found, spent))
    if found.rule:
        show(f"{found.text}\nThe shortest way there:")
        for line in story:
            show(line)
        way = ".".join(map(str, found.trace))
        show(f"Replay: python -m parley_testkit.explore --scene {scene.name} --replay {way}")
    figures = asdict(found) | {"scene": scene.describe(), "cpu_seconds": round(spent, 1)}
    code = _EXIT.get(found.rule, 4) if found.rule else 0 if found.complete else _INCOMPLETE
    return code, figures


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m parley_testkit.explore", description=__doc__)
    parser.add_argument(
        "--scene", choices=sorted({*SCENES, *SOAK}), action="append", help="a scene [those of make test]"
    )
    parser.add_argument("--soak", action="store_true", help="the large scenes as well")
    parser.add_argument("--seconds", type=float, help="processor time after which a search is given up [none]")
    parser.add_argument("--replay", help="move numbers with points between them: show this way of one --scene")
    parser.add_argument("--out", type=Path, help="folder for explorer.json")
    given = parser.parse_args(arguments)
    every = SCENES | SOAK
    chosen = [every[name] for name in given.scene or [*SCENES, *(SOAK if given.soak else ())]]
    if given.replay is not None:
        for line in replay(chosen[0], [int(x) for x in given.replay.split(".") if x]):
            show(line)
        return 0
    results = [one(scene, given.seconds) for scene in chosen]
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        report = {"commit": commit_here(), "searches": [figures for _, figures in results]}
        (given.out / "explorer.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return max(code for code, _ in results)


if __name__ == "__main__":
    raise SystemExit(main())
