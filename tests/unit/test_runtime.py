"""A running node whose disk takes no files as the membership changes."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest

from parley.app import home as homes
from parley.app import meeting
from parley.app.runtime import running
from parley.app.service import OPERATIONS
from parley.bearers.tls import TlsBearer
from parley_testkit.lines import found, home_of


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_node_goes_on_by_a_document_that_its_home_cannot_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended, and where it did not its bearers knew no new keys."""
    north, south = found(tmp_path)
    given = meeting.rotate(home_of(north), north).decode()
    kept = {p.name for p in (south.path / "documents").iterdir()}
    pinned: list[int] = []
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(TlsBearer, "set_pins", lambda _, pins: pinned.append(len(pins)))

    async def scene() -> None:
        with monkeypatch.context() as failing:
            failing.setattr(homes, "write_private", full)
            async with running(south, told.append) as runtime:
                await OPERATIONS["members"](runtime, {"bundle": given})
                await OPERATIONS["send"](runtime, {"text": "still here"})
        assert "store-io" in {e["code"] for e in told if e["event"] == "notice"}
        assert pinned
        assert {p.name for p in (south.path / "documents").iterdir()} == kept
        async with running(south):
            pass
        assert len({p.name for p in (south.path / "documents").iterdir()}) == len(kept) + 1

    asyncio.run(scene())
