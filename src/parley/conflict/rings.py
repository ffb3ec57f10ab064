"""Whether a ring bounds an area at all: what is malformed is refused with its reason, never mended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from parley.conflict.exact import Kind, Piece, arc_gaps, cross, sides, unit_normals
from parley.errors import DecodeError
from parley.geo.sphere import RADIUS_MIN_M, Vectors
from parley.later import later

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

WIDTH_M: Final = 0.2
"""A ring whose positions all lie this close to one great circle bounds no area: the grid of positions is as coarse."""
_WIDTH: Final = WIDTH_M / RADIUS_MIN_M
_TOUCH: Final = 1e-9
"""Radians (6 mm) within which a position lies on an edge."""
_OPPOSITE: Final = 4 - 1e-8
"""Square of the chord to a place 640 m from the opposite one: nearer to it a great circle has no sure direction."""
_WIDE: Final = math.cos(math.radians(89))
_UNDECIDED: Final = 1e-6
"""Steradians (40 square kilometres) by which both sides of a ring may differ and yet pass for equal."""


def check_edges(piece: Piece) -> None:
    """Raises DecodeError: ``area-repeated``, ``area-edge`` when an edge joins opposite places."""
    count = len(piece.vectors) - (piece.kind is Kind.PATH)
    # The cosine of a small angle is too near 1 to tell: chords do.
    chords = piece.ends[:count] - piece.vectors[:count]
    squares = np.einsum("ij,ij->i", chords, chords)
    if squares.min() < _TOUCH**2:
        which = int(np.argmin(squares)) + 1
        raise _bad("area-repeated", f"position {which} is repeated by the next one", "List each position once.")
    if squares.max() > _OPPOSITE:
        which = int(np.argmax(squares)) + 1
        raise _bad(
            "area-edge", f"edge {which} joins opposite places of the Earth", "Ask for a position between its ends."
        )


def is_wide(ring: Vectors) -> bool:
    """True when the ring does not lie within 89 degrees of its middle, so that its inside may not either."""
    middle = ring.sum(axis=0)
    length = math.sqrt(float(middle @ middle))
    return length < len(ring) * _TOUCH or bool((ring @ middle).min() < _WIDE * length)


def check_ring(piece: Piece, *, wide: bool) -> None:
    """Raises DecodeError: ``area-zero`` for a line, ``area-crossing`` for a ring that crosses or touches itself.

    ``piece`` has passed ``check_edges``. Time and memory grow with its square, for at most ``MAX_POINTS`` positions.
    """
    ring, normals = piece.vectors, piece.normals
    side = sides(normals, ring)
    if not wide:
        longest = int(np.argmin(np.einsum("ij,ij->i", ring, piece.ends)))
        if np.abs(side[longest]).max() <= _WIDTH:
            raise _bad("area-zero", "the positions lie on one line and bound no area", "Use a corridor with its width.")
    here = np.arange(len(ring))
    following = np.append(here[1:], 0)
    side[here, here] = 0.0
    side[here, following] = 0.0
    end = side[:, following]
    apart = side * end < 0
    apart &= apart.T
    apart &= end * side.T > 0
    found = np.argwhere(apart) if apart.any() else _touches(piece, side)
    if len(found):
        first, second = sorted((found[0] + 1).tolist())
        raise _bad("area-crossing", f"edges {first} and {second} cross or touch", "List the positions in their order.")


def _touches(piece: Piece, side: Vectors) -> NDArray[np.intp]:
    """Rows of edge and position where a position lies on an edge that it does not end."""
    ring, count = piece.vectors, len(piece.vectors)
    close = np.abs(side) <= _TOUCH
    if np.count_nonzero(close) == 2 * count:  # both ends of each edge
        return np.empty((0, 2), np.intp)
    edges, at = np.nonzero(close)
    others = (at != edges) & (at != (edges + 1) % count)
    edges, at = edges[others], at[others]
    points, normal = ring[at], piece.normals[edges]
    after = np.einsum("ij,ij->i", cross(normal, ring[edges]), points) >= -_TOUCH
    before = np.einsum("ij,ij->i", cross(piece.ends[edges], normal), points) >= -_TOUCH
    found: NDArray[np.intp] = np.stack([edges, at], axis=1)[after & before]
    return found


def outside_of_wide(ring: Vectors) -> Vectors:
    """A place that certainly lies outside the smaller region of a wide ring.

    Raises DecodeError ``area-undecided`` when both regions are as large.
    """
    ends = np.roll(ring, -1, axis=0)
    normals = unit_normals(ring, ends)
    before = np.roll(normals, 1, axis=0)
    turns = np.arctan2((ring * cross(before, normals)).sum(axis=1), (before * normals).sum(axis=1))
    left = (2 * math.pi - float(turns.sum())) % (4 * math.pi)
    if abs(left - 2 * math.pi) < _UNDECIDED:
        raise _bad(
            "area-undecided",
            "the ring cuts the Earth into two halves: neither is the smaller",
            "State two smaller areas.",
        )
    longest = int(np.argmin((ring * ends).sum(axis=1)))
    middle = ring[longest] + ends[longest]
    middle /= math.sqrt(float(middle @ middle))
    rest = np.arange(len(ring)) != longest
    room = float(arc_gaps(ring[rest], ends[rest], middle.reshape(1, 3)).min())
    step = min(room / 2, 0.01) * (-1 if left < 2 * math.pi else 1)
    place: Vectors = middle + step * normals[longest]
    place /= math.sqrt(float(place @ place))
    return place


def _bad(code: str, text: str, next_step: str) -> DecodeError:
    return DecodeError(f"{text}.", code=code, next_step=next_step)
