"""Attacks on the running console over real sockets: forged, planted, replayed, oversized, slow. R4, D9."""

from __future__ import annotations

import asyncio
import contextlib
import html
import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import uvicorn
from uvicorn.server import ServerState

from parley.app.officers import Officers
from parley.app.passkeys import SoftwarePasskey
from parley.console.connections import Admission, Bounds, bounded
from parley.errors import StoreError
from parley_testkit.slips import SLIPS, site


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k.lower() == name), "")


class Browser:
    """Keeps its cookie, and sends what a page of the console would."""

    def __init__(self, served: Any, cookie: str = "") -> None:
        self.served, self.cookie, self.csrf = served, cookie, ""

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=60)
        given = {"Host": f"localhost:{self.served.port}", "Cookie": self.cookie}
        if method == "POST":
            given |= {"Origin": self.served.origin, "X-Parley-CSRF": self.csrf, "Accept": "application/json"}
        given |= {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body.encode(), {k: v for k, v in given.items() if v})
        response = connection.getresponse()
        found = Answer(response.status, response.getheaders(), response.read().decode(errors="replace"))
        connection.close()
        for name, value in found.headers:
            if name.lower() == "set-cookie" and value.startswith(f"parley-{self.served.port}="):
                self.cookie = value.partition(";")[0]
        token = re.search(r'name="csrf" content="([^"]*)"', found.text)
        self.csrf = token.group(1) if token else self.csrf
        return found

    def post(self, path: str, body: object, **headers: str) -> Answer:
        return self.ask("POST", path, json.dumps(body), Content_Type="application/json", **headers)

    def form(self, path: str, **fields: str) -> Answer:
        return self.ask("POST", path, urlencode(fields), Content_Type="application/x-www-form-urlencoded")

    def enrol(self, name: str) -> SoftwarePasskey:
        key = SoftwarePasskey(self.served.origin)
        code = Officers(self.served.home).invite(name, ("watch",), self.served.console.now())
        self.ask("GET", "/sign-in")
        begun = json.loads(self.post("/enrol/begin", {"code": code}).text)
        done = self.post("/enrol/finish", {"ceremony": begun["ceremony"], "response": key.create(begun["options"])})
        assert done.status == 200, done.text
        return key

    def sign_in(self, key: SoftwarePasskey) -> tuple[Answer, dict[str, Any]]:
        self.ask("GET", "/sign-in")
        begun = json.loads(self.post("/sign-in/begin", {}).text)
        body = {"ceremony": begun["ceremony"], "response": key.get(begun["options"])}
        return self.post("/sign-in/finish", body), body

    @property
    def inside(self) -> bool:
        return self.ask("GET", "/officers").status == 200


@pytest.fixture(scope="module")
def keys(served: Any) -> dict[str, SoftwarePasskey]:
    return {name: Browser(served).enrol(name) for name in ("N1 Secretname", "N2 Othername")}


def signed_in(served: Any, keys: dict[str, SoftwarePasskey], name: str = "N1 Secretname") -> Browser:
    browser = Browser(served)
    assert browser.sign_in(keys[name])[0].status == 200
    browser.ask("GET", "/officers")
    assert browser.inside
    return browser


def test_a_request_that_another_page_forged_changes_nothing(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    victim, other = signed_in(served, keys), signed_in(served, keys, "N2 Othername")
    note = {"text": "forged"}
    for forged in (
        {"X_Parley_CSRF": ""},
        {"X_Parley_CSRF": other.csrf},
        {"X_Parley_CSRF": victim.csrf[:-1]},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        found = victim.ask(
            "POST", "/lines/trial/log", urlencode(note), Content_Type="application/x-www-form-urlencoded", **forged
        )
        assert found.status in (403, 421), forged
    assert victim.form("/lines/trial/log", text="real").status == 303
    texts = [f.get("text") for f in served.operation("watch-log")]
    assert "real" in texts
    assert "forged" not in texts


def test_a_planted_session_is_never_the_officers(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    attacker = Browser(served)
    attacker.ask("GET", "/sign-in")
    planted = attacker.cookie
    victim = Browser(served, planted)
    assert victim.sign_in(keys["N1 Secretname"])[0].status == 200
    assert victim.cookie != planted
    assert victim.inside
    assert not Browser(served, planted).inside
    made_up = Browser(served, f"parley-{served.port}=chosen-by-somebody")
    assert made_up.sign_in(keys["N1 Secretname"])[0].status == 200
    assert "chosen-by-somebody" not in made_up.cookie
    cookie = next(v for k, v in Browser(served).ask("GET", "/sign-in").headers if k.lower() == "set-cookie")
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()


def test_an_answer_of_a_passkey_is_not_taken_twice(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    browser = Browser(served)
    first, body = browser.sign_in(keys["N1 Secretname"])
    assert first.status == 200
    thief = Browser(served)
    thief.ask("GET", "/sign-in")
    assert "ceremony-unknown" in thief.post("/sign-in/finish", body).text
    begun = json.loads(thief.post("/sign-in/begin", {}).text)
    assert "sign-in-refused" in thief.post("/sign-in/finish", {**body, "ceremony": begun["ceremony"]}).text
    assert not thief.inside


def test_who_is_outside_learns_of_no_officer(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    browser = Browser(served)
    pages = [browser.ask("GET", path) for path in ("/", "/sign-in", "/officers", "/lines/trial/watch", "/api/lines")]
    begun = json.loads(browser.post("/sign-in/begin", {}).text)
    assert not begun["options"].get("allowCredentials")
    for page in pages:
        assert "Secretname" not in page.text
    for code in ("", "AAAA", "N1 Secretname"):
        assert "invitation-invalid" in browser.post("/enrol/begin", {"code": code}).text
    # The officer's own key has been used since it was copied.
    signed_in(served, keys)
    stranger = SoftwarePasskey(served.origin)
    stranger.create({"rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA"})
    unknown = browser.sign_in(stranger)[0]
    copied = SoftwarePasskey(served.origin, keys["N1 Secretname"].keys, 0)
    known = browser.sign_in(copied)[0]
    assert (unknown.status, unknown.text) == (known.status, known.text), "an unknown passkey and a refused one"
    page = browser.ask("GET", "/officers")
    assert (page.status, page.header("location")) == (303, "/sign-in")


def test_nobody_releases_a_draft_of_their_own(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    browser = signed_in(served, keys)
    by = next(o.by for o in Officers(served.home).active() if o.name == "N1 Secretname")
    draft = served.operation("watch-draft", officer=by, text="Open fire.", precedence="flash")
    act = f"/lines/trial/drafts/{draft['number']}/act"
    for fields in (
        {"how": "approve", "statement": draft["statement"]},
        {"how": "release"},
        {"how": "approve", "statement": draft["statement"], "officer": "N2 Othername"},
    ):
        browser.form(act, **fields)
        (kept,) = [d for d in served.operation("watch")["drafts"] if d["number"] == draft["number"]]
        assert kept["approved_by"] == [], fields
    other = signed_in(served, keys, "N2 Othername")
    other.form(act, how="approve", statement=draft["statement"])
    other.form(act, how="release")
    browser.form(act, how="release")
    assert not [m for m in served.operation("inbox", all=True) if m["text"] == "Open fire."]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../pyproject.toml",
        "/static/%2e%2e/%2e%2e/web.py",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/static//etc/passwd",
        "/lines/..%2f..%2fofficers.json/watch",
        "/lines/trial/messages/..%2f..%2fofficers.json",
        "/%0d%0aSet-Cookie:%20planted=1",
        "/lines/x%0d%0aSet-Cookie:%20planted=1/watch",
        "/static/%00",
    ],
)
def test_a_path_leads_nowhere_and_into_no_header(served: Any, keys: dict[str, SoftwarePasskey], path: str) -> None:
    found = signed_in(served, keys).ask("GET", path)
    assert 400 <= found.status < 500
    assert "planted=1" not in "".join(v for k, v in found.headers if k.lower() == "set-cookie")
    assert "root:" not in found.text
    assert "build-system" not in found.text


def test_what_an_officer_writes_is_one_line_of_the_log(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    browser = signed_in(served, keys)
    before = len(served.operation("watch-log", limit=10_000))
    text = "note\r\n2026-01-01 00:00:00Z  noted: officer N2, text forged\x1b[2J<script>alert(1)</script>"
    browser.form("/lines/trial/log", text=text)
    entries = served.operation("watch-log", limit=10_000)
    assert len(entries) == before + 1
    assert entries[-1]["officer"].startswith("N1 Secretname #")
    page = browser.ask("GET", "/lines/trial/log").text
    assert "<script>alert" not in page
    assert "\x1b" not in page


def test_what_follows_a_statement_is_filled_in_and_its_words_run_nothing(
    served: Any, keys: dict[str, SoftwarePasskey]
) -> None:
    browser, words = signed_in(served, keys), "Close <script>alert(1)</script> the 'strait' \"now\""
    said = {"original-language": "en", "quotations": [{"words": "No."}, {"words": words, "speaker": "A minister"}]}
    sent = served.operation("send", form="public-statement/statement", values=said)
    page = browser.ask("GET", f"/lines/trial/messages/{sent['id']}").text
    links = [html.unescape(x) for x in re.findall(r'href="([^"]*/compose[?]form=[^"]*)"', page)]
    assert [link.rpartition("=")[2] for link in links] == ["1", "2"]
    written = browser.ask("GET", links[1])
    assert written.status == 200
    found = re.search(r'data-values="([^"]*)"', written.text)
    assert found is not None
    assert json.loads(html.unescape(found[1])) == {"words": words, "speaker": "A minister"}
    assert "<script>alert" not in page + written.text
    assert browser.ask("GET", links[1] + "7").status == 400


def test_a_plan_that_is_probably_misplaced_is_kept_and_asked_about(
    served: Any, keys: dict[str, SoftwarePasskey]
) -> None:
    """R67: a protected place in the middle of the sea."""
    fields = {"how": "add", "name": "Wet clinic", "shape": "point", "places": "30-00N 030-00W", "protected": "yes"}
    answer = signed_in(served, keys).form("/lines/trial/plans", **fields)
    assert answer.status == 200
    assert "Is this right?" in answer.text
    assert "lies at sea" in answer.text
    assert "wet-clinic" in [p["id"] for p in served.operation("plans")]


def test_the_api_and_the_console_ask_about_each_slip(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    bearer = served.token("plans", "draft", "send", name="questions")
    base = {"type": "Feature", "properties": {"name": "Base"}, "geometry": {"type": "Point"}}
    plans: dict[str, Any] = {"type": "FeatureCollection", "features": [base]}
    base["geometry"] = {"type": "Point", "coordinates": [68.862211, 36.718031]}
    served.ask("POST", "/api/lines/trial/plans", bearer, plans)
    assert served.ask("POST", "/api/lines/trial/plans", bearer, plans).json["warnings"] == []
    browser = signed_in(served, keys)
    for wrong, code, says in (({}, "", ""), *SLIPS):
        body = {"form": "site", "values": site(**wrong)}
        asked = served.ask("POST", "/api/lines/trial/questions", bearer, body).json["questions"]
        told = json.loads(browser.post("/lines/trial/compose/check", body).text)["doubts"]
        if wrong:
            assert any(says in question for question in asked), (wrong, asked)
            assert code in [d["code"] for d in told], (wrong, told)
        else:
            assert (asked, told) == ([], [])
    base["properties"] = {"name": "Other"}
    base["geometry"] = {"type": "Point", "coordinates": [36.718031, 68.862211]}
    (warning,) = served.ask("POST", "/api/lines/trial/plans", bearer, plans).json["warnings"]
    assert SLIPS[0][2] in warning
    served.ask("DELETE", "/api/lines/trial/plans/other", bearer)
    sent = served.ask("POST", "/api/lines/trial/messages", bearer, {"form": "site", "values": site(**SLIPS[0][0])})
    assert any(SLIPS[0][2] in question for question in sent.json["questions"])


def raw(served: Any, head: str = "", room: int = 0) -> socket.socket:
    made = socket.socket()
    made.settimeout(60)
    if room:
        # Else the kernel may grow it until it holds all that is ever said.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    made.connect(("127.0.0.1", served.port))
    made.sendall(head.encode())
    return made


def rest(given: socket.socket) -> bytes:
    """All that comes until the other side closes: a test's own limit ends what never ends."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while more := given.recv(65536):
            said += more
    return said


def head_of(served: Any, method: str = "POST", path: str = "/sign-in/begin", *more: str) -> str:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: localhost:{served.port}", *more)) + "\r\n"


def form(served: Any) -> tuple[str, str]:
    """Headers of a form that a page of the console sends: its body is read."""
    return f"Origin: {served.origin}", "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize("length", [str(1 << 40), "-1", "x"])
def test_what_is_too_large_is_refused_before_it_is_sent(served: Any, length: str) -> None:
    with raw(served, head_of(served, "POST", "/sign-in/begin", f"Content-Length: {length}") + "\r\n") as one:
        assert one.recv(64).split()[1] in (b"413", b"400")


@pytest.mark.parametrize("taken", [True, False])
def test_a_body_or_a_head_without_end_is_cut(strict: Any, *, taken: bool) -> None:
    served, chunked = strict, ("Transfer-Encoding: chunked", *(form(strict) if taken else []))
    with raw(served, head_of(served, "POST", "/sign-in/begin", *chunked) + "\r\n") as one:
        with contextlib.suppress(ConnectionError):
            for _ in range(3 << 4):
                one.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        assert b" 200 " not in rest(one)
    with raw(served, head_of(served, "GET", "/") + "X: ") as one:
        with contextlib.suppress(ConnectionError):
            one.sendall(b"a" * 200_000)
        said = rest(one)
        assert not said or said.split()[1] in (b"400", b"431")
    assert Browser(served).ask("GET", "/sign-in").status == 200


@pytest.mark.parametrize(
    ("begun", "path"),
    [
        ("", "nothing at all"),
        ("POST /sign-in/begin HTTP/1.1\r\nX-Slow: ", "a head"),
        ("body", "a body"),
        ("again", "a second head on one connection"),
    ],
)
def test_who_asks_slowly_is_cut_off(strict: Any, begun: str, path: str) -> None:
    if begun == "body":
        begun = head_of(strict, "POST", "/sign-in/begin", *form(strict), "Content-Length: 99") + "\r\n{"
    with raw(strict, head_of(strict, "GET", "/static/icon.svg") + "\r\n" if begun == "again" else begun) as one:
        if begun == "again":
            seen = b""
            while b"</svg>" not in seen:
                seen += one.recv(4096)
            one.sendall(b"GET /sign-in HTT")
        said = rest(one)
    assert b"408 Request Timeout" in said, path


def test_who_never_takes_an_answer_is_cut_off(strict: Any) -> None:
    with raw(strict, (head_of(strict, "GET", "/static/land-50m.json") + "\r\n") * 40, 65_536) as one:
        # Reading nothing: what lies between fills up, and then the connection ends.
        limit = time.monotonic() + 60
        while not strict.server.connections and time.monotonic() < limit:
            time.sleep(0.01)
        while strict.server.connections and time.monotonic() < limit:
            time.sleep(0.05)
        assert not strict.server.connections
        said = rest(one)
    assert said.count(b"HTTP/1.1 200") < 40


def test_what_fails_at_the_node_is_told_to_its_officers_alone(served: Any, keys: dict[str, SoftwarePasskey]) -> None:
    node = served.console.lines["trial"].node
    node.trouble = StoreError("secret/folder cannot be written.", code="store-io")
    try:
        assert "secret/folder" in signed_in(served, keys).ask("GET", "/settings").text
        seen = Browser(served).ask("GET", "/sign-in").text
    finally:
        node.trouble = None
    assert "ALARM" in seen
    assert "secret/folder" not in seen
    assert "~" not in seen, "the key of a condition says what it is about"


class Asker:
    """A connection as its admission sees it."""

    def __init__(self, address: str, *, waits: bool = False, yields: bool = False) -> None:
        self.address, self.waits, self.yields, self.gone = address, waits, yields, False

    def cut(self) -> None:
        self.gone = True


def test_other_machines_take_no_place_of_this_one() -> None:
    there = Admission(Bounds(here=3, elsewhere=4, address=2))

    def let_in(address: str, *, waits: bool = False) -> tuple[Any, bool]:
        asker: Any = Asker(address, waits=waits)
        return asker, there.let_in(asker)

    first, good = let_in("192.0.2.1", waits=True)
    assert good
    assert let_in("192.0.2.1")[1]
    assert let_in("192.0.2.1")[1], "what only waits gives way to another of the same address"
    assert first.gone
    assert not let_in("192.0.2.1")[1], "one address has its share"
    asked = [let_in(f"2001:db8:{n}::1") for n in range(9)]
    assert [good for _, good in asked] == [True, True, *[False] * 7]
    here = [let_in(address) for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1")]
    assert all(good for _, good in here), "an officer at the node's machine"
    assert not let_in("127.0.0.2")[1]
    there.leave(here[0][0])
    there.leave(here[0][0])
    assert let_in("127.0.0.1")[1]
    there.leave(asked[0][0])
    assert let_in("192.0.2.9")[1]


def test_who_gives_way_and_in_which_order() -> None:
    there = Admission(Bounds(here=3, elsewhere=9, address=2))
    machine: list[Any] = [Asker(f"2001:db8::{n}") for n in range(3)]
    assert [there.let_in(one) for one in machine] == [True, True, False], "its network is one machine's"
    here: list[Any] = [Asker("::1", yields=True), Asker("::1", waits=True), Asker("::1", waits=True)]
    assert all(there.let_in(one) for one in here)
    there.answered(here[1])
    gone = []
    for _ in range(4):
        there.let_in(Asker("127.0.0.1"))  # type: ignore[arg-type]
        gone.append([one.gone for one in here])
    assert gone[0] == [False, False, True], "who waits longest"
    assert gone[1] == [False, True, True]
    assert gone[2] == gone[3] == [True, True, True], "what goes on for nobody, when nobody waits"


def test_streams_of_nobody_lock_nobody_out(strict: Any) -> None:
    streams = [raw(strict, head_of(strict, "GET", "/events") + "\r\n") for _ in range(12)]
    try:
        for stream in streams:
            assert b" 200 " in stream.recv(64)
        assert Browser(strict).ask("GET", "/sign-in").status == 200
    finally:
        for stream in streams:
            stream.close()


@contextlib.asynccontextmanager
async def taken_by(app: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Any, socket.socket]]:
    """A connection that is answered by ``app``, and the other end of it: little is on the way between them."""
    loop = asyncio.get_running_loop()
    kind, config = bounded(Bounds(take_s=3600), tls), uvicorn.Config(app, timeout_keep_alive=3600, log_config=None)
    served, asks = socket.socketpair()
    asks.setblocking(False)
    served.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    _, one = await loop.connect_accepted_socket(lambda: kind(config, ServerState(), {}, loop), served)
    try:
        yield one, asks
    finally:
        one.cut()
        asks.close()
        await asyncio.sleep(0)


def test_who_takes_less_than_is_answered_meanwhile_is_not_cut_off() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with taken_by(answers_some) as (one, asks):
            before = 0
            for _ in range(2):
                await loop.sock_sendall(asks, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                while one.transport.get_write_buffer_size() <= before:
                    await asyncio.sleep(0)
                before = one.transport.get_write_buffer_size()
                while one.transport.get_write_buffer_size() == before:
                    await loop.sock_recv(asks, 1024)
            one.look_taking()
            assert not one.transport.is_closing(), "it took some, and was answered more"
            one.look_taking()
            assert one.transport.is_closing(), "nothing was taken since"

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_who_takes_the_last_of_an_answer_slowly_over_tls_has_all_of_it(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncio.constants.SSL_SHUTDOWN_TIMEOUT", 0.01)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=certificate)
    server.load_cert_chain(certificate)

    async def scene() -> None:
        async with taken_by(answers_much, server) as (one, asks):
            reader, writer = await asyncio.open_connection(
                sock=asks, ssl=client, server_hostname="localhost", ssl_shutdown_timeout=60, limit=4096
            )
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while not one.transport.is_closing():
                    await asyncio.sleep(0.01)
                # Longer than the library would have waited.
                await asyncio.sleep(0.1)
                said = b""
                with contextlib.suppress(ConnectionError):
                    while more := await reader.read(65536):
                        said += more
                assert len(said.partition(b"\r\n\r\n")[2]) >= 1_000_000
            finally:
                writer.transport.abort()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_who_takes_steadily_is_not_cut_off() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with taken_by(answers_much) as (one, asks):
            await loop.sock_sendall(asks, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while not one.transport.get_write_buffer_size():
                await asyncio.sleep(0)
            for _ in range(5):
                before = one.transport.get_write_buffer_size()
                while one.transport.get_write_buffer_size() == before:
                    await loop.sock_recv(asks, 1024)
                one.look_taking()
                assert not one.transport.is_closing()
            assert not one.waits, "an answer is on its way"
            one.look_taking()
            assert one.transport.is_closing(), "nothing was taken since"

    asyncio.run(asyncio.wait_for(scene(), 60))


async def answers_much(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a" * 1_000_000})


async def answers_some(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000")]})
    await send({"type": "http.response.body", "body": b"a" * 20_000})


def test_many_slow_ones_lock_nobody_out(strict: Any) -> None:
    slow = [raw(strict, "POST /sign-in/begin HTTP/1.1\r\nX-Slow: ") for _ in range(40)]
    try:
        assert Browser(strict).ask("GET", "/sign-in").status == 200, "those that only wait give way"
    finally:
        for one in slow:
            one.close()


def test_before_the_handshake_of_tls_connections_are_bounded_as_well(secure: tuple[Any, Any]) -> None:
    served, pem = secure
    silent = [socket.create_connection(("127.0.0.1", served.port), timeout=60) for _ in range(9)]
    try:
        context = ssl.create_default_context(cafile=pem)
        plain = socket.create_connection(("127.0.0.1", served.port), timeout=60)
        with context.wrap_socket(plain, server_hostname="localhost") as one:
            one.sendall((head_of(served, "GET", "/static/land-50m.json", "Connection: close") + "\r\n").encode())
            said = rest(one)
        head, _, body = said.partition(b"\r\n\r\n")
        assert b" 200 " in head
        assert f"content-length: {len(body)}".encode() in head
        for other in silent:
            with contextlib.suppress(ConnectionError):
                assert other.recv(1) == b"", "cut off: for want of room, or after the time for a head"
    finally:
        for other in silent:
            other.close()
