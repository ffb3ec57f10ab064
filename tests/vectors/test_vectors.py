"""Runs every file of vectors/. A file without a runner is a failure, and so is a runner without a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.structures import named, said

from parley.crypto import aead, kdf
from parley.crypto.kem import KemPrivate, hpke_open, hpke_seal
from parley.crypto.signing import Ed25519Signer, check_ed25519_key, verify_ed25519
from parley.errors import ParleyError
from parley.ids import Incarnation, LineId
from parley.record import (
    checkpoint,
    consistency_proof,
    equivocation,
    inclusion_proof,
    leaf_hash,
    proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.commitment import Exclusion, commit, commit_for, exclusion_proof, verify_exclusion
from parley.record.cosignature import Cosignature, ed25519_message, mldsa44_message
from parley.wire import cbor, datagram, documents, note, parts, statement
from parley.wire.assertion import Assertion, check, enrolment_hash
from parley.wire.statement import signed_hash

REPOSITORY = Path(__file__).resolve().parents[2]
VECTORS = REPOSITORY / "vectors"
FILES = sorted(VECTORS.rglob("*.json"))
Fields = dict[str, Any]


def octets(given: Fields, key: str) -> bytes:
    """What is given as text, or in hexadecimal where it is no text."""
    return given[key].encode() if key in given else bytes.fromhex(given[f"{key}_hex"])


def unhexed(items: list[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, items))


def raw(given: Fields, *keys: str) -> tuple[bytes, ...]:
    return unhexed([given[key] for key in keys])


def hexed(items: tuple[bytes, ...]) -> list[str]:
    return [item.hex() for item in items]


def head_of(given: Fields) -> Checkpoint:
    return Checkpoint(given["origin"], given["size"], bytes.fromhex(given["root"]))


def fields_of(head: Checkpoint) -> Fields:
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


def leaves_of(given: Fields) -> list[bytes]:
    return [leaf_hash(data) for data in unhexed(given["leaves"])]


def inclusion(given: Fields) -> Fields:
    leaf, root = raw(given, "leaf_hash", "root")
    verify_inclusion(leaf, given["index"], given["size"], unhexed(given["path"]), root)
    return {}


def consistency(given: Fields) -> Fields:
    old, new = raw(given, "old_root", "new_root")
    verify_consistency(given["old_size"], given["new_size"], old, new, unhexed(given["path"]))
    return {}


def tagged(value: Any) -> Fields:
    match value:
        case None:
            return {"null": None}
        case bool():
            return {"bool": value}
        case int():
            return {"int": str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case str():
            return {"text": value}
        case list():
            return {"array": [tagged(item) for item in value]}
    return {"map": [[str(key), tagged(item)] for key, item in value.items()]}


def cbor_decode(given: Fields) -> Fields:
    (encoded,) = raw(given, "encoded")
    value = cbor.decode(encoded, limit=given["limit"])
    assert cbor.encode(value) == encoded
    return {"value": tagged(value)}


def note_parse(given: Fields) -> Fields:
    signed = note.parse(octets(given, "note"))
    assert signed.encode() == octets(given, "note")
    lines = [{"name": s.name, "key_id": s.key_id.hex(), "signature": s.signature.hex()} for s in signed.signatures]
    return {"text": signed.text, "signatures": lines}


def verifier_key(given: Fields) -> Fields:
    name, algorithm, public = note.parse_vkey(given["vkey"])
    assert note.vkey(name, algorithm, public) == given["vkey"]
    return {"name": name, "algorithm": algorithm, "public": public.hex()}


def key_id(given: Fields) -> Fields:
    return {"key_id": note.key_id(given["name"], given["algorithm"], *raw(given, "public")).hex()}


def origin(given: Fields) -> Fields:
    line, incarnation = raw(given, "line", "incarnation")
    return {"origin": origin_of(LineId(line), given["code"], Incarnation(incarnation))}


def checkpoint_sign(given: Fields) -> Fields:
    return {"note": head_of(given).sign(Ed25519Signer(*raw(given, "seed"))).encode().decode()}


def checkpoint_verify(given: Fields) -> Fields:
    return fields_of(checkpoint.verify(note.parse(octets(given, "note")), *raw(given, "public")))


def checkpoint_parse(given: Fields) -> Fields:
    return fields_of(checkpoint.parse_text(given["text"]))


def cosignature_decode(given: Fields) -> Fields:
    found = Cosignature.decode(*raw(given, "encoded"))
    return {"time": found.time, "algorithm": found.algorithm, "signature": found.signature.hex()}


def cosignature_verify(given: Fields) -> Fields:
    encoded, public = raw(given, "cosignature", "public")
    found = Cosignature.decode(encoded)
    found.verify(given["name"], public, head_of(given))
    return {"line": found.line(given["name"], public).line()}


def proof_verify(given: Fields) -> Fields:
    found = proof.parse(octets(given, "proof"))
    assert found.encode() == octets(given, "proof")
    head = found.verify(*raw(given, "leaf_data", "public"))
    return {**fields_of(head), "index": found.index, "extra": found.extra.hex()}


def exclusion(given: Fields) -> Fields:
    salt, statement = raw(given, "salt", "statement")
    found = exclusion_proof(salt, statement, given["audience"], given["members"], given["member"])
    return {"statement_hash": found.statement_hash.hex(), "salt": found.salt.hex(), "path": hexed(found.path)}


def exclusion_verify(given: Fields) -> Fields:
    commitment, statement_hash, salt = raw(given, "commitment", "statement_hash", "salt")
    found = Exclusion(statement_hash, salt, unhexed(given["path"]))
    verify_exclusion(commitment, given["member"], given["members"], found)
    return {}


def commit_to(given: Fields) -> Fields:
    salt, statement = raw(given, "salt", "statement")
    return {"commitment": commit_for(salt, statement, given["audience"], given["members"]).hex()}


def equivocation_verify(given: Fields) -> Fields:
    found = equivocation.parse(octets(given, "proof"))
    assert found.encode() == octets(given, "proof")
    first, second = found.verify(*raw(given, "public"))
    return {"first": fields_of(first), "second": fields_of(second)}


def hkdf_expand(given: Fields) -> Fields:
    key, info = raw(given, "key", "info")
    return {"output": kdf.hkdf_expand(key, info, given["length"]).hex()}


def private_of(given: Fields) -> KemPrivate:
    return KemPrivate(*raw(given, "mlkem_seed", "x25519"))


def seal_to(given: Fields) -> Fields:
    return {"sealed": hpke_seal(*raw(given, "public", "info", "plaintext")).hex()}


def sign(given: Fields) -> Fields:
    seed, message = raw(given, "seed", "message")
    signer = Ed25519Signer(seed)
    return {"public": signer.public.hex(), "signature": signer.sign(message).hex()}


def ed25519_verify(given: Fields) -> Fields:
    verify_ed25519(*raw(given, "public", "message", "signature"))
    return {}


def check_key(given: Fields) -> Fields:
    check_ed25519_key(*raw(given, "public"))
    return {}


def verify_assertion(given: Fields) -> Fields:
    key, data, signature, hash_, public = raw(given, "key", "authenticator_data", "signature", "hash", "public_key")
    check(Assertion(key, data, given["client_data"].encode(), signature), hash_, public, given["rp"])
    return {}


def statement_hash(given: Fields) -> Fields:
    line, said = raw(given, "line", "statement")
    return {"hash": signed_hash(line, given["member"], statement.decode(said)).hex()}


def officer_enrolment(given: Fields) -> Fields:
    party, public = raw(given, "party", "public_key")
    return {"hash": enrolment_hash(party, public, given["rp"], software=given["software"]).hex()}


def payload_decode(given: Fields) -> Fields:
    (payload,) = raw(given, "payload")
    found = parts.decode(payload)
    if all(structure in _EVERY_PART for structure in cbor_types(payload)):
        assert parts.encode(found) == payload
    return {"parts": [named(part) for part in found]}


_EVERY_PART = range(11)


def cbor_types(payload: bytes) -> list[int]:
    return [row[0] for row in cbor.decode(payload, limit=1 << 18)]


def statement_decode(given: Fields) -> Fields:
    (encoded,) = raw(given, "statement")
    found = statement.decode(encoded)
    assert statement.encode(found) == encoded
    fields: Fields = said(found)
    return fields


def document_parse(given: Fields) -> Fields:
    found = documents.parse_text(given["text"])
    assert found.text() == given["text"]
    return {**named(found), "sha256": documents.document_hash(given["text"]).hex()}


RUNNERS: dict[str, Callable[[Fields], Fields]] = {
    "rfc6962/root": lambda g: {"root": root_hash(leaves_of(g)).hex()},
    "rfc6962/inclusion-proof": lambda g: {"path": hexed(inclusion_proof(leaves_of(g), g["index"]))},
    "rfc6962/consistency-proof": lambda g: {"path": hexed(consistency_proof(leaves_of(g), g["old_size"]))},
    "rfc6962/verify-inclusion": inclusion,
    "rfc6962/verify-consistency": consistency,
    "cbor/decode": cbor_decode,
    "note/parse": note_parse,
    "note/verifier-key": verifier_key,
    "note/key-id": key_id,
    "checkpoint/origin": origin,
    "checkpoint/sign": checkpoint_sign,
    "checkpoint/verify": checkpoint_verify,
    "checkpoint/parse": checkpoint_parse,
    "cosignature/message-ed25519": lambda g: {"message": ed25519_message(head_of(g), g["time"]).hex()},
    "cosignature/message-mldsa44": lambda g: {"message": mldsa44_message(g["name"], g["time"], head_of(g)).hex()},
    "cosignature/decode": cosignature_decode,
    "cosignature/verify": cosignature_verify,
    "proof/verify": proof_verify,
    "commitment/commit": lambda g: {"commitment": commit(*raw(g, "salt", "statement")).hex()},
    "commitment/commit-for": commit_to,
    "commitment/exclusion": exclusion,
    "commitment/verify-exclusion": exclusion_verify,
    "equivocation/verify": equivocation_verify,
    "officer/verify-assertion": verify_assertion,
    "officer/statement-hash": statement_hash,
    "officer/enrolment-hash": officer_enrolment,
    "seal/aead-seal": lambda g: {"box": aead.seal(*raw(g, "key", "nonce", "plaintext", "aad")).hex()},
    "seal/aead-open": lambda g: {"plaintext": aead.open_(*raw(g, "key", "nonce", "box", "aad")).hex()},
    "seal/hmac": lambda g: {"mac": kdf.hmac_sha256(*raw(g, "key", "data")).hex()},
    "seal/hkdf-expand": hkdf_expand,
    "seal/hpke-public": lambda g: {"public": private_of(g).public.hex()},
    "seal/hpke-seal": seal_to,
    "seal/hpke-open": lambda g: {"plaintext": hpke_open(private_of(g), *raw(g, "info", "sealed")).hex()},
    "ed25519/sign": sign,
    "ed25519/verify": ed25519_verify,
    "ed25519/check-key": check_key,
    "datagram/decode": lambda g: named(datagram.decode(*raw(g, "datagram"))),
    "parts/decode": payload_decode,
    "statement/decode": statement_decode,
    "document/parse": document_parse,
}
"""By folder and operation: what gives the result that the file expects, or raises the error."""


def load(path: Path) -> Fields:
    read: Fields = json.loads(path.read_text("utf-8"))
    return read


def runner_of(path: Path, case: Fields) -> str:
    return f"{path.parent.relative_to(VECTORS)}/{case['operation']}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(VECTORS).with_suffix("")))
def test_vector(path: Path) -> None:
    case = load(path)
    assert set(case) in (
        {"description", "operation", "input", "expect"},
        {"description", "operation", "input", "error"},
    )
    run = RUNNERS[runner_of(path, case)]
    if "expect" in case:
        assert run(case["input"]) == case["expect"]
        return
    with pytest.raises(ParleyError) as caught:
        run(case["input"])
    assert caught.value.code == case["error"]


def test_every_runner_has_a_file_and_every_file_is_json() -> None:
    used = {runner_of(path, load(path)) for path in FILES}
    assert sorted(set(RUNNERS) - used) == []
    others = [p for p in VECTORS.rglob("*") if p.is_file() and p.suffix != ".json" and p.name != "README.md"]
    assert others == []


def test_the_files_are_as_they_are_generated() -> None:
    command = [sys.executable, "-m", "tests.vectors.generate", "--check"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
