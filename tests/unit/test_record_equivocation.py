"""Proofs of two histories under one key.

Shows REC-9.
"""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from parley import limits
from parley.crypto.signing import Ed25519Signer
from parley.errors import DecodeError, ParleyError, ProofInvalid, SignatureInvalid
from parley.record import consistency_proof, equivocation, leaf_hash, root_hash
from parley.record.checkpoint import Checkpoint
from parley.record.equivocation import EquivocationProof

SIGNER, OTHER = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
HONEST = [leaf_hash(bytes((n,))) for n in range(40)]
FORKED = [*HONEST[:2], leaf_hash(b"other"), *HONEST[3:]]


def head(leaves: list[bytes], size: int, origin: str = "parley/log") -> Checkpoint:
    return Checkpoint(origin, size, root_hash(leaves[:size]))


def prove(first: Checkpoint, second: Checkpoint, leaves: list[bytes]) -> EquivocationProof | None:
    return equivocation.prove(
        first, SIGNER.sign(first.body()), second, SIGNER.sign(second.body()), SIGNER.public, leaves
    )


def proved(old: int, new: int) -> EquivocationProof:
    found = prove(head(HONEST, old), head(FORKED, new), FORKED)
    assert found is not None
    return found


def test_every_pair_of_sizes_that_contradict_is_proven() -> None:
    for new in range(3, 20):
        for old in range(3, new + 1):
            read = equivocation.parse(proved(old, new).encode())
            assert read == proved(old, new)
            assert read.verify(SIGNER.public) == (head(HONEST, old), head(FORKED, new))


def test_the_first_entry_may_be_what_contradicts() -> None:
    other = [leaf_hash(b"other"), *HONEST[1:]]
    for new in (1, 2, 9):
        found = prove(head(HONEST, 1), head(other, new), other)
        assert found is not None
        assert found.verify(SIGNER.public) == (head(HONEST, 1), head(other, new))


def test_nothing_is_proven_of_an_empty_tree() -> None:
    wrong = Checkpoint("parley/log", 0, bytes(32))
    assert prove(wrong, head(FORKED, 9), FORKED) is None
    proof = EquivocationProof(wrong.sign(SIGNER), head(FORKED, 9).sign(SIGNER), bytes(32), (bytes(32),))
    assert code_of(proof) == "equivocation-false"


def test_the_order_of_the_arguments_does_not_matter() -> None:
    assert prove(head(FORKED, 9), head(HONEST, 5), FORKED) == proved(5, 9)


def test_what_agrees_is_not_proven() -> None:
    assert prove(head(HONEST, 5), head(HONEST, 9), HONEST) is None
    assert prove(head(HONEST, 2), head(FORKED, 9), FORKED) is None
    assert prove(head(HONEST, 5), head(HONEST, 5), HONEST) is None
    assert prove(head(HONEST, 0), head(FORKED, 9), FORKED) is None


def test_leaves_that_are_not_the_larger_trees_prove_nothing() -> None:
    assert prove(head(HONEST, 5), head(HONEST, 9), FORKED) is None
    assert prove(head(HONEST, 5), head(FORKED, 9), FORKED[:8]) is None


def code_of(proof: EquivocationProof, public: bytes = SIGNER.public) -> str:
    with pytest.raises(ParleyError) as caught:
        proof.verify(public)
    assert isinstance(caught.value, ProofInvalid | SignatureInvalid)
    return caught.value.code


def test_an_honest_history_cannot_be_accused() -> None:
    small, large = head(HONEST, 5).sign(SIGNER), head(HONEST, 9).sign(SIGNER)
    path = consistency_proof(HONEST[:9], 5)
    honest_root = root_hash(HONEST[:5])
    assert code_of(EquivocationProof(small, large, honest_root, path)) == "equivocation-false"
    for root in (bytes(32), root_hash(FORKED[:5])):
        assert code_of(EquivocationProof(small, large, root, path)) == "equivocation-false"
        forged = consistency_proof(FORKED[:9], 5)
        assert code_of(EquivocationProof(small, large, root, forged)) == "equivocation-false"
    assert code_of(EquivocationProof(small, small)) == "equivocation-false"
    assert code_of(EquivocationProof(small, large)) == "proof-malformed"


def test_each_part_of_a_proof_counts() -> None:
    whole = proved(5, 9)
    assert code_of(whole, OTHER.public) == "signature-missing"
    assert code_of(EquivocationProof(whole.larger, whole.smaller, whole.old_root, whole.path)) == "equivocation-false"
    assert code_of(replace(whole, larger=head(FORKED, 9).sign(OTHER))) == "signature-missing"
    assert code_of(replace(whole, larger=head(FORKED, 9, "parley/other").sign(SIGNER))) == "equivocation-false"
    assert code_of(replace(whole, path=whole.path[:-1])) == "proof-invalid"
    assert code_of(replace(whole, path=(*whole.path, bytes(32)))) == "proof-invalid"
    assert code_of(replace(whole, path=(whole.path[0][:31], *whole.path[1:]))) == "proof-malformed"
    assert code_of(replace(proved(5, 5), path=whole.path)) == "equivocation-false"
    assert code_of(replace(proved(5, 5), old_root=whole.old_root)) == "equivocation-false"


ENCODED = proved(5, 9).encode()
FIRST = base64.b64encode(proved(5, 9).old_root)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ENCODED[:-1],
        ENCODED.replace(b"@v1", b"@v2"),
        ENCODED.replace(b"@v1\n6\n", b"@v1\n05\n"),
        ENCODED.replace(b"@v1\n6\n", b"@v1\n5\n"),
        ENCODED.replace(b"@v1\n6\n", b"@v1\n-1\n"),
        ENCODED.replace(b"@v1\n6\n", b"@v1\n" + b"9" * 30 + b"\n"),
        ENCODED.replace(b"@v1\n6\n", b"@v1\n" + b"9" * 5000 + b"\n"),
        ENCODED.replace(FIRST, b""),
        ENCODED.replace(FIRST, FIRST[:40]),
        ENCODED.replace(b"\n5\nparley", b"\n4\nparley"),
        ENCODED.replace(b"\n", b"\r\n"),
        ENCODED + b"\n",
        b"\xff" + ENCODED,
        bytes(1 << 19),
    ],
)
def test_what_is_no_proof_of_equivocation(data: bytes) -> None:
    assert data != ENCODED
    with pytest.raises(DecodeError) as caught:
        equivocation.parse(data)
    assert caught.value.code in {"equivocation-malformed", "note-malformed"}


def test_a_proof_of_equivocation_may_be_as_large_as_its_bound() -> None:
    signed = head(HONEST, 1).sign(SIGNER)
    room = limits.MAX_DOCUMENT - len(EquivocationProof(signed, replace(signed, text="\n")).encode())
    made = EquivocationProof(signed, replace(signed, text="x" * room + "\n"))
    assert len(made.encode()) == limits.MAX_DOCUMENT
    assert equivocation.parse(made.encode()) == made
    larger = EquivocationProof(signed, replace(signed, text="x" * (room + 1) + "\n"))
    with pytest.raises(DecodeError) as caught:
        equivocation.parse(larger.encode())
    assert caught.value.code == "equivocation-malformed"
