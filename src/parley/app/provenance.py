"""Where a message comes from, and what proves it: the key, when it was exchanged, and a proof that travels (R36, B13).

Nothing here is shown for what does not verify: the proof is made from the record and verified against the author's key
before it is answered.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from parley.app import fingerprint
from parley.app.proofs import write_proof
from parley.app.runtime import Runtime
from parley.app.views import MessageView, Views
from parley.app.watchparams import Params, with_views
from parley.errors import UsageError
from parley.ids import EntryId, LogId
from parley.protocol import rows as r
from parley.protocol.membership import Member
from parley.protocol.rows import Reader
from parley.record.checkpoint import origin_of
from parley.wire import cbor
from parley.wire.statement import Message, Relation

_LOG_LIMIT: Final = 1 << 18
_SHORT: Final = 8
_MOST_HITS: Final = 200


async def origin(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Under whose key the message ``id`` lies: the key, its certificate, and when this node took it in."""

    def ask(views: Views) -> dict[str, Any]:
        entry = views.find(str(params["id"]))
        return _origin(runtime, entry, views.membership.member(entry.log.member))

    return await asyncio.to_thread(with_views, runtime, ask)


def _origin(runtime: Runtime, entry: EntryId, author: Member) -> dict[str, Any]:
    reader = runtime.node.store.reader()
    try:
        certificate = _log_row(reader, entry.log)[1]
    finally:
        reader.close()
    known = {hash_: (serial, keys) for hash_, serial, keys in author.certificates}
    if certificate not in known:
        raise UsageError("no certificate of the author names the key of this tree.", code="certificate-missing")
    serial, keys = known[certificate]
    founding = {m.certificate for m in runtime.node.line.membership.revisions[0].charter.members}
    return {
        "author": author.code,
        "party": author.name,
        "party_fingerprint": author.party.hex(),
        "party_words": fingerprint.words(author.party),
        "root_threshold": list(author.threshold),
        "serial": serial,
        "certificate": certificate.hex(),
        "key": keys.checkpoint.hex(),
        "key_short": keys.checkpoint.hex()[:_SHORT],
        "founding": certificate in founding,
        "taken_in": _taken_in(runtime, certificate),
        "equivocated": bool(_evidence(runtime, entry.log)),
        "tree": origin_of(runtime.node.line.membership.line, author.code, entry.log.incarnation),
        "index": entry.index,
    }


def _taken_in(runtime: Runtime, certificate: bytes) -> int:
    """When this home took in a certificate: its file's time, which is this node's own note and no proof. 0: unknown."""
    for path in (runtime.line_home.path / "documents").glob("nodecertificate-*.note"):
        if path.name == f"nodecertificate-{certificate.hex()[:16]}.note":
            return int(path.stat().st_mtime)
    return 0


def _evidence(runtime: Runtime, log: LogId) -> bool:
    return with_views(runtime, lambda views: str(log) in views.evidence())


def _log_row(reader: Reader, log: LogId) -> list[Any]:
    row = reader.get(r.LOG, r.log_key(log))
    if row is None:
        raise UsageError("this tree is not held here.", code="message-unknown")
    fields: list[Any] = cbor.decode(row, limit=_LOG_LIMIT)
    return fields


async def prove(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """``origin``, with the proof of the message ``id`` and its policy as texts; the proof was verified.

    Raises UsageError ``proof-not-yet`` while entries before it are missing.
    """

    def ask(views: Views) -> dict[str, Any]:
        entry = views.find(str(params["id"]))
        reader = runtime.node.store.reader()
        try:
            size = int.from_bytes(_log_row(reader, entry.log)[2][:8], "big")
            held = sum(1 for _ in reader.scan(r.ENTRY, r.entry_key(entry.log, 0), r.entry_key(entry.log, size)))
            if held < size or entry.index >= size:
                raise UsageError(
                    "entries that come before this message are not here yet.",
                    code="proof-not-yet",
                    next_step="Ask again when the line has caught up.",
                )
            with tempfile.TemporaryDirectory(prefix="parley-") as folder:
                path = Path(folder) / "entry.tlog-proof"
                made = write_proof(reader, views.membership, entry, path)
                texts = {"text": path.read_text(), "policy": path.with_suffix(".policy").read_text()}
        finally:
            reader.close()
        stored = views.stored(entry)
        said = sha256(stored.statement).hexdigest() if stored is not None else ""
        return {
            **_origin(runtime, entry, views.membership.member(entry.log.member)),
            **made,
            **texts,
            "statement": said,
        }

    return await asyncio.to_thread(with_views, runtime, ask)


async def search(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Messages whose text, subject, id or author has all words of ``text``, newest first."""
    words = str(params["text"]).casefold().split()
    if not words:
        return []

    def ask(views: Views) -> list[dict[str, Any]]:
        found: list[MessageView] = []
        for arrival, entry in views.arrivals_back():
            said = views.said(views.stored(entry))
            if said is None or not isinstance(said.content, Message):
                continue
            content = said.content
            if not content.form and not _has(f"{views.name_of(entry)} {content.subject} {content.body!s}", words):
                continue
            # A form says what it says in the reader's language only once it is rendered.
            view = views.message(entry, arrival)
            if _has(f"{view.id} {view.author} {view.subject} {view.title} {view.text}", words):
                found.append(view)
            if len(found) >= _MOST_HITS:
                break
        return [view.as_json() for view in found]

    return await asyncio.to_thread(with_views, runtime, ask, str(params.get("in") or ""))


def _has(text: str, words: list[str]) -> bool:
    hay = text.casefold()
    return all(word in hay for word in words)


class References:
    """Which messages go on with which: read once, then on from where it was (R72: a correction is seen on both)."""

    def __init__(self) -> None:
        self._next = 0
        self._to: dict[EntryId, list[tuple[Relation, EntryId]]] = defaultdict(list)

    def read_on(self, views: Views) -> None:
        """Take in what arrived since."""
        for place, entry in views.arrivals(self._next):
            self._next = place + 1
            said = views.said(views.stored(entry))
            if said is not None and isinstance(said.content, Message):
                for ref in said.content.refs:
                    self._to[ref.entry].append((Relation(ref.relation), entry))

    def to(self, entry: EntryId) -> list[tuple[Relation, EntryId]]:
        """What refers to ``entry``, oldest first."""
        return list(self._to.get(entry, ()))


RECORD_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "origin": origin,
    "prove": prove,
    "search": search,
}
