"""The API over a real console on a real socket: tokens, scopes, limits, problems, and the document. R66."""

from __future__ import annotations

import http.client
import json
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from typer.testing import CliRunner

from parley.app.tokens import Tokens
from parley.app.verify import verify_record
from parley.cli import app
from parley.console import api
from parley.console.api_schema import document


def token(served: Any, *scopes: str, name: str, lines: tuple[str, ...] = ()) -> str:
    return str(served.token(*scopes, name=name, lines=lines))


def ask(served: Any, method: str, path: str, bearer: str = "", body: object = None, **headers: str) -> Any:
    return served.ask(method, path, bearer, body, **headers)


def test_messages_go_out_and_are_read_with_their_facts(served: Any, tmp_path: Path) -> None:
    bearer = token(served, name="whole")
    assert ask(served, "GET", "/api/lines", bearer).json == [{"name": "trial", "line": "trial", "class": "operation"}]
    sent = ask(
        served, "POST", "/api/lines/trial/messages", bearer, {"text": "From our system.", "precedence": "PRIORITY"}
    )
    assert (sent.status, sent.json["text"]) == (201, "From our system.")
    (found,) = [m for m in ask(served, "GET", "/api/lines/trial/messages?limit=5", bearer).json if m["mine"]]
    assert found["id"] == sent.json["id"]
    assert ask(served, "GET", f"/api/lines/trial/messages/{found['id']}", bearer).json["id"] == found["id"]
    assert ask(served, "GET", f"/api/lines/trial/messages?after={found['arrival']}", bearer).json == []
    assert ask(served, "GET", "/api/lines/trial/messages?open=true", bearer).json == []
    assert ask(served, "GET", "/api/lines/trial/state", bearer).json["me"] == "north"
    assert ask(served, "GET", "/api/lines/trial/watch", bearer).json["line"] == "trial"
    flash = {"text": "x", "precedence": "FLASH"}
    refused = ask(served, "POST", "/api/lines/trial/messages", bearer, flash)
    assert (refused.status, refused.json["code"]) == (409, "release-needed"), "two officers release it"
    assert refused.headers["content-type"] == "application/problem+json"
    kept = ask(served, "POST", "/api/lines/trial/drafts", bearer, flash)
    assert (kept.status, kept.json["officer"]) == (201, "API whole")
    record = tmp_path / "record.parley"
    record.write_bytes(ask(served, "GET", "/api/lines/trial/export", bearer).data)
    assert verify_record(record).good
    log = served.operation("watch-log")
    assert f"sent {sent.json['id']}" in [f.get("text") for f in log if f.get("officer") == "API whole"]


def test_plans_are_kept_checked_and_removed(served: Any) -> None:
    bearer = token(served, "plans", "read", name="planner")
    feature = {
        "type": "Feature",
        "properties": {"name": "Patrol 7", "kind": "patrol"},
        "geometry": {"type": "Point", "coordinates": [20.5, 54.1]},
    }
    given = {"type": "FeatureCollection", "features": [feature]}
    assert ask(served, "POST", "/api/lines/trial/plans", bearer, given).json == {
        "new": 1,
        "changed": 0,
        "warnings": [],
    }
    assert [p["id"] for p in ask(served, "GET", "/api/lines/trial/plans", bearer).json] == ["patrol-7"]
    assert ask(served, "GET", "/api/lines/trial/conflicts", bearer).json["plans"] == 1
    assert ask(served, "GET", "/api/lines/trial/areas", bearer).json["type"] == "FeatureCollection"
    assert ask(served, "DELETE", "/api/lines/trial/plans/patrol-7", bearer).json == {"removed": "patrol-7"}
    assert ask(served, "DELETE", "/api/lines/trial/plans/patrol-7", bearer).status == 404


def test_without_a_token_or_its_scope_nothing_is_had(served: Any) -> None:
    reader = token(served, "read", name="reader")
    other = token(served, "read", name="elsewhere", lines=("another",))
    paths = [(e.method, e.path) for e, _ in api.ENDPOINTS if e.scope]
    for method, path in paths:
        where = "/api" + path.format(line="trial", id="x")
        body: object = {} if method == "POST" else None
        for wrong in ("", "parley_", "x" * 400, reader[:-1]):
            found = ask(served, method, where, wrong, body)
            assert (found.status, found.json["code"]) == (401, "token-invalid"), where
            assert found.headers["www-authenticate"] == "Bearer"
        scope = next(e.scope for e, _ in api.ENDPOINTS if (e.method, e.path) == (method, path))
        if scope != "read":
            assert ask(served, method, where, reader, body).json["code"] == "token-scope"
    assert ask(served, "GET", "/api/lines/trial/messages", other).json["code"] == "line-unknown"
    assert ask(served, "GET", "/api/lines", other).json == []
    Tokens(served.home).revoke("reader")
    assert ask(served, "GET", "/api/lines", reader).status == 401
    assert ask(served, "GET", "/api/lines", "", None, cookie="parley=1").status == 401


def test_what_is_wrong_is_a_problem_with_a_code(served: Any) -> None:
    bearer = token(served, name="wrong")
    line = "/api/lines/trial"
    cases: list[tuple[str, str, object, int, str]] = [
        ("GET", "/api/none", None, 404, "http-404"),
        ("GET", "/api/lines/none/state", None, 404, "line-unknown"),
        ("GET", "/api/lines/..%2f..%2fetc/state", None, 404, "http-404"),
        ("GET", "/api/lines/%2e%2e/state", None, 404, "line-unknown"),
        ("GET", f"{line}/messages/..%2f..%2fetc%2fpasswd", None, 404, "http-404"),
        ("GET", f"{line}/messages/%00", None, 404, "message-unknown"),
        ("GET", f"{line}/messages/north-0000-99999999999999999999", None, 404, "message-unknown"),
        ("PUT", f"{line}/messages", None, 405, "method-unknown"),
        ("GET", f"{line}/messages?limit=0", None, 400, "request-malformed"),
        ("GET", f"{line}/messages?limit=1&limit=2", None, 400, "request-malformed"),
        ("GET", f"{line}/messages?none=1", None, 400, "request-malformed"),
        ("POST", f"{line}/messages", {}, 400, "text-empty"),
        ("POST", f"{line}/messages", [], 400, "request-malformed"),
        ("POST", f"{line}/messages", b"{", 400, "request-malformed"),
        ("POST", f"{line}/messages", b"[" * 5000, 400, "request-malformed"),
        ("POST", f"{line}/messages", b'{"text": "\\ud800"}', 400, "request-malformed"),
        ("POST", f"{line}/messages", {"text": "x" * 40_000}, 400, "request-malformed"),
        ("POST", f"{line}/messages", {"text": "x", "to": ["nobody"]}, 400, "member-unknown"),
        ("POST", f"{line}/messages", {"text": "x", "form": "y"}, 400, "text-twice"),
        ("POST", f"{line}/messages", {"text": "x", "officer": "N1"}, 400, "request-malformed"),
        ("POST", f"{line}/messages", {"form": "nonsense"}, 400, "form-unknown"),
    ]
    for method, path, body, status, code in cases:
        found = ask(served, method, path, bearer, body)
        assert (found.status, found.json["code"]) == (status, code), (method, path, found.data)
        assert found.json["status"] == status
    host, _, port = served.origin.removeprefix("http://").partition(":")
    raw = http.client.HTTPConnection(host, int(port), timeout=60)
    raw.putrequest("POST", f"{line}/messages")
    raw.putheader("Content-Length", str(1 << 30))
    raw.putheader("Authorization", f"Bearer {bearer}")
    raw.endheaders()
    assert raw.getresponse().status == 413, "before a byte of it is sent"
    raw.close()


def test_who_asks_too_often_waits(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = token(served, "read", name="eager")
    monkeypatch.setattr(api, "BURST", 3.0)
    monkeypatch.setattr(api, "RATE", 0.001)
    found = [ask(served, "GET", "/api/lines", bearer) for _ in range(4)]
    assert [f.status for f in found] == [200, 200, 200, 429]
    assert found[3].headers["retry-after"] == "1"


def test_events_are_streamed_without_contents(served: Any) -> None:
    bearer = token(served, "events", "send", name="listener")
    request = urllib.request.Request(f"{served.origin}/api/events", headers={"authorization": f"Bearer {bearer}"})
    with urllib.request.urlopen(request, timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        stream.readline()
        told = {"event": "arrived", "from": "south", "kind": "message", "code": ""}
        served.loop.call_soon_threadsafe(served.console.told, "trial", told)
        said = iter(lambda: stream.readline().decode(), "")
        data = next(json.loads(x.removeprefix("data: ")) for x in said if x.startswith("data: "))
    assert data == {"line": "trial", "what": "arrived", "code": ""}


def test_the_document_is_what_is_served_and_valid(served: Any) -> None:
    found = ask(served, "GET", "/api/openapi.json").json
    assert found == document([e for e, _ in api.ENDPOINTS])
    kept = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
    assert found == json.loads(kept.read_text())
    for end, _ in api.ENDPOINTS:
        jsonschema_rs.validator_for(dict(end.result))
    names = [e.name for e, _ in api.ENDPOINTS]
    assert len(set(names)) == len(names)


def fuzzed(served: Any, examples: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every operation with what its schema permits and with what it does not; how many answers came."""
    monkeypatch.setattr(api, "BURST", 1e9)
    bearer = token(served, name=f"fuzzer {examples}")
    schema = schemathesis.openapi.from_url(f"{served.origin}/api/openapi.json")
    answers = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path == "/api/events":
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(generation_mode=mode), st.booleans())
            def one(case: Any, there: bool) -> None:
                nonlocal answers
                if there and "line" in (case.path_parameters or {}):
                    case.path_parameters["line"] = "trial"
                response = case.call(headers={"Authorization": f"Bearer {bearer}"}, timeout=60)
                answers += 1
                assert response.status_code < 500, (case.as_curl_command(), response.text)
                if response.status_code < 300:
                    case.operation.validate_response(response, case=case)

            try:
                one()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, "nothing can be wrong where nothing is asked"
    return answers


def test_whatever_is_asked_there_is_an_answer(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fuzzed(served, 6, monkeypatch) > 100


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_is_asked_for_long_there_is_an_answer(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fuzzed(served, 300, monkeypatch) > 1000


def test_the_command_line_makes_lists_and_revokes_tokens(served: Any) -> None:
    def parley(*words: str, status: int = 0) -> Any:
        done = CliRunner().invoke(app, ["token", *words, "--home", str(served.home.path), "--json"])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    made = parley("new", "Map room", "--scope", "read")["token"]
    assert ask(served, "GET", "/api/lines", made).status == 200
    assert made not in (served.home.path / "tokens.json").read_text()
    assert "Map room" in [t["name"] for t in parley("list")]
    assert parley("new", "Map room", "--scope", "read", status=2)["error"]["code"] == "token-known"
    assert parley("new", "Other", "--scope", "all", status=2)["error"]["code"] == "scope-unknown"
    assert parley("new", "a;b", "--scope", "read", status=2)["error"]["code"] == "token-name"
    parley("revoke", "map room")
    assert ask(served, "GET", "/api/lines", made).status == 401
    assert parley("revoke", "map room", status=2)["error"]["code"] == "token-unknown"
