"""What ``make mutants`` counts: words alone are left out; the score is of what tests ran on, or do not reach."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = """
    def read(data):
        if len(data) > 3:
            raise DecodeError("too long.", code="note-malformed", next_step="Shorten it.")
        return data
"""


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("mutants_tool", ROOT / "tools" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("was", "becomes", "same"),
    [
        ('"too long."', '"XXtoo long.XX"', True),
        ('next_step="Shorten it."', 'next_step="SHORTEN IT."', True),
        ('"note-malformed"', '"XXnote-malformedXX"', False),
        ("> 3", ">= 3", False),
        ("> 3", "> 4", False),
        ("return data", "return None", False),
        ('"too long."', "None", False),
    ],
)
def test_only_what_alters_words_is_left_out(tool: ModuleType, was: str, becomes: str, same: bool) -> None:
    assert was in SOURCE
    changed = SOURCE.replace(was, becomes)
    assert (tool.without_words(changed) == tool.without_words(SOURCE)) is same


@pytest.mark.parametrize(
    ("was", "becomes", "same"),
    [
        ('"of no kind"', '"XXof no kindXX"', True),
        ('"geometry-shape"', '"XXgeometry-shapeXX"', False),
        ('"geometry-shape", ', "", False),
        ("{text}.", "{text}", True),
        ("code=code", "code=None", False),
        ('"Ask."', '"ASK."', True),
        ('"Ask."', "None", False),
    ],
)
def test_words_are_those_of_an_error_that_another_function_makes_as_well(
    tool: ModuleType, was: str, becomes: str, same: bool
) -> None:
    source = """
        def read(data):
            raise _bad("geometry-shape", "of no kind")

        def _bad(code, text):
            return DecodeError(f"{text}.", code=code, next_step="Ask.")
    """
    assert was in source
    assert (tool.without_words(source.replace(was, becomes)) == tool.without_words(source)) is same


def test_the_score_is_of_what_ran_and_of_what_no_test_reaches(tool: ModuleType) -> None:
    codes = dict(enumerate([1, 1, 1, 0, tool.NO_TESTS, tool.WORDS, tool.TYPES, None, -24]))
    names = {f"parley.record.proof.x_parse__mutmut_{n}": code for n, code in codes.items()}
    mutants = tool.Mutants({"f": SimpleNamespace(exit_code_by_key=names)}, dict.fromkeys(names, "f"))
    made = tool.report(mutants, "0123456789ab", 7)
    assert (made["commit"], made["seed"]) == ("0123456789ab", 7)
    row = made["rows"]["record"]
    assert (row["run"], row["killed"], row["unreached"], row["words"]) == (5, 4, 1, 1)
    assert (row["refused_by_types"], row["not_run"], row["mutants"]) == (1, 1, 9)
    assert row["score"] == round(4 / 6, 4)
    assert [each["name"] for each in made["survivors"]] == ["parley.record.proof.x_parse__mutmut_3"]
    assert made["unreached"] == ["parley.record.proof.x_parse__mutmut_4"]


def test_a_sample_is_drawn_by_lot_and_is_the_same_for_the_same_seed(tool: ModuleType) -> None:
    codes = dict.fromkeys(range(100)) | {100: tool.WORDS, 101: tool.TYPES, 102: 1, 103: tool.SURVIVED}
    names = {f"parley.record.proof.x_parse__mutmut_{n}": code for n, code in codes.items()}
    mutants = tool.Mutants({"f": SimpleNamespace(exit_code_by_key=names)}, dict.fromkeys(names, "f"))

    def drawn(sample: int, seed: int, *, survivors: bool = False) -> list[str]:
        given = SimpleNamespace(rows="record", sample=sample, seed=seed, survivors=survivors)
        return list(tool.chosen(mutants, given))

    assert drawn(30, 1) == drawn(30, 1) != drawn(30, 2)
    assert drawn(30, 1) == [name for name in drawn(102, 1) if name in set(drawn(30, 1))]
    assert drawn(30, 1) != sorted(drawn(30, 1))
    assert len(drawn(sys.maxsize, 1)) == 100
    assert len(drawn(sys.maxsize, 1, survivors=True)) == 101
