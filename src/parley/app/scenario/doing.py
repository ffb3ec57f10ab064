"""What the parties of a scenario do and are asked, by the operations that every face calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from parley.app.scenario.script import ACTS, QUESTIONS, Act, Must, Step
from parley.app.scenario.world import Station, World
from parley.app.service import OPERATIONS
from parley.app.verify import verify_record
from parley.errors import UsageError
from parley.procedure.line_state import TEST_TEXT

_WAIT_S: Final = 120.0
"""Virtual seconds within which an operation answers."""
_FOLLOW: Final = frozenset({"query", "correct", "cancel"})


class Doing:
    """Acts and questions in one world. ``names`` is what steps were named: ids of messages, numbers of drafts."""

    def __init__(
        self,
        world: World,
        names: dict[str, Any],
        start: int,
        told: Mapping[tuple[str, str], list[dict[str, Any]]],
    ) -> None:
        self._world = world
        self._names = names
        self._start = start
        self._told = told

    async def act(self, step: Step) -> Any:  # noqa: ANN401 - an id or a number
        """Do what the step says; what it made. Raises ParleyError as the operation does."""
        act = ACTS[step.act]
        if step.act in ("cut", "heal"):
            wire = self._world.wires[step.on]
            (wire.cut if step.act == "cut" else wire.heal)()
            return None
        station = self._world.stations[step.party, step.on]
        given = dict(step.given)
        if act.operation:
            found = await self._operation(station, act.operation, self._params(act, given))
            made = found if isinstance(found, dict) and step.act not in ("track", "call") else {}
            return made.get("id", made.get("number"))
        return await self._own(step.act, station, given)

    async def _own(self, act: str, station: Station, given: dict[str, Any]) -> Any:  # noqa: ANN401
        match act:
            case "stop":
                await station.stop()
            case "start":
                await station.start()
            case "plan":
                await self._plan(station, given)
            case "approve":
                return await self._approve(station, given)
            case "take-watch":
                role = given.get("role", "watch")
                summary = await self._operation(station, "watch-handover", {"role": role})
                params = {"role": role, "officer": given["officer"], "summary": summary["summary"], "take": True}
                await self._operation(station, "watch-relieve", params)
            case "copy":
                params = {"id": self._names[given["message"]], "text": given.get("text", TEST_TEXT)}
                return (await self._operation(station, "watch-test", params))["id"]
            case "impostor":
                await self._impostor(station, given)
            case "stray":
                station.inject(self._world.carried_to(station.actor.code, given["from"]))
            case _:
                params = {"id": self._names[given["message"]], "text": given["text"], "how": act}
                return (await self._operation(station, "watch-follow", params))["id"]
        return None

    def _params(self, act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
        """As the operation calls them; what was named stands for what it made."""
        found = {}
        for name, value in given.items():
            match act.params[name]:
                case "message" | "draft":
                    meant = self._names[value]
                case "time":
                    meant = self._start + value
                case _:
                    meant = value
            found[act.names.get(name, name)] = meant
        return found

    @staticmethod
    async def _operation(station: Station, name: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        return await asyncio.wait_for(OPERATIONS[name](station.runtime, params), _WAIT_S)

    async def _plan(self, station: Station, given: dict[str, Any]) -> None:
        params: dict[str, Any] = {
            k: given[k] for k in ("name", "at", "radius", "kind", "role", "protected") if k in given
        }
        if "from" in given and "until" in given:
            params["windows"] = [[self._start + given["from"], self._start + given["until"]]]
        await self._operation(station, "plan-put", params)

    async def _approve(self, station: Station, given: dict[str, Any]) -> int:
        number = self._names[given["draft"]]
        watch = await self._operation(station, "watch", {})
        draft = next((d for d in watch["drafts"] if d["number"] == number), None)
        if draft is None:
            raise UsageError(f"there is no draft {number}.", code="draft-unknown")
        params = {"number": number, "officer": given["officer"], "statement": draft["statement"]}
        await self._operation(station, "watch-approve", params)
        return int(number)

    async def _impostor(self, station: Station, given: dict[str, Any]) -> None:
        """Two nodes with keys of their own play both parties; what they say to the second reaches the real one."""
        with TemporaryDirectory(prefix="parley-impostor-") as folder:
            forged = World(self._world.script, Path(folder), lambda _station, _event: None)
            forged.clock = self._world.clock
            await forged.found()
            try:
                sender = forged.stations[given["as"], station.line.name]
                await asyncio.sleep(1.0)
                text = {"text": given["text"], "precedence": "FLASH"}
                await self._operation(sender, "send", text)
                await asyncio.sleep(1.0)
                station.inject(forged.carried_to(station.actor.code, station.line.name))
            finally:
                await forged.close()

    # -- questions -------------------------------------------------------------------------------------

    async def ask(self, must: Must) -> Any:  # noqa: ANN401 - JSON
        """What the party's node answers."""
        station = self._world.stations[must.party, must.on]
        question = QUESTIONS[must.ask]
        if question.operation:
            return await self._operation(station, question.operation, self._params(question, must.given))
        if must.ask == "told":
            return self._told.get((must.party, must.on), [])
        path = station.line.path / "record.parley"
        await self._operation(station, "export", {"path": str(path)})
        return verify_record(path).as_json()

    async def shown(self, step: Step, language: str) -> list[str]:
        """What a reader of ``language`` sees first of the message that a step made."""
        if step.act not in {"send", "release", "reply", *_FOLLOW}:
            return []
        station = self._world.stations[step.party, step.on]
        message = await self._operation(station, "show", {"id": self._names[step.name], "in": language})
        lines = [f"!! {warning}" for warning in message["warnings"]]
        first = message["subject"] if message["form"] else message["text"].splitlines()[0]
        return [*lines, f"{message['title']}: {first}" if message["title"] else first]
