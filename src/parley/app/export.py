"""Exporting the record as one file that other people's tools can check (spec/export.md)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parley.app.meeting import founding_file
from parley.errors import VerificationError
from parley.ids import LogId, MemberNumber
from parley.keys.file import write_private
from parley.procedure.outgoing import watermark
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.protocol.membership import Membership, NodeKeys
from parley.protocol.rows import Reader
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.cosignature import Cosignature, checkpoint_name, receipt_name
from parley.wire import cbor, note
from parley.wire.note import Note

TILE: Final = 256
_LIMIT: Final = 1 << 24
README: Final = """\
This is the record of one line of Parley, as one member of it holds it.

line.txt                     the charter, the parties' documents and keys (C2SP signed notes)
logs/*/checkpoint            each tree's newest head, signed by its author (C2SP tlog-checkpoint)
logs/*/receipts/*            heads cosigned by those who received (C2SP tlog-cosignature)
logs/*/tile/entries/*        the commitments (C2SP tlog-tiles entry bundles)
logs/*/contents.cbor         salt and statement of each entry that is held here
equivocations/*              proofs of two histories of one tree, where there are any

A signed record can never be denied by who signed it. Check it with 'parley verify FILE', or with the
verifier in the specification, which shares no code with it.
"""


def tile_name(index: int, count: int) -> str:
    """The path of an entry bundle (C2SP tlog-tiles): x-prefixed thousands, partial width last."""
    digits = f"{index % 1000:03d}"
    rest = index // 1000
    while rest:
        digits = f"x{rest % 1000:03d}/{digits}"
        rest //= 1000
    return digits if count == TILE else f"{digits}.p/{count}"


class _Writer:
    """A ZIP with fixed dates, so that one record gives one file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        self._archive.writestr(info, data)


def write_record(reader: Reader, membership: Membership, path: Path) -> dict[str, Any]:
    """Write the record to ``path``, whole or not at all; what it holds, in numbers. Raises StoreError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    summary: dict[str, Any] = {"path": str(path), "logs": 0, "entries": 0, "contents": 0, "receipts": 0}
    with zipfile.ZipFile(partial, "w") as archive:
        writer = _Writer(archive)
        mark = watermark(membership.current.charter.purpose)
        writer.add("README.txt", (f"{mark}\n\n{README}" if mark else README).encode())
        writer.add("line.txt", founding_file(membership))
        for key, row in reader.scan(r.LOG):
            _write_log(reader, membership, writer, r.read_log_key(key), row, summary)
        for number, (_, proof) in enumerate(reader.scan(r.EVIDENCE)):
            writer.add(f"equivocations/{number}.txt", proof)
    data = partial.read_bytes()
    partial.unlink()
    write_private(path, data)
    summary["bytes"] = len(data)
    return summary


def _write_log(
    reader: Reader, membership: Membership, writer: _Writer, log: LogId, row: bytes, summary: dict[str, Any]
) -> None:
    fields = cbor.decode(row, limit=_LIMIT)
    member = membership.member(log.member)
    keys = member.keys_for(fields[1]) or member.keys
    folder = f"logs/{member.code}-{log.incarnation.hex()}"
    origin = origin_of(membership.line, member.code, log.incarnation)
    size = int.from_bytes(fields[2][:8], "big")
    if size == 0:
        return
    head = Checkpoint(origin, size, fields[3])
    signed = head.signed_note(fields[4], keys.checkpoint)
    pq = _newest(reader, log, log.member, note.COSIGNATURE_MLDSA44)
    if pq is not None and pq[0] == size:
        name = checkpoint_name(membership.line, member.code)
        signed = signed.with_signature(pq[1].line(name, keys.checkpoint_pq))
        pq = None
    writer.add(f"{folder}/checkpoint", signed.encode())
    for at, notes in _receipts(reader, membership, log, origin, keys, pq).items():
        for code, cosigned in notes.items():
            writer.add(f"{folder}/receipts/{at:010d}-{code}", cosigned.encode())
            summary["receipts"] += 1
    _write_entries(reader, writer, folder, log, size, summary)
    summary["logs"] += 1


def _newest(reader: Reader, log: LogId, giver: int, algorithm: int) -> tuple[int, Cosignature] | None:
    prefix = r.log_key(log) + bytes((giver, algorithm))
    for key, value in reader.scan(r.RECEIPT, prefix, r.after(prefix), reverse=True, limit=1):
        return int.from_bytes(key[11:15], "big"), Cosignature.decode(value)
    return None


def _receipts(
    reader: Reader,
    membership: Membership,
    log: LogId,
    origin: str,
    keys: NodeKeys,
    own_pq: tuple[int, Cosignature] | None,
) -> dict[int, dict[str, Note]]:
    """The newest cosignature of each member and algorithm, as notes by size and member."""
    found: dict[int, dict[str, Note]] = {}
    for number, member in membership.members.items():
        for algorithm in (note.COSIGNATURE_ED25519, note.COSIGNATURE_MLDSA44):
            newest = _newest(reader, log, number, algorithm) if number != log.member else own_pq
            if newest is None or (number == log.member and algorithm == note.COSIGNATURE_ED25519):
                continue
            size, cosignature = newest
            signed = reader.get(r.SIGNED, r.log_key(log) + size.to_bytes(4, "big"))
            if signed is None:
                continue
            head = Checkpoint(origin, size, signed[:32])
            base = found.setdefault(size, {}).get(member.code) or head.signed_note(signed[32:], keys.checkpoint)
            line = _cosignature_line(membership, MemberNumber(number), log, cosignature, head)
            if line is not None:
                found[size][member.code] = base.with_signature(line)
    return found


def _cosignature_line(
    membership: Membership, giver: MemberNumber, log: LogId, cosignature: Cosignature, head: Checkpoint
) -> note.NoteSignature | None:
    """The line under the key that made it: the giver's keys may have been rotated since."""
    member = membership.member(giver)
    pq = cosignature.algorithm == note.COSIGNATURE_MLDSA44
    own = giver == log.member
    name = (checkpoint_name if own else receipt_name)(membership.line, member.code)

    for _, _, keys in reversed(member.certificates):
        public = keys.checkpoint_pq if own else keys.receipt_pq if pq else keys.receipt
        try:
            cosignature.verify(name, public, head)
        except VerificationError:
            continue
        return cosignature.line(name, public)
    return None


def _write_entries(
    reader: Reader, writer: _Writer, folder: str, log: LogId, size: int, summary: dict[str, Any]
) -> None:
    contents = bytearray()
    bundle = bytearray()
    count = 0
    for index, entry in _entries(reader, log, size):
        bundle += len(entry.commitment).to_bytes(2, "big") + entry.commitment
        count += 1
        if entry.state is State.HELD:
            contents += cbor.encode([index, entry.salt, entry.statement])
            summary["contents"] += 1
        elif entry.state is State.ERASED:
            contents += cbor.encode([index, None, None])
        if count == TILE or index == size - 1:
            writer.add(f"{folder}/tile/entries/{tile_name(index // TILE, count)}", bytes(bundle))
            bundle.clear()
            count = 0
    writer.add(f"{folder}/contents.cbor", bytes(contents))
    summary["entries"] += size


def _entries(reader: Reader, log: LogId, size: int) -> Iterator[tuple[int, StoredEntry]]:
    for key, value in reader.scan(r.ENTRY, r.entry_key(log, 0), r.entry_key(log, size)):
        yield int.from_bytes(key[9:13], "big"), StoredEntry.decode(value)
