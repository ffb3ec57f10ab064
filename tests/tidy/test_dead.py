"""No definition at the top of a module is left unused: private ones in their module, public ones anywhere."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ENTRY_POINTS = frozenset({"main", "app", "__version__", "__all__"})


def defined(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Names that a module defines at its top, with the statement; decorated ones are registered elsewhere."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.decorator_list or isinstance(node, ast.ClassDef):
                yield node.name, node
        elif isinstance(node, ast.Assign):
            yield from ((t.id, node) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def used(tree: ast.AST) -> Counter[str]:
    """How often each identifier is read, as a name, an attribute or an import."""
    names: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names[node.id] += 1
        elif isinstance(node, ast.Attribute):
            names[node.attr] += 1
        elif isinstance(node, ast.alias):
            names[node.name.rpartition(".")[2]] += 1
    return names


def test_no_dead_definitions(root: Path, modules: dict[str, ast.Module]) -> None:
    outside = [ast.parse(p.read_text("utf-8")) for d in ("tests", "tools") for p in (root / d).rglob("*.py")]
    by_module = {path: used(tree) for path, tree in modules.items() if not path.endswith("__init__.py")}
    everywhere = sum([*by_module.values(), *map(used, outside)], Counter[str]())
    dead = []
    for path, tree in modules.items():
        for name, statement in defined(tree):
            if name in ENTRY_POINTS or (name.startswith("__") and name.endswith("__")):
                continue
            private = name.startswith("_")
            uses = by_module.get(path, used(tree)) if private else everywhere
            if uses[name] - used(statement)[name] <= 0:
                where = "in its module" if private else "in src, tests or tools"
                dead.append(f"{path}: {name} is not used {where}: remove it")
    assert not dead, "\n".join(dead)
