"""Properties of the record: any bytes decode or are refused, and no history has two proofs of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from parley.crypto.signing import Ed25519Signer
from parley.errors import DecodeError, ParleyError, ProofInvalid
from parley.record import (
    Frontier,
    consistency_proof,
    equivocation,
    inclusion_proof,
    leaf_hash,
    proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from parley.record.checkpoint import Checkpoint, parse_text
from parley.record.commitment import Exclusion, commit, commit_for, exclusion_proof, verify_exclusion
from parley.record.cosignature import Cosignature
from parley.record.equivocation import EquivocationProof
from parley.record.proof import TlogProof
from parley.wire import note

SIGNER = Ed25519Signer(b"\x07" * 32)
LEAVES = [leaf_hash(n.to_bytes(2, "big")) for n in range(300)]
hashes = st.binary(min_size=32, max_size=32)
near_hashes = hashes | st.binary(max_size=40)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | hashes,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(st.integers(), inner, max_size=2),
    max_leaves=5,
)


@st.composite
def trees(draw: st.DrawFn) -> list[bytes]:
    return draw(st.sampled_from([LEAVES, LEAVES[::-1]]))[: draw(st.integers(1, len(LEAVES)))]


@given(trees(), st.data())
def test_proofs_hold_for_what_they_were_made_for(tree: list[bytes], data: st.DataObject) -> None:
    size, root = len(tree), root_hash(tree)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    verify_inclusion(tree[index], index, size, inclusion_proof(tree, index), root)
    verify_consistency(old, size, root_hash(tree[:old]), root, consistency_proof(tree, old))
    grown = Frontier.decode(Frontier.empty().extend(tree[:old]).encode()).extend(tree[old:])
    assert grown == Frontier.empty().extend(tree)
    assert grown.root() == root


@given(trees(), st.data())
def test_a_proof_holds_for_one_place_in_one_tree(tree: list[bytes], data: st.DataObject) -> None:
    size, root = len(tree), root_hash(tree)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(tree, index)
    elsewhere = data.draw(st.integers(-2, 2 * size).filter(lambda n: n != index))
    with pytest.raises(ProofInvalid):
        verify_inclusion(tree[index], elsewhere, size, path, root)
    old, other = data.draw(st.integers(1, size)), data.draw(hashes)
    path = consistency_proof(tree, old)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, size, other, root, path)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, size, root_hash(tree[:old]), other, path)


@given(anything, anything, anything, anything | st.lists(near_hashes, max_size=5), anything)
@example(bytes(32), 0, 1 << 70, [], bytes(32))
@example(bytes(32), 10**5000, 10**5001, [], bytes(32))
@example(bytes(32), False, True, [], bytes(32))
def test_the_verifiers_are_total(a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    with pytest.raises(ProofInvalid):
        verify_inclusion(a, b, c, d, e)
    with pytest.raises(ProofInvalid):
        verify_consistency(b, c, a, e, d)
    with pytest.raises(ProofInvalid):
        verify_exclusion(a, b, c, Exclusion(a, e, d))


@given(st.integers(-2, 20), st.integers(-2, 20), st.lists(near_hashes, max_size=6), near_hashes, near_hashes)
def test_random_hashes_prove_nothing(a: int, b: int, path: list[bytes], first: bytes, second: bytes) -> None:
    assume(first != second)
    with pytest.raises(ProofInvalid):
        verify_inclusion(first, a, b, path, second)
    with pytest.raises(ProofInvalid):
        verify_consistency(a, b, first, second, path)


HEAD = Checkpoint("parley/log", 20, root_hash(LEAVES[:20]))
FORK = Checkpoint("parley/log", 9, root_hash(LEAVES[1:10]))
PROOF = TlogProof(5, inclusion_proof(LEAVES[:20], 5), HEAD.sign(SIGNER), b"extra")
FOUND = equivocation.prove(HEAD, SIGNER.sign(HEAD.body()), FORK, SIGNER.sign(FORK.body()), SIGNER.public, LEAVES[:20])
GOOD = [
    HEAD.sign(SIGNER).encode(),
    HEAD.body(),
    PROOF.encode(),
    FOUND.encode() if FOUND else b"",
    Frontier.empty().extend(LEAVES[:5]).encode(),
    Cosignature(7, bytes(64)).encode(),
]


def read_checkpoint(data: bytes) -> Checkpoint:
    try:
        return parse_text(data.decode())
    except UnicodeDecodeError:
        raise DecodeError("not text") from None


DECODERS: list[tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = [
    (note.parse, note.Note.encode),
    (read_checkpoint, Checkpoint.body),
    (proof.parse, TlogProof.encode),
    (equivocation.parse, EquivocationProof.encode),
    (Frontier.decode, Frontier.encode),
    (Cosignature.decode, Cosignature.encode),
]
NAMES = ["note", "checkpoint", "proof", "equivocation", "frontier", "cosignature"]
PIECES = [
    b"\n",
    b"\n\n",
    b" ",
    b"+",
    b"=",
    b"A",
    b"0",
    b"-1",
    "\u2014 ".encode(),
    b"\xff",
    b"\r",
    b"\x00",
    b"9" * 30,
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good encoding with some of it cut out, replaced, or repeated."""
    data = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        middle = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(data[start : end + 20]))
        data = data[:start] + middle + data[end:]
    return data


@pytest.mark.parametrize(("decode", "encode"), DECODERS, ids=NAMES)
@given(data=damaged() | st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_decode_to_what_encodes_to_them_or_are_refused(
    decode: Callable[[bytes], Any], encode: Callable[[Any], bytes], data: bytes
) -> None:
    try:
        value = decode(data)
    except DecodeError:
        return
    assert encode(value) == data


@given(damaged())
def test_what_decodes_is_verified_or_refused(data: bytes) -> None:
    for parse in (proof.parse, equivocation.parse):
        try:
            value = parse(data)
        except DecodeError:
            continue
        if value not in (PROOF, FOUND):
            try:
                value.verify(bytes(32)) if isinstance(value, EquivocationProof) else value.verify(b"", SIGNER.public)
            except ParleyError:
                continue
            pytest.fail("a damaged proof was accepted")


@given(hashes, st.binary(max_size=80), st.integers(1, 32), st.data())
def test_an_exclusion_holds_for_who_is_excluded(
    salt: bytes, statement: bytes, members: int, data: st.DataObject
) -> None:
    audience = data.draw(st.integers(0, (1 << members) - 1))
    member = data.draw(st.integers(0, members - 1))
    commitment = commit_for(salt, statement, audience, members)
    assert commitment != commit(salt, statement)
    if audience >> member & 1:
        with pytest.raises(ProofInvalid):
            exclusion_proof(salt, statement, audience, members, member)
        return
    excluded = exclusion_proof(salt, statement, audience, members, member)
    verify_exclusion(commitment, member, members, excluded)
    with pytest.raises(ProofInvalid):
        verify_exclusion(commit_for(salt, statement, audience | 1 << member, members), member, members, excluded)
