"""Copies of a line's state, and the canonical form by which two of them are one.

Both walk whatever the core holds, field by field, so that a field that is added tomorrow is copied and compared
without a word here. What is immutable is shared: numbers, bytes, frozen dataclasses, functions.

The canonical form leaves out what no later step reads (``_UNREAD``), and says times as what is left of them
(``_TIMES``): a step compares a stored time with now only against a threshold, and beyond it all ages are one.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from parley import limits
from parley.protocol.chain_state import ReceiveChain, SendChain
from parley.protocol.chains import Chains
from parley.protocol.flight import Way
from parley.protocol.line import Line
from parley.protocol.membership import Membership
from parley.protocol.order import Order
from parley.protocol.outbox import Link, Outbox, Outgoing, Peer
from parley.protocol.receipts import Receipts
from parley.protocol.rows import Rows
from parley.protocol.sender import Sender
from parley.protocol.settings import Settings
from parley.protocol.signers import Signers
from parley.protocol.tree import Tree
from parley.protocol.trees import Trees


class Entropy:
    """Bytes that follow from who draws, in which run, how many, and how often before."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn: dict[int, int] = {}

    def __call__(self, size: int) -> bytes:
        """``size`` bytes."""
        count = self._drawn[size] = self._drawn.get(size, 0) + 1
        return blake2b(self._seed + b"%d %d" % (size, count), digest_size=size).digest()


_ATOMS: Final = (
    int,
    float,
    bool,
    bytes,
    str,
    type(None),
    frozenset,
    tuple,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
)
Copier = Callable[[Any, dict[int, Any]], Any]
_COPIERS: dict[type, Copier] = {}


def _same(value: Any, _memo: dict[int, Any]) -> Any:  # noqa: ANN401
    return value


def _names(cls: type) -> tuple[str, ...]:
    """The fields of a class with slots; of others, none."""
    return tuple(n for c in reversed(cls.__mro__) for n in getattr(c, "__slots__", ()) if n != "__weakref__")


def _frozen(cls: type) -> bool:
    return is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


def _copy_dict(value: Mapping[Any, Any], memo: dict[int, Any]) -> Any:  # noqa: ANN401
    return {k: v if _COPIERS.get(type(v)) is _same else copied(v, memo) for k, v in value.items()}


def _copy_list(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
    return type(value)([v if _COPIERS.get(type(v)) is _same else copied(v, memo) for v in value])


def _copier(cls: type) -> Copier:
    """How a value of ``cls`` is copied."""
    if issubclass(cls, (*_ATOMS, Enum)) or _frozen(cls):
        return _same
    if issubclass(cls, dict):
        return _copy_dict
    if issubclass(cls, deque):
        return lambda value, memo: deque((copied(v, memo) for v in value), value.maxlen)
    if issubclass(cls, list):
        return _copy_list
    if issubclass(cls, set):
        return lambda value, _memo: value.copy()
    names = _names(cls)
    if names:
        return _slots_copier(cls, names)

    def copy(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
        made = memo.get(id(value))
        if made is None:
            made = memo[id(value)] = object.__new__(cls)
            into = made.__dict__
            for name, field in value.__dict__.items():
                into[name] = field if _COPIERS.get(type(field)) is _same else copied(field, memo)
        return made

    return copy


def _slots_copier(cls: type, names: tuple[str, ...]) -> Copier:
    def copy(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
        made = memo.get(id(value))
        if made is None:
            made = memo[id(value)] = object.__new__(cls)
            for name in names:
                field = getattr(value, name)
                setattr(made, name, field if _COPIERS.get(type(field)) is _same else copied(field, memo))
        return made

    return copy


def copied(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
    """A copy that shares only what is immutable; ``memo`` keeps what is one object one object."""
    cls = type(value)
    copier = _COPIERS.get(cls)
    if copier is None:
        copier = _COPIERS[cls] = _copier(cls)
    return copier(value, memo)


# -- the canonical form --------------------------------------------------------------------------------------

_UNREAD: Final[dict[type, frozenset[str]]] = {
    Line: frozenset({"out", "_wall", "settings", "signers", "_membership", "entropy"}),
    Peer: frozenset({"intake", "heard_at", "heard_wall", "spoke_at", "says"}),
    Link: frozenset({"offered", "timeout_s"}),
    Sender: frozenset({"_pq_at"}),
    Chains: frozenset({"_used"}),
    SendChain: frozenset({"planned"}),
    ReceiveChain: frozenset({"ahead", "skipped"}),
    Trees: frozenset({"_membership", "_understands", "_openings"}),
    Tree: frozenset({"roots", "keys"}),
    Outbox: frozenset({"_opened"}),
    Receipts: frozenset({"_pq_done", "_signers", "_membership"}),
}
"""Caches of what the rows say, what an operator is shown, what matters only between two links to one peer, and what
is the same throughout a search."""

_ELSEWHERE: Final = (Rows, Signers, Membership, Settings, Entropy)
"""What the disk says, and what is the same throughout a search; of entropy, only what was drawn counts."""

_ASKED_S: Final = 15.5
"""A question older than this is asked again (order._ASK_AGAIN_S is less)."""
_ANNOUNCED_S: Final = 3.5
"""An announcement older than this goes again (holdings.ANNOUNCE_AGAIN_S is less)."""
_QUIET: Final = 4.0
"""The next HAVE to who is spoken to less often than this asks whether anything opened since (holdings._DEAF)."""


class Canonical:
    """Makes the canonical form of one line at boot time ``now``."""

    def __init__(self, now: float, query_limit_s: float, talk_s: float) -> None:
        self._now = now
        self._limit = query_limit_s
        self._talk_s = talk_s
        self._met: dict[int, int] = {}
        self._timeout = 1.0

    def digest(self, line: Line, *beside: Any) -> bytes:  # noqa: ANN401
        """16 bytes that two states share only if they are one."""
        return blake2b(marshal.dumps((self.form(line), *beside), 2), digest_size=16).digest()

    def form(self, value: Any) -> Any:  # noqa: ANN401
        """``value`` as nested tuples."""
        cls = type(value)
        former = _FORMERS.get(cls)
        if former is None:
            former = _FORMERS[cls] = _former(cls)
        return former(self, value)

    def each(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """The forms of ``values``, in order."""
        form = self.form
        return tuple([v if type(v) in _PLAIN else form(v) for v in values])

    def instance(self, value: Any, cls: type, names: tuple[str, ...], *, frozen: bool) -> Any:  # noqa: ANN401
        """The form of an object with fields; an object met before is its number."""
        if not frozen:
            met = self._met.get(id(value))
            if met is not None:
                return met
            self._met[id(value)] = len(self._met)
        timed = _TIMES.get(cls)
        if timed is None:
            return self.each([getattr(value, n) for n in names])
        times = timed(self, value)
        return (self.each([getattr(value, n) for n in names if n not in times]), *times.values())

    def peer(self, peer: Peer) -> dict[str, Any]:
        """The times of a peer, each as far as it can still matter."""
        self._timeout = min((x.timeout_s for x in peer.links.values()), default=1.0)
        due = min(self._timeout * peer.backoff, self._limit)
        return {
            "have_at": self._left(peer.have_at),
            "have_sent": self._age(peer.have_sent, self._talk_s * peer.talk),
            "waiting_since": None if peer.waiting_since is None else self._age(peer.waiting_since, due),
            "backoff": min(peer.backoff, self._limit),
            "drained_at": self._age(peer.drained_at, self._timeout / 2),
            "deaf": peer.talk > _QUIET and (peer.heard_at is None or peer.heard_at < peer.have_sent),
        }

    def outgoing(self, out: Outgoing) -> dict[str, Any]:
        """The times of a tree on its way; a heap is the same in whatever order it lies."""
        return {
            "forward_at": self._left(out.forward_at),
            "urgent": tuple(sorted(out.urgent)),
        }

    def way(self, way: Way) -> dict[str, Any]:
        """When the last of what is on its way left."""
        return {"sent_at": self._age(way.sent_at, self._timeout / 2)}

    def order(self, order: Order) -> dict[str, Any]:
        """Since when something waits for what precedes it, and when it was asked for."""
        return {
            "_since": tuple((m, self._age(at, limits.ORDER_WAIT_S)) for m, at in sorted(order._since.items())),  # noqa: SLF001
            "_asked": tuple((m, self._age(at, _ASKED_S)) for m, at in sorted(order._asked.items())),  # noqa: SLF001
        }

    def chain(self, chain: SendChain) -> dict[str, Any]:
        """The times of a sender chain."""
        ages = tuple((m, self._age(at, _ANNOUNCED_S)) for m, at in sorted(chain.announced.items()))
        return {"announced": ages}

    def _age(self, at: float, most: float) -> float:
        return round(min(self._now - at, most), 3)

    def _left(self, at: float | None) -> float | None:
        return None if at is None else round(max(at - self._now, 0.0), 3)


_TIMES: Final[dict[type, Callable[[Canonical, Any], dict[str, Any]]]] = {
    Peer: Canonical.peer,
    Outgoing: Canonical.outgoing,
    SendChain: Canonical.chain,
    Way: Canonical.way,
    Order: Canonical.order,
}
_PLAIN: Final = frozenset({int, bytes, str, bool, float, type(None)})
Former = Callable[[Canonical, Any], Any]
_FORMERS: dict[type, Former] = {}


def _former(cls: type) -> Former:  # noqa: PLR0911 - a sort of value each
    """How a value of ``cls`` is said."""
    if cls in _PLAIN:
        return lambda _, value: value
    if issubclass(cls, _ELSEWHERE):
        return lambda _canonical, _value: 0
    if issubclass(cls, dict):
        return lambda c, value: (c.each(value.keys()), c.each(value.values()))
    if issubclass(cls, (tuple, list, deque)):
        return lambda c, value: c.each(value)
    if issubclass(cls, (set, frozenset)):
        return lambda c, value: tuple(sorted(c.each(value)))
    if issubclass(cls, Enum):
        return lambda _, value: value.value
    if issubclass(cls, (FunctionType, BuiltinFunctionType)):
        return lambda _, value: value.__qualname__
    if issubclass(cls, MethodType):
        return lambda c, value: (value.__name__, c.form(value.__self__))
    unread = _UNREAD.get(cls, frozenset())
    named = [f.name for f in fields(cls)] if is_dataclass(cls) else list(_names(cls))
    names = tuple(n for n in named if n not in unread)
    frozen = _frozen(cls)
    if names or not hasattr(cls, "__dict__") or is_dataclass(cls):
        return lambda c, value: c.instance(value, cls, names, frozen=frozen)
    return lambda c, value: c.instance(value, cls, tuple(n for n in value.__dict__ if n not in unread), frozen=frozen)


__all__ = ["Canonical", "copied"]
