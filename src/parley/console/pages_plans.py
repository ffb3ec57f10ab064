"""Own plans and places, what clashes with them, and what is held until an officer says why it goes on (R58 to R62)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from parley.console.hub import whole
from parley.console.web import Visit, page
from parley.errors import ParleyError, UsageError

_FIELDS: Final = (
    "id", "name", "kind", "role", "shape", "places", "size", "lower", "upper", "start", "end", "protected",
)  # fmt: skip
_WORDS: Final = (
    "a height is not stated",
    "a height is above ground, the other above the sea",
    "a height is a flight level",
    "a time is not stated",
    "its validity is over and was not confirmed",
)
_CODES: Final = ("height-unstated", "height-agl", "height-flight-level", "time-unstated", "validity-over")
DOUBTS: Final = dict(zip(_CODES, _WORDS, strict=True))
"""What could not be resolved and is taken for a conflict (``parley.conflict.check``)."""
_SHAPES: Final = ("circle", "point", "polygon", "corridor")
_SIZES: Final = {"circle": "radius", "corridor": "width"}


@page("/lines/{line}/plans", menu="Plans", key="p", order=45)
async def plans(visit: Visit) -> Response:
    """All plans, and all conflicts, the worst first."""
    return await _show(visit)


async def _show(
    visit: Visit,
    given: dict[str, str] | None = None,
    error: ParleyError | None = None,
    questions: Sequence[str] = (),
) -> Response:
    checked = await visit.ask("check", **{"in": visit.language})
    return await visit.render(
        "plans.html",
        400 if error is not None else 200,
        title=visit.say("Plans"),
        plans=await visit.ask("plans"),
        tracks=await visit.ask("tracks"),
        conflicts=checked["conflicts"],
        unchecked=checked["unchecked"],
        given=dict.fromkeys(_FIELDS, "") | (given or {}),
        empty=dict.fromkeys(_FIELDS, ""),
        error=error,
        questions=questions,
        shapes=_SHAPES,
        doubts=DOUBTS,
    )


@page("/lines/{line}/plans", name="plans_act", methods=("POST",))
async def act(visit: Visit) -> Response:
    """Add, change, divert or remove a plan, or let one go on that is held, as the button says."""
    how, kept = await visit.field("how"), {}
    given = {name: (await visit.field(name)).strip() for name in _FIELDS}
    try:
        match how:
            case "add":
                kept = await visit.ask("plan-put", only_new=True, name=_named(given), **_where(given))
            case "change":
                kept = await visit.ask("plan-change", id=given["id"], **_where(given, wanted=False))
            case "track":
                kept = await visit.ask("track-put", **await _fix(visit, given))
            case "drop":
                await visit.ask("track-drop", id=given["id"])
            case "remove":
                await visit.ask("plan-remove", id=given["id"])
            case "override":
                await visit.ask(
                    "plan-override",
                    plan=given["id"],
                    notice=await visit.field("notice"),
                    officer=visit.officer,
                    reason=await visit.field("reason"),
                )
            case _:
                raise UsageError(f"{how!r} is nothing that is done with a plan.", code="request-malformed")
    except ParleyError as error:
        return await _show(visit, given if how == "add" else None, error)
    values = {"plan": given["id"] or given["name"]}
    await visit.ask("watch-note", officer=visit.officer, code=f"plan-{how}", values=values)
    if kept.get("warnings"):
        # Kept all the same: the officer is asked, and corrects it where it was a slip (R67).
        return await _show(visit, questions=kept["warnings"])
    return visit.go("plans", line=visit.line_name)


async def _fix(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """Where something that is followed was seen; without a time, now (B5)."""
    given_m = await visit.field("radius_m")
    radius = whole(given_m or "1")
    if radius is None:
        raise UsageError(f"{given_m!r} is no number of metres.", code="form-value", next_step="Write it like 500.")
    return {
        "name": _named(given),
        "at": await visit.field("at"),
        "time": await visit.field("seen"),
        "radius": radius,
        "until": await visit.field("until"),
        "role": given["role"],
    }


def _named(given: dict[str, str]) -> str:
    if not given["name"]:
        raise UsageError("a plan needs a name.", code="plan-name", next_step="Name it as its controllers do.")
    return given["name"]


def _where(given: dict[str, str], *, wanted: bool = True) -> dict[str, Any]:
    """The parameters of ``plan-put`` and ``plan-change`` that a form states; what is empty is left as it was."""
    found: dict[str, Any] = {k: given[k] for k in ("kind", "role", "lower", "upper", "start", "end") if given[k]}
    for name in ("start", "end"):
        if name in found:
            found[name] = found[name].replace(" ", "T")
    if given["protected"]:
        found["protected"] = True
    lines = [line.strip() for line in given["places"].splitlines() if line.strip()]
    if not lines:
        if wanted:
            raise UsageError("say where: a position, or an area.", code="plan-where")
        return found
    shape = given["shape"] if given["shape"] in _SHAPES else "point"
    area: dict[str, Any] = {shape: lines if shape in ("polygon", "corridor") else lines[0]}
    if shape in _SIZES:
        area[_SIZES[shape]] = given["size"]
    found["area"] = area
    return found
