"""Officers and their passkeys: enrolment, approval, sign-in, revocation, replay. D9, R36, R55, OFF-1, OFF-2."""

from __future__ import annotations

import asyncio
import copy
import functools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from parley.app import meeting
from parley.app.desk import desk_of
from parley.app.home import Home
from parley.app.officers import May, Officer, Officers, Standing, check_roles
from parley.app.passkeys import SoftwarePasskey, site_of
from parley.app.runtime import Runtime, running
from parley.app.sentences import say
from parley.app.signin import WITHOUT_KEY, SignIn
from parley.cli import app
from parley.errors import ParleyError, SignatureInvalid, UsageError
from parley.procedure import facts
from parley.procedure.watch import Noted
from parley.wire.assertion import check, enrolment_hash

ORIGIN = "http://localhost:7480"
NOW = 1_800_000_000


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    both = Home(tmp_path / "north"), Home(tmp_path / "south")
    for home in both:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(both[0], "trial", [meeting.introduce(both[1], "trial")])
    signed = meeting.merge([meeting.accept(both[1], proposal)])
    for home in both:
        meeting.install(home, signed)
    return both


@asynccontextmanager
async def console(home: Home) -> AsyncIterator[tuple[SignIn, Runtime]]:
    async with running(home.line("trial"), with_bearers=False) as runtime:
        yield SignIn.at(home, {"trial": runtime}, ORIGIN), runtime


async def enrol(
    signing: SignIn, name: str, *roles: str, passkey: SoftwarePasskey | None = None
) -> tuple[Officer, SoftwarePasskey]:
    code = signing.officers.invite(name, roles or ("watch",), signing._now())
    key = passkey or SoftwarePasskey(ORIGIN)
    begun = await signing.begin_enrolment("browser", code)
    return await signing.finish_enrolment("browser", begun["ceremony"], key.create(begun["options"])), key


async def sign_in(signing: SignIn, key: SoftwarePasskey, session: str = "browser") -> Officer:
    begun = signing.begin_sign_in(session)
    return await signing.finish_sign_in(session, begun["ceremony"], key.get(begun["options"]))


def code_of(error: pytest.ExceptionInfo[ParleyError]) -> str:
    return error.value.code


async def refused(awaitable: Any) -> str:
    with pytest.raises(ParleyError) as error:
        await awaitable
    return error.value.code


def asynchronous(test: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynchronous
async def test_two_are_enrolled_by_the_command_line_and_the_third_by_another_officer(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, runtime):
        one, key_one = await enrol(signing, "N1", "watch", "watch-commander")
        two, _ = await enrol(signing, "N2")
        assert [(o.standing, o.first, o.software) for o in (one, two)] == [(Standing.ACTIVE, True, True)] * 2
        three, key_three = await enrol(signing, "N3")
        assert (three.standing, three.first) == (Standing.WAITING, False)
        assert await refused(sign_in(signing, key_three)) == "officer-not-active"
        assert (await sign_in(signing, key_one)).by == one.by

        assert await refused(signing.begin_approval("browser", three, three.key)) == "officer-unknown", "of oneself"
        begun = await signing.begin_approval("browser", one, three.key)
        done = await signing.finish_approval("browser", one, begun["ceremony"], key_one.get(begun["options"]))
        assert (done.standing, done.approvals[0].key) == (Standing.ACTIVE, one.key)
        assert (await sign_in(signing, key_three)).name == "N3"

        views = runtime.views()
        said = [views.said(views.stored(entry)) for _, entry in views.arrivals()]
        views.close()
        contents = [s.content for s in said if s is not None and getattr(s.content, "form", "") == "watch/officer"]
        enrolled = [facts.read_fact(c) for c in contents]  # type: ignore[arg-type]
        assert [len(f.approvals) for f in enrolled] == [0, 0, 1]  # type: ignore[union-attr]
        fact = enrolled[2]
        assert isinstance(fact, facts.OfficerEnrolled)
        hash_ = enrolment_hash(homes[0].party_hash(), three.public_key, "localhost", software=True)
        check(fact.approvals[0], hash_, one.public_key, "localhost")
        with pytest.raises(SignatureInvalid):
            check(fact.approvals[0], hash_, two.public_key, "localhost")
        noted = [say(f.text, "en") for f in desk_of(runtime).log.facts if isinstance(f, Noted)]
        assert [t for t in noted if t.startswith("enrolled")] == [
            "enrolled by the command line alone, in software",
            "enrolled by the command line alone, in software",
            "enrolled and waits for approval, in software",
        ]
        assert f"approved {three.by} as officer" in noted


@asynchronous
async def test_an_answer_is_taken_once_by_who_asked_and_of_one_counter_once(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, _):
        _, key = await enrol(signing, "N1")
        begun = signing.begin_sign_in("browser")
        answer = key.get(begun["options"])
        assert await refused(signing.finish_sign_in("another browser", begun["ceremony"], answer)) == "ceremony-unknown"
        assert await refused(signing.finish_sign_in("browser", begun["ceremony"], answer)) == "ceremony-unknown"
        begun = signing.begin_sign_in("browser")
        assert await refused(signing.finish_sign_in("browser", begun["ceremony"], answer)) == "sign-in-refused", (
            "replay"
        )
        begun = signing.begin_sign_in("browser")
        fresh = key.get(begun["options"])
        await signing.finish_sign_in("browser", begun["ceremony"], fresh)
        assert await refused(signing.finish_sign_in("browser", begun["ceremony"], fresh)) == "ceremony-unknown"
        key.count -= 1  # a copied passkey
        assert await refused(sign_in(signing, key)) == "sign-in-refused"
        assert (await sign_in(signing, key)).name == "N1"


@asynchronous
async def test_what_is_changed_in_an_answer_signs_nobody_in(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, _):
        _, key = await enrol(signing, "N1")

        def flip(answer: dict[str, Any], part: str) -> dict[str, Any]:
            changed = copy.deepcopy(answer)
            raw = bytearray(base64url_to_bytes(changed["response"][part]))
            raw[len(raw) // 2] ^= 1
            changed["response"][part] = bytes_to_base64url(bytes(raw))
            return changed

        for part in ("clientDataJSON", "authenticatorData", "signature"):
            begun = signing.begin_sign_in("browser")
            answer = flip(key.get(begun["options"]), part)
            assert await refused(signing.finish_sign_in("browser", begun["ceremony"], answer)) == "sign-in-refused"
        elsewhere = SoftwarePasskey("http://localhost:9999", key.keys, key.count)
        assert await refused(sign_in(signing, elsewhere)) == "sign-in-refused", "another origin"
        stranger = SoftwarePasskey(ORIGIN)
        begun = signing.begin_sign_in("browser")
        stranger.create({"rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA"})
        answer = stranger.get(begun["options"])
        assert await refused(signing.finish_sign_in("browser", begun["ceremony"], answer)) == "sign-in-refused"
        nonsenses: tuple[Any, ...] = (
            {},
            [],
            "x",
            {"id": "x"},
            "9" * 20_000,
            {"id": 5, "rawId": 5, "type": 5, "response": 5},
        )
        for nonsense in nonsenses:
            begun = signing.begin_sign_in("browser")
            assert await refused(signing.finish_sign_in("browser", begun["ceremony"], nonsense)) == "sign-in-refused"


@asynchronous
async def test_codes_are_for_once_and_one_passkey_is_one_officer(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, _):
        code = signing.officers.invite("N1", ("watch",), NOW)
        assert await refused(signing.begin_enrolment("b", "AAAA-BBBB")) == "invitation-invalid"
        first = await signing.begin_enrolment("b", code.lower().replace("-", " "))
        second = await signing.begin_enrolment("b", code)
        key, thief = SoftwarePasskey(ORIGIN), SoftwarePasskey(ORIGIN)
        made = key.create(first["options"])
        await signing.finish_enrolment("b", first["ceremony"], made)
        answer = thief.create(second["options"])
        assert await refused(signing.finish_enrolment("b", second["ceremony"], answer)) == "invitation-invalid"
        assert await refused(signing.begin_enrolment("b", code)) == "invitation-invalid"

        begun = await signing.begin_enrolment("b", signing.officers.invite("Second name", ("watch",), NOW))
        with pytest.raises(UsageError) as known:
            key.create(begun["options"])
        assert code_of(known) == "passkey-known"
        honest_no_more = SoftwarePasskey(ORIGIN)
        again = honest_no_more.create(begun["options"])
        again["response"]["attestationObject"] = made["response"]["attestationObject"]
        again["id"] = again["rawId"] = made["id"]
        assert await refused(signing.finish_enrolment("b", begun["ceremony"], again)) == "passkey-known"

        with pytest.raises(UsageError) as taken:
            signing.officers.invite("n1", ("watch",), NOW)
        assert code_of(taken) == "officer-known"
        old = signing.officers.invite("N9", ("watch",), NOW)
        newer = signing.officers.invite("N9", ("watch",), NOW)
        with pytest.raises(UsageError):
            signing.officers.invitation(old, NOW)
        with pytest.raises(UsageError):
            signing.officers.invitation(newer, NOW + 4 * 86400)
        assert signing.officers.invitation(newer, NOW).name == "N9"
        for name in ("", "\u202eN", "a" * 99, "x\ny;", "a\x00"):
            with pytest.raises(UsageError):
                signing.officers.invite(name or " ", ("watch",), NOW)


@asynchronous
async def test_who_is_revoked_is_out_at_once_and_the_record_says_so(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, runtime):
        one, key = await enrol(signing, "N1")
        begun = signing.begin_assertion("browser", one, bytes(32), "words")
        Officers(homes[0]).revoke("N1", NOW)  # as another process does
        assert signing.officers.acting(one.by) is None
        answer = key.get(begun["options"])
        assert (
            await refused(signing.finish_assertion("browser", one, begun["ceremony"], answer))
            == "officer-not-permitted"
        )
        assert await refused(sign_in(signing, key)) == "officer-not-active"
        _, later = await enrol(signing, "N1")
        assert (await sign_in(signing, later)).first
        views = runtime.views()
        short = one.key.hex()[:8]
        enrolled, revoked = [m.text for m in views.messages()][:2]
        assert enrolled.startswith(f"Officer's key {short} in software, with no person at it, enrolled, without")
        assert revoked == f"Officer's key {short} revoked."
        views.close()
        assert await signing.without_key() == WITHOUT_KEY


@asynchronous
async def test_a_hash_is_signed_by_the_officer_who_was_asked(homes: tuple[Home, Home]) -> None:
    async with console(homes[0]) as (signing, _):
        one, key_one = await enrol(signing, "N1")
        two, key_two = await enrol(signing, "N2")
        begun = signing.begin_assertion("b", one, b"h" * 32, {"what": 1})
        assertion, data = await signing.finish_assertion("b", one, begun["ceremony"], key_one.get(begun["options"]))
        assert data == {"what": 1}
        check(assertion, b"h" * 32, one.public_key, "localhost")
        for changed in (b"g" * 32, b""):
            with pytest.raises(SignatureInvalid):
                check(assertion, changed, one.public_key, "localhost")
        with pytest.raises(SignatureInvalid):
            check(assertion, b"h" * 32, one.public_key, "example.org")
        begun = signing.begin_assertion("b", one, b"h" * 32, None)
        theirs = key_two.get({**begun["options"], "allowCredentials": []})
        assert await refused(signing.finish_assertion("b", one, begun["ceremony"], theirs)) == "passkey-invalid"
        begun = signing.begin_assertion("b", one, b"h" * 32, None)
        assert await refused(signing.finish_assertion("b", two, begun["ceremony"], theirs)) == "passkey-invalid"


def test_roles_permit_what_they_say() -> None:
    def officer(*roles: str) -> Officer:
        return Officer("N", roles, Standing.ACTIVE, b"c", b"p", 0, "localhost", False, False, NOW)

    assert {m for m in May if officer("watch").may(m)} == {May.READ, May.ACT, May.APPROVE}
    assert {m for m in May if officer("observer").may(m)} == {May.READ}
    assert {m for m in May if officer("administrator").may(m)} == {May.READ, May.APPROVE, May.ADMINISTER}
    assert officer("administrator", "watch").may(May.ACT)
    assert check_roles(["watch", "watch"], ["watch"]) == ("watch",)
    for wrong in ([], ["king"]):
        with pytest.raises(UsageError) as error:
            check_roles(wrong, ["watch"])
        assert code_of(error) == "role-unknown"


@pytest.mark.parametrize(
    ("origin", "good"),
    [
        ("http://localhost:7480", True),
        ("https://localhost", True),
        ("https://parley.example.org", True),
        ("http://parley.example.org", False),
        ("https://127.0.0.1", False),
        ("https://[::1]", False),
        ("https://a.example/path", False),
        ("https://user@a.example", False),
        ("ftp://localhost", False),
        ("", False),
    ],
)
def test_passkeys_are_had_on_localhost_or_a_name_with_tls(origin: str, *, good: bool) -> None:
    if good:
        assert site_of(origin).rp in ("localhost", "parley.example.org")
        return
    with pytest.raises(UsageError) as error:
        site_of(origin)
    assert code_of(error) == "console-origin"


def test_a_software_passkey_survives_its_file() -> None:
    key = SoftwarePasskey(ORIGIN)
    key.create({"rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA"})
    again = SoftwarePasskey.decode(key.encode())
    assert again.get({"rpId": "localhost", "challenge": "AAAA"})["id"] == bytes_to_base64url(next(iter(key.keys)))
    for wrong in ("", "{}", '{"origin": "x", "count": "y"}'):
        with pytest.raises(UsageError):
            SoftwarePasskey.decode(wrong)


def test_the_file_of_officers_holds_no_secret_and_damage_is_told(homes: tuple[Home, Home]) -> None:
    officers = Officers(homes[0])
    code = officers.invite("N1", ("watch",), NOW)
    path = homes[0].path / "officers.json"
    assert path.stat().st_mode & 0o077 == 0
    assert code.replace("-", "") not in path.read_text()
    assert code not in path.read_text()
    path.write_text(json.dumps({"format": 2}))
    with pytest.raises(ParleyError) as error:
        officers.all()
    assert code_of(error) == "store-corrupt"
    path.write_text("{")
    with pytest.raises(ParleyError) as error:
        officers.all()
    assert code_of(error) == "store-corrupt"


def test_the_command_line_invites_lists_gives_roles_and_revokes(homes: tuple[Home, Home]) -> None:
    home = homes[0].path

    def parley(*words: object, status: int = 0) -> Any:
        done = CliRunner().invoke(app, ["officer", *map(str, words), "--home", str(home), "--json"])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    invited = parley("invite", "N1", "--role", "watch", "--role", "administrator")
    assert (invited["first"], invited["roles"]) == (True, ["watch", "administrator"])
    assert parley("list")["invited"][0]["name"] == "N1"
    assert parley("invite", "N1", "--role", "king", status=2)["error"]["code"] == "role-unknown"
    assert parley("revoke", "N1", status=2)["error"]["code"] == "officer-unknown"
    text = CliRunner().invoke(app, ["officer", "invite", "N2", "--role", "watch", "--home", str(home)]).output
    assert "by the command line alone" in text
    log = CliRunner().invoke(app, ["watch", "log", "--home", str(home)]).output
    assert "the command line" in log
    assert "invited N2 as watch" in log
