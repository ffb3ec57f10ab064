"""Homes of parties on one line, founded without a meeting: for tests that run real nodes."""

from __future__ import annotations

from pathlib import Path

from parley.app import meeting
from parley.app.home import Home, LineHome
from parley.app.process import free_port

CODES = ("north", "south", "east", "west")
NAME = "trial"


def found(folder: Path, count: int = 2, *, dials: bool = True) -> list[LineHome]:
    """``count`` homes on one line, each with a TLS bearer that dials all before it (or all after it)."""
    homes = [Home(folder / code) for code in CODES[:count]]
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], NAME, [meeting.introduce(h, NAME) for h in homes[1:]])
    signed = meeting.merge([meeting.accept(h, proposal) for h in homes[1:]])
    ports = [free_port() for _ in homes]
    lines = []
    for n, home in enumerate(homes):
        line, _ = meeting.install(home, signed)
        others = range(n) if dials else range(n + 1, count)
        dial = "".join(f'{CODES[m]} = "127.0.0.1:{ports[m]}"\n' for m in others)
        table = f"[bearer.dial]\n{dial}" if dial else ""
        line.config.write_text(f'[[bearer]]\nkind = "tls"\nname = "t"\nlisten = "127.0.0.1:{ports[n]}"\n{table}')
        lines.append(line)
    return lines


def home_of(line: LineHome) -> Home:
    """The home that a line is in."""
    return Home(line.path.parent.parent)
