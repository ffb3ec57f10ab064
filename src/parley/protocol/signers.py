"""A node's signing and opening keys, as the core uses them."""

from __future__ import annotations

from dataclasses import dataclass

from parley.crypto.kem import KemPrivate
from parley.crypto.signing import Signer


@dataclass(frozen=True, slots=True)
class Signers:
    """The node's keys, one job each (D16). ``kem`` opens what is sealed to the certificate's key."""

    checkpoint: Signer
    checkpoint_pq: Signer
    receipt: Signer
    receipt_pq: Signer
    announce: Signer
    kem: KemPrivate
    older_kems: tuple[KemPrivate, ...] = ()
    """Of certificates before: who does not know the newest yet seals to these."""
