"""What officers sign of what is said, and the check of it before it goes into an entry (D9; spec/officers.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from parley.app.desk import fresh, message_of
from parley.app.officers import May, Standing
from parley.app.runtime import Runtime
from parley.errors import DecodeError, UsageError
from parley.ids import EntryId
from parley.procedure.outgoing import needs_key
from parley.wire.assertion import Assertion, check, read_assertion
from parley.wire.readback import ReadBack, read_places
from parley.wire.statement import Kind, Mark, Message, Precedence, Reference, Relation, Signed, Statement, signed_hash


def plain(assertion: Assertion) -> list[str]:
    """An assertion as the operations take it."""
    return [part.hex() for part in assertion.plain()]


def checked(runtime: Runtime, by: str, hash_: bytes, given: object) -> Assertion:
    """The assertion of the officer whom the log names ``by``, over ``hash_``. Raises UsageError, SignatureInvalid."""
    try:
        assertion = read_assertion([bytes.fromhex(str(part)) for part in given] if isinstance(given, list) else given)
    except (DecodeError, ValueError):
        raise UsageError("that is no officer's assertion.", code="assertion-malformed") from None
    officer = runtime.officers.by_key(assertion.key)
    if officer is None or officer.standing is not Standing.ACTIVE or officer.by != by:
        raise UsageError(f"this is no key of {by}, or no longer.", code="officer-unknown")
    if not officer.may(May.ACT):
        raise UsageError(f"{by} has no duty role.", code="officer-not-permitted")
    check(assertion, hash_, officer.public_key, officer.rp)
    return assertion


@dataclass(frozen=True, slots=True)
class MarkToSign:
    """An acknowledgement or another mark as it would be written, and what an officer signs of it."""

    kind: Kind
    mark: Mark
    hash: bytes

    def as_json(self) -> dict[str, Any]:
        """What the operations ``ack`` and ``decline`` take back beside the assertion."""
        nonce = self.mark.signed.nonce.hex() if self.mark.signed else ""
        places = [p.plain() for p in self.mark.places]
        said = {"text": self.mark.text, "role": self.mark.role, "places": places}
        return {**said, "nonce": nonce, "hash": self.hash.hex()}


def mark_to_sign(
    runtime: Runtime,
    kind: Kind,
    entry: EntryId,
    text: str,
    role: str,
    nonce: bytes = b"",
    places: tuple[ReadBack, ...] = (),
) -> MarkToSign:
    """``text`` and ``places``, the read-back, are all that the mark will say; a nonce is drawn where none is given."""
    ref = Reference(Relation.SUBJECT, entry)
    mark = Mark((ref,), role, text, Signed(nonce) if nonce else fresh(), places)
    line = runtime.node.line
    to = runtime.addressed(runtime.audience(entry))
    hash_ = signed_hash(line.membership.line, line.me, Statement(kind, 0, mark, to))
    return MarkToSign(kind, mark, hash_)


def signature_of(runtime: Runtime, kind: Kind, entry: EntryId, params: dict[str, Any]) -> Signed | None:
    """What a mark carries: the officer's assertion; "no officer's key" where the class wants one and none was given.

    FLASH is acknowledged with or without a key: nothing stands before it (D9). Raises UsageError ``key-needed``,
    SignatureInvalid.
    """
    if params.get("assertion"):
        try:
            nonce = bytes.fromhex(str(params["nonce"]))
        except (KeyError, ValueError):
            raise UsageError("an assertion comes with its nonce.", code="assertion-malformed") from None
        text, role = str(params.get("text") or ""), str(params.get("role") or "watch")
        asked = mark_to_sign(runtime, kind, entry, text, role, nonce, places_of(params))
        assertion = checked(runtime, str(params.get("officer") or ""), asked.hash, params["assertion"])
        return asked.mark.signed and replace(asked.mark.signed, by=(assertion,))
    if params.get("without_key"):
        return fresh()
    message = wants_key(runtime, entry)
    if message is None:
        return None
    if message.precedence is not Precedence.FLASH:
        raise UsageError(
            "this class of message is acknowledged with an officer's key.",
            code="key-needed",
            next_step="Acknowledge it at the console, signed in with a passkey.",
        )
    return fresh()


def places_of(params: dict[str, Any]) -> tuple[ReadBack, ...]:
    """The read-back as ``to-sign`` gave it, which the officer signed. Raises UsageError ``assertion-malformed``."""
    try:
        return read_places(params["places"]) if params.get("places") else ()
    except DecodeError:
        raise UsageError("the places are not those that were to be signed.", code="assertion-malformed") from None


def wants_key(runtime: Runtime, entry: EntryId) -> Message | None:
    """The message, where its acknowledgement carries an officer's key: by its class, once officers have keys."""
    if not runtime.officers.keyed():
        return None
    views = runtime.views()
    try:
        message = message_of(views, entry)
    finally:
        views.close()
    return message if needs_key(message, runtime.procedures.release) else None
