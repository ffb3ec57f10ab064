"""Alert channels: a webhook, e-mail or syslog is told that something waits, never what it says.

Each channel sends from a thread of its own, keeps a bounded queue while it fails, sends a heartbeat so that who
receives notices its silence, and tells in the node's events when it begins to fail and when it works again.
Alerts are extra: the console's alarm and the watch's ladder do not wait for them.

What is told: the line's name, a code such as ``flash`` or ``no-reply``, the id of the message that it is about, a time.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import os
import smtplib
import socket
import ssl
import time
import tomllib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from parley import __version__
from parley.app.home import Home
from parley.errors import BearerError, UsageError

_KEPT: Final = 256
"""Alerts that wait while a channel fails; then the oldest goes."""
_TIMEOUT_S: Final = 10.0
_RETRY_S: Final = 5.0
_RETRY_MOST_S: Final = 300.0
_HEARTBEAT_S: Final = 60
_MAIL_HEARTBEAT_S: Final = 86_400
HEARTBEAT: Final = "heartbeat"
TEST: Final = "test"
_FLASH: Final = frozenset({"flash", "no-duff", "alarm"})
_HEARING: Final = frozenset({"no-armed-console", "console-armed"})
"""Notices of the console: whom it alarms nobody hears, so somebody elsewhere is told."""
_PRECEDENCE: Final = {True: "4", False: "3"}
_ROUTINE: Final = "1"
"""RFC 6477, MMHS-Primary-Precedence: 4 is FLASH, 3 is IMMEDIATE, 1 is ROUTINE."""
_FACILITY: Final = 10 << 3
"""Security and authorization messages (RFC 5424 section 6.2.1)."""
_NOTICE_SEVERITY, _ALERT, _INFO = 5, 1, 6

Told = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Alert:
    """What a channel sends. ``time`` in POSIX seconds."""

    line: str
    code: str
    about: str
    time: int

    def plain(self) -> dict[str, Any]:
        """Plain data."""
        return {"line": self.line, "code": self.code, "about": self.about, "time": self.time}


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST of JSON, signed: ``Parley-Signature: t=TIME,v1=HEX`` is HMAC-SHA-256 over ``TIME.BODY``."""

    name: str
    url: str
    secret: bytes
    heartbeat_s: int = _HEARTBEAT_S

    def send(self, alert: Alert) -> None:
        """Tell it. No redirect is followed."""
        parts = urlsplit(self.url)
        body = json.dumps(alert.plain()).encode()
        now = str(int(time.time()))
        signature = hmac.digest(self.secret, f"{now}.".encode() + body, "sha256").hex()
        headers = {
            "Content-Type": "application/json",
            "Parley-Signature": f"t={now},v1={signature}",
            "User-Agent": f"parley/{__version__}",
        }
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise _failed(self.name, str(error)) from error
        finally:
            connection.close()
        if not 200 <= status < 300:  # noqa: PLR2004
            raise _failed(self.name, f"it answered with status {status}")


@dataclass(frozen=True, slots=True)
class Mail:
    """One message an alert, with the precedence as RFC 6477 has it. TLS by STARTTLS unless it is switched off."""

    name: str
    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    starttls: bool = True
    user: str = ""
    password: str = ""
    heartbeat_s: int = _MAIL_HEARTBEAT_S

    def message(self, alert: Alert) -> EmailMessage:
        """What is sent."""
        found = EmailMessage()
        found["From"], found["To"] = self.sender, ", ".join(self.to)
        found["Subject"] = f"Parley {_plain(alert.line)}: {_plain(alert.code)}"
        found["Date"] = format_datetime(datetime.fromtimestamp(alert.time, UTC))
        found["Message-ID"] = make_msgid(domain="parley.invalid")
        found["Auto-Submitted"] = "auto-generated"
        if alert.code != HEARTBEAT:
            found["MMHS-Primary-Precedence"] = _ROUTINE if alert.code == TEST else _PRECEDENCE[alert.code in _FLASH]
        about = f" about {_plain(alert.about)}" if alert.about else ""
        found.set_content(f"{_plain(alert.code)}{about} on the line {_plain(alert.line)}.\nLook at the console.\n")
        return found

    def send(self, alert: Alert) -> None:
        """Tell it."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(self.message(alert))
        except (OSError, smtplib.SMTPException) as error:
            raise _failed(self.name, str(error)) from error


@dataclass(frozen=True, slots=True)
class Syslog:
    """RFC 5424 over UDP, or over TCP with octet counts (RFC 6587); UDP tells nothing of a loss."""

    name: str
    host: str
    port: int
    tcp: bool = True
    heartbeat_s: int = _HEARTBEAT_S

    def line(self, alert: Alert) -> bytes:
        """The message."""
        severity = _INFO if alert.code in (HEARTBEAT, TEST) else _ALERT if alert.code in _FLASH else _NOTICE_SEVERITY
        when = datetime.fromtimestamp(alert.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = " ".join(f'{k}="{_quoted(getattr(alert, k))}"' for k in ("line", "code", "about"))
        host = _plain(socket.gethostname()) or "-"
        head = f"<{_FACILITY | severity}>1 {when} {host[:255]} parley {os.getpid()} {_plain(alert.code)[:32] or '-'}"
        # 32473 is the number for examples (RFC 5612).
        return f"{head} [parley@32473 {fields}] {_plain(alert.code)}".encode()

    def send(self, alert: Alert) -> None:
        """Tell it."""
        data = self.line(alert)
        try:
            if self.tcp:
                with socket.create_connection((self.host, self.port), _TIMEOUT_S) as connection:
                    connection.sendall(f"{len(data)} ".encode() + data)
                return
            family, kind, proto, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, proto) as udp:
                udp.sendto(data, address)
        except OSError as error:
            raise _failed(self.name, str(error)) from error


Channel = Webhook | Mail | Syslog
"""A way to tell. ``send`` blocks for some ten seconds at most, and raises BearerError when it failed."""


def _plain(text: str) -> str:
    """Printable ASCII without spaces, so that nothing that a peer chose ends a line or a header."""
    return "".join(c if "!" <= c <= "~" else "_" for c in text)[:120]


def _quoted(text: str) -> str:
    return _plain(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _failed(name: str, why: str) -> BearerError:
    return BearerError(f"the alert channel {name!r} failed: {why}.", code="alert-failed")


# -- settings ---------------------------------------------------------------------------------------------


def load_channels(path: Path) -> list[Channel]:
    """The tables [[alert]] of the home's config.toml. Raises UsageError ``config``."""
    if not path.exists():
        return []
    try:
        tables = tomllib.loads(path.read_text()).get("alert", [])
        found = [_channel(dict(table), path.parent) for table in tables]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, KeyError, TypeError, ValueError) as error:
        raise _bad(path, str(error)) from error
    if len({c.name for c in found}) < len(found):
        raise _bad(path, "each [[alert]] needs a name of its own")
    return found


def _channel(table: dict[str, Any], folder: Path) -> Channel:
    """Raises KeyError, TypeError, ValueError."""
    kind, name = table.pop("kind"), str(table.pop("name"))
    beat = {"heartbeat_s": _positive(table.pop("heartbeat_s"))} if "heartbeat_s" in table else {}
    made: Channel
    match kind:
        case "webhook":
            url, secret = str(table.pop("url")), (folder / table.pop("secret_file")).read_bytes().strip()
            parts = urlsplit(url)
            loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
            if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
                raise ValueError(f"{name}: a webhook is https; http on this machine alone")
            if len(secret) < 16:  # noqa: PLR2004
                raise ValueError(f"{name}: the secret has fewer than 16 bytes")
            made = Webhook(name, url, secret, **beat)
        case "mail":
            host, port = _address(table.pop("server"))
            password = (folder / table.pop("password_file")).read_text().strip() if "password_file" in table else ""
            to, sender = tuple(table.pop("to")), str(table.pop("from"))
            starttls, user = bool(table.pop("starttls", True)), str(table.pop("user", ""))
            made = Mail(name, host, port, sender, to, starttls, user, password, **beat)
        case "syslog":
            host, port = _address(table.pop("server"))
            made = Syslog(name, host, port, table.pop("transport", "tcp") == "tcp", **beat)
        case _:
            raise ValueError(f"alert kind {kind!r} is not known; webhook, mail and syslog are")
    if table:
        raise ValueError(f"{name}: {', '.join(sorted(table))} is not known")
    return made


def _positive(value: object) -> int:
    if type(value) is not int or value <= 0:
        raise ValueError(f"{value!r} is no number of seconds")
    return value


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text!r} is no host:port")
    return host.strip("[]"), int(port)


def _bad(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is not acceptable: {why}.", code="config", next_step="See docs/howto/alert-elsewhere.md."
    )


def channels_of(home: Home) -> list[Channel]:
    """The channels of a home. Raises UsageError."""
    return load_channels(home.path / "config.toml")


def trial_alert() -> Alert:
    """What a test of a channel sends: it is about nothing."""
    return Alert("", TEST, "", int(time.time()))


def try_channel(channel: Channel, alert: Alert) -> BearerError | None:
    """Send it now; why it failed, or None when it was taken."""
    try:
        channel.send(alert)
    except BearerError as error:
        return error
    return None


# -- running ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Running:
    channel: Channel
    waiting: deque[Alert] = field(default_factory=lambda: deque(maxlen=_KEPT))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    failing: bool = False


class Alerts:
    """All channels of a node, from ``start`` to ``close``."""

    def __init__(self, channels: list[Channel], told: Told, *, retry_s: float = _RETRY_S) -> None:
        self._running = [_Running(c) for c in channels]
        self._told = told
        self._retry_s = retry_s
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Send from now on."""
        self._tasks = [asyncio.create_task(self._run(r)) for r in self._running]

    async def close(self) -> None:
        """Stop; what waits is not sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take(self, line: str, event: Mapping[str, Any]) -> None:
        """Let all channels tell what the watch tells, and whether anybody would hear it; nothing of a content."""
        if event.get("event") != "watch" and event.get("code") not in _HEARING:
            return
        alert = Alert(line, str(event.get("code", "")), str(event.get("message", "")), int(time.time()))
        for running in self._running:
            running.waiting.append(alert)
            running.wake.set()

    async def _run(self, running: _Running) -> None:
        wait, beat_at = self._retry_s, 0.0
        loop = asyncio.get_running_loop()
        while True:
            if not running.waiting and loop.time() >= beat_at:
                running.waiting.append(Alert("", HEARTBEAT, "", int(time.time())))
            if not running.waiting:
                running.wake.clear()
                try:
                    await asyncio.wait_for(running.wake.wait(), max(0.01, beat_at - loop.time()))
                except TimeoutError:
                    continue
            alert = running.waiting[0]
            try:
                await asyncio.to_thread(running.channel.send, alert)
            except BearerError as error:
                self._say(running, error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, max(_RETRY_MOST_S, self._retry_s))
                continue
            self._say(running, None)
            wait = self._retry_s
            if running.waiting and running.waiting[0] is alert:
                running.waiting.popleft()
            beat_at = loop.time() + running.channel.heartbeat_s

    def _say(self, running: _Running, error: BearerError | None) -> None:
        if (error is not None) == running.failing:
            return
        running.failing = error is not None
        name = running.channel.name
        code = error.code if error is not None else "alert-works"
        text = error.message if error is not None else f"the alert channel {name!r} works again."
        self._told("", {"event": "notice", "code": code, "text": text, "channel": name})
