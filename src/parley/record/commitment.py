"""Blind leaves (D3): a 32-byte commitment stands for a statement, and says nothing of it.

To the whole line::

    commitment = SHA-256("parley/leaf/v1" 00 || salt || statement)

To some members only, so that each of the others can be shown that an entry is not addressed to it, and
learns nothing else::

    statement hash = SHA-256("parley/statement/v1" 00 || salt || statement)
    bit j          = HMAC-SHA-256(salt, "parley/audience/v1" 00 || j)[:16] || (01 if addressed else 00)
    audience root  = RFC 6962 root over the bits of members 0 .. n-1
    commitment     = SHA-256("parley/leaf-for/v1" 00 || audience root || statement hash)
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from parley import limits
from parley.crypto.kdf import hmac_sha256
from parley.errors import ProofInvalid
from parley.record.rfc6962 import HASH_BYTES, inclusion_proof, inclusion_root, leaf_hash, root_hash

SALT_BYTES: Final = 32
_BIT_SALT_BYTES: Final = 16
_LEAF: Final = b"parley/leaf/v1\x00"
_LEAF_FOR: Final = b"parley/leaf-for/v1\x00"
_STATEMENT: Final = b"parley/statement/v1\x00"
_AUDIENCE: Final = b"parley/audience/v1\x00"


def commit(salt: bytes, statement: bytes) -> bytes:
    """The commitment to a statement addressed to every member. ``salt`` has 32 bytes, or ProofInvalid."""
    _check_salt(salt)
    return sha256(_LEAF + salt + statement).digest()


def _check_salt(salt: bytes) -> None:
    # Of another length, one commitment would open in two ways: the end of the salt, or the statement's start.
    if len(salt) != SALT_BYTES:
        raise ProofInvalid(f"a salt of {len(salt)} bytes, {SALT_BYTES} wanted.", code="commitment-malformed")


def _check_members(members: int) -> None:
    if type(members) is not int or not 0 < members <= limits.MAX_MEMBERS:
        raise ProofInvalid(f"a line has 1 to {limits.MAX_MEMBERS} members, as a number.", code="commitment-malformed")


def _bits(salt: bytes, audience: int, members: int) -> list[bytes]:
    return [leaf_hash(_bit_salt(salt, j) + (b"\x01" if audience >> j & 1 else b"\x00")) for j in range(members)]


def _bit_salt(salt: bytes, member: int) -> bytes:
    return hmac_sha256(salt, _AUDIENCE + bytes((member,)))[:_BIT_SALT_BYTES]


def _leaf_for(audience_root: bytes, statement_hash: bytes) -> bytes:
    return sha256(_LEAF_FOR + audience_root + statement_hash).digest()


def commit_for(salt: bytes, statement: bytes, audience: int, members: int) -> bytes:
    """The commitment to a statement addressed to the members in the bit mask ``audience``, of ``members``.

    Raises ProofInvalid for a salt that has not 32 bytes, and for more members than a line has.
    """
    _check_salt(salt)
    _check_members(members)
    statement_hash = sha256(_STATEMENT + salt + statement).digest()
    return _leaf_for(root_hash(_bits(salt, audience, members)), statement_hash)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Proof to one member that an entry is not addressed to it."""

    statement_hash: bytes
    salt: bytes
    path: tuple[bytes, ...]


def exclusion_proof(salt: bytes, statement: bytes, audience: int, members: int, member: int) -> Exclusion:
    """The proof for ``member``. Raises ProofInvalid when the entry is addressed to it."""
    _check_salt(salt)
    _check_members(members)
    if not 0 <= member < members:
        raise ProofInvalid(f"no member {member} among {members}.", code="exclusion-malformed")
    if audience >> member & 1:
        raise ProofInvalid(f"the entry is addressed to member {member}.", code="exclusion-false")
    statement_hash = sha256(_STATEMENT + salt + statement).digest()
    path = inclusion_proof(_bits(salt, audience, members), member)
    return Exclusion(statement_hash, _bit_salt(salt, member), path)


def _check_octets(value: object, size: int) -> None:
    if not isinstance(value, bytes) or len(value) != size:
        raise ProofInvalid(f"an exclusion without its {size} bytes.", code="exclusion-malformed")


def excluded_commitment(member: int, members: int, exclusion: Exclusion) -> bytes:
    """The commitment of which ``exclusion`` proves that it is not addressed to ``member``.

    Raises ProofInvalid when the path has not the length for ``member`` of ``members``, or anything given is
    not of its type and size.
    """
    _check_members(members)
    _check_octets(exclusion.statement_hash, HASH_BYTES)
    _check_octets(exclusion.salt, _BIT_SALT_BYTES)
    if type(member) is not int or not 0 <= member < members:
        raise ProofInvalid(f"a member's number is less than {members}.", code="exclusion-malformed")
    leaf = leaf_hash(exclusion.salt + b"\x00")
    computed = inclusion_root(leaf, member, members, exclusion.path)
    return _leaf_for(computed, exclusion.statement_hash)


def verify_exclusion(commitment: bytes, member: int, members: int, exclusion: Exclusion) -> None:
    """Raises ProofInvalid unless the entry committed to is provably not addressed to ``member``."""
    if excluded_commitment(member, members, exclusion) != commitment:
        raise ProofInvalid("the exclusion belongs to another commitment.", code="exclusion-false")
