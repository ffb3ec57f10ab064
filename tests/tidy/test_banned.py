"""Calls and statements that are not used, each with what is used in its place (STYLE.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

CLOCKS = frozenset({"now", "utcnow", "today"})
TIMERS = frozenset({"time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.clock_gettime"})


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def everywhere(node: ast.AST, path: str) -> str:
    """What is wrong with ``node`` in any module of the product; empty when nothing is."""
    if isinstance(node, ast.Assert):
        return "`assert` vanishes under -O: raise an error of parley.errors"
    if isinstance(node, ast.ExceptHandler):
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(c is None or dotted(c) in {"Exception", "BaseException"} for c in caught):
            return "a broad `except` hides defects: catch what is expected by name"
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        if called == "print" and not path.startswith("parley/cli"):
            return "`print` belongs to the command line: raise an event, or use logging in the outer rows"
        if called.startswith("random."):
            return "`random` is predictable: take entropy through the Entropy port"
        if called in {"eval", "exec", "pickle.loads", "pickle.load", "marshal.loads"}:
            return f"`{called}` runs what it reads: decode with parley.wire"
    return ""


def in_pure_rows(node: ast.AST) -> str:
    """What is wrong with ``node`` in a pure row; empty when nothing is."""
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        first, _, last = called.rpartition(".")
        if called in TIMERS or (last in CLOCKS and first.rpartition(".")[2] in {"datetime", "date"}):
            return f"`{called}` reads a clock: take the time as an argument"
        if called in {"os.urandom", "uuid.uuid4", "uuid.uuid1"} or called.startswith("secrets."):
            return f"`{called}` reads randomness: take entropy as an argument"
        if called in {"open", "io.open"}:
            return "`open` reaches the disk: take bytes as an argument"
    return ""


def violations(path: str, tree: ast.Module, *, pure: bool) -> Iterator[str]:
    """Every violation in one module."""
    for node in ast.walk(tree):
        for message in (everywhere(node, path), in_pure_rows(node) if pure else ""):
            if message:
                yield f"{path}:{getattr(node, 'lineno', 0)}: {message}"


def test_no_banned_calls(modules: dict[str, ast.Module], pure: tuple[str, ...]) -> None:
    found = [
        line
        for path, tree in modules.items()
        if path.startswith("parley/")
        for line in violations(path, tree, pure=path.startswith(pure))
    ]
    assert not found, "\n".join(found)


def test_each_rule_finds_its_case() -> None:
    cases = [
        "assert x",
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept (ValueError, Exception):\n    pass",
        "try:\n    pass\nexcept:\n    pass",
        "print(1)",
        "random.random()",
        "eval('1')",
        "time.time()",
        "datetime.now()",
        "datetime.datetime.now(tz)",
        "os.urandom(8)",
        "open('x')",
    ]
    missed = [c for c in cases if not list(violations("parley/wire/x.py", ast.parse(c), pure=True))]
    assert not missed, "\n".join(missed)
