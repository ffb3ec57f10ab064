"""Several real lines in one process and virtual time: real cryptography, memory stores, a network that can fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from parley.crypto.kem import KemPrivate
from parley.crypto.signing import Ed25519Signer, MlDsa44Signer
from parley.ids import LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol.line import Line
from parley.protocol.membership import Membership, root_signature_name, verify_documents
from parley.protocol.rows import Rows
from parley.protocol.settings import Settings
from parley.protocol.signers import Signers
from parley.stores.memory import MemoryStore
from parley.wire import documents as d
from parley.wire import note, statement
from parley.wire.note import Note, NoteSignature
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence

CODES = ("north", "south", "east", "west", "upper", "lower", "near", "far")
START_S = 1_800_000_000


class Party:
    """One party's root and node keys, drawn from a seed."""

    def __init__(self, code: str, draw: Callable[[int], bytes], line: str = "test") -> None:
        self.code = code
        self.line = line
        self.root = Ed25519Signer(draw(32))
        party = d.Party(code, code.title(), ("en",), 1, (d.RootSigner("root", self.root.public),))
        self.party_text = party.text()
        self.serial = 0
        self.signers, self.certificate = self._draw(draw)

    def _draw(self, draw: Callable[[int], bytes]) -> tuple[Signers, d.NodeCertificate]:
        s = Signers(
            Ed25519Signer(draw(32)),
            MlDsa44Signer(draw(32)),
            Ed25519Signer(draw(32)),
            MlDsa44Signer(draw(32)),
            Ed25519Signer(draw(32)),
            KemPrivate.generate(draw),
        )
        keys = d.NodeKeys(
            s.checkpoint.public,
            s.checkpoint_pq.public,
            s.receipt.public,
            s.receipt_pq.public,
            s.announce.public,
            s.kem.public,
            draw(32),
        )
        self.serial += 1
        party = d.document_hash(self.party_text)
        return s, d.NodeCertificate(self.line, self.code, party, self.serial, keys)

    def rotate(self, draw: Callable[[int], bytes]) -> bytes:
        """New keys, all of them, from the next start on; their certificate. The founding one stays ``certificate``."""
        older = (self.signers.kem, *self.signers.older_kems)
        signers, certificate = self._draw(draw)
        self.signers = replace(signers, older_kems=older)
        return Note(certificate.text(), (self.sign(certificate.text()),)).encode()

    def revocation(self, line: bytes, closed: Sequence[d.ClosedRun], reason: str = "keyCompromise") -> bytes:
        """The founding certificate revoked, with its runs closed at these heads."""
        party, certificate = d.document_hash(self.party_text), d.document_hash(self.certificate.text())
        heads = tuple(sorted(closed, key=lambda head: head.run))
        text = d.Revocation(line, self.code, party, certificate, reason, START_S, heads).text()
        return Note(text, (self.sign(text),)).encode()

    def sign(self, text: str) -> NoteSignature:
        """This party's root signature on a document."""
        name = root_signature_name(self.code, "root")
        key = note.key_id(name, note.ED25519, self.root.public)
        return NoteSignature(name, key, self.root.sign(text.encode()))

    def notes(self) -> list[bytes]:
        """The party document and the node certificate, signed."""
        texts = (self.party_text, self.certificate.text())
        return [Note(text, (self.sign(text),)).encode() for text in texts]

    def entry(self, number: int) -> d.CharterMember:
        """The party as a charter names it."""
        certificate = d.document_hash(self.certificate.text())
        return d.CharterMember(number, self.code, self.code.title(), d.document_hash(self.party_text), certificate)


def charter_note(
    parties: Sequence[Party],
    members: Sequence[d.CharterMember],
    before: Membership | None = None,
    *,
    two_officers: tuple[str, ...] = (),
    signed: tuple[str, ...] = (),
    packs: tuple[d.CharterPack, ...] = (),
) -> bytes:
    """A charter of ``members``, or the revision after ``before``, signed by all ``parties``; its classes and packs."""
    revision = before.current.charter.revision + 1 if before else 0
    charter = d.Charter(
        "test",
        "operation",
        revision,
        before.line if before else b"",
        before.current.hash if before else b"",
        b"",
        ("en",),
        dict.fromkeys(d.PRECEDENCES, 60),
        365,
        tuple(members),
        packs=packs,
        dictionary=bytes(32) if packs else b"",
        two_officers=two_officers,
        signed=signed,
    )
    text = charter.text()
    return Note(text, tuple(p.sign(text) for p in parties)).encode()


class World:
    """``count`` members on one line. Datagrams pass through ``carry``, which may lose, repeat or change them."""

    def __init__(
        self,
        count: int,
        seed: int = 0,
        *,
        mtu: int = 65_535,
        bits_per_second: int = 0,
        settings: Settings | None = None,
        two_officers: tuple[str, ...] = (),
        signed: tuple[str, ...] = (),
        packs: tuple[d.CharterPack, ...] = (),
    ) -> None:
        self.random = random.Random(seed)
        self.settings = settings or Settings(query_limit_s=20.0)
        self.parties = [Party(code, self.random.randbytes) for code in CODES[:count]]
        notes = [n for p in self.parties for n in p.notes()]
        members = [p.entry(k) for k, p in enumerate(self.parties)]
        notes.append(charter_note(self.parties, members, two_officers=two_officers, signed=signed, packs=packs))
        self.membership = verify_documents(notes)
        self.mtu, self.bits_per_second = mtu, bits_per_second
        self.wall_offset = [0] * count
        self.boot_s = 1000.0
        self.stores = [MemoryStore() for _ in range(count)]
        self.events: list[list[i.Event]] = [[] for _ in range(count)]
        self.queue: list[tuple[int, int, bytes]] = []
        self.ready: list[tuple[int, i.Ready]] = []
        self.carry: Callable[[int, int, bytes], list[bytes]] = lambda _source, _target, datagram: [datagram]
        self.shuffle = False
        self.sent = 0
        self.lines = [self.make_line(k) for k in range(count)]

    def make_line(self, k: int) -> Line:
        """The line of member ``k`` as it starts from its store."""
        draw = self.random.randbytes
        rows = Rows(self.stores[k])
        membership = self.lines[k].membership if hasattr(self, "lines") else self.membership
        return Line(rows, membership, MemberNumber(k), self.parties[k].signers, draw, self.settings)

    def now(self, k: int) -> i.Now:
        """Both clocks of member ``k``."""
        return i.Now(START_S + int(self.boot_s) + self.wall_offset[k], self.boot_s)

    def step(self, k: int, *inputs: i.Input) -> i.Output:
        """One step of member ``k``: commit, then release."""
        output = self.lines[k].step(inputs, self.now(k))
        self.stores[k].commit(self.stores[k].version, output.changes)
        self.events[k] += output.events
        for send in output.sends:
            self.sent += 1
            assert len(send.datagram) <= self.mtu
            self.queue += [(k, send.peer, data) for data in self.carry(k, send.peer, send.datagram)]
            if self.bits_per_second:
                self.ready.append((k, i.Ready(send.bearer, send.peer)))
        return output

    def run(self, seconds: float = 0.0) -> None:
        """Deliver what is on its way; then let time pass, in steps of 50 ms."""
        end = self.boot_s + seconds
        while True:
            while self.queue or self.ready:
                if self.queue:
                    at = self.random.randrange(len(self.queue)) if self.shuffle else 0
                    _, target, datagram = self.queue.pop(at)
                    self.step(target, i.Received(datagram, "b"))
                else:
                    k, ready = self.ready.pop(0)
                    self.step(k, ready)
            if self.boot_s >= end:
                return
            self.boot_s += 0.05
            for k in range(len(self.lines)):
                self.step(k, i.Tick())

    def link(self, a: int, b: int, bearer: str = "b") -> None:
        """Join two members by a bearer."""
        for k, peer in ((a, b), (b, a)):
            self.step(k, i.LinkUp(bearer, MemberNumber(peer), self.mtu, 0.1, self.bits_per_second))

    def link_all(self) -> None:
        """Join every pair."""
        for a in range(len(self.lines)):
            for b in range(a):
                self.link(a, b)

    def unlink(self, a: int, b: int, bearer: str = "b") -> None:
        """Part two members; what is on its way between them is lost."""
        for k, peer in ((a, b), (b, a)):
            self.step(k, i.LinkDown(bearer, MemberNumber(peer)))
        self.queue = [q for q in self.queue if {q[0], q[1]} != {a, b}]

    def restart(self, k: int, store: MemoryStore | None = None) -> None:
        """Stop member ``k`` and start it again, from its store or another one; its links go down."""
        for other in range(len(self.lines)):
            if other != k:
                self.unlink(k, other)
        if store is not None:
            self.stores[k] = store
        self.lines[k] = self.make_line(k)

    def send(
        self, k: int, text: str, precedence: Precedence = Precedence.ROUTINE, to: int = EVERYONE, **fields: object
    ) -> None:
        """Member ``k`` submits a text."""
        content = Message(text, "en", precedence, **fields)  # type: ignore[arg-type]
        self.step(k, i.Submit(Kind.MESSAGE, content, to, 1))

    def mark(self, k: int, kind: Kind, mark: Mark) -> None:
        """Member ``k`` submits a mark."""
        self.step(k, i.Submit(kind, mark, EVERYONE, 1))

    def texts(self, k: int) -> list[str]:
        """The texts of others that arrived at ``k``, in the order of arrival, each as often as it arrived."""
        found = []
        for event in self.events[k]:
            if isinstance(event, i.Arrived) and event.kind is Kind.MESSAGE:
                stored = self.lines[k].trees.entry(event.entry.log, event.entry.index)
                if stored is not None and stored.statement:
                    content = message_of(stored.statement)
                    found.append(str(content.body))
        return found

    def warnings(self, k: int) -> set[str]:
        """The codes of what member ``k``'s operator was told."""
        return {e.code for e in self.events[k] if isinstance(e, i.Warned)}

    def settled(self) -> bool:
        """Every tree is whole wherever its revision has members, with one root, and receipted by all of them."""
        roots: dict[LogId, tuple[int, bytes]] = {}
        for line in self.lines:
            for tree in line.trees:
                best = roots.get(tree.log, (0, b""))
                roots[tree.log] = max(best, (tree.size, tree.root))
        for line in self.lines:
            for log, (size, root) in roots.items():
                copy = line.trees.get(log)
                if copy is None or (copy.size, copy.root, copy.held) != (size, root, size):
                    return False
                if log.member == line.me and any(copy.receipts.get(p, 0) != size for p in line.peers):
                    return False
        return True


def message_of(data: bytes) -> Message:
    """The message of an encoded statement."""
    content = statement.decode(data).content
    assert isinstance(content, Message)
    return content
