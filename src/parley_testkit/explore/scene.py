"""Where a search begins: parties that know one another, at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from parley.ids import MemberNumber
from parley.protocol import inputs as i
from parley.protocol import membership as members
from parley.wire.statement import EVERYONE, Kind, Message, Precedence
from parley_testkit.explore.checks import Observer, Past, unsettled
from parley_testkit.explore.disk import Disk
from parley_testkit.explore.party import Home, Party, Say, WatchedSigner, start
from parley_testkit.explore.space import view_of
from parley_testkit.sim import cheap
from parley_testkit.sim.parties import CODES, charter
from parley_testkit.sim.parties import Party as Keys


def _draw(seed: str) -> object:
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return b"".join(
            blake2b(f"{seed}/{count}/{n}".encode(), digest_size=min(64, size - n)).digest() for n in range(0, size, 64)
        )

    return draw


def begin(count: int, says: Sequence[Say], spy: cheap.Spy, *, founded: bool = True, slow: bool = False) -> list[Party]:
    """The parties of a search. ``founded`` parties have a settled line behind them, others meet for the first time."""
    keys = [Keys(code, _draw(code)) for code in CODES[:count]]  # type: ignore[arg-type]
    documents = [n for k in keys for n in k.notes()]
    documents.append(charter(keys, [k.entry(n) for n, k in enumerate(keys)]))
    membership = members.verify_documents(documents)
    observer = Observer(membership.line)
    spy.told, spy.opened = observer.seals, observer.opens
    parties = []
    for number, key in enumerate(keys):
        signers = key.key_sets[0].signers
        watched = replace(
            signers,
            checkpoint=WatchedSigner(signers.checkpoint, observer, "checkpoint"),
            receipt=WatchedSigner(signers.receipt, observer, "receipt"),
            announce=WatchedSigner(signers.announce, observer, "announce"),
        )
        home = Home(MemberNumber(number), watched, membership, observer, tuple(says), slow, (Disk.empty(),))
        parties.append(start(home, Disk.empty()))
    return [_at_rest(p) for p in _settled(parties)] if founded else parties


def _settled(parties: list[Party]) -> list[Party]:
    """Let them meet, and each write one message; in order, without a fault."""
    net: list[tuple[int, bytes]] = []

    def take(sends: Sequence[i.Send]) -> None:
        net.extend((int(s.peer), s.datagram) for s in sends)

    def drain() -> None:
        while net:
            target, data = net.pop(0)
            parties[target], sends = parties[target].do(("receive", data))
            take(sends)

    for who, party in enumerate(parties):
        for peer, pending in enumerate(party.links):
            if pending:
                parties[who], sends = parties[who].do(("link", peer))
                take(sends)
    drain()
    for _ in range(6):
        for who in range(len(parties)):
            parties[who], sends = parties[who].do(("time",))
            take(sends)
            drain()
    for party in parties:
        party.past = replace(party.past, submitted=party.past.submitted | {99})
        take(party.step(i.Submit(Kind.MESSAGE, Message("base 99", "en", Precedence.ROUTINE), EVERYONE, 99)))
        drain()
    for _ in range(6):
        for who in range(len(parties)):
            parties[who], sends = parties[who].do(("time",))
            take(sends)
            drain()
    why = unsettled([view_of(p) for p in parties])
    if why:
        raise ValueError(why)
    return parties


def _at_rest(party: Party) -> Party:
    """Its links are down, and about to come up again."""
    past = Past(made=party.past.made, signed=party.past.signed, receipts=party.past.receipts)
    home = replace(party.home, base=(party.handle.disk,))
    return replace(party, home=home, past=past)
