"""Signed notes (C2SP): the text, the lines, and what is no note."""

from __future__ import annotations

import base64

import pytest

from parley import limits
from parley.errors import DecodeError
from parley.wire import note
from parley.wire.note import Note, NoteSignature

LINE = NoteSignature("example/key", b"\x00\x01\x02\x03", b"signature")
GOOD = Note("a text\n", (LINE,))


def test_a_note_is_its_text_an_empty_line_and_its_signatures() -> None:
    expected = "a text\n\n\u2014 example/key " + base64.b64encode(b"\x00\x01\x02\x03signature").decode() + "\n"
    assert GOOD.encode() == expected.encode()
    assert note.parse(GOOD.encode()) == GOOD


def test_the_last_empty_line_ends_the_text() -> None:
    text = "one\n\n\u2014 example/key AAAAAAA=\n\nthree\n"
    assert note.parse(Note(text, (LINE,)).encode()).text == text


@pytest.mark.parametrize("text", ["\n", "\n\n", "\u00e8 subito sera.\n", "delete \x7f is no control below 0x20\n"])
def test_texts_that_are_permitted(text: str) -> None:
    signed = Note(text, (LINE, LINE))
    assert note.parse(signed.encode()) == signed


def test_sixteen_signatures_are_accepted_as_the_specification_has_it() -> None:
    signed = Note("text\n", tuple(NoteSignature(f"key{n}", bytes(4), bytes(5000)) for n in range(16)))
    assert note.parse(signed.encode()) == signed


def test_there_may_be_so_many_signatures_as_we_read() -> None:
    signed = Note("text\n", tuple(NoteSignature(f"key{n}", bytes(4), b"1") for n in range(256)))
    assert note.parse(signed.encode()) == signed


ENCODED = GOOD.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        ENCODED[:-1],
        ENCODED + b"\n",
        ENCODED + b"text\n",
        ENCODED.replace(b"\n\n", b"\n"),
        ENCODED.replace(b"a text", b"a\ttext"),
        ENCODED.replace(b"a text", b"a\rtext"),
        ENCODED.replace(b"a text", b"a\xfftext"),
        ENCODED.replace(b"a text", b"a\xed\xa0\x80text"),
        ENCODED.replace("\u2014".encode(), b"-"),
        ENCODED.replace("\u2014 ".encode(), "\u2014".encode()),
        ENCODED.replace(b"example/key", b"example+key"),
        ENCODED.replace(b"example/key", "example\u00a0key".encode()),
        ENCODED.replace(b"example/key", b"example key"),
        ENCODED.replace(b"example/key", b""),
        ENCODED.replace(b"=", b""),
        ENCODED.replace(b"ZQ==", b"ZR=="),
        b"text\n\n\xe2\x80\x94 key AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 key\n",
        b"text\n\n" + (LINE.line().encode() + b"\n") * 257,
    ],
)
def test_what_is_no_note(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        note.parse(data)
    assert caught.value.code == "note-malformed"


def test_a_note_is_bounded() -> None:
    with pytest.raises(DecodeError) as caught:
        note.parse(bytes(limits.MAX_DOCUMENT + 1))
    assert caught.value.code == "note-too-large"


def test_a_signature_is_found_by_name_and_key_together() -> None:
    assert GOOD.signed_by("example/key", bytes(4)) is None
    assert GOOD.signed_by("example/kez", LINE.key_id) is None
    assert GOOD.signed_by("example/key", LINE.key_id) == b"signature"


def test_a_line_of_the_same_key_is_replaced() -> None:
    other = NoteSignature("other", bytes(4), b"1")
    newer = NoteSignature(LINE.name, LINE.key_id, b"newer")
    assert GOOD.with_signature(other).with_signature(newer).signatures == (other, newer)


VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def test_a_verifier_key_is_read_and_written() -> None:
    name, algorithm, public = note.parse_vkey(VKEY)
    assert (name, algorithm, len(public)) == ("example.com/foo", note.ED25519, 32)
    assert note.vkey(name, algorithm, public) == VKEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+530d903a",
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("example", "exbmple"),
        VKEY[:-1],
        VKEY + "=",
        "+".join(("", *VKEY.split("+")[1:])),
        VKEY.replace("Aeky", "Ae\u00e9y"),
        note.vkey("name", 1, b"key1")[:-2] + "F=",
    ],
)
def test_what_is_no_verifier_key(text: str) -> None:
    with pytest.raises(DecodeError):
        note.parse_vkey(text)
