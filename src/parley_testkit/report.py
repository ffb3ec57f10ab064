"""What every report names: the commit that it was made on."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_here() -> str:
    """The commit of the sources, with ``+`` when they were changed since; ``unknown`` outside a repository."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", ":/src") if commit else ""
    except FileNotFoundError:
        return "unknown"
    return f"{commit}+" if changed else commit or "unknown"
