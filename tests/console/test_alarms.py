"""The watcher learns that an alert channel is down (ecosystem.md, wish 14)."""

from __future__ import annotations

import asyncio
import html
import socket
import time
from typing import Any

from parley.app.alerts import Alerts, Syslog

FAILS = "The alert channel soc fails: nobody is told elsewhere."


def test_a_channel_that_fails_alarms_and_stands_above_the_lines_until_it_works(served: Any) -> None:
    console = served.console
    session = served.session("N1")

    def shown() -> tuple[bool, bool]:
        """Whether it sounds, and whether it stands above the lines."""
        page = html.unescape(served.ask("GET", "/", cookie=served.cookie(session)).data.decode())
        return FAILS in page.partition('id="alarm"')[2].partition("</section>")[0], FAILS in page.partition("<main")[2]

    def until(wanted: tuple[bool, bool]) -> None:
        limit = time.monotonic() + 60
        while shown() != wanted:
            assert time.monotonic() < limit, wanted

    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    async def begin() -> Alerts:
        alerts = Alerts([Syslog("soc", "127.0.0.1", port)], console.told, retry_s=0.02)
        alerts.start()
        return alerts

    assert shown() == (False, False)
    alerts = asyncio.run_coroutine_threadsafe(begin(), served.loop).result(60)
    until((True, True))
    # It is heard: it sounds no more, who heard it is in the log, and it is said for as long as it lasts.
    (since,) = console.channels.values()
    served.form("/hush", session, line="trial", key=f"~alert:soc:{since}")
    until((False, True))
    heard = [f for f in served.operation("watch-log") if f.get("text") == f"heard alert:soc:{since}"]
    assert [f["officer"] for f in heard] == [session.officer]

    async def works() -> asyncio.Server:
        return await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)

    server = asyncio.run_coroutine_threadsafe(works(), served.loop).result(60)
    until((False, False))
    asyncio.run_coroutine_threadsafe(alerts.close(), served.loop).result(60)
    served.loop.call_soon_threadsafe(server.close)
