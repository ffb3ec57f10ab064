"""Lines for the bench: parties in one folder, founded without a meeting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parley.app import meeting
from parley.app.home import Home, LineHome
from parley.app.process import free_port
from parley.keys.file import write_private

LINE: Final = "bench"
Lines = list[tuple[Home, LineHome]]


def founded(folder: Path, codes: Sequence[str]) -> Lines:
    """A line between parties with these codes."""
    homes = [Home(folder / code) for code in codes]
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], LINE, [meeting.introduce(h, LINE) for h in homes[1:]])
    signed = meeting.merge([meeting.accept(h, proposal) for h in homes[1:]])
    return [(h, meeting.install(h, signed)[0]) for h in homes]


def joined(folder: Path, first: str, second: str, more: str = "") -> Lines:
    """A line between two over TLS on loopback: ``first`` dials ``second``. ``more`` stands in both configurations."""
    lines = founded(folder, (first, second))
    address = f'"127.0.0.1:{free_port()}"'
    sides = (f"[bearer.dial]\n{second} = {address}\n", f"listen = {address}\n")
    for (_, line), side in zip(lines, sides, strict=True):
        write_private(line.config, f'[[bearer]]\nkind = "tls"\nname = "t"\n{side}{more}'.encode())
    return lines
