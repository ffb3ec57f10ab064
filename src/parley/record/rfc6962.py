"""Merkle tree hashing and proofs (RFC 6962 section 2.1; verified as in RFC 9162 sections 2.1.3 and 2.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from parley.errors import DecodeError, ProofInvalid, UsageError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_MAX_SIZE: Final = 1 << 63


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data): the hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right): the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (size > 1)."""
    return 1 << (size - 1).bit_length() - 1


def root_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over ``leaf_hashes``; SHA-256 of nothing for an empty tree."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        paired = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf ``index`` (RFC 6962 section 2.1.1). Raises UsageError outside the tree."""
    size = len(leaf_hashes)
    if not 0 <= index < size:
        raise UsageError(f"no leaf {index} in a tree of {size}.", code="proof-outside")
    if size == 1:
        return ()
    k = _split(size)
    if index < k:
        return (*inclusion_proof(leaf_hashes[:k], index), root_hash(leaf_hashes[k:]))
    return (*inclusion_proof(leaf_hashes[k:], index - k), root_hash(leaf_hashes[:k]))


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Proof that the first ``old_size`` leaves are a prefix (RFC 6962 section 2.1.2). Raises UsageError."""
    size = len(leaf_hashes)
    if not 0 <= old_size <= size:
        raise UsageError(f"no tree of {old_size} within one of {size}.", code="proof-outside")
    if old_size in (0, size):
        return ()
    return _subproof(leaf_hashes, old_size, whole=True)


def _subproof(leaf_hashes: Sequence[bytes], old: int, *, whole: bool) -> tuple[bytes, ...]:
    size = len(leaf_hashes)
    if old == size:
        return () if whole else (root_hash(leaf_hashes),)
    k = _split(size)
    if old <= k:
        return (*_subproof(leaf_hashes[:k], old, whole=whole), root_hash(leaf_hashes[k:]))
    return (*_subproof(leaf_hashes[k:], old - k, whole=False), root_hash(leaf_hashes[:k]))


def _check_hash(value: object, what: str) -> None:
    if not isinstance(value, bytes) or len(value) != HASH_BYTES:
        raise ProofInvalid(f"the {what} is not a hash of {HASH_BYTES} bytes.", code="proof-malformed")


def _check_number(value: object, what: str) -> None:
    if type(value) is not int or not 0 <= value < _MAX_SIZE:
        raise ProofInvalid(f"the {what} is not a number of entries.", code="proof-malformed")


def _check_path(proof: object) -> None:
    if not isinstance(proof, list | tuple):
        raise ProofInvalid("the proof is not a sequence of hashes.", code="proof-malformed")
    for element in proof:
        _check_hash(element, "proof's element")


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that ``proof`` leads to from ``leaf`` (RFC 9162 section 2.1.3.2).

    Raises ProofInvalid when the proof does not have the shape for the place, whatever is given.
    """
    _check_hash(leaf, "leaf hash")
    _check_number(index, "index")
    _check_number(size, "size")
    _check_path(proof)
    if not 0 <= index < size:
        raise ProofInvalid(f"leaf {index} is not in a tree of {size}.")
    fn, sn, computed = index, size - 1, leaf
    for element in proof:
        if sn == 0:
            raise ProofInvalid("the inclusion proof is too long.")
        if fn & 1 or fn == sn:
            computed = node_hash(element, computed)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            computed = node_hash(computed, element)
        fn >>= 1
        sn >>= 1
    if sn:
        raise ProofInvalid("the inclusion proof is too short.")
    return computed


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofInvalid unless ``leaf_hash`` is leaf ``index`` of the tree of ``size`` with ``root``.

    RFC 9162 section 2.1.3.2. Whatever is given, the outcome is None or ProofInvalid.
    """
    _check_hash(root, "root")
    if inclusion_root(leaf_hash, index, size, proof) != root:
        raise ProofInvalid("the inclusion proof leads to another root.")


def consistency_roots(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """The roots at both sizes that ``proof`` leads to (RFC 9162 section 2.1.4.2), for 0 < old < new.

    ``old_root`` takes the place of the proof's first element where the old tree is a whole subtree.
    Raises ProofInvalid when the proof does not have the shape for the sizes.
    """
    _check_number(old_size, "old size")
    _check_number(new_size, "new size")
    _check_path(proof)
    _check_hash(old_root, "old root")
    if not 0 < old_size < new_size:
        raise ProofInvalid(f"no consistency path from {old_size} to {new_size}.")
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofInvalid("the consistency proof is empty.")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for element in path[1:]:
        if sn == 0:
            raise ProofInvalid("the consistency proof is too long.")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(element, fr), node_hash(element, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, element)
        fn >>= 1
        sn >>= 1
    if sn:
        raise ProofInvalid("the consistency proof is too short.")
    return fr, sr


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ProofInvalid unless the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    Whatever is given, the outcome is None or ProofInvalid.
    """
    _check_number(old_size, "old size")
    _check_number(new_size, "new size")
    _check_hash(old_root, "old root")
    _check_hash(new_root, "new root")
    _check_path(proof)
    if old_size > new_size:
        raise ProofInvalid(f"a tree of {old_size} cannot be a prefix of one of {new_size}.")
    if old_size in (0, new_size):
        if proof:
            raise ProofInvalid("a consistency proof where none belongs.")
        if old_size == new_size and old_root != new_root:
            raise ProofInvalid("one size with two roots.")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise ProofInvalid("the root of an empty tree is SHA-256 of nothing.")
        return
    first, second = consistency_roots(old_size, new_size, proof, old_root)
    if first != old_root:
        raise ProofInvalid("the consistency proof leads to another old root.")
    if second != new_root:
        raise ProofInvalid("the consistency proof leads to another new root.")


@dataclass(frozen=True, slots=True)
class Frontier:
    """The hashes of the perfect subtrees that make up a tree, largest first: enough to go on (RFC 6962)."""

    size: int
    hashes: tuple[bytes, ...]

    @classmethod
    def empty(cls) -> Frontier:
        """Of a tree without entries."""
        return cls(0, ())

    def append(self, leaf: bytes) -> Frontier:
        """With one leaf hash more."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """With more leaf hashes, in order."""
        stack, size = list(self.hashes), self.size
        for leaf in leaves:
            computed, merge = leaf, size
            while merge & 1:
                computed = sha256(b"\x01" + stack.pop() + computed).digest()
                merge >>= 1
            stack.append(computed)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        computed = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            computed = node_hash(left, computed)
        return computed

    def encode(self) -> bytes:
        """8 bytes of size, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """From ``encode``. Raises DecodeError."""
        size = int.from_bytes(data[:8], "big")
        count = size.bit_count()
        if len(data) != 8 + HASH_BYTES * count:
            raise DecodeError(f"a frontier of {len(data)} bytes for {size} entries.", code="frontier-malformed")
        hashes = (data[8 + HASH_BYTES * i : 40 + HASH_BYTES * i] for i in range(count))
        return cls(size, tuple(hashes))
