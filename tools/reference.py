"""Writes docs/reference from the code: errors.md, limits.md, cli.md, requirements.md and scenarios.md.

With ``--check`` writes nothing and fails when one is out of date. What does not exist yet (the command line,
the specification) is left out.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import math
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.main import get_command

from parley import errors, limits
from parley.app.scenario.script import ACTS, QUESTIONS, Act

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
REFERENCE = ROOT / "docs" / "reference"
NOTICE = "<!-- Written by tools/reference.py from the code: change the code, then run `make docs`. -->"

REQUIREMENT = re.compile(r"\[([A-Z][A-Z0-9]{1,11}-\d{1,3}[a-z]?)\]")
"""How the specification numbers what must hold, for example [SEAL-12]."""


def cell(text: str) -> str:
    """``text`` as one cell of a Markdown table: one line, with inline code in Markdown's notation."""
    joined = " ".join(text.split()).replace("``", "`")
    return joined.replace("|", "\\|").replace("<", "&lt;")


def paragraph(text: str | None) -> str:
    """The first paragraph of a docstring."""
    return inspect.cleandoc(text or "").partition("\n\n")[0]


# -- errors ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One place that raises an error with a code of its own."""

    code: str
    error: str
    module: str
    message: str


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, by dotted name."""
    for path in sorted((SOURCE / "parley").rglob("*.py")):
        dotted = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        yield dotted, ast.parse(path.read_text(encoding="utf-8"))


def message(node: ast.expr | None) -> str:
    """The literal text of a message; what is filled in at run time stands as an ellipsis."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(message(v) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return ""


def uses() -> list[Use]:
    """Every ``code="..."`` in a call, in the order of the codes, one for each code, error and module."""
    found: dict[tuple[str, str, str], Use] = {}
    for module, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            code = next((message(k.value) for k in node.keywords if k.arg == "code"), "")
            if code:
                error = ast.unparse(node.func).rpartition(".")[2]
                use = Use(code, error, module, message(node.args[0] if node.args else None))
                found.setdefault((code, error, module), use)
    for use in helped():
        found.setdefault((use.code, use.error, use.module), use)
    return sorted(found.values())


def helped() -> Iterator[Use]:
    """Codes that are named where a function is called that makes the error: ``raise _bad("area-zero", "...")``."""
    makers: dict[tuple[str, str], tuple[list[str], int, str]] = {}
    for module, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            names = [a.arg for a in node.args.args]
            for call in ast.walk(node):
                passed = [k.value.id for k in getattr(call, "keywords", ()) if k.arg == "code" and is_name(k.value)]
                if isinstance(call, ast.Call) and passed and passed[0] in names:
                    makers[module, node.name] = names, names.index(passed[0]), ast.unparse(call.func).rpartition(".")[2]
    for module, tree in trees():
        imported = {
            alias.asname or alias.name: (str(node.module), alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            names, at, error = makers.get((module, name)) or makers.get(imported.get(name, ("", ""))) or ([], 0, "")
            if not error or len(node.args) <= at or not isinstance(node.args[at], ast.Constant):
                continue
            texts = [a for n, a in zip(names, node.args, strict=False) if n not in (names[at], "where", "next_step")]
            said = next(filter(None, map(message, texts)), "")
            yield Use(message(node.args[at]), error, module, said)


def is_name(node: ast.expr) -> bool:
    """Whether an argument is a plain name."""
    return isinstance(node, ast.Name)


NOTICES = {"Warned": 0, "_notice": 0, "bearer_warned": 1}
"""What tells an operator of something by a code: the place of the code among its arguments; the text follows."""


def notices() -> list[Use]:
    """Every notice to an operator that names its code where it is told."""
    found: dict[str, Use] = {}
    for module, tree in trees():
        texts = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "text"]
        for node in ast.walk(tree):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or name not in NOTICES:
                continue
            code, said = (*node.args[NOTICES[name] :], None, None)[:2]
            if not isinstance(code, ast.Constant):
                continue
            if isinstance(said, ast.Name):
                said = max((t for t in texts if t.lineno < node.lineno), key=lambda t: t.lineno).value
            found.setdefault(message(code), Use(message(code), name, module, message(said)))
    return sorted(found.values())


def classes() -> Iterator[tuple[str, str, str, str]]:
    """Every error class: its code, name, fault and meaning. Those outside errors.py come last."""
    known: dict[str, str] = {}
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.ParleyError):
            known[name] = value.fault
            yield value.default_code, name, value.fault, paragraph(value.__doc__)
    for module, tree in trees():
        for node in ast.walk(tree):
            if module == "parley.errors" or not isinstance(node, ast.ClassDef):
                continue
            fault = next((known[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in known), "")
            codes = [
                message(s.value)
                for s in node.body
                if isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "default_code"
            ]
            if codes:
                yield codes[0], f"{module}.{node.name}", fault, paragraph(ast.get_docstring(node))


def errors_page() -> str:
    """Every code, and who is at fault."""
    lines = [
        "# Errors",
        NOTICE,
        "",
        "Every error has a stable code, printed in brackets at its end. Match on it, never on the text.",
        "*Fault* is who has to do something: the peer, the operator, the system or the network.",
        "",
        "## Kinds",
        "",
        "| code | error | fault | meaning |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{c}` | `{n}` | {f} | {cell(m)} |" for c, n, f, m in classes()]
    lines += ["", "## Causes", "", "| code | kind | raised in | message |", "|---|---|---|---|"]
    lines += [f"| `{u.code}` | `{u.error}` | `{u.module}` | {cell(u.message)} |" for u in uses()]
    lines += ["", "## Notices", "", "Told to the operator by `serve` and `status`: the line goes on.", ""]
    lines += ["| code | told in | text |", "|---|---|---|"]
    lines += [f"| `{u.code}` | `{u.module}` | {cell(u.message)} |" for u in notices()]
    return "\n".join([*lines, ""])


# -- bad input ---------------------------------------------------------------------------------------

BAD_INPUT = (
    "truncated datagrams",
    "oversized datagrams",
    "bit-flipped datagrams",
    "replayed datagrams",
    "reordered datagrams",
    "re-addressed datagrams",
    "a checkpoint that goes back",
    "an entry out of place",
    "unknown fields",
    "unknown suites",
    "unknown versions",
    "unknown packs",
    "non-minimal CBOR",
    "trailing CBOR",
    "a polygon of ten million positions",
    "a malformed ring",
    "a window of a thousand years",
    "references to oneself, to one another and to what never came",
    "values that stand for one another",
    "bidirectional and control characters",
    "a peer that floods",
    "300 half-open connections",
    "a wrong clock",
    "a full disk",
    "a corrupt database page",
    "a flipped bit in the log (WAL)",
    "a data directory of another version",
)
"""What comes wrongly, from a peer, the network or the machine. Tests are marked ``bad: NAME -> outcome``."""
BAD_MARK = re.compile(r"# bad: (?P<name>.+?) -> (?P<outcome>.+)$")


def bad_input_page() -> str:
    """Each kind of bad input, what comes of it with which codes, and the tests that show it."""
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in BAD_INPUT}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        function = ""
        for line in path.read_text("utf-8").splitlines():
            defined = re.match(r"\s*(?:async )?def (test_\w+)", line)
            function = defined[1] if defined else function
            marked = BAD_MARK.search(line)
            if marked is not None:
                shown = f"`{path.relative_to(ROOT)}`: `{function}`"
                found.setdefault(marked["name"], []).append((marked["outcome"], shown))
    astray = {name for name, rows in found.items() if not rows or name not in BAD_INPUT}
    known = {u.code for u in [*uses(), *notices()]} | {c for c, *_ in classes()}
    named = {c for rows in found.values() for outcome, _ in rows for c in re.findall(r"`([a-z0-9-]+)`", outcome)}
    if astray or not named <= known:
        raise SystemExit(
            f"bad input without a test, or unknown: {sorted(astray)}; no such codes: {sorted(named - known)}"
        )
    lines = [
        "# Bad input",
        NOTICE,
        "",
        "What comes of it, with the codes that errors.md explains. Where nothing else is",
    ]
    lines += ["said, the line goes on, and nothing for which a receipt was given is lost.", ""]
    lines += ["| what comes | what comes of it | shown by |", "|---|---|---|"]
    for name, rows in found.items():
        outcome = "; ".join(dict.fromkeys(o for o, _ in rows))
        lines.append(f"| {name} | {cell(outcome)} | {'<br>'.join(dict.fromkeys(t for _, t in rows))} |")
    return "\n".join([*lines, ""])


# -- limits ------------------------------------------------------------------------------------------


def limits_page() -> str:
    """Every bound with its reason."""
    lines = [
        "# Limits",
        NOTICE,
        "",
        paragraph(limits.__doc__),
        "",
        "| limit | value | reason |",
        "|---|---:|---|",
    ]
    body = ast.parse((SOURCE / "parley" / "limits.py").read_text(encoding="utf-8")).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            reason = message(following.value) if isinstance(following, ast.Expr) else ""
            value = getattr(limits, name)
            shown = f"{value:,}" if isinstance(value, int) else str(value)
            lines.append(f"| `{name}` | {shown} | {cell(reason)} |")
    return "\n".join([*lines, ""])


# -- command line ------------------------------------------------------------------------------------


def application() -> typer.Typer | None:
    """The command line, None when it does not exist yet."""
    try:
        package = importlib.import_module("parley.cli")
    except ModuleNotFoundError as error:
        if error.name != "parley.cli":
            raise
        return None
    modules = [package]
    modules += [
        importlib.import_module(f"parley.cli.{m.name}")
        for m in sorted(
            pkgutil.iter_modules(getattr(package, "__path__", [])), key=lambda m: (m.name != "main", m.name)
        )
    ]
    found = (getattr(module, "app", None) for module in modules)
    return next((app for app in found if isinstance(app, typer.Typer)), None)


def commands(command: object, path: str) -> Iterator[tuple[str, object]]:
    """Every command below ``command``, in the order of the names; a group that does something by itself among them."""
    below = getattr(command, "commands", None) or {}
    if not below or getattr(command, "invoke_without_command", False):
        yield path, command
    for name in sorted(below):
        if not below[name].hidden:
            yield from commands(below[name], f"{path} {name}")


def parameter(param: object) -> str:
    """One line of the table of a command's arguments and options."""
    names = ", ".join(f"`{o}`" for o in [*getattr(param, "opts", []), *getattr(param, "secondary_opts", [])])
    if getattr(param, "param_type_name", "") == "argument":
        names = f"`{(getattr(param, 'metavar', None) or str(getattr(param, 'name', ''))).upper()}`"
    default = getattr(param, "default", None)
    plain = isinstance(default, int | str | Path) and not isinstance(default, bool) and str(default) not in {"", "/"}
    shown = f"`{default}`" if plain and not str(default).startswith("/") else ""
    if getattr(param, "required", False):
        shown = "required"
    return f"| {names} | {cell(getattr(param, 'help', None) or '')} | {shown} |"


def cli_page() -> str | None:
    """Every command with its arguments and options."""
    app = application()
    if app is None:
        return None
    lines = ["# Command line", NOTICE]
    for path, command in commands(get_command(app), "parley"):
        lines += [
            "",
            f"## `{path}`",
            "",
            inspect.cleandoc(getattr(command, "help", None) or "").replace("\b", ""),
        ]
        params = [p for p in getattr(command, "params", []) if not getattr(p, "hidden", False)]
        params = [p for p in params if getattr(p, "name", "") not in {"help", "install_completion", "show_completion"}]
        if params:
            lines += [
                "",
                "| argument or option | meaning | default |",
                "|---|---|---|",
                *map(parameter, params),
            ]
    return "\n".join([*lines, ""])


# -- scenarios ---------------------------------------------------------------------------------------

SCENARIOS = """\
A scenario is a YAML file: the parties of a line, what happened and when, what each party does, and what must hold.
`parley scenario run FILE` founds the line, runs the real nodes and their watches in virtual time, prints what happened
and what the software did, and ends with status 1, naming the step, when something does not hold. Those that come with
Parley lie in `src/parley/scenarios`; `parley scenario show B1 --source` prints one. What is unknown, missing or of the
wrong sort is refused before anything runs (`scenario-malformed`), with the line and what was expected. Texts are
translated by `fr.po` and `ru.po` beside them.

## The file
| key | meaning |
|---|---|
| `scenario` | its name: letters, figures, hyphens |
| `title`, `story`, `lesson` | what it is called, what happened, what the software is to do |
| `clock` | when it begins, such as `2026-03-10T03:04Z` |
| `languages` | of the line's charter, the first for what the node writes [`[en]`] |
| `acknowledge_within` | the charter's seconds for `routine`, `priority`, `immediate`, `flash` [the usual ones] |
| `lines` | names of lines with their class, `operation` or `exercise` [one of operation] |
| `parties` | code: `name`, `language`, `watch` and `settings` (tables of config.toml). The first proposes the charter |
| `steps` | a list of steps, in order of time |

No line test is due unless a party's `watch` sets `tests_at`. Plain YAML: no aliases, no dates; `true`, `false`, `null`
and whole numbers are what they are, all else is text.

## A step
| key | meaning |
|---|---|
| `at` | when, since the beginning: `+HOURS:MINUTES` or `+HOURS:MINUTES:SECONDS` |
| `say` | what happens, for the reader |
| `party`, `line` | who acts, on which line [the first] |
| `do`, `with` | what is done, with which parameters: the table below |
| `as` | a name for the message or draft that this makes, for later steps |
| `refused` | the code of the error with which it must be refused |
| `must` | a list of what must hold after it |
| `ask`, `choices` | for `parley scenario play`: a question; choices with `do`, `because`, one with `right: true` |

## What must hold
| key | meaning |
|---|---|
| `that` | the sentence that is to be true, for the reader |
| `party`, `line`, `ask`, `with` | whose node is asked what: the table of questions |
| `path` | leads into the answer: `messages.0.stage` |
| `is` | the value there matches |
| `has`, `lacks` | the list there has an item that matches, or has none |
| `count` | the list there has so many items |

A map matches when all that it names does; a list, item by item. `$name` is what a step was named; `+0:05` a time.
`{contains: X}`, `{at_least: N}`, `{at_most: N}`, `{any: [A, B]}` and `{not: X}` compare.
"""


def scenarios_page() -> str:
    """The language of scenario files."""
    lines = ["# Scenario files", NOTICE, "", SCENARIOS]
    for title, acts in (("What a party does", ACTS), ("What can be asked", QUESTIONS)):
        lines += [f"## {title}", "", "| name | meaning | with |", "|---|---|---|"]
        lines += [f"| `{name}` | {cell(act.help)} | {given(act)} |" for name, act in acts.items()]
        lines.append("")
    return "\n".join(lines)


def given(act: Act) -> str:
    """The parameters of an act; the wanted ones in bold."""
    return ", ".join(f"**{n}** ({s})" if n in act.wanted else f"{n} ({s})" for n, s in act.params.items())


# -- requirements ------------------------------------------------------------------------------------


def requirements_page() -> str | None:
    """Every numbered requirement of the specification, and the tests that name it."""
    specification = sorted((ROOT / "spec").rglob("*.md"))
    stated = {i: p.relative_to(ROOT) for p in specification for i in REQUIREMENT.findall(p.read_text("utf-8"))}
    if not stated:
        return None
    tests = {p.relative_to(ROOT): p.read_text("utf-8") for p in sorted((ROOT / "tests").rglob("*.py"))}
    lines = [
        "# Requirements and their tests",
        NOTICE,
        "",
        "| requirement | stated in | tests |",
        "|---|---|---|",
    ]
    for identifier, path in sorted(stated.items(), key=lambda item: (str(item[1]), natural(item[0]))):
        word = re.compile(rf"\b{identifier}\b")
        naming = [f"`{p}`" for p, text in tests.items() if word.search(text)]
        lines.append(f"| {identifier} | `{path}` | {', '.join(naming) or 'none yet'} |")
    return "\n".join([*lines, ""])


def openapi_page() -> str:
    """The API's OpenAPI document, as the console serves it."""
    from parley.console.api import ENDPOINTS  # noqa: PLC0415 - only this page needs the console
    from parley.console.api_schema import document  # noqa: PLC0415

    return json.dumps(document([e for e, _ in ENDPOINTS]), indent=2, ensure_ascii=False) + "\n"


# -- models and soak ---------------------------------------------------------------------------------

STEP = re.compile(r"step\[([a-z ]+)\]")
MARK = re.compile(r"# model: ([a-z ,]+)$", re.MULTILINE)


def marks(folder: str) -> dict[str, list[str]]:
    """Where each transition of a model is marked: path and function, by the transition's name."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = ""
        for line in path.read_text("utf-8").splitlines():
            defined = re.match(r"\s*(?:async )?def (\w+)", line)
            name = defined[1] if defined else name
            marked = MARK.search(line)
            for step in marked[1].split(", ") if marked else ():
                found.setdefault(step, []).append(f"`{path.relative_to(ROOT)}`: `{name}`")
    return found


def models_page() -> str:
    """Each transition of the delivery model, the code that it stands for, and a test of it."""
    steps = STEP.findall((ROOT / "spec" / "models" / "delivery.pml").read_text("utf-8"))
    code, tests = marks("src/parley"), marks("tests/sim")
    astray = (set(code) | set(tests)) ^ set(steps) | set(code) ^ set(tests)
    if astray:
        raise SystemExit(f"transitions without a mark in model, code or tests: {sorted(astray)}")
    lines = ["# The delivery model and the code", NOTICE, "", "Transitions of `spec/models/delivery.pml`.", ""]
    lines += ["| transition | code | test |", "|---|---|---|"]
    lines += [f"| {step} | {'; '.join(code[step])} | {'; '.join(tests[step])} |" for step in dict.fromkeys(steps)]
    return "\n".join([*lines, ""])


def soak_page() -> str | None:
    """The kept report of a soak, n beside every zero."""
    path = REFERENCE / "soak.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text("utf-8"))
    shown = [
        "commit",
        "python",
        "signer",
        "worlds",
        "first_seed",
        "last_seed",
        "worlds_with_a_liar",
        "messages",
        "events",
    ]
    shown += ["events_per_cpu_second", "simulated_days", "busy_days", "crashes"]
    lines = ["# What was simulated", NOTICE, "", "The report of one `make soak`, kept as `soak.json`.", ""]
    lines += ["| figure | value |", "|---|---|", *(f"| {k.replace('_', ' ')} | {kept[k]} |" for k in shown)]
    lines += [
        "",
        "## Rules",
        "",
        "Where nothing was found in n worlds, at most 3/n of such worlds break the rule (95 %).",
        "",
    ]
    lines += ["| rule | violations | worlds | bound |", "|---|---:|---:|---:|"]
    for rule, row in kept["rules"].items():
        lines.append(f"| {rule} | {row['violations']} | {row['worlds']} | {row['bound'] or '-'} |")
    lines += ["", "## Faults", "", "| kind | times |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {k} | {n} |" for k, n in kept["faults"].items()), ""])


def agreement_page() -> str | None:
    """The kept report of the comparison with S2: how many pairs, and on how many both disagree."""
    path = REFERENCE / "agreement.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text("utf-8"))
    lines = ["# The conflict check against an independent library", NOTICE, ""]
    lines += [
        "The report of `python -m parley_testkit.agreement`, kept as `agreement.json`; `make soak` draws a million"
    ]
    lines += [
        "pairs. A pair are two polygons of 3 to 30 positions, metres to thousands of kilometres across, about as often"
    ]
    lines += [
        "apart as not; `pole` and `antimeridian` are pairs that go round or through a pole, or across 180 degrees.",
        "",
    ]
    lines += ["| figure | value |", "|---|---|", *(f"| {k.replace('_', ' ')} | {v} |" for k, v in kept.items())]
    return "\n".join([*lines, ""])


def fuzz_page() -> str | None:
    """The kept report of coverage-guided fuzzing, executions beside every zero."""
    path = REFERENCE / "fuzz.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text("utf-8"))
    lines = ["# What was fuzzed", NOTICE, "", "The report of one `make fuzz`, kept as `fuzz.json`: commit"]
    lines[-1] += (
        f" {kept['commit']}, atheris {kept['atheris']}, Python {kept['python']}, {kept['seconds_each']} s each."
    )
    lines += ["Every decoder gives a value or raises `DecodeError`; anything else is a crash.", ""]
    lines += ["| decoder | seconds | executions | inputs it began from | inputs it reached | crashes |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for name, row in kept["decoders"].items():
        figures = (row[k] for k in ("seconds", "executions", "began_from", "corpus", "crashes"))
        lines.append(f"| {name} | {' | '.join(map(str, figures))} |")
    total = [sum(row[k] for row in kept["decoders"].values()) for k in ("executions", "crashes")]
    return "\n".join([*lines, "", f"{total[1]} crashes in {total[0]} executions.", ""])


def mutants_page() -> str | None:
    """The kept report of mutation testing, with its survivors and what is said of them."""
    path = REFERENCE / "mutants.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text("utf-8"))
    argued = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text("utf-8"))["argued"]
    lines = [
        "# Mutants",
        NOTICE,
        "",
        f"The report of `make mutants`, seed {kept['seed']}, on commit {kept['commit']}, kept as `mutants.json`.",
    ]
    lines += ["", inspect.cleandoc(MUTANTS_SAID), ""]
    names = ("mutants", "words", "refused_by_types", "not_run", "unreached", "run", "killed", "score")
    lines += [f"| row | {' | '.join(n.replace('_', ' ') for n in names)} | 95 % |", f"|---|{'---:|' * len(names)}---|"]
    for row, count in kept["rows"].items():
        lines.append(f"| `{row}` | {' | '.join(str(count[n]) for n in names)} | {interval(count)} |")
    lines += ["", "## Survivors", "", "| mutant | was | is | argued |", "|---|---|---|---|"]
    for each in kept["survivors"]:
        why = next((a["why"] for a in argued if re.fullmatch(a["of"], f"{each['name']} {each['is']}")), "")
        code = (f"`` {each[k][:100]} ``".replace("|", "\\|") if each[k] else "-" for k in ("was", "is"))
        lines.append(f"| {each['name'].removeprefix('parley.')} | {' | '.join(code)} | {cell(why) or '-'} |")
    lines += ["", "## Not reached by a test of the selection", ""]
    return "\n".join([*lines, *(f"- {n.removeprefix('parley.')}" for n in kept["unreached"]), ""])


def interval(count: dict[str, int]) -> str:
    """What the score of a sample says of the whole row (Wilson, 95 %); nothing where all was run."""
    n = count["run"] + count["unreached"]
    if not count["not_run"] or not n:
        return "-"
    share, z = count["killed"] / n, 1.96
    middle, around = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * around) / (1 + z * z / n) for sign in (-1, 1))
    return f"{low:.3f} to {high:.3f}"


MUTANTS_SAID = """
    Of the mutants that mutmut makes, *words* alter only the text of an error, on which no test may match (STYLE.md);
    *refused by types* are found by mypy, before a test runs. The others are *run*: killed when a test fails. *Not run*
    are those that the lot left out. The *score* is killed of run and unreached; what is refused by types does not
    raise it; of a row that was not run whole it is that of a sample of *run* and *unreached*, with what a sample of
    that size allows to say of the row (Wilson's interval).
"""


def natural(identifier: str) -> tuple[str, int]:
    """Sorts SEAL-2 before SEAL-10."""
    letters, _, number = identifier.partition("-")
    return letters, int(number.rstrip("abcdefghijklmnopqrstuvwxyz"))


def main() -> int:
    """Write, or with ``--check`` compare. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; fail when out of date")
    check = parser.parse_args().check
    pages = {
        "errors.md": errors_page(),
        "limits.md": limits_page(),
        "cli.md": cli_page(),
        "requirements.md": requirements_page(),
        "bad-input.md": bad_input_page(),
        "scenarios.md": scenarios_page(),
        "openapi.json": openapi_page(),
        "soak.md": soak_page(),
        "agreement.md": agreement_page(),
        "fuzz.md": fuzz_page(),
        "mutants.md": mutants_page(),
        "../explanation/models.md": models_page(),
    }
    stale = 0
    for name, text in pages.items():
        path = REFERENCE / name
        if text is None or (path.exists() and path.read_text(encoding="utf-8") == text):
            continue
        stale += 1
        print(f"docs/reference/{name} is {'out of date: run make docs' if check else 'written'}")
        if not check:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
