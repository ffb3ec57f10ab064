"""Shapes, heights, times and read-backs at their bounds: one more, one less or another type is refused."""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import DecodeError
from parley.limits import MAX_TIME
from parley.wire.geometry import (
    MAX_HEIGHT,
    MAX_METRES,
    MAX_POSITIONS,
    MAX_SHAPES,
    MAX_WINDOWS,
    Band,
    Circle,
    Corridor,
    Daily,
    Edge,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Time,
    Unit,
    Volume,
    Window,
    decode_height,
    decode_positions,
    decode_shape,
    decode_time,
    decode_volume,
    encode_height,
    encode_positions,
    encode_shape,
    encode_time,
    encode_volume,
    position,
)
from parley.wire.readback import MAX_NAME, MAX_NEAR, MAX_PLACES, Near, ReadBack, read_places

A, B, C = Position(0, 0), Position(1_000_000, 2_000_000), Position(-1_000_000, 2_000_000)
ONE, TWO, THREE = encode_positions([A]), encode_positions([A, B]), encode_positions([A, B, C])
LAST_DAY, LAST_MINUTE = MAX_TIME // 86_400, MAX_TIME // 60

SHAPES: list[tuple[list[Any], Shape]] = [
    ([0, ONE], Point(A)),
    ([1, ONE, 1], Circle(A, 1)),
    ([1, ONE, MAX_METRES], Circle(A, MAX_METRES)),
    ([2, THREE], Polygon((A, B, C))),
    ([2, THREE, 1], Polygon((A, B, C), Edge.RHUMB)),
    ([2, THREE, 2], Polygon((A, B, C), Edge.PARALLEL)),
    ([3, TWO, 1], Corridor((A, B), 1)),
    ([3, TWO, MAX_METRES, 1], Corridor((A, B), MAX_METRES, Edge.RHUMB)),
]


@pytest.mark.parametrize(("row", "shape"), SHAPES, ids=range(len(SHAPES)))
def test_each_shape_is_read_and_written(row: list[Any], shape: Shape) -> None:
    assert decode_shape(row) == shape
    assert encode_shape(shape) == row


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([0, TWO], "geometry-shape"),
        ([1, TWO, 1], "geometry-shape"),
        ([1, ONE, 0], "geometry-range"),
        ([1, ONE, MAX_METRES + 1], "geometry-range"),
        ([1, ONE, True], "geometry-range"),
        ([2, TWO], "geometry-positions"),
        ([2, THREE, 0], "geometry-shape"),
        ([2, THREE, 3], "geometry-shape"),
        ([2, THREE, True], "geometry-shape"),
        ([2, THREE, 1, 1], "geometry-shape"),
        ([3, ONE, 1], "geometry-positions"),
        ([3, TWO, 0], "geometry-range"),
        ([3, TWO, MAX_METRES + 1], "geometry-range"),
        ([3, TWO, 1, 0], "geometry-shape"),
        ([4, ONE], "geometry-shape"),
        ([0], "geometry-shape"),
        ([0, "0"], "geometry-shape"),
        (None, "geometry-shape"),
    ],
)
def test_what_is_no_shape(row: object, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_shape(row)
    assert caught.value.code == code


HEIGHTS: list[tuple[Any, Height | None, str]] = [
    (None, None, ""),
    ([0, 0, 0], Height(0), "0 m AMSL"),
    ([-MAX_HEIGHT, 0, 1], Height(-MAX_HEIGHT, Unit.METRE, Reference.AGL), f"-{MAX_HEIGHT} m AGL"),
    ([MAX_HEIGHT, 1, 0], Height(MAX_HEIGHT, Unit.FOOT), f"{MAX_HEIGHT} ft AMSL"),
    ([500, 1, 1], Height(500, Unit.FOOT, Reference.AGL), "500 ft AGL"),
    ([65, 2, 2], Height(65, Unit.HUNDRED_FEET, Reference.FL), "FL065"),
]


@pytest.mark.parametrize(("row", "height", "said"), HEIGHTS, ids=[h[2] for h in HEIGHTS])
def test_each_height_is_read_and_written(row: Any, height: Height | None, said: str) -> None:
    assert decode_height(row) == height
    assert encode_height(height) == row
    assert height is None or str(height) == said


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([MAX_HEIGHT + 1, 0, 0], "geometry-range"),
        ([-MAX_HEIGHT - 1, 0, 0], "geometry-range"),
        ([1, 0, 2], "geometry-height"),
        ([1, 1, 2], "geometry-height"),
        ([1, 2, 0], "geometry-height"),
        ([1, 2, 1], "geometry-height"),
        ([1, 3, 0], "geometry-height"),
        ([1, 0, 3], "geometry-height"),
        ([True, 0, 0], "geometry-height"),
        ([1, False, 0], "geometry-height"),
        ([1, 0, False], "geometry-height"),
        ([1, 0], "geometry-height"),
        (["1", 0, 0], "geometry-height"),
        (0, "geometry-height"),
    ],
)
def test_what_is_no_height(row: object, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_height(row)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("lower", "upper", "inverted"),
    [
        (None, None, False),
        (Height(2), None, False),
        (None, Height(2), False),
        (Height(1), Height(2), False),
        (Height(2), Height(2), False),
        (Height(3), Height(2), True),
        (Height(3), Height(2, reference=Reference.AGL), False),
        (Height(1000), Height(3280, Unit.FOOT), True),
        (Height(1000), Height(3281, Unit.FOOT), False),
        (Height(3281, Unit.FOOT), Height(1000), True),
        (Height(3280, Unit.FOOT), Height(1000), False),
        (Height(1, Unit.HUNDRED_FEET), Height(99, Unit.FOOT), True),
        (Height(1, Unit.HUNDRED_FEET), Height(100, Unit.FOOT), False),
    ],
)
def test_a_band_is_upside_down_by_its_own_figures_alone(
    lower: Height | None, upper: Height | None, inverted: bool
) -> None:
    assert Band(lower, upper).inverted is inverted


TIMES: list[tuple[list[int], Time]] = [
    ([0, 1], Window(0, 60)),
    ([LAST_MINUTE, 366 * 1440], Window(LAST_MINUTE * 60, (LAST_MINUTE + 366 * 1440) * 60)),
    ([0, 0, 0, 0, 1], Daily(0, 0, 0, 0, 1)),
    ([LAST_DAY, MAX_WINDOWS - 1, 1439, 1440, 127], Daily(LAST_DAY, LAST_DAY + MAX_WINDOWS - 1, 1439, 1440)),
]


@pytest.mark.parametrize(("row", "time"), TIMES, ids=range(len(TIMES)))
def test_each_time_is_read_and_written(row: list[int], time: Time) -> None:
    assert decode_time(row) == time
    assert encode_time(time) == row


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([-1, 1], "geometry-range"),
        ([LAST_MINUTE + 1, 1], "geometry-range"),
        ([0, 0], "geometry-range"),
        ([0, 366 * 1440 + 1], "geometry-range"),
        ([0, True], "geometry-range"),
        ([-1, 0, 0, 0, 1], "geometry-range"),
        ([LAST_DAY + 1, 0, 0, 0, 1], "geometry-range"),
        ([0, -1, 0, 0, 1], "geometry-range"),
        ([0, MAX_WINDOWS, 0, 0, 1], "geometry-range"),
        ([0, 0, -1, 0, 1], "geometry-range"),
        ([0, 0, 1440, 0, 1], "geometry-range"),
        ([0, 0, 0, -1, 1], "geometry-range"),
        ([0, 0, 0, 1441, 1], "geometry-range"),
        ([0, 0, 0, 0, 0], "geometry-range"),
        ([0, 0, 0, 0, 128], "geometry-range"),
        ([0], "geometry-time"),
        ([0, 1, 2], "geometry-time"),
        (["0", 1], "geometry-time"),
        (None, "geometry-time"),
    ],
)
def test_what_is_no_time(row: object, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_time(row)
    assert caught.value.code == code


def test_a_daily_window_falls_on_its_weekdays_and_may_end_on_the_next_day() -> None:
    # 1970-01-01 was a Thursday: Friday the 2nd is bit 4.
    friday = Daily(0, 8, 23 * 60, 60, 0b0010000)
    assert list(friday.windows()) == [Window(d * 86_400 + 82_800, (d + 1) * 86_400 + 3600) for d in (1, 8)]
    assert friday.ends() == tuple(friday.windows())
    assert list(Daily(0, 0, 60, 60).windows()) == [Window(3600, 86_400 + 3600)]
    assert list(Daily(0, 1, 60, 61).windows()) == [Window(3600, 3660), Window(86_400 + 3600, 86_400 + 3660)]
    assert Daily(0, 3, 0, 60, 0b0000001).ends() is None


def test_the_span_of_a_volume_is_from_its_first_instant_to_its_last() -> None:
    early, late, never = Window(120, 180), Daily(0, 1, 60, 120), Daily(0, 0, 0, 60, 1)
    assert Volume((), times=(late, early, never)).span() == Window(120, 86_400 + 7200)
    assert Volume((), times=(early, Window(60, 600))).span() == Window(60, 600)
    assert Volume((), times=(never,)).span() is None
    assert Volume(()).span() is None
    windows = (Window(120, 180), Window(3600, 7200), Window(90_000, 93_600))
    assert Volume((), times=(late, early, never)).windows() == windows
    assert Volume((), times=(Window(0, 120), Window(0, 60))).windows() == (Window(0, 60), Window(0, 120))


VOLUME = [[[0, ONE]] * MAX_SHAPES, [1, 0, 0], None, [[0, 1]] * MAX_WINDOWS]


def test_a_volume_is_read_and_written_at_its_bounds() -> None:
    volume = Volume((Point(A),) * MAX_SHAPES, Band(Height(1), None), (Window(0, 60),) * MAX_WINDOWS)
    assert decode_volume(VOLUME) == volume
    assert encode_volume(volume) == VOLUME
    assert encode_volume(Volume((Point(A),), Band(None, Height(2)))) == [[[0, ONE]], None, [2, 0, 0], []]
    assert decode_volume([[[0, ONE]], None, [2, 0, 0], []]) == Volume((Point(A),), Band(None, Height(2)))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([[], None, None, []], "geometry-shape"),
        ([[[0, ONE]] * (MAX_SHAPES + 1), None, None, []], "geometry-shape"),
        ([[[0, ONE]], None, None, [[0, 1]] * (MAX_WINDOWS + 1)], "geometry-time"),
        ([[[0, ONE]], None, None], "geometry-volume"),
        ([[0, ONE], None, None, 0], "geometry-volume"),
        ({}, "geometry-volume"),
    ],
)
def test_what_is_no_volume(value: object, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_volume(value)
    assert caught.value.code == code


def test_degrees_become_the_nearest_position_and_180_east_is_180_west() -> None:
    assert position(90, 180) == Position(90_000_000, -180_000_000)
    assert position(-90, -180) == Position(-90_000_000, -180_000_000)
    assert position(0.0000006, 179.9999994) == Position(1, 179_999_999)
    for lat, lon in [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (float("nan"), 0), (0, float("nan"))]:
        with pytest.raises(DecodeError) as caught:
            position(lat, lon)
        assert caught.value.code == "geometry-range"


@pytest.mark.parametrize(
    ("positions", "hexed"),
    [
        ([Position(0, 0)], "000000"),
        ([Position(1_000_000, -1_000_000)], "007877"),  # 60 minutes
        ([Position(63_333_333, 0)], "00b03b00"),  # 3800 minutes
        ([Position(1_066_667, 0)], "00800100"),  # 64 minutes: the first number of two bytes
        ([Position(1_667, 0)], "010200"),  # a tenth of a minute
        ([Position(278, 0)], "020200"),  # a second
        ([Position(167, 0)], "030200"),
        ([Position(17, 0)], "040200"),
        ([Position(1, 0)], "050200"),
        ([Position(0, 179_000_000), Position(0, -179_000_000)], "0000e8a70100f001"),  # the shorter way round
        ([Position(0, 0), Position(0, -180_000_000)], "00000000dfa801"),
        ([Position(-90_000_000, -180_000_000)], "00af54dfa801"),
    ],
)
def test_positions_are_these_bytes(positions: list[Position], hexed: str) -> None:
    assert encode_positions(positions).hex() == hexed
    assert decode_positions(bytes.fromhex(hexed)) == tuple(positions)


@pytest.mark.parametrize("hexed", ["00b15400", "0000e1a801", "0000e0a801", "0582aaea5500"])
def test_what_lies_outside_the_earth(hexed: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_positions(bytes.fromhex(hexed))
    assert caught.value.code == "geometry-range"


def test_as_many_positions_as_a_shape_may_have() -> None:
    most = b"\x00" + b"\x00\x00" * MAX_POSITIONS
    assert decode_positions(most) == (A,) * MAX_POSITIONS
    with pytest.raises(DecodeError) as caught:
        decode_positions(most + b"\x00\x00")
    assert caught.value.code == "geometry-positions"


PLACE = [90_000_000, -180_000_000, [[MAX_METRES, 359, "n" * MAX_NAME]] * MAX_NEAR]


def test_a_read_back_is_read_and_written_at_its_bounds() -> None:
    back = ReadBack(Position(90_000_000, -180_000_000), (Near("n" * MAX_NAME, MAX_METRES, 359),) * MAX_NEAR)
    assert read_places([PLACE] * MAX_PLACES) == (back,) * MAX_PLACES
    assert back.plain() == PLACE
    assert read_places([[-90_000_000, 179_999_999, [[0, 0, "n"]]]]) == (
        ReadBack(Position(-90_000_000, 179_999_999), (Near("n", 0, 0),)),
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [PLACE] * (MAX_PLACES + 1),
        [PLACE[:2]],
        [[90_000_001, 0, PLACE[2]]],
        [[-90_000_001, 0, PLACE[2]]],
        [[0, 180_000_000, PLACE[2]]],
        [[0, -180_000_001, PLACE[2]]],
        [[True, 0, PLACE[2]]],
        [[0, False, PLACE[2]]],
        [[0, 0, []]],
        [[0, 0, [[0, 0, "n"]] * (MAX_NEAR + 1)]],
        [[0, 0, [[-1, 0, "n"]]]],
        [[0, 0, [[MAX_METRES + 1, 0, "n"]]]],
        [[0, 0, [[0, -1, "n"]]]],
        [[0, 0, [[0, 360, "n"]]]],
        [[0, 0, [[0, 0, ""]]]],
        [[0, 0, [[0, 0, "n" * (MAX_NAME + 1)]]]],
        [[0, 0, [[0, True, "n"]]]],
        [[0, 0, [[False, 0, "n"]]]],
        [[0, 0, [[0, 0]]]],
    ],
)
def test_what_is_no_read_back(value: object) -> None:
    with pytest.raises(DecodeError) as caught:
        read_places(value)
    assert caught.value.code == "statement-malformed"
