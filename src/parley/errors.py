"""Every error that Parley raises, in one tree, each with a stable code.

::

    ParleyError                 anything below; has code, fault, next_step
    +-- DecodeError             bytes that are not what they claim to be           (fault: peer)
    +-- VerificationError       a signature, proof or commitment does not hold     (fault: peer)
    |   +-- SignatureInvalid
    |   +-- ProofInvalid
    |   +-- SealInvalid         a datagram does not open
    |   +-- Equivocation        two inconsistent checkpoints of one origin
    +-- DocumentError           a charter, certificate or other document is wrong  (fault: operator)
    +-- UsageError              the caller asked for what cannot be done           (fault: operator)
    +-- StoreError              the store cannot be opened or read                 (fault: system)
    |   +-- StoreConflict       another writer committed first
    |   +-- OutcomeUnknown      a commit may or may not have happened: reopen and re-read
    |   +-- StoreFull           no space left; nothing was committed
    |   +-- StoreCorrupt        what is on the disk is not what was written
    |   +-- StoreLocked         another process holds the data directory
    |   +-- StoreVersion        written by another version of the format
    +-- BearerError             a bearer cannot start or reach a peer              (fault: network)
    +-- KeyUnavailable          a key that is needed is not at hand                (fault: operator)

A message says what was got and what was wanted; ``next_step`` says what to do.
``code`` is stable and documented in docs/reference/errors.md; tests match on it, never on the text.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["peer", "operator", "system", "network"]


class ParleyError(Exception):
    """Base of all. ``code`` is stable, ``fault`` says who is at fault, ``next_step`` what to do."""

    default_code: ClassVar[str] = "error"
    fault: ClassVar[Fault] = "system"

    def __init__(self, message: str, *, code: str | None = None, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.next_step = next_step

    def __str__(self) -> str:
        step = f" {self.next_step}" if self.next_step else ""
        return f"{self.message}{step} [{self.code}]"


class DecodeError(ParleyError):
    """Bytes are not a valid encoding of what they claim to be. The one error of every decoder."""

    default_code = "decode"
    fault = "peer"


class VerificationError(ParleyError):
    """Something signed, proven or committed to does not hold."""

    default_code = "verification"
    fault = "peer"


class SignatureInvalid(VerificationError):
    """A signature does not verify, or its key is one that must be refused."""

    default_code = "signature-invalid"


class ProofInvalid(VerificationError):
    """An inclusion or consistency proof, or a commitment, does not hold."""

    default_code = "proof-invalid"


class SealInvalid(VerificationError):
    """A sealed datagram does not open; one error for every cause (no oracle)."""

    default_code = "seal-invalid"


class Equivocation(VerificationError):
    """Two checkpoints of one origin, both signed, cannot both be prefixes of one tree."""

    default_code = "equivocation"


class DocumentError(ParleyError):
    """A charter, party document, certificate or bundle is not acceptable."""

    default_code = "document"
    fault = "operator"


class UsageError(ParleyError):
    """The caller asked for something that cannot be done as asked."""

    default_code = "usage"
    fault = "operator"


class StoreError(ParleyError):
    """The store cannot do what it must."""

    default_code = "store"


class StoreConflict(StoreError):
    """Another writer committed first; nothing of this commit was applied."""

    default_code = "store-conflict"


class OutcomeUnknown(StoreError):
    """A commit may or may not be on disk. Close the store, reopen it, and read what is there."""

    default_code = "store-outcome-unknown"


class StoreFull(StoreError):
    """No space is left. Nothing was committed; reads go on."""

    default_code = "store-full"


class StoreCorrupt(StoreError):
    """What is on the disk is not what was written."""

    default_code = "store-corrupt"


class StoreLocked(StoreError):
    """Another process holds the data directory."""

    default_code = "store-locked"
    fault = "operator"


class StoreVersion(StoreError):
    """The data was written by another version of the format."""

    default_code = "store-version"
    fault = "operator"


class BearerError(ParleyError):
    """A bearer cannot start, or cannot reach a peer."""

    default_code = "bearer"
    fault = "network"


class KeyUnavailable(ParleyError):
    """A key that is needed is not at hand."""

    default_code = "key-unavailable"
    fault = "operator"
