"""The console's parts without a node: words, times, text of peers, sessions, events, settings. R4, R42."""

from __future__ import annotations

import asyncio
import html
import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parley.console import words
from parley.console.hub import KEPT, Hub, Told
from parley.console.pages_map import Sheet
from parley.console.sessions import Sessions
from parley.console.settings import load_settings
from parley.console.templating import peer_text
from parley.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def test_every_text_is_translated_and_fits() -> None:
    command = [sys.executable, str(ROOT / "tools" / "catalogues.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1 сообщение"), (2, "2 сообщения"), (5, "5 сообщений"), (11, "11 сообщений"), (21, "21 сообщение")],
)
def test_plurals_by_the_languages_own_rules(number: int, said: str) -> None:
    text = words.translations("ru").ngettext("%(count)s message", "%(count)s messages", number)
    assert text % {"count": number} == said


def test_times_in_utc_with_the_stations_beside_them() -> None:
    at = 1_795_629_845
    times = words.Times("fr", ZoneInfo("Asia/Kathmandu"))
    assert times.utc(at) == "18:04:05Z 25 nov."
    assert times.local(at) == "23:49 25 nov. +05:45"
    assert times.group(at) == "251804Z NOV 26"
    assert words.offset_s(at, ZoneInfo("Asia/Kathmandu")) == 5 * 3600 + 45 * 60
    assert words.Times("en").span(90061) == "1d 1h"
    assert words.Times("ru").span(61) == "1 мин 1 с"  # noqa: RUF001
    assert words.Times("en").span(-59) == "59s"


@pytest.mark.parametrize(
    ("accepted", "usual", "language"),
    [("ru-RU,ru;q=0.9", "", "ru"), ("de,fr;q=0.5", "", "fr"), ("de", "ru", "ru"), ("", "xx", "en")],
)
def test_the_browsers_language_where_it_is_spoken(accepted: str, usual: str, language: str) -> None:
    assert words.best_language(accepted, usual) == language


@given(st.text())
def test_text_of_peers_is_escaped_and_shows_what_would_hide(text: str) -> None:
    shown = str(peer_text(text))
    bare = re.sub(r'<mark class="(?:mixed|hidden)">|</mark>', "", shown)
    assert not re.search(r"<(?!U\+)", bare)
    plain = html.unescape(bare)
    assert not [c for c in plain if unicodedata.category(c) in ("Cf", "Cc", "Co") and c not in "\n\t"]
    # Nothing is dropped: what is not shown as its code point stands as it was.
    ordinary = [c for c in text if unicodedata.category(c)[0] in "LN" and f"<U+{ord(c):04X}>" not in plain]
    assert all(c in plain for c in ordinary)


def test_mixed_scripts_and_direction_marks_are_marked() -> None:
    shown = str(peer_text("p\u0430ypal\u202e <b>"))
    assert shown == ('<mark class="mixed">p\u0430ypal</mark><mark class="hidden">&lt;U+202E&gt;</mark> &lt;b&gt;')


def test_sessions_end_and_get_a_new_name_at_sign_in() -> None:
    sessions = Sessions(idle_s=100, longest_s=300)
    before = sessions.begin(0)
    signed = sessions.sign_in(before, "N1 #aa", 10)
    assert signed.token != before.token
    assert sessions.find(before.token, 10) is None
    assert sessions.find(signed.token, 110) is signed
    assert sessions.find(signed.token, 111) is None
    other = sessions.begin(0, "N1 #aa")
    other.seen = 290
    assert sessions.find(other.token, 301) is None
    third = sessions.begin(0, "N1 #aa")
    sessions.end_all("N1 #aa")
    assert sessions.find(third.token, 1) is None


@pytest.mark.no_cover
def test_a_flood_of_visitors_signs_no_officer_out() -> None:
    sessions = Sessions()
    officer = sessions.begin(0, "N1 #aa")
    for n in range(3000):
        sessions.begin(n + 1)
    assert sessions.find(officer.token, 3000) is officer


async def following(hub: Hub, last: str, count: int) -> list[Told | None]:
    found: list[Told | None] = []
    async for told in hub.follow(last, 5):
        found.append(told)
        if len(found) == count:
            return found
    return found


def test_who_was_away_is_told_what_was_missed_or_to_begin_anew() -> None:
    async def run() -> None:
        hub = Hub("aa")
        for n in range(3):
            hub.tell("change", n=n)
        missed = await following(hub, "aa-1", 3)
        assert [t.data["n"] for t in missed if t is not None] == [1, 2]
        # Another run of the node, a number that was never given, one that is too old: begin anew.
        for last in ("bb-1", "aa-99", "aa-x", "aa-\u00b2"):
            assert [t.sort for t in await following(hub, last, 2) if t is not None] == ["reset"]
        for _ in range(KEPT + 1):
            hub.tell("change")
        assert [t.sort for t in await following(hub, "aa-1", 2) if t is not None] == ["reset"]
        assert await following(hub, "", 1) == [None]

    asyncio.run(run())


@given(st.lists(st.frozensets(st.sampled_from("abcd")), max_size=12))
@example([frozenset(names) for names in ("abcd", "bcd", "cd", "acd", "cd", "d", "")])
def test_a_map_that_takes_in_what_changed_is_the_one_that_is_drawn_anew(states: list[frozenset[str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parley.console.pages_map._GONE", 2)
        sheet, drawn = Sheet(), [(-1, frozenset[str]())]
        for names in states:
            sheet.take([{"id": name} for name in sorted(names)])
            for known, had in drawn:
                whole, things, gone = sheet.since(known)
                kept = frozenset() if whole else had - set(gone)
                assert kept | {json.loads(thing)["id"] for thing in things} == names
            drawn.append((sheet.version, names))


@pytest.mark.parametrize(
    "text",
    [
        'listen = "nowhere"',
        'listen = "0.0.0.0:7480"',
        'origin = "http://parley.example"',
        'origin = "ftp://localhost:1"',
        'certificate = "a.pem"',
        'timezone = "Mars/Olympus"',
        "port = 1",
        "enabled = 1",
    ],
)
def test_settings_that_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[console]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load_settings(path)
    assert caught.value.code == "config"


def test_settings_that_hold(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert load_settings(path).origin == "http://localhost:7480"
    path.write_text('[console]\nlisten = "[::1]:81"\n')
    assert (load_settings(path).host, load_settings(path).origin) == ("::1", "http://localhost:81")
    path.write_text('[console]\nlisten = "0.0.0.0:443"\norigin = "https://watch.example"\ncertificate="c"\nkey="k"\n')
    found = load_settings(path)
    assert (found.secure, found.authority, found.key) == (True, "watch.example", tmp_path / "k")
