"""CAP 1.2 as its schema wants it: elements and their order, how often each stands, its values.

The schema itself is not in this repository; what it asks for is written down here from OASIS CAP 1.2, section 3.2. With
``CAP_SCHEMA=CAP-v1.2.xsd`` every alert of these tests is held against the schema itself as well.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from parley.notices.cap import to_cap
from parley.notices.draft import NoticeDraft, NoticeKind, Part
from parley.notices.exports import to_cot, to_kml
from parley.notices.notice import read_notice
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Daily,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Unit,
    Volume,
    Window,
)

CAP: Final = "{urn:oasis:names:tc:emergency:cap:1.2}"
ANY, TIME = r"[\s\S]*", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
NUMBER = r"-?\d+(\.\d+)?"
PAIR = rf"{NUMBER},{NUMBER}"
NAME = r"[^\s,<&]+"
MANY = 1 << 30
Rows = list[tuple[str, int, int, str]]
ALERT: Rows = [
    ("identifier", 1, 1, NAME),
    ("sender", 1, 1, NAME),
    ("sent", 1, 1, TIME),
    ("status", 1, 1, "Actual|Exercise|System|Test|Draft"),
    ("msgType", 1, 1, "Alert|Update|Cancel|Ack|Error"),
    ("source", 0, 1, ANY),
    ("scope", 1, 1, "Public|Restricted|Private"),
    ("restriction", 0, 1, ANY),
    ("addresses", 0, 1, ANY),
    ("code", 0, MANY, ANY),
    ("note", 0, 1, ANY),
    ("references", 0, 1, ANY),
    ("incidents", 0, 1, ANY),
    ("info", 0, MANY, ""),
]
INFO: Rows = [
    ("language", 0, 1, r"[a-z]{2,3}(-[A-Za-z0-9]+)*"),
    ("category", 1, MANY, "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other"),
    ("event", 1, 1, ANY),
    ("responseType", 0, MANY, "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None"),
    ("urgency", 1, 1, "Immediate|Expected|Future|Past|Unknown"),
    ("severity", 1, 1, "Extreme|Severe|Moderate|Minor|Unknown"),
    ("certainty", 1, 1, "Observed|Likely|Possible|Unlikely|Unknown"),
    ("audience", 0, 1, ANY),
    ("eventCode", 0, MANY, ""),
    ("effective", 0, 1, TIME),
    ("onset", 0, 1, TIME),
    ("expires", 0, 1, TIME),
    ("senderName", 0, 1, ANY),
    ("headline", 0, 1, ANY),
    ("description", 0, 1, ANY),
    ("instruction", 0, 1, ANY),
    ("web", 0, 1, ANY),
    ("contact", 0, 1, ANY),
    ("parameter", 0, MANY, ""),
    ("resource", 0, MANY, ""),
    ("area", 0, MANY, ""),
]
AREA: Rows = [
    ("areaDesc", 1, 1, ANY),
    ("polygon", 0, MANY, rf"{PAIR}( {PAIR}){{3,}}"),
    ("circle", 0, MANY, rf"{PAIR} \d+(\.\d+)?"),
    ("geocode", 0, MANY, ""),
    ("altitude", 0, 1, NUMBER),
    ("ceiling", 0, 1, NUMBER),
]


def faults(element: ET.Element, rows: Rows) -> list[str]:
    """Everything about the children of ``element`` that the schema would refuse."""
    names = [child.tag.removeprefix(CAP) for child in element]
    order = [name for name, *_ in rows]
    found = [f"{n} is unknown" for n in names if n not in order]
    if not found and [order.index(n) for n in names] != sorted(order.index(n) for n in names):
        found.append(f"order: {names}")
    for name, least, most, pattern in rows:
        children = element.findall(f"{CAP}{name}")
        if not least <= len(children) <= most:
            found.append(f"{len(children)} of {name}")
        found += [f"{name}: {c.text!r}" for c in children if pattern and not re.fullmatch(pattern, c.text or "")]
    return found


@cache
def schema() -> etree.XMLSchema | None:
    path = os.environ.get("CAP_SCHEMA")
    return etree.XMLSchema(etree.parse(path)) if path else None


def check(text: str) -> None:
    if (official := schema()) is not None:
        official.assertValid(etree.fromstring(text.encode()))
    alert = ET.fromstring(text)
    assert alert.tag == f"{CAP}alert"
    assert faults(alert, ALERT) == []
    for info in alert.findall(f"{CAP}info"):
        assert faults(info, INFO) == []
        for area in info.findall(f"{CAP}area"):
            assert faults(area, AREA) == []
            for polygon in area.findall(f"{CAP}polygon"):
                pairs = (polygon.text or "").split()
                assert pairs[0] == pairs[-1]
            for pair in re.findall(PAIR, " ".join(t.text or "" for t in area if t.tag != f"{CAP}areaDesc")):
                assert pair


@pytest.mark.parametrize(
    "name", ["hydroarc-34-26", "hydrolant-237-26", "navarea-iv-1178-22", "navarea-iv-207-26", "notam-a4703-26"]
)
def test_real_notices_are_valid(name: str) -> None:
    text = files("parley.app").joinpath("demo_data", f"{name}.txt").read_text("utf-8")
    check(to_cap([read_notice(text, date(2026, 3, 1))], "northland watch, <1&2>", 1_772_000_000))


def test_what_is_wrong_is_found() -> None:
    alert = ET.fromstring(f'<alert xmlns="{CAP[1:-1]}"><sent>soon</sent><identifier>a b</identifier></alert>')
    found = faults(alert, ALERT)
    assert "order: ['sent', 'identifier']" in found
    assert "0 of sender" in found
    assert "sent: 'soon'" in found
    assert "identifier: 'a b'" in found


PLACES = st.builds(Position, st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 179_999_999))
RINGS = st.lists(PLACES, min_size=3, max_size=8, unique=True).map(tuple)
SHAPES = st.one_of(
    st.builds(Point, PLACES),
    st.builds(Circle, PLACES, st.integers(1, 999_999)),
    st.builds(Polygon, RINGS),
    st.builds(Corridor, st.lists(PLACES, min_size=2, max_size=4, unique=True).map(tuple), st.integers(1, 99_999)),
)
HEIGHTS = st.none() | st.builds(
    Height, st.integers(-999, 99_999), st.sampled_from([Unit.METRE, Unit.FOOT]), st.just(Reference.AMSL)
)
TIMES = st.one_of(
    st.builds(lambda s, n: Window(s * 60, (s + n) * 60), st.integers(0, 30_000_000), st.integers(1, 500_000)),
    st.builds(lambda f, n, a, b: Daily(f, f + n, a, b), *[st.integers(0, n) for n in (20_000, 60, 1439, 1439)]),
)
VOLUMES = st.builds(
    Volume,
    st.lists(SHAPES, min_size=1, max_size=3).map(tuple),
    st.builds(Band, HEIGHTS, HEIGHTS),
    st.lists(TIMES, max_size=3).map(tuple),
)


@pytest.mark.no_cover
@settings(max_examples=40, deadline=None)
@given(volumes=st.lists(VOLUMES, min_size=1, max_size=3), words=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_notice_is_valid_and_whatever_it_says_is_well_formed(volumes: list[Volume], words: str) -> None:
    parts = tuple(Part(volume) for volume in volumes)
    draft = NoticeDraft(NoticeKind.WARNING, "NAVAREA IV", "1/26", words, 1_772_000_000, subject=words, parts=parts)
    check(to_cap([draft], words or "x", 1_772_000_000))
    assert ET.fromstring(to_cap([draft], "x", 0, exercise=True)).findtext(f"{CAP}status") == "Exercise"
    for text in (to_kml([draft]), to_cot([draft], 1_772_000_000)):
        ET.fromstring(text)
