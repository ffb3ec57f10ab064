"""Small worlds in which a planted fault shows soon; without one, every rule holds in them."""

from __future__ import annotations

from typing import Final

from parley_testkit.sim.plan import Act, Options, draw_plan

_BUSY: Final = {"crash": 4, "power": 2, "cut": 2, "down": 2, "slow": 1, "eio": 2}

WORLDS: Final[dict[str, Options]] = {
    "calm": Options(1, 3, messages=20, flash=0.2, narrow=0.3, read=0.5, answer=0.3),
    "lossy": Options(2, 3, messages=30, flash=0.2, loss=0.3, duplication=0.3, corruption=0.05, jitter_s=1.0),
    "crashes": Options(3, 2, messages=40, loss=0.1, latency_s=0.1, acts=_BUSY),
    "backlog": Options(4, 2, messages=60, flash=0.3, acts={"down": 6, "partition": 2}, loss=0.2),
    "slow": Options(5, 2, messages=30, flash=0.3, long=0.3, bearers=("radio",)),
    "losses": Options(6, 3, messages=40, loss=0.1, duplication=0.2, acts={"tail": 4, "backup": 3, "wipe": 1}),
    "disk": Options(7, 2, messages=40, latency_s=0.05, acts={"eio": 8, "full": 4, "slow": 2}),
    "clocks": Options(8, 3, messages=30, acts={"clock": 8, "power": 2}),
    "prunes": Options(9, 3, duration_s=600.0, messages=40, acts={"prune": 12, "down": 8, "partition": 3}),
    "keys": Options(10, 3, messages=30, acts={"rotate": 3, "join": 1, "crash": 2}),
    "thefts": Options(17, 3, messages=30, acts={"revoke": 3, "crash": 4, "down": 3, "rotate": 1}),
    "releases": Options(14, 2, messages=4, narrow=0.3, acts={"draft": 30}),
    "forks": Options(1, 4, messages=30, lies=("equivocate", "rollback"), acts={"partition": 2}),
    "forgers": Options(
        12, 3, messages=40, loss=0.3, acts={"down": 6, "crash": 6}, lies=("misplace", "receipt-unsent", "frame")
    ),
    "replayers": Options(13, 3, messages=30, jitter_s=0.5, loss=0.2, lies=("replay", "reflect")),
}

_TWICE: Final = [Act(8.0, "backup", 0), Act(20.0, "restore", 0, (1.0,)), Act(35.0, "restore", 0, (1.0,))]
"""An old copy is put back, and then the same one again."""


def plan_of(name: str) -> list[Act]:
    """The acts of a world."""
    acts = draw_plan(WORLDS[name])
    if name == "losses":
        acts = sorted([a for a in acts if a.kind not in ("backup", "restore", "wipe")] + _TWICE, key=lambda a: a.at)
    return acts
