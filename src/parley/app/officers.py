"""A party's officers: who may act on this node, with which roles and which passkey (D9, R55; ADR 40).

::

    invitation (a one-time code)  ->  waiting  ->  active  ->  revoked
                                      enrolled     approved by another officer; the first two of a node by the
                                                   command line alone, which is shown

They are in the file officers.json of the home, because an officer signs in once for all lines of the console. There is
no secret in it: public keys, hashes of codes. Several processes may use it at once: each change is made on the newest
state, under a lock, and put in place as a whole. An attacker who can change it can add officers of the attacker's, whom
the record shows as enrolled without an approval; give roles; or take officers away.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from parley.app.home import Home
from parley.app.passkeys import Registered
from parley.errors import DecodeError, StoreCorrupt, StoreError, UsageError
from parley.keys.file import write_private
from parley.procedure import facts
from parley.wire.assertion import Assertion, key_of, read_assertion

if TYPE_CHECKING:
    from parley.app.desk import Desk

ADMINISTRATOR: Final = "administrator"
OBSERVER: Final = "observer"
FIRST: Final = 2
"""So many officers are enrolled by the command line alone; from then on one of them approves (D9)."""
INVITATION_S: Final = 3 * 86400
_CODE_BYTES: Final = 15
_MAX_NAME: Final = 48
_MAX_OFFICERS: Final = 512
_FORMAT: Final = 1
_SHORT: Final = 8


class Standing(StrEnum):
    """Where an officer stands."""

    WAITING = "waiting for approval"
    ACTIVE = "active"
    REVOKED = "revoked"


class May(Enum):
    """What a role permits."""

    READ = "read"
    ACT = "act"
    """Read, acknowledge, decline, reply, draft, approve, release, hand over: the duty roles."""
    APPROVE = "approve officers"
    ADMINISTER = "administer"
    """Invite, revoke, give roles, make tokens. It permits nothing else: administrators act on no message."""


@dataclass(frozen=True, slots=True)
class Officer:
    """One officer. ``key`` is the SHA-256 of the public key: the name by which the record knows them."""

    name: str
    roles: tuple[str, ...]
    standing: Standing
    credential: bytes
    public_key: bytes
    sign_count: int
    rp: str
    """The relying party's id, the console's host, when the passkey was made."""
    software: bool
    """The passkey is in software, with no person at it: for demonstrations, and marked everywhere."""
    first: bool
    """Enrolled by the command line alone, without another officer's approval."""
    enrolled: int
    approvals: tuple[Assertion, ...] = ()
    revoked: int = 0
    stated: Mapping[str, Standing] = field(default_factory=dict)
    """What the record of each line, by the line's id, says of the key so far."""
    language: str = ""
    """In which the console speaks to them, at whatever browser; empty until they chose."""

    @property
    def key(self) -> bytes:
        """32 bytes."""
        return key_of(self.public_key)

    @property
    def by(self) -> str:
        """As the log of the watch names them: the name, and the beginning of the key."""
        return f"{self.name} #{self.key.hex()[:_SHORT]}"

    def may(self, what: May) -> bool:
        """Whether a role of theirs permits it, while they are active."""
        if self.standing is not Standing.ACTIVE:
            return False
        duty = any(r not in (ADMINISTRATOR, OBSERVER) for r in self.roles)
        match what:
            case May.READ:
                return True
            case May.ACT:
                return duty
            case May.APPROVE:
                return duty or ADMINISTRATOR in self.roles
            case May.ADMINISTER:
                return ADMINISTRATOR in self.roles

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "key": self.key.hex(),
            "roles": list(self.roles),
            "standing": str(self.standing),
            "software": self.software,
            "first": self.first,
            "enrolled": self.enrolled,
            "approved_by": [a.key.hex() for a in self.approvals],
            "revoked": self.revoked,
        }


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who holds its code may enrol a passkey as ``name``, once, until ``until``. ``code`` is the code's hash."""

    code: str
    name: str
    roles: tuple[str, ...]
    until: int


@dataclass(slots=True)
class _State:
    officers: dict[bytes, Officer] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)


class Officers:
    """The officers of one home."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "officers.json"
        self._lock = home.path / "officers.lock"
        self._seen: tuple[int, ...] = ()
        self._state = _State()

    def _now(self) -> _State:
        """The newest state; read again when the file is another than before."""
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._state, self._seen = _read(self._path.read_bytes()), seen
        except FileNotFoundError:
            self._state, self._seen = _State(), ()
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.", code="store-io") from error
        return self._state

    @contextlib.contextmanager
    def _change(self) -> Iterator[_State]:
        """The newest state, alone; written when the block ends well. Raises StoreError."""
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._lock} cannot be had: {error.strerror}.", code="store-io") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            now = self._now()
            state = _State(dict(now.officers), dict(now.invitations))
            yield state
            write_private(self._path, _write(state))
        finally:
            os.close(lock)

    # -- who there is ----------------------------------------------------------------------------------

    def all(self) -> list[Officer]:
        """All, by name; revoked ones, too."""
        return sorted(self._now().officers.values(), key=lambda o: (o.name.casefold(), o.enrolled))

    def active(self) -> list[Officer]:
        """Those who may act."""
        return [o for o in self.all() if o.standing is Standing.ACTIVE]

    def by_key(self, key: bytes) -> Officer | None:
        """By the name of the key."""
        return self._now().officers.get(key)

    def by_credential(self, credential: bytes) -> Officer | None:
        """By the credential that a passkey names."""
        return next((o for o in self.all() if o.credential == credential), None)

    def acting(self, by: str) -> Officer | None:
        """The officer whom the log of the watch names so, if active: what a session goes on by."""
        return next((o for o in self.active() if o.by == by), None)

    def named(self, name: str) -> Officer:
        """The officer who is not revoked and is called so, or has a key that begins so. Raises UsageError."""
        return _named(self._now(), name)

    def keyed(self) -> bool:
        """True once two officers have keys: from then on names alone release nothing that takes two (D9)."""
        return len(self.active()) >= FIRST

    # -- invitations -----------------------------------------------------------------------------------

    def invite(self, name: str, roles: Iterable[str], now: int) -> str:
        """A one-time code with which ``name`` enrols. Only its hash is kept. Raises UsageError."""
        name = _checked_name(name)
        with self._change() as state:
            live = [o for o in state.officers.values() if o.standing is not Standing.REVOKED]
            if any(o.name.casefold() == name.casefold() for o in live):
                raise UsageError(
                    f"there is an officer {name!r} already.",
                    code="officer-known",
                    next_step="Revoke them first when their passkey is lost, or take another name.",
                )
            if len(state.officers) + len(state.invitations) >= _MAX_OFFICERS:
                raise UsageError(f"a party has at most {_MAX_OFFICERS} officers.", code="officers-too-many")
            code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
            # A new code for the same name replaces the one before.
            state.invitations = {
                k: i for k, i in state.invitations.items() if now <= i.until and i.name.casefold() != name.casefold()
            }
            key = _code_key(code)
            state.invitations[key] = Invitation(key, name, tuple(roles), now + INVITATION_S)
        return "-".join(code[i : i + 4] for i in range(0, len(code), 4))

    def invitation(self, code: str, now: int) -> Invitation:
        """What a code is for. One error for a wrong, a used and an expired one. Raises UsageError."""
        return _invitation(self._now(), code, now)

    def invitations(self, now: int) -> list[Invitation]:
        """Those that may still be used."""
        return sorted((i for i in self._now().invitations.values() if now <= i.until), key=lambda i: i.name.casefold())

    # -- what becomes of them --------------------------------------------------------------------------

    def enrol(self, code: str, made: Registered, rp: str, now: int) -> Officer:
        """The officer that ``code`` invited, with the passkey that was made; the code is used up. Raises UsageError."""
        with self._change() as state:
            invitation = _invitation(state, code, now)
            key = key_of(made.public_key)
            if key in state.officers or any(o.credential == made.credential for o in state.officers.values()):
                raise UsageError(
                    "this passkey is enrolled already, under this or another name.",
                    code="passkey-known",
                    next_step="Each officer has a passkey of their own.",
                )
            first = sum(o.standing is Standing.ACTIVE for o in state.officers.values()) < FIRST
            officer = Officer(
                invitation.name,
                invitation.roles,
                Standing.ACTIVE if first else Standing.WAITING,
                made.credential,
                made.public_key,
                made.sign_count,
                rp,
                made.software,
                first,
                now,
            )
            del state.invitations[invitation.code]
            state.officers[key] = officer
        return officer

    def approve(self, key: bytes, by: Officer, assertion: Assertion) -> Officer:
        """Let the officer who waits act: ``by`` asserted their key, which was verified. Raises UsageError."""
        with self._change() as state:
            officer, approver = state.officers.get(key), state.officers.get(by.key)
            if officer is None or officer.standing is not Standing.WAITING:
                raise UsageError("nobody waits for approval with this key.", code="officer-unknown")
            if approver is None or not approver.may(May.APPROVE) or by.key == key:
                raise UsageError("another officer, who is active, approves.", code="officer-not-permitted")
            state.officers[key] = replace(officer, standing=Standing.ACTIVE, approvals=(assertion,))
            return state.officers[key]

    def counted(self, key: bytes, sign_count: int) -> None:
        """The passkey's counter rose: what comes with the same or a smaller one is refused. Raises UsageError.

        One who counts nothing sends 0 for ever. Of two answers with one counter that come at once, one is refused.
        """
        if sign_count == 0 and (found := self.by_key(key)) is not None and found.sign_count == 0:
            return
        with self._change() as state:
            officer = state.officers.get(key)
            if officer is None or sign_count <= officer.sign_count:
                raise UsageError("this passkey's counter did not rise.", code="passkey-replayed")
            state.officers[key] = replace(officer, sign_count=sign_count)

    def revoke(self, name: str, now: int) -> Officer:
        """End what an officer may do. Raises UsageError ``officer-unknown``."""
        with self._change() as state:
            officer = replace(_named(state, name), standing=Standing.REVOKED, revoked=now)
            state.officers[officer.key] = officer
        return officer

    def give_roles(self, name: str, roles: Iterable[str]) -> Officer:
        """Other roles instead of those they had. Raises UsageError ``officer-unknown``."""
        with self._change() as state:
            officer = replace(_named(state, name), roles=tuple(roles))
            state.officers[officer.key] = officer
        return officer

    def speak(self, key: bytes, language: str) -> None:
        """Keep the language of an officer's choice with them."""
        with self._change() as state:
            if key in state.officers:
                state.officers[key] = replace(state.officers[key], language=language)

    def to_state(self, line: str) -> list[Officer]:
        """Those of whom the record of ``line`` does not yet say where they stand."""
        return [
            o
            for o in self.all()
            if o.stated.get(line) is not o.standing
            and (o.standing is Standing.ACTIVE or (o.standing is Standing.REVOKED and line in o.stated))
        ]

    def stated(self, officer: Officer, line: str) -> None:
        """The record of ``line`` says now where ``officer`` stands."""
        with self._change() as state:
            found = state.officers[officer.key]
            state.officers[officer.key] = replace(found, stated={**found.stated, line: officer.standing})


def _named(state: _State, name: str) -> Officer:
    wanted = name.strip().casefold()
    live = [o for o in state.officers.values() if o.standing is not Standing.REVOKED]
    found = [o for o in live if o.name.casefold() == wanted]
    if not found and len(wanted) >= _SHORT:
        found = [o for o in state.officers.values() if o.key.hex().startswith(wanted)]
    if len(found) != 1:
        raise UsageError(
            f"there is no officer {name!r} here.", code="officer-unknown", next_step="See 'parley officer list'."
        )
    return found[0]


def _invitation(state: _State, code: str, now: int) -> Invitation:
    found = state.invitations.get(_code_key(code))
    if found is None or now > found.until:
        raise UsageError(
            "this code enrols nobody: it is mistyped, used, or older than three days.",
            code="invitation-invalid",
            next_step="Ask for a new one: 'parley officer invite NAME --role watch'.",
        )
    return found


async def state_officers(desk: Desk, officers: Officers) -> None:
    """Put on the line's record whose keys are officers' and whose no longer; what a crash left undone, too."""
    line = desk.runtime.node.line.membership.line.hex()
    for officer in await asyncio.to_thread(officers.to_state, line):
        if officer.standing is Standing.ACTIVE:
            fact: facts.Fact = facts.OfficerEnrolled(
                officer.public_key, officer.rp, officer.software, officer.approvals
            )
        else:
            fact = facts.OfficerRevoked(officer.key)
        await desk.state(fact)
        await asyncio.to_thread(officers.stated, officer, line)


def check_roles(given: Iterable[str], duty: Iterable[str]) -> tuple[str, ...]:
    """The roles, each one of the line's duty roles or one of Parley's own. Raises UsageError ``role-unknown``."""
    roles, known = tuple(dict.fromkeys(given)), (*duty, OBSERVER, ADMINISTRATOR)
    wrong = [r for r in roles if r not in known]
    if wrong or not roles:
        named = ", ".join(map(repr, wrong)) or "none given"
        raise UsageError(
            f"no such role: {named}; there are {', '.join(known)}.",
            code="role-unknown",
            next_step="Duty roles are set as 'roles' in the table [watch] of config.toml.",
        )
    return roles


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    plain = all(c.isalnum() or c in " .-_'" for c in name)
    if not name or len(name) > _MAX_NAME or not plain:
        raise UsageError(
            f"{name!r} is no officer's name: letters, digits and .-_' , at most {_MAX_NAME}.", code="officer-name"
        )
    return name


def _code_key(code: str) -> str:
    plain = "".join(c for c in code.upper() if c.isalnum())
    return sha256(b"parley invitation v1\n" + plain.encode()).hexdigest()


def _write(state: _State) -> bytes:
    officers = [
        {
            "name": o.name,
            "roles": list(o.roles),
            "standing": str(o.standing),
            "credential": o.credential.hex(),
            "public_key": o.public_key.hex(),
            "sign_count": o.sign_count,
            "rp": o.rp,
            "software": o.software,
            "first": o.first,
            "enrolled": o.enrolled,
            "approvals": [[part.hex() for part in a.plain()] for a in o.approvals],
            "revoked": o.revoked,
            "stated": {line: str(standing) for line, standing in o.stated.items()},
            "language": o.language,
        }
        for o in state.officers.values()
    ]
    invitations = [
        {"code": i.code, "name": i.name, "roles": list(i.roles), "until": i.until} for i in state.invitations.values()
    ]
    table = {"format": _FORMAT, "officers": officers, "invitations": invitations}
    return json.dumps(table, indent=1, ensure_ascii=False).encode() + b"\n"


def _read(data: bytes) -> _State:
    try:
        table = json.loads(data)
        if table["format"] != _FORMAT:
            raise StoreCorrupt(f"officers.json has format {table['format']!r}, {_FORMAT} wanted.")
        officers = [
            Officer(
                row["name"],
                tuple(row["roles"]),
                Standing(row["standing"]),
                bytes.fromhex(row["credential"]),
                bytes.fromhex(row["public_key"]),
                row["sign_count"],
                row["rp"],
                row["software"],
                row["first"],
                row["enrolled"],
                tuple(read_assertion([bytes.fromhex(part) for part in a]) for a in row["approvals"]),
                row["revoked"],
                {line: Standing(standing) for line, standing in row["stated"].items()},
                str(row.get("language", "")),
            )
            for row in table["officers"]
        ]
        invitations = [Invitation(r["code"], r["name"], tuple(r["roles"]), r["until"]) for r in table["invitations"]]
    except (DecodeError, KeyError, TypeError, ValueError) as error:
        raise StoreCorrupt(f"officers.json cannot be read: {error}.") from error
    return _State({o.key: o for o in officers}, {i.code: i for i in invitations})
