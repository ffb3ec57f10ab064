"""Certificates that a party revoked, as plain data: for ``parley line show`` and ``parley verify``."""

from __future__ import annotations

from typing import Any

from parley.protocol.membership import Member


def revoked(member: Member) -> list[dict[str, Any]]:
    """The certificates of ``member`` that are revoked, and where each of its runs under them ends."""
    serials = {hash_: serial for hash_, serial, _ in member.certificates}
    return [
        {
            "certificate": serials[word.certificate],
            "reason": word.reason,
            "time": word.time,
            "closed": [
                {"run": run.hex(), "size": head.size, "root": head.root.hex()}
                for run, head in sorted(member.closed[word.certificate].items())
            ],
        }
        for word in member.revocations
    ]
