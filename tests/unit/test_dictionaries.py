"""What the dictionaries of forms save, on remarks that they were not trained on."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from parley.app.bench_forms import REMARK, measure, remarks
from parley.app.forms import library, usual_packs
from parley.errors import DecodeError
from parley.forms.compressed import charset
from parley.forms.filled import Codec
from parley.forms.library import Forms

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "fr", "ru")
BAR = 200


@cache
def trainer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dictionary", ROOT / "tools/dictionary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def runs(text: str, length: int = 5) -> set[tuple[str, ...]]:
    """Every ``length`` words in a row."""
    words = text.lower().split()
    return {tuple(words[n : n + length]) for n in range(len(words) - length + 1)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_held_out_was_trained_on(language: str) -> None:
    """No five words in a row; each remark is as long as the bar has it."""
    written = charset(trainer().NAMES[language])
    trained = {run for sample in trainer().samples(language) for run in runs(sample.decode(written))}
    held_out = remarks(language)
    assert len(held_out) == 5
    for remark in held_out:
        assert len(remark) == REMARK
        assert not runs(remark) & trained, remark


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_dictionary_comes_from_the_repository(language: str) -> None:
    """As ``make dictionary`` writes it, to the byte."""
    made = trainer().make(language)
    assert (trainer().PACKS / trainer().NAMES[language]).read_bytes() == made


def test_a_notification_fits_into_two_hundred_bytes_whatever_its_remark() -> None:
    """Of each language the largest is judged."""
    found = measure()
    for language in LANGUAGES:
        key = "form_bytes" if language == "en" else f"form_bytes_{language}"
        assert found[key] == max(found["form_bytes_held_out"][language])
        assert found[key] <= BAR
    assert found["form_fields"] == 14
    assert set(found["form_bytes_examples"]) == {f"{p.name}/{f.name}" for p in shipped().packs for f in p.forms}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Сторожевой катер пройдёт завтра до полудня вблизи северного причала и не остановится.", 3),
        ("The patrol boat will pass close to the northern pier tomorrow before noon.", 1),
        ("Сторожевой катер 你好 пройдёт завтра до полудня вблизи северного причала", None),
        ("«Ё», — № 7… ґ є ї", None),
    ],
)
def test_a_text_comes_back_to_the_letter_whatever_its_letters(text: str, number: int | None) -> None:
    """FORM-8: what is not of the dictionary's character set travels another way."""
    forms = shipped()
    form = forms.named("text")
    data = forms.codec.encode(form, {"text": text})
    assert forms.codec.decode(form, data).values == {"text": text}
    if number is not None:
        assert data[0] == number


def test_bytes_outside_the_character_set_are_no_text() -> None:
    """FORM-8: windows-1251 has one byte that stands for nothing."""
    forms = shipped()
    form = forms.named("text")
    data = forms.codec.encode(form, {"text": "Сторожевой катер пройдёт завтра до полудня."})
    way = forms.codec._ways[2]
    frame = way.compressors[0].compress(b"\x98 \xf1\xeb")
    with pytest.raises(DecodeError) as caught:
        forms.codec.decode(form, data[:1] + b"\xa1\x01\x60" + frame[2:])
    assert caught.value.code == "form-malformed"


def test_a_dictionary_in_an_unknown_character_set_is_refused() -> None:
    with pytest.raises(DecodeError) as caught:
        Codec({"dictionary-ru.koi9": b""})
    assert caught.value.code == "pack-malformed"
