"""Cheap stand-ins for the primitives, so that a simulation is not mostly signatures (reliability.md section 0, item 8).

Inside ``primitives(real=False)`` the product's own code calls keyed hashes where it would call the library's
Ed25519, ML-DSA-44, AES-256-GCM-SIV, HPKE, HMAC and HKDF. Sizes are the real ones, a wrong key or a changed bit
fails as it would, and all of it is deterministic. Nothing is secret: a box holds its plaintext, followed by a tag.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from unittest import mock

from cryptography.exceptions import InvalidSignature, InvalidTag

from parley.crypto import aead, kdf, kem, signing
from parley.crypto.signing import Ed25519Signer, MlDsa44Signer, Signer
from parley.wire import documents, statement

_ED25519: Final = 64
_MLDSA44: Final = 2420
_TAG: Final = 16
_MLKEM_PUBLIC: Final = 1184
_MLKEM_CIPHERTEXT: Final = 1120

Sealing = Callable[[bytes, bytes, bytes], None]
"""Told of each sealing: key, nonce, plaintext."""


def _stretch(data: bytes, length: int) -> bytes:
    block = blake2b(data).digest()
    return (block * (length // len(block) + 1))[:length]


class KeyedSigner:
    """Signs with a keyed hash; who verifies looks the key up by its public name."""

    def __init__(self, seed: bytes, algorithm: str) -> None:
        self._seed = seed
        self._length = _ED25519 if algorithm == "ed25519" else _MLDSA44
        public = _stretch(algorithm.encode() + seed, 32 if algorithm == "ed25519" else 1312)
        self._public = public[:31] + bytes([public[31] & 0x7F]) + public[32:]
        _SEEDS[self._public] = seed

    @property
    def public(self) -> bytes:
        """As long as the real one."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """As long as the real one."""
        return _signature(self._seed, message, self._length)


_SEEDS: dict[bytes, bytes] = {}


def _signature(seed: bytes, message: bytes, length: int) -> bytes:
    block = blake2b(message, key=seed).digest()
    return block if length == _ED25519 else (block * 38)[:length]


class _PublicKey:
    """What ``signing`` holds for a public key."""

    def __init__(self, public: bytes, length: int) -> None:
        self._seed = _SEEDS.get(public)
        self._length = length

    def verify(self, signature: bytes, message: bytes) -> None:
        if self._seed is None or _signature(self._seed, message, self._length) != signature:
            raise InvalidSignature


_CHECKED: dict[bytes, _PublicKey] = {}


def _ed25519(public: bytes) -> _PublicKey:
    found = _CHECKED.get(public)
    if found is None:
        signing.check_ed25519_key(public)
        found = _CHECKED[public] = _PublicKey(public, _ED25519)
    return found


def _mldsa44(public: bytes) -> _PublicKey:
    return _PublicKey(public, _MLDSA44)


class _Box:
    """AES-256-GCM-SIV's place: the plaintext, then a keyed hash of everything."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        return plaintext + blake2b(b"".join((nonce, aad, plaintext)), key=self._key, digest_size=_TAG).digest()

    def decrypt(self, nonce: bytes, box: bytes, aad: bytes) -> bytes:
        plaintext = box[:-_TAG]
        if blake2b(b"".join((nonce, aad, plaintext)), key=self._key, digest_size=_TAG).digest() != box[-_TAG:]:
            raise InvalidTag
        return plaintext


class _KemKey:
    """Any of the six key classes that ``kem`` uses: a public half that follows from the private one."""

    def __init__(self, *halves: _KemKey) -> None:
        self.raw: bytes = b"".join(half.raw for half in halves)

    @classmethod
    def _of(cls, raw: bytes) -> _KemKey:
        key = cls()
        key.raw = raw
        return key

    @classmethod
    def from_seed_bytes(cls, seed: bytes) -> _KemKey:
        return cls._of(_stretch(b"mlkem" + seed, _MLKEM_PUBLIC))

    @classmethod
    def from_private_bytes(cls, private: bytes) -> _KemKey:
        return cls._of(_stretch(b"x25519" + private, 32))

    @classmethod
    def from_public_bytes(cls, public: bytes) -> _KemKey:
        if len(public) not in (32, _MLKEM_PUBLIC):
            raise ValueError
        return cls._of(public)

    def public_key(self) -> _KemKey:
        return self

    def public_bytes_raw(self) -> bytes:
        return self.raw


class _Hpke:
    """HPKE's place: an encapsulation's length of hash, the plaintext, a tag."""

    @staticmethod
    def encrypt(plaintext: bytes, key: _KemKey, info: bytes) -> bytes:
        head = _stretch(info + plaintext, _MLKEM_CIPHERTEXT)
        return head + plaintext + _Hpke._tag(key, info, head + plaintext)

    @staticmethod
    def decrypt(sealed: bytes, key: _KemKey, info: bytes) -> bytes:
        body = sealed[:-_TAG]
        if len(body) < _MLKEM_CIPHERTEXT or _Hpke._tag(key, info, body) != sealed[-_TAG:]:
            raise InvalidTag
        return body[_MLKEM_CIPHERTEXT:]

    @staticmethod
    def _tag(key: _KemKey, info: bytes, body: bytes) -> bytes:
        return blake2b(body, key=blake2b(key.raw + info, digest_size=32).digest(), digest_size=_TAG).digest()


def _hmac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256's place in chains, which take several of it a datagram."""
    return blake2b(data, key=key, digest_size=32).digest()


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand's place, for at most 128 bytes."""
    first = blake2b(info, key=key).digest()
    return (first + blake2b(first, key=key).digest())[:length]


class Spy:
    """Sees every sealing: ``used`` is told of it, ``plaintext`` gives back what a datagram holds."""

    def __init__(self) -> None:
        self.told: Sealing = lambda _key, _nonce, _plaintext: None
        self.opened: Callable[[bytes, bytes], None] = lambda _key, _nonce: None
        self._boxes: dict[bytes, bytes] = {}

    def watch(self, real: Callable[[bytes, bytes, bytes, bytes], bytes], *, remember: bool) -> Callable[..., bytes]:
        """``aead.seal`` with this spy in between."""

        def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
            self.told(key, nonce, plaintext)
            box = real(key, nonce, plaintext, aad)
            if remember:
                self._boxes[box[-_TAG:]] = plaintext
            return box

        return seal

    def watch_open(self, real: Callable[[bytes, bytes, bytes, bytes], bytes]) -> Callable[..., bytes]:
        """``aead.open_`` with this spy behind it."""

        def open_(key: bytes, nonce: bytes, box: bytes, aad: bytes) -> bytes:
            plaintext = real(key, nonce, box, aad)
            self.opened(key, nonce)
            return plaintext

        return open_

    def plaintext(self, box: bytes) -> bytes:
        """What was sealed into ``box``."""
        return self._boxes.get(box[-_TAG:], box[:-_TAG])


def make_signer(seed: bytes, algorithm: str, *, real: bool) -> Signer:
    """An ``ed25519`` or ``mldsa44`` signer, real or cheap."""
    if not real:
        return KeyedSigner(seed, algorithm)
    return Ed25519Signer(seed) if algorithm == "ed25519" else MlDsa44Signer(seed)


@contextlib.contextmanager
def primitives(*, real: bool = False) -> Iterator[Spy]:
    """Put the stand-ins in place (unless ``real``), and a spy on every sealing."""
    spy = Spy()
    with contextlib.ExitStack() as stack:
        if not real:
            _SEEDS.clear()
            _CHECKED.clear()
            names = ("MLKEM768PrivateKey", "MLKEM768PublicKey", "X25519PrivateKey", "X25519PublicKey")
            for name in (*names, "MLKEM768X25519PrivateKey", "MLKEM768X25519PublicKey"):
                stack.enter_context(mock.patch.object(kem, name, _KemKey))
            stack.enter_context(mock.patch.object(kem, "_SUITE", _Hpke))
            stack.enter_context(mock.patch.object(signing, "_ed25519", _ed25519))
            stack.enter_context(mock.patch.object(signing, "_mldsa44", _mldsa44))
            stack.enter_context(mock.patch.object(aead, "AESGCMSIV", _Box))
            stack.enter_context(mock.patch.object(kdf, "hmac_sha256", _hmac))
            stack.enter_context(mock.patch.object(kdf, "hkdf_expand", _expand))
            # The same documents are read at every start, and the same statements by everybody; nothing in them changes.
            stack.enter_context(mock.patch.object(documents, "parse", lru_cache(256)(documents.parse)))
            stack.enter_context(mock.patch.object(statement, "decode", lru_cache(1024)(statement.decode)))
        stack.enter_context(mock.patch.object(aead, "seal", spy.watch(aead.seal, remember=real)))
        stack.enter_context(mock.patch.object(aead, "open_", spy.watch_open(aead.open_)))
        yield spy
