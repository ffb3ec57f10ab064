"""The folder that holds a node's data: one process at a time, one version of its layout.

::

    layout   one line: the version of this layout
    lock     held with flock(2) while a process has the folder; says which one
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from parley.errors import StoreError, StoreLocked, StoreVersion

LAYOUT: Final = "parley data directory, layout 1\n"
_HOLDER_BYTES: Final = 4096


class DataDirectory:
    """Holds ``path`` for this process until ``close``; makes it, for the owner only, when it is not there.

    ``command`` is what another process is told about this one; by default the command line. Raises
    StoreLocked, StoreVersion, StoreError.
    """

    def __init__(self, path: Path, *, command: str | None = None) -> None:
        self.path = path
        self._lock = -1
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _take_lock(path, command or " ".join(sys.argv))
            _check_layout(path)
        except OSError as error:
            self.close()
            raise StoreError(f"cannot use {path}: {error.strerror}", code="store-io") from error
        except StoreVersion:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have it. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _take_lock(path: Path, command: str) -> int:
    """The kernel drops the lock when the process dies, however it dies: a lock is never stale."""
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n{command}\n".encode("utf-8", "backslashreplace")[:_HOLDER_BYTES], 0)
    except BlockingIOError as error:
        holder = os.pread(lock, _HOLDER_BYTES, 0).decode("utf-8", "replace").splitlines()
        os.close(lock)
        raise _locked(path, holder) from error
    except OSError:
        os.close(lock)
        raise
    return lock


def _locked(path: Path, holder: list[str]) -> StoreLocked:
    pid, command = (*holder, "", "")[:2]
    who = f"process {pid} ({command or 'command not known'})" if pid else "another process"
    return StoreLocked(
        f"{path} is in use by {who}.",
        next_step=f"Let that process do it, or stop it first{f' (kill {pid})' if pid else ''}.",
    )


def _check_layout(path: Path) -> None:
    file = path / "layout"
    if not file.exists():
        _write_layout(path)
        return
    found = file.read_text("utf-8", "replace")
    if found != LAYOUT:
        raise StoreVersion(
            f"{path} says {found.strip()!r}; this version of Parley uses {LAYOUT.strip()!r}.",
            next_step="Use the version of Parley that wrote it.",
        )


def _write_layout(path: Path) -> None:
    """Whoever finds the file finds the whole line: it is written under another name."""
    building = path / "layout.new"
    with building.open("w", encoding="utf-8") as file:
        file.write(LAYOUT)
        file.flush()
        os.fsync(file.fileno())
    building.rename(path / "layout")
    sync_directory(path)


def sync_directory(path: Path) -> None:
    """Make durable what was created, renamed or removed in a folder."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
