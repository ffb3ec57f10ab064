"""Writes vectors/: language-neutral JSON, one case a file (``python -m tests.vectors.generate [--check]``).

Each file says what is done (``operation``), with what (``input``), and either what comes of it (``expect``)
or the code of the error (``error``). A negative case is named by what was changed. See vectors/README.md.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tests.vectors import officers, published, structures

from parley.crypto import aead
from parley.crypto.kem import KemPrivate, hpke_seal
from parley.crypto.signing import Ed25519Signer, MlDsa44Signer
from parley.errors import ParleyError
from parley.ids import Incarnation, LineId
from parley.record import consistency_proof, equivocation, inclusion_proof, leaf_hash, root_hash
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.commitment import commit, commit_for, exclusion_proof
from parley.record.cosignature import (
    Cosignature,
    checkpoint_name,
    cosign_ed25519,
    cosign_mldsa44,
    ed25519_message,
    mldsa44_message,
    receipt_name,
)
from parley.record.proof import TlogProof
from parley.wire import cbor, note
from parley.wire.note import Note, NoteSignature

ROOT = Path(__file__).resolve().parents[2] / "vectors"
Fields = dict[str, Any]


class Case(NamedTuple):
    """One file. ``outcome`` is a dictionary to expect, or the code of an error."""

    name: str
    description: str
    operation: str
    given: Fields
    outcome: Fields | str

    def text(self) -> str:
        fields: Fields = {"description": self.description, "operation": self.operation, "input": self.given}
        fields |= {"error": self.outcome} if isinstance(self.outcome, str) else {"expect": self.outcome}
        return json.dumps(fields, indent=2, ensure_ascii=True) + "\n"


def kept(name: str, field: str, make: Callable[[], bytes]) -> bytes:
    """What was drawn at random when a vector was first made is kept, so that the rest can be made again."""
    path = ROOT / f"{name}.json"
    if path.exists():
        return bytes.fromhex(json.loads(path.read_text("utf-8"))["input"][field])
    return make()


def flipped(data: bytes, place: int = 0) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def hexed(items: tuple[bytes, ...] | list[bytes]) -> list[str]:
    return [item.hex() for item in items]


def octets(key: str, data: bytes) -> Fields:
    """As text where the bytes are UTF-8, in hexadecimal otherwise."""
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        return {f"{key}_hex": data.hex()}


def head_fields(head: Checkpoint) -> Fields:
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


DATA = [bytes.fromhex(leaf) for leaf in published.RFC6962_LEAVES]
LEAVES = [leaf_hash(data) for data in DATA]
FORKED = [*LEAVES[:2], leaf_hash(b"another history"), *LEAVES[3:]]
SIGNER, OTHER = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x02" * 32)
PQ = MlDsa44Signer(b"\x03" * 32)
LINE = LineId(bytes(range(32)))
ORIGIN = origin_of(LINE, "north", Incarnation(bytes.fromhex("a1a2a3a4a5a6a7a8")))
HEAD = Checkpoint(ORIGIN, 7, root_hash(LEAVES[:7]))
NAME = receipt_name(LINE, "south")
TIME = 1_700_000_000


def rfc6962() -> Iterator[Case]:
    for size, root in enumerate(published.RFC6962_ROOTS):
        leaves = list(published.RFC6962_LEAVES[:size])
        yield Case(
            f"root-of-{size}",
            "published with Certificate Transparency",
            "root",
            {"leaves": leaves},
            {"root": root},
        )
    for size in range(1, len(LEAVES) + 1):
        for index in {0, size // 2, size - 1}:
            path = hexed(inclusion_proof(LEAVES[:size], index))
            given: Fields = {"leaves": list(published.RFC6962_LEAVES[:size]), "index": index}
            yield Case(f"path-of-{index}-in-{size}", "an audit path", "inclusion-proof", given, {"path": path})
    for old, new in [(0, 3), (1, 1), (1, 8), (2, 5), (3, 7), (4, 7), (6, 8), (7, 8), (8, 8)]:
        path = hexed(consistency_proof(LEAVES[:new], old))
        given = {"leaves": list(published.RFC6962_LEAVES[:new]), "old_size": old}
        yield Case(
            f"consistency-of-{old}-and-{new}",
            "a consistency proof",
            "consistency-proof",
            given,
            {"path": path},
        )
    yield from inclusion()
    yield from consistency()


def inclusion() -> Iterator[Case]:
    good: Fields = {
        "leaf_hash": LEAVES[5].hex(),
        "index": 5,
        "size": 7,
        "path": hexed(inclusion_proof(LEAVES[:7], 5)),
        "root": HEAD.root.hex(),
    }
    path = good["path"]
    yield Case("inclusion", "leaf 5 of 7", "verify-inclusion", good, {})
    single: Fields = {
        "leaf_hash": LEAVES[0].hex(),
        "index": 0,
        "size": 1,
        "path": [],
        "root": LEAVES[0].hex(),
    }
    yield Case("inclusion-in-one", "the only leaf is the root", "verify-inclusion", single, {})
    malformed = "proof-malformed"
    changes: list[tuple[str, Fields, str]] = [
        ("leaf-flipped", {"leaf_hash": flipped(LEAVES[5]).hex()}, "proof-invalid"),
        ("root-flipped", {"root": flipped(HEAD.root).hex()}, "proof-invalid"),
        ("sibling-flipped", {"path": [flipped(bytes.fromhex(path[0])).hex(), *path[1:]]}, "proof-invalid"),
        ("path-reversed", {"path": path[::-1]}, "proof-invalid"),
        ("path-too-short", {"path": path[:-1]}, "proof-invalid"),
        ("path-too-long", {"path": [*path, "00" * 32]}, "proof-invalid"),
        ("path-empty", {"path": []}, "proof-invalid"),
        ("index-another", {"index": 4}, "proof-invalid"),
        ("index-of-size", {"index": 7}, "proof-invalid"),
        ("index-negative", {"index": -1}, malformed),
        ("index-plus-power-of-two", {"index": 13}, "proof-invalid"),
        ("size-another", {"size": 6}, "proof-invalid"),
        ("size-zero", {"index": 0, "size": 0, "path": []}, "proof-invalid"),
        ("size-beyond-63-bits", {"size": 1 << 63}, malformed),
        ("leaf-too-short", {"leaf_hash": LEAVES[5].hex()[:-2]}, malformed),
        ("sibling-too-long", {"path": [path[0] + "00", *path[1:]]}, malformed),
        ("root-empty", {"root": ""}, malformed),
    ]
    for name, change, code in changes:
        yield Case(f"inclusion-{name}", "leaf 5 of 7, changed", "verify-inclusion", good | change, code)


def consistency() -> Iterator[Case]:
    def fields(old: int, new: int) -> Fields:
        return {
            "old_size": old,
            "new_size": new,
            "old_root": root_hash(LEAVES[:old]).hex(),
            "new_root": root_hash(LEAVES[:new]).hex(),
            "path": hexed(consistency_proof(LEAVES[:new], old)),
        }

    for name, old, new in [("", 3, 7), ("-power-of-two", 4, 7), ("-same", 7, 7), ("-from-empty", 0, 7)]:
        yield Case(f"consistency{name}", f"{old} of {new}", "verify-consistency", fields(old, new), {})
    good = fields(3, 7)
    path = good["path"]
    changes: list[tuple[str, Fields, str]] = [
        ("old-root-flipped", {"old_root": flipped(root_hash(LEAVES[:3])).hex()}, "proof-invalid"),
        ("new-root-flipped", {"new_root": flipped(root_hash(LEAVES[:7])).hex()}, "proof-invalid"),
        ("roots-exchanged", {"old_root": good["new_root"], "new_root": good["old_root"]}, "proof-invalid"),
        ("sizes-exchanged", {"old_size": 7, "new_size": 3}, "proof-invalid"),
        ("old-size-another", {"old_size": 2}, "proof-invalid"),
        ("new-size-another", {"new_size": 9}, "proof-invalid"),
        (
            "path-element-flipped",
            {"path": [flipped(bytes.fromhex(path[0])).hex(), *path[1:]]},
            "proof-invalid",
        ),
        ("path-too-short", {"path": path[:-1]}, "proof-invalid"),
        ("path-too-long", {"path": [*path, "00" * 32]}, "proof-invalid"),
        ("path-empty", {"path": []}, "proof-invalid"),
        ("path-element-too-short", {"path": [path[0][:-2], *path[1:]]}, "proof-malformed"),
        ("size-negative", {"old_size": -3}, "proof-malformed"),
        ("same-size-other-root", fields(7, 7) | {"old_root": good["old_root"]}, "proof-invalid"),
        ("same-size-with-path", fields(7, 7) | {"path": path}, "proof-invalid"),
        ("from-empty-with-path", fields(0, 7) | {"path": path}, "proof-invalid"),
        ("from-empty-wrong-root", fields(0, 7) | {"old_root": "00" * 32}, "proof-invalid"),
    ]
    for name, change, code in changes:
        yield Case(f"consistency-{name}", "3 of 7, changed", "verify-consistency", good | change, code)


def tagged(value: Any) -> Fields:
    """A CBOR value as JSON that every language reads alike: integers as text, bytes as hexadecimal."""
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


def cbor_cases() -> Iterator[Case]:
    for number, (encoded, value) in enumerate(published.RFC8949.items()):
        given = {"encoded": encoded, "limit": 64}
        yield Case(f"rfc8949-{number:02}", "RFC 8949 appendix A", "decode", given, {"value": tagged(value)})
    for encoded, what in published.RFC8949_REFUSED.items():
        name = what.removeprefix("a ").removeprefix("an ").replace(" ", "-")
        given = {"encoded": encoded, "limit": 64}
        yield Case(
            f"refused-{name}",
            f"RFC 8949 appendix A: {what}, not used here",
            "decode",
            given,
            "cbor-malformed",
        )
    keys: dict[int, Any] = {24: 0, 0: 1, 255: 2, 256: 3, -1: 4, -25: 5, 2**64 - 1: [{1: b""}]}
    yield Case(
        "keys-in-order",
        "map keys in the bytewise order of their encodings",
        "decode",
        {"encoded": cbor.encode(keys).hex(), "limit": 64},
        {"value": tagged({key: keys[key] for key in (0, 24, 255, 256, 2**64 - 1, -1, -25)})},
    )
    refused = {
        "integer-longer-than-needed": ("1817", "cbor-not-canonical"),
        "negative-longer-than-needed": ("390000", "cbor-not-canonical"),
        "length-longer-than-needed": ("580101", "cbor-not-canonical"),
        "count-longer-than-needed": ("980100", "cbor-not-canonical"),
        "keys-twice": ("a201000100", "cbor-not-canonical"),
        "keys-out-of-order": ("a202000100", "cbor-not-canonical"),
        "keys-negative-first": ("a220000000", "cbor-not-canonical"),
        "key-bytes": ("a1410000", "cbor-malformed"),
        "utf8-invalid": ("61ff", "cbor-malformed"),
        "utf8-surrogate": ("63eda080", "cbor-malformed"),
        "trailing-byte": ("0000", "cbor-trailing"),
        "empty": ("", "cbor-truncated"),
        "string-truncated": ("42ff", "cbor-truncated"),
        "array-truncated": ("8201", "cbor-truncated"),
        "map-without-value": ("a101", "cbor-truncated"),
        "string-of-two-to-the-64": ("5bffffffffffffffff", "cbor-truncated"),
        "array-of-two-to-the-64": ("9bffffffffffffffff", "cbor-truncated"),
        "nested-too-deep": ("81" * 9 + "00", "cbor-too-deep"),
        "longer-than-the-limit": ("5840" + "00" * 64, "cbor-too-large"),
        "break-alone": ("ff", "cbor-malformed"),
        "reserved-length": ("1c", "cbor-malformed"),
    }
    for name, (encoded, code) in refused.items():
        yield Case(name, "not the one encoding of a value", "decode", {"encoded": encoded, "limit": 64}, code)
    nested = {"encoded": "81" * 8 + "00", "limit": 64}
    arrays: Any = 0
    for _ in range(8):
        arrays = [arrays]
    yield Case("nested-as-deep-as-permitted", "eight arrays", "decode", nested, {"value": tagged(arrays)})


def note_fields(signed: Note) -> Fields:
    lines = [{"name": s.name, "key_id": s.key_id.hex(), "signature": s.signature.hex()} for s in signed.signatures]
    return {"text": signed.text, "signatures": lines}


def note_cases() -> Iterator[Case]:
    for name, text in [
        ("quasimodo", published.QUASIMODO),
        ("foo", published.FOO_NOTE),
        ("sofa", published.SOFA),
    ]:
        expected = note_fields(note.parse(text.encode()))
        yield Case(f"c2sp-{name}", "an example of the specification", "parse", {"note": text}, expected)
    name, algorithm, public = note.parse_vkey(published.FOO_VKEY)
    fields: Fields = {"name": name, "algorithm": algorithm, "public": public.hex()}
    yield Case("c2sp-vkey", "an example of the specification", "verifier-key", {"vkey": published.FOO_VKEY}, fields)
    for kind in (note.ED25519, note.COSIGNATURE_ED25519):
        given = {"name": NAME, "algorithm": kind, "public": SIGNER.public.hex()}
        expect = {"key_id": note.key_id(NAME, kind, SIGNER.public).hex()}
        yield Case(f"key-id-{kind:02x}", "one key, two uses, two ids", "key-id", given, expect)
    for name, vkey in {
        "id-another": published.FOO_VKEY.replace("530d903a", "530d903b"),
        "id-in-capitals": published.FOO_VKEY.replace("530d903a", "530D903A"),
        "name-another": published.FOO_VKEY.replace("foo", "fop"),
        "without-padding": published.FOO_VKEY[:-3],
        "without-a-name": published.FOO_VKEY[len("example.com/foo") :],
    }.items():
        yield Case(f"vkey-{name}", "a changed verifier key", "verifier-key", {"vkey": vkey}, "note-malformed")
    yield from refused_notes()


def refused_notes() -> Iterator[Case]:
    good = published.FOO_NOTE.encode()
    dash = "\u2014".encode()
    for name, data in {
        "empty": b"",
        "without-signatures": b"This is an example message.\n\n",
        "without-empty-line": good.replace(b"\n\n", b"\n"),
        "without-last-newline": good[:-1],
        "text-after-signatures": good + b"more\n",
        "tab": good.replace(b"an example", b"an\texample"),
        "carriage-returns": good.replace(b"\n", b"\r\n"),
        "invalid-utf8": good.replace(b"an example", b"an\xffexample"),
        "hyphen-for-dash": good.replace(dash, b"-"),
        "dash-without-space": good.replace(dash + b" ", dash),
        "name-with-plus": good.replace(b"com/foo", b"com+foo"),
        "name-with-no-break-space": good.replace(b"com/foo", "com\u00a0foo".encode()),
        "name-empty": good.replace(b"example.com/foo", b""),
        "two-spaces": good.replace(b"foo Uw2", b"foo  Uw2"),
        "base64-cut": good.replace(b"QM=\n", b"QM\n"),
        "base64-loose-bits": good.replace(b"QM=\n", b"QN=\n"),
        "base64-url-alphabet": published.QUASIMODO.replace("Z/iJ", "Z_iJ").encode(),
        "signature-empty": b"text\n\n" + dash + b" name AAAAAA==\n",
        "signatures-257": b"text\n\n" + (dash + b" name AAAAAAA=\n") * 257,
    }.items():
        yield Case(f"{name}", "a changed note", "parse", octets("note", data), "note-malformed")


def checkpoint_cases() -> Iterator[Case]:
    parts = {"line": LINE.hex(), "code": "north", "incarnation": "a1a2a3a4a5a6a7a8"}
    yield Case("origin", "what a tree's checkpoints name as their origin", "origin", parts, {"origin": ORIGIN})
    signed = HEAD.sign(SIGNER)
    given: Fields = {"seed": "01" * 32, **head_fields(HEAD)}
    yield Case("sign", "the note, signed", "sign", given, {"note": signed.encode().decode()})
    sofa = note.parse(published.SOFA.encode())
    expect: Fields = {
        "origin": "example.com/behind-the-sofa",
        "size": 20852163,
        "root": base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").hex(),
    }
    yield Case("c2sp-sofa", "the example of the specification", "parse", {"text": sofa.text}, expect)
    good: Fields = {"note": signed.encode().decode(), "public": SIGNER.public.hex()}
    yield Case("verify", "under its author's key", "verify", good, head_fields(HEAD))
    empty = Checkpoint(ORIGIN, 0, root_hash([]))
    given = {"note": empty.sign(SIGNER).encode().decode(), "public": SIGNER.public.hex()}
    yield Case("verify-empty-tree", "size 0", "verify", given, head_fields(empty))
    cosigned = signed.with_signature(cosign_ed25519(OTHER, HEAD, TIME).line(NAME, OTHER.public))
    given = good | {"note": cosigned.encode().decode()}
    yield Case("verify-with-cosignature", "unknown lines are ignored", "verify", given, head_fields(HEAD))
    weak = "01" + "00" * 31
    line = NoteSignature(
        ORIGIN, note.key_id(ORIGIN, note.ED25519, bytes.fromhex(weak)), bytes.fromhex(weak) + bytes(32)
    )
    given = {"note": Note(HEAD.text(), (line,)).encode().decode(), "public": weak}
    yield Case("key-of-small-order", "a key under which one signature fits all", "verify", given, "key-small-order")
    elsewhere = NoteSignature(
        "elsewhere", note.key_id("elsewhere", note.ED25519, SIGNER.public), SIGNER.sign(HEAD.body())
    )
    line = replace(signed.signatures[0], signature=flipped(signed.signatures[0].signature))
    as_cosignature = replace(signed.signatures[0], key_id=note.key_id(ORIGIN, 4, SIGNER.public))
    changes: list[tuple[str, Note, str]] = [
        ("key-another", HEAD.sign(OTHER), "signature-missing"),
        ("key-name-not-the-origin", Note(HEAD.text(), (elsewhere,)), "signature-missing"),
        ("key-id-of-a-cosignature", Note(HEAD.text(), (as_cosignature,)), "signature-missing"),
        ("signature-flipped", Note(HEAD.text(), (line,)), "signature-invalid"),
        ("size-raised", Note(replace(HEAD, size=8).text(), signed.signatures), "signature-invalid"),
        (
            "root-flipped",
            Note(replace(HEAD, root=flipped(HEAD.root)).text(), signed.signatures),
            "signature-invalid",
        ),
        (
            "origin-another",
            Note(replace(HEAD, origin=ORIGIN[:-1] + "9").text(), signed.signatures),
            "signature-missing",
        ),
    ]
    for name, changed, code in changes:
        given = good | {"note": changed.encode().decode()}
        yield Case(name, "a changed checkpoint", "verify", given, code)
    yield from refused_checkpoints()


def refused_checkpoints() -> Iterator[Case]:
    root = base64.b64encode(HEAD.root).decode()
    for name, text in {
        "empty": "",
        "two-lines": f"{ORIGIN}\n7\n",
        "origin-empty": f"\n7\n{root}\n",
        "extension-line": f"{ORIGIN}\n7\n{root}\nextension\n",
        "last-newline-missing": f"{ORIGIN}\n7\n{root}",
        "size-with-leading-zero": f"{ORIGIN}\n07\n{root}\n",
        "size-negative": f"{ORIGIN}\n-7\n{root}\n",
        "size-with-sign": f"{ORIGIN}\n+7\n{root}\n",
        "size-in-other-digits": f"{ORIGIN}\n\u0667\n{root}\n",
        "size-in-hexadecimal": f"{ORIGIN}\n0x7\n{root}\n",
        "size-of-20-digits": f"{ORIGIN}\n{'9' * 20}\n{root}\n",
        "size-missing": f"{ORIGIN}\n\n{root}\n",
        "root-of-30-bytes": f"{ORIGIN}\n7\n{root[:40]}\n",
        "root-without-padding": f"{ORIGIN}\n7\n{root[:-1]}\n",
        "root-loose-bits": f"{ORIGIN}\n7\n{root[:-2]}{chr(ord(root[-2]) + 1)}=\n",
        "root-with-space": f"{ORIGIN}\n7\n{root} \n",
    }.items():
        yield Case(f"text-{name}", "a changed text", "parse", {"text": text}, "checkpoint-malformed")


def cosignature_cases() -> Iterator[Case]:
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    sofa = Checkpoint("example.com/behind-the-sofa", 20852163, root)
    given: Fields = {**head_fields(sofa), "time": 1679315147}
    expect: Fields = {"message": published.SOFA_COSIGNED_MESSAGE.encode().hex()}
    yield Case("c2sp-message-ed25519", "the example of the specification", "message-ed25519", given, expect)
    encoded = note.parse(published.SOFA.encode()).signatures[1].signature
    expect = {"time": 1679315147, "algorithm": 4, "signature": encoded[8:].hex()}
    yield Case("c2sp-decode", "the example of the specification", "decode", {"encoded": encoded.hex()}, expect)
    given = {**head_fields(HEAD), "time": TIME, "name": NAME}
    expect = {"message": mldsa44_message(NAME, TIME, HEAD).hex()}
    yield Case("message-mldsa44", "the structure cosigned_message", "message-mldsa44", given, expect)
    given = {**head_fields(HEAD), "time": TIME}
    expect = {"message": ed25519_message(HEAD, TIME).hex()}
    yield Case("message-ed25519", "header, time and body", "message-ed25519", given, expect)
    for name in ("", "n" * 256):
        given = {**head_fields(HEAD), "time": TIME, "name": name}
        said = "empty" if not name else "of-256-bytes"
        yield Case(f"name-{said}", "a changed name", "message-mldsa44", given, "cosignature-malformed")
    for name, data in {
        "time-of-64-bits": b"\x80" + bytes(7 + 64),
        "signature-too-short": bytes(8 + 63),
        "signature-too-long": bytes(8 + 65),
        "time-cut": bytes(7),
    }.items():
        yield Case(name, "a changed structure", "decode", {"encoded": data.hex()}, "cosignature-malformed")
    yield from ed25519_cosignatures()
    yield from mldsa44_cosignatures()


def cosigned(name: str, public: bytes, given: Cosignature, head: Checkpoint = HEAD) -> Fields:
    return {"name": name, "public": public.hex(), "cosignature": given.encode().hex(), **head_fields(head)}


def ed25519_cosignatures() -> Iterator[Case]:
    given = cosign_ed25519(SIGNER, HEAD, TIME)
    good = cosigned(NAME, SIGNER.public, given)
    yield Case("ed25519", "a receipt", "verify", good, {"line": given.line(NAME, SIGNER.public).line()})
    changes: list[tuple[str, Fields]] = [
        ("time-another", {"cosignature": replace(given, time=TIME + 1).encode().hex()}),
        ("size-another", {"size": 6}),
        ("root-flipped", {"root": flipped(HEAD.root).hex()}),
        ("origin-another", {"origin": ORIGIN[:-1] + "9"}),
        ("key-another", {"public": OTHER.public.hex()}),
        ("signature-flipped", {"cosignature": flipped(given.encode(), 8).hex()}),
        (
            "signature-of-the-note",
            {"cosignature": Cosignature(TIME, SIGNER.sign(HEAD.body())).encode().hex()},
        ),
    ]
    for name, change in changes:
        yield Case(f"ed25519-{name}", "a changed receipt", "verify", good | change, "signature-invalid")


def mldsa44_cosignatures() -> Iterator[Case]:
    encoded = kept("cosignature/mldsa44", "cosignature", lambda: cosign_mldsa44(PQ, NAME, HEAD, TIME).encode())
    given = Cosignature.decode(encoded)
    good = cosigned(NAME, PQ.public, given)
    yield Case("mldsa44", "a receipt", "verify", good, {"line": given.line(NAME, PQ.public).line()})
    changes: list[tuple[str, Fields]] = [
        ("time-another", {"cosignature": replace(given, time=TIME + 1).encode().hex()}),
        ("name-of-the-checkpoint-key", {"name": checkpoint_name(LINE, "south")}),
        ("size-another", {"size": 6}),
    ]
    for name, change in changes:
        yield Case(f"mldsa44-{name}", "a changed receipt", "verify", good | change, "signature-invalid")


def proof_cases() -> Iterator[Case]:
    head = replace(HEAD, size=8, root=root_hash(LEAVES))
    whole = TlogProof(5, inclusion_proof(LEAVES, 5), head.sign(SIGNER), b"extra data")
    good: Fields = {
        "proof": whole.encode().decode(),
        "public": SIGNER.public.hex(),
        "leaf_data": DATA[5].hex(),
    }
    expect = {**head_fields(head), "index": 5, "extra": b"extra data".hex()}
    yield Case("verify", "leaf 5 of 8", "verify", good, expect)
    bare = replace(whole, extra=b"")
    yield Case(
        "verify-without-extra",
        "no extra line",
        "verify",
        good | {"proof": bare.encode().decode()},
        expect | {"extra": ""},
    )
    one = TlogProof(0, (), Checkpoint(ORIGIN, 1, LEAVES[0]).sign(SIGNER))
    given = good | {"proof": one.encode().decode(), "leaf_data": DATA[0].hex()}
    expect = {"origin": ORIGIN, "size": 1, "root": LEAVES[0].hex(), "index": 0, "extra": ""}
    yield Case("verify-in-one", "no path in a tree of one", "verify", given, expect)
    data = whole.encode()
    first = base64.b64encode(whole.path[0])
    changes: list[tuple[str, bytes, str]] = [
        ("index-another", replace(whole, index=4).encode(), "proof-invalid"),
        ("index-outside", replace(whole, index=8).encode(), "proof-invalid"),
        ("path-too-short", replace(whole, path=whole.path[:-1]).encode(), "proof-invalid"),
        ("path-too-long", replace(whole, path=(*whole.path, bytes(32))).encode(), "proof-invalid"),
        ("signed-by-another", replace(whole, signed=head.sign(OTHER)).encode(), "signature-missing"),
        ("path-element-short", data.replace(first, first[:40]), "proof-malformed"),
        ("version-another", data.replace(b"@v1", b"@v2"), "proof-malformed"),
        ("index-with-leading-zero", data.replace(b"index 5", b"index 05"), "proof-malformed"),
        ("index-negative", data.replace(b"index 5", b"index -5"), "proof-malformed"),
        ("index-missing", data.replace(b"index 5\n", b""), "proof-malformed"),
        ("extra-after-index", data.replace(b"index 5", b"index 5\nextra AAAA"), "proof-malformed"),
        ("extra-empty", bare.encode().replace(b"index", b"extra \nindex"), "proof-malformed"),
        ("empty-line-missing", data.replace(b"\n\n", b"\n", 1), "proof-malformed"),
        ("checkpoint-missing", data.partition(b"\n\n")[0] + b"\n\n", "note-malformed"),
        ("empty", b"", "proof-malformed"),
    ]
    for name, changed, code in changes:
        yield Case(name, "a changed proof", "verify", good | octets("proof", changed), code)
    yield Case("leaf-another", "another leaf's data", "verify", good | {"leaf_data": "ff"}, "proof-invalid")


def commitment_cases() -> Iterator[Case]:
    salt, statement = bytes(range(32)), b"a statement"
    base: Fields = {"salt": salt.hex(), "statement": statement.hex()}
    yield Case("to-all", "addressed to every member", "commit", base, {"commitment": commit(salt, statement).hex()})
    yield Case(
        "salt-of-31-bytes",
        "one byte less",
        "commit",
        base | {"salt": salt[:31].hex()},
        "commitment-malformed",
    )
    for audience, members in [(0b1, 1), (0b01, 2), (0b00110, 5), (0, 3), (1 << 31, 32)]:
        given = base | {"audience": audience, "members": members}
        expect = {"commitment": commit_for(salt, statement, audience, members).hex()}
        yield Case(f"to-{audience:b}-of-{members}", "addressed to some members", "commit-for", given, expect)
    for members in (0, 33):
        given = base | {"audience": 0, "members": members}
        yield Case(f"members-{members}", "no line has so many members", "commit-for", given, "commitment-malformed")
    found = exclusion_proof(salt, statement, 0b00110, 5, 3)
    fields: Fields = {
        "statement_hash": found.statement_hash.hex(),
        "salt": found.salt.hex(),
        "path": hexed(found.path),
    }
    given = base | {"audience": 0b00110, "members": 5, "member": 3}
    yield Case("exclusion", "not addressed to member 3", "exclusion", given, fields)
    yield Case(
        "exclusion-of-a-recipient",
        "addressed to member 2",
        "exclusion",
        given | {"member": 2},
        "exclusion-false",
    )
    commitment = commit_for(salt, statement, 0b00110, 5)
    good: Fields = {"commitment": commitment.hex(), "member": 3, "members": 5, **fields}
    yield Case("verify-exclusion", "not addressed to member 3", "verify-exclusion", good, {})
    path = fields["path"]
    changes: list[tuple[str, Fields, str]] = [
        ("commitment-flipped", {"commitment": flipped(commitment).hex()}, "exclusion-false"),
        ("member-another", {"member": 0}, "exclusion-false"),
        ("member-outside", {"member": 5}, "exclusion-malformed"),
        ("members-fewer", {"members": 4}, "proof-invalid"),
        ("members-too-many", {"members": 33}, "commitment-malformed"),
        ("salt-flipped", {"salt": flipped(found.salt).hex()}, "exclusion-false"),
        ("salt-of-17-bytes", {"salt": found.salt.hex() + "01"}, "exclusion-malformed"),
        (
            "statement-hash-flipped",
            {"statement_hash": flipped(found.statement_hash).hex()},
            "exclusion-false",
        ),
        ("path-flipped", {"path": [flipped(bytes.fromhex(path[0])).hex(), *path[1:]]}, "exclusion-false"),
        ("path-too-short", {"path": path[:-1]}, "proof-invalid"),
        ("path-element-short", {"path": [path[0][:-2], *path[1:]]}, "proof-malformed"),
    ]
    for name, change, code in changes:
        yield Case(f"exclusion-{name}", "a changed exclusion", "verify-exclusion", good | change, code)


def contradiction(old: int, new: int) -> equivocation.EquivocationProof:
    first = replace(HEAD, size=old, root=root_hash(LEAVES[:old]))
    second = replace(HEAD, size=new, root=root_hash(FORKED[:new]))
    found = equivocation.prove(
        first, SIGNER.sign(first.body()), second, SIGNER.sign(second.body()), SIGNER.public, FORKED
    )
    if found is None:
        sys.exit("the two histories do not contradict each other")
    return found


def equivocation_cases() -> Iterator[Case]:
    for old, new in [(5, 8), (4, 8), (3, 3)]:
        whole = contradiction(old, new)
        first, second = whole.verify(SIGNER.public)
        given: Fields = {"proof": whole.encode().decode(), "public": SIGNER.public.hex()}
        expect = {"first": head_fields(first), "second": head_fields(second)}
        yield Case(f"verify-{old}-and-{new}", "two histories of one tree", "verify", given, expect)
    whole, same = contradiction(5, 8), contradiction(5, 5)
    first, second = whole.verify(SIGNER.public)
    honest = replace(HEAD, size=8, root=root_hash(LEAVES))
    path = consistency_proof(LEAVES, 5)
    elsewhere = replace(second, origin=ORIGIN[:-1] + "9")
    data = whole.encode()
    hashes = base64.b64encode(whole.old_root)
    changes: list[tuple[str, bytes, str]] = [
        (
            "one-history",
            replace(whole, larger=honest.sign(SIGNER), old_root=first.root, path=path).encode(),
            "equivocation-false",
        ),
        (
            "old-root-invented",
            replace(whole, larger=honest.sign(SIGNER), old_root=b"\x01" * 32, path=path).encode(),
            "equivocation-false",
        ),
        ("the-same-twice", replace(same, larger=same.smaller).encode(), "equivocation-false"),
        ("two-trees", replace(whole, larger=elsewhere.sign(SIGNER)).encode(), "equivocation-false"),
        (
            "larger-first",
            replace(whole, smaller=whole.larger, larger=whole.smaller).encode(),
            "equivocation-false",
        ),
        (
            "same-size-with-path",
            replace(same, old_root=whole.old_root, path=whole.path).encode(),
            "equivocation-false",
        ),
        ("second-signed-by-another", replace(whole, larger=second.sign(OTHER)).encode(), "signature-missing"),
        ("path-too-short", replace(whole, path=whole.path[:-1]).encode(), "proof-invalid"),
        ("path-missing", replace(whole, old_root=b"", path=()).encode(), "proof-malformed"),
        ("version-another", data.replace(b"@v1", b"@v2"), "equivocation-malformed"),
        ("hash-short", data.replace(hashes, hashes[:40]), "equivocation-malformed"),
        ("count-another", data.replace(b"@v1\n5\n", b"@v1\n4\n"), "equivocation-malformed"),
        ("count-with-leading-zero", data.replace(b"@v1\n5\n", b"@v1\n05\n"), "equivocation-malformed"),
        ("second-note-missing", data[: data.rindex(b"parley/")], "note-malformed"),
        ("empty", b"", "equivocation-malformed"),
    ]
    for name, changed, code in changes:
        if changed == data:
            sys.exit(f"equivocation/{name} changes nothing")
        given = {**octets("proof", changed), "public": SIGNER.public.hex()}
        yield Case(name, "a changed proof", "verify", given, code)


def seal_cases() -> Iterator[Case]:
    for name, (plaintext, sealed) in published.RFC8452.items():
        given: Fields = {
            "key": published.RFC8452_KEY,
            "nonce": published.RFC8452_NONCE,
            "plaintext": plaintext,
            "aad": "",
        }
        yield Case(f"rfc8452-{name}", "RFC 8452 appendix C.2", "aead-seal", given, {"box": sealed})
    for name, (mac_key, data, mac) in published.RFC4231.items():
        yield Case(f"rfc4231-{name}", "RFC 4231", "hmac", {"key": mac_key, "data": data}, {"mac": mac})
    prk, info, length, okm = published.RFC5869
    given = {"key": prk, "info": info, "length": length}
    yield Case("rfc5869-1", "RFC 5869 appendix A.1", "hkdf-expand", given, {"output": okm})
    key, nonce = bytes(range(32)), bytes(range(12))
    box = aead.seal(key, nonce, b"plaintext", b"aad")
    good: Fields = {"key": key.hex(), "nonce": nonce.hex(), "box": box.hex(), "aad": b"aad".hex()}
    yield Case("aead-open", "a box", "aead-open", good, {"plaintext": b"plaintext".hex()})
    changes: list[tuple[str, Fields]] = [
        ("key-another", {"key": "ff" * 32}),
        ("nonce-another", {"nonce": "ff" * 12}),
        ("aad-another", {"aad": ""}),
        ("box-flipped", {"box": flipped(box).hex()}),
        ("tag-flipped", {"box": flipped(box, len(box) - 1).hex()}),
        ("box-shorter-than-its-tag", {"box": box[:15].hex()}),
        ("box-empty", {"box": ""}),
    ]
    for name, change in changes:
        yield Case(f"aead-{name}", "a changed box", "aead-open", good | change, "seal-invalid")
    yield from hpke_cases()


def hpke_cases() -> Iterator[Case]:
    private = KemPrivate(bytes(range(64)), bytes(range(64, 96)))
    keys: Fields = {"mlkem_seed": private.mlkem_seed.hex(), "x25519": private.x25519.hex()}
    yield Case(
        "hpke-public",
        "the public key of a private one",
        "hpke-public",
        keys,
        {"public": private.public.hex()},
    )
    sealed = kept("seal/hpke-open", "sealed", lambda: hpke_seal(private.public, b"info", b"plaintext"))
    good = {**keys, "info": b"info".hex(), "sealed": sealed.hex()}
    yield Case(
        "hpke-open",
        "MLKEM768-X25519, HKDF-SHA256, AES-256-GCM",
        "hpke-open",
        good,
        {"plaintext": b"plaintext".hex()},
    )
    changes: list[tuple[str, Fields]] = [
        ("info-another", {"info": ""}),
        ("key-another", {"x25519": "01" * 32}),
        ("mlkem-ciphertext-flipped", {"sealed": flipped(sealed).hex()}),
        ("x25519-share-flipped", {"sealed": flipped(sealed, 1088).hex()}),
        ("x25519-share-of-small-order", {"sealed": (sealed[:1088] + bytes(32) + sealed[1120:]).hex()}),
        ("tag-flipped", {"sealed": flipped(sealed, len(sealed) - 1).hex()}),
        ("cut", {"sealed": sealed[:1119].hex()}),
    ]
    for name, change in changes:
        yield Case(f"hpke-{name}", "a changed announcement", "hpke-open", good | change, "seal-invalid")
    short = {"public": private.public[:-1].hex(), "info": "", "plaintext": "00"}
    yield Case("hpke-public-short", "a key of 1,215 bytes", "hpke-seal", short, "key-malformed")


def ed25519_cases() -> Iterator[Case]:
    for name, (seed, public, message, signature) in published.RFC8032.items():
        given: Fields = {"seed": seed, "message": message}
        expect = {"public": public, "signature": signature}
        yield Case(f"rfc8032-{name}-sign", "RFC 8032 section 7.1", "sign", given, expect)
        given = {"public": public, "message": message, "signature": signature}
        yield Case(f"rfc8032-{name}-verify", "RFC 8032 section 7.1", "verify", given, {})
    _, public, message, signature = published.RFC8032["test-3"]
    good: Fields = {"public": public, "message": message, "signature": signature}
    raw = bytes.fromhex(signature)
    order = 2**252 + 27742317777372353535851937790883648493
    unreduced = raw[:32] + (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    changes: list[tuple[str, Fields, str]] = [
        ("message-another", {"message": "af83"}, "signature-invalid"),
        ("signature-flipped", {"signature": flipped(raw).hex()}, "signature-invalid"),
        ("signature-short", {"signature": signature[:-2]}, "signature-invalid"),
        ("signature-not-reduced", {"signature": unreduced.hex()}, "signature-invalid"),
        ("key-another", {"public": SIGNER.public.hex()}, "signature-invalid"),
        ("key-short", {"public": public[:-2]}, "key-malformed"),
    ]
    for name, change, code in changes:
        yield Case(name, "a changed signature", "verify", good | change, code)
    neutral = "01" + "00" * 31
    given = {"public": neutral, "message": message, "signature": neutral + "00" * 32}
    yield Case("signature-that-fits-all", "key and R neutral, S zero", "verify", given, "key-small-order")
    yield from weak_keys()


def weak_keys() -> Iterator[Case]:
    yield Case("key-good", "an ordinary key", "check-key", {"public": SIGNER.public.hex()}, {})
    p = 2**255 - 19
    eight = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    other = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
    small = {
        "order-1": 1,
        "order-2": p - 1,
        "order-4": 0,
        "order-8": int.from_bytes(bytes.fromhex(eight), "little"),
        "order-8-other": int.from_bytes(bytes.fromhex(other), "little"),
    }
    cases = [(name, y, "key-small-order") for name, y in small.items()]
    cases += [(f"p-plus-{n}", p + n, "key-non-canonical") for n in (0, 1, 2, 18)]
    for name, y, code in cases:
        for sign in (0, 1):
            key = (y | sign << 255).to_bytes(32, "little").hex()
            said = f"key-{name}{'-sign-set' if sign else ''}"
            yield Case(said, "a key under which a signature proves nothing", "check-key", {"public": key}, code)


def officer_cases() -> Iterator[Case]:
    for name, description, given, verdict in officers.verified():
        yield Case(name, description, "verify-assertion", given, verdict)
    for name, description, given, outcome in officers.hashed():
        yield Case(name, description, "statement-hash", given, outcome)
    for name, description, given, outcome in officers.enrolments():
        yield Case(name, description, "enrolment-hash", given, outcome)


def structure_cases(operation: str, cases: Callable[[], Iterator[structures.Case]]) -> Callable[[], Iterator[Case]]:
    return lambda: (Case(name, about, operation, given, outcome) for name, about, given, outcome in cases())


CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "rfc6962": rfc6962,
    "cbor": cbor_cases,
    "note": note_cases,
    "checkpoint": checkpoint_cases,
    "cosignature": cosignature_cases,
    "proof": proof_cases,
    "commitment": commitment_cases,
    "equivocation": equivocation_cases,
    "seal": seal_cases,
    "ed25519": ed25519_cases,
    "officer": officer_cases,
    "datagram": structure_cases("decode", structures.datagrams),
    "parts": structure_cases("decode", structures.payloads),
    "statement": structure_cases("decode", structures.statements),
    "document": structure_cases("parse", structures.texts),
}


def written() -> dict[Path, str]:
    """Every file that there should be, with its text."""
    files: dict[Path, str] = {}
    for folder, make in CASES.items():
        for case in make():
            path = ROOT / folder / f"{case.name}.json"
            if path in files:
                sys.exit(f"two cases are named {folder}/{case.name}")
            files[path] = case.text()
    return files


def main(arguments: list[str]) -> None:
    """Write the files, or with --check say which differ."""
    files = written()
    present = {path for folder in CASES for path in (ROOT / folder).glob("*.json")}
    if "--check" in arguments:
        wrong = [path for path in files if not path.exists() or path.read_text("utf-8") != files[path]]
        wrong += present - set(files)
        sys.exit("\n".join(f"not as generated: {p.relative_to(ROOT)}" for p in sorted(wrong)) or 0)
    for path in present - set(files):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ParleyError as error:
        sys.exit(str(error))
