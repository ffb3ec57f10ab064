"""Scenarios to be walked through: what happened, what one would do, and what the software does (B1 to B13)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache

from starlette.responses import Response

from parley.app.scenario import shelf
from parley.app.scenario.run import Entry, run_script
from parley.app.scenario.script import Step
from parley.console.web import Visit, page
from parley.errors import UsageError


@dataclass(frozen=True, slots=True)
class Told:
    """What a scenario tells, in order: an event of its timeline, or a question."""

    entry: Entry | None = None
    step: Step | None = None


@lru_cache(maxsize=64)
def _told(name: str, language: str) -> tuple[Told, ...]:
    """A scenario as it runs, in virtual time and in a line of its own: nothing of it touches a real one."""
    found: list[Told] = []
    run_script(
        shelf.load(name),
        shelf.words(language),
        lambda entry: found.append(Told(entry=entry)),
        lambda step: found.append(Told(step=step)),
    )
    return tuple(found)


@page("/training")
async def training(visit: Visit) -> Response:
    """All scenarios."""
    words = shelf.words(visit.language)
    scripts = [shelf.load(name) for name in shelf.shipped()]
    return await visit.render("training.html", title=visit.say("Scenarios"), scripts=scripts, words=words)


@page("/training/{which}")
async def scenario(visit: Visit) -> Response:
    """One, told up to the first question that is not answered rightly: ``a`` in the address are the answers."""
    name = str(visit.request.path_params["which"])
    if name not in shelf.shipped():
        raise UsageError(f"there is no scenario {name!r}.", code="scenario-unknown", next_step="See the list.")
    answers = [int(a) for a in visit.request.query_params.getlist("a") if a.isdigit() and len(a) < 3]  # noqa: PLR2004
    told = await asyncio.to_thread(_told, name, visit.language)
    shown: list[Told] = []
    asked = 0
    for item in told:
        shown.append(item)
        if item.step is not None:
            given = answers[asked] if asked < len(answers) else 0
            asked += 1
            choices = item.step.choices
            if not (0 < given <= len(choices) and choices[given - 1].right):
                break
    return await visit.render(
        "scenario.html",
        title=shelf.words(visit.language).say(shelf.load(name).title),
        script=shelf.load(name),
        words=shelf.words(visit.language),
        told=shown,
        over=len(shown) == len(told) and not (shown and shown[-1].step is not None),
        answers=answers,
    )
