"""What each act of a plan does to a world."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from parley.wire.statement import Kind, Message, Precedence
from parley_testkit.sim import desk, thief
from parley_testkit.sim.liar import lie

if TYPE_CHECKING:
    from parley_testkit.sim.station import Station
    from parley_testkit.sim.world import World


def _send(world: World, station: Station, n: int, precedence: int, to: int, size: int) -> None:
    body = f"message {n} of {station.number}" + " x" * (size // 2)
    to &= (1 << len(world.stations)) - 1 & ~(1 << station.number)
    station.submit(body, Kind.MESSAGE, Message(body, "en", Precedence(precedence)), to)


def _crash(world: World, station: Station, point: str, countdown: int, down_s: float) -> None:
    """The process ends when it next passes ``point``; if it does not within ten seconds, then and there."""
    process = station.process
    if process is None or process.dead:
        return
    if point != "idle":
        process.crash_point, process.countdown = point, countdown
        world.loop.after(10.0, station.crash_if, process)
    else:
        station.crash()
    world.loop.after((0.0 if point == "idle" else 10.0) + down_s, station.start)


def _power(world: World, station: Station, point: str, countdown: int, down_s: float) -> None:
    _crash(world, station, "idle", countdown, down_s)
    del point
    station.disk.power_cut()
    station.clock.reboot()


def _cut(world: World, station: Station, other: int, bearer: str, both: bool, span: float) -> None:  # noqa: FBT001
    pairs = [(station.number, other), (other, station.number)]
    for source, target in pairs[: 1 + both]:
        world.network.change(world.network.cut, bearer, source, target, 1)
        world.loop.after(span, world.uncut, world.network.cut, bearer, source, target)


def _down(world: World, station: Station, other: int, bearer: str, span: float) -> None:
    for source, target in ((station.number, other), (other, station.number)):
        world.network.change(world.network.down, bearer, source, target, 1)
        world.loop.after(span, world.uncut, world.network.down, bearer, source, target)


def _partition(world: World, station: Station, mask: int, span: float) -> None:
    del station
    for bearer in world.network.carriers:
        for a in range(len(world.stations)):
            for b in range(len(world.stations)):
                if (mask >> a & 1) != (mask >> b & 1):
                    world.network.change(world.network.cut, bearer, a, b, 1)
                    world.loop.after(span, world.uncut, world.network.cut, bearer, a, b)


def _clock(world: World, station: Station, by: int) -> None:
    del world
    station.clock.wall_offset += by


def _full(world: World, station: Station, span: float) -> None:
    station.disk.full = True
    world.loop.after(span, station.disk.freed)


def _eio(world: World, station: Station, how: str) -> None:
    del world
    station.disk.fail_next = how


def _slow(world: World, station: Station, latency: float, span: float) -> None:
    station.disk.latency_s = latency
    world.loop.after(span, setattr, station.disk, "latency_s", world.options.latency_s)


def _tail(world: World, station: Station, commits: int, down_s: float) -> None:
    """A bit of the write-ahead log flips: the last commits are gone at the next start."""
    station.crash()
    station.lose_state(max(0, station.disk.version - commits))
    world.loop.after(down_s, station.start)


def _backup(world: World, station: Station) -> None:
    del world
    station.backup = station.disk.version


def _restore(world: World, station: Station, down_s: float) -> None:
    if station.backup is not None:
        station.crash()
        station.lose_state(station.backup)
        world.loop.after(down_s, station.start)


def _damage(world: World, station: Station, down_s: float) -> None:
    """The cipher notices it at the next start; the operator puts the file away."""
    station.crash()
    station.disk.damaged = True
    world.loop.after(down_s, station.start)


def _wipe(world: World, station: Station, down_s: float) -> None:
    """The database is gone; the keys are not."""
    station.crash()
    station.lose_state(0)
    world.loop.after(down_s, station.start)


def _prune(world: World, station: Station) -> None:
    if station.running and station.node is not None:
        world.loop.create_task(station.node.prune(station.clock.wall_s() - 60)).add_done_callback(_ignore)


def _countersign(world: World, station: Station) -> None:
    if station.running and station.node is not None:
        world.loop.create_task(station.node.post_quantum()).add_done_callback(_ignore)


def _ignore(task: Any) -> None:  # noqa: ANN401
    """A store that fails meanwhile is not this act's concern."""
    if not task.cancelled():
        task.exception()


def _courier(world: World, station: Station, other: int, stay: float, travel: float, luck: float) -> None:
    """A stick lies in the node for a while; then it is carried to the other, lost, or read twice."""
    network, key = world.network, ("stick", int(station.number), other)
    if key in network.sticks or network.calm:
        return
    network.sticks[key] = []
    network.look(*key)

    def fetch() -> None:
        carried = network.sticks.pop(key, [])
        network.look(*key)
        if luck < 0.15:
            network.count("stick-lost")
            return
        for _ in range(2 if luck > 0.85 else 1):
            order = list(carried)
            network.chance.shuffle(order)
            for data in order:
                world.loop.after(travel, network.arrive, "stick", other, data)

    world.loop.after(stay, fetch)


def _rotate(world: World, station: Station, restart_after: float) -> None:
    """New keys: the certificate is there now, the node restarts with them when it suits."""
    keys = station.party.rotate()
    station.document(keys.note)

    def restart() -> None:
        station.crash()
        station.start()

    world.loop.after(restart_after, restart)


def _revoke(world: World, station: Station, *how: float) -> None:
    thief.steal(world, station, *how)


def _leave(world: World, station: Station) -> None:
    if sum(not s.left for s in world.stations) > 2 and not station.left:
        station.left = True
        station.document(station.party.leaving(world.membership.line))


def _join(world: World, station: Station) -> None:
    del station
    world.join()


def _draft(world: World, station: Station, n: int, author: int, to: int, steps: list[desk.Step]) -> None:
    desk.begin(world, station, n, author, to, steps)


def _switch(world: World, station: Station, other: int, span: float) -> None:
    world.switches[station.number, other] = span


def _lie(world: World, station: Station, how: str) -> None:
    lie(world, station, how)


ACTS: Final[dict[str, Callable[..., None]]] = {
    "send": _send,
    "crash": _crash,
    "power": _power,
    "cut": _cut,
    "down": _down,
    "partition": _partition,
    "clock": _clock,
    "full": _full,
    "eio": _eio,
    "slow": _slow,
    "tail": _tail,
    "backup": _backup,
    "restore": _restore,
    "damage": _damage,
    "wipe": _wipe,
    "prune": _prune,
    "countersign": _countersign,
    "courier": _courier,
    "rotate": _rotate,
    "revoke": _revoke,
    "leave": _leave,
    "join": _join,
    "draft": _draft,
    "switch": _switch,
    "lie": _lie,
}
