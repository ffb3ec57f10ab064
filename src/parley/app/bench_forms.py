"""How many bytes filled forms are before they are sealed: with remarks that no dictionary was trained on.

The remarks of ``bench_data/held-out-*.txt`` were written for this alone; ``tests/unit/test_dictionaries.py`` sees to it
that nothing in them is in what the dictionaries are trained on.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

from parley.app.forms import library, usual_packs
from parley.forms.filled import Values, read_values
from parley.forms.library import Forms

Json = dict[str, Any]
BARS: Final = {
    "form_bytes": ("<=", 200, 190),
    "form_bytes_fr": ("<=", 200, 190),
    "form_bytes_ru": ("<=", 200, 190),
}
REMARK: Final = 200
"""Characters of each remark."""
_NAMES: Final = {
    "en": ("GATE 27", "River crossing"),
    "fr": ("GATE 27", "Franchissement d'une rivière"),
    "ru": ("РУБЕЖ 27", "Форсирование реки"),
}
"""Designation and purpose, as an officer of each language writes them."""
_POLYGON: Final = [
    *("61-12.4N 029-03.1E", "61-20.9N 029-07.7E", "61-24.2N 029-31.0E"),
    *("61-17.5N 029-48.6E", "61-09.3N 029-40.2E", "61-06.8N 029-15.5E"),
]
_FIELDS: Final = {
    "troops": "8400",
    "land-troops": "8000",
    "tanks": "95",
    "vehicles": "260",
    "artillery": "54",
    "helicopters": "18",
    "sorties": "40",
    "ships": "2",
    "live-firing": "yes",
    "no-notice": "no",
    "areas": [{"polygon": _POLYGON, "times": ["2027-02-03T04:00Z/2027-02-12T18:00Z"]}],
}


def remarks(language: str) -> list[str]:
    """The held-out remarks of a language, each of ``REMARK`` characters."""
    path = files("parley.app") / "bench_data" / f"held-out-{language}.txt"
    return path.read_text("utf-8").splitlines()


def measure() -> Json:
    """Bytes of a notification of 14 fields, a polygon of 6 positions and a remark; and of every example shipped.

    ``form_bytes`` is the largest with an English remark; those of the other languages stand beside it, and all of them.
    """
    packs, dictionary = usual_packs()
    forms = library().under({p.name: p.hash for p in packs}, dictionary)
    form = forms.named("military-activity/exercise")
    found: Json = {}
    every: dict[str, list[int]] = {}
    for language, (designation, purpose) in _NAMES.items():
        fixed = {**_FIELDS, "designation": designation, "purpose": purpose}
        values = [read_values(form, {**fixed, "remarks": remark}) for remark in remarks(language)]
        every[language] = [len(forms.codec.encode(form, v)) for v in values]
        found["form_fields"] = min(map(len, values))
        suffix = "" if language == "en" else f"_{language}"
        found[f"form_bytes{suffix}"] = max(every[language])
    found["form_bytes_held_out"] = every
    found["form_bytes_examples"] = _examples(forms)
    return found


def _examples(forms: Forms) -> dict[str, list[int]]:
    """``pack/form`` to the bytes of each of its examples, those that break a rule included."""
    found: dict[str, list[int]] = {}
    for pack in forms.packs:
        for shipped in pack.forms:
            form = forms.named(shipped.id)
            examples: list[Values] = [read_values(form, e.values) for e in shipped.examples]
            found[f"{pack.name}/{shipped.name}"] = [len(forms.codec.encode(form, v)) for v in examples]
    return found
