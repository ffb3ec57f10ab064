"""What people enter wrongly about a hospital that lies in Kunduz, and how a node must ask about it (R67)."""

from __future__ import annotations

import time
from typing import Any, Final

from parley.forms.geotext import write_window
from parley.wire.geometry import Window

PLACE: Final = "36-43.08N 068-51.73E"
"""Where something known lies."""
_SITE: Final[dict[str, Any]] = {
    "stage": "new",
    "site-id": "MED-1",
    "organisation": "Relief",
    "name": "Trauma centre",
    "function": "hospital",
    "position": PLACE,
    "contacts": ["Duty desk +00 555 0100"],
}
"""What is right, but for ``valid``."""
SLIPS: Final[tuple[tuple[dict[str, Any], str, str], ...]] = (
    ({"position": "68.862211, 36.718031"}, "place-exchanged", "latitude and longitude are swapped"),
    ({"position": "36.718031, -68.862211"}, "place-other-side", "the longitude has a minus, or W, that is wrong"),
    ({"position": "-36.718031, 68.862211"}, "place-other-side", "the latitude has a minus, or S, that is wrong"),
    ({"position": "36.4308, 68.5173"}, "place-minutes", "degrees and minutes were read as decimal degrees"),
    ({"position": "40-00N 170-00W"}, "place-sea", "lies at sea"),
    ({"footprint": {"circle": PLACE, "radius": "100 m", "upper": "35000 m"}}, "height-feet", "was it 35000 ft?"),
)
"""Each with the code of the question, and what it says."""


def site(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - the values of a form
    """The values of a notified site that is valid now."""
    now = int(time.time())
    return {**_SITE, "valid": write_window(Window(now - 86_400, now + 60 * 86_400)), **more}
