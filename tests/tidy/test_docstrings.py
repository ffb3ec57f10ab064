"""What others build on is explained: public docstrings in ports, protocol, record and conflict."""

from __future__ import annotations

import ast
from collections.abc import Iterator

EXPLAINED = ("parley/ports.py", "parley/protocol/", "parley/record/", "parley/conflict/")


def missing(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    """Public classes, functions and methods without a docstring."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield f"{prefix}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from missing(node, f"{prefix}{node.name}.")


def test_public_docstrings_are_complete(modules: dict[str, ast.Module]) -> None:
    bare = [
        f"{path}: {name}"
        for path, tree in modules.items()
        if path.startswith(EXPLAINED)
        for name in ([] if ast.get_docstring(tree) else ["(module)"]) + list(missing(tree))
    ]
    assert not bare, "\n".join(bare)


def test_every_module_says_what_it_is_for(modules: dict[str, ast.Module]) -> None:
    assert [path for path, tree in modules.items() if not ast.get_docstring(tree)] == []
