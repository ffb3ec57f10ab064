"""Forms on the wire as spec/forms.md and the CDDL say, and what a hostile peer may send instead of one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard

from parley.app.forms import fill, library, message_of, read_message, usual_packs
from parley.app.views import Views
from parley.errors import DecodeError, ParleyError
from parley.forms.filled import read_values
from parley.forms.library import Forms
from parley.forms.pack import files_hash
from parley.forms.render import as_text, render
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.wire import cbor, geometry
from parley.wire.geometry import MAX_POSITIONS, MAX_SHAPES, Position, decode_positions, encode_positions
from parley.wire.statement import Kind, Message, Precedence, Reference, Relation, Statement

SPEC = Path(__file__).parents[2] / "spec"
AREA = 15


def shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def refused(form: str, body: bytes) -> str:
    """The code with which a body is refused; the message that carries it is then shown as not understood (FORM-6)."""
    forms = shipped()
    with pytest.raises(DecodeError) as caught:
        forms.codec.decode(forms.named(form), body)
    assert not forms.understood(forms.named(form).id, body)
    assert read_message(forms, Message(body, "en", Precedence.ROUTINE, form=forms.named(form).id)) is None
    return caught.value.code


def test_every_example_is_what_the_cddl_says() -> None:
    pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for this interpreter or machine")
    schema = pycddl.Schema("start = form\n" + (SPEC / "forms.cddl").read_text("utf-8"))
    areas = pycddl.Schema("start = volume\n" + (SPEC / "geometry.cddl").read_text("utf-8"))
    seen = 0
    for form in shipped():
        for example in form.examples:
            try:
                values = read_values(form, example.values)
            except ParleyError:
                continue
            body = shipped().codec.encode(form, values)
            if body[0] == 0:
                schema.validate_cbor(body[1:])
            for spec in form.fields:
                if spec.type == "area" and spec.name in values:
                    for volume in values[spec.name] if spec.repeat > 1 else [values[spec.name]]:
                        areas.validate_cbor(cbor.encode(geometry.encode_volume(volume)))
                        seen += 1
    assert seen > 10
    with pytest.raises(pycddl.ValidationError):
        areas.validate_cbor(cbor.encode([[[0, b""]], None, None, []]))


def test_a_set_of_files_is_named_by_one_hash() -> None:
    """FORM-1."""
    lines = f"{sha256(b'x').hexdigest()}  a\n{sha256(b'y').hexdigest()}  b\n"
    assert files_hash({"b": b"y", "a": b"x"}) == sha256(b"parley form pack v1\n" + lines.encode()).digest()


def test_another_definition_reads_nothing() -> None:
    """FORM-2: the charter's hashes decide, never a pack that happens to have the same name."""
    packs, dictionaries = usual_packs()
    forms = shipped()
    message = message_of(forms, fill(forms, forms.named("text"), {"text": "A"}), "en")
    assert isinstance(message.body, bytes)
    other = library().under({p.name: bytes(32) if p.name == "core" else p.hash for p in packs}, dictionaries)
    assert read_message(other, message) is None
    assert not other.understood(message.form, message.body)


@pytest.mark.parametrize(
    ("texts", "code"),
    [(b"a\0b", "form-malformed"), (b"", None), (b"x" * 40_000, "form-malformed"), (b"\xff", "form-malformed")],
)
def test_there_are_as_many_texts_as_places(texts: bytes, code: str | None) -> None:
    """FORM-3, FORM-4: too many texts, a text too long, and bytes that are no text."""
    dictionary = next(iter(library()._dictionaries.values()))["dictionary-en"]
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False, write_checksum=False, write_dict_id=False
    )
    frame = zstandard.ZstdCompressor(
        compression_params=parameters, dict_data=zstandard.ZstdCompressionDict(dictionary)
    ).compress(texts)
    structure = cbor.encode({1: ""})
    body = b"\x01" + structure + frame[2:]
    if code is None:
        assert shipped().codec.decode(shipped().named("text"), body).values == {"text": ""}
    else:
        assert refused("text", body) == code


def test_a_field_of_tomorrow_is_kept_and_shown() -> None:
    """FORM-5."""
    forms = shipped()
    filled = forms.codec.decode(forms.named("text"), b"\x00" + cbor.encode({1: "A", 63: "new"}))
    assert filled.unknown == {63: "new"}
    assert "Not understood (field 63): 'new'" in as_text(render(filled, forms.words("en")))


def polygon(data: bytes) -> bytes:
    return b"\x00" + cbor.encode({6: 1, 8: [[[[2, data]], None, None, []]]})


def test_ten_million_vertices_are_refused_before_they_are_read() -> None:
    """FORM-6. One is larger than any message; a decoder stops at the bound, and looks at no byte after it."""
    # bad: a polygon of ten million positions -> more than a message holds; of more than 1,024: `geometry-positions`
    many = b"\x05" + b"\x02\x03" * 10_000_000
    with pytest.raises(DecodeError) as caught:
        decode_positions(many)
    assert caught.value.code == "geometry-positions"
    assert refused("warning", polygon(many)).startswith("cbor-")
    ring = [Position(n * 7, n * 11) for n in range(MAX_POSITIONS + 1)]
    assert refused("warning", polygon(encode_positions(ring))) == "geometry-positions"
    shape = [0, encode_positions([Position(1, 1)])]
    body = b"\x00" + cbor.encode({6: 1, 8: [[[shape] * (MAX_SHAPES + 1), None, None, []]]})
    assert refused("warning", body) == "geometry-shape"


@pytest.mark.parametrize(
    "time",
    [[0, 1000 * 366 * 1440], [20_000, 366_000, 0, 60, 127], [0, 0], [1 << 40, 1], [20_000, 0, 0, 60, 0]],
    ids=["a-thousand-years", "a-thousand-years-daily", "empty", "far-away", "on-no-day"],
)
def test_an_endless_or_empty_window_is_refused(time: list[int]) -> None:
    # bad: a window of a thousand years -> refused in a form that comes: `geometry-range`
    shape = [0, encode_positions([Position(1, 1)])]
    assert refused("warning", b"\x00" + cbor.encode({6: 1, 8: [[[shape], None, None, [time]]]})) == "geometry-range"


def test_deep_nesting_is_refused() -> None:
    deep: Any = 1
    for _ in range(20):
        deep = [deep]
    assert refused("text", b"\x00" + b"\xa2\x01\x61A\x18\x3f" + b"\x81" * 5000 + b"\x01").startswith("cbor-")
    assert refused("warning", b"\x00\xa1\x08" + b"\x81" * 20 + b"\x01").startswith("cbor-")


def test_finer_steps_than_needed_are_refused() -> None:
    """FORM-7."""
    assert encode_positions([Position(1_000_000, 2_000_000)])[0] == 0
    with pytest.raises(DecodeError) as caught:
        decode_positions(b"\x01\xb0\x09\xe0\x12")
    assert caught.value.code == "geometry-positions"


def test_references_in_a_circle_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogId(MemberNumber(1), Incarnation(bytes(8)))
    asked: list[int] = []

    def said(_: Views, stored: EntryId) -> Statement:
        asked.append(stored.index)
        refs = (Reference(Relation.REPLY, EntryId(log, 1 - stored.index)),)
        return Statement(Kind.MESSAGE, 1, Message("A", "en", Precedence.ROUTINE, refs=refs))

    monkeypatch.setattr(Views, "stored", lambda _, entry: entry)
    monkeypatch.setattr(Views, "said", said)
    views = Views.__new__(Views)
    assert views.thread(EntryId(log, 0)).log == log
    assert len(asked) == 64
