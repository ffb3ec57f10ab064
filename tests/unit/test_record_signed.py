"""Checkpoints, cosignatures and proof files: what verifies, and what is refused with which code."""

from __future__ import annotations

import base64

import pytest

from parley import limits
from parley.crypto.signing import Ed25519Signer, MlDsa44Signer
from parley.errors import DecodeError, ProofInvalid, SignatureInvalid
from parley.ids import Incarnation, LineId
from parley.record import checkpoint, inclusion_proof, leaf_hash, proof, root_hash
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.cosignature import (
    ED25519_BYTES,
    MLDSA44_BYTES,
    Cosignature,
    checkpoint_name,
    cosign_ed25519,
    cosign_mldsa44,
    ed25519_message,
    mldsa44_message,
    receipt_name,
)
from parley.record.proof import TlogProof
from parley.wire import note
from parley.wire.note import Note, NoteSignature

LINE = LineId(bytes(range(32)))
ORIGIN = origin_of(LINE, "north", Incarnation(b"\x01" * 8))
SIGNER, OTHER = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
PQ = MlDsa44Signer(b"\x03" * 32)
LEAVES = [leaf_hash(bytes((n,)) * 32) for n in range(7)]
HEAD = Checkpoint(ORIGIN, 7, root_hash(LEAVES))
NAME = receipt_name(LINE, "south")


def test_an_origin_names_line_member_and_run() -> None:
    assert f"parley/{LINE.hex()}/north/0101010101010101" == ORIGIN
    assert checkpoint_name(LINE, "north") == f"parley/{LINE.hex()}/north/checkpoint"


def test_a_checkpoint_is_three_lines() -> None:
    assert HEAD.text().split("\n") == [ORIGIN, "7", base64.b64encode(HEAD.root).decode(), ""]
    assert checkpoint.parse_text(HEAD.text()) == HEAD
    assert checkpoint.verify(note.parse(HEAD.sign(SIGNER).encode()), SIGNER.public) == HEAD


ROOT = base64.b64encode(HEAD.root).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n7\n",
        f"\n7\n{ROOT}\n",
        f"{ORIGIN}\n7\n{ROOT}",
        f"{ORIGIN}\n7\n{ROOT}\n\n",
        f"{ORIGIN}\n7\n{ROOT}\nextension\n",
        f"{ORIGIN}\n07\n{ROOT}\n",
        f"{ORIGIN}\n-7\n{ROOT}\n",
        f"{ORIGIN}\n+7\n{ROOT}\n",
        f"{ORIGIN}\n 7\n{ROOT}\n",
        f"{ORIGIN}\n7_0\n{ROOT}\n",
        f"{ORIGIN}\n\u0667\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 20}\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"{ORIGIN}\n7\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n7\n{ROOT[:40]}\n",
        f"{ORIGIN}\n7\n{ROOT} \n",
        f"{ORIGIN}\n7\n{ROOT[:-2]}{chr(ord(ROOT[-2]) + 1)}=\n",
        f"{ORIGIN}\n7\n\u00e9{ROOT[1:]}\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        checkpoint.parse_text(text)
    assert caught.value.code == "checkpoint-malformed"


def test_a_checkpoint_is_its_signers_alone() -> None:
    signed = HEAD.sign(SIGNER)
    with pytest.raises(SignatureInvalid) as caught:
        checkpoint.verify(signed, OTHER.public)
    assert caught.value.code == "signature-missing"
    other = Checkpoint(ORIGIN, 8, HEAD.root)
    with pytest.raises(SignatureInvalid) as caught:
        checkpoint.verify(Note(other.text(), signed.signatures), SIGNER.public)
    assert caught.value.code == "signature-invalid"


def test_an_ed25519_cosignature_covers_time_and_checkpoint() -> None:
    assert ed25519_message(HEAD, 1679315147) == b"cosignature/v1\ntime 1679315147\n" + HEAD.body()
    given = cosign_ed25519(SIGNER, HEAD, 1679315147)
    assert len(given.signature) == ED25519_BYTES
    given.verify(NAME, SIGNER.public, HEAD)
    for changed, head in [
        (Cosignature(1679315148, given.signature), HEAD),
        (given, Checkpoint(ORIGIN, 6, HEAD.root)),
        (given, Checkpoint(ORIGIN, 7, bytes(32))),
        (Cosignature(given.time, SIGNER.sign(HEAD.body())), HEAD),
    ]:
        with pytest.raises(SignatureInvalid):
            changed.verify(NAME, SIGNER.public, head)


def test_an_mldsa44_cosignature_covers_its_givers_name_too() -> None:
    message = mldsa44_message("w", 258, Checkpoint("log", 772, b"\x05" * 32))
    time, start, end = (n.to_bytes(8, "big") for n in (258, 0, 772))
    assert message == b"".join((b"subtree/v1\n\x00", b"\x01w", time, b"\x03log", start, end, b"\x05" * 32))
    given = cosign_mldsa44(PQ, NAME, HEAD, 5)
    assert len(given.signature) == MLDSA44_BYTES
    given.verify(NAME, PQ.public, HEAD)
    for changed, name, head in [
        (Cosignature(6, given.signature), NAME, HEAD),
        (given, checkpoint_name(LINE, "south"), HEAD),
        (given, NAME, Checkpoint(ORIGIN + "0", 7, HEAD.root)),
    ]:
        with pytest.raises(SignatureInvalid):
            changed.verify(name, PQ.public, head)


@pytest.mark.parametrize("time", [-1, 1 << 63, 1 << 64])
def test_a_cosignature_beyond_the_range_of_times_is_refused(time: int) -> None:
    for public, size in [(SIGNER.public, ED25519_BYTES), (PQ.public, MLDSA44_BYTES)]:
        with pytest.raises(SignatureInvalid) as caught:
            Cosignature(time, bytes(size)).verify(NAME, public, HEAD)
        assert caught.value.code == "cosignature-malformed"


@pytest.mark.parametrize("size", [0, 7, 8, 71, 73, 8 + 2419, 8 + 2421])
def test_a_cosignature_has_one_of_two_lengths(size: int) -> None:
    with pytest.raises(DecodeError) as caught:
        Cosignature.decode(bytes(size))
    assert caught.value.code == "cosignature-malformed"


def test_a_cosignature_time_has_63_bits() -> None:
    for size in (ED25519_BYTES, MLDSA44_BYTES):
        data = b"\x7f" + b"\xff" * 7 + bytes(size)
        assert Cosignature.decode(data).encode() == data
        with pytest.raises(DecodeError):
            Cosignature.decode(b"\x80" + data[1:])


@pytest.mark.parametrize("name", ["", "n" * 256, "\u00e9" * 128])
def test_a_name_in_a_cosignature_has_up_to_255_bytes(name: str) -> None:
    mldsa44_message("n" * 255, 0, HEAD)
    with pytest.raises(DecodeError) as caught:
        mldsa44_message(name, 0, HEAD)
    assert caught.value.code == "cosignature-malformed"


def test_a_cosignature_line_carries_the_key_id_of_its_algorithm() -> None:
    for given, public, algorithm in [
        (cosign_ed25519(SIGNER, HEAD, 9), SIGNER.public, note.COSIGNATURE_ED25519),
        (cosign_mldsa44(PQ, NAME, HEAD, 9), PQ.public, note.COSIGNATURE_MLDSA44),
    ]:
        line = given.line(NAME, public)
        assert line.key_id == note.key_id(NAME, algorithm, public)
        signed = note.parse(HEAD.sign(SIGNER).with_signature(line).encode())
        found = signed.signed_by(NAME, line.key_id)
        assert found is not None
        Cosignature.decode(found).verify(NAME, public, HEAD)
        assert checkpoint.verify(signed, SIGNER.public) == HEAD


LEAF = bytes((2,)) * 32
PROOF = TlogProof(2, inclusion_proof(LEAVES, 2), HEAD.sign(SIGNER), b"salt and statement")


def test_a_proof_binds_a_leaf_to_a_signed_checkpoint() -> None:
    read = proof.parse(PROOF.encode())
    assert read == PROOF
    assert read.verify(LEAF, SIGNER.public) == HEAD
    with pytest.raises(ProofInvalid):
        read.verify(LEAF + b"1", SIGNER.public)
    with pytest.raises(SignatureInvalid):
        read.verify(LEAF, OTHER.public)
    with pytest.raises(ProofInvalid):
        TlogProof(3, PROOF.path, PROOF.signed).verify(LEAF, SIGNER.public)


def test_a_proof_in_a_tree_of_one_has_no_path() -> None:
    head = Checkpoint(ORIGIN, 1, LEAVES[0])
    one = TlogProof(0, (), head.sign(SIGNER))
    assert one.encode().startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + head.body())
    assert proof.parse(one.encode()).verify(bytes(32), SIGNER.public) == head


ENCODED = PROOF.encode()
EXTRA = base64.b64encode(PROOF.extra)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ENCODED[:-1],
        ENCODED.replace(b"@v1", b"@v2"),
        ENCODED.replace(b"index 2", b"index 02"),
        ENCODED.replace(b"index 2", b"index -2"),
        ENCODED.replace(b"index 2", b"index +2"),
        ENCODED.replace(b"index 2", b"index 2_2"),
        ENCODED.replace(b"index 2", b"index " + b"9" * 5000),
        ENCODED.replace(b"index 2", b"Index 2"),
        ENCODED.replace(b"index 2\n", b""),
        ENCODED.replace(b"extra " + EXTRA, b"extra "),
        ENCODED.replace(b"extra " + EXTRA + b"\n", b"extra " + EXTRA + b"\nextra " + EXTRA + b"\n"),
        ENCODED.replace(base64.b64encode(PROOF.path[0]), base64.b64encode(PROOF.path[0][:31])),
        ENCODED.replace(base64.b64encode(PROOF.path[0]), base64.b64encode(PROOF.path[0])[:-1]),
        ENCODED.replace(b"\n\n", b"\n", 1),
        ENCODED.replace(b"\n", b"\r\n"),
    ],
)
def test_what_is_no_proof_file(data: bytes) -> None:
    assert data != ENCODED
    with pytest.raises(DecodeError) as caught:
        proof.parse(data)
    assert caught.value.code in {"proof-malformed", "note-malformed"}


def test_a_proof_file_is_bounded() -> None:
    with pytest.raises(DecodeError) as caught:
        proof.parse(bytes(1 << 19))
    assert caught.value.code == "proof-too-large"


def test_a_signature_by_a_name_that_is_not_the_origin_does_not_count() -> None:
    elsewhere = NoteSignature(
        "elsewhere", note.key_id("elsewhere", note.ED25519, SIGNER.public), SIGNER.sign(HEAD.body())
    )
    with pytest.raises(SignatureInvalid) as caught:
        checkpoint.verify(Note(HEAD.text(), (elsewhere,)), SIGNER.public)
    assert caught.value.code == "signature-missing"


def test_a_cosignature_of_the_first_second_is_one() -> None:
    cosign_ed25519(OTHER, HEAD, 0).verify(NAME, OTHER.public, HEAD)


def test_a_cosignature_of_the_last_second_is_one() -> None:
    last = (1 << 63) - 1
    cosign_ed25519(SIGNER, HEAD, last).verify(NAME, SIGNER.public, HEAD)
    cosign_mldsa44(PQ, NAME, HEAD, last).verify(NAME, PQ.public, HEAD)


def test_a_proof_file_may_be_as_large_as_its_bound() -> None:
    sizes = set()
    for index in (1, 10, 100, 1000):  # base64 grows by four bytes at a time, an index by one
        signed = HEAD.sign(SIGNER)
        room = limits.MAX_DOCUMENT - len(TlogProof(index, (), signed).encode()) - len("extra \n")
        made = TlogProof(index, (), signed, bytes(room // 4 * 3))
        assert proof.parse(made.encode()) == made
        sizes.add(len(made.encode()))
    assert max(sizes) == limits.MAX_DOCUMENT
