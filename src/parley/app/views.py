"""What the faces show: messages with the state of each recipient, in plain data (D2, R34).

Read through a reader of its own, so a slow disk or a busy node freezes nobody (D7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parley.app import sentences
from parley.app.forms import forms_of, read_message
from parley.errors import DecodeError, UsageError
from parley.forms.filled import Filled, write_values
from parley.forms.render import as_text, render
from parley.geo.coordinates import format_position
from parley.ids import EntryId, LogId, MemberNumber
from parley.procedure import facts
from parley.procedure.watch import Said
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.protocol.ledger import mark_key
from parley.protocol.membership import Membership, Revision
from parley.protocol.rows import Reader
from parley.wire import cbor, note, statement
from parley.wire.geometry import MICRODEGREES
from parley.wire.statement import EVERYONE, Kind, Mark, Message, RefusedEntry, Relation, Statement

_SHORT: Final = 4
_DEEP: Final = 64
_LOG_FIELDS: Final = 4096 * 64


@dataclass(slots=True)
class Recipient:
    """The state of one message at one recipient. Times are POSIX seconds, as their authors state them; 0: not."""

    code: str
    delivered: int = 0
    read: int = 0
    acknowledged: int = 0
    declined: int = 0
    reason: str = ""
    answered: int = 0
    refused: str = ""
    remark: str = ""
    """What the acknowledgement says: an officer's own words, and the read-back of places for this reader (R58)."""
    places: list[dict[str, Any]] = field(default_factory=list)
    """That read-back as data: where (``at``, ``lat``, ``lon``) and what is ``near``, with metres and degrees."""
    signed: dict[str, Any] = field(default_factory=dict)
    """Of the acknowledgement: the officers' ``keys``, and whether it says that it was given ``without_key``."""

    @property
    def state(self) -> str:
        """The furthest of the facts, as one word for a list; each has its own time beside it."""
        for word in ("refused", "declined", "answered", "acknowledged", "read", "delivered"):
            if getattr(self, word):
                return word
        return "undelivered"


@dataclass(slots=True)
class MessageView:
    """One message as the faces show it. The text is hostile until rendered (D13)."""

    id: str
    author: str
    time: int
    to: list[str]
    precedence: str
    language: str
    subject: str
    text: str
    from_role: str
    to_role: str
    reply_to: str = ""
    reply_by: int = 0
    """Until when its author asks for an answer, POSIX seconds as the author states it; 0 for no time."""
    form: str = ""
    """The form's id; empty for free text. ``text`` is then the form in the reader's language."""
    title: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    """What the form says, as ``parley send --form`` takes it."""
    warnings: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    """A form in words, in the reader's language; ``lines`` are its fields, ``notes`` what goes with every such form."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refs: list[dict[str, str]] = field(default_factory=list)
    """What it goes on with: the relation and the message's id."""
    filled: Filled | None = None
    mine: bool = False
    open: bool = False
    erased: bool = False
    arrival: int = 0
    recipients: list[Recipient] = field(default_factory=list)
    signed: list[dict[str, Any]] = field(default_factory=list)
    """The officers who released it, by key; ``show`` adds whether each assertion was verified."""
    known_key: bool = True
    """A certificate of its author names the key that it lies under; no face shows another as verified (B13, R36)."""

    @property
    def fact(self) -> bool:
        """A fact of the watch, which starts no clock and waits for no acknowledgement (ADR 30)."""
        return self.form.startswith("watch/")

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("recipients", "filled")}
        plain["fact"] = self.fact
        plain["recipients"] = [{**{n: getattr(x, n) for n in x.__slots__}, "state": x.state} for x in self.recipients]
        return plain


class Views:
    """Questions about one line's record, answered from ``reader``."""

    def __init__(
        self, reader: Reader, membership: Membership, me: MemberNumber, packs: Path | None = None, language: str = ""
    ) -> None:
        """``packs``: a folder of form packs besides those of Parley. ``language``: the reader's, else the party's."""
        self._reader = reader
        self.membership = membership
        self.me = me
        self._certified: dict[LogId, bool] = {}
        self.language = language or membership.member(me).languages[0]
        self._packs = packs

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()

    # -- ids -------------------------------------------------------------------------------------------

    def name_of(self, entry: EntryId) -> str:
        """``code-run-index``: the run as four hexadecimal digits of its incarnation."""
        code = self.membership.member(entry.log.member).code
        return f"{code}-{entry.log.incarnation.hex()[:_SHORT]}-{entry.index}"

    def find(self, name: str) -> EntryId:
        """The entry that a name of ``name_of``, or a longer one, names. Raises UsageError."""
        parts = name.strip().rsplit("-", 2)
        if len(parts) != 3 or not parts[2].isdigit():  # noqa: PLR2004
            raise UsageError(
                f"{name!r} is no message id; one looks like northland-3f2a-12.",
                code="message-unknown",
                next_step="See 'parley inbox' or 'parley status'.",
            )
        code, run, index = parts
        logs = [
            x
            for x in self.logs()
            if x.incarnation.hex().startswith(run) and self.membership.member(x.member).code == code
        ]
        if len(logs) != 1:
            raise UsageError(f"there is no message {name!r} here.", code="message-unknown")
        return EntryId(logs[0], int(index))

    def logs(self) -> list[LogId]:
        """The trees of which anything is held."""
        return [r.read_log_key(key) for key, _ in self._reader.scan(r.LOG)]

    # -- messages --------------------------------------------------------------------------------------

    def stored(self, entry: EntryId) -> StoredEntry | None:
        """One entry as it is held."""
        value = self._reader.get(r.ENTRY, r.entry_key(entry.log, entry.index))
        return StoredEntry.decode(value) if value is not None else None

    def message(self, entry: EntryId, arrival: int = 0) -> MessageView:
        """One message with its states. Raises UsageError when it is none."""
        stored = self.stored(entry)
        said = self.said(stored)
        if stored is None or said is None or not isinstance(said.content, Message):
            if stored is not None and stored.state is State.ERASED:
                return self._erased(entry, arrival)
            raise UsageError(f"{self.name_of(entry)} is no message that is held here.", code="message-unknown")
        content = said.content
        text = content.body if isinstance(content.body, str) else content.body.hex()
        author = self.membership.member(entry.log.member)
        to = self.recipients(entry.log, said.to)
        reply = next((ref.entry for ref in content.refs if ref.relation is Relation.REPLY), None)
        view = MessageView(
            self.name_of(entry),
            author.code,
            said.time,
            [self.membership.member(m).code for m in to],
            content.precedence.name,
            content.language,
            content.subject,
            text,
            content.from_role,
            content.to_role,
            self.name_of(reply) if reply is not None and self._known(reply) else "",
            content.reply_by,
            mine=entry.log.member == self.me,
            open=self.is_open(entry),
            arrival=arrival,
        )
        view.known_key = self.known_key(entry.log)
        view.recipients = [self._recipient(entry, m) for m in to]
        view.refs = [
            {"relation": ref.relation.name.lower(), "id": self.name_of(ref.entry)}
            for ref in content.refs
            if self._known(ref.entry)
        ]
        view.signed = [{"key": a.key.hex()} for a in content.signed.by] if content.signed is not None else []
        if content.form:
            self._show_form(view, entry.log, content)
        return view

    def _show_form(self, view: MessageView, log: LogId, content: Message) -> None:
        """The form in the reader's language, by the packs of the charter that it was written under (R17, R42)."""
        forms = forms_of(self._revision(log).charter, self._packs)
        view.form, view.filled = content.form, read_message(forms, content)
        if view.filled is None:
            if content.form.startswith(statement.WATCH_FORMS):
                self._show_fact(view, content)
            return
        rendered = render(view.filled, forms.words(self.language), view.time)
        view.title, view.warnings = rendered.title, list(rendered.warnings)
        view.sentences, view.notes = list(rendered.sentences), list(rendered.notes)
        view.lines = [{"name": x.name, "label": x.label, "values": list(x.values)} for x in rendered.lines]
        view.subject = view.subject or (rendered.sentences[0] if rendered.sentences else rendered.title)
        view.values = write_values(view.filled.form.fields, view.filled.values)
        view.text = as_text(rendered, view.id)

    def filled(self, log: LogId, content: Message) -> Filled | None:
        """The form that a message of ``log`` is; None for free text, or when it cannot be read."""
        return read_message(forms_of(self._revision(log).charter, self._packs), content) if content.form else None

    def _show_fact(self, view: MessageView, content: Message) -> None:
        """A fact of the watch in words, and an officer's own words in it by themselves; nothing where it is none."""
        try:
            fact = facts.read_fact(content)
        except DecodeError:
            view.text = ""
            return
        view.text = sentences.fact_sentence(fact, self._code, self.language)
        match fact:
            case facts.HoldingReply(_, understood, answer_by):
                view.values = {"understood": understood, "answer_by": answer_by}
            case facts.Misuse(_, reason):
                view.values = {"reason": reason}

    def _code(self, number: int) -> str:
        member = self.membership.members.get(MemberNumber(number))
        return member.code if member is not None else str(number)

    def _known(self, entry: EntryId) -> bool:
        return entry.log.member in self.membership.members

    def _erased(self, entry: EntryId, arrival: int) -> MessageView:
        code = self.membership.member(entry.log.member).code
        view = MessageView(self.name_of(entry), code, 0, [], "", "", "", "", "", "", erased=True, arrival=arrival)
        view.mine = entry.log.member == self.me
        return view

    def said(self, stored: StoredEntry | None) -> Statement | None:
        """What a held entry states; None when nothing can be read."""
        if stored is None or stored.state is not State.HELD:
            return None
        try:
            return statement.decode(stored.statement)
        except DecodeError:
            return None

    def message_of(self, entry: EntryId) -> Message | None:
        """What a message says; None when its content is not held here, or it is no message."""
        said = self.said(self.stored(entry))
        return said.content if said is not None and isinstance(said.content, Message) else None

    def recipients(self, log: LogId, to: int) -> list[MemberNumber]:
        """Whom ``to`` names in the revision of ``log``, its author left out."""
        return [m for m in self._revision(log).members if m != log.member and (to == EVERYONE or to >> m & 1)]

    def _revision(self, log: LogId) -> Revision:
        row = self._reader.get(r.LOG, r.log_key(log))
        if row is None:
            return self.membership.current
        fields = cbor.decode(row, limit=_LOG_FIELDS)
        return self.membership.revision(fields[0]) or self.membership.current

    def known_key(self, log: LogId) -> bool:
        """Whether a log lies under a key of its author's that this node knows (R36)."""
        if log not in self._certified:
            row = self._reader.get(r.LOG, r.log_key(log))
            named = cbor.decode(row, limit=_LOG_FIELDS)[1] if row is not None else b""
            self._certified[log] = any(c[0] == named for c in self.membership.member(log.member).certificates)
        return self._certified[log]

    def _recipient(self, entry: EntryId, member: MemberNumber) -> Recipient:
        found = Recipient(self.membership.member(member).code)
        found.delivered = self.delivered(entry, member)
        prefix = r.entry_key(entry.log, entry.index) + bytes((member,))
        for key, value in self._reader.scan(r.MARK, prefix, r.after(prefix)):
            time = int.from_bytes(value[13:21], "big")
            # What was read was delivered, whatever became of the receipt (D2).
            found.delivered = found.delivered or time
            match key[14]:
                case Kind.READ:
                    found.read = time
                case Kind.ACKNOWLEDGED:
                    found.acknowledged = time
                    self._remark(found, r.read_entry_key(value))
                    found.read = found.read or time
                case Kind.DECLINED:
                    found.declined = time
                    found.reason = self._reason(r.read_entry_key(value))
                case Kind.MESSAGE:
                    found.answered = time
                case Kind.REFUSED:
                    found.refused = self._reason(r.read_entry_key(value))
        return found

    def is_open(self, entry: EntryId) -> bool:
        """Whether it is addressed here, and neither acknowledged nor declined."""
        return self._reader.get(r.OPEN, r.entry_key(entry.log, entry.index)) is not None

    def delivered(self, entry: EntryId, member: MemberNumber) -> int:
        """The time of the first receipt of ``member`` that covers ``entry``."""
        return next((time for _, time in self.receipts(entry.log, member, entry.index + 1, limit=1)), 0)

    def replied(self, entry: EntryId, member: MemberNumber) -> bool:
        """Whether ``member`` answered or declined."""
        return any(self._reader.get(r.MARK, mark_key(entry, member, kind)) for kind in (Kind.MESSAGE, Kind.DECLINED))

    def thread(self, entry: EntryId) -> EntryId:
        """The message that began what ``entry`` goes on with; at most ``_DEEP`` steps back."""
        for _ in range(_DEEP):
            said = self.said(self.stored(entry))
            if said is None or not isinstance(said.content, Message) or not said.refs:
                break
            entry = said.refs[0].entry
        return entry

    def receipts(
        self, log: LogId, member: MemberNumber, size: int, *, limit: int | None = None
    ) -> Iterator[tuple[int, int]]:
        """Sizes of ``log`` from ``size`` on for which ``member`` gave a receipt, each with the time that it states."""
        prefix = r.log_key(log) + bytes((member, note.COSIGNATURE_ED25519))
        for key, value in self._reader.scan(r.RECEIPT, prefix + size.to_bytes(4, "big"), r.after(prefix), limit=limit):
            yield int.from_bytes(key[11:15], "big"), int.from_bytes(value[:8], "big")

    def _reason(self, entry: EntryId) -> str:
        said = self.said(self.stored(entry))
        match said.content if said is not None else None:
            case Mark(text=text):
                return text or sentences.say(Said("no-reason"), self.language)
            case RefusedEntry(reason=reason):
                known = {x.value for x in statement.Refusal}
                return statement.Refusal(reason).name.lower() if reason in known else f"reason {reason}"
        return ""

    def _remark(self, found: Recipient, entry: EntryId) -> None:
        """What an acknowledgement says: the officer's own words, then the places in the reader's language (R58)."""
        said = self.said(self.stored(entry))
        if said is None or not isinstance(said.content, Mark):
            return
        mark = said.content
        places = [sentences.place_words(p, self.language) for p in mark.places]
        found.remark = "\n".join(part for part in (mark.text, *places) if part)
        found.places = [
            {
                "at": format_position(p.at),
                "lat": p.at.lat / MICRODEGREES,
                "lon": p.at.lon / MICRODEGREES,
                "near": [{"name": n.name, "metres": n.metres, "degrees": n.degrees} for n in p.near],
            }
            for p in mark.places
        ]
        if mark.signed is not None:
            found.signed = {"keys": [a.key.hex() for a in mark.signed.by], "without_key": not mark.signed.by}

    def open_messages(self) -> list[MessageView]:
        """Messages addressed here and neither acknowledged nor declined: FLASH first, then as they came."""
        order = {entry: arrival for arrival, entry in self.arrivals()}
        found = []
        for key, _ in self._reader.scan(r.OPEN):
            entry = r.read_entry_key(key)
            found.append(self.message(entry, order.get(entry, 0)))
        rank = {p.name: -p for p in statement.Precedence}
        return sorted(found, key=lambda m: (rank.get(m.precedence, 0), m.arrival))

    def arrivals(self, first: int = 0) -> Iterator[tuple[int, EntryId]]:
        """Entries in the order in which they came or were written here, from place ``first`` on."""
        for key, value in self._reader.scan(r.ARRIVAL, first.to_bytes(8, "big")):
            yield int.from_bytes(key, "big"), r.read_entry_key(value)

    def arrivals_back(self) -> Iterator[tuple[int, EntryId]]:
        """All of them, the newest first."""
        for key, value in self._reader.scan(r.ARRIVAL, reverse=True):
            yield int.from_bytes(key, "big"), r.read_entry_key(value)

    def messages(self, after: int | None = None, *, limit: int | None = None) -> list[MessageView]:
        """The newest ``limit`` messages, in the order in which they arrived or were written here.

        With ``after``, the first ``limit`` of those that came after that place.
        """
        found: list[MessageView] = []
        for place, entry in self.arrivals_back() if after is None else self.arrivals(after + 1):
            stored = self.stored(entry)
            said = self.said(stored)
            if said is not None and isinstance(said.content, Message):
                found.append(self.message(entry, place))
            elif stored is not None and stored.state is State.ERASED:
                found.append(self._erased(entry, place))
            if limit is not None and len(found) >= limit:
                break
        return found[::-1] if after is None else found

    def of_form(self, form: str) -> Iterator[MessageView]:
        """The messages under one form, in the order of their arrival."""
        for arrival, entry in self.arrivals():
            said = self.said(self.stored(entry))
            if said is not None and isinstance(said.content, Message) and said.content.form == form:
                yield self.message(entry, arrival)

    def evidence(self) -> list[str]:
        """The origins of trees with two histories."""
        return [str(r.read_log_key(key)) for key, _ in self._reader.scan(r.EVIDENCE)]
