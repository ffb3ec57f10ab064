"""A notice that repeats is told once in its window, then as a number."""

from __future__ import annotations

from typing import Any

from parley.app.repeats import WINDOW_S, Repeats


def test_what_repeats_is_counted_and_what_differs_is_told() -> None:
    told: list[dict[str, Any]] = []
    now = [0.0]
    repeats = Repeats(told.append, lambda: now[0])
    for _ in range(1000):
        repeats({"event": "notice", "code": "seal-invalid", "text": "no", "peer": ""})
    repeats({"event": "notice", "code": "seal-invalid", "text": "no", "peer": "south"})
    repeats({"event": "notice", "code": "bearer-down", "text": "t: gone"})
    repeats({"event": "arrived", "from": "south"})
    repeats({"event": "arrived", "from": "south"})
    assert [t.get("code", t["event"]) for t in told] == [
        "seal-invalid", "seal-invalid", "bearer-down", "arrived", "arrived",
    ]  # fmt: skip
    now[0] = WINDOW_S
    repeats({"event": "notice", "code": "seal-invalid", "text": "no", "peer": ""})
    assert told[-1]["more"] == 999
    now[0] = 3 * WINDOW_S
    repeats({"event": "notice", "code": "seal-invalid", "text": "no", "peer": ""})
    assert "more" not in told[-1]
    for n in range(1000):
        repeats({"event": "notice", "code": f"c{n}", "text": "x"})
    assert len(repeats._seen) <= 256
