"""Blind leaves, and proofs that an entry is not addressed to a member.

Shows REC-4, REC-5.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from parley.errors import ProofInvalid
from parley.record.commitment import Exclusion, commit, commit_for, exclusion_proof, verify_exclusion
from parley.record.rfc6962 import leaf_hash

SALT, STATEMENT = bytes(range(32)), b"statement"


def test_a_commitment_binds_salt_and_statement() -> None:
    made = commit(SALT, STATEMENT)
    assert made == sha256(b"parley/leaf/v1\x00" + SALT + STATEMENT).digest()
    assert made not in {commit(SALT, b"statemenu"), commit(SALT[::-1], STATEMENT)}


def test_a_commitment_opens_in_one_way_only() -> None:
    # With a shorter or longer salt the same bytes could be divided elsewhere.
    for salt, statement in [(SALT[:31], SALT[31:] + STATEMENT), (SALT + STATEMENT[:1], STATEMENT[1:])]:
        for make in (
            commit,
            lambda s, t: commit_for(s, t, 1, 2),
            lambda s, t: exclusion_proof(s, t, 1, 2, 1),
        ):
            with pytest.raises(ProofInvalid) as caught:
                make(salt, statement)
            assert caught.value.code == "commitment-malformed"


@pytest.mark.parametrize("members", [1, 2, 3, 5, 8, 31, 32])
def test_exactly_the_others_can_be_shown_that_an_entry_is_not_for_them(members: int) -> None:
    everyone = (1 << members) - 1
    for audience in {0, 1, 0b101 & everyone, everyone, 1 << members - 1}:
        commitment = commit_for(SALT, STATEMENT, audience, members)
        for member in range(members):
            if audience >> member & 1:
                with pytest.raises(ProofInvalid) as caught:
                    exclusion_proof(SALT, STATEMENT, audience, members, member)
                assert caught.value.code == "exclusion-false"
            else:
                proof = exclusion_proof(SALT, STATEMENT, audience, members, member)
                verify_exclusion(commitment, member, members, proof)


MEMBERS, AUDIENCE = 5, 0b00110
COMMITMENT = commit_for(SALT, STATEMENT, AUDIENCE, MEMBERS)
PROOF = exclusion_proof(SALT, STATEMENT, AUDIENCE, MEMBERS, 3)


def refused(member: Any = 3, members: Any = MEMBERS, **changed: Any) -> str:
    """The code with which a changed proof is refused."""
    fields = {"statement_hash": PROOF.statement_hash, "salt": PROOF.salt, "path": PROOF.path, **changed}
    with pytest.raises(ProofInvalid) as caught:
        verify_exclusion(COMMITMENT, member, members, Exclusion(**fields))
    return caught.value.code


def test_a_proof_is_one_members_for_one_entry() -> None:
    assert refused(member=0) == "exclusion-false"
    assert refused(member=2) == "exclusion-false"
    assert refused(statement_hash=bytes(32)) == "exclusion-false"
    assert refused(salt=bytes(16)) == "exclusion-false"
    assert refused(path=(PROOF.path[0][::-1], *PROOF.path[1:])) == "exclusion-false"
    assert refused(path=PROOF.path[:-1]) == "proof-invalid"
    assert refused(path=(*PROOF.path, bytes(32))) == "proof-invalid"
    assert refused(members=9) == "proof-invalid"


def test_a_recipients_bit_cannot_be_shown_as_an_exclusion() -> None:
    # What the recipient's own leaf holds ends in 01, whatever is offered as its salt.
    for salt in (PROOF.salt + b"\x01", PROOF.salt[:15], b""):
        assert refused(salt=salt) == "exclusion-malformed"


@pytest.mark.parametrize("garbage", [None, True, -1, 33, 1 << 70, 1.5, "3", b"3", [], object()])
def test_garbage_is_refused_in_one_way(garbage: Any) -> None:
    for place in ("member", "members", "statement_hash", "salt", "path"):
        assert refused(**{place: garbage}) in {
            "exclusion-malformed",
            "commitment-malformed",
            "proof-malformed",
            "proof-invalid",
            "exclusion-false",
        }
    assert refused(path=(garbage, *PROOF.path[1:])) == "proof-malformed"


@pytest.mark.parametrize(("members", "member"), [(0, 0), (33, 0), (5, 5), (5, -1)])
def test_no_proof_about_who_is_no_member(members: int, member: int) -> None:
    with pytest.raises(ProofInvalid):
        exclusion_proof(SALT, STATEMENT, 0, members, member)


def test_a_proof_shows_nothing_of_the_other_bits() -> None:
    # Each sibling is a hash over 16 bytes that only the author knows, so neither value can be guessed.
    guesses = {leaf_hash(PROOF.salt + bit) for bit in (b"\x00", b"\x01")}
    assert guesses.isdisjoint(PROOF.path)


@pytest.mark.parametrize(
    ("member", "code"), [(-1, "exclusion-malformed"), (5, "exclusion-malformed"), (1, "exclusion-false")]
)
def test_no_exclusion_of_who_is_none_or_is_addressed(member: int, code: str) -> None:
    with pytest.raises(ProofInvalid) as caught:
        exclusion_proof(SALT, STATEMENT, 0b00010, 5, member)
    assert caught.value.code == code
