"""Notices as area-warning forms, and forms as notices (C9): between ``NoticeDraft`` and the values of a form."""

from __future__ import annotations

import re
from typing import Any, Final

from parley.forms.filled import Filled, Values
from parley.notices.draft import NoticeDraft, NoticeKind, Part, Span

FORM: Final = "area-warning/warning"
_HAZARDS: Final = (
    ("mines", r"\bMINES?\b|MINE DANGER|UNEXPLODED|ORDNANCE"),
    ("space", r"\bSPACE|DEBRIS|RE-?ENTRY"),
    ("missile", r"MISSILE|ROCKET|LAUNCH"),
    ("gunnery", r"GUNNERY|FIRING|ARTILLERY|\bSHOOTING|GUN "),
    ("search", r"SEARCH AND RESCUE|\bSAR\b"),
    ("survey", r"SURVEY|UNDERWATER|CABLE|SEISMIC|DREDG|DIVING|\bROV\b"),
    ("obstruction", r"WRECK|OBSTRUCT|DERELICT|ADRIFT|UNLIT|CRANE"),
    ("air-activity", r"PARACHUT|\bUAS\b|UNMANNED|DRONE|\bPJE\b|AEROBATIC|GLIDER|AIRSPACE|\bFLT\b"),
    ("exercise", r"EXERCISE|\bMIL\b|NAVAL|OPERATIONS"),
)
"""What tells the kind of danger, the first that is found; the officer checks it like the rest of the draft."""
_MAX: Final = {
    "series": 40,
    "number": 20,
    "locality": 120,
    "subject": 400,
    "authority": 120,
    "original": 16_000,
    "qualifiers": 40,
}


def hazard_of(text: str) -> str:
    """The form's kind of danger that the words of a notice suggest; ``other`` when none does."""
    return next((name for name, pattern in _HAZARDS if re.search(pattern, text.upper())), "other")


def form_values(draft: NoticeDraft) -> dict[str, Any]:
    """Values of the form ``FORM``: with the original text, and what was not understood named."""
    values: dict[str, Any] = {
        "series": draft.series,
        "number": draft.number,
        "regions": draft.regions[:16],
        "charts": draft.charts[:16],
        "hazard": hazard_of(f"{draft.subject} {draft.raw}"),
        "subject": draft.subject,
        "areas": tuple(p.volume for p in draft.parts)[:64],
        "computed": tuple(dict.fromkeys(c for p in draft.parts for c in p.computed))[:16],
        "cancels": draft.cancels[:64],
        "authority": draft.authority,
        "original": draft.raw,
        "fir": draft.fir[:16],
        "qualifiers": draft.qualifiers,
        "not-understood": tuple(s.text[:400] for s in draft.not_understood)[:64],
    }
    if draft.cancels_itself:
        values["self-cancels"] = draft.cancels_itself
    return {k: v[: _MAX[k]] if k in _MAX else v for k, v in values.items() if v}


def draft_of(filled: Filled, sent: int) -> NoticeDraft:
    """The notice that a form states, for those who write it in other formats. ``sent`` in POSIX seconds.

    Of forms other than ``FORM`` all areas are taken, under the form's title and what names the activity.
    """
    values = filled.values
    areas = [
        volume
        for spec in filled.form.fields
        if spec.type == "area" and spec.name in values
        for volume in (values[spec.name] if spec.repeat > 1 else (values[spec.name],))
    ]
    computed = tuple(values.get("computed", ()))
    parts = tuple(Part(v, str(n) if len(areas) > 1 else "", computed=computed) for n, v in enumerate(areas, 1))
    return NoticeDraft(
        NoticeKind.WARNING,
        str(values.get("series", "")),
        str(values.get("number", "")),
        str(values.get("original", "")),
        sent,
        tuple(values.get("regions", ())),
        tuple(values.get("charts", ())),
        _subject(filled, values),
        parts,
        tuple(values.get("cancels", ())),
        int(values.get("self-cancels", 0)),
        str(values.get("authority", "")),
        tuple(Span(0, 0, words) for words in values.get("not-understood", ())),
        fir=tuple(values.get("fir", ())),
        qualifiers=str(values.get("qualifiers", "")),
    )


def _subject(filled: Filled, values: Values) -> str:
    for name in ("subject", "designation", "name"):
        if name in values:
            return str(values[name])
    hazard = filled.form.field("hazard")
    label = next((c.label for c in hazard.choices if c.name == values.get("hazard")), "") if hazard else ""
    return label or filled.form.title
