"""A party's own plans and places: kept beside the record, encrypted under the same key, and never sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from parley.app.home import LineHome
from parley.errors import DecodeError, StoreCorrupt, UsageError
from parley.geo.coordinates import format_position
from parley.notices.places import PlaceDraft
from parley.protocol.rows import Change
from parley.stores.sqlite import SqliteStore
from parley.wire import cbor, geometry
from parley.wire.geometry import Circle, Corridor, Point, Polygon, Position, Volume

_SPACE: Final = "plan"
_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """One activity or place of one's own. ``id`` is made from its name."""

    id: str
    name: str
    kind: str
    role: str
    volume: Volume
    protected: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "role": self.role,
            "protected": self.protected,
            "where": [format_position(first_position(s)) for s in self.volume.shapes],
            "windows": [[w.start, w.end] for w in self.volume.windows()],
        }


def first_position(shape: geometry.Shape) -> Position:
    """A position that stands for the shape in a list."""
    match shape:
        case Point(at) | Circle(at, _):
            return at
        case Polygon(places, _) | Corridor(places, _, _):
            return places[0]


def plan_of(draft: PlaceDraft) -> Plan:
    """The plan that a file or command states; its id is its name in small letters and dashes."""
    slug = re.sub(r"[^\w]+", "-", draft.name.lower()).strip("-")
    if not slug:
        raise UsageError(f"{draft.name!r} is no name for a plan.", code="plan-name")
    return Plan(slug, draft.name, draft.kind, draft.role, draft.volume, draft.protected)


class Plans:
    """All of them, of one line."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __iter__(self) -> Iterator[Plan]:
        for key, value in self._store.scan(_SPACE):
            yield _decode(key, value)

    def put(self, plans: Iterable[Plan]) -> tuple[int, int]:
        """Keep plans, in place of those of the same id; how many are new and how many changed. All or none."""
        changes, new, changed = [], 0, 0
        for plan in plans:
            key, value = plan.id.encode(), _encode(plan)
            before = self._store.get(_SPACE, key)
            new += before is None
            changed += before is not None and before != value
            changes.append(Change(_SPACE, key, value))
        self._store.commit(self._store.version, changes)
        return new, changed

    def remove(self, id_: str) -> None:
        """Forget one. Raises UsageError ``plan-unknown``."""
        if self._store.get(_SPACE, id_.encode()) is None:
            raise UsageError(
                f"there is no plan {id_!r} here.", code="plan-unknown", next_step="See 'parley plans list'."
            )
        self._store.commit(self._store.version, [Change(_SPACE, id_.encode(), None)])


@contextmanager
def open_plans(line: LineHome) -> Iterator[Plans]:
    """The line's plans, for as long as the block lasts. Raises KeyUnavailable, StoreError."""
    path = line.path / "plans.db"
    key = line.newest_keys()[1].store_key
    store = SqliteStore.open(path, key) if path.exists() else SqliteStore.create(path, key)
    try:
        yield Plans(store)
    finally:
        store.close()


def _encode(plan: Plan) -> bytes:
    return cbor.encode([plan.name, plan.kind, plan.role, geometry.encode_volume(plan.volume), plan.protected])


def _decode(key: bytes, value: bytes) -> Plan:
    try:
        name, kind, role, volume, protected = cbor.decode(value, limit=_LIMIT)
        return Plan(key.decode(), name, kind, role, geometry.decode_volume(volume), protected)
    except (DecodeError, ValueError, TypeError) as error:
        raise StoreCorrupt(f"the plan {key!r} cannot be read: {error}") from error
