"""The guarantees of ports.Store and ports.HeadFile, run against an implementation.

    from parley_testkit.contracts.store import check_store
    check_store(make=lambda: MyStore(...), reopen=lambda store: MyStore(...))

Each check makes a store of its own. What needs the medium to misbehave is apart: ``check_full`` and
``check_damage`` take the means to fill, free or damage it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence

from parley.errors import StoreConflict, StoreCorrupt, StoreFull
from parley.ports import Change, Head, HeadFile, Reader, Store

Make = Callable[[], Store]
Reopen = Callable[[Store], Store]
Rows = Mapping[tuple[str, bytes], bytes]

_MANY = 700
"""Rows of a scan that no implementation reads in one piece."""


def check_store(make: Make, reopen: Reopen) -> None:
    """Run every check that needs no help from the medium. Raises AssertionError with what is wrong.

    ``make`` returns a new, empty store. ``reopen`` closes the store it is given and opens the same one.
    """
    for check in (
        check_new,
        check_rows,
        check_order_of_changes,
        check_sizes,
        check_scan,
        check_extremes,
        check_conflict,
        check_snapshot,
        check_unfinished_scan,
        check_reader,
        check_threads,
        check_closing,
    ):
        check(make)
    check_reopen(make, reopen)


def check_new(make: Make) -> None:
    """A new store is at version 0 and holds nothing; each commit counts, an empty one too."""
    store = make()
    _same("version of a new store", store.version, 0)
    _same("a row of a new store", store.get("a", b"k"), None)
    _same("a scan of a new store", list(store.scan("a")), [])
    _same("what the first commit returns", store.commit(0, []), 1)
    _same("version after an empty commit", store.version, 1)
    _same("what the second commit returns", store.commit(1, [Change("a", b"k", b"v")]), 2)
    _same("version after two commits", store.version, 2)
    store.close()


def check_rows(make: Make) -> None:
    """A row is what was last put; removing is by value None; spaces are apart."""
    store = make()
    put(store, ("a", b"k", b"1"), ("b", b"k", b"2"))
    _same("a row", store.get("a", b"k"), b"1")
    _same("the same key in another space", store.get("b", b"k"), b"2")
    _same("a key that is not there", store.get("a", b"kk"), None)
    _same("a space that is not there", store.get("c", b"k"), None)
    put(store, ("a", b"k", b"3"), ("b", b"k", None), ("b", b"never", None))
    _same("a row put again", store.get("a", b"k"), b"3")
    _same("a row removed", store.get("b", b"k"), None)
    _same("a scan after a removal", list(store.scan("b")), [])
    store.close()


def check_order_of_changes(make: Make) -> None:
    """Changes of one commit apply in their order."""
    store = make()
    put(store, ("a", b"k", b"1"), ("a", b"k", b"2"), ("a", b"l", b"1"), ("a", b"l", None))
    _same("a row put twice in one commit", store.get("a", b"k"), b"2")
    _same("a row put, then removed in one commit", store.get("a", b"l"), None)
    put(store, ("a", b"k", None), ("a", b"k", b"3"), ("a", b"m", None), ("a", b"m", b"1"), ("a", b"m", b"2"))
    _same("a row removed, then put in one commit", store.get("a", b"k"), b"3")
    _same("a row removed and put twice in one commit", store.get("a", b"m"), b"2")
    store.close()


def check_sizes(make: Make) -> None:
    """Of a row put by commits small and large in any order, the last one holds; for readers old and new."""
    store = make()
    old = store.reader()
    many = [("b", n.to_bytes(2, "big"), b"x") for n in range(_MANY)]
    for number, (first, second) in enumerate(itertools.product(([], many), repeat=2)):
        for more in (first, second, first):
            value = str((number, len(more))).encode()
            put(store, ("a", b"k", value), *more)
            for reader in (store, old, store.reader()):
                _same("a row that small and large commits put", reader.get("a", b"k"), value)
                _same("a scan of it", list(reader.scan("a")), [(b"k", value)])
    put(store, ("a", b"k", None), *many)
    _same("a row that a large commit removed", old.get("a", b"k"), None)
    store.close()


def check_scan(make: Make) -> None:
    """Rows with start <= key < end in byte order, either way, at most ``limit``."""
    store = make()
    keys = [
        b"",
        b"\x00",
        b"\x00\x00",
        b"\x01",
        b"a",
        b"a\x00",
        b"ab",
        b"b",
        b"\x7f",
        b"\x80",
        b"\xff",
        b"\xff\xff",
    ]
    put(store, *(("s", key, b"v" + key) for key in reversed(keys)), ("r", b"a", b"r"), ("t", b"a", b"t"))
    bounds: Sequence[tuple[bytes, bytes | None]] = (
        (b"", None),
        (b"a", b"b"),
        (b"a", b"a"),
        (b"b", b"a"),
        (b"a\x00", b"\xff"),
        (b"\xff", None),
        (b"\xff\xff\xff", None),
        (b"", b""),
    )
    for start, end in bounds:
        wanted = [(key, b"v" + key) for key in sorted(keys) if key >= start and (end is None or key < end)]
        for limit in (None, 0, 1, 3, 1000):
            for reverse in (False, True):
                found = list(store.scan("s", start, end, reverse=reverse, limit=limit))
                right = (wanted[::-1] if reverse else wanted)[:limit]
                _same(f"scan({start!r}, {end!r}, reverse={reverse}, limit={limit})", found, right)
    store.close()


def check_extremes(make: Make) -> None:
    """Empty keys and values, every byte, 64 KiB in a value, many rows in a commit."""
    store = make()
    every = bytes(range(256))
    large = every * 256
    put(store, ("a", b"", b""), ("a", every, every), ("", b"large", large))
    _same("the empty value at the empty key", store.get("a", b""), b"")
    _same("a key of every byte", store.get("a", every), every)
    _same("64 KiB", store.get("", b"large"), large)
    many = [("many", i.to_bytes(4, "big"), i.to_bytes(8, "big")) for i in range(_MANY)]
    put(store, *reversed(many))
    _same("a long scan", list(store.scan("many")), [(key, value) for _, key, value in many])
    _same("one backwards", [k for k, _ in store.scan("many", reverse=True)], [k for _, k, _ in reversed(many)])
    put(store, *((space, key, None) for space, key, _ in many))
    _same("a space with all its rows removed", list(store.scan("many")), [])
    store.close()


def check_conflict(make: Make) -> None:
    """A commit on any version but the current one raises StoreConflict and changes nothing."""
    store = make()
    put(store, ("a", b"k", b"1"))
    put(store, ("a", b"k", b"2"))
    for wrong in (0, 1, 3, -1):
        changes = [Change("a", b"k", b"wrong"), Change("a", b"new", b"wrong")]
        _conflict(store, wrong, changes)
        _same("version after a conflict", store.version, 2)
        _same("a row after a conflict", store.get("a", b"k"), b"2")
        _same("a new row after a conflict", store.get("a", b"new"), None)
    _same("the commit after a conflict", store.commit(2, [Change("a", b"k", b"3")]), 3)
    store.close()


def check_snapshot(make: Make) -> None:
    """A scan shows one commit, whatever is committed while it runs; what is read after shows the next."""
    store = make()
    before = [(i.to_bytes(4, "big"), b"old") for i in range(_MANY)]
    put(store, *(("s", key, value) for key, value in before))
    reader = store.reader()
    views: Sequence[Reader] = (store, reader)
    for number, view in enumerate(views):
        forward, backward = view.scan("s"), view.scan("s", reverse=True)
        found, reverse = [next(forward)], [next(backward)]
        now = b"new%d" % number
        put(
            store,
            *(("s", key, now) for key, _ in before[1:-1]),
            ("s", before[-1][0], None),
            ("s", b"\xff", now),
        )
        _same("a row that is read while a scan is open", view.get("s", before[1][0]), now)
        found += forward
        reverse += backward
        _same("a scan, with a commit in between", found, before)
        _same("a scan backwards, with a commit in between", reverse[::-1], before)
        put(store, *(("s", key, value) for key, value in before), ("s", b"\xff", None))
        _same("a scan after that", list(view.scan("s")), before)
    reader.close()
    store.close()


def check_unfinished_scan(make: Make) -> None:
    """A scan that is dropped, or never begun, stands in nobody's way."""
    store = make()
    put(store, *(("s", i.to_bytes(4, "big"), b"v") for i in range(_MANY)))
    held = store.scan("s")
    for number in range(20):
        store.scan("s")
        next(store.scan("s", reverse=True))
        put(store, ("t", bytes([number]), b"v"))
    _same("rows of a scan held over twenty commits", len(list(held)), _MANY)
    _same("rows committed beside it", len(list(store.scan("t"))), 20)
    store.close()


def check_reader(make: Make) -> None:
    """A reader shows each commit once it has returned; closing one is idempotent and ends no other."""
    store = make()
    first, second = store.reader(), store.reader()
    put(store, ("a", b"k", b"1"))
    _same("a row through a reader", first.get("a", b"k"), b"1")
    _same("a scan through a reader", list(first.scan("a")), [(b"k", b"1")])
    first.close()
    first.close()
    put(store, ("a", b"k", b"2"))
    _same("a row through another reader", second.get("a", b"k"), b"2")
    second.close()
    _same("a row through the store", store.get("a", b"k"), b"2")
    store.close()


def check_threads(make: Make) -> None:
    """A reader in another thread sees whole commits only, in their order, while the store writes."""
    store = make()
    put(store, *(("s", bytes([i]), bytes(8)) for i in range(5)))
    wrong: list[str] = []
    done = threading.Event()

    def read(reader: Reader) -> None:
        last = b""
        while not done.is_set() and not wrong:
            values = {value for _, value in reader.scan("s")}
            if len(values) != 1 or max(values) < last:
                wrong.append(f"a scan beside a writer showed {sorted(values)} after {last!r}")
            last = max(values, default=b"")
        reader.close()

    threads = [threading.Thread(target=read, args=(store.reader(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 101):
        put(store, *(("s", bytes([i]), number.to_bytes(8, "big")) for i in range(5)))
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    _expect(not wrong, "; ".join(wrong))


def check_closing(make: Make) -> None:
    """Closing is idempotent."""
    store = make()
    store.close()
    store.close()


def check_reopen(make: Make, reopen: Reopen) -> None:
    """What was committed, and how often, is there after reopening; the next commit goes on from it."""
    store = make()
    put(store, ("a", b"k", b"1"), ("a", b"gone", b"1"))
    put(store, ("a", b"k", b"2"), ("a", b"gone", None))
    for version in (2, 3, 4):
        store = reopen(store)
        _same("version after reopening", store.version, version)
        _same("a row after reopening", store.get("a", b"k"), b"2")
        _same("a removed row after reopening", store.get("a", b"gone"), None)
        _conflict(store, version - 1, [])
        _same(
            "a commit after reopening",
            store.commit(version, [Change("b", bytes([version]), b"")]),
            version + 1,
        )
    _same("rows committed between reopenings", len(list(store.scan("b"))), 3)
    store.close()


def check_full(store: Store, fill: Callable[[], None], free: Callable[[], None]) -> None:
    """On a full medium a commit raises StoreFull and changes nothing; reads go on, and so do commits later.

    ``fill`` leaves no room on the medium, ``free`` makes room again.
    """
    put(store, ("a", b"before", b"1"))
    fill()
    version = store.version
    changes = [Change("a", b"large", bytes(1 << 20)), Change("a", b"before", b"2")]
    for _ in range(3):
        _raises("a commit on a full medium", StoreFull, lambda: store.commit(version, changes))
        _same("version after it", store.version, version)
        _same("a row after it", store.get("a", b"before"), b"1")
        _same("a new row after it", store.get("a", b"large"), None)
        _same("a scan after it", list(store.scan("a")), [(b"before", b"1")])
    free()
    _same("the commit once there is room", store.commit(version, changes), version + 1)
    _same("its row", store.get("a", b"large"), bytes(1 << 20))


def check_damage(open_damaged: Make, rows: Rows) -> bool:
    """On a damaged medium each row reads as it was, or StoreCorrupt is raised; True when it was raised.

    ``open_damaged`` opens a store that held ``rows`` and was damaged since.
    """
    try:
        store = open_damaged()
    except StoreCorrupt:
        return True
    noticed = False
    for (space, key), value in rows.items():
        try:
            _same(f"row {space!r} {key!r} of a damaged store", store.get(space, key), value)
        except StoreCorrupt:
            noticed = True
    for wanted in {space for space, _ in rows}:
        try:
            found = list(store.scan(wanted))
        except StoreCorrupt:
            noticed = True
        else:
            right = sorted((key, value) for (space, key), value in rows.items() if space == wanted)
            _same(f"scan of {wanted!r} in a damaged store", found, right)
    store.close()
    return noticed


def check_head_file(make: Callable[[], HeadFile], damage_newest: Callable[[], None] | None = None) -> None:
    """Run the guarantees of ports.HeadFile. ``make`` returns a handle on one file that is not there yet.

    ``damage_newest`` spoils the slot that was written last, as a torn write would.
    """
    _same("a head file that is not there", make().read(), None)
    file = make()
    for number in range(1, 12):
        head = sample_head(number)
        file.write(head, sync=number % 3 == 0)
        _same("the head just written", file.read(), head)
        _same("the head just written, by another handle", make().read(), head)
        if number % 4 == 0:
            file = make()
    lower = Head(3, b"\xff" * 8, 0, b"\xff" * 32)
    file.write(lower, sync=True)
    _same("the newest head, of a lower version", make().read(), lower)
    if damage_newest is None:
        return
    damage_newest()
    _same("the head after the newest slot was damaged is the last synced", make().read(), sample_head(9))
    file = make()
    file.write(sample_head(12), sync=False)
    _same("a head written over the damaged slot", make().read(), sample_head(12))
    damage_newest()
    _same("the other slot is still the one before", make().read(), sample_head(9))
    make().write(sample_head(13), sync=False)
    make().write(sample_head(14), sync=False)
    _same("the newest after two handles", make().read(), sample_head(14))


def sample_head(number: int) -> Head:
    """A head that differs in every field."""
    return Head(number, number.to_bytes(8, "big"), number * 10, bytes([number]) * 32)


def put(store: Store, *rows: tuple[str, bytes, bytes | None]) -> int:
    """Commit ``rows`` on the current version; return the new one."""
    version = store.version
    after = store.commit(version, [Change(*row) for row in rows])
    _same("what a commit returns", after, version + 1)
    return after


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001 - as assert, and not removed by -O
    if not condition:
        raise AssertionError(message)


def _same(what: str, found: object, wanted: object) -> None:
    _expect(found == wanted, f"{what}: got {_short(found)}, wanted {_short(wanted)}")


def _raises(what: str, wanted: type[Exception], call: Callable[[], object]) -> None:
    try:
        found = call()
    except wanted:
        return
    raise AssertionError(f"{what}: got {_short(found)}, wanted {wanted.__name__}")


def _conflict(store: Store, version: int, changes: Sequence[Change]) -> None:
    what = f"a commit on version {version} of a store at version {store.version}"
    _raises(what, StoreConflict, lambda: store.commit(version, changes))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:160]}... ({len(text)} characters)"
