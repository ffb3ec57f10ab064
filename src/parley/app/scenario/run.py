"""A scenario runs: what happened, what the software did of itself, and whether what must hold held."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parley.app.scenario.doing import Doing
from parley.app.scenario.matching import follow, holds, resolver
from parley.app.scenario.script import Must, Script, Step
from parley.app.scenario.telling import Teller
from parley.app.scenario.virtual import VirtualLoop
from parley.app.scenario.world import Station, World
from parley.errors import ParleyError
from parley.forms.words import Words
from parley.protocol import inputs as i

SETTLE_S: Final = 0.25
"""After each step, so that what it caused happens before the next."""
_BEFORE_S: Final = 60
"""The nodes run for so long before the scenario's clock begins: their watches have settled."""
_SHOWN: Final = 1500


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline. ``sort``: story, done, software, held, broken, text."""

    at: int
    sort: str
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not hold: the step's number and line, what should have been, what was."""

    step: int
    line: int
    that: str
    got: str


@dataclass(slots=True)
class Outcome:
    """How a run went."""

    script: Script
    timeline: list[Entry] = field(default_factory=list)
    held: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Everything held."""
        return not self.failures and self.held == self.script.musts


Tell = Callable[[Entry], None]
Coach = Callable[[Step], None]


def run_script(script: Script, words: Words, tell: Tell | None = None, coach: Coach | None = None) -> Outcome:
    """Run it to its end, or to the first step that does not hold. ``coach`` is asked before each step with choices."""
    with (
        tempfile.TemporaryDirectory(prefix="parley-scenario-") as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(_Run(script, words, tell, coach).go(Path(folder)))


class _Run:
    def __init__(self, script: Script, words: Words, tell: Tell | None, coach: Coach | None) -> None:
        self._outcome = Outcome(script)
        self._script = script
        self._words = words
        self._tell = tell or (lambda _entry: None)
        self._coach = coach or (lambda _step: None)
        self._teller = Teller(script, words)
        self._told: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._heard: list[tuple[int, Station, i.Event | Mapping[str, Any]]] = []

    async def go(self, folder: Path) -> Outcome:
        """Everything."""
        script = self._script
        loop = asyncio.get_running_loop()
        world = World(script, folder, self._hear)
        world.clock.start -= _BEFORE_S
        try:
            await world.found()
            self._doing = Doing(world, self._teller.names, script.clock, self._told)
            await asyncio.sleep(_BEFORE_S - loop.time())
            for number, step in enumerate(script.steps, 1):
                await asyncio.sleep(max(0.0, _BEFORE_S + step.at - loop.time()))
                await self._step(number, step)
                if self._outcome.failures:
                    break
        finally:
            await world.close()
        return self._outcome

    # -- the timeline ----------------------------------------------------------------------------------

    def _enter(self, sort: str, text: str, at: int | None = None) -> None:
        now = self._script.clock + int(asyncio.get_running_loop().time() - _BEFORE_S)
        entry = Entry(now if at is None else at, sort, text)
        self._outcome.timeline.append(entry)
        self._tell(entry)

    def _hear(self, station: Station, event: i.Event | Mapping[str, Any]) -> None:
        """What a node or its watch told of itself."""
        code, name = station.actor.code, station.line.name
        found = dict(event) if isinstance(event, Mapping) else station.plain(event)
        found["time"] = station.clock.wall_s()
        self._told.setdefault((code, name), []).append(found)
        self._heard.append((found["time"], station, event))

    def _tell_heard(self) -> None:
        """Put into words what was heard; what a step made has its name by now."""
        heard, self._heard = self._heard, []
        for at, station, event in heard:
            if station.runtime_ is not None:
                for text in self._teller.sentences(station, event):
                    self._enter("software", text, at)

    # -- steps -----------------------------------------------------------------------------------------

    async def _step(self, number: int, step: Step) -> None:
        self._tell_heard()
        if step.ask:
            self._coach(step)
        if step.say:
            self._enter("story", self._words.say(step.say))
        if step.act:
            await self._act(number, step)
            await asyncio.sleep(SETTLE_S)
            self._tell_heard()
        for must in step.musts:
            await self._check(number, must)

    async def _act(self, number: int, step: Step) -> None:
        try:
            made = await self._doing.act(step)
        except ParleyError as error:
            if step.refused != error.code:
                self._fail(number, step.line, self._teller.done(step), str(error))
                return
            self._outcome.held += 1
            why = self._teller.plainly(f"{error.message} [{error.code}]")
            refused = self._words.say("{what} Refused: {why}")
            self._enter("held", refused.format(what=self._teller.done(step), why=why))
            return
        self._enter("done", self._teller.done(step))
        if step.refused:
            self._fail(number, step.line, f"{self._teller.done(step)} [{step.refused}]", "it was not refused")
        if step.name and made is not None:
            self._teller.names[step.name] = made
            for text in await self._doing.shown(step, self._words.language):
                self._enter("text", text)

    async def _check(self, number: int, must: Must) -> None:
        that = self._words.say(must.that)
        try:
            answer = await self._doing.ask(must)
        except ParleyError as error:
            self._fail(number, must.line, that, str(error))
            return
        if holds(must, answer, resolver(self._teller.names, self._script.clock)):
            self._outcome.held += 1
            self._enter("held", that)
        else:
            self._fail(number, must.line, that, repr(follow(answer, must.path))[:_SHOWN])

    def _fail(self, number: int, line: int, that: str, got: str) -> None:
        self._outcome.failures.append(Failure(number, line, that, got))
        self._enter("broken", that)
