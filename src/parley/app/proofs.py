"""One message's proof as a file of its own: a C2SP tlog-proof, and the keys to check it with as a tlog-policy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parley.errors import UsageError, VerificationError
from parley.ids import EntryId, LogId, MemberNumber
from parley.keys.file import write_private
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.protocol.membership import Membership, NodeKeys
from parley.protocol.rows import Reader
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.cosignature import Cosignature, checkpoint_name, receipt_name
from parley.record.proof import TlogProof
from parley.record.rfc6962 import inclusion_proof, leaf_hash
from parley.wire import cbor, note

_LOG_FIELDS: Final = 1 << 24
_ALGORITHMS: Final = (note.COSIGNATURE_ED25519, note.COSIGNATURE_MLDSA44)


@dataclass(frozen=True, slots=True)
class _Given:
    """A cosignature at the proof's size, and the key that made it."""

    code: str
    name: str
    public: bytes
    cosignature: Cosignature

    def vkey(self) -> str:
        return note.vkey(self.name, self.cosignature.algorithm, self.public)


def write_proof(reader: Reader, membership: Membership, entry: EntryId, path: Path) -> dict[str, Any]:
    """Write the proof of ``entry`` to ``path``, and beside it ``.policy``: the author's key, and who received it.

    The proof stands under the signed size that most members gave a receipt for; its extra data is salt and
    statement. Raises UsageError for an entry whose content is not held here.
    """
    value = reader.get(r.ENTRY, r.entry_key(entry.log, entry.index))
    stored = StoredEntry.decode(value) if value is not None else None
    if stored is None or stored.state is not State.HELD:
        raise UsageError(
            "the content of this entry is not held here, so nothing can be proven of it.",
            code="content-not-held",
            next_step="Ask a member that holds it.",
        )
    member = membership.member(entry.log.member)
    origin = origin_of(membership.line, member.code, entry.log.incarnation)
    fields = cbor.decode(reader.get(r.LOG, r.log_key(entry.log)) or b"", limit=_LOG_FIELDS)
    keys = member.keys_for(fields[1]) or member.keys
    size = _size(reader, entry, int.from_bytes(fields[2][:8], "big"))
    signed_row = reader.get(r.SIGNED, r.log_key(entry.log) + size.to_bytes(4, "big")) or b""
    head = Checkpoint(origin, size, signed_row[:32])
    given = _given(reader, membership, entry.log, head, keys)
    signed = head.signed_note(signed_row[32:], keys.checkpoint)
    for one in given:
        signed = signed.with_signature(one.cosignature.line(one.name, one.public))
    rows = reader.scan(r.ENTRY, r.entry_key(entry.log, 0), r.entry_key(entry.log, size))
    leaves = [leaf_hash(StoredEntry.decode(row).commitment) for _, row in rows]
    proof = TlogProof(entry.index, inclusion_proof(leaves, entry.index), signed, stored.salt + stored.statement)
    proof.verify(stored.commitment, keys.checkpoint)
    policy = path.with_suffix(".policy")
    write_private(path, proof.encode())
    write_private(policy, _policy(membership, origin, keys, given).encode())
    received = sorted({one.code for one in given if one.code != member.code})
    return {
        "path": str(path),
        "policy": str(policy),
        "origin": origin,
        "index": entry.index,
        "size": size,
        "author": member.code,
        "received": received,
    }


def _size(reader: Reader, entry: EntryId, newest: int) -> int:
    """The signed size above the entry with the most receipts; of several, the greatest."""
    prefix = r.log_key(entry.log)
    votes: Counter[int] = Counter()
    for key, _ in reader.scan(r.RECEIPT, prefix, r.after(prefix)):
        size = int.from_bytes(key[11:15], "big")
        if size > entry.index and key[9] != entry.log.member and key[10] == note.COSIGNATURE_ED25519:
            votes[size] += 1
    return max(votes, key=lambda size: (votes[size], size), default=newest)


def _given(reader: Reader, membership: Membership, log: LogId, head: Checkpoint, keys: NodeKeys) -> list[_Given]:
    found = []
    for number, algorithm in ((m, a) for m in membership.members for a in _ALGORITHMS):
        row = reader.get(r.RECEIPT, r.receipt_key(log, number, algorithm, head.size))
        one = _by(membership, number, log, Cosignature.decode(row), head, keys) if row is not None else None
        if one is not None:
            found.append(one)
    return found


def _by(
    membership: Membership,
    giver: MemberNumber,
    log: LogId,
    cosignature: Cosignature,
    head: Checkpoint,
    keys: NodeKeys,
) -> _Given | None:
    """With the key that made it, of those that the giver ever had; None where there is none."""
    member = membership.member(giver)
    own = giver == log.member
    name = (checkpoint_name if own else receipt_name)(membership.line, member.code)
    pq = cosignature.algorithm == note.COSIGNATURE_MLDSA44
    for candidate in (keys,) if own else [k for _, _, k in reversed(member.certificates)]:
        public = candidate.checkpoint_pq if own else candidate.receipt_pq if pq else candidate.receipt
        try:
            cosignature.verify(name, public, head)
        except VerificationError:
            continue
        return _Given(member.code, name, public, cosignature)
    return None


def _policy(membership: Membership, origin: str, keys: NodeKeys, given: list[_Given]) -> str:
    charter = membership.current.charter
    lines = [
        f"# Who said and who received an entry on the line {charter.line}, {membership.line.hex()}.",
        "# The keys are those of the line's charter: compare them with what its parties gave you.",
        f"log {note.vkey(origin, note.ED25519, keys.checkpoint)}",
    ]
    names = []
    for one in given:
        names.append(f"{one.code}-{'ed25519' if one.cosignature.algorithm == _ALGORITHMS[0] else 'mldsa44'}")
        lines.append(f"witness {names[-1]} {one.vkey()}")
    if names:
        lines.append(f"group all-of-them all {' '.join(names)}")
    lines.append(f"quorum {'all-of-them' if names else 'none'}")
    return "\n".join(lines) + "\n"
