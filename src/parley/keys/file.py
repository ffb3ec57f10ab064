"""Keys in files, readable by their owner alone: a party's root keys, and a node's keys for one line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from parley.crypto.kem import KemPrivate
from parley.crypto.signing import Ed25519Signer, MlDsa44Signer
from parley.errors import KeyUnavailable
from parley.protocol.signers import Signers
from parley.wire.documents import NodeKeys

_SEEDS: Final = {
    "checkpoint": 32,
    "checkpoint_pq": 32,
    "receipt": 32,
    "receipt_pq": 32,
    "announce": 32,
    "kem": 96,
    "tls": 32,
    "store": 32,
}


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read: whole and durable, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


# -- root keys ---------------------------------------------------------------------------------------------


def create_root_key(path: Path, passphrase: bytes | None) -> bytes:
    """A new root key in an (encrypted) PKCS #8 file; its public key. Raises KeyUnavailable when there is one."""
    if path.exists():
        raise KeyUnavailable(f"{path} exists already and is not replaced.", code="key-exists")
    key = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    write_private(path, pem)
    return key.public_key().public_bytes_raw()


def load_root_key(path: Path, passphrase: bytes | None) -> Ed25519Signer:
    """The root key in ``path``. Raises KeyUnavailable."""
    try:
        pem = path.read_bytes()
        encrypted = b"ENCRYPTED" in pem
        if encrypted and not passphrase:
            raise KeyUnavailable(
                f"{path} is protected by a passphrase.",
                code="passphrase-needed",
                next_step="Give it in the environment variable PARLEY_PASSPHRASE.",
            )
        key = serialization.load_pem_private_key(pem, passphrase if encrypted else None)
    except OSError as error:
        raise KeyUnavailable(f"{path} cannot be read: {error.strerror}.", code="key-missing") from error
    except ValueError as error:
        raise KeyUnavailable(f"{path} does not open with this passphrase.", code="passphrase-wrong") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnavailable(f"{path} holds no Ed25519 key.", code="key-malformed")
    return Ed25519Signer(key.private_bytes_raw())


# -- a node's keys -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeKeyFile:
    """A node's secrets for one line, one job each (D16)."""

    seeds: dict[str, bytes]

    @classmethod
    def draw(
        cls, entropy: Callable[[int], bytes], keep: NodeKeyFile | None = None, *, compromised: bool = False
    ) -> NodeKeyFile:
        """New keys, in memory; with ``keep``, the store, TLS and announce keys stay those.

        The certificate of the new keys reaches the peers over the line, which needs these until it has. Where ``keep``
        is ``compromised``, the store key alone stays, since the store lies under it (ADR 90).
        """
        seeds = {name: entropy(length) for name, length in _SEEDS.items()}
        if keep is not None:
            staying = ("store",) if compromised else ("store", "tls", "announce")
            seeds.update({name: keep.seeds[name] for name in staying})
        return cls(seeds)

    def write(self, path: Path) -> None:
        """Keep the keys in ``path``, for the owner alone: whole and durable, or not at all."""
        lines = ["# Parley node keys. Secret: whoever has this file can speak for this node.\n"]
        lines += [f'{name} = "{seed.hex()}"\n' for name, seed in self.seeds.items()]
        write_private(path, "".join(lines).encode())

    @classmethod
    def load(cls, path: Path) -> NodeKeyFile:
        """The keys in ``path``. Raises KeyUnavailable."""
        try:
            table = tomllib.loads(path.read_text())
            seeds = {name: bytes.fromhex(table[name]) for name in _SEEDS}
        except FileNotFoundError as error:
            raise KeyUnavailable(
                f"{path} is not there, so this node cannot speak for its party.",
                code="key-missing",
                next_step="Put the file back from where it was kept, or rotate the node's keys.",
            ) from error
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise KeyUnavailable(f"{path} is not a node key file: {error}.", code="key-malformed") from error
        if any(len(seeds[name]) != length for name, length in _SEEDS.items()):
            raise KeyUnavailable(f"{path} holds a key of wrong length.", code="key-malformed")
        return cls(seeds)

    @property
    def store_key(self) -> bytes:
        """The 32-byte key of the store."""
        return self.seeds["store"]

    def signers(self, older: Sequence[NodeKeyFile] = ()) -> Signers:
        """The keys as the core uses them; ``older`` files still open what peers seal to their keys."""
        s = self.seeds
        return Signers(
            Ed25519Signer(s["checkpoint"]),
            MlDsa44Signer(s["checkpoint_pq"]),
            Ed25519Signer(s["receipt"]),
            MlDsa44Signer(s["receipt_pq"]),
            Ed25519Signer(s["announce"]),
            KemPrivate.decode(s["kem"]),
            tuple(KemPrivate.decode(file.seeds["kem"]) for file in older),
        )

    def public(self) -> NodeKeys:
        """The public keys, for a certificate."""
        signers = self.signers()
        return NodeKeys(
            signers.checkpoint.public,
            signers.checkpoint_pq.public,
            signers.receipt.public,
            signers.receipt_pq.public,
            signers.announce.public,
            signers.kem.public,
            self.tls()[2],
        )

    def tls(self) -> tuple[bytes, bytes, bytes]:
        """Key and self-signed certificate in PEM, and SHA-256 of the public key info.

        Ed25519 signatures are deterministic and the dates fixed, so one seed gives one certificate.
        """
        key = Ed25519PrivateKey.from_private_bytes(self.seeds["tls"])
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "parley node")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
            .sign(key, None)
        )
        info = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem, certificate.public_bytes(serialization.Encoding.PEM), sha256(info).digest()
