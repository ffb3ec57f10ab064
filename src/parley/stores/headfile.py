r"""The head file: what the node last signed, beside the store, so that a loss of state is noticed (D15).

One flipped bit in SQLite's write-ahead log silently drops committed rows, and a restored backup is an
older state: both look well from inside. The head file, written after each commit, is then ahead.

Two slots of 4096 bytes, each aligned to a page, integers big-endian::

    0     16  b"parley/head/v1\0\0"
    16     8  generation: the slot with the greater one is the newer
    24     8  version of the store
    32     8  incarnation
    40     8  size of the tree
    48    32  root of the tree
    80  3984  zeros
    4064  32  SHA-256 of all before it

What is not synced goes to one slot, again and again, while the other holds what was synced last: a power cut
leaves that one good, whatever becomes of the rest.

An attacker who can write to it can at most hide a loss of state, or feign one.
"""

from __future__ import annotations

import errno
import os
import struct
from hashlib import sha256
from pathlib import Path
from typing import Final

from parley.errors import StoreCorrupt, StoreError, StoreFull, UsageError
from parley.ports import Head
from parley.stores.datadir import sync_directory

SLOT_BYTES: Final = 4096
_MAGIC: Final = b"parley/head/v1\0\0"
_FIELDS: Final = struct.Struct(">16sQQ8sQ32s")
_DIGEST_BYTES: Final = 32
_PADDING: Final = bytes(SLOT_BYTES - _FIELDS.size - _DIGEST_BYTES)
_INCARNATION_BYTES: Final = 8
_ROOT_BYTES: Final = 32


def lost_state(store_version: int, head: Head | None) -> int:  # model: lose state
    """How many commits that ``head`` was written after the store lacks: 0 when none is gone."""
    return 0 if head is None else max(0, head.version - store_version)


class TwoSlotHeadFile:
    """The head file at ``path``, made at the first write; one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._synced_slot = 0
        self._generation = 0

    def read(self) -> Head | None:
        """The newest good slot, None when there is no file. Raises StoreCorrupt (head-corrupt)."""
        try:
            return self._newest(self._path.read_bytes())[2]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from error

    def write(self, head: Head, *, sync: bool) -> None:
        """Write the slot that was not synced last. With ``sync`` it is durable on return; else it survives a kill.

        Raises StoreFull or StoreError; the newest slot is then still good.
        """
        if len(head.incarnation) != _INCARNATION_BYTES or len(head.root) != _ROOT_BYTES:
            raise UsageError("a head has an incarnation of 8 bytes and a root of 32")
        try:
            if self._descriptor < 0 and not self._open(head):
                return
            slot, generation = 1 - self._synced_slot, self._generation + 1
            written = os.pwrite(self._descriptor, _encode(generation, head), slot * SLOT_BYTES)
            if written != SLOT_BYTES:
                raise self._full()
            if sync:
                os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._error(error) from error
        self._generation = generation
        if sync:
            self._synced_slot = slot

    def close(self) -> None:
        """Release the file. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, head: Head) -> bool:
        """Open an existing file, or create it with ``head`` in it; True when it existed."""
        existed = self._path.exists()
        if not existed:
            self._create(head)
        slot, generation, _ = self._newest(self._path.read_bytes())
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        # The process that wrote the newest may have been killed before it synced.
        os.fdatasync(self._descriptor)
        self._synced_slot, self._generation = slot, generation
        return existed

    def _create(self, head: Head) -> None:
        """Whoever finds the file finds a good slot in it: it is written under another name."""
        building = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(building, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.pwrite(descriptor, _encode(1, head) + bytes(SLOT_BYTES), 0) != 2 * SLOT_BYTES:
                raise self._full()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        building.rename(self._path)
        sync_directory(self._path.parent)

    def _newest(self, data: bytes) -> tuple[int, int, Head]:
        """Place, generation and head of the newest good slot."""
        good = [
            (slot, *found)
            for slot in (0, 1)
            if (found := _decode(data[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES])) is not None
        ]
        if not good:
            raise StoreCorrupt(
                f"no slot of the head file {self._path} is good",
                code="head-corrupt",
                next_step="Check the disk. Without the file a node starts, and notices no loss.",
            )
        return max(good, key=lambda slot: slot[1])

    def _full(self) -> StoreFull:
        return StoreFull(f"no space for {self._path}", next_step="Free space on its file system.")

    def _error(self, error: OSError) -> StoreError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return self._full()
        # What was not synced may be lost: the next write reads the slots again.
        self.close()
        return StoreError(f"the head file {self._path} failed: {error.strerror}", code="store-io")


def _encode(generation: int, head: Head) -> bytes:
    body = _FIELDS.pack(_MAGIC, generation, head.version, head.incarnation, head.size, head.root) + _PADDING
    return body + sha256(body).digest()


def _decode(slot: bytes) -> tuple[int, Head] | None:
    """Generation and head of a slot; None when it is damaged or was never written."""
    body, digest = slot[:-_DIGEST_BYTES], slot[-_DIGEST_BYTES:]
    if len(slot) != SLOT_BYTES or sha256(body).digest() != digest:
        return None
    magic, generation, version, incarnation, size, root = _FIELDS.unpack_from(body)
    return (generation, Head(version, incarnation, size, root)) if magic == _MAGIC else None
