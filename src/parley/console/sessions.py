"""Who looks at the console: one session a browser, known by a cookie that scripts cannot read.

A session exists before anybody signs in, so that every request that changes something carries a token of its own
(CSRF), and it gets a new name at sign-in (fixation). It ends after ``idle_s`` without a request of the officer's, after
``longest_s`` in all, and with the node's process.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final

_MOST: Final = 2048
"""Sessions kept; the longest unused goes first, one of nobody before one of an officer."""


@dataclass(slots=True)
class Session:
    """One browser's. Times are POSIX seconds."""

    token: str
    begun: int
    seen: int
    officer: str = ""
    """Empty until somebody signs in."""
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    demo: bool = False
    """Whether the officer signed in with a demonstration's software key."""
    armed: bool = False
    """Whether this browser's alarm was tested by its officer."""
    kept: dict[str, object] = field(default_factory=dict)
    """What a sign-in needs between two requests."""


class Sessions:
    """All sessions of a console."""

    def __init__(self, idle_s: int = 12 * 3600, longest_s: int = 13 * 3600) -> None:
        self._idle_s = idle_s
        self._longest_s = longest_s
        self._all: dict[str, Session] = {}

    def find(self, token: str, now: int) -> Session | None:
        """The session that a cookie names; None when there is none, or it ended."""
        found = self._all.get(token)
        if found is None or not compare_digest(found.token, token):
            return None
        if now - found.seen > self._idle_s or now - found.begun > self._longest_s:
            self.end(found)
            return None
        return found

    def begin(self, now: int, officer: str = "", *, demo: bool = False) -> Session:
        """A new session."""
        if len(self._all) >= _MOST:
            self.end(min(self._all.values(), key=lambda s: (bool(s.officer), s.seen)))
        made = Session(secrets.token_urlsafe(32), now, now, officer, demo=demo)
        self._all[made.token] = made
        return made

    def sign_in(self, before: Session | None, officer: str, now: int, *, demo: bool = False) -> Session:
        """A session of ``officer``, under a name that nobody knew before."""
        if before is not None:
            self.end(before)
        return self.begin(now, officer, demo=demo)

    def end(self, session: Session) -> None:
        """Forget a session."""
        self._all.pop(session.token, None)

    def end_all(self, officer: str) -> None:
        """Forget all sessions of an officer."""
        for session in [s for s in self._all.values() if s.officer == officer]:
            self.end(session)
