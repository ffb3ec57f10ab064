#!/usr/bin/env python3
"""Verifies an exported record of a Parley line, and the officers' assertions in it (spec/export.md, steps 1 to 8).

As verify_record.py, which must lie beside it; the same needs and exit status. Shares no code with Parley.
Folders of form packs may follow the record: a form that a pack has released by two is of a class of the charter, too.
"""

import base64
import json
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from verify_record import Record, Wrong, cbor_item, ed25519, main, need, sha


def cbor_write(value):
    def head(major, number):
        for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if number < 24:
                return bytes([major << 5 | number])
            if number < 1 << 8 * width:
                return bytes([major << 5 | info]) + number.to_bytes(width, "big")
        raise Wrong("a CBOR number too large")

    if value is None or value is True or value is False:
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor_write, value))
    pairs = sorted((cbor_write(k), cbor_write(v)) for k, v in value.items())
    return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def check_assertion(assertion, digest, public, rp):
    key, data, client, signature = assertion
    need(key == sha(public), "an assertion names another key")
    said = json.loads(client.decode())
    host = urlsplit(said["origin"]).hostname or ""
    need(said["type"] == "webauthn.get", "an assertion of another ceremony")
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    need(said["challenge"] == challenge, "an officer's assertion is over other words")
    need(host == rp or host.endswith("." + rp), "an officer's assertion was given on another page")
    need(len(data) >= 37 and data[:32] == sha(rp.encode()), "an officer's assertion is for another site")
    need(data[32] & 5 == 5, "no person was verified")
    cose, end = cbor_item(public, 0)
    need(end == len(public) <= 1024, "not a COSE key")
    message = data + sha(client)
    try:
        if (cose[1], cose[3]) == (2, -7) and cose[-1] == 1:
            need(len(cose[-2]) == len(cose[-3]) == 32, "not a P-256 key")
            x, y = int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-3], "big")
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        elif (cose[1], cose[3]) == (1, -8) and cose[-1] == 6:
            ed25519(cose[-2], message, signature)
        elif (cose[1], cose[3]) == (3, -257):
            n, e = int.from_bytes(cose[-1], "big"), int.from_bytes(cose[-2], "big")
            need(2048 <= n.bit_length() <= 4096 and e == 65537, "not an RSA key that is accepted")
            key = rsa.RSAPublicNumbers(e, n).public_key()
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise Wrong("an officer's key of another kind")
    except (InvalidSignature, ValueError):
        raise Wrong("an officer's signature does not verify") from None


class Officers:
    """Officers' keys by (code, key's hash), and what they signed."""

    def __init__(self, line, incomplete):
        self.line, self.keys, self.revoked, self.signed, self.incomplete = line, {}, [], [], incomplete

    def take(self, code, run, index, said):
        """Entries that cannot be read are kept and refused; they say nothing here."""
        try:
            table, end = cbor_item(said, 0)
            kind, place = table.get(0, 0), (run, index, table[1])
            if kind in (0, 2, 3, 4) and 20 in table and end == len(said):
                nonce, assertions = table[20]
                shape = all(list(map(type, a)) == [bytes] * 4 and len(a[0]) == 32 for a in assertions)
                if len(nonce) == 16 and len(assertions) <= 4 and shape:
                    self.signed.append((code, place, table))
            if kind == 0 and table.get(8) == "watch/officer":
                public, rp, software, approvals = cbor_item(table[9], 0)[0]
                if (type(public), type(rp), type(software)) == (bytes, str, bool):
                    self.keys.setdefault((code, sha(public)), (public, rp, software, approvals))
            if kind == 0 and table.get(8) == "watch/officer-revoked":
                self.revoked.append((code, cbor_item(table[9], 0)[0][0], place))
        except (Wrong, ValueError, TypeError, AttributeError, KeyError, IndexError):
            return

    def verify(self):
        for (code, key), (public, rp, software, approvals) in self.keys.items():
            party = bytes.fromhex(self.line.keys[code][1])
            digest = sha(b"parley officer v1\n", cbor_write([party, public, rp, software]))
            for approval in approvals:
                by = self.keys.get((code, approval[0]))
                need(by is not None and approval[0] != key, f"{code}: an officer approved by no other officer")
                check_assertion(approval, digest, by[0], by[1])
            kind = " in software," if software else ""
            print(f"officer of {code}: key {key.hex()[:16]},{kind} approved by {len(approvals)}")
        nonces = set()
        for code, place, table in self.signed:
            try:
                self.verify_signed(code, place, table, nonces)
            except Wrong as error:
                raise Wrong(f"{code}-{place[0][:4]}-{place[1]}: {error}") from None

    def verify_signed(self, code, place, table, nonces):
        nonce, assertions = table[20]
        need((code, nonce) not in nonces, "an officer's word was used twice")
        nonces.add((code, nonce))
        bare = {k: v for k, v in table.items() if k != 3} | {1: 0, 20: [nonce, []]}
        said = cbor_write([self.line.id, self.line.keys[code][0], cbor_write(bare)])
        digest = sha(b"parley signed v1\n", said)
        need(len({a[0] for a in assertions}) == len(assertions), "one officer's key signed it twice")
        names = []
        for assertion in assertions:
            known = self.keys.get((code, assertion[0]))
            names.append(assertion[0].hex()[:16])
            if known is None and code in self.incomplete:
                names[-1] += " (its statement is not here)"
                continue
            need(known is not None, f"signed by the key {names[-1]}, which its author never stated")
            for owner, key, (run, index, time) in self.revoked:
                if (owner, key) == (code, assertion[0]):
                    earlier = index < place[1] if run == place[0] else time < place[2]
                    need(not earlier, f"signed by the key {names[-1]}, which was revoked")
            check_assertion(assertion, digest, known[0], known[1])
        what = {0: "released", 2: "read", 3: "acknowledged", 4: "declined"}[table.get(0, 0)]
        who = {0: "without an officer's key", 1: "by an officer: key ", 2: "by two officers: keys "}
        text = who.get(len(names), f"by {len(names)} officers: keys ") + ", ".join(names)
        print(f"{code}-{place[0][:4]}-{place[1]}: {what} {text}")


class Wanted:
    """Releases and acknowledgements of classes that the charter names, and the keys that they carry (OFF-7)."""

    def __init__(self, charters, packs):
        self.charters = {digest: table for _, digest, table, _, _ in charters}
        self.two, unread = {}, set()
        for digest, table in self.charters.items():
            named = {f"{p['name']} {p['version']} ({p['sha256']})": p["sha256"] for p in table.get("pack", [])}
            forms = [packs.get(hash_, set()) for hash_ in named.values()]
            self.two[digest] = set(table.get("two_officers", [])).union(*forms)
            unread |= {name for name, hash_ in named.items() if hash_ not in packs}
        self.unread = sorted(unread)
        self.numbers = {m["number"]: m["code"] for table in self.charters.values() for m in table["member"]}
        self.under, self.messages, self.marks = {}, {}, []

    def take(self, code, run, index, said):
        try:
            table, end = cbor_item(said, 0)
            kind, refs = table.get(0, 0), table.get(10, [])
            keys = len({a[0] for a in table[20][1]}) if 20 in table else 0
            if end == len(said) and kind == 1 and index == 0:
                self.under[code, run] = self.charters[table[16]], self.two[table[16]]
            if end == len(said) and kind == 0 and not table.get(8, "").startswith("watch/"):
                precedence = ("routine", "priority", "immediate", "flash")[table.get(4, 0)]
                late = table.get(8) == "X1" or any(ref[0] in (2, 3) for ref in refs)
                self.messages[code, run, index] = (set() if late else {table.get(8) or "text", precedence}, keys)
            if end == len(said) and kind in (3, 4) and not keys:
                about = [(self.numbers[member], log.hex(), place) for _, member, log, place in refs]
                self.marks.append(((code, run, index), {3: "acknowledged", 4: "declined"}[kind], about))
        except (Wrong, ValueError, TypeError, AttributeError, KeyError, IndexError):
            return

    def tell(self, entry, verb, classes, keys):
        code, run, index = entry
        charter, two = self.under.get((code, run), ({}, set()))
        two = two & classes
        named = sorted(two | classes & set(charter.get("signed", [])))
        wanted = 2 if two and verb == "released" else 1
        if named and keys < wanted:
            print(
                f"WITHOUT KEY: {code}-{run[:4]}-{index} ({code}-{run}, entry {index}): {code} {verb} with {keys} of "
                f"{wanted} officers' keys what the charter names as {' and '.join(map(repr, named))}; {code} is "
                "answerable for that."
            )

    def verify(self):
        for entry, (classes, keys) in self.messages.items():
            self.tell(entry, "released", classes, keys)
        for entry, verb, about in self.marks:
            for message in about:
                self.tell(entry, verb, self.messages.get(message, (set(), 0))[0], 0)
        for pack in self.unread:
            print(f"NOT CHECKED: which forms of the pack {pack} two officers release; it is not at hand.")


def read_pack(folder):
    """A pack's hash (FORM-1), and the ids of its forms that two release."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    lines = "".join(f"{sha(files[name]).hex()}  {name}\n" for name in sorted(files))
    table = tomllib.loads(files["pack.toml"].decode())
    two = {f"{table['code']}{form['number']}" for form in table.get("form", []) if form.get("release") == "two"}
    return sha(b"parley form pack v1\n" + lines.encode()).hex(), two


class RecordOfOfficers(Record):
    """An export with the words of officers in it."""

    def __init__(self, archive, packs):
        super().__init__(archive)
        self.officers = Officers(self.line, self.incomplete)
        self.wanted = Wanted(self.line.charters, packs)

    def see(self, code, run, index, said):
        self.officers.take(code, run, index, said)
        self.wanted.take(code, run, index, said)

    def verify_more(self):
        self.officers.verify()
        self.wanted.verify()


if __name__ == "__main__":
    at_hand = dict(read_pack(Path(folder)) for folder in sys.argv[2:] if (Path(folder) / "pack.toml").is_file())
    sys.exit(main(sys.argv[1:2], lambda archive: RecordOfOfficers(archive, at_hand)))
