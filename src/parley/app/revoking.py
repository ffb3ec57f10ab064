"""Revoking a node's certificates: the document, its closing heads from the node's own record, and new keys (ADR 90)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parley.app.home import Home, LineHome
from parley.app.meeting import sign_note, titled
from parley.errors import UsageError
from parley.ids import LogId, MemberNumber
from parley.keys.file import NodeKeyFile
from parley.limits import MAX_CLOSED_RUNS
from parley.protocol import membership as members
from parley.protocol import rows as r
from parley.protocol.entries import StoredEntry
from parley.protocol.membership import Member, Membership
from parley.protocol.rows import Reader
from parley.stores.datadir import DataDirectory
from parley.stores.headfile import TwoSlotHeadFile, lost_state
from parley.stores.sqlite import SqliteStore
from parley.wire import cbor, documents, statement
from parley.wire.documents import ClosedRun, NodeCertificate, Revocation, encode_bundle
from parley.wire.note import Note

_LIMIT: Final = 1 << 24
COMPROMISED: Final = documents.REASONS[0]


@dataclass(frozen=True, slots=True)
class OwnRun:
    """One run of this node, as its record has it. ``opened`` is POSIX seconds, as it stated itself; 0: not held."""

    serial: int
    certificate: bytes
    head: ClosedRun
    opened: int
    stands: bool = True
    """False where the revocation closes it before its first entry."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was done: the file for peers, the serials revoked and the one in force, the runs, and what to know."""

    bundle: bytes
    serials: tuple[int, ...]
    serial: int
    reason: str
    fresh: bool
    """New keys were drawn."""
    runs: tuple[OwnRun, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asks for."""

    reason: str = COMPROMISED
    without: tuple[str, ...] = ()
    """Runs, by their first hexadecimal digits, that were not this node's own."""


def revoke(
    home: Home, line: LineHome, wish: Wish, now: int, passphrase: bytes | None = None, roots: Sequence[Path] = ()
) -> Revoked:
    """Revoke every certificate of this node but the newest, and draw new keys first where that one is not enough.

    Where keys were stolen it is enough when it shares none with those before: ``rotate --compromised`` made it. The
    node must not run, so that what it wrote is what the revocation says it wrote. ``now`` is POSIX seconds.
    Raises StoreLocked, UsageError, DocumentError ``document-unsigned``; nothing has changed then.
    """
    if wish.reason not in documents.REASONS:
        known = " or ".join(documents.REASONS)
        raise UsageError(f"{wish.reason!r} is no reason to revoke; {known} are.", code="reason-unknown")
    with DataDirectory(line.path):
        serial, keys = line.newest_keys()
        warnings, runs, membership = _record(line, keys)
        runs = _without(runs, wish.without)
        before = membership
        targets, fresh = _targets(membership.member(line.me(membership)), wish, runs)
        made: list[bytes] = []
        fresh_keys: NodeKeyFile | None = None
        _, party = home.party()
        if fresh:
            fresh_keys = NodeKeyFile.draw(os.urandom, keep=keys, compromised=wish.reason == COMPROMISED)
            text = NodeCertificate(line.name, party.code, home.party_hash(), serial + 1, fresh_keys.public()).text()
            made.append(sign_note(home, Note(text, ()), party, passphrase, roots).encode())
        for certificate in targets:
            closed = _closed(run for run in runs if run.certificate == certificate and run.stands)
            revocation = Revocation(before.line, party.code, home.party_hash(), certificate, wish.reason, now, closed)
            made.append(sign_note(home, Note(revocation.text(), ()), party, passphrase, roots).encode())
        for raw in made:
            membership = members.extend(membership, raw)
        if fresh_keys is not None:
            fresh_keys.write(line.key_file(serial + 1))
        line.add_notes(membership.notes)
    own = membership.member(line.me(membership))
    serials = tuple(serial for hash_, serial, _ in own.certificates if hash_ in targets)
    used = tuple(run for run in runs if run.certificate in targets)
    return Revoked(encode_bundle(titled(made)), serials, own.certificates[-1][1], wish.reason, fresh, used, warnings)


def _targets(member: Member, wish: Wish, runs: Collection[OwnRun]) -> tuple[tuple[bytes, ...], bool]:
    """The certificates to revoke, and whether a newer one must be made first."""
    named = {run.certificate for run in runs if not run.stands}
    if named and named <= member.closed.keys():
        # A run was found afterwards that is not ours: what was revoked is revoked more narrowly.
        return tuple(sorted(named)), False
    standing = [(hash_, keys) for hash_, _, keys in member.certificates if hash_ not in member.closed]
    newest, older = standing[-1], standing[:-1]
    shared = any(set(_secrets(newest[1])) & set(_secrets(keys)) for _, _, keys in member.certificates[:-1])
    fresh = not older or (wish.reason == COMPROMISED and shared)
    return tuple(h for h, _ in (standing if fresh else older)), fresh


def _secrets(keys: members.NodeKeys) -> tuple[bytes, ...]:
    return (keys.checkpoint, keys.receipt, keys.announce, keys.kem, keys.tls)


def _record(line: LineHome, keys: NodeKeyFile) -> tuple[tuple[str, ...], tuple[OwnRun, ...], Membership]:
    """What is to be known of the record here, this node's runs in it, and the membership with what it holds of it."""
    if not line.store.exists():
        raise UsageError(
            "the record of this node is not here, so it is not known what it wrote.",
            code="record-missing",
            next_step="Restore a backup, or start the node until its peers have given the record back; then revoke.",
        )
    store = SqliteStore.open(line.store, keys.store_key)
    try:
        head = TwoSlotHeadFile(line.head)
        lost = lost_state(store.version, head.read())
        head.close()
        reader = store.reader()
        try:
            stored = [raw for _, raw in reader.scan(r.DOCUMENT)]
            membership = members.extend_all(line.membership(), stored)
            runs = tuple(own_runs(reader, membership, line.me(membership)))
        finally:
            reader.close()
    finally:
        store.close()
    text = f"the record here lacks the last {lost} commits of this node: what they held is closed off with the rest."
    return ((text,) if lost else ()), runs, membership


def own_runs(reader: Reader, membership: Membership, me: MemberNumber) -> Iterable[OwnRun]:
    """The runs of ``me`` in a record, oldest first by what they state themselves."""
    serials = {hash_: serial for hash_, serial, _ in membership.member(me).certificates}
    found: list[OwnRun] = []
    for key, row in reader.scan(r.LOG, bytes((me,)), bytes((me + 1,))):
        log = r.read_log_key(key)
        fields = cbor.decode(row, limit=_LIMIT)
        size = int.from_bytes(fields[2][:8], "big")
        if size and fields[1] in serials:
            head = ClosedRun(log.incarnation, size, fields[3])
            found.append(OwnRun(serials[fields[1]], fields[1], head, _opened(reader, log)))
    return sorted(found, key=lambda run: (run.serial, run.opened, run.head.run))


def _opened(reader: Reader, log: LogId) -> int:
    value = reader.get(r.ENTRY, r.entry_key(log, 0))
    entry = StoredEntry.decode(value) if value is not None else None
    return statement.decode(entry.statement).time if entry is not None and entry.statement else 0


def _without(runs: Sequence[OwnRun], names: Sequence[str]) -> tuple[OwnRun, ...]:
    def named(run: OwnRun) -> bool:
        return any(run.head.run.hex().startswith(name.lower()) for name in names if name)

    for name in names:
        if not name or not any(run.head.run.hex().startswith(name.lower()) for run in runs):
            known = ", ".join(run.head.run.hex() for run in runs) or "none"
            raise UsageError(f"{name!r} is no run of this node; there are {known}.", code="run-unknown")
    return tuple(OwnRun(x.serial, x.certificate, x.head, x.opened, stands=not named(x)) for x in runs)


def _closed(runs: Iterable[OwnRun]) -> tuple[ClosedRun, ...]:
    """The heads as the document has them; of too many, those of the newest runs."""
    newest = sorted(runs, key=lambda run: run.opened)[-MAX_CLOSED_RUNS:]
    return tuple(sorted((run.head for run in newest), key=lambda head: head.run))
