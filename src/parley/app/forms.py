"""The form packs at hand: those that come with Parley and those in the home, and what a charter makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from parley.errors import DecodeError, UsageError
from parley.forms import packs as shipped
from parley.forms.filled import Filled, lead_time, problems, read_values
from parley.forms.library import Forms, Library
from parley.forms.pack import DEFINITION, MAX_PACK, Form, Pack, files_hash, read_pack
from parley.procedure.facts import read_fact
from parley.wire.documents import Charter, CharterPack
from parley.wire.statement import PLAIN_TEXT, WATCH_FORMS, Message, Precedence

SOON_S: Final = 3600
"""What starts within so many seconds, and sooner than is agreed, is announced as FLASH (ADR 55)."""
DICTIONARIES: Final = ("dictionary-en", "dictionary-fr", "dictionary-ru")


def read_folder(folder: Path) -> Pack:
    """The pack in a folder. Raises DecodeError ``pack-malformed``, UsageError ``file-unreadable``."""
    try:
        entries = [p for p in folder.iterdir() if p.is_file()]
        if sum(p.stat().st_size for p in entries) > MAX_PACK:
            raise DecodeError(f"{folder} holds more than {MAX_PACK} bytes.", code="pack-malformed")
        return read_pack({p.name: p.read_bytes() for p in entries})
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.", code="file-unreadable") from error


@cache
def _shipped() -> tuple[Pack, ...]:
    folders = [f for f in files(shipped).iterdir() if f.is_dir() and (f / DEFINITION).is_file()]
    return tuple(
        read_pack({f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()})
        for folder in sorted(folders, key=lambda f: f.name)
    )


@cache
def _dictionaries() -> dict[str, bytes]:
    return {name: (files(shipped) / name).read_bytes() for name in DICTIONARIES}


@cache
def library(folder: Path | None = None) -> Library:
    """Every pack at hand: those that come with Parley, and those in the folders of ``folder`` (a home's ``forms``)."""
    own = sorted(p for p in folder.iterdir() if p.is_dir()) if folder is not None and folder.is_dir() else []
    found = _dictionaries()
    return Library([*_shipped(), *(read_folder(p) for p in own)], {files_hash(found): tuple(found.values())})


def usual_packs() -> tuple[tuple[CharterPack, ...], bytes]:
    """What a new charter names: the packs that come with Parley, and the hash of the dictionaries."""
    packs = tuple(CharterPack(p.name, p.version, p.hash) for p in _shipped())
    return packs, files_hash(_dictionaries())


def forms_of(charter: Charter, folder: Path | None = None) -> Forms:
    """The forms of a line."""
    return library(folder).under({p.name: p.hash for p in charter.packs}, charter.dictionary)


def read_yaml(text: str) -> dict[str, Any]:
    """A filled template: every value a text, a list or a table. Raises UsageError ``form-yaml``."""
    try:
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
    """The form with what an officer wrote. Raises UsageError: ``form-value``, ``form-incomplete``, ..."""
    filled = Filled(form, read_values(form, given))
    wrong = problems(form, filled.values)
    if wrong and not draft:
        words = forms.words("en")
        raise UsageError(
            f"{form.name}: " + "; ".join(f"{p.about}: {words.say(p.text)}" for p in wrong),
            code="form-incomplete",
            next_step=f"'parley forms show {form.name}' explains each field.",
        )
    return filled


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
