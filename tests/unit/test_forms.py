"""Form packs: those that come with Parley are proven; what is wrong with one is named; bytes are small and bounded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from parley.app import forms as packs_at_hand
from parley.app.composing import read_each
from parley.app.forms import (
    DICTIONARIES,
    Understands,
    area_faults,
    fill,
    forms_of,
    keep,
    kept_files,
    library,
    message_of,
    read_folder,
    read_message,
    read_yaml,
    usual_packs,
)
from parley.errors import DecodeError, ParleyError, UsageError
from parley.forms.filled import Codec, Filled, lead_time, problems, read_values, write_values
from parley.forms.library import Forms
from parley.forms.pack import Pack, files_hash, read_pack
from parley.forms.prove import check_form_pack
from parley.forms.render import as_html, as_text, render
from parley.limits import MAX_TIME
from parley.wire import cbor, statement
from parley.wire.geometry import Band, Daily, Point, Volume, Window, decode_time, encode_positions, position
from parley.wire.statement import Kind, Message, Precedence, Statement
from parley_testkit.lines import found

ROOT = Path(__file__).parents[2]
PACKS = ROOT / "src/parley/forms/packs"
NAMES = ("area-warning", "check-fire", "core", "humanitarian", "military-activity", "public-statement")


def shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def core() -> Pack:
    return next(p for p in library().all() if p.name == "core")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_pack_is_proven(name: str) -> None:
    pack = read_folder(PACKS / name)
    assert pack.languages == ("en", "fr", "ru")
    assert check_form_pack(pack, () if name == "core" else core().header) == []


def test_all_that_is_shipped_is_named() -> None:
    assert sorted(p.name for p in usual_packs()[0]) == sorted(NAMES)


def test_the_dictionaries_come_from_their_sources() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools/dictionary.py", "--check"], check=False, timeout=120)
    assert done.returncode == 0


def spoilt(name: str, old: str, new: str, *, file: str = "pack.toml") -> dict[str, bytes]:
    files = {f.name: f.read_bytes() for f in (PACKS / name).iterdir()}
    assert old.encode() in files[file]
    files[file] = files[file].replace(old.encode(), new.encode(), 1)
    return files


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "said"),
    [
        ("check-fire", "fr.po", 'msgstr "Depuis"', 'msgstr ""', "'Since' is not translated"),
        ("check-fire", "ru.po", "{struck}, {position}", "{struck}", "has other fields in braces"),
        ("humanitarian", "ru.po", 'msgstr[2] "Там {count} человек."\n', "", "is not translated"),
        ("check-fire", "pack.toml", 'label = "Since"', 'label = "From when"', "is not translated"),
        ("check-fire", "pack.toml", 'text = "{outcome}."', 'text = "{result}."', "names the field 'result'"),
        ("area-warning", "pack.toml", 'breaks = "ends-after-areas", ', "", "breaks ['ends-after-areas']"),
        (
            "military-activity",
            "pack.toml",
            'land-troops = "11"',
            'land-troops = "9"',
            "'land-part-of-all' breaks",
        ),
        ("check-fire", "pack.toml", 'struck = "our-forces"', 'struck = "nobody"', "cannot be read"),
        ("check-fire", "pack.toml", ', notified = "northland-3f2a-12"', "", "no example leads to the sentence"),
    ],
)
def test_what_is_wrong_with_a_pack_is_named(name: str, file: str, old: str, new: str, said: str) -> None:
    found = check_form_pack(read_pack(spoilt(name, old, new, file=file)), core().header)
    assert any(said in text for text in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('code = "X"', 'code = "x"'),
        ('type = "choice"', 'type = "chance"'),
        ("key = 2, name", "key = 1, name"),
        ("key = 2, name", "key = 64, name"),
        ('release = "two"', 'release = "two", again = 1'),
        ('name = "check-fire"', 'name = "Check fire"'),
        ("version = 1", "version = 0"),
        ("version = 1", "version = [" * 2000),
        ('title = "Check fire"', ""),
        ("{ field", "{ fields"),
    ],
)
def test_a_malformed_pack_is_refused(old: str, new: str) -> None:
    name = "humanitarian" if "key = 2" in old or "{ field" in old else "check-fire"
    name = "military-activity" if "release" in old else name
    with pytest.raises(DecodeError) as caught:
        read_pack(spoilt(name, old, new))
    assert caught.value.code == "pack-malformed"


def test_a_pack_that_differs_in_a_word_has_another_name() -> None:
    files = {f.name: f.read_bytes() for f in (PACKS / "check-fire").iterdir()}
    assert files_hash(files) != files_hash(spoilt("check-fire", "Depuis", "Dès", file="fr.po"))


def test_without_the_pack_or_the_dictionaries_nothing_is_understood() -> None:
    packs, dictionaries = usual_packs()
    forms = shipped()
    message = message_of(forms, fill(forms, forms.named("text"), {"text": "A"}), "en")
    assert isinstance(message.body, bytes)
    assert forms.understood(message.form, message.body)
    assert not forms.understood(message.form, message.body[:-1])
    others = {p.name: p.hash for p in packs if p.name != "core"}
    assert not library().under(others, dictionaries).understood(message.form, message.body)
    assert not library().under({p.name: p.hash for p in packs}, bytes(32)).understood(message.form, message.body)


# -- filling in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("launch", {"stage": "planned"}, "form-incomplete"),
        ("launch", {"stage": "soon", "class": "slv"}, "form-value"),
        ("launch", {"stage": "cancelled", "class": "slv", "colour": "red"}, "form-field-unknown"),
        ("flight", {"purpose": "patrol", "aircraft": "0", "routes": [{"point": "10N 020E"}]}, "form-value"),
        ("flight", {"purpose": "patrol", "aircraft": "two"}, "form-value"),
        ("flight", {"unmanned": "perhaps"}, "form-value"),
        ("check-fire", {"struck": "hospital", "position": "here"}, "coordinates-unreadable"),
        ("warning", {"hazard": "mines", "areas": [{"circle": "10N 020E"}]}, "form-value"),
        ("warning", {"hazard": "mines", "areas": [{"circle": "10N 020E", "radius": "0 m"}]}, "geometry-range"),
        ("warning", {"hazard": "mines", "areas": ["10N 020E"]}, "form-value"),
        ("warning", {"hazard": "mines", "areas": [{"point": "10N 020E", "times": ["tomorrow"]}]}, "form-value"),
        ("site", {"valid": "2026-01-01T00:00Z/2999-01-01T00:00Z"}, "geometry-range"),
        ("site", {"valid": "daily 2026-01-01/2036-12-31 08:00-12:00"}, "geometry-range"),
        ("site", {"valid": "daily 1960-01-01/1960-12-31 08:00-12:00"}, "form-value"),
        ("site", {"confirmed-on": "9999-01-01T00:00Z"}, "form-value"),
        ("warning", {"areas": [{"circle": "10N 020E", "radius": "9" * 400 + " m"}]}, "form-value"),
        (
            "warning",
            {"hazard": "mines", "areas": [{"point": "10N 020E", "times": ["2026-03-02/2026-03-01"]}]},
            "form-value",
        ),
        ("warning", {"hazard": "mines", "areas": [{"point": "10N 020E", "upper": "high"}]}, "form-value"),
        ("warning", {"hazard": "mines", "areas": [{"point": "10N 020E", "name": "A"}]}, "form-value"),
        ("warning", {"hazard": "mines", "areas": [{"point": "10N 020E"}] * 65}, "form-value"),
        ("warning", {"hazard": "mines", "areas": [{"polygon": ["0N 0E", "1N 1E", "0N 1E", "1N 0E"]}]}, "area-crossing"),
        ("warning", {"hazard": "mines", "areas": [{"polygon": ["0N 0E", "0N 1E", "0N 2E"]}]}, "area-zero"),
        ("movement", {"route": [{"corridor": ["0N 0E", "0N 0E"], "width": "1 km"}]}, "area-repeated"),
        (
            "warning",
            {"hazard": "mines", "areas": [{"point": "0N 0E", "lower": "FL200", "upper": "FL100"}]},
            "band-inverted",
        ),
        ("text", {"text": "x" * 8001}, "form-value"),
        ("movement", {"stops": [{"position": "10N 020E"}]}, "form-value"),
        ("reply", {}, "form-incomplete"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_stable_code(name: str, given: dict[str, object], code: str) -> None:
    forms = shipped()
    with pytest.raises(ParleyError) as caught:
        fill(forms, forms.named(name), given)
    assert caught.value.code == code, caught.value


def test_what_others_wrote_is_read_with_an_area_that_no_check_can_use() -> None:
    """It is for the operator to complete, and named where it is asked about and composed."""
    forms = shipped()
    given = {"hazard": "mines", "areas": [{"polygon": ["0N 0E", "1N 1E", "0N 1E", "1N 0E"]}]}
    filled = fill(forms, forms.named("warning"), given, draft=True)
    assert [(path, fault.code) for path, fault in area_faults(filled)] == [("areas.0", "area-crossing")]
    errors, values = read_each(forms.named("warning"), given)
    assert (list(errors), "areas" in values) == (["areas.0"], False)


@pytest.mark.parametrize("text", ["stage: &a [*a]", "a: &a [x, x]\nb: [*a, *a]", "- a", "a: [", "x"])
def test_what_is_no_filled_form_is_refused(text: str) -> None:
    # bad: values that stand for one another -> refused where a form is read: `form-yaml`
    with pytest.raises(UsageError) as caught:
        read_yaml(text)
    assert caught.value.code == "form-yaml"


def test_a_thousand_years_are_refused() -> None:
    # bad: a window of a thousand years -> refused where it is entered: `geometry-range`
    forms = shipped()
    area = {"point": "10N 020E", "times": ["2026-01-01T00:00Z/3026-01-01T00:00Z"]}
    with pytest.raises(ParleyError) as caught:
        fill(forms, forms.named("warning"), {"hazard": "other", "areas": [area]})
    assert caught.value.code == "geometry-range"


@pytest.mark.parametrize("name", ["nothing", "position", "core/launch"])
def test_a_form_is_named_or_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        shipped().named("" if name == "position" else name)
    assert caught.value.code == "form-unknown"


def test_unknown_fields_are_kept_and_shown_as_not_understood() -> None:
    forms = shipped()
    form = forms.named("check-fire/answer")
    body = b"\x00" + cbor.encode({1: 1, 60: "new words", 61: [1, 2]})
    filled = forms.codec.decode(form, body)
    assert filled.unknown == {60: "new words", 61: [1, 2]}
    text = as_text(render(filled, forms.words("fr")))
    assert "Non compris (champ 60) : 'new words'" in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x09",
        b"\x00",
        b"\x00\x01",
        b"\x00" + cbor.encode({1: 99}),
        b"\x00" + cbor.encode({1: "ceased"}),
        b"\x00" + cbor.encode({2: -1}),
        b"\x00" + cbor.encode({3: b"\x00"}),
        b"\x00" + cbor.encode({3: b"\x80" * 40}),
        b"\x00" + cbor.encode({64: "x" * 61}),
        b"\x00" + cbor.encode({65: []}),
        b"\x00" + cbor.encode({65: ["a"] * 17}),
        b"\x01\x00\x01\xa0" + bytes(40),
        b"\x01\xff\xff\xa0",
    ],
)
def test_malformed_bytes_are_no_form(body: bytes) -> None:
    forms = shipped()
    with pytest.raises(DecodeError):
        forms.codec.decode(forms.named("check-fire/answer"), body)


def test_a_bomb_is_bounded() -> None:
    forms = shipped()
    frame = forms.codec._ways[0].compressors[0].compress(bytes(64 * 1024 * 1024))
    body = b"\x01" + cbor.encode({1: ""}) + frame[2:]
    assert len(body) < 10_000
    with pytest.raises(DecodeError) as caught:
        forms.codec.decode(forms.named("text"), body)
    assert caught.value.code == "form-malformed"


def test_texts_must_fit_their_places() -> None:
    forms = shipped()
    form = forms.named("text")
    whole = forms.codec.encode(form, {"text": "The convoy will leave the depot at first light.", "remarks": "None."})
    assert whole[0] > 0
    _, packed = cbor.decode_first(whole[1:], limit=len(whole))
    for plain in ({1: ""}, {1: "", 67: "", 68: ""}):
        with pytest.raises(DecodeError) as caught:
            forms.codec.decode(form, whole[:1] + cbor.encode(plain) + packed)
        assert caught.value.code == "form-malformed"


# -- showing ---------------------------------------------------------------------------------------------


def rendered(language: str, name: str, given: Mapping[str, object]) -> str:
    forms = shipped()
    form = forms.named(name)
    return as_text(render(Filled(form, read_values(form, given)), forms.words(language)))


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("en", 1, "One person was killed."),
        ("en", 2, "2 people were killed."),
        ("fr", 1, "1 personne a été tuée."),
        ("fr", 2000, "2\u202f000 personnes ont été tuées."),
        ("ru", 1, "Погиб 1 человек."),
        ("ru", 3, "Погибли 3 человека."),
        ("ru", 11, "Погибло 11 человек."),
        ("ru", 21, "Погиб 21 человек."),
        ("ru", 2005, "Погибло 2\u00a0005 человек."),
    ],
)
def test_plurals_are_those_of_the_language(language: str, number: int, said: str) -> None:
    assert said in rendered(language, "incident", {"killed": str(number)})


def test_dates_are_in_utc_in_words_and_as_a_group() -> None:
    given = {"effective": "2026-03-10T12:04+02:00"}
    assert "10 March 2026, 10:04 UTC (101004Z MAR 26)" in rendered("en", "cancellation", given)
    assert "10 mars 2026, 10:04 UTC (101004Z MAR 26)" in rendered("fr", "cancellation", given)
    assert "10 марта 2026 г., 10:04 UTC (101004Z MAR 26)" in rendered("ru", "cancellation", given)  # noqa: RUF001


def test_short_notice_is_flagged_with_the_lead_time_and_never_refused() -> None:
    forms = shipped()
    given = {"stage": "planned", "class": "slv", "window": ["2026-03-10T12:00Z/2026-03-10T13:00Z"]}
    filled = fill(forms, forms.named("launch"), given | {"launch-area": {"circle": "10N 020E", "radius": "5 km"}})
    start = filled.values["window"][0].start
    late, fair = lead_time(filled, start - 60), lead_time(filled, start - 86_400)
    assert late is not None
    assert (late.seconds, late.agreed, late.short) == (60, 86_400, True)
    assert fair is not None
    assert not fair.short
    shown = render(filled, forms.words("ru"), start - 60)
    assert " ".join(shown.warnings[0].split()) == "Короткий срок: 1 мин; согласованный минимум: 24 ч."
    assert "after the start" in render(filled, forms.words("en"), start + 60).warnings[0]


def test_an_emergency_has_a_shorter_notice() -> None:
    forms = shipped()
    form = forms.named("movement")
    route = {
        "route": [
            {"corridor": ["10N 020E", "11N 020E"], "width": "200 m", "times": ["2026-03-10T12:00Z/2026-03-10T13:00Z"]}
        ]
    }
    agreed = [
        found.agreed
        for more in ({}, {"emergency": "yes"})
        if (found := lead_time(Filled(form, read_values(form, route | more)), 0)) is not None
    ]
    assert agreed == [48 * 3600, 24 * 3600]


def test_what_is_missing_is_said_in_the_readers_language() -> None:
    forms = shipped()
    form = forms.named("launch")
    filled = Filled(form, read_values(form, {"stage": "launching", "class": "icbm"}))
    assert [p.about for p in problems(form, filled.values)] == ["launch-area", "launched"]
    assert "Zone de lancement : Ce champ est requis." in render(filled, forms.words("fr")).warnings


def test_hostile_values_are_safe_in_text_and_html() -> None:
    text = rendered("en", "text", {"text": "a\u202eb <script>\x1b[2J"})
    assert "<U+202E>" in text
    assert "<U+001B>" in text
    forms = shipped()
    form = forms.named("text")
    page = as_html(render(Filled(form, read_values(form, {"text": "<script>alert(1)</script>"})), forms.words("en")))
    assert "<script>" not in page


def test_a_language_without_translation_reads_english() -> None:
    assert "Text" in rendered("de", "text", {"text": "A"})


def test_the_precedence_is_the_forms_unless_another_is_given() -> None:
    forms = shipped()
    filled = fill(forms, forms.named("check-fire/check-fire"), {"struck": "aid", "position": "31-25N 034-21E"})
    assert message_of(forms, filled, "en").precedence is Precedence.FLASH
    assert message_of(forms, filled, "en", Precedence.ROUTINE).precedence is Precedence.ROUTINE
    assert read_message(forms, message_of(forms, filled, "en")) == filled


def test_the_dictionaries_save_bytes_in_each_language() -> None:
    forms = shipped()
    form = forms.named("text")
    for text in (
        "The patrol boat will pass close to the northern pier tomorrow before noon and will not stop.",
        "Le patrouilleur passera près du quai nord demain avant midi et ne s'arrêtera pas.",
        "Сторожевой катер пройдёт завтра до полудня вблизи северного причала и не остановится.",
    ):
        values = {"text": text}
        assert len(forms.codec.encode(form, values)) < 0.8 * len(Codec().encode(form, values))
    assert len(DICTIONARIES) == len(forms.codec._ways)


@pytest.mark.parametrize("size", [1 << 15, 1 << 17, (1 << 21) - 1])
def test_a_length_that_a_peer_states_is_not_allocated(size: int) -> None:
    """A block of one byte repeated, many times as long as a form may be (RFC 8878 3.1.1.2)."""
    forms = shipped()
    block = (size << 3 | 0b011).to_bytes(3, "little") + b"a"
    with pytest.raises(DecodeError) as caught:
        forms.codec.decode(forms.named("text"), b"\x01\xa1\x01\x60" + block)
    assert caught.value.code == "form-malformed"


# -- several versions ------------------------------------------------------------------------------------


def newer_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a later build brings them: core in version 2 with other words, and other dictionaries."""
    found = {name: dict(files) for name, files in packs_at_hand._shipped_files().items()}
    core_files = found["core"]
    text = core_files["pack.toml"].decode()
    assert 'title = "Text"' in text
    text = text.replace('title = "Text"', 'title = "Plain words"').replace("version = 1", "version = 2", 1)
    core_files["pack.toml"] = text.encode()
    others = {"dictionary-en": packs_at_hand._dictionaries()["dictionary-fr"]}
    monkeypatch.setattr(packs_at_hand, "_shipped_files", lambda: found)
    monkeypatch.setattr(packs_at_hand, "_shipped", lambda: tuple(read_pack(f) for f in found.values()))
    monkeypatch.setattr(packs_at_hand, "_dictionaries", lambda: others)
    packs_at_hand._library.cache_clear()


def test_what_was_said_under_an_older_pack_is_read_by_it_after_an_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORM-2: two versions live beside one another, each message under the one that its charter names."""
    home = found(tmp_path, 2)[0]
    before = home.membership().current.charter
    keep(before, home.forms)
    old = forms_of(before, home.forms)
    said = message_of(old, fill(old, old.named("text"), {"text": "The convoy leaves at first light."}), "en")
    try:
        with monkeypatch.context() as upgraded:
            newer_build(upgraded)
            packs, dictionary = usual_packs(home.forms)
            after = replace(before, packs=packs, dictionary=dictionary)
            assert {p.version for p in after.packs if p.name == "core"} == {2}
            assert after.dictionary != before.dictionary
            new = forms_of(after, home.forms)
            for forms, title in ((forms_of(before, home.forms), "Text"), (new, "Plain words")):
                message = message_of(forms, fill(forms, forms.named("text"), {"text": "It left."}), "en")
                filled = read_message(forms, message)
                assert filled is not None
                assert render(filled, forms.words("en")).title == title
            assert read_message(forms_of(before, home.forms), said) == read_message(old, said)
            assert Understands(home.forms)(before, said)
            assert not Understands(tmp_path / "none")(before, said), "nothing kept it there"
    finally:
        packs_at_hand._library.cache_clear()


def test_what_a_charter_names_is_kept_once_and_goes_into_a_backup(tmp_path: Path) -> None:
    home = found(tmp_path, 2)[0]
    charter = home.membership().current.charter
    keep(charter, home.forms)
    keep(charter, home.forms)
    kept = kept_files([charter], home.forms)
    assert {name.partition("/")[0].rpartition("-")[2] for name in kept} == {
        h.hex()[:16] for h in (*(p.hash for p in charter.packs), charter.dictionary)
    }
    assert not [p for p in home.forms.iterdir() if p.name.startswith(".")]


# -- hostile -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [{5: MAX_TIME // 60 + 1}, {5: (1 << 32) - 1}])
def test_a_time_that_no_calendar_has_is_not_understood(late: dict[int, int]) -> None:
    """It would stop every list and page that shows it."""
    form = shipped().named("check-fire")
    said = {1: form.fields[0].choices[0].number, 2: encode_positions([position(36.7, 68.9)])}
    Codec().decode(form, b"\0" + cbor.encode(said | {5: MAX_TIME // 60}))
    with pytest.raises(DecodeError) as caught:
        Codec().decode(form, b"\0" + cbor.encode(said | late))
    assert caught.value.code == "form-malformed"


@pytest.mark.parametrize("row", [[(1 << 32) - 1, 60], [1 << 22, 365, 0, 60, 127]])
def test_windows_that_no_calendar_has_are_refused(row: list[int]) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_time(row)
    assert caught.value.code == "geometry-range"


def test_what_a_form_says_at_the_end_of_time_can_be_shown() -> None:
    forms = shipped()
    form = forms.named("check-fire")
    said = {1: form.fields[0].choices[0].number, 2: encode_positions([position(36.7, 68.9)]), 5: MAX_TIME // 60}
    filled = Codec().decode(form, b"\0" + cbor.encode(said))
    assert "6325" in write_values(form.fields, filled.values)["since"]
    assert "6325" in as_text(render(filled, forms.words("en"), MAX_TIME), "")


@pytest.mark.parametrize(("time", "reply_by"), [(MAX_TIME + 1, 0), (1 << 62, 0), (5, MAX_TIME + 1), (5, 1 << 62)])
def test_a_statement_of_a_time_that_no_calendar_has_is_not_understood(time: int, reply_by: int) -> None:
    good = Statement(Kind.MESSAGE, MAX_TIME, Message("A", reply_by=MAX_TIME))
    assert statement.decode(statement.encode(good)) == good
    with pytest.raises(DecodeError) as caught:
        statement.decode(statement.encode(Statement(Kind.MESSAGE, time, Message("A", reply_by=reply_by))))
    assert caught.value.code == "statement-malformed"


def test_days_beyond_count_are_never_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning of 29 kB states 900,000 windows: whoever shows it asks for its first and its last alone."""
    forms = shipped()
    form = forms.named("warning")
    days = [[n, 365, 0, 60, 127] for n in range(366)]
    area = [[[0, encode_positions([position(1, 2)])]], None, None, days]
    keys = {f.name: f.key for f in form.fields}
    plain = {keys["hazard"]: form.fields[keys["hazard"] - 1].choices[0].number, keys["areas"]: [area] * 7}

    counted: list[Daily] = []

    def windows(of: Daily) -> Iterator[Window]:
        counted.append(of)
        return iter(())

    monkeypatch.setattr(Daily, "windows", windows)
    filled = Codec().decode(form, b"\0" + cbor.encode(plain))
    assert lead_time(filled, 0) is not None
    problems(form, filled.values)
    assert counted == []
    as_text(render(filled, forms.words("en"), 0), "")
    assert len(counted) <= 7 * 12, "those that are told"


def test_the_first_and_the_last_day_of_a_daily_window() -> None:
    for daily in (Daily(3, 40, 480, 720), Daily(3, 40, 1380, 60, 0b0100000), Daily(3, 4, 0, 1440, 0b0000001)):
        all_of_them = list(daily.windows())
        assert daily.ends() == ((all_of_them[0], all_of_them[-1]) if all_of_them else None)
        span = Window(all_of_them[0].start, all_of_them[-1].end) if all_of_them else None
        assert Volume((Point(position(1, 2)),), Band(), (daily,)).span() == span
    assert Volume((Point(position(1, 2)),)).span() is None
