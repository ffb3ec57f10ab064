"""RFC 6962 trees against the definitions of section 2.1, exhaustively for small sizes; and garbage.

Shows REC-1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import pytest

from parley.errors import DecodeError, ProofInvalid, UsageError
from parley.record import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from parley.record.rfc6962 import consistency_roots

SIZE = 40
DATA = [bytes((n,)) * n for n in range(SIZE + 1)]
LEAVES = [leaf_hash(data) for data in DATA]


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(data: Sequence[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962 section 2.1, as it stands there."""
    if not data:
        return sha256().digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = split(len(data))
    return sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of section 2.1.1."""
    if len(data) == 1:
        return []
    k = split(len(data))
    return [*path(m, data[:k]), mth(data[k:])] if m < k else [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m: int, data: Sequence[bytes], *, known: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of section 2.1.2."""
    if m == len(data):
        return [] if known else [mth(data)]
    k = split(len(data))
    if m <= k:
        return [*subproof(m, data[:k], known=known), mth(data[k:])]
    return [*subproof(m - k, data[k:], known=False), mth(data[:k])]


def test_roots_of_every_size() -> None:
    for size in range(SIZE + 1):
        expected = mth(DATA[:size])
        assert root_hash(LEAVES[:size]) == expected
        assert Frontier.empty().extend(LEAVES[:size]).root() == expected


def test_inclusion_of_every_leaf_in_every_size() -> None:
    for size in range(1, SIZE + 1):
        root = mth(DATA[:size])
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            assert list(proof) == path(index, DATA[:size])
            verify_inclusion(LEAVES[index], index, size, proof, root)


def test_consistency_of_every_pair_of_sizes() -> None:
    roots = [mth(DATA[:size]) for size in range(SIZE + 1)]
    for new in range(SIZE + 1):
        for old in range(new + 1):
            proof = consistency_proof(LEAVES[:new], old)
            assert list(proof) == (subproof(old, DATA[:new], known=True) if 0 < old < new else [])
            verify_consistency(old, new, roots[old], roots[new], proof)


def other_paths(proof: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The proof with each element changed, left out or doubled, cut short, drawn out, and in reverse."""
    full = list(proof)
    for place, element in enumerate(full):
        changed = bytes((element[0] ^ 1,)) + element[1:]
        yield [*full[:place], changed, *full[place + 1 :]]
        yield full[:place] + full[place + 1 :]
        yield [*full[:place], element, *full[place:]]
    yield [*full, bytes(32)]
    yield [bytes(32), *full]
    if full != full[::-1]:
        yield full[::-1]


def test_no_other_path_proves_inclusion() -> None:
    for size in range(1, 18):
        root = mth(DATA[:size])
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            for other in other_paths(proof):
                with pytest.raises(ProofInvalid):
                    verify_inclusion(LEAVES[index], index, size, other, root)
            for elsewhere in set(range(-1, size + 2)) - {index}:
                with pytest.raises(ProofInvalid):
                    verify_inclusion(LEAVES[index], elsewhere, size, proof, root)
            for leaf, top in [(LEAVES[index + 1], root), (LEAVES[index], LEAVES[-1])]:
                with pytest.raises(ProofInvalid):
                    verify_inclusion(leaf, index, size, proof, top)


def test_no_other_path_proves_consistency() -> None:
    roots = [mth(DATA[:size]) for size in range(SIZE)]
    for new in range(1, 18):
        for old in range(1, new):
            proof = consistency_proof(LEAVES[:new], old)
            for other in other_paths(proof):
                with pytest.raises(ProofInvalid):
                    verify_consistency(old, new, roots[old], roots[new], other)
            for first, second in [(roots[old + 1], roots[new]), (roots[old], roots[new + 1])]:
                with pytest.raises(ProofInvalid):
                    verify_consistency(old, new, first, second, proof)


def test_an_inner_node_cannot_pass_for_a_leaf() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


H = LEAVES[1]
EMPTY = sha256().digest()
GARBAGE: list[Any] = [
    None,
    True,
    1.0,
    -1,
    1 << 64,
    10**5000,
    "1",
    b"",
    b"1",
    (),
    [],
    {},
    object(),
    H[:31],
    H + b"1",
]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: type(value).__name__)
def test_the_verifiers_fail_in_one_way_on_garbage(place: int, garbage: Any) -> None:
    inclusion: list[Any] = [LEAVES[2], 2, 7, inclusion_proof(LEAVES[:7], 2), root_hash(LEAVES[:7])]
    consistency: list[Any] = [
        3, 7, root_hash(LEAVES[:3]), root_hash(LEAVES[:7]), consistency_proof(LEAVES[:7], 3)
    ]  # fmt: skip
    verify_inclusion(*inclusion)
    verify_consistency(*consistency)
    verifiers: list[tuple[Callable[..., None], list[Any]]] = [
        (verify_inclusion, inclusion),
        (verify_consistency, consistency),
    ]
    for verify, arguments in verifiers:
        with pytest.raises(ProofInvalid) as caught:
            verify(*arguments[:place], garbage, *arguments[place + 1 :])
        is_path = place == (3 if arguments is inclusion else 4)
        assert caught.value.code == ("proof-invalid" if garbage in ([], ()) and is_path else "proof-malformed")
        if is_path:
            with pytest.raises(ProofInvalid) as caught:
                verify(*arguments[:place], [garbage, *arguments[place][1:]], *arguments[place + 1 :])
            assert caught.value.code == "proof-malformed"


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof"),
    [
        (0, 0, H, EMPTY, []),
        (0, 0, H, H, []),
        (0, 3, EMPTY, H, [H]),
        (0, 3, H, H, []),
        (3, 3, H, LEAVES[2], []),
        (3, 3, H, H, [H]),
        (4, 3, H, H, []),
        (2, 3, H, H, []),
        (True, 1, H, H, []),
    ],
)
def test_consistency_at_its_edges(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> None:
    with pytest.raises(ProofInvalid):
        verify_consistency(old, new, old_root, new_root, proof)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (3, 3), (4, 3), (-1, 3), (3, 1 << 64)])
def test_there_is_a_path_only_from_a_smaller_tree(old: int, new: int) -> None:
    assert consistency_roots(3, 7, consistency_proof(LEAVES[:7], 3), bytes(32)) == (
        root_hash(LEAVES[:3]),
        root_hash(LEAVES[:7]),
    )
    with pytest.raises(ProofInvalid):
        consistency_roots(old, new, [H, H], H)


@pytest.mark.parametrize(("size", "place"), [(0, 0), (3, 3), (3, -1)])
def test_no_proof_of_what_is_outside_the_tree(size: int, place: int) -> None:
    with pytest.raises(UsageError):
        inclusion_proof(LEAVES[:size], place)
    with pytest.raises(UsageError):
        consistency_proof(LEAVES[:size], place + (place == size))


def test_a_frontier_goes_on_from_its_encoding() -> None:
    frontier = Frontier.empty()
    for size in range(SIZE):
        assert frontier.root() == root_hash(LEAVES[:size])
        frontier = Frontier.decode(frontier.encode()).append(LEAVES[size])
        assert frontier == Frontier.empty().extend(LEAVES[: size + 1])


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(40), bytes(7) + b"\x01", bytes(7) + b"\x01" + bytes(33)])
def test_what_is_no_frontier(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        Frontier.decode(data)
    assert caught.value.code == "frontier-malformed"


@pytest.mark.parametrize("make", [inclusion_proof, consistency_proof])
@pytest.mark.parametrize("outside", [-1, 6])
def test_nothing_is_proven_outside_the_tree(make: Callable[[Sequence[bytes], int], object], outside: int) -> None:
    with pytest.raises(UsageError) as caught:
        make(LEAVES[:5], outside)
    assert caught.value.code == "proof-outside"
