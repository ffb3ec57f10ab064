"""How many bytes a filled form is before it is sealed: one that no dictionary was trained on, in three languages."""

from __future__ import annotations

from typing import Any, Final

from parley.app.forms import library, usual_packs
from parley.forms.filled import read_values
from parley.forms.library import Forms

Json = dict[str, Any]
BARS: Final = {"form_bytes": ("<=", 200, 160)}
_REMARKS: Final = {
    "en": (
        "The brigade moves by rail from the northern garrison on the first day. Engineers will lay two pontoon bridges "
        "near the old ferry. Civil traffic is kept away by police; fishing boats are asked to stay out."
    ),
    "fr": (
        "Le premier jour, la brigade se déplace par rail depuis la garnison du nord. Le génie posera deux ponts "
        "flottants près de l'ancien bac. La police écarte la circulation civile ; les pêcheurs resteront au large."
    ),
    "ru": (
        "Бригада в первый день перевозится по железной дороге из северного гарнизона. Инженерные части наведут два "
        "понтонных моста возле старой переправы. Движение гражданского транспорта перекрывает полиция."
    ),
}
_POLYGON: Final = [
    *("61-12.4N 029-03.1E", "61-20.9N 029-07.7E", "61-24.2N 029-31.0E"),
    *("61-17.5N 029-48.6E", "61-09.3N 029-40.2E", "61-06.8N 029-15.5E"),
]
_FIELDS: Final = {
    "designation": "GATE 27",
    "purpose": "River crossing",
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


def measure() -> Json:
    """Bytes of a notification of 14 fields with a polygon of 6 positions and a remark of 200 characters.

    ``form_bytes`` is the English one, as the bar has it; those of the other languages stand beside it.
    """
    packs, dictionary = usual_packs()
    forms: Forms = library().under({p.name: p.hash for p in packs}, dictionary)
    form = forms.named("military-activity/exercise")
    found: Json = {}
    for language, remark in _REMARKS.items():
        values = read_values(form, {**_FIELDS, "remarks": remark[:200]})
        key = "form_bytes" if language == "en" else f"form_bytes_{language}"
        found[key] = len(forms.codec.encode(form, values))
    return found
