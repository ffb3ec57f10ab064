"""What the other parties announced and what of it is in force, read on from the record (R58, R63, R70).

Only names and small facts are kept in memory; volumes lie in the index of the conflict check, and are read from the
record again when one of them is near. A notice goes when its author cancels or replaces it; nobody else can end it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from parley.app import registerrows as kept
from parley.app.announced import Notice, Report
from parley.app.readback import Named
from parley.app.views import Views
from parley.conflict.volumes import Prepared, prepare_volume
from parley.errors import DecodeError
from parley.forms.filled import Filled
from parley.ids import EntryId, MemberNumber
from parley.notices.notice import read_notice
from parley.procedure.watch import Said
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Band, Circle, Height, Point, Position, Volume, Window
from parley.wire.statement import WATCH_FORMS, Message, Relation, Statement

SITE: Final = "H1"
MOVEMENT: Final = "H2"
REPORT: Final = "H4"
CHECK_FIRE: Final = "X1"
_SORTS: Final = {SITE: "site", MOVEMENT: "movement", REPORT: "report"}
_OVER: Final = frozenset({"ended", "cancelled", "completed"})
"""Stages that end a site or a movement."""
_REPLACES: Final = frozenset({Relation.CANCELS, Relation.SUPERSEDES, Relation.CORRECTS})
_REPORT_M: Final = 1_000
"""Metres around a reported position that its movement may be in."""
_REPORT_BEFORE_S: Final = 900
_REPORT_AFTER_S: Final = 3_600
"""How long a reported position holds."""
_REPORTS: Final = 200
"""Reports that are kept of one movement."""
_FAULT: Final = 400
_MARK_EVERY: Final = 1_000
"""Entries without an area that are read before the index is told how far its reader has come: each telling is a
commit, and what was not told is read once more after a crash."""


@dataclass(slots=True)
class Stated:
    """What a message says that bears on the check, from its form or from its text."""

    number: str = ""
    subject: str = ""
    volumes: list[tuple[str, Volume]] = field(default_factory=list)
    cancels: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()


def stated(message: Message, filled: Filled | None, sent: int, grace_s: int = 0) -> Stated:
    """The areas of a message. Of a site whose validity is over, ``grace_s`` seconds more are held against a plan."""
    if filled is not None:
        return from_form(filled, grace_s)
    return _from_text(message, sent)


def struck(message: Message, filled: Filled | None) -> Position | None:
    """The place that a check-fire says is struck; None for any other message."""
    return filled.values.get("position") if message.form == CHECK_FIRE and filled is not None else None


def _from_text(message: Message, sent: int) -> Stated:
    try:
        draft = read_notice(
            message.body if isinstance(message.body, str) else "", datetime.fromtimestamp(sent, UTC).date()
        )
    except (DecodeError, ValueError, OverflowError):
        return Stated()
    volumes = [(part.label or str(n), part.volume) for n, part in enumerate(draft.parts, 1)]
    words = tuple(span.text for span in draft.not_understood)
    return Stated(draft.name, draft.subject, volumes, draft.cancels, words)


def from_form(filled: Filled, grace_s: int = 0) -> Stated:
    """What a filled form states."""
    form, values = filled.form, filled.values
    found = Stated(
        f"{values.get('series', '')} {values.get('number', '')}".strip(),
        str(values.get("subject", values.get("designation", values.get("name", form.title)))),
        cancels=tuple(values.get("cancels", ())),
        not_understood=tuple(values.get("not-understood", ())),
    )
    if values.get("stage") in _OVER:
        return found
    ends = int(values.get("self-cancels", 0))
    times = _valid(values, grace_s)
    for spec in form.fields:
        if spec.type == "area" and spec.name in values:
            given = values[spec.name] if spec.repeat > 1 else (values[spec.name],)
            for n, volume in enumerate(given, 1):
                limited = Volume(volume.shapes, volume.band, times) if not volume.times and times else volume
                if not limited.times and ends > 0:
                    limited = Volume(volume.shapes, volume.band, (Window(0, ends),))
                found.volumes.append((f"{spec.name}-{n}", limited))
    if form.id == SITE and "position" in values:
        found.volumes.append(("position", Volume((Point(values["position"]),), Band(), times)))
    if form.id == REPORT and {"position", "time"} <= set(values):
        at = int(values["time"])
        found.subject = f"{values.get('movement-id', '')}, reported position"
        lasts = (Window(at - _REPORT_BEFORE_S, at + _REPORT_AFTER_S),)
        found.volumes.append(("position", Volume((Circle(values["position"], _REPORT_M),), Band(), lasts)))
    return found


def _valid(values: Mapping[str, Any], grace_s: int) -> tuple[Window, ...]:
    valid = values.get("valid")
    return (Window(valid.start, valid.end + grace_s),) if isinstance(valid, Window) else ()


def notice_of(views: Views, entry: EntryId, said: Statement, filled: Filled | None) -> Notice:
    """The small facts of a message."""
    message = said.content
    form = message.form if isinstance(message, Message) else ""
    values: Mapping[str, Any] = filled.values if filled is not None else {}
    found = Notice(views.name_of(entry), entry, entry.log.member, said.time, _SORTS.get(form, "notice"))
    found.protected = form in _SORTS
    found.ref = str(values.get("site-id", values.get("movement-id", "")))
    found.kind = str(values.get("function", values.get("purpose", values.get("hazard", form))))
    found.position = values.get("position")
    valid = values.get("valid")
    found.valid = valid if isinstance(valid, Window) else None
    found.confirmed = int(values.get("confirmed-on", 0)) or (said.time if form == SITE else 0)
    found.convoy = tuple(values.get("in-charge", values.get("contacts", ())))
    found.headquarters = tuple(values.get("headquarters", ()))
    return found


@dataclass(slots=True)
class News:
    """What a reading brought."""

    added: dict[str, None] = field(default_factory=dict)
    """Names of areas that are in force since."""
    gone: set[str] = field(default_factory=set)
    fires: list[tuple[EntryId, Position]] = field(default_factory=list)
    """Check-fires that came."""
    reports: list[Notice] = field(default_factory=list)
    faults: dict[str, Said] = field(default_factory=dict)
    """Areas that could not be used, by name, with the reason."""


def numbers_of(notice: Notice) -> set[str]:
    """What its author may cancel it by: its number, with its series and without."""
    return {notice.number, notice.number.rpartition(" ")[2]} - {""}


class Register:
    """Of one line."""

    def __init__(self, me: MemberNumber, grace_s: int) -> None:
        self.me = me
        self._grace_s = grace_s
        self.place = 0
        self.notices: dict[str, Notice] = {}
        self.reports: defaultdict[tuple[int, str], list[Report]] = defaultdict(list)
        self._current: dict[tuple[str, int, str], str] = {}
        self._numbers: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self._ended: set[tuple[int, str]] = set()
        """Numbers that their author cancelled before they came."""
        self._last: EntryId | None = None
        """The entry that was read last."""
        self._news = News()
        """What nobody was told of yet."""
        self._ready: dict[str, Prepared] = {}
        """Areas that are not with the index yet."""
        self._changed: dict[str, bytes | None] = {}
        """Facts that are not with the index yet."""
        self._begun = False
        self._anew = False
        """Whether all is being read anew, and not to its end yet."""

    def _begin(self, views: Views, index: ConflictIndex) -> None:
        """Take up what was read before, unless it cannot be read, or the record is another since: put back, say."""
        mark, facts = int.from_bytes(index.mark, "big"), dict(index.facts())
        held = next(iter(views.arrivals(mark - 1)), None) if mark else None
        same = held is not None and held[0] == mark - 1 and facts.pop(kept.AT, b"") == kept.encode_at(held[1])
        found = kept.decode_facts(facts) if same else None
        if found is None:
            if mark:
                index.clear()
        else:
            notices, reports, self._ended = found
            self.reports.update(reports)
            for notice in sorted(notices, key=lambda n: n.place):
                self._hold(notice)
                if notice.sort != "notice" and notice.ref:
                    self._current[notice.key] = notice.id
            self.place, self._last = mark, held[1] if held is not None else None
        self._begun, self._anew = True, not self.place

    def told(self) -> None:
        """What the last reading brought was told of."""
        self._news = News()

    def settle(self, index: ConflictIndex) -> None:
        """Let the index know how far the reading has come; not where that would lose news that nobody was told of."""
        if self._last is not None and self._news == News():
            self._keep(index)

    def _keep(self, index: ConflictIndex) -> None:
        at = kept.encode_at(self._last) if self._last is not None else None
        facts = {**self._changed, kept.AT: at}
        mark = self.place.to_bytes(8, "big")
        index.load(self._ready.items(), mark, gone=list(self._news.gone), facts=facts)
        self._ready, self._changed = {}, {}

    def read_on(self, views: Views, index: ConflictIndex) -> News:
        """Take in what came since, and keep the index with it; what came of it that nobody was ``told`` of yet.

        Where all is read anew, the reports in it are no news: they were told of when they came.
        """
        if not self._begun:
            self._begin(views, index)
        mark = int.from_bytes(index.mark, "big")
        news = self._news
        for place, entry in views.arrivals(self.place):
            said = views.said(views.stored(entry))
            if said is not None and self._concerns(views, entry, said):
                self._take(views, entry, said, place)
            # Not before: what could not be read is read again.
            self.place, self._last = place + 1, entry
        if self._anew:
            news.reports.clear()
            self._anew = False
        for name in news.gone:
            self._ready.pop(name, None)
            news.added.pop(name, None)
        if self._changed or self._ready or self.place - mark >= _MARK_EVERY:
            self._keep(index)
        return news

    def _concerns(self, views: Views, entry: EntryId, said: Statement) -> bool:
        """Whether it is a message, other than of the watch, from here or to here."""
        if not isinstance(said.content, Message) or said.content.form.startswith(WATCH_FORMS):
            return False
        return entry.log.member == self.me or self.me in views.recipients(entry.log, said.to)

    def _take(self, views: Views, entry: EntryId, said: Statement, place: int) -> None:
        message, news = said.content, self._news
        if not isinstance(message, Message):
            return
        # The last read of the store: one that fails has changed nothing here.
        filled = views.filled(entry.log, message)
        found = notice_of(views, entry, said, filled)
        found.place, found.mine = place, found.author == self.me
        what = stated(message, filled, said.time, self._grace_s)
        found.number, found.subject = what.number, what.subject
        at = struck(message, filled)
        if at is not None and not found.mine:
            news.fires.append((entry, at))
        self._end_others(views, found, message, what, news)
        if filled is not None and filled.values.get("stage") in _OVER:
            self._current.pop(found.key, None)
            return
        if found.sort == "report" and filled is not None:
            self._report(found, filled, None if found.mine else news)
        if any((found.author, n) in self._ended for n in numbers_of(found)):
            return
        for n, words in enumerate(() if found.mine else what.not_understood):
            news.faults[f"{found.id}/words-{n}"] = Said("not-understood", {"words": words[:_FAULT]})
        self._put(found, what)

    def _end_others(self, views: Views, found: Notice, message: Message, what: Stated, news: News) -> None:
        """What this message of its author ends: what it cites, cancels by number, or is a newer word about."""
        for ref in message.refs:
            if ref.relation in _REPLACES and ref.entry.log.member == found.author:
                self._end(views.name_of(ref.entry), news)
        for number in what.cancels:
            self._ended.add((found.author, number))
            self._changed[kept.encode_ended(found.author, number)] = b""
            for id_ in list(self._numbers.get((found.author, number), ())):
                self._end(id_, news)
        if found.sort != "notice" and found.ref:
            before = self._current.get(found.key)
            if before is not None:
                self._end(before, news)
            self._current[found.key] = found.id

    def _put(self, found: Notice, what: Stated) -> None:
        labels = []
        for label, volume in what.volumes:
            name = f"{found.id}/{label}"
            if not found.mine:
                try:
                    self._ready[name] = prepare_volume(volume)
                except DecodeError as error:
                    self._news.faults[name] = Said("area-fault", {"label": label, "why": error.message})
                    continue
                self._news.added[name] = None
            labels.append(label)
        if labels:
            found.labels = tuple(labels)
            self._hold(found)
            self._changed[kept.NOTICE + found.id] = kept.encode_notice(found)

    def _hold(self, found: Notice) -> None:
        self.notices[found.id] = found
        for number in numbers_of(found):
            self._numbers[found.author, number].add(found.id)

    def _report(self, found: Notice, filled: Filled, news: News | None) -> None:
        values = filled.values
        if found.position is None or "time" not in values:
            return
        made = Report(
            int(values["time"]),
            found.position,
            str(values.get("state", "")),
            found.id,
            str(values.get("next", "")),
            int(values.get("expected", 0)),
        )
        reports = self.reports[found.author, found.ref]
        reports.append(made)
        reports.sort(key=lambda r: r.at)
        del reports[:-_REPORTS]
        name, value = kept.encode_reports(found.author, found.ref, reports)
        self._changed[name] = value
        if news is not None:
            news.reports.append(found)

    def _end(self, id_: str, news: News) -> None:
        found = self.notices.pop(id_, None)
        if found is None:
            return
        news.gone |= {f"{id_}/{label}" for label in found.labels}
        self._changed[kept.NOTICE + id_] = None
        for number in numbers_of(found):
            self._numbers[found.author, number].discard(id_)
        if self._current.get(found.key) == id_:
            del self._current[found.key]

    def of_sort(self, sort: str) -> Iterator[Notice]:
        """Those in force of one sort, in the order of their arrival."""
        return (n for n in self.notices.values() if n.sort == sort)

    def movement(self, author: MemberNumber, ref: str) -> Notice | None:
        """The movement in force that a party calls ``ref``."""
        return self.notices.get(self._current.get(("movement", author, ref), ""))

    def named_places(self) -> list[Named]:
        """The protected places in force, for read-back."""
        return [
            Named(f"{n.subject or 'a protected place'}, notified", n.position)
            for n in self.of_sort("site")
            if n.position is not None and not n.mine
        ]


def volumes_of(views: Views, notice: Notice, grace_s: int) -> dict[str, Volume]:
    """The areas of a notice in force, by label, read from the record again."""
    said = views.said(views.stored(notice.entry))
    if said is None or not isinstance(said.content, Message):
        return {}
    what = stated(said.content, views.filled(notice.entry.log, said.content), said.time, grace_s)
    return {label: volume for label, volume in what.volumes if label in notice.labels}


def height_words(height: Height | None) -> str:
    """``FL100``, ``500 ft AGL``; empty for none."""
    return "" if height is None else str(height)
