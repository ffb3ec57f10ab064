"""The operations on officers, in plain data: what ``parley officer`` asks of a running line, or does without one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from parley.app.desk import desk_of
from parley.app.home import Home
from parley.app.officers import Officers, check_roles, state_officers
from parley.app.runtime import Runtime
from parley.app.watchrules import load_rules
from parley.procedure.watch import Said

Params = dict[str, Any]
BY: Final = "the command line"
"""As the log of the watch names who acts without having signed in."""


def invite(home: Home, name: str, roles: list[str]) -> dict[str, Any]:
    """A one-time code with which ``name`` enrols a passkey. Raises UsageError, StoreError."""
    given = check_roles(roles, _duty_roles(home))
    officers = Officers(home)
    now = int(time.time())
    code = officers.invite(name, given, now)
    invitation = officers.invitation(code, now)
    return {
        "name": invitation.name,
        "roles": list(invitation.roles),
        "code": code,
        "until": invitation.until,
        "first": not officers.keyed(),
    }


def listed(home: Home) -> dict[str, Any]:
    """All officers, and who is invited. Raises StoreError."""
    officers = Officers(home)
    return {
        "officers": [o.as_json() for o in officers.all()],
        "invited": [
            {"name": i.name, "roles": list(i.roles), "until": i.until} for i in officers.invitations(int(time.time()))
        ],
    }


def revoke(home: Home, name: str) -> dict[str, Any]:
    """End what an officer may do; the lines' records say so when their nodes run. Raises UsageError, StoreError."""
    return Officers(home).revoke(name, int(time.time())).as_json()


def give_roles(home: Home, name: str, roles: list[str]) -> dict[str, Any]:
    """Other roles for an officer. Raises UsageError, StoreError."""
    given = check_roles(roles, _duty_roles(home))
    return Officers(home).give_roles(name, given).as_json()


def _duty_roles(home: Home) -> list[str]:
    roles = [role for line in home.lines() for role in load_rules(line.config).ladder.roles]
    return list(dict.fromkeys(roles or ["watch", "watch-commander", "operations"]))


async def changed(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Put on the line's record what changed among the officers, and ``note`` in the log of the watch: code, values."""
    desk = desk_of(runtime)
    note = {n: tuple(v) if isinstance(v, list) else str(v) for n, v in dict(params["note"]).items()}
    await desk.note(BY, Said(str(note.pop("code")), note))
    await state_officers(desk, Officers(runtime.line_home.home))
    return {"noted": True}


OFFICER_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {"officer-changed": changed}
