"""What travels and what is signed, as bytes and as what they say: datagrams, parts, statements and documents.

The good cases are made of values; each refused one is a good one with one thing changed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import IntEnum
from typing import Any, Final

from parley import limits
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire import cbor, datagram, documents, parts, statement
from parley.wire.documents import Charter, CharterPack, ClosedRun, NoticeOfLeaving, Revocation, RootSigner
from parley.wire.statement import Kind, Mark, Message, Opened, Precedence, Reference, RefusedEntry, Relation, Seen
from parley_testkit.small_world import Party

Fields = dict[str, Any]
Case = tuple[str, str, Fields, Fields | str]
"""Name, description, what is given, and what comes of it or the code of the error."""

RUN: Final = Incarnation(bytes(range(8)))
LOG: Final = LogId(MemberNumber(1), RUN)
HASH: Final = bytes(range(32))
SIGNED: Final = bytes(range(64))


def said(value: Any) -> Any:
    """A value as JSON: bytes in hexadecimal, numbers and texts as they are, a structure by the names of its fields."""
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, LogId):
        return {"member": value.member, "incarnation": value.incarnation.hex()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: said(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return [[key, said(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [said(item) for item in value]
    return value


def named(value: Any) -> Fields:
    """The same, with the name of the structure."""
    return {"structure": type(value).__name__, **said(value)}


# -- datagrams ---------------------------------------------------------------------------------------------


def datagrams() -> Iterator[Case]:
    box = bytes(range(100, 117))
    good = {
        "sealed": datagram.sealed_header(b"ab", 5, None) + box,
        "sealed-with-its-run": datagram.sealed_header(b"ab", 5, RUN) + box,
        "sealed-counter-of-two-bytes": datagram.sealed_header(b"ab", (1 << 14) - 1, None) + box,
        "sealed-counter-of-four-bytes": datagram.sealed_header(b"ab", 1 << 14, None) + box,
        "sealed-last-counter": datagram.sealed_header(b"ab", (1 << 30) - 1, None) + box,
        "announce": datagram.announce(b"abcd", box),
        "piece": datagram.pieces(datagram.announce(b"abcd", bytes(60)), 40, b"wxyz")[1],
    }
    for name, data in good.items():
        yield name, "a datagram", {"datagram": data.hex()}, named(datagram.decode(data))
    sealed, piece = good["sealed"], good["piece"]
    for name, data, code in (
        ("empty", b"", "datagram-size"),
        ("of-seven-bytes", sealed[:7], "datagram-size"),
        ("longer-than-65536", sealed + bytes(limits.MAX_DATAGRAM + 1 - len(sealed)), "datagram-size"),
        ("suite-0", bytes((sealed[0] & 15,)) + sealed[1:], "datagram-unknown-suite"),
        ("suite-2", bytes((sealed[0] & 15 | 32,)) + sealed[1:], "datagram-unknown-suite"),
        ("kind-4", b"\x14" + sealed[1:], "datagram-malformed"),
        ("without-room-for-its-tag", sealed[:-2], "datagram-malformed"),
        ("with-its-run-without-room-for-its-tag", good["sealed-with-its-run"][:-2], "datagram-malformed"),
        ("counter-of-one-byte", sealed[:3] + b"\x05" + sealed[5:], "datagram-malformed"),
        ("counter-of-eight-bytes", sealed[:3] + b"\xc0\0\0\0\0\0\0\5" + sealed[5:], "datagram-malformed"),
        ("counter-longer-than-needed", sealed[:3] + b"\x80\0\0\5" + sealed[5:], "datagram-malformed"),
        ("piece-beyond-the-last", piece[:5] + piece[6:7] + piece[6:], "datagram-malformed"),
    ):
        yield name, "a changed datagram", {"datagram": data.hex()}, code


# -- parts -------------------------------------------------------------------------------------------------

_ITEMS: Final = (
    parts.Opening(b"said"),
    parts.Opening(b"said", HASH),
    parts.Blind(HASH),
    parts.Gone(HASH),
    parts.NotForYou(HASH, bytes(16), (HASH, HASH)),
)
_PARTS: Final[Mapping[str, parts.Part]] = {
    "entries-of-this-run": parts.Entries(3, _ITEMS[:1], SIGNED),
    "entries-of-a-tree": parts.Entries(1 << 16, _ITEMS, SIGNED, LOG),
    "entries-whose-commitments-are-known": parts.Entries(0, _ITEMS[1:2], b"", LOG),
    "cosigned": parts.Cosigned(LOG, 5, 1_700_000_000, SIGNED),
    "cosigned-by-another": parts.Cosigned(LOG, 5, 1_700_000_000, SIGNED, 2),
    "cosigned-with-ml-dsa": parts.Cosigned(LOG, 5, 1_700_000_000, bytes(parts.MLDSA44_BYTES), 1),
    "have": parts.Have((parts.Held(LOG, 5, 5),), (parts.ChainHeld(b"ab", 70_000),), (HASH[:8],), RUN),
    "have-of-many-runs": parts.Have((parts.Held(LOG, 5, 5, before=300),), (), ()),
    "have-with-gaps": parts.Have((parts.Held(LOG, 9, 2, (2, 5), 1), parts.Held(LOG, 9, 2, (2,))), (), ()),
    "have-of-nothing": parts.Have((), (), ()),
    "query": parts.Query(),
    "query-for-receipts": parts.Query((RUN, Incarnation(RUN[::-1]))),
    "gossip": parts.Gossip(LOG, 5, HASH, SIGNED),
    "prekeys": parts.Prekeys((bytes(1216),), SIGNED),
    "document": parts.Document(b"note"),
    "evidence": parts.Evidence(b"proof"),
    "prove-question": parts.Prove(LOG, 3, 5),
    "prove-answer": parts.Prove(LOG, 3, 5, (HASH, HASH)),
    "fragment": parts.Fragment(70_000, 1, 3, b"slice"),
    "padding": parts.Padding(4),
}


def payloads() -> Iterator[Case]:
    for name, part in _PARTS.items():
        yield name, "a payload of one part", _payload(parts.encode([part])), {"parts": [named(part)]}
    both = [_PARTS["entries-of-this-run"], _PARTS["cosigned"]]
    yield "two-parts", "in their order", _payload(parts.encode(both)), {"parts": [named(p) for p in both]}
    yield "of-no-part", "nothing is said", _payload(cbor.encode([])), {"parts": []}
    unknown = cbor.encode([[11, "of a later version"], [3]])
    yield "type-not-known", "passed over (PRO-1)", _payload(unknown), {"parts": [named(parts.Query())]}
    for name, good, at, value in _changed_parts():
        row = cbor.decode(parts.encode([_PARTS[good]]), limit=limits.MAX_PAYLOAD)[0]
        row[at:] = [value, *row[at + 1 :]] if value is not _CUT else []
        # A tree is named as in a statement, by the same reader.
        code = "statement-malformed" if name in {"entries-member-32", "entries-incarnation-short"} else "part-malformed"
        yield name, f"{good}, changed", _payload(cbor.encode([row])), code
    for name, whole, code in (
        ("no-array", 3, "part-malformed"),
        ("part-no-array", [3], "part-malformed"),
        ("part-empty", [[]], "part-malformed"),
        ("part-without-a-type", [["query"]], "part-malformed"),
    ):
        yield name, "no array of parts", _payload(cbor.encode(whole)), code
    cut = parts.encode([_PARTS["gossip"]])
    yield "cut", "a payload without its last byte", _payload(cut[:-1]), "cbor-truncated"
    yield "trailing", "a payload with a byte after it", _payload(cut + b"\0"), "cbor-trailing"


_CUT: Final = object()


def _payload(data: bytes) -> Fields:
    return {"payload": data.hex()}


def _changed_parts() -> Iterator[tuple[str, str, int, Any]]:
    log = [LOG.member, LOG.incarnation]
    yield "entries-without-signature", "entries-of-this-run", 3, _CUT
    yield "entries-with-one-field-more", "entries-of-this-run", 4, 1
    yield "entries-none", "entries-of-this-run", 2, []
    yield "entries-first-negative", "entries-of-this-run", 1, -1
    yield "entries-first-of-five-bytes", "entries-of-this-run", 1, 1 << 32
    yield "entries-commitment-short", "entries-of-a-tree", 2, [[HASH[:31]]]
    yield "entries-salt-short", "entries-of-a-tree", 2, [[HASH[:31], b"said"]]
    yield "entries-path-too-long", "entries-of-a-tree", 2, [[HASH, bytes(16), [HASH] * 9]]
    yield "entries-signature-short", "entries-of-a-tree", 3, SIGNED[:63]
    yield "entries-member-32", "entries-of-a-tree", 4, limits.MAX_MEMBERS
    yield "entries-incarnation-short", "entries-of-a-tree", 5, RUN[:7]
    yield "cosigned-without-signature", "cosigned", 5, _CUT
    yield "cosigned-signature-of-no-algorithm", "cosigned", 5, SIGNED + b"\0"
    yield "cosigned-time-after-the-year-6325", "cosigned", 4, limits.MAX_TIME + 1
    yield "cosigned-giver-32", "cosigned-by-another", 6, limits.MAX_MEMBERS
    yield "have-without-run", "have", 4, _CUT
    yield "have-tree-without-held", "have", 1, [[*log, 5]]
    yield "have-before-0", "have", 1, [[*log, 5, 5, 0]]
    yield "have-before-of-five-bytes", "have", 1, [[*log, 5, 5, 1 << 32]]
    yield "have-missing-empty", "have", 1, [[*log, 9, 2, []]]
    yield "have-missing-not-from-held", "have", 1, [[*log, 9, 2, [3]]]
    yield "have-missing-not-rising", "have", 1, [[*log, 9, 2, [2, 2]]]
    yield "have-missing-beyond-size", "have", 1, [[*log, 9, 2, [2, 9]]]
    yield "have-missing-33", "have", 1, [[*log, 99, 2, list(range(2, 35))]]
    yield "have-missing-after-before", "have", 1, [[*log, 9, 2, 1, [2]]]
    yield "have-tag-long", "have", 2, [[b"abc", 1]]
    yield "have-document-short", "have", 3, [HASH[:7]]
    yield "have-run-short", "have", 4, RUN[:7]
    yield "query-runs-none", "query-for-receipts", 1, []
    yield "query-runs-65", "query-for-receipts", 1, [RUN] * 65
    yield "query-run-short", "query-for-receipts", 1, [RUN[:7]]
    yield "gossip-root-short", "gossip", 4, HASH[:31]
    yield "prekeys-key-short", "prekeys", 1, [bytes(1215)]
    yield "prekeys-65", "prekeys", 1, [bytes(1216)] * 65
    yield "document-text", "document", 1, "note"
    yield "prove-path-too-long", "prove-answer", 5, [HASH] * 65
    yield "prove-path-element-short", "prove-answer", 5, [HASH[:31]]
    yield "fragment-count-4097", "fragment", 3, limits.MAX_FRAGMENTS + 1
    yield "fragment-without-data", "fragment", 4, _CUT
    yield "padding-number", "padding", 1, 4


# -- statements --------------------------------------------------------------------------------------------

_ENTRY: Final = EntryId(LOG, 7)
_AT: Final = 1_700_000_000
_STATEMENTS: Final[Mapping[str, statement.Statement]] = {
    "text": statement.Statement(Kind.MESSAGE, _AT, Message("Bonjour.", "fr")),
    "text-with-everything": statement.Statement(
        Kind.MESSAGE,
        _AT,
        Message(
            "Reply.",
            "en",
            Precedence.FLASH,
            "Subject",
            from_role="air",
            to_role="sea",
            refs=(Reference(Relation.REPLY, _ENTRY), Reference(Relation.CORRECTS, EntryId(LOG, 8))),
            reply_by=_AT + 3600,
        ),
        to=5,
        seen=(Seen(LOG, 9),),
    ),
    "form": statement.Statement(Kind.MESSAGE, _AT, Message(b"\xa1\x01\x02", form="core/query")),
    "read": statement.Statement(Kind.READ, _AT, Mark((Reference(Relation.SUBJECT, _ENTRY),))),
    "declined": statement.Statement(Kind.DECLINED, _AT, Mark((Reference(Relation.SUBJECT, _ENTRY),), "sea", "Why.")),
    "refused": statement.Statement(Kind.REFUSED, _AT, RefusedEntry((Reference(Relation.SUBJECT, _ENTRY),), 3)),
    "opened": statement.Statement(Kind.OPENED, _AT, Opened(HASH, HASH[::-1])),
    "opened-after-another": statement.Statement(Kind.OPENED, _AT, Opened(HASH, HASH, (RUN, 9, HASH), "parley 1")),
    "field-not-known": statement.Statement(Kind.MESSAGE, _AT, Message("Kept.", "en"), extra={99: [1, b"2"]}),
}


def statements() -> Iterator[Case]:
    for name, good in _STATEMENTS.items():
        yield name, "a statement", {"statement": statement.encode(good).hex()}, said(good)
    text = cbor.decode(statement.encode(_STATEMENTS["text-with-everything"]), limit=limits.MAX_STATEMENT)
    opened = cbor.decode(statement.encode(_STATEMENTS["opened-after-another"]), limit=limits.MAX_STATEMENT)
    mark = cbor.decode(statement.encode(_STATEMENTS["declined"]), limit=limits.MAX_STATEMENT)
    refused = cbor.decode(statement.encode(_STATEMENTS["refused"]), limit=limits.MAX_STATEMENT)
    reference = [1, LOG.member, LOG.incarnation, 7]
    bad = "statement-malformed"
    changed: list[tuple[str, Any, str]] = [
        ("time-missing", _without(text, 1), bad),
        ("time-negative", text | {1: -1}, bad),
        ("time-after-the-year-6325", text | {1: limits.MAX_TIME + 1}, bad),
        ("body-missing", _without(text, 9), bad),
        ("kind-stated-though-a-message", text | {0: 0}, "statement-not-canonical"),
        ("kind-not-known", {0: 6, 1: _AT}, "statement-unknown-kind"),
        ("recipients-none", text | {2: 0}, "statement-not-canonical"),
        ("recipients-beyond-32", text | {2: 1 << limits.MAX_MEMBERS}, bad),
        ("seen-empty", text | {3: []}, "statement-not-canonical"),
        ("seen-incarnation-short", text | {3: [[1, RUN[:7], 9]]}, bad),
        ("precedence-routine-stated", text | {4: 0}, "statement-not-canonical"),
        ("precedence-4", text | {4: 4}, bad),
        ("role-watch-stated", text | {5: "watch"}, "statement-not-canonical"),
        ("language-a-number", text | {7: 1}, bad),
        ("references-empty", text | {10: []}, "statement-not-canonical"),
        ("reference-relation-7", text | {10: [[7, *reference[1:]]]}, bad),
        ("reference-member-32", text | {10: [[1, limits.MAX_MEMBERS, RUN, 7]]}, bad),
        ("reference-cut", text | {10: [reference[:3]]}, bad),
        ("reply-by-0", text | {12: 0}, "statement-not-canonical"),
        ("reply-by-after-the-year-6325", text | {12: limits.MAX_TIME + 1}, bad),
        ("mark-body-bytes", mark | {9: b"Why."}, bad),
        ("refused-without-reason", _without(refused, 13), bad),
        ("opened-without-revision", _without(opened, 16), bad),
        ("opened-certificate-short", opened | {17: HASH[:31]}, bad),
        ("opened-previous-cut", opened | {18: [RUN, 9]}, bad),
        ("opened-previous-incarnation-short", opened | {18: [RUN[:7], 9, HASH]}, bad),
        ("an-array", [0], bad),
    ]
    for name, value, code in changed:
        ordered = dict(sorted(value.items())) if isinstance(value, dict) else value
        yield name, "a changed statement", {"statement": cbor.encode(ordered).hex()}, code
    long = cbor.encode({1: _AT, 7: "en", 9: "a" * limits.MAX_STATEMENT})
    yield "larger-than-49152", "one byte too many, and some", {"statement": long.hex()}, "statement-too-large"


def _without(value: dict[int, Any], key: int) -> dict[int, Any]:
    return {k: v for k, v in value.items() if k != key}


# -- documents ---------------------------------------------------------------------------------------------


def _documents() -> Mapping[str, documents.Document]:
    draw = random.Random("vectors").randbytes
    north, south = Party("northland", draw, "north-south"), Party("southland", draw, "north-south")
    party = documents.parse_text(north.party_text)
    assert isinstance(party, documents.Party)
    keys = tuple(RootSigner(holder, draw(32)) for holder in ("chief of staff", "deputy"))
    founding = Charter(
        "north-south",
        "operation",
        0,
        b"",
        b"",
        b"",
        ("en", "fr"),
        {"routine": 86_400, "priority": 3600, "immediate": 600, "flash": 60},
        365,
        (north.entry(0), south.entry(1)),
    )
    hash_ = documents.document_hash(founding.text())
    return {
        "party": party,
        "party-of-two-signers": replace(party, threshold=2, signers=keys, name='The "North" \\ Nord'),
        "certificate": north.certificate,
        "charter": founding,
        "charter-with-all": replace(
            founding,
            purpose="exercise",
            revision=1,
            founding=hash_,
            previous=hash_,
            succeeds=HASH,
            packs=(CharterPack("core", 1, HASH),),
            dictionary=HASH[::-1],
            two_officers=("flash",),
            signed=("flash", "text"),
            members=(replace(north.entry(0), telephone=("+00 0 000", "line two")), south.entry(3)),
        ),
        "revocation": Revocation(
            hash_,
            "northland",
            HASH,
            bytes(32),
            "keyCompromise",
            1_795_682_460,
            (ClosedRun(RUN, 12, HASH), ClosedRun(bytes(range(1, 9)), 1, bytes(32))),
        ),
        "revocation-of-no-run": Revocation(hash_, "northland", HASH, bytes(32), "superseded", 1_795_682_460),
        "notice-of-leaving": NoticeOfLeaving(hash_, "northland", HASH, "The agreement has ended."),
    }


def texts() -> Iterator[Case]:
    """Documents: each text is the one encoding of what it says (DOC-1)."""
    good = {name: document.text() for name, document in _documents().items()}
    for name, text in good.items():
        expect = {**named(documents.parse_text(text)), "sha256": documents.document_hash(text).hex()}
        yield name, "a document", {"text": text}, expect
    for name, of, old, new in (
        ("header-another-version", "party", "# parley party v1", "# parley party v2"),
        ("header-indented", "party", "# parley", " # parley"),
        ("last-newline-missing", "notice-of-leaving", 'ended."\n', 'ended."'),
        ("carriage-returns", "notice-of-leaving", "\n", "\r\n"),
        ("blank-line-more", "party", "\n\n", "\n\n\n"),
        ("spaces-around-equals", "party", "threshold = 1", "threshold=1"),
        ("comment", "party", "threshold = 1", "threshold = 1 # of one"),
        ("number-with-sign", "party", "threshold = 1", "threshold = +1"),
        ("number-in-hexadecimal", "party", "threshold = 1", "threshold = 0x1"),
        ("number-as-text", "party", "threshold = 1", 'threshold = "1"'),
        ("string-in-single-quotes", "party", 'code = "northland"', "code = 'northland'"),
        ("escape-not-needed", "party", 'code = "northland"', 'code = "\\u006eorthland"'),
        ("keys-exchanged", "notice-of-leaving", 'code = "northland"\n', ""),
        ("field-not-known", "party", "threshold = 1\n", "threshold = 1\nnote = 1\n"),
        ("code-with-capital", "party", '"northland"', '"Northland"'),
        ("code-beginning-with-hyphen", "party", '"northland"', '"-northland"'),
        ("code-of-25", "party", '"northland"', '"' + "n" * 25 + '"'),
        ("threshold-0", "party", "threshold = 1", "threshold = 0"),
        ("threshold-above-the-signers", "party", "threshold = 1", "threshold = 2"),
        ("holder-twice", "party-of-two-signers", "deputy", "chief of staff"),
        ("key-without-padding", "party", '="\n', '"\n'),
        ("text-with-control", "notice-of-leaving", "The agreement", "The\\tagreement"),
        ("hash-in-capitals", "notice-of-leaving", HASH.hex(), HASH.hex().upper()),
        ("hash-short", "notice-of-leaving", HASH.hex(), HASH.hex()[:-2]),
        ("serial-negative", "certificate", "serial = 1", "serial = -1"),
        ("class-not-known", "charter", '"operation"', '"training"'),
        ("language-not-known-form", "charter", '["en", "fr"]', '["English"]'),
        ("precedence-missing", "charter", "immediate = 600\n", ""),
        ("member-number-32", "charter", "number = 1", "number = 32"),
        ("member-number-twice", "charter", "number = 1", "number = 0"),
        ("member-code-twice", "charter", 'code = "southland"', 'code = "northland"'),
        ("two-officers-empty", "charter-with-all", 'two_officers = ["flash"]', "two_officers = []"),
        ("signed-out-of-order", "charter-with-all", '["flash", "text"]', '["text", "flash"]'),
        ("signed-twice", "charter-with-all", '["flash", "text"]', '["flash", "flash"]'),
        ("telephone-empty", "charter-with-all", '["+00 0 000", "line two"]', "[]"),
        ("pack-version-0", "charter-with-all", "version = 1", "version = 0"),
        ("reason-not-known", "revocation", '"keyCompromise"', '"unspecified"'),
        ("time-with-an-offset", "revocation", 'Z"', '+00:00"'),
        ("time-of-no-day", "revocation", '"2026-11-', '"2026-13-'),
        ("closed-at-nothing", "revocation", "size = 12", "size = 0"),
        ("closed-twice", "revocation", bytes(range(1, 9)).hex(), RUN.hex()),
        ("closed-out-of-order", "revocation", RUN.hex(), "ff" * 8),
        ("run-in-capitals", "revocation", RUN.hex(), "ABCDEF0000000000"),
        ("run-short", "revocation", RUN.hex(), RUN.hex()[:-2]),
        ("root-short", "revocation", f'root = "{HASH.hex()}"', f'root = "{HASH.hex()[:-2]}"'),
        ("not-toml", "party", "threshold = 1", "threshold ="),
    ):
        assert old in good[of], name
        yield name, f"{of}, changed", {"text": good[of].replace(old, new)}, "document-malformed"
