"""Writes mutants-out/report.json from what mutmut left in ``mutants``: the commit, killed of run, and the survivors."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from parley_testkit.report import commit_here

BAR = 0.85
"""Share of the mutants that are run which must be killed."""
ROOT = Path(__file__).resolve().parent.parent
KILLED = (1, 3, -24, 24, 36, 152, 255)
"""Exit codes of a run of tests that failed, or did not end in its time."""
NOT_RUN = (None, 33, 34)
"""Not looked at yet, without a test that reaches it, left out."""


def main() -> int:
    """Write the report; 1 when fewer than 85 % of those run were killed."""
    run: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    survivors = []
    total = 0
    for path in sorted((ROOT / "mutants" / "src" / "parley").rglob("*.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        row = path.parent.name
        total += len(codes)
        for name, code in codes.items():
            if code in NOT_RUN:
                continue
            run[row] += 1
            killed[row] += code in KILLED
            if code not in KILLED:
                survivors.append(name)
    done = sum(run.values())
    score = sum(killed.values()) / done if done else 0.0
    report = {
        "commit": commit_here(),
        "mutants": total,
        "run": done,
        "killed": sum(killed.values()),
        "score": round(score, 4),
        "rows": {row: {"run": run[row], "killed": killed[row]} for row in sorted(run)},
        "survivors": survivors,
    }
    out = ROOT / "mutants-out"
    out.mkdir(exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"{report['killed']} of {done} killed ({score:.1%}), {total} mutants in all: mutants-out/report.json")
    return 0 if score >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
