"""Every bound, with its reason. A bound that a peer can reach is enforced before its bytes are decoded."""

from __future__ import annotations

from typing import Final

MAX_MEMBERS: Final = 32
"""Members of a line. A line is a small group (R29); recipient sets are bit masks of this width."""

MAX_TEXT: Final = 32 * 1024
"""Bytes of UTF-8 in one text. Ten pages; the longest crisis letter on record had 3,000 words (B11)."""

MAX_STATEMENT: Final = 48 * 1024
"""Bytes of one encoded statement: MAX_TEXT with room for its header and references."""

MAX_PAYLOAD: Final = 256 * 1024
"""Bytes of one payload after reassembly. Bounds the memory a peer can claim before verification."""

MAX_ENTRIES_PER_PAYLOAD: Final = 1024
"""Entries under one checkpoint signature in one payload."""

MAX_DATAGRAM: Final = 64 * 1024
"""Bytes of one sealed datagram on any bearer; a 2-byte length frames it on a stream."""

MIN_MTU: Final = 128
"""Smallest datagram a bearer may offer: a receipt (about 120 bytes) then still fits in one."""

MAX_FRAGMENTS: Final = 4096
"""Fragments of one payload: MAX_PAYLOAD over what the smallest MTU carries."""

MAX_MISSING_TOLD: Final = 32
"""Contents of one tree that one HAVE lists as lacking; what lies above the last of so many is told by a later one."""

MAX_RUNS_ASKED: Final = 64
"""Trees whose receipts one question asks for; of others the next one asks."""

MAX_REASSEMBLIES: Final = 4
"""Payloads under reassembly for one peer at a time; the oldest is dropped and asked for again."""

MAX_SKIPPED_KEYS: Final = 1024
"""Message keys kept for datagrams that have not come, for one chain. More weakens forward secrecy."""

SKIPPED_KEY_AGE_S: Final = 7 * 24 * 3600
"""Seconds a skipped key is kept: longer than a courier takes, no longer."""

CHAIN_MAX_MESSAGES: Final = 1 << 20
"""Datagrams under one chain before its sender starts another."""

CHAIN_MAX_AGE_S: Final = 24 * 3600
"""Seconds before a sender in regular contact starts another chain, so that a stolen state heals."""

MAX_DOCUMENT: Final = 256 * 1024
"""Bytes of one charter, certificate or other signed document."""

MAX_PACKS: Final = 64
"""Form packs that one charter names."""

MAX_TELEPHONES: Final = 8
"""Numbers of one member in a charter."""

MAX_CLASSES: Final = 64
"""Classes of messages that one charter names for two officers, and for an officer's key."""

MAX_CLOSED_RUNS: Final = 1800
"""Runs of which one revocation states the head: as many as fit into a document."""

MAX_BUNDLE: Final = 4 * 1024 * 1024
"""Bytes of one file carried by hand to a meeting."""

MAX_CBOR_DEPTH: Final = 8
"""Nesting of arrays and maps in anything that a peer sends."""

MAX_LOGS_PER_MEMBER: Final = 65_536
"""Trees of one member: one a start, so a start every ten minutes for more than a year."""

MAX_TIME: Final = 1 << 37
"""POSIX seconds of any time that a peer states on a line, in the year 6325: what is reckoned from it stays within the
calendar. Days of forms go to the year 9999."""

CLOCK_IMPLAUSIBLE_S: Final = 2 * 3600
"""Seconds between a stated and the local time beyond which the time is flagged (R21), never acted on."""

ORDER_WAIT_S: Final = 600
"""Seconds after anything last came of an author until what waits for something that it wrote before is shown."""
