"""The streams of events over a real socket: of the console's pages and of the API, resumed where they broke off."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from parley.app.tokens import Tokens
from parley.console import api
from parley.console.hub import KEPT


class Stream:
    """One stream as it is read: each event's id, sort and data."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self._answer = answer.status, answer

    def next(self, *sorts: str) -> tuple[str, str, dict[str, Any]]:
        """The next event of these sorts."""
        found = {"id": "", "event": "", "data": ""}
        for raw in iter(self._answer.readline, b""):
            line = raw.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name in found:
                found[name] = value
            elif not line and found["event"] in sorts:
                return found["id"], found["event"], json.loads(found["data"])
            elif not line:
                found = {"id": "", "event": "", "data": ""}
        raise EOFError

    def told(self, count: int) -> list[str]:
        """What the next changes were about."""
        return [str(self.next("change")[2]["what"]) for _ in range(count)]


@pytest.fixture
def streams(served: Any) -> Iterator[Any]:
    """Opens streams, and closes them."""
    with contextlib.ExitStack() as stack:

        def begin(path: str, bearer: str = "", last: str = "") -> Stream:
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
            stack.callback(connection.close)
            given = {"Host": f"localhost:{served.port}"}
            given |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
            given |= {"Last-Event-ID": last} if last else {}
            connection.request("GET", path, headers=given)
            answer = connection.getresponse()
            stack.callback(answer.close)
            return Stream(answer)

        yield begin


def tell(served: Any, *whats: str, line: str = "trial") -> None:
    for what in whats:
        served.loop.call_soon_threadsafe(served.console.told, line, {"event": what, "code": "", "text": "a secret"})


def test_open_pages_are_told_of_a_handover_and_of_a_draft(served: Any, streams: Any) -> None:
    """Who relieved whom is in the watch's own log: it was shown elsewhere with whatever came next, and not before."""
    session, stream = served.session("An officer"), streams("/events")
    stream.next("beat")
    served.form("/lines/trial/handover", session, role="watch", how="roster", officer="Another", start="2000000000")
    assert stream.told(1) == ["handover"]
    number = served.operation("watch-draft", officer="Another", text="A draft.")["number"]
    served.form(f"/lines/trial/drafts/{number}/act", session, how="drop")
    assert stream.told(1) == ["draft"]


def test_a_page_is_told_what_happened_between_its_drawing_and_its_stream(served: Any, streams: Any) -> None:
    page = served.ask("GET", "/sign-in").data.decode()
    (after,) = re.findall(r'data-after="([^"]+)"', page)
    tell(served, "between")
    tell(served, "and-more")
    assert streams(f"/events?after={after}").told(2) == ["between", "and-more"]
    # Who names nothing begins now.
    fresh = streams("/events")
    assert fresh.next("beat")[2]["officer"] == ""
    tell(served, "now")
    assert fresh.told(1) == ["now"]


def test_a_stream_goes_on_after_the_last_event_that_was_heard(served: Any, streams: Any) -> None:
    first = streams("/events")
    first.next("beat")
    tell(served, "one")
    name, _, data = first.next("change")
    assert data == {"line": "trial", "what": "one", "code": ""}, "and nothing of what it says"
    tell(served, "two", "three")
    assert first.told(2) == ["two", "three"]
    again = streams("/events", last=name)
    assert again.told(2) == ["two", "three"]
    tell(served, "four")
    assert again.told(1) == ["four"], "once each, in order"
    # The browser's own header is newer than the address with which the stream was begun.
    assert streams("/events?after=run-0", last=name).told(3) == ["two", "three", "four"]
    # Another run of the node, or too long ago: the page is drawn anew, and goes on from there.
    tell(served, *("much",) * KEPT)
    again.told(KEPT)
    for unknown in ("other-3", name, "run-99999999", "run-x"):
        stream = streams("/events", last=unknown)
        now, _, _ = stream.next("reset")
        tell(served, "after")
        assert stream.told(1) == ["after"]
        assert streams("/events", last=now).told(1) == ["after"]


def test_the_stream_of_the_api_is_resumed_and_kept_to_its_lines(served: Any, streams: Any) -> None:
    bearer = served.token("events", name="follower")
    other = served.token("events", name="elsewhere", lines=("other",))
    stream, elsewhere = streams("/api/events", bearer), streams("/api/events", other)
    assert (stream.status, elsewhere.status) == (200, 200)
    stream._answer.readline()
    elsewhere._answer.readline()
    tell(served, "one")
    name, _, data = stream.next("change")
    assert data == {"line": "trial", "what": "one", "code": ""}
    tell(served, "two")
    tell(served, "theirs", line="other")
    tell(served, "three")
    assert stream.told(3) == ["two", "theirs", "three"]
    assert elsewhere.told(1) == ["theirs"], "nothing of a line that the token does not name"
    for path, last in (("/api/events", name), (f"/api/events?after={name}", "")):
        assert streams(path, bearer, last).told(3) == ["two", "theirs", "three"]
    assert streams("/api/events", other, name).told(1) == ["theirs"]
    assert streams("/api/events", bearer, "other-1").next("reset")[2] == {}


def test_a_revoked_token_hears_no_more_and_one_holds_few_streams(
    served: Any, streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_BEAT_S", 0.05)
    bearer = served.token("events", name="greedy")
    open_ = [streams("/api/events", bearer) for _ in range(api._STREAMS)]
    assert {s.status for s in open_} == {200}
    assert streams("/api/events", bearer).status == 429
    assert streams("/api/events", served.token("read", name="reader")).status == 403
    assert streams("/api/events").status == 401
    Tokens(served.home).revoke("greedy")
    for stream in open_:
        with pytest.raises(EOFError):
            stream.next("change")
