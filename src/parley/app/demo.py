"""The main job, shown: two nodes, real notices, a kill, a cut, and a record that anyone can verify."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from parley.app import demo_consoles, fingerprint, meeting
from parley.app.cable import Cable
from parley.app.forms import library, usual_packs
from parley.app.home import Home, LineHome
from parley.app.process import NodeProcess, free_port
from parley.app.transcript import as_html, as_text
from parley.app.verify import verify_record
from parley.app.views import MessageView, Recipient
from parley.errors import ParleyError, UsageError, VerificationError
from parley.forms.filled import write_values
from parley.keys.file import write_private
from parley.notices.forms import FORM, form_values
from parley.notices.notice import read_notice

LINE: Final = "northland-southland"
_WAIT_S: Final = 20.0
_OPENING_S: Final = 10.0
_FLASH: Final = (
    "Northland fisheries vessel inside area A of HYDROARC 34/26 with engine failure. "
    "Hold launching until we report her clear."
)
_DECLINED: Final = "notam-q0338-25"
_ANSWERED: Final = {
    "hydroarc-34-26": "Received. Our fishing fleet is warned and will be clear of both areas from 05 March 1800Z.",
    "statement-2017-02-16-fr": "Bien reçu. Nous prenons note de cette déclaration et proposons un contact à 0900Z.",
}
_PATROL: Final = ((2026, 3, 8, 18), (2026, 3, 9, 6))
"""From and until when Southland plans a patrol, UTC."""
_LANGUAGES: Final = {"statement-2017-02-16-fr": "fr"}
Json = dict[str, Any]


def run(out: Path, *, quiet: bool = False, stay: bool = False) -> int:
    """Run it into the folder ``out``; the exit status. Any failure says what to do.

    ``stay``: leave time to open the consoles before the exchange, and keep them up after it until Ctrl-C.
    """
    began = time.monotonic()

    def tell(text: str) -> None:
        if not quiet:
            sys.stdout.write(f"[{time.monotonic() - began:5.1f} s] {text}\n")
            sys.stdout.flush()

    try:
        asyncio.run(_Demo(out, tell, began, stay=stay).run())
    except KeyboardInterrupt:
        sys.stderr.write("demo ended before its end.\n")
        return 1
    except ParleyError as error:
        sys.stderr.write(f"demo failed: {error}\nThe nodes' logs are in {out}/*/lines/*/serve.log.\n")
        return 1
    except (OSError, TimeoutError) as error:
        sys.stderr.write(f"demo failed: {error}\nThe nodes' logs are in {out}/*/lines/*/serve.log; then try again.\n")
        return 1
    return 0


def _texts() -> dict[str, str]:
    folder = resources.files("parley.app").joinpath("demo_data")
    return {p.name.removesuffix(".txt"): p.read_text("utf-8") for p in sorted(folder.iterdir(), key=lambda p: p.name)}


class _Demo:
    def __init__(self, out: Path, tell: Callable[[str], None], began: float, *, stay: bool) -> None:
        self._out = out
        self._tell = tell
        self._began = began
        self._stay = stay
        self._north = Home(out / "northland")
        self._south = Home(out / "southland")
        self._sent: list[Json] = []
        self._names: dict[str, str] = {}
        packs, dictionary = usual_packs()
        self._form = library().under({p.name: p.hash for p in packs}, dictionary).named(FORM)

    async def run(self) -> None:
        """Everything."""
        self._clean()
        lines = self._found()
        port = free_port()
        cable = Cable(("127.0.0.1", port))
        await cable.start()
        _configure(lines[1], f'listen = "127.0.0.1:{port}"\n')
        _configure(lines[0], f'[bearer.dial]\nsouthland = "127.0.0.1:{cable.port}"\n')
        consoles = [
            demo_consoles.prepare(self._north, "Northland", "en"),
            demo_consoles.prepare(self._south, "Southland", "ru"),
        ]
        north = NodeProcess(self._north.path, lines[0], console=True)
        south = NodeProcess(self._south.path, lines[1], console=True)
        try:
            await asyncio.gather(north.start(), south.start())
            self._tell(f"two nodes run: northland is process {north.pid}, southland is process {south.pid}")
            for node in (north, south):
                await node.call("officer-changed", note={"code": "demonstration"})
            await self._open(consoles)
            await self._exchange(north, south, cable)
            await self._check_plans(north, south)
            closing = await self._conclude(north, south)
            await asyncio.gather(*map(demo_consoles.check, consoles))
            sys.stdout.write(closing + "\n")
            sys.stdout.flush()
            if self._stay:
                await self._remain(consoles)
        finally:
            await north.stop()
            await south.stop()
            await cable.close()

    async def _open(self, consoles: list[demo_consoles.DemoConsole]) -> None:
        """Both sides' consoles, by links that sign in at once."""
        await asyncio.gather(*map(demo_consoles.check, consoles))
        if not self._stay:
            self._tell("both sides' consoles answer, and their officers' links sign in")
            return
        _show(consoles)
        self._tell(f"the exchange begins in {_OPENING_S:.0f} s: open both, and test and arm the alarm")
        await asyncio.sleep(_OPENING_S)

    async def _remain(self, consoles: list[demo_consoles.DemoConsole]) -> None:
        """Until Ctrl-C."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        _show(consoles)
        sys.stdout.write("Both nodes and their consoles stay up: write from one to the other. Ctrl-C ends it.\n")
        sys.stdout.flush()
        await stop.wait()

    def _clean(self) -> None:
        if self._out.exists() and any(self._out.iterdir()) and not (self._out / "northland").is_dir():
            raise UsageError(
                f"{self._out} is not empty and no demo's.",
                code="demo-folder",
                next_step="Name another with --out.",
            )
        shutil.rmtree(self._out, ignore_errors=True)
        self._out.mkdir(parents=True)

    # -- the meeting -----------------------------------------------------------------------------------

    def _found(self) -> tuple[LineHome, LineHome]:
        """As two delegations would: files change hands, fingerprints are read aloud."""
        table = self._out / "meeting"
        table.mkdir()
        meeting.init_party(self._north, "northland", "Northland", ["en"])
        meeting.init_party(self._south, "southland", "Southland", ["ru", "fr"])
        intro = table / f"{LINE}-southland.intro"
        intro.write_bytes(meeting.introduce(self._south, LINE))
        charter = table / f"{LINE}.charter"
        proposal = meeting.propose(self._north, LINE, [intro.read_bytes()], languages=["en", "ru", "fr"])
        charter.write_bytes(proposal.encode())
        words = fingerprint.words(self._north.party_hash(), "ru")
        self._tell(f"Northland reads its fingerprint aloud: {words}")
        received = meeting.read_proposal(charter.read_bytes())
        meeting.check_fingerprint(received, self._south, words)
        accepted = table / f"{LINE}-southland.accept"
        accepted.write_bytes(meeting.accept(self._south, received).encode())
        north, membership = meeting.install(self._north, meeting.read_proposal(accepted.read_bytes()))
        founding = table / f"{LINE}.line"
        founding.write_bytes(meeting.founding_file(membership))
        south, _ = meeting.install(self._south, meeting.read_proposal(founding.read_bytes()))
        self._tell(f"the line is founded: {membership.line.hex()[:16]}..., both delegations signed {charter}")
        return north, south

    # -- the exchange ----------------------------------------------------------------------------------

    async def _send(self, north: NodeProcess, name: str, text: str, precedence: str = "ROUTINE") -> None:
        """A notice as the form that it was read into; the statement and the FLASH as the texts that they are."""
        if precedence == "ROUTINE" and name not in _LANGUAGES:
            draft = read_notice(text, datetime.now(UTC).date())
            values = write_values(self._form.fields, form_values(draft))
            asked: Json = {"form": FORM, "values": values, "draft": True, "subject": draft.name, "language": "en"}
        else:
            subject = name.rsplit("-", 1)[0].upper() if precedence == "ROUTINE" else "HOLD LAUNCHING"
            asked = {"text": text, "subject": subject, "language": _LANGUAGES.get(name, "en")}
        message = await north.call("send", precedence=precedence, **asked)
        self._sent.append(message)
        self._names[message["id"]] = name

    async def _exchange(self, north: NodeProcess, south: NodeProcess, cable: Cable) -> None:
        texts = _texts()
        names = list(texts)
        await self._wait("the line comes up", north, lambda s: s["peers"][0]["bearers"][0]["up"])
        for name in names[:3]:
            await self._send(north, name, texts[name])
        await self._delivered(north, 3)
        self._tell("3 notices sent as forms, delivery proven by Southland's signed receipts")
        await self._show(north, south)
        await self._watch(south)

        await south.kill()
        self._tell("southland's node was killed (kill -9)")
        for name in names[3:5]:
            await self._send(north, name, texts[name])
        await south.start()
        await self._delivered(north, 5)
        self._tell(f"southland's node is back as process {south.pid}; what it missed was delivered")
        await self._watch(south)

        cable.cut()
        self._tell("the link is cut")
        for name in names[5:]:
            await self._send(north, name, texts[name])
        await self._send(north, "flash", _FLASH, "FLASH")
        queued = len(names) - 5
        self._tell(f"{queued} ROUTINE wait, and a FLASH behind them")
        await asyncio.sleep(2.0)
        cable.restore()
        await self._delivered(north, len(self._sent))
        await self._check_overtaking(south, queued)
        self._tell("the link is back: the FLASH overtook the queue, then all the rest came in order")
        await self._watch(south)

    async def _show(self, north: NodeProcess, south: NodeProcess) -> None:
        """One notice as each side's officer reads it."""
        id_ = self._sent[0]["id"]
        for node, language, reader in ((north, "en", "Northland"), (south, "ru", "Southland")):
            shown = await node.call("show", id=id_, **{"in": language})
            head = shown["text"].split("\n\n")[0].splitlines()
            self._tell(f"{reader} reads: {' / '.join(head)}")

    async def _check_overtaking(self, south: NodeProcess, queued: int) -> None:
        arrived = await _messages(south, "")
        newest = sorted(arrived, key=lambda m: m["arrival"])[-(queued + 1) :]
        if newest[0]["precedence"] != "FLASH":
            raise VerificationError("the FLASH did not overtake the ROUTINE queue.", code="demo-overtaking")

    async def _watch(self, south: NodeProcess) -> None:
        """Southland's duty role: read everything that waits, then acknowledge, answer or decline it."""
        for message in await south.call("inbox"):
            await south.call("read", id=message["id"])
            name = self._names.get(message["id"], "")
            if name == _DECLINED:
                await south.call(
                    "decline", id=message["id"], text="This area is not in our district; ask Pulkovo control."
                )
                continue
            await south.call("ack", id=message["id"])
            if name in _ANSWERED:
                language = _LANGUAGES.get(name, "en")
                await south.call("reply", id=message["id"], text=_ANSWERED[name], language=language)

    async def _check_plans(self, north: NodeProcess, south: NodeProcess) -> None:
        """Southland holds what Northland announced against a plan of its own, which it never sends."""
        start, end = (datetime(*t, tzinfo=UTC).isoformat() for t in _PATROL)
        area = {"at": "70-30.00N 015-00.00E", "radius": 20_000, "start": start, "end": end}
        await south.call("plan-put", name="Fisheries patrol", kind="patrol", role="naval-watch", **area)
        found = (await south.call("check"))["conflicts"]
        if [c["number"] for c in found] != ["HYDROARC 34/26"]:
            raise VerificationError("the conflict check did not find the one conflict there is.", code="demo-conflict")
        begins, ends = (datetime.fromtimestamp(t, UTC).strftime("%d %b %H%MZ") for t in found[0]["windows"][0])
        self._tell(
            f"conflict: Southland's own patrol meets {found[0]['number']} ({found[0]['subject'].lower()}) near "
            f"{found[0]['where']}, {begins} to {ends}; its {found[0]['role']} is told"
        )
        await self._read_back(north, south, found[0])

    async def _read_back(self, north: NodeProcess, south: NodeProcess, conflict: Json) -> None:
        """Where the area of the conflict lies, by Southland's own computing; what its acknowledgement took back."""
        id_ = conflict["notice"].rpartition("/")[0]
        place = (await south.call("readback", id=id_))[0]
        remark = (await north.call("show", id=id_))["recipients"][0]["remark"]
        if place["at"] not in remark:
            raise VerificationError("the read-back did not come back to the sender.", code="demo-read-back")
        self._tell(
            f"Southland reads back: {place['at']} lies {place['said'][0]}; from its plan, never sent: {place['own'][0]}"
        )
        self._tell(f"Northland holds with the acknowledgement: {remark.splitlines()[0]}")

    async def _wait(self, what: str, node: NodeProcess, done: Callable[[Json], bool]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not done(await node.call("status")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {_WAIT_S:.0f} s until {what}")
            await asyncio.sleep(0.05)

    async def _delivered(self, north: NodeProcess, count: int) -> None:
        await self._wait(f"{count} messages are delivered", north, lambda s: s["peers"][0]["delivered"] >= count)

    # -- the conclusion --------------------------------------------------------------------------------

    async def _conclude(self, north: NodeProcess, south: NodeProcess) -> str:
        total = len(self._sent)
        await self._wait(
            "every message is acknowledged or declined",
            north,
            lambda s: (
                s["peers"][0]["acknowledged"] + s["peers"][0]["declined"] == total
                and s["peers"][0]["waiting_here"] == len(_ANSWERED)
            ),
        )
        for message in await north.call("inbox"):
            await north.call("read", id=message["id"])
            await north.call("ack", id=message["id"])
        await self._wait(
            "the answers are acknowledged", south, lambda s: s["peers"][0]["acknowledged"] == len(_ANSWERED)
        )
        messages = await _messages(north, "en")
        self._check_same(messages, await _messages(south, "en"))
        records = await self._export(north, south)
        views = [_view(m) for m in messages]
        transcripts = []
        for node, language in ((north, "en"), (south, "ru"), (south, "fr")):
            shown = [_view(m) for m in await _messages(node, language)]
            transcripts.append(self._out / ("transcript.html" if language == "en" else f"transcript-{language}.html"))
            write_private(transcripts[-1], as_html(LINE, shown, language).encode())
        sys.stdout.write("\n" + as_text(views) + "\n")
        self._tell(f"records: {_listed(records)}; transcripts in English, Russian and French: {_listed(transcripts)}")
        states = [x for m in messages for x in m["recipients"]]
        counts = [sum(1 for x in states if x[k]) for k in ("delivered", "acknowledged", "declined", "answered")]
        return (
            f"demo: {counts[0]} messages delivered, {counts[1]} acknowledged, {counts[2]} declined, "
            f"{counts[3]} answered; record verified"
        )

    def _check_same(self, here: list[Json], there: list[Json]) -> None:
        """Nothing lost, nothing repeated, nothing changed, each author's ROUTINE in its order."""
        ours = {m["id"]: (m["author"], m["text"]) for m in here}
        theirs = {m["id"]: (m["author"], m["text"]) for m in there}
        if ours != theirs or len(there) != len(theirs) or len(theirs) != len(self._sent) + len(_ANSWERED):
            raise VerificationError("the two sides do not hold the same messages once each.", code="demo-difference")
        routine = [m["id"] for m in self._sent if m["precedence"] == "ROUTINE"]
        came = [m["id"] for m in sorted(there, key=lambda m: m["arrival"]) if m["id"] in routine]
        if came != routine:
            raise VerificationError("ROUTINE messages came out of order.", code="demo-order")

    async def _export(self, north: NodeProcess, south: NodeProcess) -> list[Path]:
        records = [self._out / "northland.parley", self._out / "southland.parley"]
        for node, path in ((north, records[0]), (south, records[1])):
            await node.call("export", path=str(path.resolve()))
            report = verify_record(path)
            if not report.good:
                raise VerificationError(f"{path}: {report.problems[0]}", code="record-tampered")
            await asyncio.to_thread(self._independent, path)
        self._tell("both records were verified, by 'parley verify' and by the verifier that shares no code with it")
        return records

    def _independent(self, path: Path) -> None:
        verifier = Path(__file__).parents[3] / "spec" / "verifier" / "verify_officers.py"
        if not verifier.exists():
            raise UsageError(
                "the independent verifier is not here.",
                code="verifier-missing",
                next_step="Run the demo from a checkout.",
            )
        done = subprocess.run(  # noqa: S603 - our own file
            [sys.executable, str(verifier), str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise VerificationError(
                f"the independent verifier refused {path}: {done.stdout}{done.stderr}", code="record-tampered"
            )


def _show(consoles: list[demo_consoles.DemoConsole]) -> None:
    for console in consoles:
        sys.stdout.write(f"\n  {console.party}'s console: {console.link}\n")
        sys.stdout.write(f"    a second officer, for what takes two, in another browser: {console.second}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


def _configure(line: LineHome, address: str) -> None:
    text = f'[settings]\npq_interval_s = 2\n\n[[bearer]]\nkind = "tls"\nname = "loopback"\n{address}'
    write_private(line.config, text.encode())


async def _messages(node: NodeProcess, language: str) -> list[Json]:
    """What officers wrote; the facts of the watch beside it."""
    return [m for m in await node.call("inbox", all=True, **{"in": language}) if not m["fact"]]


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))


def _view(message: Json) -> MessageView:
    names = MessageView.__slots__
    recipients = [Recipient(**{n: x[n] for n in Recipient.__slots__}) for x in message["recipients"]]
    return MessageView(**{n: message[n] for n in names if n not in ("recipients", "filled")}, recipients=recipients)
