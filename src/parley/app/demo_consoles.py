"""The demonstration's consoles: two officers a side, links that sign in, and a look that they do."""

from __future__ import annotations

import asyncio
import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from parley.app.demo_officers import DemoOfficers
from parley.app.home import Home
from parley.app.process import free_port
from parley.errors import VerificationError
from parley.keys.file import write_private

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class DemoConsole:
    """One side's console. ``second``: the link of the officer who releases what takes two."""

    party: str
    link: str
    second: str


def prepare(home: Home, party: str, language: str) -> DemoConsole:
    """Officers and settings of a console on loopback, before the node starts."""
    port = free_port()
    origin = f"http://localhost:{port}"
    write_private(
        home.path / "config.toml", f'[console]\nlisten = "127.0.0.1:{port}"\nlanguage = "{language}"\n'.encode()
    )
    officers = DemoOfficers(home)
    links = [origin + officers.enrol(origin, f"{party} {role}", (role,)) for role in ("watch", "watch-commander")]
    return DemoConsole(party, *links)


async def check(console: DemoConsole) -> None:
    """The link signs in, and what comes is the console with the mark of a demonstration. Raises VerificationError."""
    status, text = await asyncio.to_thread(_patiently, console.link)
    if status != http.HTTPStatus.OK or 'class="demo"' not in text:
        raise VerificationError(f"{console.party}'s console does not sign in by its link: {status}.", code="demo-link")


def _patiently(link: str) -> tuple[int, str]:
    """Follow the link; the node answers its operators a moment before it serves its console."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _follow(link)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _follow(link: str) -> tuple[int, str]:
    parts = urlsplit(link)
    client = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=_PATIENCE_S)
    try:
        client.request("GET", parts.path, headers={"Host": parts.netloc})
        answer = client.getresponse()
        answer.read()
        cookie = (answer.headers.get("Set-Cookie") or "").partition(";")[0]
        target = answer.headers.get("Location")
        if answer.status != http.HTTPStatus.SEE_OTHER or not target:
            return answer.status, ""
        client.request("GET", target, headers={"Host": parts.netloc, "Cookie": cookie})
        page = client.getresponse()
        return page.status, page.read().decode()
    finally:
        client.close()
