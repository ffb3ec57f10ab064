"""Plans from files, however odd: each is refused with a stable code, or can be read again. R58, R67."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from parley.app.plans import check_plan, decode_plan, encode_plan, plan_of
from parley.errors import UsageError
from parley.notices.places import read_places

NUMBER = (
    st.floats(-200, 200) | st.floats() | st.integers(-(10**40), 10**40) | st.sampled_from([180, -180, 90, -90, True])
)
PLACE = st.tuples(NUMBER, NUMBER).map(list)
GEOMETRY = st.one_of(
    st.fixed_dictionaries({"type": st.just("Point"), "coordinates": PLACE}),
    st.fixed_dictionaries({"type": st.just("LineString"), "coordinates": st.lists(PLACE, max_size=5)}),
    st.fixed_dictionaries(
        {
            "type": st.just("Polygon"),
            "coordinates": st.lists(PLACE, min_size=3, max_size=6).map(lambda ring: [[*ring, ring[0]]]),
        }
    ),
)
TIME = st.none() | st.datetimes().map(lambda t: t.isoformat() + "Z") | st.text(max_size=20)
HEIGHT = st.none() | st.sampled_from(["FL100", "500 FT AGL", "99999999 M AMSL", "SFC"]) | st.text(max_size=8)
PROPERTIES = st.fixed_dictionaries(
    {"name": st.text(max_size=12)},
    optional={
        "start": TIME,
        "end": TIME,
        "lower": HEIGHT,
        "upper": HEIGHT,
        "kind": st.text(max_size=8),
        "radius_m": NUMBER,
        "half_width_m": NUMBER,
        "protected": st.booleans() | st.none(),
    },
)
YEARS = {"start": "2026-01-01T00:00Z", "end": "3026-01-01T00:00Z"}


@given(GEOMETRY, PROPERTIES)
@example({"type": "Point", "coordinates": [20, 10]}, {"name": "A", **YEARS})
@example({"type": "Point", "coordinates": [20, 10]}, {"name": "A\ud800"})
@example({"type": "Point", "coordinates": [20, 10]}, {"name": "A", "upper": "99999999 M AMSL"})
def test_a_plan_of_a_file_can_be_read_again_or_is_refused(geometry: dict[str, Any], properties: dict[str, Any]) -> None:
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    try:
        (draft,) = read_places("plans.geojson", json.dumps({"features": [feature]}))
        plan = plan_of(draft)
        check_plan(plan)
    except UsageError:
        return
    assert decode_plan(plan.id.encode(), encode_plan(plan)).as_json() == plan.as_json()
