"""Parties and the documents of their line: keys, certificates, charters and their revisions, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from parley.crypto.kem import KemPrivate
from parley.protocol.membership import Membership, root_signature_name
from parley.protocol.signers import Signers
from parley.wire import documents as d
from parley.wire import note
from parley.wire.note import Note, NoteSignature
from parley_testkit.sim.cheap import make_signer

CODES = ("north", "south", "east", "west", "upper")
LINE = "test"
Draw = Callable[[int], bytes]


@dataclass(slots=True)
class KeySet:
    """A node's keys under one certificate, and the certificate."""

    serial: int
    signers: Signers
    certificate: d.NodeCertificate
    note: bytes
    older: list[KemPrivate] = field(default_factory=list)


class Party:
    """One party: its root key, and the key sets of its node, newest last."""

    def __init__(self, code: str, draw: Draw, *, real: bool = False) -> None:
        self.code = code
        self._draw = draw
        self._real = real
        self._root = make_signer(draw(32), "ed25519", real=real)
        self._party = d.Party(code, code.title(), ("en",), 1, (d.RootSigner("root", self._root.public),))
        self.document = self.sign(self._party.text())
        self.key_sets: list[KeySet] = []
        self.rotate()

    def rotate(self, *, compromised: bool = False) -> KeySet:
        """New keys; the announce key stays (ADR 11), unless they are ``compromised`` (ADR 90)."""
        ed = [make_signer(self._draw(32), "ed25519", real=self._real) for _ in range(3)]
        pq = [make_signer(self._draw(32), "mldsa44", real=self._real) for _ in range(2)]
        kem = KemPrivate.generate(self._draw)
        announce = self.key_sets[-1].signers.announce if self.key_sets and not compromised else ed[2]
        older = tuple(k.signers.kem for k in reversed(self.key_sets))
        signers = Signers(ed[0], pq[0], ed[1], pq[1], announce, kem, older)
        keys = d.NodeKeys(
            signers.checkpoint.public,
            signers.checkpoint_pq.public,
            signers.receipt.public,
            signers.receipt_pq.public,
            announce.public,
            kem.public,
            self._draw(32),
        )
        serial = len(self.key_sets) + 1
        party = d.document_hash(self._party.text())
        certificate = d.NodeCertificate(LINE, self.code, party, serial, keys)
        self.key_sets.append(KeySet(serial, signers, certificate, self.sign(certificate.text())))
        return self.key_sets[-1]

    def sign(self, text: str) -> bytes:
        """``text`` as a note signed by this party's root alone."""
        return Note(text, (self.signature(text),)).encode()

    def signature(self, text: str) -> NoteSignature:
        """This party's root signature on a document."""
        name = root_signature_name(self.code, "root")
        key = note.key_id(name, note.ED25519, self._root.public)
        return NoteSignature(name, key, self._root.sign(text.encode()))

    def notes(self) -> list[bytes]:
        """The party document and the first certificate."""
        return [self.document, self.key_sets[0].note]

    def entry(self, number: int) -> d.CharterMember:
        """The party as a charter names it."""
        party = d.document_hash(self._party.text())
        certificate = d.document_hash(self.key_sets[0].certificate.text())
        return d.CharterMember(number, self.code, self.code.title(), party, certificate)

    def revocation(self, line: bytes, certificate: bytes, closed: Sequence[d.ClosedRun], now: int) -> bytes:
        """The word that ``certificate`` holds no longer."""
        party = d.document_hash(self._party.text())
        heads = tuple(sorted(closed, key=lambda head: head.run))
        return self.sign(d.Revocation(line, self.code, party, certificate, "keyCompromise", now, heads).text())

    def leaving(self, line: bytes) -> bytes:
        """The notice that this party leaves."""
        return self.sign(d.NoticeOfLeaving(line, self.code, d.document_hash(self._party.text()), "drill").text())


def charter(parties: Sequence[Party], members: Sequence[d.CharterMember], before: Membership | None = None) -> bytes:
    """A charter of ``members``, or the revision after ``before``, signed by all ``parties``."""
    founding = d.Charter(
        LINE, "operation", 0, b"", b"", b"", ("en",), dict.fromkeys(d.PRECEDENCES, 60), 365, tuple(members)
    )
    if before is not None:
        last = before.current
        founding = replace(founding, revision=last.charter.revision + 1, founding=before.line, previous=last.hash)
    text = founding.text()
    return Note(text, tuple(p.signature(text) for p in parties)).encode()
