"""The operations on protected places: those notified on the line, and one's own list, sent in bulk (R67-R70)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parley.app import situation
from parley.app.announced import Notice
from parley.app.forms import fill, message_of
from parley.app.guard import Guard, guard_of
from parley.app.lists import Notification, Row, digest, send_all, told
from parley.app.planops import Params, ask_guard, read_file
from parley.app.register import SITE
from parley.app.sanity import known_names, list_doubts
from parley.app.sites import compare, read_sites
from parley.errors import UsageError
from parley.forms.geotext import write_position, write_time, write_times
from parley.forms.pack import Form
from parley.wire.geometry import MAX_SPAN_S, Position, Window

if TYPE_CHECKING:
    from parley.app.runtime import Runtime
    from parley.app.views import Views

_DAY_S: Final = 86_400
_RENEW_S: Final = 30 * _DAY_S
"""A validity that had to be shortened is notified anew so long before it is over."""
_OTHER: Final = "other"
_KEPT: Final = "site"
_TOLD: Final = "site-told"
"""What of each place the line was last told, by its identifier."""


@dataclass(frozen=True, slots=True)
class _Made(Notification):
    """Of a place: whether it says less than the list, which has a longer validity."""

    shortened: bool


async def sites(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Notified protected places in force, those to be confirmed first (R70).

    Each: ``message``, ``author``, ``mine``, ``ref``, ``name``, ``function``, ``where``, ``valid_from``,
    ``valid_until``, ``confirmed``, ``confirm_by``, ``state`` (``valid``, ``confirm``, ``expired``), ``contacts``.
    """
    wanted = str(params.get("state") or "")

    def answer(guard: Guard, _: Views) -> list[dict[str, Any]]:
        found = [situation.site(guard, n) for n in guard.register.of_sort("site")]
        return sorted((s for s in found if wanted in ("", s["state"])), key=lambda s: s["confirm_by"])

    return await ask_guard(runtime, answer)


async def sites_import(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep one's own protected places from the files ``paths``, all or none.

    Answers ``{read, new, changed, renewed, unchanged, expired, duplicate, missing, warnings}``, lists but for ``read``;
    ``warnings`` are questions about positions. With ``end_missing`` what is in no file is taken from the list. With
    ``send`` the line is brought up to date with the list: what is new, changed, confirmed or ended since it was last
    notified goes out, and ``sent`` says how many of each; ``shortened`` names what is valid for longer than a form
    can say.
    """
    async with guard_of(runtime).importing:
        return await _import(runtime, params)


async def _import(runtime: Runtime, params: Params) -> dict[str, Any]:
    guard = guard_of(runtime)
    in_force, near = await guard.ask(
        lambda views: ({n.ref: n for n in guard.register.of_sort("site") if n.mine}, known_names(guard, views))
    )

    def read() -> tuple[dict[str, Any], dict[str, Row | None], list[_Made]]:
        given = [row for path in map(Path, params["paths"]) for row in read_sites(path.name, read_file(path))]
        before = dict(guard.kept.rows(_KEPT))
        end_missing = bool(params.get("end_missing"))
        put, report = compare(before, given, guard.desk.now, end_missing=end_missing)
        gone: dict[str, Row | None] = dict.fromkeys(report["missing"]) if end_missing else {}
        rows = {**before, **put} if params.get("send") else {}
        # Before anything is kept: a place that no form can state stops the whole file.
        made = list(_messages(runtime, guard, in_force, rows, set(gone)))
        guard.kept.write(_KEPT, put)
        # What a form told the line as the list has it.
        known = rows.keys() & in_force.keys() - {one.id for one in made} - gone.keys()
        guard.kept.write(_TOLD, told({id_: rows[id_] for id_ in known}))
        asked = list_doubts(
            [(f"{id_} {row['name']}", [Position(row["lat"], row["lon"])], True) for id_, row in given], near
        )
        return {"read": len(given), **report, "warnings": list(asked)}, gone, made

    found, gone, made = await asyncio.to_thread(read)
    if params.get("send"):
        found["sent"] = await send_all(runtime, made, guard.kept, _TOLD)
        found["shortened"] = [one.id for one in made if one.shortened]
        await guard.look()
    await asyncio.to_thread(guard.kept.write, _KEPT, gone)
    # What is in force keeps what was told of it: the line still knows it.
    await asyncio.to_thread(guard.kept.write, _TOLD, {id_: None for id_ in gone if id_ not in in_force})
    return found


def _messages(
    runtime: Runtime, guard: Guard, in_force: Mapping[str, Notice], rows: Mapping[str, Row], gone: set[str]
) -> Iterator[_Made]:
    """The notification of each place of which the line does not know what the list says.

    ``in_force`` is what the line knows of one's own, by identifier. Raises UsageError, naming the place.
    """
    forms, now = runtime.forms, runtime.node.wall_s()
    form, language = forms.named(SITE), runtime.node.line.membership.current.charter.languages[0]
    party = runtime.node.line.membership.member(runtime.node.line.me).name
    before = {id_: row["digest"] for id_, row in guard.kept.rows(_TOLD)}
    for id_, row in rows.items():
        notice = in_force.get(id_)
        stage = _stage(form, row, notice, now, ended=id_ in gone)
        # What was told and is not in force any more was ended by an officer: not announced again.
        if stage and (notice is not None or before.get(id_) != digest(row)):
            try:
                filled = fill(forms, form, _values(form, id_, row, stage, (party, now)))
            except UsageError as error:
                raise UsageError(
                    f"{id_} {row['name']}: {error.message}", code=error.code, next_step=error.next_step
                ) from None
            ends = stage == "ended"
            shortened = not ends and _validity(row, now)[1]
            yield _Made(stage, id_, message_of(forms, filled, language), None if ends else row, shortened)


def _stage(form: Form, row: Row, told: Notice | None, now: int, *, ended: bool) -> str:
    """What is to be notified of a place; empty for nothing."""
    if ended:
        return "ended" if told is not None else ""
    validity, shortened = _validity(row, now)
    if validity.end <= now:
        return ""
    if told is None:
        return "new"
    if (told.subject, told.position, told.kind) != (
        row["name"],
        Position(row["lat"], row["lon"]),
        _function(form, row),
    ):
        return "changed"
    if told.valid is None or (row["confirmed"] and row["confirmed"] != told.confirmed):
        return "confirmed"
    known = told.valid.end > now + _RENEW_S if shortened else told.valid.end == validity.end
    return "" if known else "confirmed"


def _validity(row: Row, now: int) -> tuple[Window, bool]:
    """From when to when, and whether that is shorter than the list says: a form states a year at most."""
    start = int(row["valid_from"] or row["confirmed"] or now // _DAY_S * _DAY_S)
    if row["valid_until"] and row["valid_until"] - start <= MAX_SPAN_S:
        return Window(start, max(int(row["valid_until"]), start + 60)), False
    start = max(start, now // _DAY_S * _DAY_S)
    return Window(start, min(int(row["valid_until"]) or start + MAX_SPAN_S, start + MAX_SPAN_S)), True


def _function(form: Form, row: Row) -> str:
    """The form's name for a function, given by that or by its label. Raises UsageError ``form-value``."""
    given = str(row["function"]).strip()
    spec = form.field("function")
    choices = spec.choices if spec is not None else ()
    for choice in choices:
        if given.casefold() in (choice.name.casefold(), choice.label.casefold()):
            return choice.name
    if given:
        known = ", ".join(c.name for c in choices)
        raise UsageError(f"{given!r} is no function.", code="form-value", next_step=f"It is one of {known}.")
    return _OTHER


def _values(form: Form, id_: str, row: Row, stage: str, whose: tuple[str, int]) -> dict[str, Any]:
    party, now = whose
    values = {
        "stage": stage,
        "site-id": id_,
        "organisation": row["organisation"] or party,
        "name": row["name"],
        "function": _function(form, row),
        "position": write_position(Position(row["lat"], row["lon"])),
    }
    if stage != "ended":
        values["valid"] = write_times(_validity(row, now)[0])
    if row["confirmed"]:
        values["confirmed-on"] = write_time(row["confirmed"])
    return values


SITE_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "sites": sites,
    "sites-import": sites_import,
}
