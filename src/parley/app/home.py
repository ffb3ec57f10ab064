"""Where a party keeps what: one home directory.

::

    officers.json                  the officers and their passkeys' public keys; no secret
    identity/party.note            the party document, signed by its own root
    identity/roots/HOLDER.key      root keys, each to be kept by its holder (may be taken away)
    forms/                         packs of this home, and those that charters here name, beyond the build's life
    lines/NAME/documents/*.note    charter revisions, party documents, certificates, notices
    lines/NAME/keys/node-N.toml    the node's secrets, N is the certificate's serial
    lines/NAME/config.toml         bearers; see docs/reference/config.md
    lines/NAME/store.db, head      the record (encrypted), and what was last signed
    lines/NAME/restored            when the backup was made that the record was restored from, until the next start
    lines/NAME/control.sock        where a running node listens for the command line
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from parley.errors import KeyUnavailable, StoreError, UsageError
from parley.ids import MemberNumber
from parley.keys.file import NodeKeyFile, write_private
from parley.protocol.membership import Membership, verify_documents
from parley.wire import documents
from parley.wire.documents import Party, document_hash

DEFAULT: Final = "~/.parley"


def default_home() -> Path:
    """PARLEY_HOME, or ~/.parley."""
    return Path(os.environ.get("PARLEY_HOME", DEFAULT)).expanduser()


class LineHome:
    """One line's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.store = path / "store.db"
        self.head = path / "head"
        self.config = path / "config.toml"
        self.restored = path / "restored"
        self.control = path / "control.sock"
        self.forms = self.home.forms

    @property
    def home(self) -> Home:
        """The party's home that this is in."""
        return Home(self.path.parent.parent)

    def key_files(self) -> dict[int, Path]:
        """The node key files by serial."""
        found = (self.path / "keys").glob("node-*.toml")
        return {int(p.stem.removeprefix("node-")): p for p in found if p.stem.removeprefix("node-").isdigit()}

    def key_file(self, serial: int) -> Path:
        """Where the keys of a serial are."""
        return self.path / "keys" / f"node-{serial}.toml"

    def newest_keys(self) -> tuple[int, NodeKeyFile]:
        """The node's keys in force. Raises KeyUnavailable."""
        files = self.key_files()
        serial = max(files, default=1)
        return serial, NodeKeyFile.load(files.get(serial, self.key_file(serial)))

    def notes(self) -> list[bytes]:
        """The line's documents, unverified."""
        return [p.read_bytes() for p in sorted((self.path / "documents").glob("*.note"))]

    def add_notes(self, notes: Mapping[bytes, bytes]) -> None:
        """Keep documents, each under the hash of its text. Raises StoreError ``store-io``."""
        for hash_, raw in notes.items():
            kind = type(documents.parse(raw)[1]).__name__.lower()
            path = self.path / "documents" / f"{kind}-{hash_.hex()[:16]}.note"
            try:
                write_private(path, raw)
            except OSError as error:
                raise StoreError(
                    f"cannot keep {path}: {error.strerror}",
                    code="store-io",
                    next_step="Make room or give the directory back to the user of the node.",
                ) from error

    def membership(self) -> Membership:
        """The verified membership. Raises DocumentError, DecodeError."""
        notes = self.notes()
        if not notes:
            raise UsageError(
                f"the line {self.name!r} is not founded yet.",
                code="line-not-founded",
                next_step="Finish 'parley line propose', 'accept' and 'open', or 'import' the founding file.",
            )
        return verify_documents(notes)

    def me(self, membership: Membership) -> MemberNumber:
        """Which member this node is: the one whose certificate names our keys. Raises KeyUnavailable."""
        for _, path in sorted(self.key_files().items(), reverse=True):
            public = NodeKeyFile.load(path).public().checkpoint
            for member in membership.members.values():
                if any(keys.checkpoint == public for _, _, keys in member.certificates):
                    return member.number
        raise KeyUnavailable(
            f"no member of the line {self.name!r} has this node's keys.",
            code="key-missing",
            next_step="Put the keys directory back from where it was kept.",
        )


class Home:
    """A party's home directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.party_note = path / "identity" / "party.note"
        self.roots = path / "identity" / "roots"
        self.forms = path / "forms"

    def party(self) -> tuple[bytes, Party]:
        """Our signed party document. Raises UsageError when there is none."""
        if not self.party_note.exists():
            raise UsageError(
                f"there is no identity in {self.path}.",
                code="no-identity",
                next_step="Run 'parley init' first.",
            )
        raw = self.party_note.read_bytes()
        document = documents.parse(raw)[1]
        if not isinstance(document, Party):
            raise UsageError(f"{self.party_note} is no party document.", code="no-identity")
        return raw, document

    def party_hash(self) -> bytes:
        """SHA-256 of our party document."""
        return document_hash(documents.parse(self.party()[0])[0].text)

    def line(self, name: str) -> LineHome:
        """The directory of a line, there or not."""
        return LineHome(self.path / "lines" / name)

    def lines(self) -> list[LineHome]:
        """All lines, founded or begun."""
        root = self.path / "lines"
        return [LineHome(p) for p in sorted(root.iterdir()) if p.is_dir()] if root.is_dir() else []

    def the_line(self, name: str | None) -> LineHome:
        """The line called ``name``, or the only one. Raises UsageError."""
        lines = self.lines()
        if name is None:
            if len(lines) == 1:
                return lines[0]
            known = ", ".join(line.name for line in lines) or "none yet"
            raise UsageError(f"which line? There are: {known}.", code="line-unknown", next_step="Name it with --line.")
        for line in lines:
            if line.name == name:
                return line
        raise UsageError(f"there is no line {name!r} here.", code="line-unknown", next_step="See 'parley line list'.")
