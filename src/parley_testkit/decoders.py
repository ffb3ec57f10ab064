"""Every decoder and importer that sees bytes of somebody else, with well-formed examples to begin from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from parley.app.forms import library, usual_packs
from parley.app.meeting import read_proposal
from parley.app.sentences import fact_sentence
from parley.app.sites import read_sites
from parley.errors import DecodeError, DocumentError, SignatureInvalid, UsageError
from parley.forms import packs
from parley.forms.filled import read_values
from parley.forms.library import Forms
from parley.forms.pack import DEFINITION, read_pack
from parley.forms.words import read_catalog
from parley.geo.coordinates import parse_position
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.notices.notice import read_notice
from parley.notices.places import read_places
from parley.notices.statement.read import read_statement
from parley.procedure.facts import FORMS, read_fact
from parley.record import checkpoint, cosignature, equivocation, proof
from parley.record.rfc6962 import Frontier
from parley.wire import cbor, datagram, documents, geometry, note, parts, statement
from parley.wire.assertion import Assertion, check, read_assertion
from parley.wire.statement import Kind, Message, Precedence, Reference, Relation, Statement

_LOG: Final = LogId(MemberNumber(1), Incarnation(b"12345678"))
STATEMENT: Final = statement.encode(
    Statement(
        Kind.MESSAGE,
        1_800_000_000,
        Message("text", "en", Precedence.FLASH, "s", refs=(Reference(Relation.REPLY, EntryId(_LOG, 3)),)),
        to=6,
    )
)
_PAYLOAD: Final = parts.encode(
    [
        parts.Entries(3, (parts.Opening(STATEMENT), parts.Blind(bytes(32))), bytes(64), _LOG),
        parts.Cosigned(_LOG, 3, 5, bytes(64), 2),
        parts.Have(
            (parts.Held(_LOG, 3, 3), parts.Held(_LOG, 9, 2, (2, 5))),
            (parts.ChainHeld(b"ab", 7),),
            (bytes(8),),
            bytes(8),
        ),
        parts.Prove(_LOG, 1, 2, (bytes(32),)),
        parts.Fragment(9, 0, 2, b"slice"),
    ]
)
_SEALED: Final = datagram.sealed_header(b"ab", 20_000, Incarnation(bytes(8))) + bytes(40)

_VOLUME: Final = cbor.encode(
    geometry.encode_volume(
        geometry.Volume(
            (
                geometry.Circle(geometry.position(34.5, 35.9), 5000),
                geometry.Polygon(tuple(geometry.position(a, b) for a, b in ((1, 179), (2, -179), (3, 178)))),
            ),
            geometry.Band(None, geometry.Height(100, geometry.Unit.HUNDRED_FEET, geometry.Reference.FL)),
            (geometry.Window(1_800_000_000, 1_800_003_600), geometry.Daily(20_000, 20_010, 1380, 60)),
        )
    )
)

_WARNING: Final = (
    b"010000Z MAR 26\nNAVAREA IV 12/26(11).\nSEA.\n1. ROCKETS 0100Z TO 0300Z DAILY 02 THRU 05 MAR IN AREA\n"
)
_WARNING_2: Final = b"   BOUND BY 10-00N 020-00W, 11-00N 020-00W, 11-00N 021-00W.\n2. CANCEL THIS MSG 060400Z MAR 26.\n"
_NOTAM: Final = (
    b"(A0001/26 NOTAMN\nQ) UMMV/QRTCA/IV/BO/W/000/100/5410N02719E005\nA) UMMV B) 2603010300 C) 2603050500\n"
    b"D) 0300-0500\nE) CIRCLE RADIUS 5KM CENTRE 541000N0271900E\nF) SFC G) FL100)"
)
_ASSERTION: Final = cbor.encode(Assertion(bytes(32), bytes(32) + b"\x05" + bytes(4), b"{}", bytes(64)).plain())
_PACK: Final = (files(packs) / "check-fire" / DEFINITION).read_bytes()
_FACTS: Final[tuple[list[object], ...]] = (  # of each kind, in the order of their names
    [True, "reason"],
    ["understood", 1_800_000_000],
    ["text"],
    ["text"],
    ["reason"],
    [1, "read", 1_800_000_000, 1_800_000_600],
    [bytes(77), "localhost", False, [Assertion(bytes(32), bytes(37), b"{}", bytes(64)).plain()]],
    [bytes(32)],
    [["watch"], 1_800_000_000],
    [1, "read", "watch"],
    [1, 1_800_000_000],
    ["watch", 1_800_000_000, False],
)
_PLACES: Final = (
    b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Clinic"},'
    b'"geometry":{"type":"Point","coordinates":[20.5,10.25]}}]}'
)
_PRESS: Final = (
    "PARIS, 3 mai 2024 (AFP) - Le ministre, Jean Dupont, a dit : \u00ab 53 navires \u00bb, selon Tass.".encode()
)


def _form(data: bytes) -> object:
    """The form whose number the first byte is among those that are shipped."""
    forms = _shipped()
    form = tuple(forms)[data[0] % len(tuple(forms))] if data else next(iter(forms))
    return forms.codec.decode(form, data[1:])


@cache
def _shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def _form_examples() -> list[bytes]:
    forms = _shipped()
    return [
        bytes((number,)) + forms.codec.encode(form, read_values(form, form.examples[0].values))
        for number, form in enumerate(forms)
    ]


def _places(data: bytes) -> object:
    try:
        return read_places("x." + ("kml", "csv", "geojson")[len(data) % 3], _text(data))
    except UsageError as error:  # a file of one's own: its fault is the operator's
        raise DecodeError(error.message, code=error.code) from error


def _own(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """A reader of what an operator types or opens: its fault is the operator's."""

    def decode(data: bytes) -> object:
        try:
            return read(_text(data))
        except UsageError as error:
            raise DecodeError(error.message, code=error.code) from error

    return decode


def _fact(data: bytes) -> object:
    """A fact of a procedure, of the kind that the first byte names, and the sentence for it."""
    names = sorted(FORMS)
    form = names[data[0] % len(names)] if data else names[0]
    about = any(f.name == "about" for f in fields(FORMS[form]))
    refs = (Reference(Relation.SUBJECT, EntryId(_LOG, 3)),) if about else ()
    return fact_sentence(read_fact(Message(data[1:], "en", form=form, refs=refs)), str, "en")


def _proposal(data: bytes) -> object:
    try:
        return read_proposal(data)
    except DocumentError as error:  # the documents are well formed, and do not fit one another
        raise DecodeError(error.message, code=error.code) from error


def _assertion(data: bytes) -> object:
    assertion = read_assertion(cbor.decode(data, limit=1 << 12))
    with contextlib.suppress(SignatureInvalid):
        check(assertion, bytes(32), data[:64], "localhost")
    return assertion


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


DECODERS: Final[dict[str, tuple[Callable[[bytes], object], list[bytes]]]] = {
    "cbor": (lambda b: cbor.decode(b, limit=1 << 16), [STATEMENT, _PAYLOAD]),
    "statement": (statement.decode, [STATEMENT]),
    "parts": (parts.decode, [_PAYLOAD]),
    "datagram": (datagram.decode, [_SEALED, datagram.announce(b"1234", bytes(90)), b"\x13abcd\x00\x02" + bytes(9)]),
    "note": (note.parse, [b"text\n\n\xe2\x80\x94 name AAAAAAAA\n"]),
    "checkpoint": (lambda b: checkpoint.parse_text(_text(b)), [b"o\n1\n" + b"A" * 43 + b"=\n"]),
    "proof": (proof.parse, [b"c2sp.org/tlog-proof@v1\nindex 0\n\no\n"]),
    "equivocation": (equivocation.parse, [b"parley/equivocation@v1\n0\n4\n"]),
    "document": (
        lambda b: documents.parse_text(_text(b)),
        [b"# parley party v1\ncode = 1\n", b"# parley revocation v1\nline = 1\n"],
    ),
    "bundle": (documents.decode_bundle, [b"======== a\nx\n======== b\ny\n"]),
    "geometry": (lambda b: geometry.decode_volume(cbor.decode(b, limit=1 << 16)), [_VOLUME]),
    "form": (_form, _form_examples()),
    "notice": (lambda b: read_notice(_text(b), date(2026, 3, 1)), [_WARNING + _WARNING_2, _NOTAM]),
    "press": (lambda b: (read_statement(_text(b), "fr"), read_statement(_text(b), "en")), [_PRESS]),
    "places": (_places, [_PLACES]),
    "cosignature": (cosignature.Cosignature.decode, [bytes(8 + 64), bytes(8 + 2420)]),
    "vkey": (lambda b: note.parse_vkey(_text(b)), [note.vkey("o", 1, bytes(32)).encode()]),
    "assertion": (_assertion, [_ASSERTION]),
    "fact": (_fact, [bytes((n,)) + cbor.encode(values) for n, values in enumerate(_FACTS)]),
    "positions": (geometry.decode_positions, [geometry.encode_positions((geometry.position(34.5, 35.9),))]),
    "position": (_own(parse_position), [b"36-43.09N 068-51.75E", b"42S XF 1 2", b"36 43 05 N 68 51 45 E"]),
    "proposal": (_proposal, [b"======== a\nx\n======== b\ny\n"]),
    "pack": (lambda b: read_pack({DEFINITION: b}), [_PACK]),
    "catalogue": (lambda b: read_catalog(b, "fr"), [b'msgid ""\nmsgstr ""\n\nmsgid "a"\nmsgstr "b"\n']),
    "sites": (_own(lambda text: read_sites("x.geojson", text)), [_PLACES.replace(b'"name"', b'"id":"7","name"')]),
    "frontier": (Frontier.decode, [Frontier.empty().append(bytes(32)).encode()]),
}
"""What decodes, and examples of what it decodes. Each gives a value or raises DecodeError."""
