"""Templates: escaped by themselves, in the officer's language, with peers' text made safe to see (R4, D13)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from parley.app.wording import one_line
from parley.console.words import translations
from parley.forms.display import mixed_script_words, safe_line, safe_text

_SHOWN: Final = re.compile(r"<U\+[0-9A-F]{4,6}>")


def peer_text(text: str) -> Markup:
    """What a peer wrote, with misleading characters and words of mixed scripts marked; line breaks stay."""
    return _marked(text, safe_text)


def peer_line(text: str) -> Markup:
    """The same on one line."""
    return _marked(text, safe_line)


def _marked(text: str, safe: Callable[[str], str]) -> Markup:
    mixed = set(mixed_script_words(text))
    shown: list[Markup] = []
    # By letters alone, as words of mixed scripts are found: a figure beside one hides nothing.
    for part in re.split(r"([^\W\d_]+)", text) if mixed else [text]:
        if part in mixed:
            shown.append(Markup('<mark class="mixed">{}</mark>').format(part))
            continue
        plain, last = safe(part), 0
        for found in _SHOWN.finditer(plain):
            shown.append(escape(plain[last : found.start()]))
            shown.append(Markup('<mark class="hidden">{}</mark>').format(found.group()))
            last = found.end()
        shown.append(escape(plain[last:]))
    return Markup("").join(shown)


def has_mixed(text: str) -> bool:
    """Whether a text has words whose letters come from more than one script."""
    return bool(mixed_script_words(text))


class Templates:
    """The environment of each language."""

    def __init__(self) -> None:
        self._of = cache(self._make)

    @staticmethod
    def _make(language: str) -> Environment:
        made = Environment(
            loader=PackageLoader("parley.console"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
        made.filters.update(
            {"peer": peer_text, "line": safe_line, "peerline": peer_line, "mixed": has_mixed, "short": one_line}
        )
        return made

    def macro(self, name: str, macro: str, language: str, **values: Any) -> Callable[..., Markup]:  # noqa: ANN401
        """A macro of a template, for rows that are made one by one; ``values`` are what else it knows."""
        made = self._of(language).get_template(name).make_module({"language": language, **values})
        found: Callable[..., Markup] = getattr(made, macro)
        return found

    def render(self, name: str, language: str, **values: Any) -> str:  # noqa: ANN401
        """A template's text."""
        return self._of(language).get_template(name).render(language=language, **values)
