"""The floor that the bench measures beside the work: the same bytes in plain asyncio, and nothing else.

One AEAD seal and open, one Ed25519 signature and verification and one fdatasync on each side, over plain TCP
on loopback. No record, no retries, no membership: a yardstick, not a product.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

from parley.crypto import aead
from parley.crypto.signing import Ed25519Signer, verify_ed25519

_KEY: Final = bytes(32)
_A: Final = Ed25519Signer(bytes([1] * 32))
_B: Final = Ed25519Signer(bytes([2] * 32))
_SIGNATURE: Final = 64


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


class _Disk:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        os.write(self._descriptor, data)
        os.fdatasync(self._descriptor)


async def _receive(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(length)


def _frame(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


async def serve(path: Path, port: int) -> None:
    """B: verify, open, write, sign a receipt."""
    disk = _Disk(path)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while True:
                datagram = await _receive(reader)
                box, signature = datagram[:-_SIGNATURE], datagram[-_SIGNATURE:]
                verify_ed25519(_A.public, box, signature)
                disk.write(aead.open_(_KEY, _nonce(number), box, b""))
                writer.write(_frame(_B.sign(signature)))
                number += 1
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


async def drive(path: Path, port: int, texts: list[bytes], count: int, in_flight: int) -> list[float]:
    """A: seal, sign, write, send, and verify the receipt. Seconds of each round trip; the last is the whole run."""
    disk = _Disk(path)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    window = asyncio.Semaphore(in_flight)
    sent: list[tuple[float, bytes]] = []
    times: list[float] = []

    async def receipts() -> None:
        for number in range(count):
            receipt = await _receive(reader)
            started, signature = sent[number]
            verify_ed25519(_B.public, signature, receipt)
            times.append(time.perf_counter() - started)
            window.release()

    task = asyncio.create_task(receipts())
    began = time.perf_counter()
    for number in range(count):
        await window.acquire()
        started = time.perf_counter()
        box = aead.seal(_KEY, _nonce(number), texts[number % len(texts)], b"")
        signature = _A.sign(box)
        disk.write(box)
        sent.append((started, signature))
        writer.write(_frame(box + signature))
    await task
    times.append(time.perf_counter() - began)
    writer.close()
    return times


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
