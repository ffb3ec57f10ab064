"""Seeds: one seed is one world, what failed once holds now, and many worlds hold (safety, then liveness)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from parley.errors import ProofInvalid, StoreError
from parley.protocol import rows as r
from parley.protocol import trees
from parley.wire.parts import Entries
from parley_testkit.sim import __main__ as command
from parley_testkit.sim import cheap
from parley_testkit.sim.case import from_json, load, to_json
from parley_testkit.sim.clockwork import Process
from parley_testkit.sim.disk import SimStore
from parley_testkit.sim.plan import Act, Options, draw_options, draw_plan
from parley_testkit.sim.shrink import shrink
from parley_testkit.sim.world import World, run_world

ROOT = Path(__file__).resolve().parents[2]
CASES = load((Path(__file__).parent / "cases.json").read_text("utf-8"))


@pytest.mark.parametrize("real", [False, True])
def test_one_seed_is_one_world(real: bool) -> None:
    options = replace(draw_options(65), real=real)
    first, second = (run_world(options, draw_plan(options)) for _ in range(2))
    assert first.trace == second.trace
    assert first.events == second.events > 500
    assert first.violation is None


def _many(first: int, count: int, hash_seed: str) -> subprocess.Popen[str]:
    arguments = ["--seed", str(first), "--count", str(count), "--runs", "0"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "parley_testkit.sim", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def test_the_order_of_hashes_changes_nothing() -> None:
    runs = [_many(300, 3, hash_seed) for hash_seed in ("0", "12345")]
    first, second = (run.communicate()[0] for run in runs)
    assert first == second
    assert first.count("trace") == 3


@pytest.mark.slow
def test_two_hundred_worlds_hold() -> None:
    """Two processes, a hundred seeds each; a failing one is printed with the command that replays it."""
    runs = [_many(first, 100, "0") for first in (1000, 1100)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(x for text in said for x in text.splitlines()[-9:])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_failed_once_holds_now(case: dict[str, object]) -> None:
    options, plan = from_json(case)
    assert run_world(options, plan).violation is None


def test_a_case_is_read_as_it_was_written() -> None:
    options = draw_options(7)
    plan = draw_plan(options)
    read, acts = from_json(json.loads(json.dumps(to_json(options, plan))))
    assert acts == plan
    assert replace(read, acts=options.acts) == options


def _deaf_to_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: the third entry of a tree is never taken."""
    real = trees.Trees.accept

    def accept(self: trees.Trees, log: object, part: Entries, *rest: object, **named: object) -> object:
        if part.first <= 3 < part.first + len(part.items):
            raise ProofInvalid("not the third")
        return real(self, log, part, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(trees.Trees, "accept", accept)


def test_a_failing_world_is_made_small_and_replayed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _deaf_to_the_second(monkeypatch)
    options = Options(1, messages=8, loss=0.1, query_limit_s=20.0)
    plan = draw_plan(options)
    found = run_world(options, plan).violation
    assert found is not None
    assert (found.sort, found.rule) == ("liveness", "C8")
    small, acts = shrink(options, plan, found, runs=40)
    assert small.loss == 0.0
    assert len(acts) < len(plan)
    assert command.one(options, plan, small=False, trace=False, runs=0) == command.EXIT["liveness"] == 5
    assert "Replay: make sim SEED=1" in capsys.readouterr().out


def test_exit_codes_tell_crash_safety_and_liveness_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({0, *command.EXIT.values()}) == 4
    monkeypatch.setattr(trees.Trees, "append_own", lambda *_: 1 / 0)
    options = Options(1, messages=3)
    assert command.one(options, draw_plan(options), small=False, trace=True, runs=0) == command.EXIT["crash"]


def test_the_command_replays_seeds_and_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--seed", "61", "--real"]) == 0
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([to_json(Options(5, messages=2), [Act(1.0, "send", 0, (0, 0, 0, 1))])]))
    assert command.main(["--case", str(path), "--trace"]) == 0
    said = capsys.readouterr().out
    assert "seed 61:" in said
    assert "send (0, (0, 0, 0, 1))" in said


def _verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_record", ROOT / "spec/verifier/verify_record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_histories_end_in_a_proof_that_the_independent_verifier_accepts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = Options(1, 4, messages=30, lies=("equivocate", "rollback"), acts={"partition": 2}, real=True)
    with cheap.primitives(real=True) as spy:
        world = World(options, spy)
        assert world.run(draw_plan(options)).violation is None
    liar = world.parties[3]
    keys = {"checkpoint": liar.key_sets[0].signers.checkpoint.public}
    proofs = {v for k in range(3) for _, v in world.stations[k].disk.rows().scan(r.EVIDENCE)}
    assert proofs
    record = _verifier().Record
    for proof in proofs:
        stub = SimpleNamespace(
            read=lambda _name, proof=proof: proof,
            line=SimpleNamespace(certificates=lambda code: [("", keys)] if code == liar.code else []),
        )
        record.verify_equivocation(stub, "equivocations/1")
    assert "TWO HISTORIES" in capsys.readouterr().out


def test_a_peer_that_comes_while_the_store_cannot_be_opened_is_known_afterwards() -> None:
    options = Options(1, duration_s=30.0, query_limit_s=20.0)
    plan = [Act(0.0, "down", 0, (1, "net", 15.0)), Act(10.0, "eio", 0, ("lost",)), Act(10.5, "send", 0, (0, 0, 0, 5))]
    with cheap.primitives() as spy:
        world = World(options, spy)
        disk = world.stations[0].disk
        opened, refused = disk.open, []

        def open_(process: Process) -> SimStore:
            if 10.5 < world.loop.now < 20.0:
                refused.append(world.loop.now)
                raise StoreError("the simulated disk fails still.", code="store-failed")
            return opened(process)

        disk.open = open_  # type: ignore[method-assign]
        assert world.run(plan).violation is None
    assert refused
