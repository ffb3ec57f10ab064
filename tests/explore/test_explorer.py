"""Every state that a small line can come to, and what must hold in each; and that the search sees what it is for."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.mutants.planted import MUTANTS

from parley.protocol import inputs as i
from parley.protocol.rows import Change
from parley.stores import headfile
from parley.wire.statement import Kind, Message
from parley_testkit.explore.__main__ import main
from parley_testkit.explore.checks import Broken
from parley_testkit.explore.party import Party
from parley_testkit.explore.scenes import ONE, SCENES, SOAK, TWO, Scene, replay, search, searching

Plant = Callable[[], contextlib.AbstractContextManager[Any]]


@pytest.mark.parametrize("name", SCENES)
def test_every_rule_holds_in_every_state(name: str, record_property: Callable[[str, object], None]) -> None:
    # A process of its own: what it holds, it gives back; and it is not slowed by the measuring of coverage.
    command = [sys.executable, "-m", "parley_testkit.explore", "--scene", name]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=clean | {"PYTHONHASHSEED": "0"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ", complete, " in ended.stdout
    record_property("explored", ended.stdout.strip())


@pytest.mark.soak
@pytest.mark.parametrize("name", SOAK)
@pytest.mark.timeout(7200)
def test_every_rule_holds_in_every_state_of_the_large_scenes(name: str) -> None:
    found, story = search(SOAK[name])
    assert not found.rule, "\n".join([found.text, *story])
    assert found.complete


# -- planted faults ------------------------------------------------------------------------------------------


def _released_before_the_commit() -> contextlib.AbstractContextManager[Any]:
    """Nothing is durable until the step after."""
    real = Party.commit
    kept: list[Change] = []

    def commit(self: Party, changes: list[Change]) -> None:
        real(self, kept[:])
        kept[:] = changes

    return mock.patch.object(Party, "commit", commit)


def _head_file_not_compared() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(headfile, "lost_state", return_value=0)


def _planted(name: str) -> Plant:
    return next(m.plant for m in MUTANTS if m.name == name)


_CRASH = Scene("crash", ONE, 1, frozenset({"crash"}))
_LATE = Scene("late", TWO, 1, frozenset({"late"}))


@pytest.mark.parametrize(
    ("plant", "scene", "rules"),
    [
        (_released_before_the_commit, Scene("calm", ONE, 0), "C7 C1"),
        (_head_file_not_compared, Scene("wipe", ONE, 1, frozenset({"wipe"})), "head"),
        (_planted("shown again after a restart"), _CRASH, "C2"),
        (_planted("shown as often as it comes"), _LATE, "C2"),
        (_planted("one run for ever"), replace(_CRASH, kinds=frozenset({"restore"})), "C6 C4 C5 C3 key honest crash"),
        (_planted("receipt for one entry too many"), Scene("calm", ONE, 0), "C1 C6 C7 crash"),
        (_planted("used keys not deleted"), Scene("twice", TWO, 2, frozenset({"reorder", "duplicate"})), "key"),
    ],
    ids=lambda x: x.__name__.strip("_") if callable(x) else None,
)
def test_a_planted_fault_is_caught_with_the_shortest_way_to_it(plant: Plant, scene: Scene, rules: str) -> None:
    with plant():
        found, story = search(scene)
    assert found.rule in rules.split(), f"caught as {found.rule!r} {found.text}"
    assert found.rule in story[-1]
    assert len(story) >= len(found.trace)


def test_a_way_is_replayed_as_it_was_found() -> None:
    with _planted("shown again after a restart")():
        found, story = search(_CRASH)
        again = replay(_CRASH, found.trace)
    assert again == story
    assert "C2" not in replay(_CRASH, found.trace)[-1]


# -- what the search rests on --------------------------------------------------------------------------------


def test_a_deed_leaves_the_state_that_it_is_done_in_as_it_was() -> None:
    with searching(Scene("all", ONE, 1)) as found:
        space = found.space
        found.run(lambda states: states > 300)
        before = [p.digest() for p in space.parties]
        for party in space.parties[:50]:
            for deed in ("time", "start", "restore", "lose database"):
                party.do((deed,))
        assert [p.digest() for p in space.parties] == before


def test_equal_states_do_equal_deeds() -> None:
    """The memory of deeds is sound only if the core reads nothing but its arguments."""
    with searching(Scene("all", ONE, 1)) as found:
        space = found.space
        found.run(lambda states: states > 300)
        for number, party in enumerate(space.parties[:100]):
            first, sends = party.do(("time",))
            second, again = party.do(("time",))
            assert first.digest() == second.digest()
            assert [x.datagram for x in sends] == [x.datagram for x in again]
            assert space.number(first) == space.do(number, ("time",)).local


def test_what_nobody_submitted_is_noticed() -> None:
    with searching(Scene("calm", ONE, 0)) as found, pytest.raises(Broken) as broken:
        found.space.parties[0].step(i.Submit(Kind.MESSAGE, Message("message 7", "en")))
    assert broken.value.rule == "C3"


def test_the_command_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scene", "two-one-kept", "--seconds", "0.01", "--out", str(tmp_path)]) == 6
    assert "NOT COMPLETE" in capsys.readouterr().out
    report = json.loads((tmp_path / "explorer.json").read_text("utf-8"))
    assert not report["searches"][0]["complete"]
    assert main(["--scene", "two-one-kept", "--replay", "0.0.0"]) == 0
    assert "say at 0" in capsys.readouterr().out


def test_the_command_shows_the_way_to_what_broke(capsys: pytest.CaptureFixture[str]) -> None:
    with _head_file_not_compared():
        assert main(["--scene", "one-one"]) == 4
    told = capsys.readouterr().out
    assert "head: member" in told
    assert "Replay: python -m parley_testkit.explore --scene one-one --replay " in told
