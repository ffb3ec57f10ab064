# ruff: noqa: RUF001 - Russian has words of one letter
"""What a reader of each language sees of a form: its own pack's words, its times in full, its terms, its phrases."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parley.app.forms import library, read_folder, usual_packs
from parley.errors import DecodeError, UsageError
from parley.forms.asking import kind, terms, wanted
from parley.forms.filled import Codec, Filled, lead_time, problems, read_values
from parley.forms.library import Forms
from parley.forms.pack import Pack, read_pack
from parley.forms.prove import check_form_pack
from parley.forms.render import Rendered, as_text, render

PACKS = Path(__file__).parents[2] / "src/parley/forms/packs"
AREA = {"circle": "10N 020E", "radius": "5 km"}


@cache
def forms() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def shown(language: str, name: str, given: dict[str, Any]) -> Rendered:
    form = forms().named(name)
    return render(Filled(form, read_values(form, given)), forms().words(language))


def area(language: str, given: dict[str, Any]) -> str:
    """An area as a reader has it, with plain spaces."""
    found = shown(language, "warning", {"hazard": "other", "areas": [AREA | given]})
    (line,) = (x for x in found.lines if x.name == "areas")
    return " ".join(line.values[0].split())


def files(name: str) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (PACKS / name).iterdir()}


def test_a_form_is_read_by_the_words_of_its_own_pack_whatever_others_a_charter_names() -> None:
    # "Outcome" is one thing of a fire that ceased, and another of a clarification.
    fire, asked = shown("fr", "check-fire/answer", {"outcome": "ceased"}), {"outcome": "no-reply"}
    assert [fire.lines[0].label, shown("fr", "clarification-outcome", asked).lines[0].label] == ["Résultat", "Issue"]
    own = files("check-fire")
    loud = {name: data.replace(b'pack = "check-fire"', b'pack = "loud"') for name, data in files("core").items()}
    loud["pack.toml"] = loud["pack.toml"].replace(b'pack = "core"\ncode = "C"', b'pack = "loud"\ncode = "Z"')
    loud["fr.po"] = loud["fr.po"].replace(b"Essai de ligne", b"Autre chose")
    for order in ([read_pack(own), read_pack(files("core")), read_pack(loud)], [read_pack(loud), read_pack(own)]):
        both = Forms(order, Codec())
        form = both.named("Z9")
        said = render(Filled(form, read_values(form, {"serial": "1", "stage": "sent"})), both.words("fr"))
        assert said.title == "Autre chose"
    both = Forms([read_pack(files("core")), read_pack(loud)], Codec())
    form = both.named("C9")
    assert render(Filled(form, {}), both.words("fr")).title == "Essai de ligne"


@pytest.mark.parametrize(
    ("language", "times", "said"),
    [
        (
            "en",
            "daily 2026-03-10/2026-03-14 03:00-15:00",
            "daily from 10 March 2026 to 14 March 2026, 03:00 to 15:00 (UTC)",
        ),
        (
            "fr",
            "daily 2026-03-01/2026-03-14 19:30-01:00",
            "chaque jour du 1er mars 2026 au 14 mars 2026, de 19:30 à 01:00 le lendemain (UTC)",
        ),
        (
            "ru",
            "daily 2026-03-10/2026-03-14 03:00-15:00 wed,fri",
            "по дням недели (среда и пятница) с 10 марта 2026 г. по 14 марта 2026 г., с 03:00 до 15:00 (UTC)",
        ),
        (
            "en",
            "daily 2026-03-10/2026-03-14 03:00-15:00 mon",
            "on Monday from 10 March 2026 to 14 March 2026, 03:00 to 15:00 (UTC)",
        ),
    ],
)
def test_a_daily_window_is_shown_with_its_days_and_hours(language: str, times: str, said: str) -> None:
    assert said in area(language, {"times": [times]})


def test_of_many_windows_the_last_is_shown_as_well() -> None:
    days = [f"2026-03-{day:02}T03:00Z/2026-03-{day:02}T05:00Z" for day in range(1, 21)]
    assert "and 8 more, the last 20 March 2026, 03:00 UTC" in area("en", {"times": days})
    assert "et 8 autres, le dernier du 20 mars 2026" in area("fr", {"times": days})
    assert "и ещё 8, последнее с 20 марта 2026 г." in area("ru", {"times": days})


@pytest.mark.parametrize(
    ("language", "band", "said"),
    [
        ("en", {"lower": "FL100"}, "from FL100 up, without a limit or to a height not known"),
        ("fr", {"upper": "100 m AMSL"}, "jusqu'à 100 m au-dessus du niveau moyen de la mer, sans limite inférieure"),
        ("ru", {"upper": "FL300"}, "до FL300, снизу без ограничения или от неизвестной высоты"),
        ("fr", {"lower": "500 ft AGL", "upper": "FL100"}, "de 500 pieds au-dessus du sol à FL100"),
    ],
)
def test_a_bound_that_is_open_is_said_so(language: str, band: dict[str, str], said: str) -> None:
    assert said in area(language, band)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "within 2 nautical miles of 10"),
        ("fr", "dans un rayon de 2 milles marins autour de 10"),
        ("ru", "круг с центром 10-00.000N 020-00.000E, радиус 2 морские мили"),
    ],
)
def test_nautical_miles_are_written_out(language: str, said: str) -> None:
    assert said in area(language, {"radius": "2 NM"})


def test_the_marks_of_a_language_stand_around_the_fields() -> None:
    found = shown("fr", "cancellation", {"effective": "2026-07-01T05:00Z"})
    text = as_text(found, "northland-3f2a-12")
    assert "1. En vigueur à partir du : 1er juillet 2026, 05:00 UTC" in " ".join(text.split())
    assert text.endswith("FIN DU MESSAGE northland-3f2a-12\n")
    assert as_text(shown("ru", "cancellation", {"effective": "2026-07-01T05:00Z"}), "x-1").endswith(
        "КОНЕЦ СООБЩЕНИЯ x-1\n"
    )


def test_a_coded_phrase_comes_with_its_meaning_its_response_and_how_it_is_said() -> None:
    given = {"phrase": "check-fire", "position": "10N 020E"}
    lines = {x.label: x.values for x in shown("ru", "phrase", given).lines}
    assert lines["Требуемый ответ"] == ("Немедленно прекратить огонь, затем подтвердить приём",)
    assert "английский: Check fire [ЧЕК ФАЙР]" in lines["Как произносится"]
    assert "русский: Прекратите огонь" in lines["Как произносится"]
    lines = {x.label: x.values for x in shown("en", "phrase", given).lines}
    assert lines["Meaning"] == ("Cease fire at once: you are striking what must not be struck.",)
    assert lines["Another signal for it"] == ("Red flares in pairs",)
    assert "Russian: Прекратите огонь [pre-kra-TEE-tye a-GON]" in lines["How it is said"]
    assert "English: Check fire" in lines["How it is said"]


def core(old: str, new: str) -> dict[str, bytes]:
    found = files("core")
    assert old.encode() in found["pack.toml"]
    return found | {"pack.toml": found["pack.toml"].replace(old.encode(), new.encode(), 1)}


def test_a_phrase_that_is_said_otherwise_than_it_is_written_is_no_fit_pack() -> None:
    changed = check_form_pack(read_pack(core('words = "Cessez le feu"', 'words = "Halte"')))
    assert any("check-fire is said 'Halte' in fr" in text for text in changed)
    mute = check_form_pack(read_pack(core(', latin = "PO-nya-ta"', "")))
    assert any("acknowledge is without its sound in ru" in text for text in mute)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("core", 'code = "say-again"', 'code = "say-what"'),
        ("core", 'coded = "phrase"', 'coded = "about"'),
        ("core", 'relation = "cancels"', 'relation = "ends"'),
        ("military-activity", "tanks = 250", "guns = 250"),
        ("military-activity", "tanks = 250", 'tanks = "many"'),
        ("military-activity", "lasts_h = 96, required_if", "lasts_h = -1, required_if"),
        ("military-activity", 'name = "launched", type = "time"', 'name = "launched", lasts_h = 2, type = "time"'),
    ],
)
def test_settings_that_fit_nothing_are_refused(name: str, old: str, new: str) -> None:
    found = files(name)
    assert old.encode() in found["pack.toml"]
    with pytest.raises(DecodeError) as caught:
        read_pack(found | {"pack.toml": found["pack.toml"].replace(old.encode(), new.encode(), 1)})
    assert caught.value.code == "pack-malformed"


@pytest.mark.parametrize(
    ("given", "agreed"),
    [
        ({"troops": "9000"}, 1008),
        ({"troops": "8999"}, 0),
        ({"troops": "100", "sorties": "200"}, 1008),
        ({"landing-troops": "3000", "troops": "3000"}, 1008),
        ({"ships": "3"}, 1008),
        ({"troops": "20000", "no-notice": "yes"}, 0),
    ],
)
def test_the_notice_of_an_exercise_is_agreed_from_its_thresholds_on(given: dict[str, str], agreed: int) -> None:
    form = forms().named("exercise")
    times = ["2026-03-10T12:00Z/2026-03-10T13:00Z"]
    values = read_values(form, {"designation": "A", "purpose": "B", "areas": [AREA | {"times": times}], **given})
    lead = lead_time(Filled(form, values), 0)
    assert lead is not None
    assert lead.agreed == agreed * 3600


def test_thresholds_and_periods_are_settings_of_a_pack() -> None:
    found = files("military-activity")
    changed = (
        found["pack.toml"].replace(b"troops = 9000", b"troops = 500").replace(b"notice_h = 1008", b"notice_h = 24")
    )
    pack: Pack = read_pack(found | {"pack.toml": changed})
    form = pack.forms[0]
    values = {"troops": "600", "areas": [AREA | {"times": ["2026-03-10T12:00Z/2026-03-10T13:00Z"]}]}
    lead = lead_time(Filled(form, read_values(form, values)), 0)
    assert lead is not None
    assert lead.agreed == 24 * 3600
    assert pack.hash != read_folder(PACKS / "military-activity").hash


def test_a_launch_that_is_announced_for_a_day_is_announced_for_the_days_that_are_agreed() -> None:
    form = forms().named("launch")
    (window,) = read_values(form, {"window": ["2026-01-25T05:00Z"]})["window"]
    assert window.end - window.start == 96 * 3600
    (window,) = read_values(form, {"window": ["2026-01-25T05:00Z/2026-01-25T06:00Z"]})["window"]
    assert window.end - window.start == 3600
    with pytest.raises(UsageError):  # elsewhere a window has its end
        read_values(forms().named("exercise"), {"dates": "2026-01-25T05:00Z"})


def test_a_launch_that_did_not_take_place_has_no_time() -> None:
    form = forms().named("launch")
    given = {"stage": "result", "class": "sounding", "result": "not-launched"}
    assert problems(form, read_values(form, given)) == ()
    assert shown("en", "launch", given).sentences == ("Result of the launch (Sounding rocket): Not launched.",)


def test_transponders_that_are_off_at_times_are_not_said_to_be_off() -> None:
    given = {"transponder": "at-times", "aircraft": "2", "purpose": "patrol"}
    assert "Transponders will be off at times." in shown("en", "flight", given).sentences
    assert "Transponders will be off." not in shown("en", "flight", given).sentences


def test_what_a_field_takes_and_when_it_is_wanted_is_said_in_the_readers_language() -> None:
    form, words = forms().named("launch"), forms().words("fr")
    window, apogee = form.field("window"), form.field("apogee")
    assert window is not None
    assert apogee is not None
    assert wanted(window, form, words.within(form.pack)) == "requis si Stade vaut planned, slipped"
    assert "un début seul dure 96 h" in " ".join(kind(window, words).split())
    assert " ".join(kind(apogee, words).split()) == "nombre entier de 0 à 400 000 km"
    movement = forms().named("movement")
    reason = movement.field("emergency-reason")
    assert reason is not None
    english = forms().words("en")
    assert wanted(reason, movement, english) == "wanted when Emergency is given"
    assert wanted(apogee, form, english) == ""


def test_the_terms_of_a_form_are_said() -> None:
    english = forms().words("en")
    exercise = list(terms(forms().named("exercise"), forms(), english))
    assert exercise[0] == "Agreed minimum notice: 1,008 hr, and 0 hr when Not announced to the troops beforehand"
    assert "Troops 9,000" in exercise[1]
    assert "Two officers release it." in exercise
    assert "There are more land troops than troops." in exercise
    asked = list(terms(forms().named("clarification-request"), forms(), english))
    assert "An answer is due within 48 hr." in asked
    assert "It is answered by: Holding reply, Declined, Clarification" in asked
    assert "If no answer comes: No reply within the time: request a meeting of both sides within 48 hours." in asked
    answer = list(terms(forms().named("clarification-reply"), forms(), english))
    assert "It answers an earlier message: Request for clarification" in answer
    assert next(terms(forms().named("decline"), forms(), english)).startswith("It answers an earlier message: ")
    assert list(terms(forms().named("cancellation"), forms(), english)) == [
        "It cancels an earlier message of one's own."
    ]
