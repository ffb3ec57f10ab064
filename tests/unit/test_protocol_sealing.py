"""Announcements, prekeys and sender chains between three nodes: every field, every bound, every refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from parley import limits
from parley.crypto import aead, kdf
from parley.crypto.kem import KemPrivate, hpke_open, hpke_seal
from parley.errors import ParleyError
from parley.ids import Incarnation, MemberNumber
from parley.protocol import rows as r
from parley.protocol.announcer import PREKEY_STOCK
from parley.protocol.chain_state import RESERVE_FIRST, RESERVE_MOST, ReceiveChain, SendChain
from parley.protocol.chains import BehindChain, Chains
from parley.protocol.inputs import Now
from parley.wire import cbor, datagram, parts
from parley.wire.datagram import Announce, Sealed
from parley_testkit.small_world import START_S, World

NOW = Now(START_S, 50.0)
ZERO, ONE, TWO = (MemberNumber(n) for n in range(3))
LABEL = b"parley/announce/v1\x00"


@pytest.fixture
def world() -> World:
    return World(3)


def sealed(data: bytes) -> Sealed:
    found = datagram.decode(data)
    assert isinstance(found, Sealed)
    return found


def announced(data: bytes) -> Announce:
    found = datagram.decode(data)
    assert isinstance(found, Announce)
    return found


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ParleyError) as caught:
        call()
    return caught.value.code


def joined(world: World, sender: int = 0, *recipients: int) -> tuple[Chains, SendChain, list[Chains]]:
    """A chain of ``sender``, announced to ``recipients``."""
    mine = world.lines[sender].chains
    chain = mine.chain_for(recipients, NOW)
    others = [world.lines[k].chains for k in recipients]
    for k, other in zip(recipients, others, strict=True):
        other.accept_announcement(
            announced(mine.announcer.announcement(chain, MemberNumber(k), mine.incarnation, NOW)), NOW
        )
    return mine, chain, others


# -- announcements -------------------------------------------------------------------------------------


def test_an_announcement_says_the_chain_from_its_present_key_on(world: World) -> None:
    mine = world.lines[0].chains
    chain = mine.chain_for([1, 2], NOW)
    for _ in range(3):
        mine.seal(chain, b"")
    data = mine.announcer.announcement(chain, ONE, mine.incarnation, NOW)
    found = announced(data)
    public = world.parties[1].signers.kem
    assert found.prekey_tag == sha256(public.public).digest()[:4]
    info = LABEL + world.membership.line + b"\x01\x01"
    inner, signature = cbor.decode(hpke_open(public, info, found.sealed), limit=1 << 16)
    assert cbor.decode(inner, limit=1 << 16) == [
        world.membership.line, 0, 1, mine.incarnation, 6, chain.tag, chain.key, 3, START_S,
    ]  # fmt: skip
    assert signature == world.parties[0].signers.announce.sign(LABEL + found.prekey_tag + inner)
    assert chain.announced == {1: 50.0}
    other = world.lines[1].chains
    taken = other.accept_announcement(found, Now(START_S + 9, 1.0))
    assert taken == ReceiveChain(ZERO, 6, chain.tag, chain.key, 3, START_S + 9, [mine.incarnation])
    assert other.accept_announcement(found, NOW) is None
    assert other.open(sealed(mine.seal(chain, b"said")), NOW).payload == b"said"


def test_nobody_else_opens_an_announcement(world: World) -> None:
    mine = world.lines[0].chains
    data = mine.announcer.announcement(mine.chain_for([1], NOW), ONE, mine.incarnation, NOW)
    assert code_of(lambda: world.lines[2].chains.accept_announcement(announced(data), NOW)) == "seal-invalid"
    changed = data[:-1] + bytes([data[-1] ^ 1])
    assert code_of(lambda: world.lines[1].chains.accept_announcement(announced(changed), NOW)) == "seal-invalid"


def announcement(world: World, *, signer: int = 0, sign: bool = True, outer: Any = None, **changed: Any) -> Announce:
    """An announcement by member 0 to member 1, with some of its fields changed by its author."""
    fields = {
        "line": world.membership.line, "sender": 0, "recipient": 1, "run": bytes(8), "mask": 6, "tag": b"tg",
        "key": bytes(32), "counter": 0, "time": START_S, **changed,
    }  # fmt: skip
    public = world.parties[1].signers.kem.public
    tag = sha256(public).digest()[:4]
    inner = cbor.encode(list(fields.values()))
    signature = world.parties[signer].signers.announce.sign(LABEL + tag + inner) if sign else bytes(64)
    info = LABEL + world.membership.line + b"\x01\x01"
    return Announce(tag, hpke_seal(public, info, cbor.encode([inner, signature] if outer is None else outer)))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"line": bytes(32)}, "announce-malformed"),
        ({"recipient": 2}, "announce-malformed"),
        ({"sender": 1}, "announce-malformed"),
        ({"sender": 3}, "announce-malformed"),
        ({"sender": "0"}, "announce-malformed"),
        ({"mask": 4}, "announce-malformed"),
        ({"mask": 1 << limits.MAX_MEMBERS | 2}, "announce-malformed"),
        ({"run": bytes(7)}, "announce-malformed"),
        ({"run": bytes(9)}, "announce-malformed"),
        ({"tag": b"tag"}, "announce-malformed"),
        ({"key": bytes(31)}, "announce-malformed"),
        ({"counter": -1}, "announce-malformed"),
        ({"counter": limits.CHAIN_MAX_MESSAGES * 2}, "announce-malformed"),
        ({"time": "now"}, "announce-malformed"),
        ({"more": 0}, "announce-malformed"),
        ({"outer": [b"", b"", b""]}, "announce-malformed"),
        ({"outer": ["", b""]}, "announce-malformed"),
        ({"signer": 2}, "signature-invalid"),
        ({"sign": False}, "signature-invalid"),
    ],
)
def test_an_announcement_that_is_not_as_specified_is_refused(world: World, changed: dict[str, Any], code: str) -> None:
    other = world.lines[1].chains
    assert code_of(lambda: other.accept_announcement(announcement(world, **changed), NOW)) == code
    assert other.held_from(0) == ()


@pytest.mark.parametrize(
    "changed",
    [{}, {"mask": 2}, {"mask": (1 << limits.MAX_MEMBERS) - 1}, {"counter": limits.CHAIN_MAX_MESSAGES * 2 - 1}],
)
def test_an_announcement_at_its_bounds(world: World, changed: dict[str, Any]) -> None:
    chain = world.lines[1].chains.accept_announcement(announcement(world, **changed), NOW)
    assert chain is not None
    assert (chain.mask, chain.counter) == (changed.get("mask", 6), changed.get("counter", 0))
    assert world.lines[1].chains.held_from(0) == (parts.ChainHeld(b"tg", chain.counter),)


def test_a_key_of_the_certificate_before_opens_too(world: World) -> None:
    old = KemPrivate.generate(world.random.randbytes)
    line = world.lines[1]
    tag = sha256(old.public).digest()[:4]
    inner = cbor.encode([world.membership.line, 0, 1, bytes(8), 6, b"tg", bytes(32), 0, 0])
    signature = world.parties[0].signers.announce.sign(LABEL + tag + inner)
    info = LABEL + world.membership.line + b"\x01\x01"
    given = Announce(tag, hpke_seal(old.public, info, cbor.encode([inner, signature])))
    assert code_of(lambda: line.chains.accept_announcement(given, NOW)) == "seal-invalid"
    older = (KemPrivate.generate(world.random.randbytes), old)
    line.chains.announcer._signers = replace(line.signers, older_kems=older)
    assert line.chains.accept_announcement(given, NOW) is not None


# -- prekeys -------------------------------------------------------------------------------------------


def test_prekeys_are_for_one_member_signed_used_once_and_counted(world: World) -> None:
    giver, taker = world.lines[1].chains.announcer, world.lines[0].chains
    batch = giver.prekeys_for(ZERO)
    assert (len(batch.keys), giver.stock_with(ZERO), giver.stock_with(TWO)) == (PREKEY_STOCK, PREKEY_STOCK, 0)
    message = b"parley/prekeys/v1\x00" + world.membership.line + b"\x01\x01\x00" + b"".join(batch.keys)
    assert batch.signature == world.parties[1].signers.announce.sign(message)
    taker.announcer.accept_prekeys(batch, ONE)
    stored = dict(world.lines[0].rows.prefixed(r.PREKEY, b"t\x01"))
    assert stored == {b"t\x01" + sha256(key).digest()[:4]: key for key in batch.keys}
    for left in range(PREKEY_STOCK - 1, -1, -1):
        chain = taker.chain_for([1], NOW)
        data = announced(taker.announcer.announcement(chain, ONE, taker.incarnation, NOW))
        assert data.prekey_tag in {sha256(key).digest()[:4] for key in batch.keys}
        assert world.lines[1].chains.accept_announcement(data, NOW) is not None
        assert giver.stock_with(ZERO) == left
        assert code_of(lambda: world.lines[1].chains.accept_announcement(data, NOW)) == "seal-invalid"  # noqa: B023
        taker.rekey(2)
    data = announced(taker.announcer.announcement(taker.chain_for([1], NOW), ONE, taker.incarnation, NOW))
    assert data.prekey_tag == sha256(world.parties[1].signers.kem.public).digest()[:4]


def test_a_batch_replaces_the_one_before_and_is_bounded(world: World) -> None:
    giver, taker = world.lines[1].chains.announcer, world.lines[0]
    taker.chains.announcer.accept_prekeys(giver.prekeys_for(ZERO), ONE)
    large = giver.prekeys_for(ZERO, PREKEY_STOCK + 1)
    taker.chains.announcer.accept_prekeys(large, ONE)
    assert sorted(v for _, v in taker.rows.prefixed(r.PREKEY, b"t")) == sorted(large.keys[:PREKEY_STOCK])
    other = world.lines[2].chains.announcer.prekeys_for(ZERO, 1)
    taker.chains.announcer.accept_prekeys(other, TWO)
    assert len(list(taker.rows.prefixed(r.PREKEY, b"t"))) == PREKEY_STOCK + 1
    assert len(giver.prekeys_anew(ZERO, fast=True).keys) == PREKEY_STOCK
    giver.prekeys_for(TWO, 2)
    assert len(giver.prekeys_anew(ZERO, fast=False).keys) == 1
    assert (giver.stock_with(ZERO), giver.stock_with(TWO)) == (1, 2)


def test_prekeys_of_another_or_for_another_are_refused(world: World) -> None:
    batch = world.lines[1].chains.announcer.prekeys_for(TWO)
    taker = world.lines[0].chains.announcer
    assert code_of(lambda: taker.accept_prekeys(batch, ONE)) == "signature-invalid"
    batch = world.lines[1].chains.announcer.prekeys_for(ZERO)
    assert code_of(lambda: taker.accept_prekeys(batch, TWO)) == "signature-invalid"
    fewer = parts.Prekeys(batch.keys[:3], batch.signature)
    assert code_of(lambda: taker.accept_prekeys(fewer, ONE)) == "signature-invalid"


def test_a_prekey_given_to_one_member_serves_no_other(world: World) -> None:
    batch = world.lines[1].chains.announcer.prekeys_for(TWO, 1)
    world.lines[0].rows.put(r.PREKEY, b"t\x01" + sha256(batch.keys[0]).digest()[:4], batch.keys[0])
    mine = world.lines[0].chains
    data = announced(mine.announcer.announcement(mine.chain_for([1], NOW), ONE, mine.incarnation, NOW))
    assert code_of(lambda: world.lines[1].chains.accept_announcement(data, NOW)) == "signature-invalid"
    assert world.lines[1].chains.announcer.stock_with(TWO) == 1


# -- chains --------------------------------------------------------------------------------------------


def test_a_chain_moves_on_as_the_specification_has_it(world: World) -> None:
    mine = world.lines[0].chains
    chain = mine.chain_for([1, 2], NOW)
    (_, value), *_ = world.lines[0].rows.prefixed(r.CHAIN, b"s")
    assert (chain.mask, chain.counter, chain.created, chain.reserved) == (6, 0, START_S, RESERVE_FIRST)
    assert value == chain.encode()
    key = chain.key
    data = sealed(mine.seal(chain, b"payload"))
    assert (data.tag, data.counter, data.incarnation) == (chain.tag, 0, mine.incarnation)
    assert chain.key == kdf.hmac_sha256(key, b"\x01")
    info = (
        b"parley/message/v1\x00"
        + world.membership.line
        + b"\x01\x00"
        + b"\x00\x00\x00\x06"
        + mine.incarnation
        + bytes(4)
    )
    okm = kdf.hkdf_expand(kdf.hmac_sha256(key, b"\x02"), info, 76)
    assert aead.open_(okm[:32], okm[32:44], data.box, data.header) == b"payload"
    again = world.lines[0].chains._message_key(kdf.hmac_sha256(key, b"\x02"), 0, 6, mine.incarnation, 0)
    assert (again.key, again.nonce, again.salt_key) == (okm[:32], okm[32:44], okm[44:])
    mine.knows_us = {1}
    assert sealed(mine.seal(chain, b"")).incarnation == mine.incarnation
    mine.knows_us = {1, 2}
    assert sealed(mine.seal(chain, b"")).incarnation is None


def test_counters_are_reserved_ahead_twice_as_many_each_time(world: World) -> None:
    line = world.lines[0]
    chain = line.chains.chain_for([1], NOW)
    wanted, ahead = RESERVE_FIRST, RESERVE_FIRST
    for counter in range(1, 900):
        line.chains.seal(chain, b"")
        if counter > wanted:
            ahead = min(2 * ahead, RESERVE_MOST)
            wanted = counter + ahead
        assert (chain.counter, chain.reserved) == (counter, wanted)
    key = chain.key
    for _ in range(chain.reserved - chain.counter):
        key = kdf.hmac_sha256(key, b"\x01")
    assert chain.reserved_key == key
    assert line.rows.get(r.CHAIN, b"s" + (2).to_bytes(4, "big")) == chain.encode()


def test_a_chain_is_made_anew_when_it_is_used_up_or_old(world: World) -> None:
    mine = world.lines[0].chains
    chain = mine.chain_for([1], NOW)
    later = Now(START_S + limits.CHAIN_MAX_AGE_S + 1, 0.0)
    assert mine.chain_for([1], later) is chain  # nothing was sealed with it
    mine.seal(chain, b"")
    assert mine.chain_for([1], Now(START_S + limits.CHAIN_MAX_AGE_S, 0.0)) is chain
    newer = mine.chain_for([1], later)
    assert newer is not chain
    assert newer.tag != chain.tag
    newer.counter = limits.CHAIN_MAX_MESSAGES - 1
    assert mine.chain_for([1], later) is newer
    newer.counter = limits.CHAIN_MAX_MESSAGES
    assert mine.chain_for([1], later) is not newer
    assert mine.chain_for([2], later) is not mine.chain_for([1], later)
    assert mine.chain_for([2, 1], later).mask == 6


def test_our_chains_are_found_by_tag_and_by_member(world: World) -> None:
    line = world.lines[0]
    one, both = line.chains.chain_for([1], NOW), line.chains.chain_for([1, 2], NOW)
    assert line.chains.send_chain_by_tag(one.tag) is one
    assert line.chains.send_chain_by_tag(b"\x00\x00") is None
    assert line.chains.send_chains_with(1) == [one, both]
    assert line.chains.send_chains_with(2) == [both]
    assert line.chains.send_chains_with(0) == []
    line.chains.rekey(2)
    line.chains.rekey(2)
    assert line.chains.send_chains_with(1) == [both]
    assert [k for k, _ in line.rows.prefixed(r.CHAIN, b"s")] == [b"s\x00\x00\x00\x06"]


def test_who_has_shown_that_it_holds_a_chain_is_stored(world: World) -> None:
    line = world.lines[0]
    chain = line.chains.chain_for([1, 2], NOW)
    chain.announced = {1: 3.0, 2: 3.0}

    def stored() -> bytes:
        return (line.rows.get(r.CHAIN, b"s\x00\x00\x00\x06") or b"")[-4:]

    line.chains.confirm(chain, 2)
    assert (chain.confirmed, stored()) == ({2}, b"\x00\x00\x00\x04")
    line.chains.confirm(chain, 1)
    line.chains.unconfirm(chain, 2)
    assert (chain.confirmed, chain.announced, stored()) == ({1}, {1: 3.0}, b"\x00\x00\x00\x02")
    line.chains.unconfirm(chain, 2)
    assert (chain.confirmed, chain.announced) == ({1}, {1: 3.0})


def test_datagrams_open_in_any_order_and_once_each(world: World) -> None:
    mine, chain, (other, _) = joined(world, 0, 1, 2)
    made = [sealed(mine.seal(chain, bytes([n]))) for n in range(6)]
    for n in (3, 0, 5, 1, 4, 2):
        opened = other.open(made[n], NOW)
        assert (opened.payload, opened.sender, opened.counter, opened.mask) == (bytes([n]), 0, n, 6)
        assert (opened.incarnation, opened.new_incarnation) == (mine.incarnation, False)
        assert code_of(lambda: other.open(made[n], NOW)) == "seal-counter"  # noqa: B023
    assert other.held_from(0) == (parts.ChainHeld(chain.tag, 6),)
    assert list(world.lines[1].rows.prefixed(r.SKIPPED, b"")) == []


def test_a_datagram_of_no_chain_or_changed_does_not_open(world: World) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    data = mine.seal(chain, b"said")
    for at in (0, 1, 2, 4, len(data) - 1):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert code_of(lambda: other.open(sealed(changed), NOW)) in {"seal-unknown-chain", "datagram-malformed"}  # noqa: B023
    assert code_of(lambda: world.lines[2].chains.open(sealed(data), NOW)) == "seal-unknown-chain"
    assert other.open(sealed(data), NOW).payload == b"said"


@pytest.mark.parametrize("gap", [limits.MAX_SKIPPED_KEYS, limits.MAX_SKIPPED_KEYS + 1])
def test_so_many_datagrams_may_be_lost_at_once(world: World, gap: int) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    first = sealed(mine.seal(chain, b"first"))
    for _ in range(gap - 1):
        mine.seal(chain, b"")
    last = sealed(mine.seal(chain, b"last"))
    assert last.counter == gap
    if gap > limits.MAX_SKIPPED_KEYS:
        with pytest.raises(BehindChain) as caught:
            other.open(last, NOW)
        assert (caught.value.sender, caught.value.tag, caught.value.code) == (0, chain.tag, "seal-counter")
        assert other.open(first, NOW).payload == b"first"
    assert other.open(last, NOW).payload == b"last"


def test_keys_of_what_was_lost_are_kept_for_a_while_and_so_many(world: World) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    rows = world.lines[1].rows
    made = [sealed(mine.seal(chain, bytes([n]))) for n in range(12)]
    other.open(made[3], NOW)
    kept = list(rows.prefixed(r.SKIPPED, b"r\x00" + chain.tag))
    assert [k[-4:] for k, _ in kept] == [n.to_bytes(4, "big") for n in range(3)]
    assert {v[32:] for _, v in kept} == {START_S.to_bytes(8, "big")}
    on_the_day = Now(START_S + limits.SKIPPED_KEY_AGE_S, 0.0)
    other.open(made[5], on_the_day)
    assert len(list(rows.prefixed(r.SKIPPED, b""))) == 4
    other.open(made[7], Now(START_S + limits.SKIPPED_KEY_AGE_S + 1, 0.0))
    assert [k[-4:] for k, _ in rows.prefixed(r.SKIPPED, b"")] == [n.to_bytes(4, "big") for n in (4, 6)]


@pytest.mark.parametrize("before", [limits.MAX_SKIPPED_KEYS - 3, limits.MAX_SKIPPED_KEYS - 1])
def test_no_more_keys_are_kept_than_may_be_and_the_oldest_go(world: World, before: int) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    rows, prefix = world.lines[1].rows, b"r\x00" + chain.tag
    old = [prefix + n.to_bytes(4, "big") for n in range(100, 100 + before)]
    for key in old:
        rows.put(r.SKIPPED, key, bytes(32) + START_S.to_bytes(8, "big"))
    made = [sealed(mine.seal(chain, b"")) for _ in range(4)]
    other.open(made[3], NOW)
    new = [prefix + n.to_bytes(4, "big") for n in range(3)]
    excess = before + 3 - limits.MAX_SKIPPED_KEYS
    assert [k for k, _ in rows.prefixed(r.SKIPPED, b"")] == new + old[excess:]


def test_a_new_run_of_the_sender_opens_under_the_same_chain(world: World) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    other.open(sealed(mine.seal(chain, b"")), NOW)
    runs = [mine.incarnation]
    for n in range(1, 4):
        mine.incarnation = Incarnation(bytes([n]) * 8)
        mine.knows_us.clear()
        opened = other.open(sealed(mine.seal(chain, b"")), NOW)
        assert (opened.incarnation, opened.new_incarnation) == (mine.incarnation, True)
        runs.insert(0, mine.incarnation)
        assert other.incarnation_of(0) == mine.incarnation
        mine.knows_us = {1}
        opened = other.open(sealed(mine.seal(chain, b"")), NOW)
        assert (opened.incarnation, opened.new_incarnation) == (mine.incarnation, False)
    assert world.lines[1].rows.get(r.CHAIN, b"r\x00" + chain.tag)[48:] == b"".join(runs[:3])  # type: ignore[index]
    mine.incarnation = runs[2]
    assert other.open(sealed(mine.seal(chain, b"")), NOW).incarnation == runs[2]
    mine.incarnation = runs[3]
    assert code_of(lambda: other.open(sealed(mine.seal(chain, b"")), NOW)) == "seal-unknown-chain"


def test_a_run_that_another_chain_showed_is_tried(world: World) -> None:
    mine, first, (other,) = joined(world, 0, 1)
    _, second, _ = joined(world, 0, 1, 2)
    mine.incarnation = Incarnation(b"newerrun")
    mine.knows_us = {1, 2}
    assert code_of(lambda: other.open(sealed(mine.seal(second, b"")), NOW)) == "seal-unknown-chain"
    mine.knows_us.clear()
    other.open(sealed(mine.seal(first, b"")), NOW)
    mine.knows_us = {1, 2}
    opened = other.open(sealed(mine.seal(second, b"said")), NOW)
    assert (opened.payload, opened.new_incarnation) == (b"said", True)


def test_keys_derived_ahead_open_and_seal_the_same(world: World) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    other.open(sealed(mine.seal(chain, b"a")), NOW)
    mine.prepare()
    other.prepare()
    assert chain.planned is not None
    assert chain.planned[:2] == (1, mine.incarnation)
    assert mine.next_key(chain) is chain.planned[2]
    (held,) = other._receive[chain.tag]
    assert held.ahead is not None
    assert held.ahead.keys == chain.planned[2]
    second = sealed(mine.seal(chain, b"b"))
    assert other.open(second, NOW).payload == b"b"
    assert [(c.ahead, c.counter) for c in other._receive[chain.tag]] == [(None, 2)]
    assert world.lines[1].rows.get(r.CHAIN, b"r\x00" + chain.tag) == held.encode()
    mine.prepare()
    other.prepare()
    mine.incarnation = Incarnation(b"newerrun")
    assert chain.planned is not None
    assert mine.next_key(chain) is chain.planned[2]
    assert chain.planned[:2] == (2, mine.incarnation)
    mine.knows_us.clear()
    assert other.open(sealed(mine.seal(chain, b"c")), NOW).new_incarnation
    other.prepare()
    skipped = sealed(mine.seal(chain, b"d"))
    assert other.open(sealed(mine.seal(chain, b"e")), NOW).payload == b"e"
    assert other.open(skipped, NOW).payload == b"d"


def again(world: World, **changed: Any) -> ReceiveChain:
    chain = ReceiveChain(ZERO, 2, b"tg", bytes(32), 0, START_S, [Incarnation(bytes(8))])
    for name, value in changed.items():
        setattr(chain, name, value)
    world.lines[1].chains._keep(chain)
    return chain


def test_a_chain_that_was_held_back_on_its_way_takes_nothing_back(world: World) -> None:
    other, rows = world.lines[1].chains, world.lines[1].rows
    again(world, counter=5)
    rows.put(r.SKIPPED, b"r\x00tg\x00\x00\x00\x01", bytes(40))
    again(world, counter=4)
    assert other.held_from(0) == (parts.ChainHeld(b"tg", 5),)
    again(world, counter=5, key=b"k" * 32)
    assert [c.key for c in other._receive[b"tg"]] == [b"k" * 32]
    assert list(rows.prefixed(r.SKIPPED, b"")) == []
    again(world, counter=1, mask=6)  # of another set: it takes the place of what has its tag
    assert [(c.mask, c.counter) for c in other._receive[b"tg"]] == [(6, 1)]
    again(world, sender=TWO)
    assert [(c.sender, c.mask) for c in other._receive[b"tg"]] == [(0, 6), (2, 2)]


def test_so_many_chains_of_one_sender_and_set_are_kept_the_oldest_goes(world: World) -> None:
    other, rows = world.lines[1].chains, world.lines[1].rows
    again(world, tag=b"xx", mask=6)
    again(world, tag=b"yy", sender=TWO)
    order = [3, 0, 5, 1, 7, 2, 6, 4]
    for n in order:
        again(world, tag=bytes([65, 65 + n]), created=START_S + n)
    rows.put(r.SKIPPED, b"r\x00AA\x00\x00\x00\x01", bytes(40))
    assert len(other.held_from(0)) == 9
    again(world, tag=b"new", created=START_S + 8)
    assert [c.tag for c in other.held_from(0)] == [b"AB", b"AC", b"AD", b"AE", b"AF", b"AG", b"AH", b"new", b"xx"]
    assert rows.get(r.CHAIN, b"r\x00AA") is None
    assert list(rows.prefixed(r.SKIPPED, b"")) == []
    assert [c.tag for c in other.held_from(2)] == [b"yy"]


def test_chains_come_back_from_their_rows(world: World) -> None:
    mine, chain, (other,) = joined(world, 0, 1)
    other.open(sealed(mine.seal(chain, b"")), NOW)
    world.stores[0].commit(world.stores[0].version, world.lines[0].rows.take())
    world.stores[1].commit(world.stores[1].version, world.lines[1].rows.take())
    sender, taker = world.make_line(0).chains, world.make_line(1).chains
    (loaded,) = sender.send_chains_with(1)
    assert (loaded.counter, loaded.tag, loaded.mask) == (RESERVE_FIRST, chain.tag, 2)
    assert taker.held_from(0) == (parts.ChainHeld(chain.tag, 1),)
    assert taker.incarnation_of(0) == mine.incarnation
    assert taker.incarnation_of(2) is None
    assert taker.open(sealed(sender.seal(loaded, b"again")), NOW).payload == b"again"
