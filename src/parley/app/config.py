"""A line's config.toml: its bearers and settings (docs/reference/config.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from parley.bearers.folder import FolderBearer
from parley.bearers.tls import TlsBearer
from parley.bearers.tls_channel import TlsIdentity
from parley.errors import UsageError
from parley.ids import MemberNumber
from parley.ports import Bearer
from parley.protocol.membership import Membership
from parley.protocol.settings import Settings

TEMPLATE: Final = """\
# How this node reaches its peers. Several bearers may be used at once; ROUTINE goes by the lowest cost that
# works, FLASH by all. Addresses are host:port.

# [[bearer]]
# kind = "tls"
# name = "fibre"
# cost = 0
# listen = "0.0.0.0:7400"
# [bearer.dial]
# southland = "192.0.2.10:7400"

# [[bearer]]
# kind = "folder"
# name = "stick"
# cost = 10
# incoming = "/media/stick/to-us"
# [bearer.outgoing]
# southland = "/media/stick/to-southland"
"""
_SETTABLE: Final = {f.name for f in fields(Settings)} - {"software", "understands"}


@dataclass(frozen=True, slots=True)
class Config:
    """A line's configuration, checked."""

    bearers: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, float]


def load(path: Path) -> Config:
    """The configuration in ``path``; empty when there is none. Raises UsageError."""
    if not path.exists():
        return Config((), {})
    try:
        table = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error
    settings = table.get("settings", {})
    unknown = set(settings) - _SETTABLE
    if unknown or not all(isinstance(v, int | float) for v in settings.values()):
        raise _bad(path, f"[settings] knows {', '.join(sorted(_SETTABLE))}, all numbers")
    bearers = table.get("bearer", [])
    if not isinstance(bearers, list) or len({b.get("name") for b in bearers}) < len(bearers):
        raise _bad(path, "each [[bearer]] needs a name of its own")
    return Config(tuple(bearers), settings)


def _bad(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is not acceptable: {why}.", code="config", next_step="See docs/reference/config.md.")


def pins(membership: Membership) -> dict[bytes, MemberNumber]:
    """The TLS keys that the certificates of each member name, but those that are revoked."""
    return {keys.tls: m.number for m in membership.members.values() for keys in m.standing}


def make_bearers(config: Config, path: Path, membership: Membership, identity: TlsIdentity) -> list[Bearer]:
    """The bearers that the configuration names. Raises UsageError."""
    made: list[Bearer] = []
    for table in config.bearers:
        name, kind = str(table.get("name", "")), table.get("kind")
        cost = int(table.get("cost", 0 if kind == "tls" else 10))
        if kind == "tls":
            dial = {membership.by_code(c).number: _address(path, a) for c, a in table.get("dial", {}).items()}
            listen = _address(path, table["listen"]) if "listen" in table else None
            made.append(TlsBearer(name, identity, pins(membership), listen=listen, dial=dial, cost=cost))
        elif kind == "folder":
            outgoing = {membership.by_code(c).number: Path(p) for c, p in table.get("outgoing", {}).items()}
            incoming = Path(table["incoming"]) if "incoming" in table else None
            poll = float(table.get("poll_s", 1.0))
            made.append(FolderBearer(name, outgoing=outgoing, incoming=incoming, poll_s=poll, cost=cost))
        else:
            raise _bad(path, f"bearer kind {kind!r} is not known; tls and folder are")
    return made


def _address(path: Path, text: object) -> tuple[str, int]:
    host, _, port = str(text).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise _bad(path, f"{text!r} is no host:port")
    return host.strip("[]"), int(port)
