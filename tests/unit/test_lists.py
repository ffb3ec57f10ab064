"""Lists in bulk: what is the same thing as what stays, and what a file gives another identifier (R68)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.app import movements, sites

Row = dict[str, Any]
Compare = Callable[..., tuple[dict[str, Row], Row]]


def place(n: int) -> Row:
    texts = {"function": "", "organisation": "", "valid_from": 0, "valid_until": 0, "confirmed": 0}
    return {**texts, "name": f"Clinic {n}", "lat": n * 1_000_000, "lon": 20_000_000}


def movement(n: int) -> Row:
    return {"purpose": f"convoy {n}", "start": 10, "end": 20}


@pytest.fixture(params=[(sites.compare, place), (movements.compare, movement)], ids=["sites", "movements"])
def of_a_kind(request: pytest.FixtureRequest) -> tuple[Compare, Callable[[int], Row]]:
    found: tuple[Compare, Callable[[int], Row]] = request.param
    return found


@pytest.mark.parametrize("end_missing", [False, True])
def test_another_identifier_is_a_duplicate_of_what_stays_alone(of_a_kind: Any, end_missing: bool) -> None:
    """The thing was ended under the one identifier, and not kept under the other."""
    compare, row = of_a_kind
    put, report = compare({"A": row(1)}, [("B", row(1))], 0, end_missing=end_missing)
    assert report["missing"] == ["A"]
    assert report["duplicate"] == ([] if end_missing else [{"id": "B", "of": "A"}])
    assert put == ({"B": row(1)} if end_missing else {})


@pytest.mark.parametrize("end_missing", [False, True])
def test_identifiers_that_move_on_are_no_duplicates(of_a_kind: Any, end_missing: bool) -> None:
    compare, row = of_a_kind
    put, report = compare({"A": row(1)}, [("A", row(2)), ("B", row(1))], 0, end_missing=end_missing)
    assert (put, report["duplicate"], report["missing"]) == ({"A": row(2), "B": row(1)}, [], [])
    exchanged = [("A", row(2)), ("B", row(1))]
    put, report = compare({"A": row(1), "B": row(2)}, exchanged, 0, end_missing=end_missing)
    assert (put, report["duplicate"], report["missing"]) == (dict(exchanged), [], [])


@pytest.mark.parametrize("end_missing", [False, True])
def test_of_two_in_a_file_the_one_that_is_kept_stays(of_a_kind: Any, end_missing: bool) -> None:
    compare, row = of_a_kind
    given = [("B", row(1)), ("A", row(1)), ("A", row(3)), ("C", row(3))]
    put, report = compare({"A": row(1)}, given, 0, end_missing=end_missing)
    assert (put, report["unchanged"], report["missing"]) == ({"C": row(3)}, ["A"], [])
    assert report["duplicate"] == [{"id": "A", "of": "A"}, {"id": "B", "of": "A"}]
