"""The console as ``parley serve`` serves it: its policy, and the requests that it refuses. R4, D13."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.app import meeting
from parley.app.home import Home
from parley.app.process import free_port


def found_lines(home: Home, *names: str) -> None:
    other = Home(home.path.parent / "other")
    for party in (home, other):
        meeting.init_party(party, party.path.name, party.path.name.title(), ["en"])
    for name in names:
        purpose = "exercise" if "exercise" in name else "operation"
        proposal = meeting.propose(home, name, [meeting.introduce(other, name)], purpose=purpose)
        meeting.install(home, meeting.merge([meeting.accept(other, proposal)]))


class Served:
    def __init__(self, home: Home, port: int) -> None:
        self.port = port
        self.log = home.path / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "parley", "serve", "--home", str(home.path), "--json"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=dict(os.environ),
            )

    def wait(self, text: str) -> str:
        for _ in range(600):
            if text in self.log.read_text() or self.process.poll() is not None:
                break
            time.sleep(0.05)
        said = self.log.read_text()
        assert text in said, said
        return said

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {"Host": f"localhost:{self.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = Home(tmp_path_factory.mktemp("served") / "north")
    found_lines(home, "line-a", "line-exercise")
    port = free_port()
    (home.path / "config.toml").write_text(f'[console]\nlisten = "127.0.0.1:{port}"\n')
    node = Served(home, port)
    node.wait("stop with Ctrl-C")
    yield node
    assert node.stop() == 0


def test_all_lines_of_a_home_stand_on_one_console(served: Served) -> None:
    status, headers, text = served.ask("GET", "/sign-in", Accept="text/html")
    assert status == 200
    assert "line-a" in text
    assert "line-exercise" in text
    assert "EXERCISE" in text
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "httponly" in headers["set-cookie"].lower()
    assert "samesite=strict" in headers["set-cookie"].lower()
    # Nothing inline that the policy would have to allow.
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|<style", text)


def test_nobody_sees_a_message_without_signing_in(served: Served) -> None:
    for path in ("/", "/lines/line-a/inbox", "/lines/line-a/messages/x-0000-1", "/officers"):
        status, headers, _ = served.ask("GET", path)
        assert (status, headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({}, 403),
        ({"Origin": "SELF"}, 403),
        ({"Origin": "SELF", "Content_Length": "99999999"}, 413),
    ],
)
def test_changes_that_are_not_asked_for_by_a_page_of_the_console(
    served: Served, headers: dict[str, str], status: int
) -> None:
    given = {k: v.replace("SELF", f"http://localhost:{served.port}") for k, v in headers.items()}
    assert served.ask("POST", "/settings", None if "Content_Length" in given else "language=fr", **given)[0] == status


def test_a_session_and_its_token_together_change_something(served: Served) -> None:
    _, headers, text = served.ask("GET", "/settings")
    cookie = headers["set-cookie"].split(";")[0]
    found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', text)
    assert found is not None
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"http://localhost:{served.port}"}
    body = f"csrf={found[1]}&language=fr&theme=night"
    assert served.ask("POST", "/settings", body, **form)[0] == 403
    assert served.ask("POST", "/settings", body, Cookie=f"{cookie}x", **form)[0] == 403
    status, headers, _ = served.ask("POST", "/settings", body, Cookie=cookie, **form)
    assert status == 303
    assert "parley-" in headers["set-cookie"]
    # Without an officer the session changes nothing on a line, and its token does not help.
    assert served.ask("POST", "/lines/line-a/log", f"csrf={found[1]}&text=x", Cookie=cookie, **form)[0] == 401


def test_no_way_out_of_the_static_files(served: Served) -> None:
    for path in ("/static/../web.py", "/static/..%2fweb.py", "/static/%2e%2e/web.py", "/static//etc/passwd", "/web.py"):
        assert served.ask("GET", path)[0] == 404


def test_where_the_address_is_taken_the_node_runs_on(served: Served, tmp_path: Path) -> None:
    home = Home(tmp_path / "second")
    found_lines(home, "line-b")
    (home.path / "config.toml").write_text(f'[console]\nlisten = "127.0.0.1:{served.port}"\n')
    node = Served(home, served.port)
    said = node.wait("stop with Ctrl-C")
    codes = [json.loads(x)["code"] for x in said.splitlines() if x.startswith('{"event": "notice"')]
    assert "console-address" in codes
    assert node.stop() == 0
