"""Proofs of equivocation that a peer sends: whose they are, and what a peer may not do with them."""

from __future__ import annotations

import pytest

from parley.crypto.signing import Ed25519Signer
from parley.errors import DecodeError, DocumentError, ParleyError
from parley.ids import Incarnation, LineId, LogId, MemberNumber
from parley.protocol.gossip import Histories
from parley.protocol.membership import Member, Membership, NodeKeys
from parley.protocol.rows import Rows
from parley.protocol.trees import Trees
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.equivocation import EquivocationProof
from parley.stores.memory import MemoryStore

LINE = LineId(bytes(32))
SIGNER, OTHER = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
RUN = Incarnation(b"\xab" * 8)
ORIGIN = origin_of(LINE, "north", RUN)


def histories() -> Histories:
    keys = NodeKeys(SIGNER.public, b"", b"", b"", b"", b"", b"")
    north = Member(MemberNumber(1), "north", "North", ("en",), bytes(32), (1, 1), ((bytes(32), 1, keys),))
    membership = Membership(LINE, (), {MemberNumber(1): north}, {})
    rows = Rows(MemoryStore())
    trees = Trees(rows, lambda: membership, MemberNumber(0), lambda _charter, _message: True)
    return Histories(rows, trees, lambda: membership)


def evidence(origin: str, signer: Ed25519Signer = SIGNER) -> bytes:
    """Two roots at one size, signed by ``signer`` for ``origin``, whatever it is."""
    first, second = (Checkpoint(origin, 3, bytes((n,)) * 32).sign(signer) for n in (1, 2))
    return EquivocationProof(first, second).encode()


def test_a_proof_is_its_members_and_its_trees() -> None:
    log, data = histories().check_evidence(evidence(ORIGIN)) or (None, b"")
    assert log == LogId(MemberNumber(1), RUN)
    assert data == evidence(ORIGIN)


@pytest.mark.parametrize(
    "origin",
    [
        "parley",
        ORIGIN + "/more",
        ORIGIN[:-2],
        ORIGIN + "ab",
        ORIGIN[:-2] + "xy",
        ORIGIN.upper(),
        ORIGIN[:-16] + "AB" * 8,
        ORIGIN[:-16] + "ab " * 7 + "ab",
        ORIGIN[:-16],
        ORIGIN.replace("parley", "barley"),
        origin_of(LineId(b"\x01" * 32), "north", RUN),
    ],
)
def test_a_member_that_signs_an_origin_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(ParleyError) as caught:
        histories().check_evidence(evidence(origin))
    assert isinstance(caught.value, DecodeError)
    assert caught.value.code == ("note-malformed" if " " in origin else "equivocation-malformed")


def test_a_proof_under_another_key_or_code_is_refused() -> None:
    with pytest.raises(DecodeError) as caught:
        histories().check_evidence(evidence(ORIGIN, OTHER))
    assert caught.value.code == "equivocation-malformed"
    with pytest.raises(DocumentError):
        histories().check_evidence(evidence(origin_of(LINE, "nobody", RUN)))
