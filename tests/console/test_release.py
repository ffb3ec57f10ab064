"""Two officers with keys release, one acknowledges, over two real nodes; the record shows it. D9, OFF-4."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from parley.app import meeting
from parley.app.home import Home
from parley.app.officers import Officer
from parley.app.passkeys import SoftwarePasskey
from parley.app.process import free_port
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.signin import WITHOUT_KEY, SignIn
from parley.app.signing import plain
from parley.app.verify import verify_record
from parley.errors import ParleyError
from parley.keys.file import write_private

ORIGIN = "http://localhost:7480"
VERIFIER = Path(__file__).parents[2] / "spec" / "verifier" / "verify_officers.py"
WATCH = '[watch]\ntests_at = []\ntwo_officers = ["flash"]\nsigned = ["immediate"]\n'
CEASE = "NAVAREA II 1/26.\n1. CEASE FIRING NOW IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E."


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    both = Home(tmp_path / "north"), Home(tmp_path / "south")
    for home in both:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(both[0], "trial", [meeting.introduce(both[1], "trial")])
    signed = meeting.merge([meeting.accept(both[1], proposal)])
    port = free_port()
    sides = (f'[bearer.dial]\nsouth = "127.0.0.1:{port}"\n', f'listen = "127.0.0.1:{port}"\n')
    for home, side in zip(both, sides, strict=True):
        meeting.install(home, signed)
        text = f'[[bearer]]\nkind = "tls"\nname = "net"\n{side}{WATCH}'
        write_private(home.path / "lines" / "trial" / "config.toml", text.encode())
    return both


class Side:
    """One party's console, without the pages."""

    def __init__(self, home: Home, runtime: Runtime) -> None:
        self.runtime = runtime
        self.signing = SignIn.at(home, {"trial": runtime}, ORIGIN)
        self.keys: dict[str, SoftwarePasskey] = {}

    async def enrol(self, name: str) -> Officer:
        key = self.keys.setdefault(name, SoftwarePasskey(ORIGIN))
        code = self.signing.officers.invite(name, ("watch",), self.runtime.node.wall_s())
        begun = await self.signing.begin_enrolment("b", code)
        return await self.signing.finish_enrolment("b", begun["ceremony"], key.create(begun["options"]))

    async def ask(self, operation: str, **params: Any) -> Any:
        return await OPERATIONS[operation](self.runtime, params)

    async def sign(self, officer: Officer, hash_: str) -> list[str]:
        begun = self.signing.begin_assertion("b", officer, bytes.fromhex(hash_), None)
        answer = self.keys[officer.name].get(begun["options"])
        assertion, _ = await self.signing.finish_assertion("b", officer, begun["ceremony"], answer)
        return plain(assertion)

    async def approve(self, officer: Officer, draft: dict[str, Any]) -> dict[str, Any]:
        given = await self.sign(officer, draft["statement"])
        params = {"number": draft["number"], "statement": draft["statement"], "officer": officer.by}
        return dict(await self.ask("watch-approve", **params, assertion=given))

    async def refused(self, operation: str, **params: Any) -> str:
        with pytest.raises(ParleyError) as error:
            await self.ask(operation, **params)
        return error.value.code


@asynccontextmanager
async def both(homes: tuple[Home, Home]) -> AsyncIterator[tuple[Side, Side]]:
    async with running(homes[0].line("trial")) as north, running(homes[1].line("trial")) as south:
        yield Side(homes[0], north), Side(homes[1], south)


async def until(holds: Callable[[], Any]) -> Any:
    for _ in range(600):
        found = await holds()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


async def scene(homes: tuple[Home, Home], record: Path) -> None:
    async with both(homes) as (north, south):
        one, two = await north.enrol("N1"), await north.enrol("N2")
        assert await north.refused("send", text="Alone", precedence="flash") == "release-needed"
        draft = await north.ask("watch-draft", officer=one.by, text=CEASE, precedence="flash")
        assert (draft["two_officers"], draft["keys"]) == (True, 2)
        number = draft["number"]
        release = {"number": number, "officer": two.by}
        by_name = {"number": number, "statement": draft["statement"]}
        assert await north.refused("watch-approve", officer=one.by, **by_name) == "release-own"
        await north.ask("watch-approve", officer="N9", **by_name)
        assert await north.refused("watch-release", **release) == "release-key-needed", "a name is no key"
        await north.approve(one, draft)
        assert await north.refused("watch-release", **release) == "release-key-needed", (
            "the author's own is not another's"
        )
        stolen = await north.sign(one, draft["statement"])
        forged = {**by_name, "officer": two.by, "assertion": stolen}
        assert await north.refused("watch-approve", **forged) == "officer-unknown", "under another name"
        other = await north.sign(two, "00" * 32)
        wrong = {**by_name, "officer": two.by, "assertion": other}
        assert await north.refused("watch-approve", **wrong) == "assertion-invalid", "of something else"
        assert (await north.approve(two, draft))["signed_by"] == [one.by, two.by]
        sent = (await north.ask("watch-release", **release))["id"]
        assert await north.refused("watch-release", **release) == "draft-unknown", "once only"

        assert await north.refused("send", text="x", precedence="immediate") == "release-key-needed"
        await north.ask("send", text="Routine.", officer=one.by)
        log = await north.ask("watch-log")
        assert [f["officer"] for f in log if f.get("text", "").startswith("sent north-")] == [one.by]

        async def arrived() -> Any:
            return [m for m in await south.ask("inbox") if m["id"] == sent]

        await until(arrived)
        s1, _ = await south.enrol("S1"), await south.enrol("S2")
        asked = await south.ask("to-sign", id=sent, text="Understood")
        given = await south.sign(s1, asked["hash"])
        answer = {
            "id": sent,
            "officer": s1.by,
            "assertion": given,
            **{n: asked[n] for n in ("text", "nonce", "places")},
        }
        assert await south.refused("ack", **{**answer, "text": "Not understood"}) == "assertion-invalid"
        assert len(asked["places"]) == 1, "the read-back is signed with the rest"
        assert await south.refused("ack", **{**answer, "places": []}) == "assertion-invalid"
        assert await south.refused("ack", **{**answer, "places": [[1]]}) == "assertion-malformed"
        await south.ask("ack", **answer)
        assert await south.refused("ack", **answer) == "already-marked"

        draft = await north.ask("watch-draft", officer=one.by, text="Resume.", precedence="flash")
        await north.approve(two, draft)
        await north.approve(one, draft)
        again = (await north.ask("watch-release", number=draft["number"], officer=one.by))["id"]

        async def came() -> Any:
            return [m for m in await south.ask("inbox") if m["id"] == again]

        await until(came)
        await south.ask("ack", id=again, officer=WITHOUT_KEY, without_key=True)

        async def acknowledged() -> Any:
            messages = await north.ask("inbox", all=True)
            return [m for m in messages if m["id"] == again and m["recipients"][0]["acknowledged"]]

        await until(acknowledged)
        shown = await north.ask("show", id=sent)
        assert [x["standing"] for x in shown["signed"]] == ["verified", "verified"]
        assert [x["name"] for x in shown["signed"]] == [one.name, two.name]
        theirs = await south.ask("show", id=sent)
        assert [(x["standing"], x["name"], x["software"]) for x in theirs["signed"]] == [("verified", "", True)] * 2
        assert (await north.ask("show", id=again))["recipients"][0]["signed"] == {"keys": [], "without_key": True}
        await north.ask("export", path=str(record))


def test_two_officers_release_and_one_acknowledges(homes: tuple[Home, Home], tmp_path: Path) -> None:
    record = tmp_path / "record.parley"
    asyncio.run(scene(homes, record))
    report = verify_record(record)
    assert report.problems == []
    told = [s.sentence().partition(": ")[2] for s in report.signed]
    assert sum(t.startswith("released by two officers: keys ") for t in told) == 2
    assert sum(t.startswith("acknowledged by an officer: key ") for t in told) == 1
    assert sum(t == "acknowledged without an officer's key" for t in told) == 1
    done = subprocess.run([sys.executable, VERIFIER, record], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("released by two officers: keys") == 2
