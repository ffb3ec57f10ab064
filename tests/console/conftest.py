"""A console with one node behind it, which runs on a thread of its own and is asked over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from parley.app import meeting
from parley.app.home import Home
from parley.app.passkeys import Registered
from parley.app.process import free_port
from parley.app.runtime import running
from parley.app.service import OPERATIONS
from parley.app.tokens import SCOPES, Tokens
from parley.console.connections import Bounds
from parley.console.server import ConsoleServer
from parley.console.sessions import Session
from parley.console.settings import ConsoleSettings
from parley.console.web import Console


class Answer(NamedTuple):
    status: int
    headers: Any
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Served(NamedTuple):
    """A console that runs on a thread of its own."""

    home: Home
    port: int
    loop: asyncio.AbstractEventLoop
    console: Console
    server: ConsoleServer

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def operation(self, asks: str, /, **params: Any) -> Any:
        asked = OPERATIONS[asks](self.console.lines["trial"], params)
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(60)  # type: ignore[arg-type]

    def token(self, *scopes: str, name: str, lines: tuple[str, ...] = ()) -> str:
        return Tokens(self.home).new(name, scopes or tuple(SCOPES), lines, 1)

    def session(self, name: str) -> Session:
        """An officer's, who is signed in without a passkey."""
        officers = self.console.sign_in.officers
        code = officers.invite(name, ("watch",), self.console.now())
        made = Registered(name.encode(), b"no passkey " + name.encode(), 0, software=False)
        officer = officers.enrol(code, made, "localhost", self.console.now())
        return self.console.sessions.begin(self.console.now(), officer.by)

    def cookie(self, session: Session, language: str = "en") -> str:
        return f"{self.console.cookie}={session.token}; parley-language={language}"

    def form(self, path: str, session: Session, language: str = "en", **fields: str) -> Answer:
        """What a page of the officer's sends."""
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": self.origin}
        body = urlencode({"csrf": session.csrf, **fields}).encode()
        return self.ask("POST", path, body=body, cookie=self.cookie(session, language), **headers)

    def ask(self, method: str, path: str, bearer: str = "", body: object = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"} if body is not None else {}
        given |= {"authorization": f"Bearer {bearer}"} if bearer else {}
        request = urllib.request.Request(f"{self.origin}{path}", data, {**given, **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@contextmanager
def serving(homes: tuple[Home, Home], bounds: Bounds | None = None, pem: Path | None = None) -> Iterator[Served]:
    """The console of the first of two parties; FLASH takes two officers. ``pem``: a key with its certificate (TLS)."""
    ready, ended, port = threading.Event(), asyncio.Event(), free_port()
    made: list[Served] = []

    async def run() -> None:
        async with running(homes[0].line("trial"), with_bearers=False) as runtime:
            origin = f"{'https' if pem else 'http'}://localhost:{port}"
            settings = ConsoleSettings(port=port, origin=origin, certificate=pem, key=pem)
            console = Console(homes[0], {"trial": runtime}, settings, "run")
            server = ConsoleServer(console, lambda _line, _event: None, bounds=bounds)
            await server.start()
            made.append(Served(homes[0], port, asyncio.get_running_loop(), console, server))
            ready.set()
            await ended.wait()
            await server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(60)
    try:
        yield made[0]
    finally:
        made[0].loop.call_soon_threadsafe(ended.set)
        thread.join(60)
    assert not thread.is_alive()


def found(folder: Path) -> tuple[Home, Home]:
    """Two parties with a line between them."""
    both = Home(folder / "north"), Home(folder / "south")
    for home in both:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(both[0], "trial", [meeting.introduce(both[1], "trial")])
    meeting.install(both[0], meeting.merge([meeting.accept(both[1], proposal)]))
    both[0].line("trial").config.write_text('[watch]\ntests_at = []\ntwo_officers = ["flash"]\n')
    return both


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(found(tmp_path_factory.mktemp("served"))) as console:
        yield console


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Served]:
    """One that waits for nobody, and lets few in."""
    bounds = Bounds(head_s=0.5, body_s=0.5, take_s=0.5, here=12, elsewhere=4, address=2)
    with serving(found(tmp_path), bounds) as console:
        yield console


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key of localhost with its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "console")]), datetime.now(UTC)
    lasts = now - timedelta(days=1), now + timedelta(days=1)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), *lasts)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = tmp_path / "console.pem"
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed)
    return pem


@pytest.fixture
def secure(tmp_path: Path, certificate: Path) -> Iterator[tuple[Served, Path]]:
    """One with TLS, and its certificate."""
    with serving(found(tmp_path), Bounds(head_s=4, here=4), certificate) as console:
        yield console, certificate
