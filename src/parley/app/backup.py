"""A line's backup in one encrypted file, and a node put together from it (D14, D15).

==============================  =======================================================================
in a backup                     the record with its receipts, proofs and indexes; the line's documents;
                                ``config.toml``; ``identity/party.note``; the form packs and dictionaries that
                                the line's charters name
with a passphrase, also         the node's key files
never                           root keys; chain keys, skipped message keys and prekeys
==============================  =======================================================================

A backup without a passphrase is sealed under a key that comes from the store's, and opens only where the node's
key files are. Both use the store's cipher. What is never in a backup a restored node makes anew, as one does
that lost its database: it announces other chains, opens a new tree, and takes back from its peers what they hold.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from parley.app.forms import kept_files
from parley.app.home import Home, LineHome
from parley.crypto.kdf import hmac_sha256
from parley.errors import KeyUnavailable, StoreError, UsageError
from parley.keys.file import NodeKeyFile, write_private
from parley.node.clock import SystemClock
from parley.protocol import rows as r
from parley.stores import backup as stored
from parley.stores import cipher
from parley.stores.datadir import DataDirectory, sync_directory
from parley.stores.sqlite import SqliteStore

SECRET: Final = frozenset({r.CHAIN, r.SKIPPED, r.PREKEY})
"""What a node keeps to seal and to open; who has it reads what was sent under it (forward secrecy)."""
MIN_PASSPHRASE: Final = 12
"""Bytes of the shortest passphrase that may stand between a thief of the file and the node's keys."""
_PARTY: Final = "party.note"
_CONFIG: Final = "config.toml"
_DOCUMENTS: Final = "documents"
_KEYS: Final = "keys"
_FORMS: Final = "forms"
_FORM_FILE: Final = re.compile(_FORMS + r"/[a-z][a-z0-9-]*/[a-z][a-z0-9.-]*")


def back_up(home: Home, line: LineHome, target: Path, passphrase: bytes | None = None) -> dict[str, Any]:
    """Write a backup of ``line`` to ``target``, whether its node runs or not; what it holds, in numbers.

    With ``passphrase`` the node's keys are in it. Raises UsageError, KeyUnavailable, StoreError.
    """
    _, keys = line.newest_keys()
    charters = [revision.charter for revision in line.membership().revisions]
    places = [home.party_note, line.config, *(line.path / _DOCUMENTS).glob("*.note")]
    if passphrase is not None:
        places += line.key_files().values()
    files = {_name(line, place): place.read_bytes() for place in places if place.exists()}
    files |= {f"{_FORMS}/{name}": data for name, data in kept_files(charters, line.forms).items()}
    seal = seal_of(keys.store_key) if passphrase is None else _seal_by(_checked(passphrase), os.urandom(16))
    described = (line.name, SystemClock().wall_s())
    facts = stored.write((line.store, keys.store_key), target, seal, SECRET, files, described)
    return {
        "file": str(target),
        "bytes": target.stat().st_size,
        "line": facts.line,
        "made": facts.made,
        "entries": facts.entries,
        "keys": passphrase is not None,
    }


def restore(
    home: Home, source: Path, name: str | None = None, passphrase: bytes | None = None, *, replace: bool = False
) -> dict[str, Any]:
    """Put a line together from a backup; what there was, in numbers.

    1. The backup opens under the keys that are here or the passphrase, and is whole.  KeyUnavailable, StoreError
    2. No store is there, or ``replace`` puts it aside; no node runs.                  UsageError, StoreLocked
    3. The line's documents verify, and a certificate names keys that are here.        DocumentError, KeyUnavailable

    Files that are there already stay as they are: keys, documents and configuration are never replaced. The head
    file stays, so that the node notices what the backup lacks.
    """
    key, salt = _opening(home, source, name, passphrase)
    with stored.opened(source, key, salt) as backup:
        line = home.line(name or backup.facts.line)
        if line.store.exists() and not replace:
            raise UsageError(
                f"there is a record in {line.path} already.",
                code="store-exists",
                next_step="Use --replace to put it aside, or another --home.",
            )
        with DataDirectory(line.path, command="parley restore"):
            for file, data in backup.files().items():
                _put(home, line, file, data)
            line.me(line.membership())
            if line.store.exists():
                _put_aside(line)
            _, keys = line.newest_keys()
            SqliteStore.create(line.store, keys.store_key, backup.rows(), backup.facts.version).close()
            write_private(line.restored, str(backup.facts.made).encode())
        return {"line": line.name, "made": backup.facts.made, "entries": backup.facts.entries}


def _name(line: LineHome, place: Path) -> str:
    """A file's name in a backup: below the line's directory, or the party document."""
    return str(place.relative_to(line.path)) if place.is_relative_to(line.path) else _PARTY


def _put(home: Home, line: LineHome, name: str, data: bytes) -> None:
    """Write a file of a backup to its place, unless there is one. Raises StoreError for a name of no backup."""
    folder, _, file = name.rpartition("/")
    if _FORM_FILE.fullmatch(name):
        place = line.forms / name.removeprefix(f"{_FORMS}/")
    elif name not in (_PARTY, _CONFIG) and (folder not in (_DOCUMENTS, _KEYS) or not file or file.startswith(".")):
        raise StoreError(f"the backup has a file {name!r} that belongs nowhere", code="backup-file-unknown")
    else:
        place = home.party_note if name == _PARTY else line.path / name
    if not place.exists():
        write_private(place, data)


def _put_aside(line: LineHome) -> None:
    """Rename the store and its log; the log goes first, since without its database nobody takes it for another's."""
    if line.store.with_name(f"replaced-{line.store.name}").exists():
        raise UsageError(
            f"{line.path} holds a record that was put aside before.",
            code="store-exists",
            next_step="Move the files replaced-store.db* away first.",
        )
    for suffix in ("-wal", "-shm", ""):
        path = line.store.with_name(line.store.name + suffix)
        if path.exists():
            path.rename(path.with_name(f"replaced-{path.name}"))
    sync_directory(line.path)


def _opening(home: Home, source: Path, name: str | None, passphrase: bytes | None) -> tuple[bytes, bytes]:
    """Key and salt of a backup: by the keys that are here where they fit, else by the passphrase."""
    salt = cipher.read_salt(source)
    for line in [home.line(name)] if name is not None else home.lines():
        for path in line.key_files().values():
            key, _ = seal_of(NodeKeyFile.load(path).store_key)
            if cipher.is_key(salt, key):
                return key, salt
    if passphrase is None:
        raise KeyUnavailable(
            f"no node key here opens {source}.",
            code="backup-locked",
            next_step="Put the node's keys directory back first, or give the passphrase that it was made with.",
        )
    return _seal_by(passphrase, salt)


def seal_of(store_key: bytes) -> tuple[bytes, bytes]:
    """Key and salt of a backup that the store's key opens. Keys have one job each (D16)."""
    key = hmac_sha256(store_key, b"parley/backup-key/v1")
    return key, cipher.key_check(key)


def _seal_by(passphrase: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Key and salt of a backup that a passphrase opens: Argon2id, RFC 9106 section 4, second recommended set."""
    kdf = Argon2id(salt=salt, length=cipher.KEY_BYTES, iterations=3, lanes=4, memory_cost=64 * 1024)
    return kdf.derive(passphrase), salt


def _checked(passphrase: bytes) -> bytes:
    if len(passphrase) < MIN_PASSPHRASE:
        raise UsageError(
            f"the passphrase has {len(passphrase)} bytes, at least {MIN_PASSPHRASE} are needed.",
            code="passphrase-short",
            next_step="Use several random words: who has the file can try as many as he likes.",
        )
    return passphrase
