"""Documents at their bounds: what is one more, one less or of another type than it may be is refused."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace

import pytest

from parley import limits
from parley.errors import DecodeError
from parley.wire import documents as d

HASH, LARGEST = bytes(range(32)), 1 << 31


def key(n: int, length: int = 32) -> bytes:
    return bytes([n]) * length


SIGNERS = tuple(d.RootSigner(f"holder {n}", key(n)) for n in range(15))
PARTY = d.Party("north", "North", ("en", "fra-FR"), 15, SIGNERS)
KEYS = d.NodeKeys(key(1), key(2, 1312), key(3), key(4, 1312), key(5), key(6, 1216), key(7))
NODE = d.NodeCertificate("the-line", "north", HASH, LARGEST, KEYS)
MEMBERS = tuple(
    d.CharterMember(n, f"m{n}", f"Member {n}", HASH, HASH, ("+1",) * limits.MAX_TELEPHONES if n == 31 else ())
    for n in range(limits.MAX_MEMBERS)
)
CLASSES = tuple(sorted([*(f"M{n}" for n in range(1, limits.MAX_CLASSES)), "text"]))
CHARTER = d.Charter(
    "the-line",
    "exercise",
    LARGEST,
    HASH,
    HASH,
    HASH,
    ("en",),
    {"routine": 30 * 86_400, "priority": 1, "immediate": 600, "flash": 60},
    36_500,
    MEMBERS,
    tuple(d.CharterPack(f"pack-{n}", 1 << 16, HASH) for n in range(limits.MAX_PACKS)),
    HASH,
    CLASSES,
    ("flash", "immediate", "priority", "routine"),
)
SMALL = replace(
    CHARTER, purpose="operation", revision=0, founding=b"", previous=b"", succeeds=b"", retention_days=0,
    members=MEMBERS[:2], packs=(), dictionary=b"", two_officers=(), signed=(),
)  # fmt: skip
LEAVING = d.NoticeOfLeaving(HASH, "n" * 24, HASH, 'r"\\' + "r" * 497)
GOOD: dict[str, d.Document] = {
    "party": PARTY,
    "party of one": d.Party("n", "", ("en",), 1, SIGNERS[:1]),
    "party of letters": d.Party("n", " ~\x80\u00e9\U0001f6a2", ("en",), 1, SIGNERS[:1]),
    "node": NODE,
    "charter": CHARTER,
    "small charter": SMALL,
    "leaving": LEAVING,
}


@pytest.mark.parametrize("name", GOOD)
def test_each_document_is_read_and_written_at_its_bounds(name: str) -> None:
    assert d.parse_text(GOOD[name].text()) == GOOD[name]


def refused(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        d.parse_text(text)
    assert caught.value.code == "document-malformed"


CHANGED: list[tuple[str, str, str]] = [
    ("party of one", "threshold = 1", "threshold = 0"),
    ("party of one", "threshold = 1", "threshold = true"),
    ("party of one", 'name = ""', f'name = "{"n" * 501}"'),
    ("party of one", 'name = ""', 'name = "a\ttab"'),
    ("party of one", 'name = ""', "name = 1"),
    ("party of one", 'name = ""\n', ""),
    ("party of one", 'code = "n"', 'code = "n-"'),
    ("party of one", 'code = "n"', 'code = ""'),
    ("party of one", '["en"]', "[]"),
    ("party of one", '["en"]', '"en"'),
    ("party of one", '["en"]', "[1]"),
    ("party of one", '["en"]', '["en", "e"]'),
    ("party of one", b64encode(key(0)).decode(), b64encode(key(0, 31)).decode()),
    ("party of one", b64encode(key(0)).decode(), b64encode(key(0, 33)).decode()),
    ("party of one", b64encode(key(0)).decode(), "*"),
    ("party of one", f'key = "{b64encode(key(0)).decode()}"', "key = 0"),
    ("party", "holder 14", "holder 13"),
    ("party", b64encode(key(14)).decode(), b64encode(key(13)).decode()),
    ("party", "threshold = 15", "threshold = 16"),
    ("node", f"serial = {LARGEST}", f"serial = {LARGEST + 1}"),
    ("node", f"serial = {LARGEST}", "serial = 0"),
    ("node", b64encode(key(4, 1312)).decode(), b64encode(key(2, 1312)).decode()),
    ("node", b64encode(key(3)).decode(), b64encode(key(1)).decode()),
    ("node", b64encode(key(5)).decode(), b64encode(key(1)).decode()),
    ("node", b64encode(key(5)).decode(), b64encode(key(3)).decode()),
    ("node", b64encode(key(6, 1216)).decode(), b64encode(key(6, 1215)).decode()),
    ("node", b64encode(key(7)).decode(), b64encode(key(7, 31)).decode()),
    ("node", "[keys]", "[key]"),
    ("node", f'party = "{HASH.hex()}"', 'party = ""'),
    ("node", f'party = "{HASH.hex()}"', f'party = "{HASH.hex()[:-1]}"'),
    ("node", 'line = "the-line"', 'line = "The line"'),
    ("charter", f"revision = {LARGEST}", f"revision = {LARGEST + 1}"),
    ("charter", f"revision = {LARGEST}", "revision = -1"),
    ("charter", "retention_days = 36500", "retention_days = 36501"),
    ("charter", "retention_days = 36500", "retention_days = -1"),
    ("charter", "routine = 2592000", "routine = 2592001"),
    ("charter", "priority = 1\n", "priority = 0\n"),
    ("charter", "flash = 60", "flash = 0"),
    ("charter", "[acknowledge_within_seconds]", "[acknowledge]"),
    ("charter", "version = 65536", "version = 65537"),
    ("charter", 'name = "pack-1"', 'name = "pack-0"'),
    ("charter", f'dictionary = "{HASH.hex()}"', 'dictionary = ""'),
    ("charter", f'dictionary = "{HASH.hex()}"\n', ""),
    ("charter", f'founding = "{HASH.hex()}"', f'founding = "{HASH.hex()}00"'),
    ("charter", f'previous = "{HASH.hex()}"', 'previous = "00"'),
    ("charter", f'succeeds = "{HASH.hex()}"', 'succeeds = "xx"'),
    ("charter", "number = 31", "number = 32"),
    ("charter", "number = 31", "number = 30"),
    ("charter", 'code = "m31"', 'code = "m30"'),
    ("charter", '"exercise"', '"Exercise"'),
    ("charter", '"flash", "immediate", "priority", "routine"', '"immediate", "flash"'),
    ("charter", '"flash", "immediate", "priority", "routine"', '"flash", "flash"'),
    ("charter", '"flash", "immediate", "priority", "routine"', '"urgent"'),
    ("charter", '"flash", "immediate", "priority", "routine"', "1"),
    ("charter", 'signed = ["flash", "immediate", "priority", "routine"]', 'signed = "flash"'),
    ("small charter", "number = 0", "number = 2"),
    ("small charter", "number = 0", "number = 1"),
    ("leaving", HASH.hex(), HASH.hex()[2:]),
    ("leaving", "rr", "rrr"),
]


@pytest.mark.parametrize(("name", "old", "new"), CHANGED, ids=range(len(CHANGED)))
def test_a_field_that_is_not_as_specified_is_refused(name: str, old: str, new: str) -> None:
    text = GOOD[name].text()
    assert old in text
    refused(text.replace(old, new, 1))


def test_there_are_no_more_of_anything_than_it_may_have() -> None:
    refused(replace(PARTY, threshold=1, signers=(*SIGNERS, d.RootSigner("one more", key(99)))).text())
    refused(replace(PARTY, threshold=1, signers=()).text())
    refused(replace(SMALL, members=MEMBERS[:1]).text())
    refused(replace(SMALL, members=()).text())
    refused(replace(CHARTER, packs=(*CHARTER.packs, d.CharterPack("one-more", 1, HASH))).text())
    refused(replace(CHARTER, packs=(d.CharterPack("none", 0, HASH),)).text())
    refused(replace(CHARTER, two_officers=tuple(sorted(("A1", *CLASSES)))).text())
    telephones = ("+1",) * (limits.MAX_TELEPHONES + 1)
    refused(replace(SMALL, members=(MEMBERS[0], replace(MEMBERS[1], telephone=telephones))).text())
    refused(replace(SMALL, members=(MEMBERS[0], replace(MEMBERS[1], telephone=("n" * 501,)))).text())
    most = replace(SMALL, members=(MEMBERS[0], replace(MEMBERS[1], telephone=("n" * 500,))))
    assert d.parse_text(most.text()) == most


def test_a_table_stands_where_a_table_is_wanted() -> None:
    text = GOOD["party of one"].text()
    refused(re.sub(r"\n\n\[\[signer\]\].*", "\n", text, flags=re.DOTALL))
    refused(re.sub(r"\n\n\[\[signer\]\].*", "\nsigner = [1]\n", text, flags=re.DOTALL))
    refused(re.sub(r"\n\n\[\[signer\]\].*", "\nsigner = 1\n", text, flags=re.DOTALL))
    refused(re.sub(r"\n\n\[keys\].*", "\nkeys = 1\n", NODE.text(), flags=re.DOTALL))
    refused(text.replace("# parley party v1", "# parley node v1"))
    refused(text + "#")
    refused("# parley party v1\n" + "a = " + "[" * 100_000)
    refused("")


def test_a_document_is_bounded() -> None:
    text = "# parley party v1\n" + "#" * limits.MAX_DOCUMENT
    refused(text[: limits.MAX_DOCUMENT])
    refused(text)


def test_what_documents_are_cited_by() -> None:
    assert d.document_hash("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


BUNDLE = {"party": b"text\n", "a node": b"", "== x": b"======= no rule\n ======== nor this\n"}


def test_a_bundle_is_read_and_written() -> None:
    data = d.encode_bundle(BUNDLE)
    assert data == (b"======== party\ntext\n======== a node\n======== == x\n======= no rule\n ======== nor this\n")
    assert d.decode_bundle(data) == BUNDLE
    assert d.decode_bundle(b"======== last") == {"last": b""}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"========",
        b"\n======== a\n",
        b"======== \nbody\n",
        b"======== \xff\nbody\n",
        b"======== a\nx\n======== a\ny\n",
        b"======== a\n" + bytes(limits.MAX_BUNDLE),
    ],
)
def test_what_is_no_bundle(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        d.decode_bundle(data)
    assert caught.value.code == "document-malformed"


def test_a_bundle_may_be_as_large_as_its_bound() -> None:
    body = bytes(limits.MAX_BUNDLE - 11)
    assert d.decode_bundle(b"======== a\n" + body) == {"a": body}
