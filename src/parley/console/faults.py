"""What went wrong, in the officer's language.

An error has a stable code, and its words are the node's, in English. To an officer who reads another language the code
says in theirs what happened and what to do; the node's own words stand beside it, with what was got and wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parley.errors import BearerError, KeyUnavailable, ParleyError, StoreError, VerificationError

if TYPE_CHECKING:
    from parley.console.web import Visit

_OWN: Final = "en"
"""The language of the node's own words."""
_AREA: Final = ("area-range", "area-positions", "area-edge", "band-inverted")


def fault_words(visit: Visit, error: ParleyError) -> str:
    """What the error comes to, in the officer's language; empty where the node's own words are in it."""
    if visit.language == _OWN:
        return ""
    return code_words(visit, error.code) or _sort(visit, error)


def code_words(visit: Visit, code: str) -> str:
    """What an error of this code comes to, in the officer's language; empty in the node's own, and where nothing is."""
    if visit.language == _OWN:
        return ""
    known = {**_session(visit), **_release(visit), **_message(visit), **_watch(visit), **_plans(visit)}
    return known.get(code, "")


def in_line(visit: Visit, error: ParleyError) -> str:
    """The error on one line: in the officer's language, then in the node's own words where these are others."""
    said = fault_words(visit, error)
    return f"{said} ({error.message})" if said else error.message


def _sort(visit: Visit, error: ParleyError) -> str:
    if error.code.startswith("http-"):
        return visit.say("There is no such page here. Go to the first page.")
    if isinstance(error, StoreError):
        return visit.say("The node cannot write or read its record. Reading may go on; call the administrator.")
    if isinstance(error, VerificationError):
        return visit.say("What was to be verified does not hold. Do not rely on it.")
    if isinstance(error, KeyUnavailable):
        return visit.say("A key that is needed is not at hand. Call the administrator.")
    if isinstance(error, BearerError):
        return visit.say("The other side cannot be reached this way now.")
    return visit.say("The node did not do it. It says why in its own words:")


def _session(visit: Visit) -> dict[str, str]:
    malformed = visit.say("The request was not understood. Load the page again, and repeat what you did.")
    gone = visit.say("This was answered before, or too late. Begin again.")
    passkey = visit.say("The passkey's answer does not hold. Try again, or act at another workstation.")
    return {
        "csrf": visit.say("The page is of another session. Load it again, and repeat what you did."),
        "request-malformed": malformed,
        "setting-unknown": malformed,
        "sign-in-needed": visit.say("Nobody is signed in here. Sign in, and repeat what you did."),
        "sign-in-refused": visit.say("This passkey signs nobody in here."),
        "ceremony-unknown": gone,
        "passkey-invalid": passkey,
        "passkey-replayed": passkey,
        "assertion-invalid": passkey,
        "passkey-known": visit.say("This passkey is enrolled already."),
        "invitation-invalid": visit.say("This code enrols nobody: it is mistyped, used or too old. Ask for a new one."),
        "officer-not-active": visit.say("The officer waits for approval by another, or was revoked."),
        "officer-not-permitted": visit.say("Your role does not permit it. Another officer does it."),
        "line-unknown": visit.say("There is no such line here."),
    }


def _release(visit: Visit) -> dict[str, str]:
    key = visit.say("This class of message is signed with an officer's passkey.")
    changed = visit.say("The draft was changed since you read it. Read it again.")
    return {
        "release-needed": visit.say("A second officer must release this."),
        "release-own": visit.say("Nobody releases a draft of their own. Another officer reads it and approves it."),
        "release-key-needed": key,
        "key-needed": key,
        "release-changed": changed,
        "draft-overtaken": visit.say("A newer message arrived while you were drafting. Read it before this goes out."),
        "draft-unknown": visit.say("There is no such draft: it was sent or dropped."),
        "class-change": visit.say("A message does not leave its line: exercise and operation are never mixed."),
    }


def _message(visit: Visit) -> dict[str, str]:
    field = visit.say("A field of the form is missing or cannot be read. It is named here:")
    return {
        "message-unknown": visit.say("There is no such message here."),
        "text-empty": visit.say("There is no text. Write one."),
        "text-too-large": visit.say("The text is too long for one message. Shorten it, or send it in parts."),
        "form-too-large": visit.say("The text is too long for one message. Shorten it, or send it in parts."),
        "reason-missing": visit.say("A reason is needed. Write it, then send again."),
        "readback-needed": visit.say(
            "The places were not confirmed. Compare where they lie with what was meant, tick the box, then acknowledge."
        ),
        "not-author": visit.say("Only its author corrects or cancels a message."),
        "reply-by-past": visit.say("The time to reply by lies in the past."),
        "time-malformed": visit.say("That is no time. Write it in UTC as 2026-11-25 14:00."),
        "form-incomplete": field,
        "form-value": field,
        "form-field-unknown": field,
        "form-unknown": visit.say("There is no such form here."),
        "translation-incomplete": visit.say("A translation has a text, and who translated it."),
        "content-not-held": visit.say("Its content is not held here any more: nothing can be proven of it."),
        "proof-not-yet": visit.say("Entries that come before this message are not here yet. Try again later."),
        "pdf-failed": visit.say("The sheet could not be made. Print the page instead."),
    }


def _watch(visit: Visit) -> dict[str, str]:
    return {
        "handover-unread": visit.say("Read what is open, tick the box, then take over."),
        "handover-none": visit.say("No handover of this role is offered."),
        "handover-own": visit.say("Nobody relieves themselves: another officer does."),
        "handover-stale": visit.say("Something changed since the summary was shown. Read it again."),
        "watch-held": visit.say("Another officer has the watch. They offer the handover first."),
        "watch-not-held": visit.say("You do not have the watch of this role."),
        "mute-too-long": visit.say("A mute lasts not so long. Choose fewer minutes, and renew it."),
        "officer-unknown": visit.say("There is no such officer here."),
        "role-unknown": visit.say("There is no such role here."),
        "scenario-unknown": visit.say("There is no such scenario."),
    }


def _plans(visit: Visit) -> dict[str, str]:
    place = visit.say("A position or an area cannot be read. What was written stands here:")
    return {
        "plan-name": visit.say("A plan of that name is kept already, or the name does not do."),
        "plan-times": visit.say("Give the start and a later end, or neither for always."),
        "plan-where": visit.say("The plan states no area."),
        "plan-unknown": visit.say("There is no such plan here."),
        "plan-not-held": visit.say("Nothing holds this plan any more."),
        "track-unknown": visit.say("There is no such track here."),
        **dict.fromkeys(
            ("coordinates-unreadable", "coordinates-range", "coordinates-ambiguous", "geometry-range", *_AREA), place
        ),
    }
