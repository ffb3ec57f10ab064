"""Draws the packages of Parley and their imports from the code.

Writes docs/architecture.svg, and the table between the markers in ARCHITECTURE.md. With ``--check`` writes
nothing and fails when either is out of date. The rows are those that import-linter enforces (pyproject.toml).
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "parley"
BEGIN, END = "<!-- begin: tools/architecture.py -->", "<!-- end: tools/architecture.py -->"

WIDTH, LEFT, TOP = 880, 24, 58
CAPTION = (
    "An arrow is an import; one that a longer way implies is left out."
    " Green: pure, no clock, disk, network or randomness."
)
SVG_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 aria-labelledby="title" font-family="system-ui, sans-serif">
<title id="title">The packages of Parley: imports point downward only</title>
<style>
.import {{ fill: none; stroke: #5b6770; stroke-opacity: .5; marker-end: url(#head) }}
.import:hover {{ stroke: #b3261e; stroke-opacity: 1; stroke-width: 2 }}
.pure {{ fill: #e3f1ea; stroke: #2f6b4f }}
.outer {{ fill: #e8eef7; stroke: #34507c }}
.name {{ font-size: 15px; text-anchor: middle }}
text {{ fill: #1b1f23 }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6"
 orient="auto"><path d="M0 0L8 4L0 8z" fill="#5b6770"/></marker></defs>
<rect width="{width}" height="{height}" fill="#fff"/>"""

BOX_HEIGHT, ROW_HEIGHT, GAP = 40, 84, 24


@dataclass(frozen=True, slots=True)
class Part:
    """A module or package directly under ``parley``."""

    name: str
    purpose: str
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """Where a part is drawn, in SVG units."""

    x: float
    y: float
    width: float

    @property
    def centre(self) -> float:
        """The middle from left to right."""
        return self.x + self.width / 2


def contract(identifier: str) -> dict[str, list[str]]:
    """One contract of import-linter."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == identifier)
    return found


def rows() -> list[list[str]]:
    """The rows from the top down, as pyproject.toml states them, without the parts that do not exist yet."""
    stated = [[name.strip(" ()") for name in row.split("|")] for row in contract("rows")["layers"]]
    existing = [[name for name in row if sources(name)] for row in stated]
    return [row for row in existing if row]


def sources(name: str) -> list[Path]:
    """The files of one part; none when it does not exist."""
    module = PACKAGE / f"{name}.py"
    return [module] if module.exists() else sorted((PACKAGE / name).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The parts of ``parley`` that one file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for dotted in names:
            first, _, rest = dotted.partition(".")
            if first == "parley" and rest:
                yield rest.split(".")[0]


def read(names: list[str]) -> dict[str, Part]:
    """Every part with its purpose (the first line of its docstring) and what it imports."""
    parts = {}
    for name in names:
        files = sources(name)
        head = PACKAGE / f"{name}.py" if len(files) == 1 and files[0].stem == name else PACKAGE / name / "__init__.py"
        doc = ast.get_docstring(ast.parse(head.read_text(encoding="utf-8"))) if head.exists() else None
        used = {part for path in files for part in imported(path)} & set(names) - {name}
        parts[name] = Part(name, (doc or "").partition("\n")[0], tuple(n for n in names if n in used))
    return parts


def place(layout: list[list[str]]) -> dict[str, Box]:
    """One line of boxes of equal width for each row."""
    boxes = {}
    for number, row in enumerate(layout):
        width = (WIDTH - 2 * LEFT - GAP * (len(row) - 1)) / len(row)
        width = min(width, 260.0)
        start = (WIDTH - width * len(row) - GAP * (len(row) - 1)) / 2
        for column, name in enumerate(row):
            boxes[name] = Box(start + column * (width + GAP), TOP + number * ROW_HEIGHT, width)
    return boxes


def essential(parts: Mapping[str, Part]) -> dict[str, list[str]]:
    """For each part, its imports without those that another of its imports leads to as well."""
    reach: dict[str, set[str]] = {}

    def reached(name: str) -> set[str]:
        if name not in reach:
            reach[name] = set(parts[name].imports).union(*map(reached, parts[name].imports))
        return reach[name]

    return {
        name: [i for i in part.imports if not any(i in reached(other) for other in part.imports)]
        for name, part in parts.items()
    }


def arrows(parts: Mapping[str, Part], boxes: Mapping[str, Box]) -> Iterator[str]:
    """One curve for each essential import, from the bottom of the importer to the top of what it imports."""
    for name, imports in essential(parts).items():
        source = boxes[name]
        for position, target_name in enumerate(sorted(imports, key=lambda i: boxes[i].centre), start=1):
            target = boxes[target_name]
            x1 = source.x + source.width * position / (len(imports) + 1)
            y1, y2 = source.y + BOX_HEIGHT, target.y
            x2 = target.centre + (source.centre - target.centre) * 0.12
            x2 = min(max(x2, target.x + 10), target.x + target.width - 10)
            bend = (y2 - y1) / 2
            yield (
                f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {y1 + bend:.0f}'
                f' {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2 - 4:.0f}"'
                f' class="import"><title>{name} imports {target_name}</title></path>'
            )


def picture(layout: list[list[str]], parts: Mapping[str, Part]) -> str:
    """The SVG text."""
    boxes = place(layout)
    pure = {name.removeprefix("parley.") for name in contract("pure")["source_modules"]}
    height = TOP + ROW_HEIGHT * len(layout) - (ROW_HEIGHT - BOX_HEIGHT) + 24
    lines = [
        SVG_HEAD.format(width=WIDTH, height=height),
        f'<text x="{LEFT}" y="30" font-size="14">{CAPTION}</text>',
        *arrows(parts, boxes),
    ]
    for name, box in boxes.items():
        kind = "pure" if name in pure else "outer"
        lines.append(
            f'<g><title>{escape(parts[name].purpose)}</title><rect x="{box.x:.0f}" y="{box.y:.0f}"'
            f' width="{box.width:.0f}" height="{BOX_HEIGHT}" rx="5" class="{kind}"/>'
            f'<text x="{box.centre:.0f}" y="{box.y + 25:.0f}" class="name">{name}</text></g>'
        )
    return "\n".join([*lines, "</svg>", ""])


def table(layout: list[list[str]], parts: Mapping[str, Part]) -> str:
    """The Markdown table: one line for each part, from the top row down."""
    lines = ["| row | part | what it is for | imports |", "|---|---|---|---|"]
    for number, row in zip(range(len(layout), 0, -1), layout, strict=True):
        for name in row:
            part = parts[name]
            purpose = part.purpose.replace("|", "\\|")
            lines.append(f"| {number} | `{name}` | {purpose} | {', '.join(part.imports) or '-'} |")
    return "\n".join(lines)


def spliced(text: str, block: str) -> str:
    """``text`` with what stands between the markers replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def main() -> int:
    """Write, or with ``--check`` compare. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; fail when out of date")
    check = parser.parse_args().check
    layout = rows()
    parts = read([name for row in layout for name in row])
    page = ROOT / "ARCHITECTURE.md"
    wanted = {
        ROOT / "docs" / "architecture.svg": picture(layout, parts),
        page: spliced(page.read_text(encoding="utf-8"), table(layout, parts)),
    }
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is {'out of date: run make docs' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
