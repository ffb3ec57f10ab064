"""The form packs at hand: those that come with Parley and those in the home, and what a charter makes of them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from parley.app.usable import area_fault
from parley.errors import DecodeError, StoreError, UsageError
from parley.forms import packs as shipped
from parley.forms.filled import Filled, lead_time, problems, read_values
from parley.forms.library import Forms, Library
from parley.forms.pack import DEFINITION, MAX_PACK, Field, Form, Pack, files_hash, read_pack
from parley.keys.file import write_private
from parley.later import later
from parley.procedure.facts import read_fact
from parley.wire.documents import Charter, CharterPack
from parley.wire.geometry import Volume
from parley.wire.statement import PLAIN_TEXT, WATCH_FORMS, Message, Precedence

if TYPE_CHECKING:
    from parley.stores import datadir
else:
    datadir = later("parley.stores.datadir")

SOON_S: Final = 3600
"""What starts within so many seconds, and sooner than is agreed, is announced as FLASH (ADR 55)."""
DICTIONARIES: Final = ("dictionary-en", "dictionary-fr", "dictionary-ru.windows-1251")
_SET: Final = "dictionaries"


def read_folder(folder: Path) -> Pack:
    """The pack in a folder. Raises DecodeError ``pack-malformed``, UsageError ``file-unreadable``."""
    try:
        entries = [p for p in folder.iterdir() if p.is_file()]
        if sum(p.stat().st_size for p in entries) > MAX_PACK:
            raise DecodeError(f"{folder} holds more than {MAX_PACK} bytes.", code="pack-malformed")
        found = {p.name: p.read_bytes() for p in entries}
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.", code="file-unreadable") from error
    # What a home keeps of the packs that come with Parley is, most often, what they still are.
    named = files_hash(found)
    return next((pack for pack in _shipped() if pack.hash == named), None) or read_pack(found)


@cache
def _shipped_files() -> dict[str, dict[str, bytes]]:
    """The files of each pack that comes with Parley, by the pack's name."""
    folders = [f for f in files(shipped).iterdir() if f.is_dir() and (f / DEFINITION).is_file()]
    return {
        folder.name: {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
        for folder in sorted(folders, key=lambda f: f.name)
    }


@cache
def _shipped() -> tuple[Pack, ...]:
    return tuple(read_pack(found) for found in _shipped_files().values())


@cache
def _dictionaries() -> dict[str, bytes]:
    return {name: (files(shipped) / name).read_bytes() for name in DICTIONARIES}


def library(folder: Path | None = None) -> Library:
    """Every pack at hand: those that come with Parley, and those in the folders of ``folder`` (a home's ``forms``)."""
    there = folder is not None and folder.is_dir()
    return _library(folder if there else None, folder.stat().st_mtime_ns if folder is not None and there else 0)


@cache
def _library(folder: Path | None, _changed: int) -> Library:
    """Folders with a dot in front are being written; one that begins with ``dictionaries`` has a set of those."""
    own = sorted(p for p in folder.iterdir() if p.is_dir()) if folder is not None else []
    own = [p for p in own if not p.name.startswith(".")]
    sets = [{f.name: f.read_bytes() for f in p.iterdir()} for p in own if p.name.startswith(_SET)]
    packs = [read_folder(p) for p in own if not p.name.startswith(_SET)]
    return Library([*packs, *_shipped()], {files_hash(found): found for found in (*sets, _dictionaries())})


def usual_packs(folder: Path | None = None) -> tuple[tuple[CharterPack, ...], bytes]:
    """What a new charter names: the newest version of each pack at hand, and the hash of the dictionaries.

    Of two with one version the one that comes with Parley is taken: ``folder`` has what older builds came with.
    """
    newest = {p.name: p for p in sorted(library(folder).all(), key=lambda p: (p.version, p in _shipped()))}
    packs = tuple(CharterPack(p.name, p.version, p.hash) for p in sorted(newest.values(), key=lambda p: p.name))
    return packs, files_hash(_dictionaries())


def keep(charter: Charter, folder: Path) -> None:
    """Keep what a charter names and this build brings, in ``folder``, durably. Raises StoreError ``store-io``.

    A later build brings other versions, and what was said under this charter is then read by these (FORM-2).
    """
    named = {p.hash for p in charter.packs}
    for pack, found in zip(_shipped(), _shipped_files().values(), strict=True):
        if pack.hash in named:
            _keep(folder / f"{pack.name}-{pack.version}-{pack.hash.hex()[:16]}", found)
    if charter.dictionary == files_hash(_dictionaries()):
        _keep(folder / f"{_SET}-{charter.dictionary.hex()[:16]}", _dictionaries())


def _keep(folder: Path, found: Mapping[str, bytes]) -> None:
    """Write files into a new folder, whole and durable or not at all."""
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
            whole = Path(work) / "whole"
            for name, data in found.items():
                write_private(whole / name, data)
            with contextlib.suppress(FileExistsError):  # the node of another line did the same meanwhile
                whole.rename(folder)
                datadir.sync_directory(folder.parent)
    except OSError as error:
        raise StoreError(
            f"cannot keep {folder}: {error.strerror}",
            code="store-io",
            next_step="Make room or give the directory back to the user of the node: forms are read by what is there.",
        ) from error


def kept_files(charters: Iterable[Charter], folder: Path) -> dict[str, bytes]:
    """The files in ``folder`` that these charters need, which belong into a backup, by their names below it.

    A pack is known by its hash, whatever its folder is called; the folder that it is put back into says the hash.
    """
    needed = {h for c in charters for h in (*(p.hash for p in c.packs), c.dictionary)}
    found: dict[str, bytes] = {}
    for place in sorted(p for p in folder.glob("[!.]*") if p.is_dir()):
        kept = {f.name: f.read_bytes() for f in sorted(place.iterdir()) if f.is_file()}
        named = files_hash(kept)
        if named in needed:
            needed.discard(named)
            sort = _SET if place.name.startswith(_SET) else "pack"
            known = place.name.endswith(f"-{named.hex()[:16]}")
            below = place.name if known else f"{sort}-{named.hex()[:16]}"
            found |= {f"{below}/{name}": data for name, data in kept.items()}
    return found


def forms_of(charter: Charter, folder: Path | None = None) -> Forms:
    """The forms of a line."""
    return library(folder).under({p.name: p.hash for p in charter.packs}, charter.dictionary)


def read_yaml(text: str) -> dict[str, Any]:
    """A filled template: every value a text, a list or a table. Raises UsageError ``form-yaml``."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.BaseLoader)):
            # A few lines of them stand for millions of values.
            raise UsageError("a form has no aliases (*name).", code="form-yaml", next_step="Write it out.")
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and tables only
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"this is not YAML: {error}", code="form-yaml") from None
    if not isinstance(found, dict):
        raise UsageError("a form is a table of fields.", code="form-yaml", next_step="See 'parley forms new'.")
    return found


def read_message(forms: Forms, message: Message) -> Filled | None:
    """The form that a message is; None when it is free text or cannot be read."""
    form = forms.get(message.form)
    if form is None or not isinstance(message.body, bytes):
        return None
    try:
        return forms.codec.decode(form, message.body)
    except DecodeError:
        return None


def fill(forms: Forms, form: Form, given: Mapping[str, Any], *, draft: bool = False) -> Filled:
    """The form with what an officer wrote. Raises UsageError: ``form-value``, ``form-incomplete``, ``area-...``.

    A ``draft``, which was read from what others wrote, may lack what is wanted, and have areas that no check can use.
    """
    filled = Filled(form, read_values(form, given))
    for path, fault in () if draft else area_faults(filled):
        raise UsageError(
            f"{path}: {fault.message}", code=fault.code, next_step="Correct its positions, heights or times."
        )
    wrong = problems(form, filled.values)
    if wrong and not draft:
        words = forms.words("en")
        raise UsageError(
            f"{form.name}: " + "; ".join(f"{p.about}: {words.say(p.text)}" for p in wrong),
            code="form-incomplete",
            next_step=f"'parley forms show {form.name}' explains each field.",
        )
    return filled


def area_faults(filled: Filled) -> Iterator[tuple[str, DecodeError]]:
    """The areas of a form that no check can use, each by the path of its field, with the reason."""
    for path, _, value in each_value(filled.form.fields, filled.values):
        if isinstance(value, Volume) and (fault := area_fault(value)) is not None:
            yield path, fault


def message_of(forms: Forms, filled: Filled, language: str, precedence: Precedence | None = None) -> Message:
    """The message that carries a form; its precedence is the form's unless another is given."""
    form = filled.form
    urgency = Precedence[form.precedence] if precedence is None else precedence
    return Message(forms.codec.encode(form, filled.values), language, urgency, form=form.id)


def urgency(filled: Filled, at: int) -> Precedence:
    """The form's precedence; FLASH where it is sent at ``at`` with too short a notice of what starts soon (B2)."""
    lead = lead_time(filled, at)
    if lead is not None and lead.short and abs(lead.seconds) < SOON_S:
        return Precedence.FLASH
    return Precedence[filled.form.precedence]


def is_fact(message: Message) -> bool:
    """Whether a message under a form of the watch states a fact of the watch."""
    try:
        return read_fact(message) is not None
    except DecodeError:
        return False


class Understands:
    """The verdict that the core asks for: is a message what it says, by its charter's packs? (D4)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def __call__(self, charter: Charter, message: Message) -> bool:
        """True for text that is text, and for a form or a fact of the watch that can be read."""
        if message.form == PLAIN_TEXT:
            return isinstance(message.body, str)
        if message.form.startswith(WATCH_FORMS):
            return is_fact(message)
        return isinstance(message.body, bytes) and forms_of(charter, self._folder).understood(
            message.form, message.body
        )


def each_value(
    fields: Iterable[Field], values: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, Field, Any]]:
    """Every single value with the path of its field: ``areas.0``, ``stops.1.position``."""
    for spec in fields:
        if spec.name not in values:
            continue
        for n, value in enumerate(values[spec.name] if spec.repeat > 1 else (values[spec.name],)):
            path = f"{before}{spec.name}.{n}" if spec.repeat > 1 else f"{before}{spec.name}"
            if spec.type == "group":
                yield from each_value(spec.fields, value, f"{path}.")
            else:
                yield path, spec, value
