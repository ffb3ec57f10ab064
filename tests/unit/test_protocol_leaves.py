"""The small parts of the protocol by themselves: rows, keys, credits, fragments, links and what is on its way."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import limits
from parley.crypto import kdf
from parley.errors import DecodeError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.protocol import chain_state
from parley.protocol import rows as r
from parley.protocol.chain_state import MessageKey, ReceiveChain, SendChain
from parley.protocol.chains import Opened
from parley.protocol.credit import Bucket, Intake, hurries, weight
from parley.protocol.entries import State, StoredEntry
from parley.protocol.flight import Flight, Way
from parley.protocol.fragments import Fragments
from parley.protocol.outbox import Link, Outgoing, Peer
from parley.protocol.rows import Change, Rows, overlaid
from parley.protocol.settings import Settings
from parley.stores import MemoryStore
from parley.wire import datagram, parts, statement
from parley.wire.parts import Blind, Entries, Held, Opening
from parley.wire.statement import Kind, Message, Precedence, Statement

RUN, OTHER_RUN = Incarnation(bytes(range(1, 9))), Incarnation(bytes(8))
LOG = LogId(MemberNumber(7), RUN)
KEY = bytes(range(32))


def said(precedence: Precedence, body: str = "x") -> bytes:
    return statement.encode(Statement(Kind.MESSAGE, 1, Message(body, "", precedence)))


# -- rows ----------------------------------------------------------------------------------------------


def test_keys_sort_as_their_trees_do_and_are_read_back() -> None:
    assert r.log_key(LOG) == b"\x07" + RUN
    assert r.entry_key(LOG, 0x01020304) == b"\x07" + RUN + b"\x01\x02\x03\x04"
    assert r.receipt_key(LOG, 3, 6) == b"\x07" + RUN + b"\x03\x06"
    assert r.receipt_key(LOG, 3, 6, 5) == b"\x07" + RUN + b"\x03\x06\x00\x00\x00\x05"
    assert r.read_log_key(r.entry_key(LOG, 9)) == LOG
    assert r.read_entry_key(r.entry_key(LOG, 0x01020304) + b"more") == EntryId(LOG, 0x01020304)
    assert r.read_log_key(r.log_key(LOG)) is r.read_log_key(r.entry_key(LOG, 9))


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        (b"", None),
        (b"\xff\xff", None),
        (b"a", b"b"),
        (b"a\xff", b"b"),
        (b"a\x00", b"a\x01"),
        (b"a\xff\xfe", b"a\xff\xff"),
        (b"aX\xff", b"aY"),
    ],
)
def test_what_ends_a_prefix(prefix: bytes, end: bytes | None) -> None:
    assert r.after(prefix) == end


def test_a_step_sees_its_own_changes_until_they_are_taken() -> None:
    store = MemoryStore()
    store.commit(store.version, [Change("s", b"a", b"0"), Change("s", b"b", b"0"), Change("t", b"a", b"t")])
    rows = Rows(store)
    assert [rows.get("s", b"a"), rows.get("s", b"z"), rows.last("s", b"")] == [b"0", None, (b"b", b"0")]
    rows.put("s", b"b", b"1")
    rows.put("s", b"c", b"1")
    rows.delete("s", b"a")
    assert [rows.get("s", k) for k in (b"a", b"b", b"c")] == [None, b"1", b"1"]
    assert rows.get("t", b"a") == b"t"
    assert list(rows.scan("s")) == [(b"b", b"1"), (b"c", b"1")]
    assert list(rows.scan("s", b"c")) == [(b"c", b"1")]
    assert list(rows.scan("s", b"", b"c")) == [(b"b", b"1")]
    assert list(rows.scan("s", limit=1)) == [(b"b", b"1")]
    assert list(rows.scan("s", reverse=True)) == [(b"c", b"1"), (b"b", b"1")]
    assert list(rows.scan("s", reverse=True, limit=1)) == [(b"c", b"1")]
    assert list(rows.scan("t", b"a", b"b", reverse=True, limit=1)) == [(b"a", b"t")]
    assert list(rows.scan("t", b"b")) == []
    assert list(rows.prefixed("s", b"c")) == [(b"c", b"1")]
    assert rows.last("s", b"b") == (b"b", b"1")
    assert rows.last("s", b"a") is None
    assert set(rows.take()) == {Change("s", b"a", None), Change("s", b"b", b"1"), Change("s", b"c", b"1")}
    assert rows.take() == []
    assert rows.get("s", b"a") == b"0"


KEYS = st.binary(min_size=1, max_size=2)


@given(
    below=st.dictionaries(KEYS, st.just(b"0"), max_size=6),
    changed=st.dictionaries(KEYS, st.sampled_from([b"1", None]), max_size=6),
    bounds=st.tuples(st.binary(max_size=1), st.none() | KEYS),
    reverse=st.booleans(),
    limit=st.none() | st.integers(0, 4),
)
def test_what_is_laid_over_is_as_if_it_were_there(
    below: dict[bytes, bytes],
    changed: dict[bytes, bytes | None],
    bounds: tuple[bytes, bytes | None],
    reverse: bool,
    limit: int | None,
) -> None:
    start, end = bounds

    def within(key: bytes) -> bool:
        return key >= start and (end is None or key < end)

    both = {k: v for k, v in {**below, **changed}.items() if v is not None and within(k)}
    under = ((k, below[k]) for k in sorted(below, reverse=reverse) if within(k))
    found = list(overlaid(changed, under, bounds, reverse=reverse, limit=limit))
    assert found == sorted(both.items(), reverse=reverse)[:limit]
    under = ((k, below[k]) for k in sorted(below) if within(k))
    assert list(overlaid(changed, under, bounds)) == sorted(both.items())


def test_an_entry_is_these_bytes() -> None:
    entry = StoredEntry(State.HELD, 3, b"c" * 32, b"s" * 32, b"statement", 0x01020304)
    assert entry.encode() == b"\x01\x03\x01\x02\x03\x04" + b"c" * 32 + b"s" * 32 + b"statement"
    assert StoredEntry.decode(entry.encode()) == entry
    bare = StoredEntry(State.BLIND, 0, b"c" * 32)
    assert bare.encode() == bytes(6) + b"c" * 32
    assert StoredEntry.decode(bare.encode()) == bare


# -- chains --------------------------------------------------------------------------------------------


def test_a_chain_of_ours_is_stored_from_its_first_counter_that_is_not_reserved() -> None:
    chain = SendChain(0x80000006, b"tg", KEY, 5, 0x0102, KEY[::-1], 0x0304, {0, 31})
    value = b"tg" + KEY[::-1] + b"\x00\x00\x01\x02" + bytes(6) + b"\x03\x04" + b"\x80\x00\x00\x01"
    assert chain.encode() == value
    assert chain_state.send_key(chain) == b"s\x80\x00\x00\x06"
    loaded = chain_state.load_send(b"s\x80\x00\x00\x06", value)
    assert loaded == SendChain(0x80000006, b"tg", KEY[::-1], 0x0102, 0x0102, KEY[::-1], 0x0304, {0, 31})
    assert (loaded.ahead, loaded.planned, loaded.announced) == (16, None, {})


@pytest.mark.parametrize("runs", [[RUN], [RUN, OTHER_RUN, RUN]])
def test_a_chain_of_anothers_comes_back_as_it_was(runs: list[Incarnation]) -> None:
    chain = ReceiveChain(MemberNumber(9), 0x01020304, b"tg", KEY, 0x0506, 0x0708, runs)
    value = b"\x01\x02\x03\x04" + KEY + b"\x00\x00\x05\x06" + bytes(6) + b"\x07\x08" + b"".join(runs)
    assert chain.encode() == value
    assert chain_state.receive_key(chain) == b"r\x09tg"
    assert chain_state.load_receive(b"r\x09tg", value) == chain


def test_each_entry_of_a_payload_has_a_salt_of_its_own() -> None:
    keys = MessageKey(KEY, bytes(12), KEY)
    assert keys.salt(0x01020304) == kdf.hmac_sha256(KEY, b"\x01\x02\x03\x04")


# -- credits -------------------------------------------------------------------------------------------


def entries(*items: parts.Item) -> Entries:
    return Entries(0, items, b"")


def test_what_a_part_weighs_and_whether_it_hurries() -> None:
    assert weight(entries(Opening(b"12345"), Blind(bytes(32)), Opening(b""))) == 5 + 3 * 64
    assert hurries(entries(Blind(bytes(32)), Blind(bytes(32))))
    assert hurries(entries(Opening(said(Precedence.ROUTINE)), Opening(said(Precedence.FLASH))))
    assert not hurries(entries(Opening(said(Precedence.IMMEDIATE)), Blind(bytes(32))))
    assert not hurries(entries(Opening(b"no statement")))


def test_a_bucket_may_be_overdrawn_once_and_fills_with_time() -> None:
    bucket = Bucket(10.0)
    assert bucket.take(15, 0.0, 2.0, 10.0)
    assert bucket.tokens == -5
    assert not bucket.take(1, 2.0, 2.0, 10.0)
    assert bucket.take(4, 2.5, 2.0, 10.0)  # at nothing exactly it still gives
    assert (bucket.tokens, bucket.at) == (-4, 2.5)
    assert bucket.take(0, 100.0, 2.0, 10.0)
    assert bucket.tokens == 10


def test_flash_has_room_of_its_own_and_what_was_known_is_given_back() -> None:
    settings = Settings(burst_bytes=100, rate_bytes_per_s=10, flash_burst_bytes=50, flash_rate_bytes_per_s=5)
    intake = Intake(settings)
    routine, flash = entries(Opening(bytes(136))), entries(Opening(said(Precedence.FLASH)))
    assert (intake.common.tokens, intake.flash.tokens) == (100, 50)
    assert intake.take(routine, 0.0)
    assert intake.common.tokens == -100
    assert not intake.take(routine, 0.0)
    assert intake.flash.tokens == 50
    assert intake.take(flash, 0.0)
    assert intake.flash.tokens == 50 - weight(flash)
    intake.give_back(flash)
    assert (intake.common.tokens, intake.flash.tokens) == (-100, 50)
    assert intake.take(routine, 20.0)
    assert intake.common.tokens == -100
    intake.give_back(routine)
    assert (intake.common.tokens, intake.flash.tokens) == (100, 50)
    assert intake.take(routine, 20.0)
    assert intake.take(flash, 20.0)
    assert intake.take(flash, 20.0) is (weight(flash) <= 50)
    assert not intake.take(flash, 20.0)
    assert intake.take(flash, 29.0)


# -- fragments -----------------------------------------------------------------------------------------


def opened(counter: int, sender: int = 1, mask: int = 3, run: Incarnation = RUN) -> Opened:
    keys = MessageKey(KEY, bytes(12), bytes([counter]) * 32)
    return Opened(MemberNumber(sender), run, mask, counter, b"", keys, new_incarnation=False)


def fragment(index: int, count: int = 3, start: int = 5, data: bytes = b"") -> parts.Fragment:
    return parts.Fragment(start, index, count, data or bytes([index]))


def test_fragments_come_in_any_order_and_salts_are_of_the_first() -> None:
    fragments = Fragments()
    assert fragments.add(fragment(2), opened(7)) is None
    assert fragments.add(fragment(0), opened(5)) is None
    assert fragments.add(fragment(2, data=b"again"), opened(7)) is None
    whole = fragments.add(fragment(1), opened(6))
    assert whole is not None
    assert whole.payload == b"\x00\x01\x02"
    assert whole.salt_of(9) == opened(5).keys.salt(9)
    assert fragments.add(fragment(1), opened(6)) is None  # what was put together is begun anew


def test_without_its_first_counter_a_payload_has_no_salts() -> None:
    fragments = Fragments()
    assert [fragments.add(fragment(n), opened(n + 6)) for n in range(3)] == [None] * 3
    whole = fragments.add(fragment(0), opened(5))
    assert whole is not None
    assert whole.payload == b"\x00\x01\x02"


@pytest.mark.parametrize("other", [{"sender": 2}, {"mask": 7}, {"run": OTHER_RUN}])
def test_fragments_of_others_are_not_put_together(other: dict[str, Any]) -> None:
    fragments = Fragments()
    assert fragments.add(fragment(0, 2), opened(5)) is None
    assert fragments.add(fragment(1, 2), opened(6, **other)) is None
    assert fragments.add(fragment(1, 2, start=6), opened(6)) is None
    assert fragments.add(fragment(1, 2), opened(6)) is not None


def test_fragments_that_disagree_or_are_too_many_bytes_are_refused() -> None:
    fragments = Fragments()
    fragments.add(fragment(0), opened(5))
    with pytest.raises(DecodeError) as caught:
        fragments.add(fragment(1, 4), opened(6))
    assert caught.value.code == "fragment-malformed"
    most = bytes(limits.MAX_PAYLOAD - 1)
    assert fragments.add(fragment(1, data=most), opened(6)) is None
    assert fragments.add(fragment(1, data=most), opened(6)) is None
    with pytest.raises(DecodeError) as caught:
        fragments.add(fragment(2), opened(7))
    assert caught.value.code == "payload-too-large"


def test_a_sender_has_so_many_payloads_in_pieces_and_its_oldest_goes_first() -> None:
    fragments = Fragments()
    for start in range(limits.MAX_REASSEMBLIES):
        fragments.add(fragment(0, 2, start), opened(start))
    fragments.add(fragment(0, 2, 0), opened(0, sender=2))
    assert fragments.add(fragment(1, 2, 0), opened(1)) is not None
    fragments.add(fragment(0, 2, 500), opened(244))
    fragments.add(fragment(0, 2, 600), opened(245))  # one too many: the oldest that is left, 1, goes
    assert fragments.add(fragment(1, 2, 2), opened(3)) is not None
    assert fragments.add(fragment(1, 2, 1), opened(2)) is None
    assert fragments.add(fragment(1, 2, 0), opened(1, sender=2)) is not None


def piece(id_: bytes, index: int, count: int = 2) -> datagram.Piece:
    return datagram.Piece(id_, index, count, id_ + bytes([index]))


def test_pieces_are_put_together_and_bounded() -> None:
    fragments = Fragments()
    assert fragments.add_piece(piece(b"idid", 1)) is None
    assert fragments.add_piece(piece(b"idid", 0, 3)) is None  # another number, another whole
    assert fragments.add_piece(piece(b"idid", 0)) == b"idid\x00idid\x01"
    assert fragments.add_piece(piece(b"idid", 0)) is None
    many = [n.to_bytes(4, "big") for n in range(limits.MAX_REASSEMBLIES)]
    for id_ in many:
        assert fragments.add_piece(piece(id_, 0)) is None
    assert fragments.add_piece(piece(many[-1], 1)) is not None
    assert fragments.add_piece(piece(many[1], 1)) is not None
    assert fragments.add_piece(piece(b"idid", 1, 3)) is None
    assert fragments.add_piece(piece(b"idid", 2, 3)) is None  # its first piece was the oldest of all, and went


# -- links and what is on its way ----------------------------------------------------------------------


def link(bearer: str = "b", *, bits: int = 0, cost: int = 0, trip: float = 0.5, mtu: int = 1000) -> Link:
    return Link(bearer, mtu, trip, bits, one_way=False, cost=cost)


def peer(*links: Link) -> Peer:
    return Peer(MemberNumber(1), Intake(Settings()), {x.bearer: x for x in links})


def test_how_long_a_receipt_may_take_over_a_link() -> None:
    assert link().timeout_s == 3.0
    assert link(bits=1000, mtu=500).timeout_s == 1 + 4 * (0.5 + 16 * 500 / 1000)
    assert link(bits=1000, mtu=65_535).timeout_s == 1 + 4 * (0.5 + 16 * 2048 / 1000)


def test_the_cheapest_link_that_is_ready_is_taken() -> None:
    dear, cheap, quick = link("dear", cost=2), link("cheap", cost=1), link("quick", cost=1, trip=0.1)
    assert peer().best_link() is None
    assert peer(dear).best_link() is dear
    assert peer(dear, cheap).best_link() is cheap
    assert peer(dear, cheap, quick).best_link() is quick
    quick.ready = False
    assert peer(dear, cheap, quick).best_link() is cheap
    cheap.ready = False
    assert peer(dear, cheap, quick).best_link() is dear


def test_flash_waits_where_a_slow_link_has_yet_to_take_it() -> None:
    slow, other, fast = link("slow", bits=100), link("other", bits=100), link("fast")
    both = peer(slow, other, fast)
    assert not both.flash_waits()
    slow.pending = deque([(int(Precedence.IMMEDIATE), b"i"), (-1, b"a")])
    assert not both.flash_waits()
    slow.pending.append((int(Precedence.FLASH), b"f"))
    assert both.flash_waits()
    assert both.flash_waits(other)
    assert not both.flash_waits(slow)
    other.offered = {b"f"}
    assert not both.flash_waits(other)
    assert both.flash_waits(fast)
    slow.pending.clear()
    fast.pending.append((int(Precedence.FLASH), b"f"))
    assert not both.flash_waits()  # a fast link holds nothing up


def test_what_left_long_ago_is_stale() -> None:
    one = peer(link(), link("c", trip=5.0))  # 3 s, 21 s
    way = Way(sent_at=100.0)
    assert not one.stale(way, 101.5)
    assert one.stale(way, 101.6)
    assert not peer().stale(way, 100.5)
    assert peer().stale(way, 100.6)
    one.drained_at = 110.0
    assert one.stale(way, 101.6)
    way.leaving = True
    assert not one.stale(way, 111.5)
    assert one.stale(way, 111.6)
    way.sent_at = 120.0
    assert not one.stale(way, 121.5)


def test_when_a_slow_link_is_empty_what_was_leaving_has_left() -> None:
    slow = link(bits=100)
    one = peer(slow)
    out, document = Outgoing(), Way(sent_at=2.0, leaving=True)
    out.way = Way(sent_at=1.0, leaving=True)
    still = Outgoing()
    one.trees, one.document_ways = {LOG: out, LogId(MemberNumber(8), RUN): still}, {b"h": document}
    slow.pending.append((0, b"d"))
    one.drained(slow, 5.0)
    assert (one.drained_at, out.way.sent_at, out.way.leaving) == (5.0, 1.0, True)
    slow.pending.clear()
    one.drained(slow, 6.0)
    assert one.drained_at == 6.0
    assert [(w.sent_at, w.leaving) for w in (out.way, document, still.way)] == [
        (6.0, False),
        (6.0, False),
        (0.0, False),
    ]


def test_a_peer_is_fast_by_any_link_that_is() -> None:
    assert not peer().fast()
    assert not peer(link(bits=1)).fast()
    assert peer(link(bits=1), link("c")).fast()


def test_what_departs_is_remembered_and_shown() -> None:
    way = Way()
    way.depart(Flight(b"ab", 5, 3, 2), 7.0, leaving=True)
    assert (list(way.flights), way.sent_at, way.leaving) == ([Flight(b"ab", 5, 3, 2)], 7.0, True)
    assert way.flights.maxlen == 1024
    way.depart(Flight(b"ab", 6, 3, 5), 8.0, leaving=False)
    assert (len(way.flights), way.sent_at, way.leaving) == (2, 8.0, False)
    way.shown(2)
    assert len(way.flights) == 2
    way.shown(3)
    assert len(way.flights) == 1
    way.shown(5)
    assert len(way.flights) == 1
    way.shown(6)
    assert not way.flights
    assert not way.lost(Held(LOG, 0, 0), {b"ab": 99})


def test_a_flight_is_passed_and_arrived() -> None:
    flight = Flight(b"ab", 0, 3, 1)
    assert not flight.passed({})
    assert not flight.passed({b"cd": 5})
    assert flight.passed({b"ab": 0})
    assert flight.arrived(Held(LOG, 3, 2))
    assert not flight.arrived(Held(LOG, 2, 2))
    assert not flight.arrived(Held(LOG, 3, 1))
    assert (Flight(b"ab", 1).known, Flight(b"ab", 1).content) == (0, -1)
