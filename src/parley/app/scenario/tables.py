"""YAML read strictly: what is missing, unknown or of the wrong sort is refused with its line and what was expected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import yaml

from parley.errors import UsageError

MAX_SCRIPT: Final = 256 * 1024
"""Bytes of one file."""
_MAX_DEPTH: Final = 24
_KINDS: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a map",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with texts, whole numbers, true, false and null: no dates, no numbers to the base of sixty."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - what the library looks up


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^null$"), ["n"])


def malformed(source: str, line: int, why: str) -> UsageError:
    """What a script is refused with."""
    return UsageError(
        f"{source}, line {line}: {why}.",
        code="scenario-malformed",
        next_step="docs/reference/scenarios.md describes the language.",
    )


def read(text: str, source: str) -> Table:
    """The map that a script is. Raises UsageError ``scenario-malformed``."""
    if len(text.encode()) > MAX_SCRIPT:
        raise malformed(source, 1, f"more than {MAX_SCRIPT} bytes")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)):
            raise malformed(source, 1, "an alias (*name): write it out")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise malformed(source, mark.line + 1 if mark else 1, f"this is not YAML: {error}") from None
    except RecursionError:
        raise malformed(source, 1, "nested too deeply") from None
    if node is None:
        raise malformed(source, 1, "the file is empty; a map is expected")
    return Table(node, source, "the scenario")


class Table:
    """A map of the script: keys are taken one by one, and what is left over is unknown."""

    def __init__(self, node: yaml.Node, source: str, where: str) -> None:
        self.source = source
        self.where = where
        self.line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise malformed(source, self.line, f"{where} must be a map")
        self._left: dict[str, yaml.Node] = {}
        self._known: list[str] = []
        for key, value in node.value:
            name = str(key.value)
            if name in self._left:
                raise malformed(source, key.start_mark.line + 1, f"{where}: {name} stands twice")
            self._left[name] = value

    def bad(self, why: str, line: int = 0) -> UsageError:
        """A refusal at this map's line, or another."""
        return malformed(self.source, line or self.line, f"{self.where}: {why}")

    def has(self, key: str) -> bool:
        """Whether a key is given and not taken yet."""
        return key in self._left

    def names(self) -> list[str]:
        """Keys that are left."""
        return list(self._left)

    def take(self, key: str, kind: type | tuple[type, ...], usual: Any = ...) -> Any:  # noqa: ANN401
        """A value of ``kind``; ``usual`` when it is left out, which without it is refused."""
        self._known.append(key)
        node = self._left.pop(key, None)
        if node is None:
            if usual is ...:
                raise self.bad(f"{key} is wanted")
            return usual
        value = plain(node, self.source)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if type(value) not in kinds:
            wanted = " or ".join(_KINDS[k] for k in kinds)
            raise self.bad(f"{key} must be {wanted}, got {value!r:.60}", node.start_mark.line + 1)
        return value

    def text(self, key: str, usual: Any = ...) -> str:  # noqa: ANN401
        """A text, without the spaces around it and the breaks within it."""
        return " ".join(self.take(key, str, usual).split())

    def among(self, key: str, known: Collection[str], usual: Any = ...) -> str:  # noqa: ANN401
        """One of ``known``."""
        line = self.line_of(key)
        value = str(self.take(key, str, usual))
        if value not in known and value != usual:
            raise self.bad(f"{key} {value!r} is none of {', '.join(sorted(known))}", line)
        return value

    def line_of(self, key: str) -> int:
        """The line on which a key's value stands; the map's own when it is not given."""
        node = self._left.get(key)
        return int(node.start_mark.line) + 1 if node is not None else self.line

    def table(self, key: str) -> Table:
        """The map under ``key``; an empty one when it is left out."""
        self._known.append(key)
        node = self._left.pop(key, None)
        return Table(node if node is not None else _empty(self.line), self.source, f"{self.where}, {key}")

    def tables(self, key: str) -> list[Table]:
        """The maps in the list under ``key``; none when it is left out."""
        self._known.append(key)
        node = self._left.pop(key, None)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.bad(f"{key} must be a list of maps", node.start_mark.line + 1)
        return [Table(n, self.source, f"{self.where}, {key} {i}") for i, n in enumerate(node.value, 1)]

    def done(self, known: Collection[str] = ()) -> None:
        """Refuse what is left over, naming what was expected: ``known``, else what was taken."""
        if self._left:
            name, node = next(iter(self._left.items()))
            known = ", ".join(known or self._known) or "nothing"
            raise self.bad(f"{name!r} is not known here; expected {known}", node.start_mark.line + 1)


def _empty(line: int) -> yaml.MappingNode:
    mark = yaml.Mark("", 0, line - 1, 0, None, None)
    return yaml.MappingNode("tag:yaml.org,2002:map", [], mark, mark)


def plain(node: yaml.Node, source: str, depth: int = 0) -> Any:  # noqa: ANN401
    """Texts, numbers, lists and maps."""
    line = node.start_mark.line + 1
    if depth > _MAX_DEPTH:
        raise malformed(source, line, "nested too deeply")
    match node:
        case yaml.ScalarNode(tag="tag:yaml.org,2002:int"):
            return int(node.value)
        case yaml.ScalarNode(tag="tag:yaml.org,2002:bool"):
            return node.value == "true"
        case yaml.ScalarNode(tag="tag:yaml.org,2002:null"):
            return None
        case yaml.ScalarNode(tag="tag:yaml.org,2002:str"):
            return node.value
        case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
            return [plain(item, source, depth + 1) for item in node.value]
        case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
            found = {str(key.value): plain(value, source, depth + 1) for key, value in node.value}
            if len(found) < len(node.value):
                raise malformed(source, line, "a key stands twice")
            return found
    raise malformed(source, line, f"{node.tag} is not used here")
