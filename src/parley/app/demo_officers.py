"""Officers of a demonstration, with passkeys in software, and the links that sign them in at once.

They exist in a home that ``parley demo`` made and nowhere else, and every screen and record marks them. The file
demo-passkeys.json of that home holds their keys: who can read it is these officers.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

from parley.app.home import Home
from parley.app.officers import Officers
from parley.app.passkeys import (
    CHALLENGE_BYTES,
    SoftwarePasskey,
    registration_options,
    site_of,
    verify_registration,
)
from parley.errors import UsageError
from parley.keys.file import write_private

_FILE: Final = "demo-passkeys.json"


@dataclass(slots=True)
class _Held:
    name: str
    code: str
    passkey: SoftwarePasskey


class DemoOfficers:
    """The officers of one demonstration's home, with their keys."""

    def __init__(self, home: Home) -> None:
        self._path: Path = home.path / _FILE
        self._home = home

    def enrol(self, origin: str, name: str, roles: tuple[str, ...]) -> str:
        """A new officer of the console at ``origin``; the path of the link that signs in. Raises UsageError."""
        site, now = site_of(origin), int(time.time())
        officers = Officers(self._home)
        code = officers.invite(name, roles, now)
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        passkey = SoftwarePasskey(origin)
        made = passkey.create(registration_options(site, challenge, secrets.token_bytes(32), name, []))
        officer = officers.enrol(code, verify_registration(site, made, challenge), site.rp, now)
        held = [*self._read(), _Held(officer.by, secrets.token_urlsafe(24), passkey)]
        self._write(held)
        return f"/demo/{held[-1].code}"

    def by_link(self, code: str) -> str:
        """The officer, as the log of the watch names them, whom a link signs in. Raises UsageError ``demo-link``."""
        for held in self._read():
            if compare_digest(held.code.encode(), code.encode()):
                return held.name
        raise UsageError(
            "this link signs nobody in.",
            code="demo-link",
            next_step="Take the link that the demonstration prints, as a whole; each run has new ones.",
        )

    def answer(self, officer: str, options: dict[str, Any]) -> dict[str, Any]:
        """What the passkey of ``officer`` says to ``options``, as a browser's would. Raises UsageError."""
        everyone = self._read()
        for held in everyone:
            if held.name == officer:
                given = held.passkey.get(options)
                # The counter is kept before the answer is given: after a kill, too, it only rises.
                self._write(everyone)
                return given
        raise UsageError("this officer has no passkey in software.", code="passkey-unknown")

    def _read(self) -> list[_Held]:
        if not self._path.exists():
            return []
        try:
            rows = json.loads(self._path.read_text("utf-8"))
            return [_Held(r["name"], r["code"], SoftwarePasskey.decode(r["passkey"])) for r in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{self._path} is not acceptable: {error!r}.",
                code="demo-passkeys",
                next_step="Run the demonstration again.",
            ) from error

    def _write(self, held: list[_Held]) -> None:
        rows = [{"name": h.name, "code": h.code, "passkey": h.passkey.encode()} for h in held]
        write_private(self._path, json.dumps(rows).encode())
