"""Whatever a scenario file holds, it is a scenario or refused with a line; nothing else comes of reading it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.app.scenario import shelf
from parley.app.scenario.script import read_script
from parley.errors import UsageError

LINES = shelf.text_of("B9")[0].splitlines()
BITS = [
    "",
    "x",
    "null",
    "- [",
    "{a: 1}",
    "at: +0:00",
    "  with: 3",
    "must:",
    "*a",
    "!!int x",
    "  - at: -1",
    "\t",
    '"',
    "is: {any: 3}",
]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "twice", "swap", "insert", "cut"]))
        if how == "drop" and len(lines) > 1:
            del lines[at]
        elif how == "twice":
            lines.insert(at, lines[at])
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "insert":
            lines.insert(at, draw(st.sampled_from(BITS)))
        else:
            lines[at] = lines[at][: draw(st.integers(0, 20))] + draw(st.sampled_from(BITS))
    return "\n".join(lines)


def refusal(text: str) -> UsageError | None:
    try:
        read_script(text, "test.yaml")
    except UsageError as error:
        return error
    return None


@given(spoilt() | st.text(max_size=200))
def test_a_file_is_a_scenario_or_refused_with_a_line_of_it(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert error.code == "scenario-malformed"
        line = int(error.message.partition("line ")[2].partition(":")[0])
        assert 1 <= line <= text.count("\n") + 2
