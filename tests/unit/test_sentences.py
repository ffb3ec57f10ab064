"""What a node says by itself is kept as a code with values, and read in the reader's language (R42)."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.app import meeting, service
from parley.app.clashes import heights
from parley.app.home import Home
from parley.app.sentences import LANGUAGES, plain, said_of, say, who, word
from parley.app.watchlog import WatchLog
from parley.errors import DecodeError
from parley.ids import EntryId
from parley.procedure import watch as w
from parley.procedure.watch import Said
from parley.protocol.rows import Change
from parley.wire import cbor
from parley.wire.readback import read_places
from parley.wire.statement import log_id

TABLE: dict[str, Any] = tomllib.loads(files("parley.app").joinpath("sentences.toml").read_text("utf-8"))
SENTENCES = {name: row for name, row in TABLE.items() if name not in ("word", "who")}


def slots(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_each_sentence_has_the_same_values_in_every_language() -> None:
    for row in (*SENTENCES.values(), *TABLE["word"].values(), *TABLE["who"].values()):
        assert tuple(row) == LANGUAGES
        assert all(row.values())
        assert len({frozenset(slots(text)) for text in row.values()}) == 1, row


def codes() -> Iterator[str]:
    """What the code makes sentences of, where it names the code in so many letters."""
    root = Path(files("parley").joinpath("app").joinpath("sentences.toml").__fspath__()).parents[1]  # type: ignore[attr-defined]
    for path in root.rglob("*.py"):
        for part in path.read_text("utf-8").split('Said("')[1:]:
            yield part.partition('"')[0]


def test_every_code_that_the_node_says_has_its_words() -> None:
    found = set(codes())
    assert len(found) > 20
    assert found <= set(SENTENCES)
    assert {f"did-{name}" for name in service._ATTRIBUTED} <= set(SENTENCES)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[WatchLog]:
    home = Home(tmp_path / "north")
    other = Home(tmp_path / "south")
    for each in (home, other):
        meeting.init_party(each, each.path.name, each.path.name.title(), ["en"])
    proposal = meeting.propose(home, "trial", [meeting.introduce(other, "trial")])
    meeting.install(home, meeting.merge([meeting.accept(other, proposal)]))
    opened = WatchLog.open(home.line("trial"))
    yield opened
    opened.close()


def test_a_sentence_is_kept_as_data_and_what_was_kept_as_text_stays_readable(log: WatchLog) -> None:
    entry = EntryId(log_id(1, bytes(8)), 3)
    coded = w.Alerted(
        entry, "conflict", "air", Said("conflict", {"degree": "blocking", "plans": ("A", "B"), "more": 0}), 5
    )
    text = w.Noted("N1", "Fog.", 6)
    for fact in (coded, text):
        log.enter(fact)
    # As a version before wrote it: the sentence is finished, in English.
    before = cbor.encode([log._last, "alerted", [1, bytes(8), 3], "conflict", "air", "blocking: A", 7])
    log._store.commit(log.version, [Change("watch", (2).to_bytes(8, "big"), before)])
    again = WatchLog(log._store)
    assert again.facts == [coded, text, w.Alerted(entry, "conflict", "air", "blocking: A", 7)]
    assert [say(f.detail, "fr") for f in again.facts if isinstance(f, w.Alerted)] == ["bloquant : A, B", "blocking: A"]
    (row,) = [value for key, value in log._store.scan("watch") if key == bytes(8)]
    assert b"blocking: A" not in row


VALUES = st.dictionaries(
    st.text(max_size=8), st.integers(0, 99) | st.text(max_size=9) | st.lists(st.text(max_size=5)).map(tuple)
)


@pytest.mark.no_cover
@given(st.sampled_from(["conflict", "silent", "under-way", "of-a-later-version"]), VALUES, st.sampled_from(LANGUAGES))
def test_whatever_values_are_kept_a_sentence_can_be_read(code: str, values: Any, language: str) -> None:
    said = Said(code, values)
    assert said_of(plain(said)) == said
    assert isinstance(say(said, language), str)


def test_a_check_fire_names_each_activity_with_its_distance() -> None:
    said = Said("under-way", {"activities": ("Sortie {3}", "Patrol"), "metres": ("3240", "12000")})
    assert say(said, "en") == "Sortie {3} 3.2 km, Patrol 12.0 km"
    assert say(said, "ru") == "Sortie {3} 3,2 км, Patrol 12,0 км"


def test_names_of_officers_are_never_taken_for_words() -> None:
    assert who("busy", "ru") == "busy"
    assert who("the command line", "fr") == "la ligne de commande"
    assert word("unknown_form", "fr") == "formulaire inconnu"


def test_heights_of_a_conflict_are_words_of_the_reader_also_where_english_was_kept() -> None:
    rows: list[dict[str, Any]] = [{"levels": ["", "FL100"]}, {"heights": "surface to FL100"}]
    for row in rows:
        assert heights(row, "en") == "surface to FL100"
        assert heights(row, "fr").endswith(" FL100")
        assert heights(row, "ru").startswith("поверхность")
    rows = [{"levels": None}, {"heights": "apart"}]
    for row in rows:
        assert [heights(row, x) for x in LANGUAGES] == ["apart", "séparées", "раздельно"]


BAD = [
    [],
    [[0, 0, []]],
    [[90_000_001, 0, [[1, 1, "x"]]]],
    [[0, 180_000_000, [[1, 1, "x"]]]],
    [[0, True, [[1, 1, "x"]]]],
    [[0, 0, [[1, 360, "x"]]]],
    [[0, 0, [[-1, 0, "x"]]]],
    [[0, 0, [[1, 0, ""]]]],
    [[0, 0, [[1, 0, "x" * 161]]]],
    [[0, 0, [[1, 0, b"x"]]]],
    [[0, 0, [[1, 0, "x"]] * 5]],
    [[0, 0, [[1, 0, "x"]]]] * 9,
    "text",
]


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
def test_a_read_back_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(DecodeError) as error:
        read_places(value)
    assert error.value.code == "statement-malformed"
