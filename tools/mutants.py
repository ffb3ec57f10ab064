"""``make mutants``: faults of one operator each, put into record, crypto, wire and protocol, and what notices them.

mutmut writes the mutants and mypy refuses those that its types rule out; the loop over the rest is our own. mutmut
starts pytest anew for each mutant, which costs more than the tests do: ten thousand mutants would take a day. Here
one session collects the tests once, learns which of them reach which function, and forks for each mutant: a child
runs those tests until one fails, first those that kill most in the time that they take, as the run itself tells. A
test that takes several times its own CPU time has failed too.

A mutant that only alters the words of an error is left out by rule (tests match on codes, STYLE.md) and counted.
The mutants of a row come in an order drawn by lot from ``--seed``: ``--sample`` and ``--minutes`` leave a random
sample. Writes mutants-out/report.json, of which docs/reference/mutants.md is made; 1 when a row is under the bar.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import gc
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pytest
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.utils.file_utils import (
    copy_also_copy_files,
    copy_src_dir,
    setup_source_paths,
    walk_all_files,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name

ROOT: Final = Path(__file__).resolve().parent.parent
ROWS: Final = ("record", "crypto", "wire", "protocol")
BAR: Final = 0.85
"""Share of the mutants that tests ran on which must be killed, in each row."""
SURVIVED, FAILED, NO_TESTS, WORDS, TYPES = 0, 1, 33, 34, 37
"""Exit codes, as mutmut numbers them."""
NOT_TYPES: Final = frozenset(
    {
        "comparison-overlap",
        "has-type",
        "ignore-without-code",
        "no-any-return",
        "no-redef",
        "possibly-undefined",
        "redundant-expr",
        "truthy-bool",
        "unreachable",
        "unused-ignore",
        "var-annotated",
    }
)
"""Codes of mypy that are not about a value of the wrong type."""
WORLDS: Final = ("tests/sim", "tests/mutants")
"""Tests of whole lines: only they reach the protocol, and what is below it has tests that are quicker."""
TIMES: Final = 5
CPU_S: Final = 5
"""CPU time that a test may take when a mutant is in: so many times its own, and so many seconds more. An endless loop
is a fault noticed, and the clock on the wall says nothing on a busy machine."""


@dataclass(slots=True)
class Mutants:
    """Every mutant's exit code, kept where ``mutmut results`` and ``mutmut show`` look for it."""

    files: dict[str, SourceFileMutationData] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)

    def load(self) -> None:
        """Read what the generator wrote, and what an earlier run found out."""
        for path in walk_mutatable_files():
            data = SourceFileMutationData(path=path)
            data.load()
            self.files[str(path)] = data
            self.owner.update(dict.fromkeys(data.exit_code_by_key, str(path)))

    def row(self, name: str) -> str:
        """The package of a mutant."""
        return name.split(".")[1]

    def code(self, name: str) -> int | None:
        """What came of it; None while nothing did."""
        return self.files[self.owner[name]].exit_code_by_key[name]

    def set(self, name: str, code: int | None) -> None:
        """Note what came of it."""
        self.files[self.owner[name]].exit_code_by_key[name] = code

    def save(self, names: Iterable[str]) -> None:
        """Write what came of these, and of those beside them in their files."""
        with contextlib.chdir(ROOT):  # the tests run in ``mutants``
            for path in {self.owner[name] for name in names}:
                self.files[path].save()


def commit() -> str:
    """The commit that the mutants are of, with ``+`` when something was changed since."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ":/src", ":/tests", ":/vectors")
    return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def generate(jobs: int) -> None:
    """Write the mutated sources into ``mutants`` beside the tests, and look there for ``parley`` from now on."""
    from mutmut.__main__ import create_mutants  # noqa: PLC0415 - it changes how processes are started

    trampoline.set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    for path in Path("mutants/src").rglob("*"):  # mutmut copies data once, and never again
        if path.is_file() and path.suffix not in {".py", ".meta", ".spans"}:
            path.unlink()
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    with contextlib.redirect_stdout(None):  # it names every file
        create_mutants(jobs)


def by_types() -> set[str]:
    """The mutants in which mypy finds a value of the wrong type.

    Its other rules do not count here: a condition that is always true is for tests to notice, and an attribute is
    defined twice because mutmut copies functions.
    """
    command = [sys.executable, "-m", "mypy", "--output=json", "--no-error-summary"]
    command += [f"src/parley/{row}" for row in ROWS]
    said = subprocess.run(command, cwd="mutants", capture_output=True, check=False)  # it does find errors
    lines = defaultdict(set)
    for error in map(json.loads, said.stdout.splitlines()):
        if error["severity"] == "error" and error["code"] not in NOT_TYPES:
            lines[Path(error["file"])].add(error["line"])
    if not lines:
        raise SystemExit(f"mypy found nothing among the mutants: {said.stderr.decode()}")
    refused = set()
    for path, numbers in lines.items():
        index = MutantLineSpans.load(path)
        for name, span in index.span_by_function_name.items() if index else ():
            found = any(span.start <= n <= span.end for n in numbers)
            if found and name.endswith("__mutmut_orig"):
                raise SystemExit(f"mypy finds an error in {path} {name}, which is no mutant")
            refused |= {get_mutant_name(path, name)} if found else set()
    return refused


_CODE: Final = re.compile("[a-z0-9]+(-[a-z0-9]+)+")
"""An error's code, where it stands as an argument."""


class Words(ast.NodeTransformer):
    """Takes the words out of every error that is raised or made: what is left is what a program can tell."""

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """An error that is raised."""
        self._strip(node.exc)
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """An error that is made for its caller to raise: what has a code."""
        if isinstance(node.value, ast.Call) and any(k.arg == "code" for k in node.value.keywords):
            self._strip(node.value)
        return node

    def _strip(self, call: ast.expr | None) -> None:
        """Without the literals among its arguments that are no code, and without its next step."""
        if isinstance(call, ast.Call):
            call.args = [a for a in call.args if not self._words(a)]
            call.keywords = [k for k in call.keywords if k.arg != "next_step" or not self._words(k.value)]

    @staticmethod
    def _words(given: ast.expr) -> bool:
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return _CODE.fullmatch(given.value) is None
        return isinstance(given, ast.JoinedStr)


def without_words(function: str) -> str:
    """What a function does, but for the words of its errors."""
    return ast.dump(Words().visit(ast.parse(textwrap.dedent(function))))


def words_only(path: Path) -> Iterator[str]:
    """The mutants of a file that differ from the source in the words of an error alone."""
    index = MutantLineSpans.load(path)
    names = list(index.span_by_function_name) if index is not None else []
    texts = index.read_function_sources(names) if index is not None else []
    stripped: dict[str, str] = {}
    for name, text in zip(names, texts, strict=True):
        if "raise " in text or "code=" in text:
            stripped[name] = without_words(re.sub(r"__mutmut_(orig|\d+)", "", text, count=1))
    for name, tree in stripped.items():
        original = name.partition("__mutmut_")[0] + "__mutmut_orig"
        if name != original and tree == stripped.get(original):
            yield get_mutant_name(path, name)


class Loop:
    """The session: which test reaches which function, and then a child for each mutant."""

    def __init__(self, mutants: Mutants, todo: list[str], jobs: int, until: float, budget_s: float) -> None:
        self.mutants, self.todo, self.jobs, self.until, self.budget_s = mutants, todo, jobs, until, budget_s
        self.reached: dict[str, list[int]] = defaultdict(list)
        self.took: list[float] = []
        self.kills: Counter[int] = Counter()
        self.tries: Counter[int] = Counter()
        """Of each test, by its number: how many mutants it was run on, and how many of these it killed."""
        self.child: int | None = None
        """In a child, the end of a pipe to which it writes the number of each test that it begins."""
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One failure is enough for a child; before there are mutants, none may be."""
        if report.failed and self.child is not None:
            os._exit(FAILED)
        if report.failed:
            self.failed = f"{report.nodeid}: {report.longreprtext}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        self._learn(session.items)
        self._run(session.items)
        return True

    def _learn(self, items: list[pytest.Item]) -> None:
        hits: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, **_: hits.add(name)  # type: ignore[attr-defined]
        trampoline.get_mutant_under_test = lambda: "stats"
        for number, item in enumerate(items):
            hits.clear()
            began = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            self.took.append(time.process_time() - began)
            if self.failed:
                pytest.exit(f"a test fails where nothing is planted: {self.failed}", returncode=3)
            for name in hits:
                self.reached[name].append(number)
        print(f"{len(items)} tests in {sum(self.took):.0f} s reach {len(self.reached)} functions", flush=True)
        gc.collect()
        gc.freeze()  # else each child copies every page that its collector looks at

    def _first(self, number: int) -> float:
        """How many mutants a test may be expected to kill in a second."""
        return (self.kills[number] + 1) / (self.tries[number] + 2) / max(self.took[number], 1e-3)

    def _tests_of(self, name: str) -> list[int]:
        """What to run on a mutant, in what order: within the budget, and one at least where any reaches it."""
        best = sorted(self.reached.get(mangled_name_from_mutant_name(name), ()), key=self._first, reverse=True)
        until = accumulate(self.took[n] for n in best)
        return [
            n for place, (n, sum_) in enumerate(zip(best, until, strict=True)) if not place or sum_ <= self.budget_s
        ]

    def _run(self, items: list[pytest.Item]) -> None:
        running: dict[int, tuple[str, int]] = {}
        done = 0
        for name in self.todo:
            if time.time() > self.until:
                print("the time is over", flush=True)
                break
            numbers = self._tests_of(name)
            if not numbers:
                self.mutants.set(name, NO_TESTS)
                continue
            if len(running) >= self.jobs:
                done += self._wait(running)
                if done % 20 == 0:
                    self.mutants.save(self.todo)
                    os.write(2, f"{done} of {len(self.todo)}\n".encode())
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                self.child = tell
                self._child(name, items, numbers)
            os.close(tell)
            running[child] = (name, told)
        while running:
            done += self._wait(running)
        self.mutants.save(self.todo)

    def _wait(self, running: dict[int, tuple[str, int]]) -> int:
        child, status = os.wait()
        name, told = running.pop(child)
        with os.fdopen(told, "rb") as pipe:
            begun = array("I", pipe.read())
        code = os.waitstatus_to_exitcode(status)
        self.mutants.set(name, code)
        self.tries.update(begun)
        if code != SURVIVED and begun:
            self.kills[begun[-1]] += 1
        return 1

    def _child(self, name: str, items: list[pytest.Item], numbers: list[int]) -> None:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        trampoline.get_mutant_under_test = lambda: name
        for number in numbers:
            if self.child is not None:
                os.write(self.child, array("I", [number]).tobytes())
            limit = int(time.process_time() + TIMES * self.took[number] + CPU_S)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            items[number].ihook.pytest_runtest_protocol(item=items[number], nextitem=None)
        os._exit(SURVIVED)


def order(name: str, seed: int) -> tuple[int, bytes]:
    """Row by row, and in a row by the lot that the seed draws: what comes first is a random sample of it."""
    return ROWS.index(name.split(".")[1]), hashlib.sha256(f"{seed} {name}".encode()).digest()


def change(path: str, name: str) -> dict[str, str]:
    """The lines that a mutant takes away and puts in their place."""
    index = MutantLineSpans.load(path)
    if index is None:
        return {"name": name, "was": "", "is": ""}
    short = name.rpartition(".")[2]
    original = short.partition("__mutmut_")[0] + "__mutmut_orig"
    before, after = (
        [line.strip() for line in text.splitlines() if "__mutmut_" not in line]
        for text in index.read_function_sources([original, short])
    )
    differ = list(difflib.ndiff(before, after))
    was = " ".join(line[2:] for line in differ if line.startswith("- "))
    return {"name": name, "was": was, "is": " ".join(line[2:] for line in differ if line.startswith("+ "))}


def report(mutants: Mutants, made_on: str, seed: int) -> dict[str, Any]:
    """What is written: for each row what was made, refused by types, run and killed; the survivors."""
    counts: dict[str, Counter[str]] = {
        row: Counter() for row in ROWS if any(mutants.row(n) == row for n in mutants.owner)
    }
    survivors, unreached = [], []
    for name in sorted(mutants.owner, key=lambda name: order(name, seed)):
        count, code = counts[mutants.row(name)], mutants.code(name)
        count["mutants"] += 1
        if code is None or code in {NO_TESTS, WORDS, TYPES}:
            count[{None: "not_run", NO_TESTS: "unreached", WORDS: "words", TYPES: "refused_by_types"}[code]] += 1
            unreached += [name] if code == NO_TESTS else []
        else:
            count["run"] += 1
            count["killed"] += code != SURVIVED
            survivors += [change(mutants.owner[name], name)] if code == SURVIVED else []
    table = {}
    for row, count in counts.items():
        fields = ("mutants", "words", "refused_by_types", "not_run", "unreached", "run", "killed")
        judged = count["run"] + count["unreached"]
        table[row] = {name: count[name] for name in fields} | {"score": round(count["killed"] / max(judged, 1), 4)}
    return {"commit": made_on, "seed": seed, "bar": BAR, "rows": table, "survivors": survivors, "unreached": unreached}


def prepared(jobs: int) -> Mutants:
    """The mutants of the sources as they are now, made anew when one was changed since they were made."""
    mutants, made = Mutants(), Path("mutants", "made")
    from_these = [Path(__file__), *sorted(walk_mutatable_files())]
    sources = hashlib.sha256(b"".join(p.read_bytes() for p in from_these)).hexdigest()
    if made.exists() and made.read_text("ascii") == sources:
        for path in walk_all_files():
            if not config().should_mutate(Path(*path)):
                shutil.copy2(Path(*path), Path("mutants", *path))
        copy_also_copy_files()
        setup_source_paths()
        mutants.load()
        return mutants
    generate(jobs)
    mutants.load()
    left_out = {name for path in list(walk_mutatable_files()) for name in words_only(path)}
    for name in mutants.owner:
        if name in left_out:
            mutants.set(name, WORDS)
        elif mutants.code(name) == WORDS:
            mutants.set(name, None)
    refused = by_types()
    for name in mutants.owner:
        if name in refused and mutants.code(name) != WORDS:
            mutants.set(name, TYPES)
        elif mutants.code(name) == TYPES:
            mutants.set(name, None)
    mutants.save(mutants.owner)
    made.write_text(sources, "ascii")
    return mutants


def chosen(mutants: Mutants, given: argparse.Namespace) -> list[str]:
    """What is to run: of each row the sample, without those of it whose end is known."""
    wanted = {None, SURVIVED, NO_TESTS} if given.survivors else {None}
    todo = []
    for row in given.rows.split(","):
        judged = [n for n in mutants.owner if mutants.row(n) == row and mutants.code(n) not in {WORDS, TYPES}]
        sample = sorted(judged, key=lambda name: order(name, given.seed))[: given.sample]
        todo += [n for n in sample if mutants.code(n) in wanted]
    return todo


def main() -> int:
    """Generate, refuse by types, run, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", default=",".join(ROWS), help="which of them [all]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="children at once [all cores]")
    parser.add_argument("--sample", type=int, default=sys.maxsize, help="so many of each row, drawn by lot [all]")
    parser.add_argument("--seed", type=int, default=1, help="of the lot [1]")
    parser.add_argument("--minutes", type=float, default=1e6, help="no new mutant after so many [none]")
    parser.add_argument("--survivors", action="store_true", help="run again those that are not killed yet")
    parser.add_argument("--tests", nargs="*", help="which of them [those of pyproject.toml]")
    parser.add_argument("--budget", type=float, default=20.0, help="CPU seconds of tests for each of them [20]")
    given = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    rows = given.rows.split(",")
    made_on = commit()
    mutants = prepared(given.jobs)
    todo = chosen(mutants, given)
    print(f"{len(todo)} to run", flush=True)
    loop = Loop(mutants, todo, given.jobs, time.time() + 60 * given.minutes, given.budget)
    os.chdir("mutants")
    tests = given.tests or config().pytest_add_cli_args_test_selection
    if "protocol" not in rows:
        tests = [t for t in tests if not t.startswith(WORLDS)]
    arguments = [*config().pytest_add_cli_args, *tests]
    status = pytest.main(["--rootdir=.", *arguments], plugins=[loop])
    os.chdir(ROOT)
    if status not in {0, 5}:
        return int(status)
    made = report(mutants, made_on, given.seed)
    out = ROOT / "mutants-out"
    out.mkdir(exist_ok=True)
    (out / "report.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    for row, count in made["rows"].items():
        print(f"{row}: {count}")
    return 0 if all(made["rows"][row]["score"] >= BAR for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
