"""A party that keeps lists of what it notifies, on a line with another party: nobody serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app.home import LineHome
from parley.app.runtime import running
from parley.app.service import OPERATIONS
from parley.cli import app
from parley_testkit.lines import found


@pytest.fixture
def line(tmp_path: Path) -> LineHome:
    return found(tmp_path)[0]


@pytest.fixture
def asked(line: LineHome) -> Callable[..., Any]:
    """A command for that party, and its answer."""

    def run(*arguments: object, status: int = 0) -> Any:
        given = [*map(str, arguments), "--home", str(line.home.path), "--json"]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    return run


@pytest.fixture
def imported(asked: Callable[..., Any], tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A list of the module's ``SORT``, with the module's ``HEAD``, and the report of its import."""
    file = tmp_path / "list.csv"

    def run(text: str, *options: str, status: int = 0, head: str = "") -> Any:
        file.write_text((head or request.module.HEAD) + text)
        return asked(request.module.SORT, "import", file, *options, status=status)

    return run


@pytest.fixture
def by_form(line: LineHome) -> Callable[[str, dict[str, Any]], None]:
    """Sends a form, as an officer does who does not look at the list."""

    def run(form: str, values: dict[str, Any]) -> None:
        async def send() -> None:
            async with running(line) as runtime:
                await OPERATIONS["send"](runtime, {"form": form, "values": values})

        asyncio.run(send())

    return run
