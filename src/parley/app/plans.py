"""A party's own plans, places and tracks, and what was found and done about them: never sent.

Kept beside the record, encrypted under the same key, in one file with a space for each sort of row: ``plan``,
``track``, ``alert`` (what clashed, with who overrode it and why), ``call`` (attempts to reach a convoy), ``site`` and
``movement`` (one's own lists of them), ``site-told`` and ``movement-told`` (what of them the line knows), ``raised``
(alarms by the clock), ``fault`` (areas of notices that the check cannot use).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from parley.app.home import LineHome
from parley.conflict.volumes import prepare_volume
from parley.errors import DecodeError, StoreCorrupt, UsageError
from parley.geo.coordinates import format_position
from parley.notices.places import PlaceDraft
from parley.protocol.rows import Change
from parley.stores.sqlite import SqliteStore
from parley.wire import cbor, geometry
from parley.wire.geometry import Circle, Corridor, Point, Polygon, Position, Volume, Window

_SPACE: Final = "plan"
_LIMIT: Final = 1 << 20
_TOLD: Final = 80
"""Characters of a name that an error quotes."""
TRACK_KIND: Final = "track"
"""The class of activity that a track of interest is to the check."""


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


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a track was at ``at`` (POSIX seconds), to ``radius_m`` metres."""

    at: int
    where: Position
    radius_m: int


@dataclass(frozen=True, slots=True)
class Track:
    """Something that this side follows: its newest fix is held against all that was notified, until ``until`` (B5)."""

    id: str
    name: str
    role: str
    until: int
    fixes: tuple[Fix, ...]
    note: str = ""

    def plan(self) -> Plan:
        """The activity that the check takes it for: it may strike where it is, from its newest fix on."""
        last = self.fixes[-1]
        volume = Volume((Circle(last.where, max(1, last.radius_m)),), geometry.Band(), (Window(last.at, self.until),))
        return Plan(f"{TRACK_KIND}:{self.id}", self.name, TRACK_KIND, self.role, volume)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "until": self.until,
            "note": self.note,
            "fixes": [
                {
                    "time": f.at,
                    "where": format_position(f.where),
                    "lat": f.where.lat,
                    "lon": f.where.lon,
                    "radius_m": f.radius_m,
                }
                for f in self.fixes
            ],
        }


def read_track(data: dict[str, Any]) -> Track:
    """The track that ``as_json`` wrote."""
    fixes = tuple(Fix(f["time"], Position(f["lat"], f["lon"]), f["radius_m"]) for f in data["fixes"])
    return Track(data["id"], data["name"], data["role"], data["until"], fixes, data["note"])


def first_position(shape: geometry.Shape) -> Position:
    """A position that stands for the shape in a list."""
    return positions_of(shape)[0]


def positions_of(shape: geometry.Shape) -> tuple[Position, ...]:
    """The positions that state the shape."""
    match shape:
        case Point(at) | Circle(at, _):
            return (at,)
        case Polygon(places, _) | Corridor(places, _, _):
            return places


def slug(name: str) -> str:
    """The id of what is called ``name``. Raises UsageError ``plan-name``."""
    found = re.sub(r"[^\w]+", "-", name.lower()).strip("-")
    if not found:
        raise UsageError(f"{name!r} is no name for a plan.", code="plan-name")
    return found


def plan_of(draft: PlaceDraft) -> Plan:
    """The plan that a file or command states; its id is its name in small letters and dashes."""
    return Plan(slug(draft.name), draft.name, draft.kind, draft.role, draft.volume, draft.protected)


class Plans:
    """All of them, of one line, for as long as its node runs. Any thread may use it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._lock = threading.Lock()

    @classmethod
    def open(cls, line: LineHome) -> Plans:
        """The line's plans, made when there are none. Raises KeyUnavailable, StoreError."""
        path = line.path / "plans.db"
        key = line.newest_keys()[1].store_key
        return cls(SqliteStore.open(path, key) if path.exists() else SqliteStore.create(path, key))

    def close(self) -> None:
        """Close its store."""
        self._store.close()

    @property
    def version(self) -> int:
        """Another one after each change."""
        return self._store.version

    def __iter__(self) -> Iterator[Plan]:
        for key, value in self._store.scan(_SPACE):
            yield decode_plan(key, value)

    def put(self, plans: Iterable[Plan]) -> tuple[int, int]:
        """Keep plans, in place of those of the same id; how many are new and how many changed. All or none."""
        changes, new, changed = [], 0, 0
        with self._lock:
            for plan in plans:
                check_plan(plan)
                key, value = plan.id.encode(), encode_plan(plan)
                before = self._store.get(_SPACE, key)
                new += before is None
                changed += before is not None and before != value
                changes.append(Change(_SPACE, key, value))
            self._store.commit(self._store.version, changes)
        return new, changed

    def get(self, id_: str) -> Plan:
        """One of them. Raises UsageError ``plan-unknown``."""
        value = self._store.get(_SPACE, id_.encode())
        if value is None:
            raise UsageError(
                f"there is no plan {id_!r} here.", code="plan-unknown", next_step="See 'parley plans list'."
            )
        return decode_plan(id_.encode(), value)

    def tracks(self) -> list[Track]:
        """All tracks of interest."""
        return [read_track(data) for _, data in self.rows("track")]

    def rows(self, space: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of a space that is no plan's, by key."""
        for key, value in self._store.scan(space):
            try:
                yield key.decode(), json.loads(value)
            except ValueError as error:
                raise StoreCorrupt(f"the row {key!r} of {space} cannot be read: {error}") from error

    def row(self, space: str, key: str) -> dict[str, Any] | None:
        """One row of a space that is no plan's."""
        value = self._store.get(space, key.encode())
        return None if value is None else dict(json.loads(value))

    def write(self, space: str, rows: Mapping[str, dict[str, Any] | None]) -> None:
        """Put rows in a space that is no plan's, None to take one out; durable on return."""
        changes = [
            Change(space, key.encode(), None if data is None else json.dumps(data, ensure_ascii=False).encode())
            for key, data in rows.items()
        ]
        if changes:
            with self._lock:
                self._store.commit(self._store.version, changes)

    def remove(self, id_: str) -> None:
        """Forget one. Raises UsageError ``plan-unknown``."""
        self.get(id_)
        with self._lock:
            self._store.commit(self._store.version, [Change(_SPACE, id_.encode(), None)])


def check_plan(plan: Plan) -> None:
    """Refuse a plan that the check could not use, with the reason. Raises UsageError with the code of the reason."""
    try:
        prepare_volume(plan.volume)
        # What could be kept and not read again would end every check from then on.
        geometry.decode_volume(geometry.encode_volume(plan.volume))
        cbor.decode(encode_plan(plan), limit=_LIMIT)
    except DecodeError as error:
        raise UsageError(
            f"{plan.name[:_TOLD]}: {error.message}",
            code=error.code,
            next_step="Correct its positions, heights or times; a plan that holds always has no times.",
        ) from error


def digest(plan: Plan) -> str:
    """Changes with anything about a plan that bears on the check: an override holds for one."""
    return sha256(encode_plan(plan)).hexdigest()[:32]


def encode_plan(plan: Plan) -> bytes:
    """A plan as it is kept under its id. Raises UsageError where it cannot be."""
    return cbor.encode([plan.name, plan.kind, plan.role, geometry.encode_volume(plan.volume), plan.protected])


def decode_plan(key: bytes, value: bytes) -> Plan:
    """The plan that ``encode_plan`` wrote. Raises StoreCorrupt."""
    try:
        name, kind, role, volume, protected = cbor.decode(value, limit=_LIMIT)
        return Plan(key.decode(), name, kind, role, geometry.decode_volume(volume), protected)
    except (DecodeError, ValueError, TypeError) as error:
        raise StoreCorrupt(f"the plan {key!r} cannot be read: {error}") from error
