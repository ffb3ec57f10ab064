"""The control socket as its callers see it: the one part of a running node that every command loads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parley.errors import ParleyError, StoreError, UsageError

_MAX_ANSWER: Final = 256 * 1024 * 1024
MAX_REQUEST: Final = 4 * 1024 * 1024
"""Bytes of one request: the largest statement, its positions written out as people write them."""


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of the socket that fits its address, which holds 107 bytes, however deep the directory lies."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def error_data(error: ParleyError) -> dict[str, str]:
    """An error as plain data."""
    return {"code": error.code, "message": error.message, "next_step": error.next_step, "fault": error.fault}


class RemoteError(ParleyError):
    """An error that the running node answered with."""

    def __init__(self, data: dict[str, str]) -> None:
        super().__init__(data["message"], code=data["code"], next_step=data["next_step"])
        self.told_fault = data.get("fault", "operator")


class ControlClient:
    """Asks a running node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.mark = ""
        """What stands on every screen of the line; empty for operation (B9)."""

    @classmethod
    async def connect(cls, path: Path) -> ControlClient | None:
        """A connection to the node that serves ``path``; None when there is none."""
        try:
            with short_name(path) as short:
                return cls(*await asyncio.open_unix_connection(short, limit=_MAX_ANSWER))
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    async def call(self, operation: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """The result of an operation.

        Raises RemoteError, UsageError ``request-large``, StoreError when the node goes away.
        """
        request = json.dumps({"operation": operation, "params": params}).encode() + b"\n"
        if len(request) > MAX_REQUEST:
            # The node would close the connection unread.
            raise UsageError(
                f"{len(request)} bytes are asked of the node at once, where it takes {MAX_REQUEST}.",
                code="request-large",
                next_step="Send less, or in parts.",
            )
        self._writer.write(request)
        try:
            await self._writer.drain()
            line = await self._reader.readline()
            if not line:
                raise StoreError("the node went away before it answered.", code="node-gone")
            answer = json.loads(line)
        except (ConnectionError, json.JSONDecodeError) as error:
            raise StoreError("the node went away before it answered.", code="node-gone") from error
        if "error" in answer:
            raise RemoteError(answer["error"])
        self.mark = str(answer.get("mark") or "")
        return answer["result"]

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


async def served(path: Path) -> bool:
    """Whether a node answers there."""
    client = await ControlClient.connect(path)
    if client is not None:
        client.close()
    return client is not None
