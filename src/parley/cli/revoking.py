"""What ``parley line revoke`` shows, and ``parley line show`` of certificates that are revoked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parley.app.revoking import COMPROMISED, OwnRun, Revoked
from parley.cli.output import say


def tell(done: Revoked, path: Path) -> None:
    """Say what was done, and what to do with the file."""
    serials = ", ".join(str(serial) for serial in done.serials)
    say(f"Revoked: certificate {serials} of this node. In force: certificate {done.serial}.", "bold")
    for run in done.runs:
        say(f"  {_shown(run)}")
    for warning in done.warnings:
        say(f"Note: {warning}")
    say(f"Wrote {path}.")
    say("Give it to every peer, who takes it with 'parley line add'; then start 'parley serve' again.")
    if done.fresh and done.reason == COMPROMISED:
        say("A peer that has not taken it refuses this node's new connection key.")


def _shown(run: OwnRun) -> str:
    opened = datetime.fromtimestamp(run.opened, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if run.opened else "not known"
    state = f"closed at {run.head.size} entries" if run.stands else "not ours: nothing of it stands"
    return f"run {run.head.run.hex()}, certificate {run.serial}, begun {opened}: {state}"


def plain(done: Revoked, path: Path) -> dict[str, object]:
    """The same as data."""
    return {
        "file": str(path),
        "revoked": list(done.serials),
        "in_force": done.serial,
        "new_keys": done.fresh,
        "runs": [
            {
                "run": run.head.run.hex(),
                "certificate": run.serial,
                "size": run.head.size if run.stands else 0,
                "root": run.head.root.hex(),
                "begun": run.opened,
            }
            for run in done.runs
        ],
        "warnings": list(done.warnings),
    }


def tell_revoked(rows: Iterable[dict[str, Any]], whose: str = "") -> None:
    """Certificates that were revoked: a line for each, and one for each run."""
    for row in rows:
        stated = datetime.fromtimestamp(row["time"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        say(f"  certificate {row['certificate']}{whose} was revoked ({row['reason']}, stated {stated})", "yellow")
        for head in row["closed"]:
            say(f"    run {head['run']} closed at {head['size']} entries")
