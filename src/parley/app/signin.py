"""Signing in with a passkey, and signing what is said with it (D9; ADR 40). The console keeps the sessions.

::

    enrol      begin_enrolment(session, code)  -> finish_enrolment    no officer yet
    sign in    begin_sign_in(session)          -> finish_sign_in      no name is asked for, so none can be guessed
    approve    begin_approval(session, by, key)-> finish_approval     by another officer
    assert     begin_assertion(session, by, hash) -> finish_assertion signs a statement's hash

Each ``begin`` gives ``{"ceremony", "options"}``; ``options`` go to ``navigator.credentials`` and its answer, as JSON,
to ``finish``. A challenge is used once, within three minutes, by the session that began it; ``finish`` takes it away
whatever comes of it. ``session`` is the console's name of the browser's session: any string that nobody else has.

Who comes in without a passkey is ``WITHOUT_KEY``: for FLASH only, and the record says that no key was used.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from parley.app.desk import desk_of
from parley.app.home import Home
from parley.app.officers import May, Officer, Officers, Standing, state_officers
from parley.app.passkeys import (
    CHALLENGE_BYTES,
    Site,
    assertion_options,
    credential_of,
    registration_options,
    site_of,
    verify_given,
    verify_registration,
)
from parley.errors import SignatureInvalid, UsageError
from parley.procedure.watch import Said
from parley.wire.assertion import Assertion, enrolment_hash

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_CEREMONY_S: Final = 180.0
_MAX_CEREMONIES: Final = 4096
WITHOUT_KEY: Final = "no officer's key"
"""As the log of the watch names who came in for FLASH only."""


@dataclass(slots=True)
class _Ceremony:
    kind: str
    session: str
    challenge: bytes
    until: float
    inside: bool
    """An officer who is signed in began it."""
    data: Any = None


@dataclass(slots=True)
class SignIn:
    """The ceremonies of one console."""

    home: Home
    lines: Mapping[str, Runtime]
    """Whose records and logs are told of it."""
    site: Site
    officers: Officers
    clock: Callable[[], float] = time.monotonic
    _ceremonies: dict[str, _Ceremony] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Home, lines: Mapping[str, Runtime], origin: str) -> SignIn:
        """For the console of ``home`` at ``origin``. Raises UsageError ``console-origin``, StoreError."""
        return cls(home, lines, site_of(origin), Officers(home))

    # -- ceremonies ------------------------------------------------------------------------------------

    def _begin(self, kind: str, session: str, challenge: bytes, data: object = None, *, inside: bool = False) -> str:
        now = self.clock()
        self._ceremonies = {k: c for k, c in self._ceremonies.items() if c.until > now}
        while len(self._ceremonies) >= _MAX_CEREMONIES:
            # Those of nobody who signed in go first: a flood at the door does not stop who is inside.
            outside = (k for k, c in self._ceremonies.items() if not c.inside)
            del self._ceremonies[next(outside, next(iter(self._ceremonies)))]
        name = secrets.token_urlsafe(16)
        self._ceremonies[name] = _Ceremony(kind, session, challenge, now + _CEREMONY_S, inside, data)
        return name

    def _take(self, name: str, kind: str, session: str) -> _Ceremony:
        found = self._ceremonies.pop(name, None)
        if found is None or found.kind != kind or found.session != session or found.until <= self.clock():
            raise UsageError(
                "this was answered before, or too late.", code="ceremony-unknown", next_step="Begin it again."
            )
        return found

    async def begin_enrolment(self, session: str, code: str) -> dict[str, Any]:
        """For who holds ``code``. Raises UsageError ``invitation-invalid``.

        Also the ``name`` and ``roles`` it is for, and whether they will be among the ``first``, whom nobody approves.
        """
        invitation = await asyncio.to_thread(self.officers.invitation, code, self._now())
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        known = [o.credential for o in self.officers.all()]
        options = registration_options(self.site, challenge, secrets.token_bytes(32), invitation.name, known)
        return {
            "ceremony": self._begin("enrol", session, challenge, code),
            "options": options,
            "name": invitation.name,
            "roles": list(invitation.roles),
            "first": not self.officers.keyed(),
        }

    async def finish_enrolment(self, session: str, ceremony: str, response: object) -> Officer:
        """The officer with the new passkey. Raises SignatureInvalid ``passkey-invalid``, UsageError."""
        taken = self._take(ceremony, "enrol", session)
        made = verify_registration(self.site, response, taken.challenge)
        officer = await asyncio.to_thread(self.officers.enrol, str(taken.data), made, self.site.rp, self._now())
        code = f"enrolled-{'first' if officer.first else 'waits'}{'-software' if officer.software else ''}"
        await self._note(officer.by, Said(code))
        await self._state()
        return officer

    def begin_sign_in(self, session: str) -> dict[str, Any]:
        """It tells nothing about who the officers are."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        name = self._begin("sign in", session, challenge)
        return {"ceremony": name, "options": assertion_options(self.site, challenge)}

    async def finish_sign_in(self, session: str, ceremony: str, response: object) -> Officer:
        """Who it is; the console then gives the browser a new session. One error, whoever it was not.

        Raises SignatureInvalid ``sign-in-refused``, UsageError ``officer-not-active``, ``ceremony-unknown``.
        """
        taken = self._take(ceremony, "sign in", session)
        try:
            officer = self.officers.by_credential(credential_of(response))
            if officer is None:
                raise _refused()
            await self._given(officer, response, taken.challenge)
        except (SignatureInvalid, UsageError):
            raise _refused() from None
        if officer.standing is not Standing.ACTIVE:
            # Who holds the passkey may be told; nobody else comes so far.
            waits = officer.standing is Standing.WAITING
            raise UsageError(
                f"{officer.name} is {officer.standing}.",
                code="officer-not-active",
                next_step="Another officer approves, on the page of officers." if waits else "Ask to be invited anew.",
            )
        await self._note(officer.by, Said("signed-in"))
        return officer

    async def begin_approval(self, session: str, by: Officer, key: bytes) -> dict[str, Any]:
        """For ``by`` to approve the officer who waits with ``key``. Raises UsageError."""
        waiting = self.officers.by_key(key)
        if waiting is None or waiting.standing is not Standing.WAITING or waiting.key == by.key:
            raise UsageError("nobody else waits for approval with this key.", code="officer-unknown")
        need(by, May.APPROVE)
        hash_ = enrolment_hash(self.home.party_hash(), waiting.public_key, waiting.rp, software=waiting.software)
        return self.begin_assertion(session, by, hash_, ("officer", key))

    async def finish_approval(self, session: str, by: Officer, ceremony: str, response: object) -> Officer:
        """The officer, who may act now; the approval goes on the record. Raises SignatureInvalid, UsageError."""
        assertion, (kind, key) = await self.finish_assertion(session, by, ceremony, response)
        if kind != "officer":
            raise UsageError("this was begun for something else.", code="ceremony-unknown")
        officer = await asyncio.to_thread(self.officers.approve, key, by, assertion)
        await self._note(by.by, Said("officer-approved", {"officer": officer.by}))
        await self._state()
        return officer

    def begin_assertion(self, session: str, by: Officer, hash_: bytes, data: object) -> dict[str, Any]:
        """For ``by`` to sign ``hash_``; ``data`` comes back with the assertion."""
        name = self._begin("assert", session, hash_, (by.key, data), inside=True)
        return {"ceremony": name, "options": assertion_options(self.site, hash_, by.credential)}

    async def finish_assertion(
        self, session: str, by: Officer, ceremony: str, response: object
    ) -> tuple[Assertion, Any]:
        """The verified assertion of ``by`` over the hash, and the data. Raises SignatureInvalid, UsageError."""
        taken = self._take(ceremony, "assert", session)
        key, data = taken.data
        officer = need(self.officers.by_key(by.key), May.READ)
        if key != officer.key or credential_of(response) != officer.credential:
            raise SignatureInvalid("this is another officer's passkey.", code="passkey-invalid")
        return await self._given(officer, response, taken.challenge), data

    async def _given(self, officer: Officer, response: object, challenge: bytes) -> Assertion:
        given = verify_given(self.site, response, challenge, officer.public_key, officer.sign_count)
        await asyncio.to_thread(self.officers.counted, officer.key, given.sign_count)
        return given.assertion

    async def without_key(self) -> str:
        """Somebody comes in for FLASH only; as what the log of the watch names them."""
        await self._note(WITHOUT_KEY, Said("came-without-key"))
        return WITHOUT_KEY

    # -- the record and the log of the watch -----------------------------------------------------------

    def _now(self) -> int:
        return next(iter(self.lines.values())).node.wall_s() if self.lines else int(time.time())

    async def _note(self, by: str, text: Said) -> None:
        for runtime in self.lines.values():
            await desk_of(runtime).note(by, text)

    async def _state(self) -> None:
        for runtime in self.lines.values():
            await state_officers(desk_of(runtime), self.officers)


def need(officer: Officer | None, what: May) -> Officer:
    """The officer, who may do it. Raises UsageError ``officer-not-permitted``."""
    if officer is None or not officer.may(what):
        raise UsageError(
            f"{officer.by if officer else WITHOUT_KEY} may not do this: it takes a role that may {what.value}.",
            code="officer-not-permitted",
            next_step="Sign in as an officer who has such a role.",
        )
    return officer


def _refused() -> SignatureInvalid:
    return SignatureInvalid(
        "this passkey signs nobody in here.",
        code="sign-in-refused",
        next_step="Try again, or another passkey. FLASH can be read and acknowledged without one.",
    )
