"""The console's settings: the table [console] of config.toml in the home directory (docs/reference/config.md)."""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from parley.errors import UsageError

DEFAULT_PORT: Final = 7480
_KNOWN: Final = frozenset({"listen", "origin", "certificate", "key", "timezone", "language", "enabled"})


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Where the console listens, and under which name browsers know it."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    origin: str = f"http://localhost:{DEFAULT_PORT}"
    """Scheme, name and port, as the browser shows them: passkeys are bound to it."""
    certificate: Path | None = None
    key: Path | None = None
    timezone: str = ""
    """IANA name of the zone whose time stands beside UTC; empty for the machine's."""
    language: str = ""
    """Of who has not chosen one; empty for the browser's."""
    enabled: bool = True

    @property
    def authority(self) -> str:
        """Name and port of the origin: what a request's Host must be."""
        return urlsplit(self.origin).netloc

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console over TLS."""
        return self.origin.startswith("https://")


def load_settings(path: Path) -> ConsoleSettings:
    """What ``path`` sets; the defaults where there is none. Raises UsageError ``config``."""
    given: dict[str, Any] = {}
    if path.exists():
        try:
            given = dict(tomllib.loads(path.read_text()).get("console", {}))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
            raise _bad(path, str(error)) from error
    unknown = set(given) - _KNOWN
    wrong = [k for k, v in given.items() if not isinstance(v, bool if k == "enabled" else str)]
    if unknown or wrong:
        raise _bad(path, f"[console] knows {', '.join(sorted(_KNOWN))}; got {', '.join(sorted(unknown) or wrong)}")
    host, port = _address(path, given.get("listen", f"127.0.0.1:{DEFAULT_PORT}"))
    paths = {k: (path.parent / given[k]) if k in given else None for k in ("certificate", "key")}
    if (paths["certificate"] is None) != (paths["key"] is None):
        raise _bad(path, "[console] certificate and key go together")
    origin = given.get("origin") or f"{'https' if paths['key'] else 'http'}://localhost:{port}"
    _check_origin(path, origin, host)
    _check_zone(path, given.get("timezone", ""))
    return ConsoleSettings(
        host,
        port,
        origin.rstrip("/"),
        paths["certificate"],
        paths["key"],
        given.get("timezone", ""),
        given.get("language", ""),
        given.get("enabled", True),
    )


def _address(path: Path, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise _bad(path, f"{text!r} is no host:port")
    return host.strip("[]"), int(port)


def _check_origin(path: Path, origin: str, host: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _bad(path, f"[console] origin is scheme://name:port, not {origin!r}")
    if parts.scheme == "http" and not (parts.hostname == "localhost" and _loopback(host)):
        raise _bad(
            path,
            "[console] over http the origin is http://localhost:PORT and the console listens on loopback; a name "
            "that others reach needs https (certificate and key, or a proxy that has them)",
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_zone(path: Path, name: str) -> None:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _bad(path, f"[console] timezone: {name!r} is no zone that this machine knows") from error


def _bad(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is not acceptable: {why}.", code="config", next_step="See docs/reference/config.md.")
