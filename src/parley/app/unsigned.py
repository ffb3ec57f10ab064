"""What a record lacks: officers' keys on releases and acknowledgements of classes that the charter names (OFF-7).

It names them itself, or by the hash of a pack that has a form released by two. That is no tampering: the author said it
so, without the keys that the members agreed on, and is answerable for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from parley.errors import DecodeError
from parley.forms.pack import Pack
from parley.ids import EntryId, LogId
from parley.procedure.outgoing import ReleasePolicy, key_classes, needs_two
from parley.protocol.membership import Membership
from parley.wire import statement
from parley.wire.documents import PRECEDENCES
from parley.wire.statement import WATCH_FORMS, Kind, Mark, Message

CODE: Final = "officer-key-missing"
_ANY_FORM: Final = frozenset({"text", *PRECEDENCES})
"""Classes that are not the name of a form."""
_SHORT_MAP, _SHORT_MAP_END = b"\xa1", b"\xb7"
"""First bytes of a map of 1 to 23 pairs."""
_MARKS: Final = (bytes((0, Kind.ACKNOWLEDGED)), bytes((0, Kind.DECLINED)))
"""The pair that such a mark begins with: its kind."""
_WORDS: Final = {Kind.ACKNOWLEDGED: "acknowledged", Kind.DECLINED: "declined"}


@dataclass(frozen=True, slots=True)
class Unsigned:
    """One entry with fewer officers' keys than the charter of its tree asks for."""

    entry: str
    author: str
    log: str
    """The tree, as its folder in the record is called."""
    index: int
    kind: str
    classes: tuple[str, ...]
    keys: int
    wanted: int

    def sentence(self) -> str:
        """In words."""
        named = " and ".join(map(repr, self.classes))
        return (
            f"{self.entry} ({self.log}, entry {self.index}): {self.author} {self.kind} with {self.keys} of "
            f"{self.wanted} officers' keys what the charter names as {named}; {self.author} is answerable for that."
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"code": CODE, **{n: getattr(self, n) for n in self.__slots__}, "text": self.sentence()}


class Wanted:
    """Looks at the statements of all trees of a record, then tells which lack keys."""

    def __init__(self, membership: Membership, packs: Iterable[Pack]) -> None:
        """``packs``: those at hand; ``unread`` are then the others that the charter names."""
        self._membership = membership
        self._policies: dict[bytes, ReleasePolicy] = {}
        by_two = {p.hash: frozenset(f.id for f in p.forms if f.release == "two") for p in packs}
        charters = {revision.hash: revision.charter for revision in membership.revisions}
        self.unread = sorted(
            {
                f"{p.name} {p.version} ({p.hash.hex()})"
                for c in charters.values()
                for p in c.packs
                if p.hash not in by_two
            }
        )
        for hash_, charter in charters.items():
            two = frozenset(charter.two_officers).union(*(by_two.get(p.hash, frozenset()) for p in charter.packs))
            if two or charter.signed:
                self._policies[hash_] = ReleasePolicy(two_officers=two, signed=frozenset(charter.signed))
        named = frozenset(c for p in self._policies.values() for c in p.two_officers | p.signed)
        self._any = ReleasePolicy(signed=named)
        self._named = tuple(c.encode() for c in named)
        self._by_form = not named & _ANY_FORM
        self._under: dict[LogId, ReleasePolicy] = {}
        self._messages: dict[EntryId, Message] = {}
        """Those of a class that some revision names, without their texts."""
        self._marks: list[tuple[EntryId, Kind, EntryId]] = []
        """Acknowledgements and refusals that no officer's key is on."""

    def begin(self, log: LogId, revision: bytes) -> None:
        """A tree was opened under a revision of the charter."""
        if revision in self._policies:
            self._under[log] = self._policies[revision]

    def take(self, log: LogId, index: int, data: bytes) -> None:
        """Look at one entry's statement, which lies under its author's checkpoint."""
        if not self._policies or not self._may_be_of(data):
            return
        try:
            said = statement.decode(data)
        except DecodeError:
            return
        match said.content:
            case Message(form=form) as message if not form.startswith(WATCH_FORMS):
                if key_classes(message, self._any):
                    self._messages[EntryId(log, index)] = replace(message, body="", subject="")
            case Mark(signed=signed) if said.kind in _WORDS and log in self._under and not (signed and signed.by):
                self._marks += [(EntryId(log, index), said.kind, ref.entry) for ref in said.refs]

    def _may_be_of(self, data: bytes) -> bool:
        """False for what is seen at a glance to be of no class: to read every statement takes longer than all else.

        Keys of the map rise, so that a kind that is stated stands first, and a form's name stands in its bytes.
        """
        if not self._by_form or not _SHORT_MAP <= data[:1] <= _SHORT_MAP_END:
            return True
        return data[1:3] in _MARKS or any(name in data for name in self._named)

    def verdict(self) -> list[Unsigned]:
        """What lacks keys; of an acknowledgement only where what it acknowledges is in the record."""
        found = []
        for entry, message in self._messages.items():
            policy = self._under.get(entry.log, ReleasePolicy())
            classes = key_classes(message, policy)
            wanted = 2 if needs_two(message, policy) else 1
            keys = len({a.key for a in message.signed.by}) if message.signed is not None else 0
            if classes and keys < wanted:
                found.append(self._missing(entry, "released", classes, keys, wanted))
        for entry, kind, about in self._marks:
            subject = self._messages.get(about)
            classes = key_classes(subject, self._under[entry.log]) if subject is not None else frozenset()
            if classes:
                found.append(self._missing(entry, _WORDS[kind], classes, 0, 1))
        return found

    def _missing(self, entry: EntryId, kind: str, classes: frozenset[str], keys: int, wanted: int) -> Unsigned:
        code, run = self._membership.member(entry.log.member).code, entry.log.incarnation.hex()
        name = f"{code}-{run[:4]}-{entry.index}"
        return Unsigned(name, code, f"{code}-{run}", entry.index, kind, tuple(sorted(classes)), keys, wanted)
