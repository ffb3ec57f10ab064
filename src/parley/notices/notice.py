"""Any notice that is understood here, from its text."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from parley.errors import DecodeError
from parley.notices.draft import NoticeDraft
from parley.notices.grammar import MAX_NOTICE
from parley.notices.notam import read_notam
from parley.notices.warning import read_warning

_NOTAM: Final = re.compile(r"\(?\s*[A-Z]{1,2}\d{1,4}/\d{2}\s+NOTAM[NRC]")


def read_notice(text: str, written: date) -> NoticeDraft:
    """A navigational warning or NOTAM, as far as it can be read.

    ``written`` is the day of reading: years that the notice leaves out are those nearest to it. Raises
    DecodeError: ``notice-too-large``, ``notice-malformed`` when ``text`` begins as neither.
    """
    if len(text.encode(errors="replace")) > MAX_NOTICE:
        raise DecodeError(f"a notice of more than {MAX_NOTICE} bytes.", code="notice-too-large")
    raw = text.replace("\r\n", "\n").strip()
    return (read_notam if _NOTAM.match(raw) else read_warning)(raw, written)
