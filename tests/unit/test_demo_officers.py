"""A demonstration's officers sign in by the ceremony of any passkey, and only in the home that they were made in."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.app.demo_officers import DemoOfficers
from parley.app.home import Home
from parley.app.officers import Officers
from parley.app.passkeys import assertion_options, site_of
from parley.errors import UsageError

ORIGIN = "http://localhost:7480"


def test_a_link_names_its_officer_and_its_passkey_counts_up_over_restarts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = DemoOfficers(home).enrol(ORIGIN, "Northland watch", ("watch",)).rpartition("/")[2]
    second = DemoOfficers(home).enrol(ORIGIN, "Northland commander", ("watch-commander",)).rpartition("/")[2]
    names = [DemoOfficers(home).by_link(code) for code in (first, second)]
    assert [n.partition(" #")[0] for n in names] == ["Northland watch", "Northland commander"]
    assert all(o.software for o in Officers(home).active())
    options = assertion_options(site_of(ORIGIN), bytes(32))
    given = [DemoOfficers(home).answer(names[0], options) for _ in range(2)]
    assert given[0]["id"] == given[1]["id"]
    assert given[0]["response"]["authenticatorData"] != given[1]["response"]["authenticatorData"]
    assert DemoOfficers(home).answer(names[1], options)["id"] != given[0]["id"]


@pytest.mark.parametrize("code", ["", "x", "\u00e9", "../demo-passkeys.json"])
def test_another_link_signs_nobody_in(tmp_path: Path, code: str) -> None:
    demo = DemoOfficers(Home(tmp_path))
    with pytest.raises(UsageError) as caught:
        demo.by_link(code)
    assert caught.value.code == "demo-link"
    demo.enrol(ORIGIN, "Northland watch", ("watch",))
    with pytest.raises(UsageError) as caught:
        demo.by_link(code)
    assert caught.value.code == "demo-link"
    with pytest.raises(UsageError) as caught:
        demo.answer("Northland watch", assertion_options(site_of(ORIGIN), bytes(32)))
    assert caught.value.code == "passkey-unknown"


def test_a_spoilt_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo-passkeys.json").write_text('[{"name": 1}]')
    with pytest.raises(UsageError) as caught:
        DemoOfficers(Home(tmp_path)).by_link("x")
    assert caught.value.code == "demo-passkeys"
