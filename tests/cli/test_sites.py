"""Protected places in bulk: what is new, changed, renewed, expired, missing and twice. R68, R70, B5."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parley.app.sites import compare

SORT = "sites"
COUNT = 20_000
TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=60)
HEAD = "id,name,latitude,longitude,function,valid_until,confirmed\n"


def site(n: int, name: str = "", until: str = "2999-01-01") -> str:
    return f"S{n},{name or f'Place {n}'},{10 + n % 200 / 10:.4f},{20 + n // 200 / 10:.4f},clinic,{until},2026-01-01\n"


def test_one_place_on_either_side_of_an_edge_is_one_place() -> None:
    """It was missed: the same name a metre apart, where rows of cells begin, and at 180 degrees."""
    empty = {"function": "", "organisation": "", "valid_from": 0, "valid_until": 0, "confirmed": 0}
    one = {**empty, "name": "Clinic", "lat": 9_999_995, "lon": 20_000_099}
    pairs = [
        (one, one | {"lat": 10_000_004, "lon": 20_000_101}),
        (one | {"lon": 179_999_995}, one | {"lon": -179_999_997}),
    ]
    for a, b in pairs:
        assert compare({}, [("A", a), ("B", b)], 0)[1]["duplicate"] == [{"id": "B", "of": "A"}]
        assert compare({"A": a}, [("B", b)], 0)[1]["duplicate"] == [{"id": "B", "of": "A"}]
    assert not compare({}, [("A", one), ("B", one | {"lat": 10_000_200})], 0)[1]["duplicate"]


def test_what_changed_is_notified_and_nothing_twice(imported: Callable[..., Any]) -> None:
    soon = "2999-01-01"
    first = [site(n, until=soon) for n in range(3)]
    assert "sent" not in imported("".join(first))
    found = imported("".join(first), "--send")
    assert (found["sent"], found["shortened"]) == ({"new": 3}, ["S0", "S1", "S2"])
    assert imported("".join(first), "--send")["sent"] == {}
    moved = first[1].replace("10.1", "10.2")
    found = imported(first[0].replace("2026-01-01\n", "2026-02-01\n") + moved, "--send", "--end-missing")
    assert found["sent"] == {"confirmed": 1, "changed": 1, "ended": 1}
    assert imported(first[0].replace("2026-01-01\n", "2026-02-01\n") + moved, "--send")["missing"] == []
    refused = imported("S9,Depot,10,20,barracks,,\n", "--send", status=2)
    assert refused["error"]["code"] == "form-value"
    assert imported(first[0])["missing"] == ["S1"], "of what was refused nothing was kept"


@pytest.mark.parametrize("first", ["list", "form"])
def test_what_an_officer_ended_is_not_announced_again(
    imported: Callable[..., Any], by_form: Callable[..., None], first: str
) -> None:
    """It was, by the next import of the same list; so was one that a form had announced as the list has it."""

    def told(stage: str) -> None:
        about = {"site-id": "S1", "organisation": "North", "name": "Place 1", "function": "clinic"}
        times = {"valid": f"{TODAY}T00:00Z/{SOON}T00:00Z", "confirmed-on": "2026-01-01T00:00Z"}
        by_form("site", {"stage": stage, **about, "position": "10.1N 20E", **({} if stage == "ended" else times)})

    rows = site(0, until=str(SOON)) + site(1, until=str(SOON))
    if first == "form":
        told("new")
    assert imported(rows, "--send")["sent"] == {"new": 2 if first == "list" else 1}
    told("ended")
    assert imported(rows, "--send")["sent"] == {}
    assert imported(site(0, until=str(SOON)), "--send", "--end-missing")["sent"] == {}
    assert imported(rows, "--send")["sent"] == {"new": 1}, "listed again"
    told("ended")
    moved = rows.replace("10.1000", "10.2000")
    assert imported(moved, "--send")["sent"] == {"new": 1}, "the list says something new"


def test_a_place_with_another_identifier_is_in_force_all_the_time(
    asked: Callable[..., Any], imported: Callable[..., Any]
) -> None:
    imported(site(1) + site(2), "--send")
    renamed = site(2) + site(1).replace("S1,", "S9,")
    assert imported(renamed, "--send", "--end-missing")["sent"] == {"new": 1, "ended": 1}
    said = sorted(asked("inbox", "--all"), key=lambda m: int(m["id"].rpartition("-")[2]))
    assert [w for m in said for w in ("S9", "Ended") if w in m["text"]] == ["S9", "Ended"], "it ended, then began"


def test_a_place_that_is_probably_wrong_is_asked_about(imported: Callable[..., Any]) -> None:
    """B4's places with one exchanged, and one in the sea: kept all the same, and named (R67)."""
    rows = "".join(f"S{n},Place {n},36.{n}1,68.{n}5,hospital,,\n" for n in range(1, 6))
    found = imported(rows + "S8,Swapped,68.45,36.21,hospital,,\nS9,Wet,20.0,-40.0,hospital,,\n")
    assert len(found["new"]) == 7
    asked = {text.split()[0] for text in found["warnings"]}
    assert {"S8", "S9"} == asked
    assert "swapped" in next(text for text in found["warnings"] if text.startswith("S8"))


@pytest.mark.no_cover
def test_a_list_of_twenty_thousand_is_brought_up_to_date(imported: Callable[..., Any]) -> None:
    rows = [site(n) for n in range(COUNT)]
    found = imported("".join(rows))
    assert (found["read"], len(found["new"]), found["duplicate"]) == (COUNT, COUNT, [])
    rows[0] = site(0, "Another name")
    rows[1] = site(1, until="2999-06-01")
    rows[2] = site(2, until="2020-01-01")
    rows[4] = rows[4] + rows[4] + rows[5].replace("S5,", "S99999,")
    del rows[3]
    found = imported("".join(rows))
    assert (found["new"], found["changed"], found["renewed"]) == ([], ["S0"], ["S1", "S2"])
    assert (found["expired"], found["missing"]) == (["S2"], ["S3"])
    assert [(d["id"], d["of"]) for d in found["duplicate"]] == [("S4", "S4"), ("S99999", "S5")]
    assert len(found["unchanged"]) == COUNT - 4
    assert imported(site(1) + "S2,No position,,,clinic,,\n", status=2)["error"]["code"] == "csv-malformed"
