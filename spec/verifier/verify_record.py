#!/usr/bin/env python3
"""Verifies an exported record of a Parley line (spec/export.md, steps 1 to 6). Shares no code with Parley.

Needs the standard library and the package `cryptography` (>= 50 for ML-DSA). Exit status 0: all that is in the
file holds; 1: something was tampered with, the place is named; 2: used wrongly. `verify_officers.py` verifies
step 7, officers' assertions, as well.
"""

import base64
import hashlib
import hmac
import sys
import tomllib
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

LIMIT = 1 << 30


class Wrong(Exception):
    """Something in the file does not hold."""


def sha(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def need(condition, message):
    if not condition:
        raise Wrong(message)


def cbor_item(data, at, depth=0):
    need(depth < 12 and at < len(data), "CBOR is cut short or too deep")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        value = info
    else:
        need(info in (24, 25, 26, 27), "CBOR of indefinite length")
        width = 1 << (info - 24)
        value = int.from_bytes(data[at : at + width], "big")
        need(value >= (24 if width == 1 else 1 << (4 * width)), "CBOR integer not minimal")
        at += width
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        need(value <= len(data) - at, "CBOR string is cut short")
        raw = bytes(data[at : at + value])
        return (raw if major == 2 else raw.decode()), at + value
    if major == 4:
        items = []
        for _ in range(value):
            item, at = cbor_item(data, at, depth + 1)
            items.append(item)
        return items, at
    if major == 5:
        table, last = {}, b""
        for _ in range(value):
            start = at
            key, at = cbor_item(data, at, depth + 1)
            need(isinstance(key, int) and bytes(data[start:at]) > last, "CBOR map keys out of order")
            last = bytes(data[start:at])
            table[key], at = cbor_item(data, at, depth + 1)
        return table, at
    need(major == 7 and info in (20, 21, 22), "CBOR type not in use")
    return {20: False, 21: True, 22: None}[info], at


def leaf(data):
    return sha(b"\x00", data)


def root(leaves):
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    level = leaves
    while len(level) > 1:
        up = [sha(b"\x01", level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = up + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def consistency(old, new, old_root, path):
    """Roots at both sizes, RFC 9162 section 2.1.4.2."""
    path = ([old_root] if old & (old - 1) == 0 else []) + path
    need(path and 0 < old < new, "consistency path of wrong shape")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    a = b = path[0]
    for c in path[1:]:
        need(sn, "consistency path too long")
        if fn & 1 or fn == sn:
            a, b = sha(b"\x01", c, a), sha(b"\x01", c, b)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            b = sha(b"\x01", b, c)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "consistency path too short")
    return a, b


def parse_note(raw):
    text, _, tail = raw.decode().rpartition("\n\n")
    need(text and tail.endswith("\n"), "not a signed note")
    lines = []
    for line in tail[:-1].split("\n"):
        need(line.startswith("\u2014 "), "not a signature line")
        name, _, encoded = line[2:].partition(" ")
        blob = base64.b64decode(encoded, validate=True)
        lines.append((name, blob[:4], blob[4:]))
    return text + "\n", lines


def key_id(name, algorithm, public):
    return sha(name.encode(), b"\n", bytes([algorithm]), public)[:4]


def find(lines, name, algorithm, public):
    ident = key_id(name, algorithm, public)
    return next((s for n, i, s in lines if n == name and i == ident), None)


def ed25519(public, message, signature):
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    need(1 < y < 2**255 - 20, "an Ed25519 key of small order or not canonical")
    signed(Ed25519PublicKey, "an Ed25519", public, message, signature)


def signed(kind, name, public, message, signature):
    try:
        kind.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Wrong(f"{name} signature does not verify") from None


def parse_checkpoint(text):
    origin, size, encoded, end = text.split("\n")
    need(end == "" and size.isdigit() and str(int(size)) == size, "not a checkpoint")
    return origin, int(size), base64.b64decode(encoded, validate=True)


def check_cosignature(blob, algorithm, name, public, text):
    time, signature = int.from_bytes(blob[:8], "big"), blob[8:]
    if algorithm == 4:
        ed25519(public, f"cosignature/v1\ntime {time}\n{text}".encode(), signature)
    else:
        origin, size, head = parse_checkpoint(text)
        message = b"subtree/v1\n\x00" + bytes([len(name.encode())]) + name.encode() + blob[:8]
        message += bytes([len(origin.encode())]) + origin.encode()
        message += bytes(8) + size.to_bytes(8, "big") + head
        signed(MLDSA44PublicKey, "an ML-DSA-44", public, message, signature)


class Line:
    """The documents of line.txt, verified."""

    def __init__(self, data):
        self.parties, self.nodes, self.charters, self.revoked, leaving = {}, {}, [], [], []
        words = {"# parley notice of leaving v1": leaving, "# parley revocation v1": self.revoked}
        for section in data.decode().split("======== ")[1:]:
            raw = section.partition("\n")[2].encode()
            text, lines = parse_note(raw)
            kind = text.partition("\n")[0]
            table, digest = tomllib.loads(text), sha(text.encode())
            if kind == "# parley party v1":
                self.parties[digest] = table
                self.root_signed(digest, text, lines)
            elif kind == "# parley node v1":
                self.nodes[digest] = (table, text, lines)
            elif kind == "# parley charter v1":
                self.charters.append((table["revision"], digest, table, text, lines))
            else:
                need(kind in words, f"unknown document {kind!r}")
                words[kind].append((table, text, lines))
        for table, text, lines in (*self.nodes.values(), *leaving, *self.revoked):
            self.root_signed(bytes.fromhex(table["party"]), text, lines)
        self.check_charters()
        for table, _, _ in self.revoked:
            own = sorted((t["serial"], d.hex()) for d, (t, _, _) in self.nodes.items() if t["party"] == table["party"])
            named = table["certificate"] in [digest for _, digest in own[:-1]]
            need(named and table["line"] == self.id.hex(), "a revocation of no certificate that a later one replaces")

    def closing(self, certificate, run):
        """Size and root at which a run was closed, the lowest that its party states; None where it was not."""
        words = [t.get("closed", []) for t, _, _ in self.revoked if t["certificate"] == certificate.hex()]
        heads = [[(c["size"], c["root"]) for c in closed if c["run"] == run] or [(0, "")] for closed in words]
        return min((head for (head,) in heads), default=None)

    def root_signed(self, digest, text, lines):
        party = self.parties.get(digest)
        need(party is not None, "a party document is missing")
        good = 0
        for signer in party["signer"]:
            name = f"parley/{party['code']}/root/" + "-".join(signer["holder"].split())
            public = base64.b64decode(signer["key"], validate=True)
            signature = find(lines, name, 1, public)
            if signature is not None:
                ed25519(public, text.encode(), signature)
                good += 1
        need(good >= party["threshold"] >= 1, f"root signatures of {party['code']} are missing")

    def check_charters(self):
        self.charters.sort(key=lambda row: row[0])
        need(self.charters, "no charter")
        self.id = self.charters[0][1]
        before, self.revisions, self.keys = None, {}, {}
        for number, (revision, digest, table, text, lines) in enumerate(self.charters):
            founding = self.id.hex() if number else ""
            previous = before[1].hex() if before else ""
            found = (revision, table["founding"], table["previous"])
            need(found == (number, founding, previous), "charter revisions do not follow from one another")
            for party in {m["party"] for m in table["member"] + (before[2]["member"] if before else [])}:
                self.root_signed(bytes.fromhex(party), text, lines)
            self.revisions[digest] = table
            before = (number, digest, table)
            for member in table["member"]:
                need(bytes.fromhex(member["certificate"]) in self.nodes, f"certificate of {member['code']} is missing")
                first = self.keys.setdefault(member["code"], (member["number"], member["party"]))
                need(first[1] == member["party"], "a code has two parties")

    def certificates(self, code):
        """Hash and keys of each certificate of a member."""
        party = self.keys[code][1]
        for digest, (table, _, _) in self.nodes.items():
            if table["party"] == party:
                yield digest, {k: base64.b64decode(v, validate=True) for k, v in table["keys"].items()}


def commitments_of(salt, said, author, width):
    """The commitment to everybody, and to the recipients that the statement names."""
    yield sha(b"parley/leaf/v1\x00", salt, said)
    try:
        table, end = cbor_item(said, 0)
    except (Wrong, UnicodeDecodeError):
        return
    to = table.get(2, 0) if isinstance(table, dict) and end == len(said) else 0
    if to:
        to |= 1 << author
        bits = []
        for j in range(width):
            short = hmac.digest(salt, b"parley/audience/v1\x00" + bytes([j]), "sha256")[:16]
            bits.append(leaf(short + bytes([to >> j & 1])))
        yield sha(b"parley/leaf-for/v1\x00", root(bits), sha(b"parley/statement/v1\x00", salt, said))


def tile_number(name):
    return int(name.split(".p/")[0].replace("/", "").replace("x", ""))


class Record:
    """One export."""

    def __init__(self, archive):
        self.archive = archive
        self.names = archive.namelist()
        need(len(set(self.names)) == len(self.names), "two files of one name")
        self.line = Line(self.read("line.txt"))
        self.entries, self.refusals, self.incomplete = 0, [], set()

    def read(self, name):
        need(name in self.names, f"{name} is missing")
        need(self.archive.getinfo(name).file_size <= LIMIT, f"{name} is too large")
        try:
            return self.archive.read(name)
        except Exception as error:
            raise Wrong(f"{name} is damaged: {error}") from None

    def verify(self):
        print(f"line {self.line.charters[-1][2]['line']} {self.line.id.hex()}")
        for digest, party in self.line.parties.items():
            print(f"fingerprint of {party['code']}: {digest.hex()}")
        for table, _, _ in self.line.revoked:
            print(
                f"REVOKED: certificate {table['certificate']} of {table['code']} ({table['reason']}, {table['time']})"
            )
        for folder in sorted({"/".join(n.split("/")[:2]) for n in self.names if n.startswith("logs/")}):
            try:
                self.verify_log(folder)
            except Wrong as error:
                raise Wrong(f"{folder}: {error}") from None
        for line in self.refusals:
            print(line)
        self.verify_more()
        for name in sorted(n for n in self.names if n.startswith("equivocations/")):
            self.verify_equivocation(name)
        print(f"verified: {self.entries} entries")

    def see(self, code, run, index, said):
        """A content that holds; verify_officers.py looks at it."""

    def verify_more(self):
        """What else is to be verified once all contents were seen."""

    def verify_log(self, folder):
        text, lines = parse_note(self.read(f"{folder}/checkpoint"))
        origin, size, head = parse_checkpoint(text)
        code, _, run = folder[5:].rpartition("-")
        need(origin == f"parley/{self.line.id.hex()}/{code}/{run}", "the head is of another tree")
        prefix = f"{folder}/tile/entries/"
        tiles = sorted((n for n in self.names if n.startswith(prefix)), key=lambda n: tile_number(n[len(prefix) :]))
        data = b"".join(self.read(n) for n in tiles)
        need(len(data) == 34 * size, f"{len(data) // 34} commitments where the head has {size}")
        need(all(data[i : i + 2] == b"\x00\x20" for i in range(0, len(data), 34)), "a commitment's length is not 32")
        commitments = [data[i + 2 : i + 34] for i in range(0, len(data), 34)]
        leaves = [leaf(c) for c in commitments]
        need(root(leaves) == head, "the commitments do not give the signed root")
        opened, missing, erased = self.verify_contents(folder, code, commitments)
        keys = dict(self.line.certificates(code)).get(opened[17]) if opened else None
        for candidate in [keys] if keys else [k for _, k in self.line.certificates(code)]:
            signature = find(lines, origin, 1, candidate["checkpoint"])
            if signature is not None:
                keys = candidate
                ed25519(keys["checkpoint"], text.encode(), signature)
                break
        else:
            raise Wrong("the head is not signed by its author")
        proven = size if self.author_pq(text, lines, code, keys) else 0
        facts = self.verify_receipts(folder, code, keys, leaves)
        self.entries += size
        print(f"{origin}: {size} entries, signed by {code} (Ed25519; ML-DSA-44 {'too' if proven else 'missing'})")
        end, closed = (self.line.closing(opened[17], run) if opened else None) or (size, head.hex())
        if end < size:
            print(f"  REVOKED: entries {end}-{size - 1} lie above the head at which {code} closed the run")
        if closed and end <= size and root(leaves[:end]).hex() != closed:
            print(f"  REVOKED: another history than the one that {code} closed")
        for line in facts:
            print(f"  {line}")
        if erased:
            print(f"  erased under retention: {len(erased)} entries")
        if missing:
            print(f"  missing: {missing}")

    def author_pq(self, text, lines, code, keys):
        name = f"parley/{self.line.id.hex()}/{code}/checkpoint"
        blob = find(lines, name, 6, keys["checkpoint_pq"])
        if blob is not None:
            check_cosignature(blob, 6, name, keys["checkpoint_pq"], text)
        return blob is not None

    def verify_contents(self, folder, code, commitments):
        data, at, expected = self.read(f"{folder}/contents.cbor"), 0, 0
        opened, missing, erased = None, [], []
        author = self.line.keys[code][0]
        width = max(m["number"] for m in self.line.charters[-1][2]["member"]) + 1
        while at < len(data):
            row, at = cbor_item(data, at)
            need(type(row) is list and len(row) == 3 and expected <= row[0] < len(commitments), "contents out of place")
            index, salt, said = row
            if index > expected:
                missing.append(f"{expected}-{index - 1}")
            expected = index + 1
            if salt is None:
                erased.append(index)
                continue
            found = commitments[index] in commitments_of(salt, said, author, width)
            need(found, f"entry {index} is not the one committed to")
            if b"\x00\x05" in said[1:6]:
                self.note_refusal(code, said)
            self.see(code, folder.rpartition("-")[2], index, said)
            if index == 0:
                opened = cbor_item(said, 0)[0]
                known = opened.get(0) == 1 and opened[16] in self.line.revisions
                need(known, "the tree does not begin with an opening")
                width = max(m["number"] for m in self.line.revisions[opened[16]]["member"]) + 1
        if expected < len(commitments):
            missing.append(f"{expected}-{len(commitments) - 1}")
        if erased or missing:
            self.incomplete.add(code)
        return opened, missing, erased

    def note_refusal(self, code, said):
        """What arrived and was refused is not received (field 0 is the kind; 5 is a refusal)."""
        try:
            table = cbor_item(said, 0)[0]
            refused = [(m, run.hex(), n) for _, m, run, n in table.get(10, [])] if table.get(0) == 5 else []
        except (Wrong, ValueError, TypeError, AttributeError):
            return
        names = {number: name for name, (number, _) in self.line.keys.items()}
        self.refusals += [f"refused by {code}: entry {n} of {names.get(m, m)}-{run}" for m, run, n in refused]

    def verify_receipts(self, folder, author, keys, leaves):
        facts = []
        for name in sorted(n for n in self.names if n.startswith(f"{folder}/receipts/")):
            giver = name.rpartition("/")[2].partition("-")[2]
            text, lines = parse_note(self.read(name))
            origin, size, head = parse_checkpoint(text)
            signature = find(lines, origin, 1, keys["checkpoint"])
            need(signature is not None, f"{name}: not signed by its author")
            ed25519(keys["checkpoint"], text.encode(), signature)
            need(size <= len(leaves) and root(leaves[:size]) == head, f"{name}: on another tree")
            if giver == author:
                need(self.author_pq(text, lines, author, keys), f"{name}: no ML-DSA signature of {author}")
                facts.append(f"signed by {author} with ML-DSA-44 below {size}")
                continue
            cosigner = f"parley/{self.line.id.hex()}/{giver}/receipt"
            algorithms = []
            for digest, other in self.line.certificates(giver):
                old = ", by a revoked certificate" if self.line.closing(digest, "") else ""
                for algorithm, job in ((4, "receipt"), (6, "receipt_pq")):
                    blob = find(lines, cosigner, algorithm, other[job])
                    if blob is not None:
                        check_cosignature(blob, algorithm, cosigner, other[job], text)
                        algorithms.append(("Ed25519" if algorithm == 4 else "ML-DSA-44") + old)
            need(algorithms, f"{name}: no receipt of {giver}")
            facts.append(f"received by {giver} below {size} ({', '.join(algorithms)})")
        return facts

    def verify_equivocation(self, name):
        lines = self.read(name).decode().split("\n")
        need(lines[0] == "parley/equivocation@v1", f"{name}: not a proof")
        count = int(lines[1])
        hashes = [base64.b64decode(x, validate=True) for x in lines[2 : 2 + count]]
        cut = 3 + count + int(lines[2 + count])
        notes = [("\n".join(lines[3 + count : cut]) + "\n").encode(), "\n".join(lines[cut:]).encode()]
        heads = []
        for raw in notes:
            text, signatures = parse_note(raw)
            origin, size, head = parse_checkpoint(text)
            code = origin.split("/")[2]
            for _, keys in self.line.certificates(code):
                signature = find(signatures, origin, 1, keys["checkpoint"])
                if signature is not None:
                    ed25519(keys["checkpoint"], text.encode(), signature)
                    heads.append((origin, size, head))
                    break
        need(len(heads) == 2 and heads[0][0] == heads[1][0], f"{name}: not two signed heads of one tree")
        (origin, old, first), (_, new, second) = heads
        if old == new:
            need(first != second, f"{name}: no contradiction")
        else:
            a, b = consistency(old, new, hashes[0], hashes[1:])
            need(a == hashes[0] != first and b == second, f"{name}: no contradiction")
        print(f"TWO HISTORIES of {origin}, at sizes {old} and {new}")


def main(arguments, record=Record):
    if len(arguments) != 1:
        print("usage: verify_record.py RECORD.parley", file=sys.stderr)
        return 2
    try:
        with zipfile.ZipFile(arguments[0]) as archive:
            record(archive).verify()
    except (Wrong, ValueError, KeyError, TypeError, IndexError, AttributeError, zipfile.BadZipFile, OSError) as error:
        print(f"NOT VERIFIED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
