"""The forms of a line: the packs that its charter names by hash, each with the header of all forms (R45, D4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from parley.errors import UsageError
from parley.forms.filled import Codec, malformed
from parley.forms.pack import Field, Form, Pack
from parley.forms.words import Words

HEADER_PACK: Final = "core"
"""The pack whose header every form has."""


class Forms:
    """The forms of some packs, by id and by name. Two definitions of one id cannot be among them."""

    def __init__(self, packs: Iterable[Pack], codec: Codec) -> None:
        self.packs = tuple(packs)
        self.codec = codec
        header = tuple(f for p in self.packs if p.name == HEADER_PACK for f in p.header)
        self._by_id = {f.id: with_header(f, header) for p in self.packs for f in p.forms}
        self._by_name = {f"{p.name}/{f.name}": f.id for p in self.packs for f in p.forms}
        self._words: dict[str, Words] = {}

    def __iter__(self) -> Iterator[Form]:
        return iter(self._by_id.values())

    def get(self, form_id: str) -> Form | None:
        """The form that a message names, or None."""
        return self._by_id.get(form_id)

    def named(self, name: str) -> Form:
        """A form by id, by ``pack/form``, or by its name where only one pack has it. Raises UsageError."""
        found = [i for n, i in self._by_name.items() if name in (i, n, n.partition("/")[2])]
        if len(found) != 1:
            what = "is the name of several forms" if found else "is no form of this line"
            raise UsageError(f"{name!r} {what}.", code="form-unknown", next_step="'parley forms list' shows all.")
        return self._by_id[found[0]]

    def understood(self, form_id: str, body: bytes) -> bool:
        """The verdict on a message: whether it can be shown as the form that it says it is."""
        form = self.get(form_id)
        return form is not None and not malformed(self.codec, form, body)

    @property
    def languages(self) -> tuple[str, ...]:
        """English, in which packs are written, and the languages that they are translated into; in order."""
        return tuple(sorted({"en"}.union(*(pack.locales for pack in self.packs))))

    def words(self, language: str) -> Words:
        """The words of all packs in a language that they have, else in English."""
        if language not in self._words:
            # What stands around the fields of every form is the header pack's: its words come before other packs'.
            packs = sorted((p for p in self.packs if language in p.locales), key=lambda p: p.name == HEADER_PACK)
            own = {p.code: p.locales[language] for p in packs}
            self._words[language] = Words(language if packs else "en", own.values(), own)
        return self._words[language]


def with_header(form: Form, header: tuple[Field, ...]) -> Form:
    """The form with the fields that every form has after its own; its own come first where both have a name."""
    own = {f.name for f in form.fields}
    return replace(form, fields=(*form.fields, *(f for f in header if f.name not in own)))


class Library:
    """All packs at hand, by hash, several versions of one among them."""

    def __init__(self, packs: Iterable[Pack], dictionaries: Mapping[bytes, Mapping[str, bytes]]) -> None:
        self._packs = {p.hash: p for p in packs}
        self._dictionaries = dictionaries
        self._forms: dict[tuple[frozenset[bytes], bytes], Forms] = {}

    def all(self) -> tuple[Pack, ...]:
        """Every pack at hand."""
        return tuple(self._packs.values())

    def under(self, packs: Mapping[str, bytes], dictionary: bytes) -> Forms:
        """The forms of a charter: pack names to hashes, and the hash of the dictionaries they are compressed with.

        A pack that is not at hand has no forms here, and without the dictionaries none has.
        """
        key = frozenset(packs.values()), dictionary
        if key not in self._forms:
            at_hand = dictionary in self._dictionaries
            found = [p for h in packs.values() if at_hand and (p := self._packs.get(h)) is not None]
            self._forms[key] = Forms(found, Codec(self._dictionaries.get(dictionary)))
        return self._forms[key]
