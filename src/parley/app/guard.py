"""The guard of a line: the conflict check runs by itself, and what it finds is kept and raised (R58 to R62, B1 to B5).

``look`` takes in what changed on either side since the last look: notices that came or ended against all plans, plans
that were added, changed or diverted against all notices. What clashes is kept with when it was first seen, and raised
as an alarm of the watch once. A plan within the set distance of a notified protected place is held until an officer
overrides that with a reason; an override holds for one plan as it stands and one notice, no longer. A check-fire goes
to the roles that control what is under way near it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parley.app.announced import Notice
from parley.app.clashes import Alert, Pair, Raise, conflict_data, key, over
from parley.app.conflictrules import ConflictSettings, load_conflict_settings
from parley.app.desk import desk_of
from parley.app.overdue import Overdue
from parley.app.plans import Plan, Plans, digest
from parley.app.register import Register, struck, volumes_of
from parley.app.reported import strays
from parley.app.sentences import plain, said_of
from parley.app.watchparams import with_views
from parley.conflict.check import Activity, Conflict, Controller, Degree, check, controllers
from parley.conflict.volumes import Prepared, prepare_volume
from parley.errors import DecodeError, StoreError, UsageError
from parley.ids import EntryId
from parley.procedure import watch as w
from parley.procedure.watch import Said
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Band, Point, Position, Volume

if TYPE_CHECKING:
    from parley.app.runtime import Runtime
    from parley.app.views import Views

T = TypeVar("T")
_DIRECT: Final = 50_000
"""Pairs of new notices and plans that are compared one by one; more are found through the index."""
_NAMED: Final = 8
CHECK_FIRE_CODE: Final = "check-fire"
_PLAN: Final = "plan "
"""Before the names of those areas that are no notice's."""


@dataclass(slots=True)
class _Own:
    plan: Plan
    digest: str
    activity: Activity


@dataclass(slots=True)
class _Found:
    """What one look came to.

    ``rows`` say by space what was raised, so they are written when the alarms are in the log: one too many is better
    than none.
    """

    raises: list[Raise] = field(default_factory=list)
    rows: dict[str, dict[str, dict[str, Any] | None]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


class Guard:
    """Of one running line. ``look`` and what reads its state (``ask``) run under one lock, off the loop.

    That lock is taken before the desk's, never while the desk's is held.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        line = runtime.line_home
        self.settings: ConflictSettings = load_conflict_settings(line.config)
        self.desk = desk_of(runtime)
        self.grace_s = self.settings.site_grace_days * 86_400
        self.register = Register(runtime.node.line.me, self.grace_s)
        self.index = ConflictIndex.open(line.path / "conflicts.db", line.newest_keys()[1].store_key)
        self.kept = Plans.open(line)
        self.alerts: dict[Pair, Alert] = {}
        self.faults: dict[str, Said | str] = {}
        self.fires: dict[EntryId, tuple[Controller, ...]] = {}
        """Check-fires, each with whose activities are under way near it."""
        self.told: Callable[[dict[str, Any]], None] = lambda _: None
        self.overdue = Overdue()
        self._own: dict[str, _Own] = {}
        self._lock = asyncio.Lock()
        self.rewriting = asyncio.Lock()
        """Held while own plans and tracks are read, changed and written again; taken before the guard's own."""
        self.importing = asyncio.Lock()
        """Held while a list is read, compared and sent, which may take minutes; taken before the guard's own."""
        self._loaded = False
        self._standing = False
        """Whether ``_own`` is what is kept: before the first look it is not."""
        self._seen = (-1, -1)

    def close(self) -> None:
        """Close the index and the plans."""
        with contextlib.suppress(StoreError):
            # Else it is read once more after the next start.
            self.register.settle(self.index)
        self.index.close()
        self.kept.close()

    # -- when ------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Bring everything up to date, enter the alarms, and tell of them."""
        async with self._looked():
            pass

    @contextlib.asynccontextmanager
    async def _looked(self, before: Callable[[], None] | None = None) -> AsyncIterator[None]:
        """Nothing changes within; everything is up to date, as of after ``before``. What was found is told of after."""
        events: list[dict[str, Any]] = []
        try:
            async with self._lock:
                if before is not None:
                    await asyncio.to_thread(before)
                events = await self._look_locked()
                yield
        finally:
            for event in events:
                self.told(event)

    async def _look_locked(self) -> list[dict[str, Any]]:
        # From before, so that nothing is missed that came meanwhile: at worst one look more, which finds nothing.
        seen, done = self._now_seen(), False
        try:
            found = await asyncio.to_thread(self._look)
            if found.raises:
                await self._raise(found)
            await asyncio.to_thread(self._write, found.rows)
            self.register.told()
            self._seen, done = seen, True
        finally:
            if not done:
                # What was half done is done anew, from what is kept.
                self._standing = False
                self._own, self._loaded, self._seen = {}, False, (-1, -1)
        return found.events

    async def ask(self, do: Callable[[Views], T], language: str = "", *, watch: bool = False) -> T:
        """What ``do`` finds once the check is up to date, for a reader of ``language``, off the loop.

        Nothing of it changes meanwhile.

        With ``watch``, what the watch sees is brought up to date as well.
        """
        async with self._looked():
            if watch:
                await self.desk.picture()
            return await self.desk.alone(lambda: with_views(self.runtime, do, language))

    async def begin_anew(self) -> None:
        """Forget what was read, and read the record again as it is now: contents were erased from it."""
        async with self._looked(self._forget_all):
            pass

    def _forget_all(self) -> None:
        self.index.clear()
        # What could not be understood is quoted in them.
        self.kept.write("fault", {name: None for name, _ in self.kept.rows("fault")})
        self.faults = {name: why for name, why in self.faults.items() if name.startswith(_PLAN)}
        self.register = Register(self.register.me, self.grace_s)
        self._seen = (-1, -1)

    def changed(self) -> bool:
        """Whether the record or the plans changed since the last look, or something fell due by the clock."""
        return self._now_seen() != self._seen or self.desk.now >= self.overdue.next

    def _now_seen(self) -> tuple[int, int]:
        return self.runtime.node.store.version, self.kept.version

    async def straight(self, message: str) -> None:
        """Tell whose activities a check-fire is about, whatever a look is at just now (R57, B4); no-op for all else."""
        found = await asyncio.to_thread(self._straight, message)
        # Else what was found was not held against all plans: the next look does it.
        if self._standing:
            await self._raise(found)
            for event in found.events:
                self.told(event)

    def _straight(self, message: str) -> _Found:
        views, found = self.runtime.views(), _Found()
        try:
            entry = views.find(message)
            said = views.message_of(entry)
            at = struck(said, views.filled(entry.log, said)) if said is not None else None
        finally:
            views.close()
        if at is not None:
            self._fire([(entry, at)], found)
        return found

    async def _raise(self, found: _Found) -> None:
        """Enter its alarms; of a check-fire that was told of meanwhile its events go, so that it is told of once."""
        desk = self.desk

        def enter() -> set[str]:
            fires = self._told_fires()
            for each in found.raises:
                if each.code != CHECK_FIRE_CODE or each.message not in fires:
                    desk.log.enter(w.Alerted(each.message, each.code, each.role, each.detail, desk.now))
            return {desk.name(entry) for entry in fires}

        told = await desk.alone(enter)
        found.events = [e for e in found.events if e["code"] != CHECK_FIRE_CODE or e["message"] not in told]

    def _write(self, rows: dict[str, dict[str, dict[str, Any] | None]]) -> None:
        for space, changes in rows.items():
            self.kept.write(space, changes)

    def _look(self) -> _Found:
        kept, found = self.kept, _Found()
        views = self.runtime.views()
        try:
            if not self._loaded:
                self._load(kept)
            news = self.register.read_on(views, self.index)
            if news.faults:
                self.faults |= news.faults
                kept.write("fault", {name: plain(why) for name, why in news.faults.items()})
            plans = [*kept, *(t.plan() for t in kept.tracks() if t.fixes)]
            changed, removed = self._take_plans(plans)
            before = dict(self.alerts)
            stale, known = removed | changed, self.register.notices
            # A notice is known no more when it ended, and when its content was erased.
            self._forget(lambda pair: pair[0] in stale or pair[1].rpartition("/")[0] not in known)
            self._keep(before, self._find(views, changed, news.added), found)
            self._fire(news.fires, found)
            for said, event in strays(self, views, news.reports):
                found.raises.append(said)
                found.events.append(event)
            for each, event in self.overdue.look(self, views, found.rows):
                found.raises.append(each)
                found.events.append(event)
        finally:
            views.close()
        return found

    def _load(self, kept: Plans) -> None:
        self.alerts = {}
        for name, row in kept.rows("alert"):
            plan, _, notice = name.partition("\0")
            self.alerts[plan, notice] = Alert(
                (plan, notice), row["data"], Degree(row["degree"]), row["first_seen"], row["raised"], row["override"]
            )
        self.faults = {name: row.get("why") or said_of(row) for name, row in kept.rows("fault")}
        self._loaded = True

    def _take_plans(self, plans: Iterable[Plan]) -> tuple[set[str], set[str]]:
        """The ids of plans that are new or changed, and of those that are gone."""
        now: dict[str, _Own] = {}
        changed: set[str] = set()
        for plan in plans:
            before, mark = self._own.get(plan.id), digest(plan)
            if before is not None and before.digest == mark:
                now[plan.id] = before
                continue
            try:
                prepared = prepare_volume(plan.volume)
            except DecodeError as error:
                self.faults[f"{_PLAN}{plan.id}/area"] = Said("plan-fault", {"why": error.message})
                continue
            activity = Activity(plan.id, plan.kind, prepared, own=True, protected=plan.protected, role=plan.role)
            now[plan.id] = _Own(plan, mark, activity)
            changed.add(plan.id)
        removed = ({p for p, _ in self.alerts} | set(self._own)) - set(now)
        self._own, self._standing = now, True
        return changed, removed

    def _forget(self, gone: Callable[[Pair], bool]) -> None:
        self.alerts = {pair: alert for pair, alert in self.alerts.items() if not gone(pair)}

    # -- finding ---------------------------------------------------------------------------------------

    def _find(
        self, views: Views, changed: set[str], added: Iterable[str]
    ) -> Iterator[tuple[Pair, Conflict, dict[str, Any]]]:
        """The conflicts of changed plans with all that is announced, and of all plans with what was added."""
        new = list(added)
        cache: dict[str, dict[str, Prepared]] = {}
        others = [own for own in self._own.values() if own.plan.id not in changed]
        wanted: dict[Pair, None] = {}
        for id_ in changed:
            own = self._own[id_]
            names = self.index.query(own.activity.prepared, self.settings.rules.widest())
            wanted |= {(id_, name): None for name in names}
        if new and others:
            if len(new) * len(others) <= _DIRECT:
                wanted |= {(own.plan.id, name): None for name in new for own in others}
            else:
                fresh = set(new)
                for own in others:
                    names = self.index.query(own.activity.prepared, self.settings.rules.widest())
                    wanted |= {(own.plan.id, name): None for name in names if name in fresh}
        for id_, name in wanted:
            notice = self.register.notices.get(name.rpartition("/")[0])
            if notice is None:
                continue
            prepared = self._prepared(views, notice, cache).get(name)
            if prepared is None:
                continue
            own = self._own[id_]
            theirs = Activity(name, notice.kind, prepared, own=False, protected=notice.protected)
            conflict = check(own.activity, theirs, self.settings.rules)
            if conflict is not None:
                yield (id_, name), conflict, conflict_data(own.plan, notice, name, conflict, self._code(notice))

    def _prepared(self, views: Views, notice: Notice, cache: dict[str, dict[str, Prepared]]) -> dict[str, Prepared]:
        if notice.id not in cache:
            found = {}
            for label, volume in volumes_of(views, notice, self.grace_s).items():
                try:
                    found[f"{notice.id}/{label}"] = prepare_volume(volume)
                except DecodeError:
                    continue
            cache[notice.id] = found
        return cache[notice.id]

    def _code(self, notice: Notice) -> str:
        return self.runtime.node.line.membership.member(notice.author).code

    def _keep(
        self, before: dict[Pair, Alert], rows: Iterable[tuple[Pair, Conflict, dict[str, Any]]], found: _Found
    ) -> None:
        now = self.desk.now
        for pair, conflict, data in rows:
            alert = Alert(pair, data, conflict.degree, now)
            earlier = before.get(pair)
            if earlier is not None:
                alert.first_seen, alert.override = earlier.first_seen, earlier.override
                alert.raised = earlier.raised and earlier.degree >= alert.degree
                if alert.override and alert.override["plan"] != self._own[pair[0]].digest:
                    alert.override = None
                    alert.raised = False
            self.alerts[pair] = alert
        self._raises(now, found)
        changes: dict[str, dict[str, Any] | None] = {key(pair): None for pair in before if pair not in self.alerts}
        for pair, alert in self.alerts.items():
            if before.get(pair) is not alert:
                changes[key(pair)] = alert.row()
        found.rows["alert"] = changes

    def _raises(self, now: int, found: _Found) -> None:
        """One alarm for each message, degree and role, whatever the number of plans."""
        groups: dict[tuple[str, str, str], list[Alert]] = {}
        for alert in self.alerts.values():
            if not alert.raised and not over(alert, now):
                alert.raised = True
                data = alert.data
                groups.setdefault((data["message"], data["degree"], data["role"]), []).append(alert)
        for (message, degree, role), alerts in groups.items():
            names = tuple(a.data["plan_name"] for a in alerts[:_NAMED])
            more = len(alerts) - len(names)
            said = Said("conflict-more" if more else "conflict", {"degree": degree, "plans": names, "more": more})
            entry = self.register.notices[message].entry
            found.raises.append(Raise(entry, "conflict", role, said))
            found.events.append(
                {
                    "event": "watch",
                    "code": "conflict",
                    "message": message,
                    "stage": degree,
                    "role": role,
                    "plans": [a.data["plan"] for a in alerts],
                }
            )

    # -- check-fire and strays -------------------------------------------------------------------------

    def controllers(self, at: Position) -> tuple[Controller, ...]:
        """Whose activities are under way near a place now."""
        call = prepare_volume(Volume((Point(at),), Band(), ()))
        own = [o.activity for o in self._own.values() if not o.plan.protected]
        settings = self.settings
        return controllers(
            call,
            self.desk.now,
            own,
            range_m=settings.check_fire_range_m,
            grace_s=settings.check_fire_grace_s,
        )

    def _told_fires(self) -> set[EntryId]:
        """Check-fires that the watch's log has."""
        return {f.message for f in self.desk.log.facts if isinstance(f, w.Alerted) and f.code == CHECK_FIRE_CODE}

    def _fire(self, fires: Iterable[tuple[EntryId, Position]], found: _Found) -> None:
        desk, known = self.desk, self._told_fires()
        for entry, at in fires:
            who = self.controllers(at)
            self.fires[entry] = who
            if entry in known:
                continue
            told: dict[str, list[Controller]] = {}
            for each in who:
                told.setdefault(each.role or "watch", []).append(each)
            for role, near in (told or {"watch": []}).items():
                names = tuple(c.activity for c in near[:_NAMED])
                metres = tuple(str(round(c.metres)) for c in near[:_NAMED])
                said = Said("under-way", {"activities": names, "metres": metres})
                found.raises.append(Raise(entry, CHECK_FIRE_CODE, role, said))
                found.events.append(
                    {
                        "event": "watch",
                        "code": CHECK_FIRE_CODE,
                        "message": desk.name(entry),
                        "role": role,
                        "plans": [c.activity for c in near],
                    }
                )

    # -- holding ---------------------------------------------------------------------------------------

    def holding(self, plan: str) -> list[Alert]:
        """The blocking alerts that a plan is held for: not over, and not overridden for the plan as it stands."""
        own = self._own.get(plan)
        if own is None or own.plan.protected:
            return []
        now = self.desk.now
        return [
            alert
            for (id_, _), alert in self.alerts.items()
            if id_ == plan
            and alert.degree is Degree.BLOCKING
            and not over(alert, now)
            and (alert.override is None or alert.override["plan"] != own.digest)
        ]

    async def override(self, plan: str, notice: str, officer: str, reason: str) -> list[Alert]:
        """Let a plan go on in spite of what holds it: of one notice, or of all with an empty ``notice``; logged.

        Raises UsageError ``plan-not-held``.
        """
        desk = self.desk
        async with self._lock:
            held = [a for a in self.holding(plan) if notice in ("", a.data["notice"], a.data["message"])]
            if not held:
                raise UsageError(
                    f"nothing holds the plan {plan!r}" + (f" for {notice}." if notice else "."), code="plan-not-held"
                )

            def enter() -> None:
                for alert in held:
                    values = {"notice": alert.data["notice"], "plan": plan, "reason": reason}
                    desk.log.enter(w.Noted(officer, Said("plan-overridden", values), desk.now))
                    alert.override = {
                        "officer": officer,
                        "reason": reason,
                        "time": desk.now,
                        "plan": self._own[plan].digest,
                    }
                self.kept.write("alert", {key(a.pair): a.row() for a in held})

            await desk.alone(enter)
            return held

    def plans(self) -> list[Plan]:
        """One's own plans and tracks, as of the last look."""
        return [own.plan for own in self._own.values()]


def guard_of(runtime: Runtime) -> Guard:
    """The guard of a running line; made when it is first asked for."""
    if runtime.guard is None:
        runtime.guard = Guard(runtime)
    return runtime.guard
