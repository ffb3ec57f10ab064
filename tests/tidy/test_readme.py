"""What README.md tells a reader to type exists."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

from typer.main import get_command

FENCE = re.compile(r"^```(?:sh|shell|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def command_lines(root: Path) -> list[list[str]]:
    """The commands of the fenced blocks, as words."""
    text = "".join(FENCE.findall((root / "README.md").read_text("utf-8"))).replace("\\\n", " ")
    lines = [line.removeprefix("$ ").strip() for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line and not line.startswith("#")]


def test_make_targets_exist(root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {words[1] for words in command_lines(root) if words[:1] == ["make"] and len(words) > 1}
    assert sorted(named - targets) == []


def test_parley_commands_exist(root: Path) -> None:
    lines = [words for words in command_lines(root) if words and words[0].rpartition("/")[2] == "parley"]
    app = runpy.run_path(str(root / "tools" / "reference.py"))["application"]()
    assert app is not None
    unknown = []
    for words in lines:
        command: object = get_command(app)
        for word in words[1:]:
            below = getattr(command, "commands", None)
            if not below or word.startswith("-"):
                break
            if word not in below:
                unknown.append(" ".join(words))
                break
            command = below[word]
        options = {o for p in getattr(command, "params", []) for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        unknown += [
            f"{' '.join(words)}: {word}"
            for word in words
            if word.startswith("--") and word.partition("=")[0] not in options
        ]
    assert not unknown, "\n".join(unknown)
