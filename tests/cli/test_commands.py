"""Every command, as people and programs run it: two homes, real processes where a node is needed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import pkgutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from parley import cli
from parley.app.home import Home
from parley.app.meeting import read_proposal
from parley.app.process import NodeProcess, free_port
from parley.cli import app
from parley.cli.commands import COMMANDS, Shelf
from parley.ids import MemberNumber
from parley.stores.datadir import DataDirectory

NAME = "trial"
RUNNER = CliRunner()


def parley(*arguments: object, status: int = 0, json_out: bool = True) -> Any:
    """Run a command within this process; its JSON, or its text."""
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if json_out and done.stdout.strip() else done.output


def found(folder: Path, *, text: bool = False) -> tuple[Path, Path]:
    """A line founded by files, through the command line."""
    north, south = folder / "north", folder / "south"
    out = not text
    parley("init", "north", "--name", "Northland", "--home", north, json_out=out)
    parley("init", "south", "--language", "ru", "--home", south, json_out=out)
    parley("line", "introduce", NAME, "-o", folder / "s.intro", "--home", south, json_out=out)
    parley("line", "propose", NAME, folder / "s.intro", "-o", folder / "c", "--home", north, json_out=out)
    words = parley("identity", "show", "--language", "fr", "--home", north)["words"]
    accept = ("line", "accept", folder / "c", "--expect", words, "-o", folder / "a", "--home", south)
    parley(*accept, json_out=out)
    parley("line", "open", folder / "a", "--home", north, json_out=out)
    parley("line", "import", north / "lines" / NAME / f"{NAME}.line", "--home", south, json_out=out)
    return north, south


@pytest.mark.parametrize("text", [False, True])
def test_founding_a_line_by_files(tmp_path: Path, text: bool) -> None:
    north, south = found(tmp_path, text=text)
    assert parley("line", "list", "--home", south)[0]["members"] == ["north", "south"]
    shown = parley("line", "show", "--home", north)
    assert [m["code"] for m in shown["members"]] == ["north", "south"]
    assert "acknowledge_within_seconds" in parley("line", "show", "--home", north, json_out=False)
    assert "north" in parley("line", "list", "--home", north, json_out=False)


def test_an_exercise_is_marked_on_what_is_shown_printed_and_exported(tmp_path: Path) -> None:
    north, south = tmp_path / "north", tmp_path / "south"
    for home in (north, south):
        parley("init", home.name, "--home", home)
    parley("line", "introduce", "drill", "-o", tmp_path / "i", "--home", south)
    parley("line", "propose", "drill", tmp_path / "i", "--exercise", "-o", tmp_path / "c", "--home", north)
    parley("line", "accept", tmp_path / "c", "--yes", "-o", tmp_path / "a", "--home", south)
    parley("line", "open", tmp_path / "a", "--home", north)
    here, mark = ("--home", str(north)), "EXERCISE EXERCISE EXERCISE"
    area = "areas={circle: 36-43.09N 068-51.75E, radius: 2 km}"
    sent = parley("send", "--form", "warning", "--set", "hazard=gunnery", "--set", area, *here)["id"]
    for words in (("inbox", "--all"), ("read", sent), ("status",), ("watch",), ("show", sent)):
        done = RUNNER.invoke(app, [*map(str, (*words, *here))])
        assert mark in done.stderr, words
        assert "EXERCISE" in done.stdout, words
        json.loads(RUNNER.invoke(app, [*map(str, (*words, *here)), "--json"]).stdout)
    for form in ("geojson", "kml", "cot", "cap", "navarea", "notam"):
        done = RUNNER.invoke(app, ["export", "--as", form, *here])
        assert "exercise" in done.stdout.lower(), form
    parley("export", tmp_path / "record", *here)
    with zipfile.ZipFile(tmp_path / "record") as record:
        assert record.read("README.txt").decode().startswith(mark)
    assert parley("verify", tmp_path / "record", json_out=False).startswith(mark)
    assert parley("verify", tmp_path / "record")["mark"] == mark


@pytest.mark.parametrize("columns", ["60", "80", "150"])
def test_a_list_shows_ids_and_texts_whole_on_any_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    north, _ = found(tmp_path)
    text = "Firing exercise north of 60N from noon on."
    sent = parley("send", text, "--home", north)
    monkeypatch.setenv("COLUMNS", columns)
    for words in (("inbox", "--all"), ("watch",)):
        shown = parley(*words, "--home", north, json_out=False)
        assert sent["id"] in shown
        assert text in shown, shown


def test_a_charter_has_a_deadline_for_each_precedence(tmp_path: Path) -> None:
    north, south = found(tmp_path)
    del south

    def within(path: Path) -> list[str]:
        rows = path.read_text().partition("[acknowledge_within_seconds]\n")[2].splitlines()
        return rows[:4]

    amend = ("line", "amend", "--line", NAME, "--home", north)
    parley(*amend, "--deadline", "IMMEDIATE=300", "--deadline", "routine=7200", "-o", tmp_path / "1")
    assert within(tmp_path / "1") == ["routine = 7200", "priority = 10800", "immediate = 300", "flash = 60"]
    for bad in ("immediate", "urgent=5", "flash=soon", "flash=0"):
        refused = parley(*amend, "--deadline", bad, "-o", tmp_path / "2", status=2)
        assert refused["error"]["code"] == "deadline-malformed", bad


def test_a_command_in_the_way_keeps_no_node_from_its_line(tmp_path: Path) -> None:
    north, _ = found(tmp_path)
    line = Home(north).line(NAME)
    node = NodeProcess(north, line)

    async def starts() -> None:
        with DataDirectory(line.path, command="parley export"):
            begun = asyncio.create_task(node.start())

            async def waits() -> bool:
                return node.log.exists() and "waiting" in node.log.read_text()

            await until(waits, 60)
        await begun
        assert (await node.call("status"))["line"] == NAME
        await node.stop()

    asyncio.run(starts())
    assert "store-locked" in node.log.read_text()


def test_a_wrong_fingerprint_is_not_signed(tmp_path: Path) -> None:
    north, south = tmp_path / "n", tmp_path / "s"
    parley("init", "north", "--home", north)
    parley("init", "south", "--home", south)
    parley("line", "introduce", NAME, "-o", tmp_path / "i", "--home", south)
    parley("line", "propose", NAME, tmp_path / "i", "-o", tmp_path / "c", "--home", north)
    own = parley("identity", "show", "--home", south)["words"]
    refused = parley("line", "accept", tmp_path / "c", "--expect", own, "--home", south, status=2)
    assert refused["error"]["code"] == "fingerprint-mismatch"
    assert parley("line", "accept", tmp_path / "c", "--home", south, status=2)["error"]["code"] == "confirmation-needed"


def test_identity_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PASSPHRASE", "correct horse")
    home = ("--home", tmp_path)
    parley("init", "north", "--signer", "Chief", "--signer", "Duty", "--threshold", "2", *home)
    assert parley("init", "north", *home, status=2)["error"]["code"] == "identity-exists"
    shown = parley("identity", "show", *home)
    assert shown["signers"] == ["Chief", "Duty"]
    assert parley("identity", "verify", shown["words"], shown["fingerprint"])["agrees"] is True
    assert parley("identity", "verify", shown["words"], "00" * 32, status=1)["agrees"] is False
    assert parley("identity", "verify", "zebra " + shown["words"], shown["fingerprint"], status=2)["error"]["code"]
    assert parley("identity", "qr", *home)["svg"].startswith("<svg")
    assert "PARLEY:" in parley("identity", "qr", *home, json_out=False)
    assert "<svg" in parley("identity", "qr", "--svg", *home, json_out=False)
    assert "2 of 2" in parley("identity", "show", *home, json_out=False)
    monkeypatch.delenv("PARLEY_PASSPHRASE")
    assert parley("line", "introduce", NAME, *home, status=3)["error"]["code"] == "passphrase-needed"


def test_messages_without_a_running_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    north, _ = found(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(north))
    sent = parley("send", "hello", "--precedence", "flash", "--subject", "test")
    assert sent["recipients"][0]["state"] == "undelivered"
    assert parley("inbox") == []
    assert [m["text"] for m in parley("inbox", "--all")] == ["hello"]
    assert parley("status")["peers"][0]["sent"] == 1
    for shown in (parley("status", json_out=False), parley("inbox", "--all", json_out=False)):
        assert "south" in shown
    assert "hello" in parley("read", sent["id"], json_out=False)
    assert "Nothing" in parley("inbox", json_out=False)
    refused = [
        (("ack", sent["id"]), "message-unknown"),
        (("ack", "nonsense"), "message-unknown"),
        (("send", "x", "--to", "nobody"), "member-unknown"),
        (("send", "x", "-p", "urgent"), "precedence-unknown"),
        (("send", " "), "text-empty"),
        (("send", "x" * 40_000), "text-too-large"),
        (("send", "x", "--file", str(tmp_path)), "text-twice"),
        (("send", "--file", str(tmp_path / "none")), "file-unreadable"),
        (("send", "x", "--line", "other"), "line-unknown"),
        (("prune", "--days", "1"), "retention-shorter"),
    ]
    for words, code in refused:
        assert parley(*words, status=2)["error"]["code"] == code, words
    (tmp_path / "latin").write_bytes(b"\xe9")
    assert parley("send", "--file", tmp_path / "latin", status=2)["error"]["code"] == "text-encoding"
    assert parley("prune", "--days", "0", "--force")["erased"] == 0
    assert "next" not in parley("send", "plain", json_out=False)
    shown = RUNNER.invoke(app, ["ack", "nonsense"])
    assert shown.exit_code == 2


def test_a_time_to_reply_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    north, _ = found(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(north))
    sent = parley("send", "answer me", "--reply-by", "2100-01-02T03:04Z")
    assert sent["reply_by"] == 4102542240
    assert "by 2100-01-02 03:04:00Z" in parley("read", sent["id"], json_out=False)
    assert parley("send", "soon", "--reply-by", "+90")["reply_by"] > sent["time"] + 5000
    assert parley("send", "whenever")["reply_by"] == 0
    for given, code in (("2001-01-01T00:00Z", "reply-by-past"), ("soon", "time-malformed"), ("+x", "time-malformed")):
        assert parley("send", "x", "--reply-by", given, status=2)["error"]["code"] == code


def test_what_fails_to_be_signed_leaves_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PASSPHRASE", "words")
    north, _ = found(tmp_path)
    keys = north / "lines" / NAME / "keys"
    monkeypatch.setenv("PARLEY_PASSPHRASE", "other words")
    assert parley("line", "rotate", "--home", north, status=3)["error"]["code"] == "passphrase-wrong"
    assert parley("line", "introduce", "second", "--home", north, status=3)["error"]["code"] == "passphrase-wrong"
    assert [p.name for p in keys.iterdir()] == ["node-1.toml"]
    assert not (north / "lines" / "second").exists()
    monkeypatch.setenv("PARLEY_PASSPHRASE", "words")
    parley("line", "rotate", "--home", north, "-o", tmp_path / "certificate")
    assert sorted(p.name for p in keys.iterdir()) == ["node-1.toml", "node-2.toml"]


def test_changing_a_line(tmp_path: Path) -> None:
    # DOC-4, DOC-5, DOC-2
    north, south = found(tmp_path)
    amendment = tmp_path / "amendment"
    changed = ("--retention-days", 30, "--deadline", "priority=700", "--two-officers", "M2", "--telephone")
    parley("line", "amend", *changed, "north=+1 555 0100", "-o", amendment, "--home", north)
    assert parley("line", "import", amendment, "--home", north, status=2)["error"]["code"] == "document-unsigned"
    parley("line", "sign", amendment, "--home", south)
    for home in (north, south):
        parley("line", "import", amendment, "--home", home)
    assert parley("line", "show", "--home", south)["revision"] == 1
    parley("line", "rotate", "-o", tmp_path / "certificate", "--home", south)
    parley("line", "add", tmp_path / "certificate", "--home", north)
    members = parley("line", "show", "--home", north)["members"]
    assert members[1]["certificates"] == [1, 2]
    parley("send", "after the rotation", "--home", south)
    parley("line", "introduce", "next", "-o", tmp_path / "next.intro", "--home", south)
    parley("line", "successor", NAME, "next", tmp_path / "next.intro", "-o", tmp_path / "next", "--home", north)
    assert 'succeeds = "' in (tmp_path / "next").read_text()
    old, new = (
        Home(north).line(NAME).membership().current.charter,
        read_proposal((tmp_path / "next").read_bytes()).charter,
    )
    for name in ("purpose", "languages", "acknowledge_within", "retention_days", "two_officers", "signed"):
        assert getattr(new, name) == getattr(old, name), name
    assert new.retention_days == 30
    assert [m.telephone for m in new.members] == [m.telephone for m in old.members] == [("+1 555 0100",), ()]
    other_rules = ("--deadline", "flash=20", "--retention-days", 31, "--signed", "flash", "-o", tmp_path / "other")
    parley("line", "successor", NAME, "next", tmp_path / "next.intro", *other_rules, "--home", north)
    other = read_proposal((tmp_path / "other").read_bytes()).charter
    assert other.acknowledge_within == {**old.acknowledge_within, "flash": 20}
    assert (other.retention_days, other.two_officers, other.signed) == (31, ("M2",), ("flash",))
    parley("line", "leave", "the agreement ended", "-o", tmp_path / "leave", "--line", NAME, "--home", south)
    parley("line", "add", tmp_path / "leave", "--line", NAME, "--home", north)
    assert parley("line", "show", "--line", NAME, "--home", north)["members"][1]["left"] is True
    refused = parley("send", "x", "--line", NAME, "--home", south, status=2)
    assert refused["error"]["code"] == "line-left"


def configure(north: Path, south: Path) -> tuple[NodeProcess, NodeProcess]:
    lines = Home(north).line(NAME), Home(south).line(NAME)
    port = free_port()
    common = '[settings]\npq_interval_s = 1\n[[bearer]]\nkind = "tls"\nname = "t"\n'
    lines[1].config.write_text(f'{common}listen = "127.0.0.1:{port}"\n')
    lines[0].config.write_text(f'{common}[bearer.dial]\nsouth = "127.0.0.1:{port}"\n')
    return NodeProcess(north, lines[0]), NodeProcess(south, lines[1])


def run_parley(home: Path, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parley", *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, input=text, check=False, timeout=60)


async def until(check: Any, seconds: float = 15.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_two_served_nodes_through_real_processes(tmp_path: Path) -> None:
    # DOC-7, DOC-3, EXP-1
    north, south = found(tmp_path)
    asyncio.run(_two_served_nodes(tmp_path, north, south))
    record = tmp_path / "record.parley"
    assert "Verified" in parley("verify", record, json_out=False)
    assert parley("verify", record)["good"] is True
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 1
    record.write_bytes(data)
    assert parley("verify", record, status=1)["good"] is False
    assert "TAMPERED" in parley("verify", record, status=1, json_out=False)
    assert parley("verify", tmp_path / "none", status=2)["error"]["code"] == "file-unreadable"


async def _two_served_nodes(folder: Path, north: Path, south: Path) -> None:
    a, b = configure(north, south)
    await asyncio.gather(a.start(), b.start())
    try:
        sent = await asyncio.to_thread(run_parley, north, "send", "--json", text="by standard input\n")
        assert sent.returncode == 0, sent.stderr
        ident = json.loads(sent.stdout)["id"]

        async def delivered() -> bool:
            status = await a.call("status")
            return bool(status["peers"][0]["delivered"])

        await until(delivered)
        locked = await asyncio.to_thread(run_parley, south, "serve")
        assert (locked.returncode, "store-locked" in locked.stderr) == (3, True)
        for words in (("read", ident), ("ack", ident), ("reply", ident, "understood")):
            done = await asyncio.to_thread(run_parley, south, *words)
            assert done.returncode == 0, done.stderr
        twice = await asyncio.to_thread(run_parley, south, "ack", ident, "--json")
        assert json.loads(twice.stdout)["error"]["code"] == "already-marked"

        async def answered() -> bool:
            messages = await a.call("inbox", all=True)
            return any(m["recipients"][0]["state"] == "answered" for m in messages)

        await until(answered)
        proof = folder / "first.tlog-proof"
        written = await asyncio.to_thread(run_parley, north, "proof", ident, str(proof), "--json")
        assert json.loads(written.stdout)["received"] == ["south"], written.stderr
        by_others(proof, b"by standard input")
        more = json.loads((await asyncio.to_thread(run_parley, north, "send", "--json", "second")).stdout)
        await until(lambda: _waiting(b, 1))
        await asyncio.to_thread(run_parley, south, "decline", more["id"], "not ours")
        await asyncio.to_thread(run_parley, south, "ack", more["id"])

        async def both() -> bool:
            found = (await a.call("inbox", all=True))[-1]["recipients"][0]
            return bool(found["declined"] and found["acknowledged"])

        await until(both)
        shown = await asyncio.to_thread(run_parley, north, "status")
        assert "t up" in shown.stdout
        # Acknowledged and declined: it stands in one of the two columns.
        assert "acknowledged 1, declined 1" in shown.stdout
        await asyncio.sleep(1.5)
        record = folder / "record.parley"
        exported = await asyncio.to_thread(run_parley, north, "export", str(record))
        assert exported.returncode == 0, exported.stderr
        # Documents reach the other side over the line itself.
        done = await asyncio.to_thread(run_parley, south, "line", "rotate", "-o", str(folder / "certificate"))
        assert done.returncode == 0, done.stderr
        documents = Home(north).line(NAME)

        async def learnt() -> bool:
            return len(documents.membership().members[MemberNumber(1)].certificates) == 2

        await until(learnt)
        await b.stop()
        await b.start()
        await b.call("send", text="under the new keys")
        await until(lambda: _waiting(a, 2))
    finally:
        await a.stop()
        await b.stop()


def by_others(proof: Path, text: bytes) -> None:
    """A tlog-proof checked as its specification says, with the keys of the policy beside it; no code of Parley's."""
    keys = {}
    for line in proof.with_suffix(".policy").read_text().splitlines():
        words = line.split()
        if words[:1] in (["log"], ["witness"]):
            name, ident, encoded = words[-1].split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            assert hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() == ident
            keys[name, ident] = raw
    top, _, note = proof.read_text().partition("\n\n")
    version, extra, place, *path = top.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    opened = base64.b64decode(extra.removeprefix("extra "), validate=True)
    assert text in opened
    body, _, lines = note.rpartition("\n\n")
    origin, size, root = body.split("\n")
    leaf = hashlib.sha256(b"parley/leaf/v1\x00" + opened).digest()
    found = hashlib.sha256(b"\x00" + leaf).digest()
    # RFC 9162, 2.1.3.2.
    fn, sn = int(place.removeprefix("index ")), int(size) - 1
    for element in (base64.b64decode(x, validate=True) for x in path):
        assert sn
        left = fn & 1 or fn == sn
        found = hashlib.sha256(b"\x01" + (element + found if left else found + element)).digest()
        while left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    assert found == base64.b64decode(root, validate=True)
    checked = set()
    for line in lines.splitlines():
        _, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        key = keys[name, raw[:4].hex()]
        signature, said = raw[4:], f"{body}\n"
        if key[0] == 4:
            said, signature = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n{said}", signature[8:]
        if key[0] != 6:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, said.encode())
            checked.add(name)
    assert origin in checked
    assert any(name.endswith("/south/receipt") for name in checked)


async def _waiting(node: NodeProcess, count: int) -> bool:
    return len(await node.call("inbox")) >= count


def test_the_demonstration_ends_as_documented(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "parley", "demo", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = "demo: 11 messages delivered, 10 acknowledged, 1 declined, 2 answered; record verified"
    assert done.stdout.splitlines()[-1] == line
    assert "their officers' links sign in" in done.stdout
    page = (tmp_path / "out" / "transcript.html").read_text()
    assert "HYDROARC" in page
    assert "<script" not in page


def test_a_folder_that_is_no_demos_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    done = RUNNER.invoke(app, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert (tmp_path / "precious").exists()


def test_the_version_and_help() -> None:
    assert RUNNER.invoke(app, ["--version"]).output.startswith("parley ")
    assert "Exit status" in RUNNER.invoke(app, ["--help"]).output


def test_the_table_of_commands_is_what_their_modules_say() -> None:
    shelf = Shelf()
    told = {name: shelf[name].get_short_help_str(1000) for name in shelf}
    assert told == {name: words for name, (_, words) in COMMANDS.items()}
    modules = [m.name for m in pkgutil.iter_modules(cli.__path__)]
    loaded = {name: import_module(f"parley.cli.{name}") for name in modules}
    assert {name for name, module in loaded.items() if hasattr(module, "register")} == {m for m, _ in COMMANDS.values()}


def test_neither_a_command_nor_a_node_without_a_console_loads_what_it_does_not_use() -> None:
    late = {"jinja2", "numpy", "segno", "starlette", "typst", "uvicorn", "webauthn"}
    node: set[str] = {"apsw", "parley.node.loop", "parley.app.service"}
    for module, more in (("messages", node), ("serve", set())):
        code = f"import sys, parley.cli.{module}; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert (late | more) & set(loaded) == set()


@pytest.mark.no_cover
def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    north, _ = found(tmp_path)
    config = north / "lines" / NAME / "config.toml"
    for text in (
        "not toml at all [",
        "[settings]\nunknown = 1\n",
        '[[bearer]]\nkind = "pigeon"\nname = "p"\n',
        '[[bearer]]\nkind = "tls"\nname = "t"\nlisten = "nowhere"\n',
        '[[bearer]]\nkind = "tls"\nname = "t"\n[[bearer]]\nkind = "tls"\nname = "t"\n',
    ):
        config.write_text(text)
        done = run_parley(north, "serve", "--json")
        assert done.returncode == 2, done.stderr
        assert json.loads(done.stdout)["error"]["code"] == "config"
    config.write_text('[[bearer]]\nkind = "tls"\nname = "t"\n[bearer.dial]\nnobody = "127.0.0.1:1"\n')
    assert json.loads(run_parley(north, "serve", "--json").stdout)["error"]["code"] == "member-unknown"


@pytest.mark.parametrize("group", [["movements", "import"], ["watch", "log"]])
@pytest.mark.parametrize("option", [["--line", "trial"], ["--home", "elsewhere"], ["--json"]])
def test_an_option_before_a_command_of_a_group_is_refused(group: list[str], option: list[str]) -> None:
    """It was lost, and the command ran for another home or line."""
    done = RUNNER.invoke(app, [group[0], *option, group[1], "--help"])
    assert done.exit_code == 2
    assert "option-misplaced" in done.output
