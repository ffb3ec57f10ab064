"""The exchange as people read it: in causal order, with the state of each message, as text and as HTML."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from parley.app.views import MessageView, Recipient
from parley.forms.display import mixed_script_words, safe_line, safe_text

_FACTS: Final = ("delivered", "read", "acknowledged", "declined", "answered")

_OTHER_WORDS: Final = {
    "fr": {
        "The line": "La ligne",
        "delivered": "remis",
        "read": "lu",
        "acknowledged": "acquitté",
        "declined": "refusé",
        "answered": "répondu",
        "undelivered": "non remis",
        "arrived, not understood": "arrivé, non compris",
        "reason": "motif",
        "in reply to": "en réponse à",
        "erased under retention": "effacé à échéance",
        "Words with letters of several scripts": "Mots aux lettres de plusieurs écritures",
        "Times are UTC, as their authors state them. A signed record can never be denied.": (
            "Heures UTC, telles que leurs auteurs les déclarent. Un registre signé ne peut jamais être nié."
        ),
    },
    "ru": {
        "The line": "Линия",
        "delivered": "доставлено",
        "read": "прочитано",
        "acknowledged": "подтверждено",
        "declined": "отклонено",
        "answered": "отвечено",
        "undelivered": "не доставлено",
        "arrived, not understood": "пришло, не понято",
        "reason": "причина",
        "in reply to": "в ответ на",
        "erased under retention": "стёрто по истечении срока хранения",
        "Words with letters of several scripts": "Слова с буквами разных письменностей",  # noqa: RUF001 - Cyrillic
        "Times are UTC, as their authors state them. A signed record can never be denied.": (
            "Время UTC, как его указали авторы. От подписанной записи нельзя отречься."  # noqa: RUF001 - Cyrillic
        ),
    },
}


def _say(text: str, language: str) -> str:
    return _OTHER_WORDS.get(language, {}).get(text, text)


def dtg(time: int) -> str:
    """A date-time group: DDHHMMZ MON YY (C2)."""
    return datetime.fromtimestamp(time, UTC).strftime("%d%H%MZ %b %y").upper() if time else "-"


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%H:%M:%SZ")


def _facts(recipient: Recipient, language: str = "en") -> str:
    parts = [
        f"{_say(fact, language)} {_clock(getattr(recipient, fact))}" for fact in _FACTS if getattr(recipient, fact)
    ]
    if recipient.reason:
        parts.append(f"{_say('reason', language)}: {safe_line(recipient.reason)}")
    if recipient.refused:
        parts.append(f"{_say('arrived, not understood', language)} ({recipient.refused})")
    return f"{recipient.code}: " + (", ".join(parts) or _say("undelivered", language))


def ordered(messages: Iterable[MessageView]) -> list[MessageView]:
    """Causal, then time: a reply stands after what it answers, whatever the clocks say (D1)."""
    left = sorted(messages, key=lambda m: (m.time, m.author, m.arrival))
    known = {m.id for m in left}
    done: set[str] = set()
    result: list[MessageView] = []
    while left:
        take = next((m for m in left if m.reply_to not in known or m.reply_to in done), left[0])
        left.remove(take)
        done.add(take.id)
        result.append(take)
    return result


def as_text(messages: Iterable[MessageView], *, lines: int = 3) -> str:
    """One block a message: who, when, state, and the first ``lines`` lines of the text."""
    blocks = []
    for m in ordered(messages):
        subject = f"  {safe_line(m.subject)}" if m.subject else ""
        reply = f"  in reply to {m.reply_to}" if m.reply_to else ""
        head = f"{dtg(m.time)}  {m.precedence:9} {m.author} -> {', '.join(m.to)}  {m.id}{subject}{reply}"
        body = ["    (erased under retention)"] if m.erased else _body(m.text, lines)
        blocks.append("\n".join([head, *body, *(f"    [{_facts(x)}]" for x in m.recipients)]))
    return "\n".join(blocks) + "\n"


def _body(text: str, lines: int) -> list[str]:
    rows = [row for row in safe_text(text).splitlines() if row.strip()]
    shown = [f"    | {textwrap.shorten(row, 110, placeholder=' ...')}" for row in rows[:lines]]
    if len(rows) > lines:
        shown.append(f"    | ... {len(rows) - lines} more lines")
    return shown


_STYLE: Final = """
:root{color-scheme:light dark;--rule:#8886;--flash:#b00020;--good:#1b6e3c;--bad:#b00020}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}article{border-top:2px solid var(--rule);padding:1rem 0}
header{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-variant-numeric:tabular-nums}
.p-FLASH{color:var(--flash);font-weight:700}.p-IMMEDIATE{font-weight:700}
pre{white-space:pre-wrap;font:14px/1.5 ui-monospace,monospace;margin:.6rem 0}
ul{list-style:none;padding:0;margin:0;font-size:.9rem}.acknowledged,.answered{color:var(--good)}
.declined,.undelivered,.refused{color:var(--bad)}.note{font-size:.9rem;opacity:.8}
"""


def as_html(line: str, messages: Iterable[MessageView], language: str = "en") -> str:
    """A page that stands alone: no script, nothing loaded, every text escaped and made safe to see (D13)."""
    articles = "".join(_article(m, language) for m in ordered(messages))
    title = html.escape(f"{_say('The line', language)} {safe_line(line)}")
    note = _say("Times are UTC, as their authors state them. A signed record can never be denied.", language)
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="{html.escape(language)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="note">{note}</p>'
        f"<main>{articles}</main></body></html>\n"
    )


def _article(m: MessageView, language: str) -> str:
    states = "".join(
        f'<li class="{html.escape(x.state)}">{html.escape(_facts(x, language))}</li>' for x in m.recipients
    )
    subject = f"<strong>{html.escape(safe_line(m.subject))}</strong>" if m.subject else ""
    to = html.escape(m.reply_to or "")
    reply = f'<span>{_say("in reply to", language)} <a href="#{to}">{to}</a></span>' if to else ""
    mixed = ", ".join(mixed_script_words(m.text)[:10])
    scripts = _say("Words with letters of several scripts", language)
    warning = f'<p class="note">{scripts}: {html.escape(mixed)}</p>' if mixed else ""
    text = f"({_say('erased under retention', language)})" if m.erased else safe_text(m.text)
    return (
        f'<article id="{html.escape(m.id)}"><header><span>{dtg(m.time)}</span>'
        f'<span class="p-{html.escape(m.precedence)}">{html.escape(m.precedence)}</span>'
        f"<span>{html.escape(m.author)} &rarr; {html.escape(', '.join(m.to))}</span>"
        f"<span>{html.escape(m.id)}</span>{subject}{reply}</header>"
        f'<pre lang="{html.escape(m.language or "und")}">{html.escape(text)}</pre>{warning}<ul>{states}</ul></article>'
    )
