"""The import of one's own movements of aid in bulk, and their notification (R63, R68)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parley.app.forms import fill, message_of, urgency
from parley.app.guard import Guard, guard_of
from parley.app.lists import Notification, Row, digest, send_all
from parley.app.movements import by_road, compare, places_of, read_movements, values_of
from parley.app.planops import Params, read_file
from parley.app.register import MOVEMENT
from parley.app.sanity import known_names, list_doubts
from parley.errors import UsageError

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_KEPT: Final = "movement"
_TOLD: Final = "movement-told"
"""What of each movement was last notified, by its identifier."""


async def movements_import(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep one's own movements from the files ``paths``, all or none.

    Answers ``{read, new, changed, renewed, unchanged, expired, duplicate, missing, warnings}``, lists but for ``read``;
    ``warnings`` are questions about positions. With ``end_missing`` what is in no file is taken from the list. With
    ``send`` what is new or changed since it was last notified goes out, and what was taken from the list is cancelled;
    ``sent`` says how many of each. What is over is not notified any more.
    """
    async with guard_of(runtime).importing:
        return await _import(runtime, params)


async def _import(runtime: Runtime, params: Params) -> dict[str, Any]:
    guard = guard_of(runtime)
    in_force, known = await guard.ask(
        lambda views: ({n.ref for n in guard.register.of_sort("movement") if n.mine}, known_names(guard, views))
    )

    def read() -> tuple[dict[str, Any], dict[str, Row | None], list[Notification]]:
        given = [row for path in map(Path, params["paths"]) for row in read_movements(path.name, read_file(path))]
        before = dict(guard.kept.rows(_KEPT))
        end_missing = bool(params.get("end_missing"))
        put, report = compare(before, given, guard.desk.now, end_missing=end_missing)
        gone: dict[str, Row | None] = dict.fromkeys(report["missing"]) if end_missing else {}
        # Before anything is kept: a movement that no form can state stops the whole file.
        rows = {**before, **put} if params.get("send") else put
        made = list(_messages(runtime, guard, in_force, rows, set(gone)))
        guard.kept.write(_KEPT, put)
        asked = list_doubts([(id_, places_of(row), by_road(row)) for id_, row in given], known)
        return {"read": len(given), **report, "warnings": list(asked)}, gone, made

    found, gone, made = await asyncio.to_thread(read)
    if params.get("send"):
        found["sent"] = await send_all(runtime, made, guard.kept, _TOLD)
        await guard.look()
    await asyncio.to_thread(guard.kept.write, _KEPT, gone)
    # What is in force keeps what was told of it: the line still knows it.
    await asyncio.to_thread(guard.kept.write, _TOLD, {id_: None for id_ in gone if id_ not in in_force})
    return found


def _messages(
    runtime: Runtime, guard: Guard, in_force: set[str], rows: Mapping[str, Row], gone: set[str]
) -> Iterator[Notification]:
    """The notification of each movement of which the line does not know what the list says.

    ``in_force`` are one's own of which the line knows. Raises UsageError, naming the movement.
    """
    forms, now = runtime.forms, runtime.node.wall_s()
    form, language = forms.named(MOVEMENT), runtime.node.line.membership.current.charter.languages[0]
    party = runtime.node.line.membership.member(runtime.node.line.me).name
    told = {id_: row["digest"] for id_, row in guard.kept.rows(_TOLD)}
    for id_, row in rows.items():
        # What was told and is not in force any more was completed or cancelled by an officer: not announced again.
        stage = "" if told.get(id_) == digest(row) else "changed" if id_ in in_force else "new"
        if id_ in gone:
            stage = "cancelled" if id_ in in_force else ""
        elif row["end"] <= now:
            stage = ""
        if stage:
            try:
                filled = fill(forms, form, values_of(id_, row, stage, party))
            except UsageError as error:
                raise UsageError(f"{id_}: {error.message}", code=error.code, next_step=error.next_step) from None
            message = message_of(forms, filled, language, urgency(filled, now))
            yield Notification(stage, id_, message, None if stage == "cancelled" else row)


MOVEMENT_OPERATIONS: Final = {"movements-import": movements_import}
