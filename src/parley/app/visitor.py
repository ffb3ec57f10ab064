"""An officer at the console without a browser: enrols, signs in and asks as the pages do (bench and soak)."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any, NamedTuple

from parley.app.home import Home
from parley.app.officers import Officers
from parley.app.passkeys import SoftwarePasskey
from parley.errors import StoreError
from parley.node.clock import SystemClock


class Answer(NamedTuple):
    """What the console answered."""

    status: int
    headers: dict[str, str]
    text: str


class Visitor:
    """One session. ``cookie`` is what a browser would send."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://localhost:{port}"
        self.cookie = ""
        self.csrf = ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request. Raises OSError."""
        given = {"Host": f"localhost:{self.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.cookie:
            given["Cookie"] = self.cookie
        if method == "POST":
            given |= {"Origin": self.origin, "X-Parley-CSRF": self.csrf, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), given)
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()
        for name, value in answer.headers.items():
            if name.lower() == "set-cookie" and value.startswith(f"parley-{self.port}="):
                self.cookie = value.partition(";")[0]
        token = re.search(r'name="csrf" content="([^"]*)"', answer.text)
        self.csrf = token.group(1) if token else self.csrf
        return answer

    def enrol(self, home: Home, name: str) -> SoftwarePasskey:
        """Become an officer of the party whose home this is, with a passkey in software, and sign in."""
        code = Officers(home).invite(name, ("watch",), SystemClock().wall_s())
        key = SoftwarePasskey(self.origin)
        self.ask("GET", "/sign-in")
        begun = self._post("/enrol/begin", {"code": code})
        self._post("/enrol/finish", {"ceremony": begun["ceremony"], "response": key.create(begun["options"])})
        self.sign_in(key)
        return key

    def sign_in(self, key: SoftwarePasskey) -> None:
        """A session of the officer whose passkey this is. Raises StoreError when the console refuses."""
        self.ask("GET", "/sign-in")
        begun = self._post("/sign-in/begin", {})
        self._post("/sign-in/finish", {"ceremony": begun["ceremony"], "response": key.get(begun["options"])})
        self.ask("GET", "/officers")

    def _post(self, path: str, body: object) -> dict[str, Any]:
        answer = self.ask("POST", path, body, Accept="application/json")
        if answer.status != 200:  # noqa: PLR2004
            raise StoreError(f"{path} answered {answer.status}: {answer.text[:200]}", code="bench-failed")
        found: dict[str, Any] = json.loads(answer.text)
        return found
