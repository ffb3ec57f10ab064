"""Areas made at random go out in every format that can be read, and come back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.app.areas import write_areas
from parley.app.forms import library, usual_packs
from parley.notices.broadcast import to_navarea, to_notam
from parley.notices.draft import NoticeDraft, NoticeKind, Part
from parley.notices.forms import FORM, draft_of, form_values
from parley.notices.notice import read_notice
from parley.notices.places import PlaceDraft, read_places
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
    Shape,
    Unit,
    Volume,
    Window,
)

READ = date(2026, 3, 1)
ISSUED = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
DAY = ISSUED // 86_400
MILE = 1852
HUNDREDTHS = st.tuples(st.integers(-89 * 6000, 89 * 6000), st.integers(-179 * 6000, 179 * 6000))
"""Positions in hundredths of a minute, as a navigational warning states them."""
SECONDS = st.tuples(st.integers(-89 * 3600, 89 * 3600), st.integers(-179 * 3600, 179 * 3600))
TENTHS = st.integers(1, 500)
"""Tenths of a nautical mile."""


def place(at: tuple[int, int], parts: int) -> Position:
    return Position(*(round(x * 1_000_000 / parts) for x in at))


def shapes(places: st.SearchStrategy[tuple[int, int]], parts: int) -> st.SearchStrategy[Shape]:
    def located(least: int) -> st.SearchStrategy[tuple[Position, ...]]:
        drawn = st.lists(places, min_size=least, max_size=7, unique=True)
        return drawn.map(lambda found: tuple(place(at, parts) for at in found))

    one = places.map(lambda at: place(at, parts))
    metres = TENTHS.map(lambda tenths: round(tenths * MILE / 10))
    return st.one_of(
        st.builds(Polygon, located(3)),
        st.builds(Circle, one, metres),
        st.builds(Corridor, located(2), metres),
        st.builds(Point, one),
    )


def height(low: int, high: int) -> st.SearchStrategy[Height]:
    whole = st.integers(low, high)
    return st.one_of(
        st.builds(lambda n, r: Height(100 * n, Unit.FOOT, r), whole, st.sampled_from((Reference.AMSL, Reference.AGL))),
        st.builds(lambda n: Height(50 * n, Unit.METRE), whole),
        st.builds(lambda n: Height(n, Unit.HUNDRED_FEET, Reference.FL), whole),
    )


BANDS = st.one_of(
    st.just(Band()),
    st.builds(Band, st.none(), height(1, 400)),
    st.builds(Band, height(1, 90), height(300, 500)),
    st.builds(Band, height(1, 90), st.none()),
)
MINUTES = st.integers(0, 1439)
DAILY = st.builds(
    lambda first, length, start, end: Daily(DAY + first, DAY + first + length, start, end),
    *(st.integers(0, 200), st.integers(1, 40), MINUTES, MINUTES),
).filter(lambda d: d.start != d.end)
SINGLE = st.builds(
    lambda start, length: Window(ISSUED + 60 * start, ISSUED + 60 * (start + length)),
    *(st.integers(0, 200 * 1440), st.integers(1, 40 * 1440)),
)


def drafts(shape: st.SearchStrategy[Shape]) -> st.SearchStrategy[NoticeDraft]:
    times = st.one_of(st.lists(SINGLE, min_size=1, max_size=3, unique=True), st.lists(DAILY, min_size=1, max_size=1))
    volume = st.builds(Volume, shape.map(lambda s: (s,)), BANDS, times.map(tuple))
    return st.lists(volume.map(Part), min_size=1, max_size=3).map(
        lambda parts: NoticeDraft(
            NoticeKind.WARNING, "NAVAREA IV", "12/26", "", ISSUED, subject="HAZARDOUS OPERATIONS", parts=tuple(parts)
        )
    )


def same_times(one: Volume, other: Volume) -> bool:
    return sorted((w.start, w.end) for w in one.windows()) == sorted((w.start, w.end) for w in other.windows())


@settings(max_examples=8, deadline=None)
@given(drafts(shapes(HUNDREDTHS, 6000)))
def test_a_navigational_warning_comes_back(draft: NoticeDraft) -> None:
    again = read_notice(to_navarea([draft]), READ)
    assert again.not_understood == ()
    assert [p.volume.shapes for p in again.parts] == [p.volume.shapes for p in draft.parts]
    assert [p.volume.band for p in again.parts] == [p.volume.band for p in draft.parts]
    assert all(same_times(a.volume, b.volume) for a, b in zip(again.parts, draft.parts, strict=True))


@settings(max_examples=8, deadline=None)
@given(drafts(shapes(SECONDS, 3600)))
def test_a_notam_comes_back(draft: NoticeDraft) -> None:
    texts = to_notam([draft]).strip().split("\n\n")
    for text, part in zip(texts, draft.parts, strict=True):
        again = read_notice(text, READ)
        assert again.not_understood == ()
        (found,) = again.parts
        assert found.volume.shapes == part.volume.shapes
        assert found.volume.band == part.volume.band
        assert same_times(found.volume, part.volume)


def small(at: Position, sides: list[tuple[int, int]]) -> Polygon:
    """A star of a few minutes across: no edge of it is long enough to be drawn by more positions."""
    around = sorted(sides, key=lambda s: (s[0] < 0, s[1]))
    return Polygon(tuple(Position(at.lat + 1000 * a, at.lon + 1000 * b) for a, b in around))


SMALL = st.builds(
    small,
    st.builds(Position, st.integers(-80_000_000, 80_000_000), st.integers(-178_000_000, 178_000_000)),
    st.lists(st.tuples(st.integers(-200, 200), st.integers(-200, 200)), min_size=3, max_size=7, unique=True),
)


def ring(shape: Shape) -> list[Position]:
    """From its least position on, against the clock."""
    assert isinstance(shape, Polygon)
    places = list(shape.ring)
    pairs = zip(places, [*places[1:], places[0]], strict=True)
    if sum(a.lon * b.lat - b.lon * a.lat for a, b in pairs) < 0:
        places.reverse()
    least = places.index(min(places))
    return places[least:] + places[:least]


def came_back(found: tuple[PlaceDraft, ...], parts: list[Part]) -> None:
    for place_, part in zip(found, parts, strict=True):
        assert [ring(s) for s in place_.volume.shapes] == [ring(s) for s in part.volume.shapes]
        windows = part.volume.windows()
        assert place_.volume.windows() == (Window(windows[0].start, windows[-1].end),), "from the first to the last"


def encloses(shape: Shape) -> bool:
    assert isinstance(shape, Polygon)
    pairs = zip(shape.ring, [*shape.ring[1:], shape.ring[0]], strict=True)
    return sum(a.lon * b.lat - b.lon * a.lat for a, b in pairs) != 0


@settings(max_examples=10, deadline=None)
@given(drafts(SMALL.filter(encloses)))
def test_geojson_and_kml_come_back_as_plans(draft: NoticeDraft) -> None:
    for form in ("geojson", "kml"):
        came_back(read_places(f"areas.{form}", write_areas([draft], form)), list(draft.parts))


@settings(max_examples=8, deadline=None)
@given(drafts(shapes(HUNDREDTHS, 6000)))
def test_a_form_comes_back(draft: NoticeDraft) -> None:
    packs, dictionary = usual_packs()
    forms = library().under({p.name: p.hash for p in packs}, dictionary)
    form = forms.named(FORM)
    filled = forms.codec.decode(form, forms.codec.encode(form, form_values(draft)))
    assert [p.volume for p in draft_of(filled, ISSUED).parts] == [p.volume for p in draft.parts]
