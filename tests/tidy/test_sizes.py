"""Modules and functions stay small: 500 and 50 lines in the pure rows (STYLE.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 500
FUNCTION_LINES = 50


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every function by qualified name, with its lines; decorators and nested functions count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{node.name}"
            if not isinstance(node, ast.ClassDef) and node.end_lineno is not None:
                yield name, node.end_lineno - node.lineno + 1
            yield from functions(node, f"{name}.")


def judge(sizes: dict[str, int], bound: int, allowed: dict[str, int]) -> list[str]:
    """What is wrong: too large, larger than the ratchet allows, or in the ratchet without need."""
    wrong = [
        f"{name} has {size} lines, at most {allowed.get(name, bound)} wanted: split it"
        for name, size in sizes.items()
        if size > allowed.get(name, bound)
    ]
    wrong += [
        f"{name} no longer needs its line in ratchet.toml: remove it" for name in allowed if sizes.get(name, 0) <= bound
    ]
    return wrong


def test_modules_of_the_pure_rows(
    root: Path, modules: dict[str, ast.Module], pure: tuple[str, ...], ratchet: dict[str, dict[str, int]]
) -> None:
    sizes = {
        path: len((root / "src" / path).read_text("utf-8").splitlines()) for path in modules if path.startswith(pure)
    }
    wrong = judge(sizes, MODULE_LINES, ratchet["module_lines"])
    assert not wrong, "\n".join(wrong)


def test_functions_of_the_pure_rows(
    modules: dict[str, ast.Module], pure: tuple[str, ...], ratchet: dict[str, dict[str, int]]
) -> None:
    sizes = {
        f"{path}:{name}": size
        for path, tree in modules.items()
        if path.startswith(pure)
        for name, size in functions(tree)
    }
    wrong = judge(sizes, FUNCTION_LINES, ratchet["function_lines"])
    assert not wrong, "\n".join(wrong)
