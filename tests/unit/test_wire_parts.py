"""Parts and datagrams at their bounds: what is one more, one less, or of another type than it may be is refused."""

from __future__ import annotations

from typing import Any

import pytest

from parley import limits
from parley.errors import DecodeError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.limits import MAX_TIME
from parley.wire import cbor, datagram, parts

RUN = bytes(range(8))
LOG = LogId(MemberNumber(31), Incarnation(RUN))
SIGNED, HASH, LARGE = bytes(64), bytes(32), (1 << 32) - 1
ENTRIES, COSIGNED, HAVE, QUERY, GOSSIP, PREKEYS, DOCUMENT, EVIDENCE, PROVE, FRAGMENT, PADDING = range(11)
HELD = [31, RUN, 5, 2, [2, 4]]


def read(*row: Any) -> parts.Part:
    (part,) = parts.decode(cbor.encode([list(row)]))
    return part


GOOD: dict[str, tuple[list[Any], parts.Part]] = {
    "entries": (
        [
            ENTRIES,
            LARGE,
            [b"said", [HASH, b"said"], [HASH], [HASH, None], [HASH, bytes(16), [HASH] * 8]],
            SIGNED,
            31,
            RUN,
        ],
        parts.Entries(
            LARGE,
            (
                parts.Opening(b"said"),
                parts.Opening(b"said", HASH),
                parts.Blind(HASH),
                parts.Gone(HASH),
                parts.NotForYou(HASH, bytes(16), (HASH,) * 8),
            ),
            SIGNED,
            LOG,
        ),
    ),
    "entries of this run": ([ENTRIES, 0, [b""], b""], parts.Entries(0, (parts.Opening(b""),), b"")),
    "cosigned": ([COSIGNED, 31, RUN, LARGE, MAX_TIME, SIGNED], parts.Cosigned(LOG, LARGE, MAX_TIME, SIGNED)),
    "cosigned by another": (
        [COSIGNED, 31, RUN, 1, 2, bytes(2420), limits.MAX_MEMBERS - 1],
        parts.Cosigned(LOG, 1, 2, bytes(2420), MemberNumber(limits.MAX_MEMBERS - 1)),
    ),
    "have": (
        [HAVE, [[31, RUN, 5, 2], HELD], [[b"ab", LARGE]], [RUN], RUN],
        parts.Have(
            (parts.Held(LOG, 5, 2), parts.Held(LOG, 5, 2, (2, 4))),
            (parts.ChainHeld(b"ab", LARGE),),
            (RUN,),
            RUN,
        ),
    ),
    "have of nothing": ([HAVE, [], [], [], b""], parts.Have((), (), (), b"")),
    "have of trees before": (
        [HAVE, [[31, RUN, 5, 5, LARGE], [*HELD, 1]], [], [], b""],
        parts.Have((parts.Held(LOG, 5, 5, before=LARGE), parts.Held(LOG, 5, 2, (2, 4), 1)), (), ()),
    ),
    "query": ([QUERY], parts.Query()),
    "query for receipts": ([QUERY, [RUN]], parts.Query((Incarnation(RUN),))),
    "gossip": ([GOSSIP, 31, RUN, LARGE, HASH, SIGNED], parts.Gossip(LOG, LARGE, HASH, SIGNED)),
    "prekeys": ([PREKEYS, [bytes(1216)] * 64, SIGNED], parts.Prekeys((bytes(1216),) * 64, SIGNED)),
    "document": ([DOCUMENT, b"note"], parts.Document(b"note")),
    "evidence": ([EVIDENCE, b"proof"], parts.Evidence(b"proof")),
    "question": ([PROVE, 31, RUN, 1, 2, None], parts.Prove(LOG, 1, 2)),
    "answer": ([PROVE, 31, RUN, 1, 2, [HASH] * 64], parts.Prove(LOG, 1, 2, (HASH,) * 64)),
    "fragment": (
        [FRAGMENT, LARGE, limits.MAX_FRAGMENTS - 1, limits.MAX_FRAGMENTS, b"data"],
        parts.Fragment(LARGE, limits.MAX_FRAGMENTS - 1, limits.MAX_FRAGMENTS, b"data"),
    ),
    "padding": ([PADDING, bytes(3)], parts.Padding(3)),
}


@pytest.mark.parametrize("name", GOOD)
def test_each_part_is_read_and_written_at_its_bounds(name: str) -> None:
    row, part = GOOD[name]
    assert read(*row) == part
    assert parts.encode([part]) == cbor.encode([row])


def changed(name: str, at: int, value: Any) -> list[Any]:
    row = list(GOOD[name][0])
    row[at] = value
    return row


WHOLE_AS_THEY_BEGIN = {"query", "query for receipts", "cosigned by another"}
WRONG: list[list[Any]] = [
    *([*row, 0] for row, _ in (GOOD[n] for n in GOOD if n not in {"cosigned", "entries of this run"})),
    *(row[:-1] for name, (row, _) in GOOD.items() if name not in WHOLE_AS_THEY_BEGIN),
    [*GOOD["cosigned by another"][0], 0],
    [*GOOD["entries of this run"][0], 0],
    changed("entries", 1, LARGE + 1),
    changed("entries", 1, -1),
    changed("entries", 1, True),
    changed("entries", 2, []),
    changed("entries", 2, [b""] * (limits.MAX_ENTRIES_PER_PAYLOAD + 1)),
    changed("entries", 2, b"said"),
    changed("entries", 2, [5]),
    changed("entries", 2, [[]]),
    changed("entries", 2, [[HASH[:31]]]),
    changed("entries", 2, [[HASH[:31], None]]),
    changed("entries", 2, [[HASH[:31], b"said"]]),
    changed("entries", 2, [[HASH, "said"]]),
    changed("entries", 2, [[HASH[:31], bytes(16), []]]),
    changed("entries", 2, [[HASH, bytes(15), []]]),
    changed("entries", 2, [[HASH, bytes(16), [HASH] * 9]]),
    changed("entries", 2, [[HASH, bytes(16), [HASH[:31]]]]),
    changed("entries", 2, [[HASH, bytes(16), [], 0]]),
    changed("entries", 3, SIGNED[:63]),
    changed("entries", 3, "signed"),
    changed("cosigned", 3, LARGE + 1),
    changed("cosigned", 4, MAX_TIME + 1),
    changed("cosigned", 5, b""),
    changed("cosigned", 5, bytes(2419)),
    changed("cosigned by another", 6, limits.MAX_MEMBERS),
    changed("have", 1, [HELD[:3]]),
    changed("have", 1, [[31, RUN, 5, 1, [2, 4]]]),
    changed("have", 1, [[31, RUN, 5, 2, []]]),
    changed("have", 1, [[31, RUN, 5, 2, [2, 2]]]),
    changed("have", 1, [[31, RUN, 5, 2, [2, 5]]]),
    changed("have", 1, [[31, RUN, LARGE + 1, 2]]),
    changed("have", 1, [[31, RUN, 5, LARGE + 1]]),
    changed("have", 1, [[31, RUN, 500, 2, list(range(2, 3 + limits.MAX_MISSING_TOLD))]]),
    changed("have", 1, [[31, RUN, 5, 2, 0]]),
    changed("have", 1, [[31, RUN, 5, 2, LARGE + 1]]),
    changed("have", 1, [[31, RUN, 5, 2, b"2"]]),
    changed("have", 1, [[*HELD, 0]]),
    changed("have", 1, [[*HELD, [2, 4]]]),
    changed("have", 1, [[*HELD, 1, 1]]),
    changed("have", 1, [[31, RUN, 5, 2, 1, [2, 4]]]),
    changed("have", 2, [[b"abc", 1]]),
    changed("have", 2, [[b"ab", LARGE + 1]]),
    changed("have", 2, [[b"ab", 1]] * 257),
    changed("have", 3, [RUN[:7]]),
    changed("have", 3, [RUN] * 1025),
    changed("have", 4, RUN[:7]),
    changed("query for receipts", 1, []),
    changed("query for receipts", 1, [RUN[:7]]),
    changed("query for receipts", 1, [RUN] * (limits.MAX_RUNS_ASKED + 1)),
    changed("query for receipts", 1, RUN),
    changed("gossip", 3, LARGE + 1),
    changed("gossip", 4, HASH[:31]),
    changed("gossip", 5, SIGNED[:63]),
    changed("prekeys", 1, [bytes(1215)]),
    changed("prekeys", 1, [bytes(1216)] * 65),
    changed("prekeys", 2, SIGNED[:63]),
    changed("document", 1, "note"),
    changed("evidence", 1, "proof"),
    changed("answer", 3, LARGE + 1),
    changed("answer", 4, LARGE + 1),
    changed("answer", 5, [HASH] * 65),
    changed("answer", 5, [HASH[:31]]),
    changed("fragment", 1, LARGE + 1),
    changed("fragment", 2, limits.MAX_FRAGMENTS),
    changed("fragment", 3, limits.MAX_FRAGMENTS + 1),
    changed("fragment", 4, "data"),
    changed("padding", 1, 3),
]


@pytest.mark.parametrize("row", WRONG, ids=range(len(WRONG)))
def test_a_part_that_is_not_as_specified_is_refused(row: list[Any]) -> None:
    with pytest.raises(DecodeError) as caught:
        read(*row)
    assert caught.value.code == "part-malformed"


@pytest.mark.parametrize("at", [1, 4])
@pytest.mark.parametrize(("member", "run"), [(limits.MAX_MEMBERS, RUN), (-1, RUN), (31, RUN[:7]), (31, "run")])
def test_a_tree_is_named_by_a_member_and_eight_bytes(at: int, member: int, run: Any) -> None:
    row = list(GOOD["gossip" if at == 1 else "entries"][0])
    row[at : at + 2] = [member, run]
    with pytest.raises(DecodeError):
        read(*row)


@pytest.mark.parametrize("rows", [{}, [[]], [[b"x"]], [[True]], [0], b""])
def test_a_payload_is_an_array_of_numbered_parts(rows: Any) -> None:
    with pytest.raises(DecodeError) as caught:
        parts.decode(cbor.encode(rows))
    assert caught.value.code == "part-malformed"


def test_a_part_of_a_later_version_is_passed_over() -> None:
    assert parts.decode(cbor.encode([[11, "new"], [QUERY]])) == (parts.Query(),)


def test_as_many_trees_as_a_have_may_name() -> None:
    held = [0, RUN, 0, 0]
    found = read(HAVE, [held] * 4096, [], [], b"")
    assert isinstance(found, parts.Have)
    assert len(found.logs) == 4096
    with pytest.raises(DecodeError) as caught:
        read(HAVE, [held] * 4097, [], [], b"")
    assert caught.value.code == "part-malformed"


def test_a_datagram_may_be_as_large_as_its_bound() -> None:
    found = datagram.decode(bytes([0x12]) + bytes(limits.MAX_DATAGRAM - 1))
    assert isinstance(found, datagram.Announce)


def test_a_sealed_datagram_is_read_as_it_was_made() -> None:
    for counter in (0, (1 << 14) - 1, 1 << 14, (1 << 30) - 1):
        for run in (None, Incarnation(RUN)):
            header = datagram.sealed_header(b"ab", counter, run)
            assert datagram.decode(header + bytes(16)) == datagram.Sealed(header, b"ab", counter, run, bytes(16))
            with pytest.raises(DecodeError):
                datagram.decode(header + bytes(15))


def test_what_is_cut_comes_together_and_what_fits_is_left_whole() -> None:
    whole = bytes(range(200)) * 2
    assert datagram.pieces(whole, 400, b"idid") == [whole]
    made = datagram.pieces(whole, 399, b"idid")
    assert [len(m) for m in made] == [399, 1 + 2 * datagram.PIECE_HEADER]
    read_ = [datagram.decode(m) for m in datagram.pieces(whole, 200, b"idid")]
    assert all(isinstance(x, datagram.Piece) for x in read_)
    assert [(x.index, x.count) for x in read_ if isinstance(x, datagram.Piece)] == [(0, 3), (1, 3), (2, 3)]
    assert b"".join(x.data for x in read_ if isinstance(x, datagram.Piece)) == whole


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes([0x10]) + bytes(6), "datagram-size"),
        (bytes([0x12]) + bytes(limits.MAX_DATAGRAM), "datagram-size"),
        (bytes([0x20]) + bytes(40), "datagram-unknown-suite"),
        (bytes([0x1F]) + bytes(40), "datagram-malformed"),
        (b"\x13idid\x03\x03data", "datagram-malformed"),
        (b"\x10ab" + bytes(4) + bytes(16), "datagram-malformed"),
        (b"\x10ab\x80\x00\x3f\xff" + bytes(16), "datagram-malformed"),
        (b"\x10ab\xc0\x00\x40\x00" + bytes(16), "datagram-malformed"),
    ],
)
def test_a_datagram_of_no_known_form_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        datagram.decode(data)
    assert caught.value.code == code


def test_an_announcement_names_its_prekey() -> None:
    made = datagram.announce(b"pkey", b"sealed")
    assert datagram.decode(made) == datagram.Announce(b"pkey", b"sealed")
    assert datagram.decode(made[:8]) == datagram.Announce(b"pkey", b"sea")
