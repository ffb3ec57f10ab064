"""Movements of aid in bulk: what is new, changed, renewed, over, missing and twice; what is notified. R63, R68."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.app.movements import read_movements, values_of

Asked = Callable[..., Any]
SORT = "movements"
COUNT = 500
HEAD = "id,purpose,positions,half_width_m,start,end,vehicles,in_charge,headquarters,organisation,people\n"
BY = HEAD.rstrip() + ",by\n"
DAY = "2999-04-01"


def convoy(n: int, *, purpose: str = "food", day: str = DAY, leader: str = "+00 555 0111") -> str:
    lat, lon = 10 + n % 200 / 10, 20 + n // 200 / 10
    route = f"{lat:.4f} {lon:.4f};{lat + 0.2:.4f} {lon + 0.1:.4f}"
    times = f"{day}T08:00Z,{day}T{10 + n % 10}:00Z"
    return f"M{n},{purpose},{route},200,{times},Truck; Armoured car,Leader {leader},Desk +00 555 0100,Relief,7\n"


def in_force(asked: Asked) -> dict[str, Any]:
    return {m["ref"]: m for m in asked("movements")}


def finished(text: str, stage: str) -> dict[str, Any]:
    ((id_, row),) = read_movements("movements.csv", HEAD + text)
    return values_of(id_, row, stage, "Aid")


def test_what_changed_is_notified_and_nothing_twice(asked: Asked, imported: Asked) -> None:
    first = [convoy(n) for n in range(3)]
    assert "sent" not in imported("".join(first))
    assert in_force(asked) == {}
    assert imported("".join(first), "--send")["sent"] == {"new": 3}
    assert imported("".join(first), "--send")["sent"] == {}
    found = in_force(asked)
    assert (found["M1"]["purpose"], found["M1"]["convoy"]) == ("food", ["Leader +00 555 0111"])
    assert found["M1"]["headquarters"] == ["Desk +00 555 0100"]
    later = [convoy(0, day="2999-05-01"), convoy(1, leader="+00 555 0222")]
    found = imported("".join(later), "--send", "--end-missing")
    assert (found["renewed"], found["changed"], found["missing"]) == (["M0"], ["M1"], ["M2"])
    assert found["sent"] == {"changed": 2, "cancelled": 1}
    assert imported("".join(later), "--send", "--end-missing")["sent"] == {}
    assert sorted(in_force(asked)) == ["M0", "M1"]
    assert in_force(asked)["M1"]["convoy"] == ["Leader +00 555 0222"]


def test_what_an_officer_completed_is_not_announced_again(asked: Asked, imported: Asked, by_form: Asked) -> None:
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 2}
    by_form("movement", finished(convoy(1), "completed"))
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {}
    assert sorted(in_force(asked)) == ["M0"]
    assert imported(convoy(0), "--send", "--end-missing")["sent"] == {}
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 1}, "listed again"
    assert imported(convoy(0), "--send", "--end-missing")["sent"] == {"cancelled": 1}
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 1}, "listed again"


def test_of_a_file_with_one_wrong_movement_nothing_is_kept(imported: Asked) -> None:
    refused = imported(convoy(0) + convoy(1, purpose="parade"), status=2)
    assert refused["error"]["code"] == "form-value"
    assert "M1" in refused["error"]["message"]
    for wrong in (convoy(0).replace("M0,", ","), convoy(0).replace("Leader +00 555 0111", ""), convoy(0, day="soon")):
        assert imported(convoy(1) + wrong, status=2)["error"]["code"] == "csv-malformed"
    backwards = convoy(0).replace("T08:00Z", "T23:00Z")
    assert imported(backwards, status=2)["error"]["code"] == "csv-malformed"
    assert imported(convoy(1))["new"] == ["M1"]


def test_a_route_that_is_probably_wrong_is_asked_about(asked: Asked, imported: Asked) -> None:
    """Kept all the same, and named, as places are; a boat may be at sea (R67)."""

    def on(n: int, route: str, by: str = "") -> str:
        times = f"{DAY}T08:00Z,{DAY}T10:00Z"
        return f"M{n},food,{route},200,{times},Truck,Leader +00 555 0111,Desk +00 555 0100,Relief,7,{by}\n"

    good = "".join(on(n, f"36.{n}N 68.{n}E;36.{n}5N 68.{n}5E") for n in range(1, 6))
    odd = (
        on(6, "36.1N 68.1E;68.2N 36.2E")
        + on(7, "36.1S 68.1E;36.2S 68.2E")
        + on(8, "20N 40W;20.1N 40W")
        + on(9, "20N 40W;20.1N 40W", "sea")
    )
    found = imported(good + odd, head=BY)
    assert len(found["new"]) == 9
    questions = {text.split(":")[0]: text for text in found["warnings"]}
    assert sorted(questions) == ["M6", "M7", "M8"]
    assert "swapped" in questions["M6"]
    assert "latitude has a minus, or S" in questions["M7"]
    assert "lies at sea" in questions["M8"]
    assert imported(good + on(1, "36N 68E;37N 68E", "rail"), head=BY, status=2)["error"]["code"]
    # Against what the line knows of it, too: one alone in its file is far from none of the file.
    assert imported(good, "--send", head=BY)["warnings"] == []
    (asked_of,) = imported(on(1, "68.1N 36.1E;68.15N 36.15E"), head=BY)["warnings"]
    assert asked_of.startswith("M1")
    assert "swapped" in asked_of


@pytest.mark.no_cover
def test_a_list_is_brought_up_to_date(imported: Asked) -> None:
    rows = [convoy(n) for n in range(COUNT)]
    found = imported("".join(rows))
    assert (found["read"], len(found["new"]), found["duplicate"]) == (COUNT, COUNT, [])
    rows[0] = convoy(0, purpose="medical")
    rows[1] = convoy(1, day="2999-06-01")
    rows[2] = convoy(2, day="2020-01-01")
    rows[4] = rows[4] + rows[4] + rows[5].replace("M5,", "M99999,")
    del rows[3]
    found = imported("".join(rows))
    assert (found["new"], found["changed"], found["renewed"]) == ([], ["M0"], ["M1", "M2"])
    assert (found["expired"], found["missing"]) == (["M2"], ["M3"])
    assert [(d["id"], d["of"]) for d in found["duplicate"]] == [("M4", "M4"), ("M99999", "M5")]
    assert len(found["unchanged"]) == COUNT - 4
    assert imported(convoy(2, day="2020-01-01"), "--send")["sent"].get("new") == COUNT - 1, "what is over is not told"
