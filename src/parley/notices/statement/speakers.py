"""Who says what in a press text: rules over the tags of a sentence, and which of those named are the same."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from parley.notices.draft import Span
from parley.notices.statement.lexicon import Lexicon
from parley.notices.statement.text import PressText, Quoted, Sentence, straight

_INNER: Final = "[wCOBMJS]"
_NAME: Final = rf"(?:D{_INNER}{{0,4}})?[COBMJ]{_INNER}{{0,6}}(?:PD?{_INNER}{{1,5}}){{0,3}}"
_WHO: Final = rf"(?P<who>{_NAME}(?:ED?{_NAME})?)"
_WORDS: Final = "[DPNEFp]|" + _INNER
_APPOSED: Final = rf"(?:,(?P<apposed>(?:{_WORDS}){{1,16}}),|,H[^,:.;Q]{{1,20}},)?"
_APPOSED_LAST: Final = rf"(?:,(?P<apposed>(?:{_WORDS}){{1,16}})(?=[,.;:]|$))?"
_SAYS: Final = r"(?:sY{0,2}Z?Y{0,2}V|Y{0,3}(?:AY{0,3}){0,2}V|Y{0,2}AY{0,2}[wFP]{0,3}v)(?!U)"
_WHEN: Final = r"(?:,?F?D?K[KN]{0,3},?)?"
_ASIDE: Final = rf"(?:,?F?D?K[KN]{{0,3}},?|[FP]D?{_INNER}{{1,3}}|,F[DPKNp]{{0,2}}{_INNER}{{1,6}},){{0,2}}"
_RULES: Final = tuple(
    re.compile(rule)
    for rule in (
        rf"{_WHO}{_APPOSED}H?{_WHEN}(?P<says>{_SAYS})",
        rf"(?P<who>R){_WHEN}(?P<says>{_SAYS})",
        r"(?P<says>[AYsZ]{0,4}(?P<who>I)Y{0,2}V|V(?P<who2>I))",
        rf"[Q,]{{1,2}}(?P<says>{_SAYS})(?:(?P<who2>R)|{_ASIDE}{_WHO}{_APPOSED_LAST})",
        rf"(?P<says>L)(?:(?P<who2>[RY])|{_WHO}{_APPOSED_LAST})",
        rf"^(?P<says>p){_WHO}{_APPOSED_LAST}(?=,)",
        r"(?P<says>G)",
        rf"^(?:[^VQ:,]{{0,12}},)?(?:(?P<who2>R)|{_WHO}{_APPOSED})(?P<says>[^VQ:.;?!]{{0,20}}:)(?=Q)",
    )
)
"""Ways to name who says something. ``says`` is the verb or what stands for it."""
_SUBJECT: Final = re.compile(rf"(?:(?P<who2>R)|{_WHO})")
_INTERPOSED: Final = re.compile(r",(?P<says>[AYsZ]{0,4}(?P<who>I)Y{0,2}V|V(?P<who2>I))[,.]")
_GOVERNED: Final = re.compile(r":?T?[wFPD]{0,2}:?Q|,Q")
_STEM: Final = 4
"""Letters that russe and Russie share."""
_MAX_PARTIES: Final = 64
"""Those who spoke last among whom a name is looked for: bounds the work for a text that names very many."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Who is meant in one place: by name (a person, body or country), by role, by document, or by a pronoun."""

    span: Span
    name: Span | None = None
    role: Span | None = None
    pronoun: str = ""
    indefinite: bool = False
    gender: str = ""
    kind: str = ""
    """Tag of the noun at its head; empty for a name."""


class Saying(NamedTuple):
    """One attribution in a sentence, by places of its words."""

    first: int
    past: int
    mention: Mention | None
    """None: whoever spoke before goes on."""
    before: bool
    """The speaker stands before the verb: it does not reach back over other words."""
    within: bool
    """It is itself a part of what somebody said."""


def sayings(text: PressText, sentence: Sentence) -> list[Saying]:
    """Every attribution in ``sentence``, in order."""
    found: dict[int, Saying] = {}
    for number, rule in enumerate(_RULES):
        for match in rule.finditer(sentence.tags):
            verb = match.end("says") - 1
            taken = any(s.first <= verb < s.past for s in found.values())
            if not taken:
                mention = _mention_of(text, sentence, match)
                first = min(p for p in (match.start("says"), _who(match)[0]) if p >= 0)
                found[verb] = Saying(
                    first,
                    max(match.end("says"), _who(match)[1]),
                    mention,
                    number <= 1,
                    sentence.tags[first - 1 : first] == "T",
                )
    return sorted(found.values(), key=lambda said: said.first)


def interposed(text: PressText, quoted: Quoted) -> Mention | None:
    """Who is named between the words themselves: they hold, he added, a promise."""
    first, past = (bisect_left(text.words, at, key=lambda w: w.start) for at in (quoted.first, quoted.last))
    words = text.words[first:past]
    match = _INTERPOSED.search("".join(w.tag for w in words))
    if match is None:
        return None
    word = words[_who(match)[0]]
    low = word.low.rpartition("-")[2]
    return Mention(text.span(word.start, word.end), pronoun=low, gender=_gender(low, text.lexicon))


def _who(match: re.Match[str]) -> tuple[int, int]:
    groups = match.re.groupindex
    return next((match.span(g) for g in ("who", "who2") if g in groups and match.start(g) >= 0), (-1, -1))


def _mention_of(text: PressText, sentence: Sentence, match: re.Match[str]) -> Mention | None:
    first, past = _who(match)
    if first < 0:
        return None
    if sentence.tags[first] in "RIY":
        low = sentence.words[first].low.rpartition("-")[2]
        return Mention(_span(text, sentence, first, past), pronoun=low, gender=_gender(low, text.lexicon))
    mention = mention_at(text, sentence, first, past)
    if "apposed" not in match.re.groupindex or match.start("apposed") < 0:
        return mention
    return _with_apposed(mention, mention_at(text, sentence, *match.span("apposed")))


def subject(text: PressText, sentence: Sentence) -> Mention | None:
    """What the sentence begins with, if that is a name, an office, a body or a pronoun."""
    match = _SUBJECT.match(sentence.tags)
    return _mention_of(text, sentence, match) if match else None


def mention_at(text: PressText, sentence: Sentence, first: int, past: int) -> Mention:
    """What the words from ``first`` up to ``past`` name."""
    lexicon, whole = text.lexicon, _span(text, sentence, first, past)
    determiner = sentence.words[first].low if sentence.tags[first] == "D" and past > first + 1 else ""
    inner = first + bool(determiner)
    tags = sentence.tags[inner:past]
    chunk = tags.partition("P")[0]
    heads = [i for i, tag in enumerate(chunk) if tag in "OBMJ"]
    head = (heads[-1] if lexicon.language == "en" else heads[0]) if heads else -1
    kind = tags[head] if heads else ""
    if kind == "M" and "P" in tags[head:-1]:  # a communiqué of the ministry speaks for the ministry
        return mention_at(text, sentence, inner + tags.index("P", head) + 1, past)
    if kind == "M" and re.search("[COB]", tags[:head]):
        return mention_at(text, sentence, first, inner + len(tags[:head].rstrip("wS")))
    name: Span | None = _span(text, sentence, inner, past)
    role = None
    if kind == "O" and "E" not in tags:
        named = inner + _name_start(tags)
        role = _span(text, sentence, inner, min(named, past))
        name = _span(text, sentence, named, past) if named < past else None
    return Mention(
        whole, name, role, indefinite=determiner in lexicon.indefinite, gender=_gender(determiner, lexicon), kind=kind
    )


def _name_start(tags: str) -> int:
    """Where a person's name begins after an office; the end when there is none."""
    last = tags.rfind("O") + 1
    at = len(tags)
    while at > last and tags[at - 1] == "C":
        at -= 1
    # After a preposition the first word is of the office: President of Northland.
    if at > last and tags[at - 1] in "PD" and at < len(tags):
        at = at + 1 if len(tags) - at > 2 else len(tags)  # noqa: PLR2004 - a name of two words at least
    return at


def _with_apposed(mention: Mention, apposed: Mention) -> Mention:
    """A name with the office after it, or an office with the name after it; else as it is."""
    if mention.name and not mention.role and apposed.role and not apposed.name and not mention.kind:
        return Mention(mention.span, mention.name, apposed.role, gender=apposed.gender, kind="O")
    if mention.role and not mention.name and apposed.name and not apposed.kind and apposed.name == apposed.span:
        return Mention(mention.span, apposed.name, mention.role, gender=mention.gender, kind="O")
    return mention


def _gender(word: str, lexicon: Lexicon) -> str:
    kinds = (("f", lexicon.feminine), ("m", lexicon.masculine), ("p", lexicon.plural))
    return next((letter for letter, words in kinds if word in words), "")


def _span(text: PressText, sentence: Sentence, first: int, past: int) -> Span:
    return text.span(sentence.words[first].start, sentence.words[past - 1].end)


def attributed(sentence: Sentence, said: list[Saying], at: int) -> Saying | None:
    """Which of ``said`` is of the quotation at word ``at``, by how near and in which place it stands."""
    before = [s for s in said if s.past <= at]
    if before and _GOVERNED.fullmatch(sentence.tags, before[-1].past, at + 1):
        return before[-1]
    after = [s for s in said if s.first > at]
    if after and sentence.tags[at + 1 : after[0].first] in ("", ","):
        return after[0]
    spoken = [s for s in before if not (s.mention and s.mention.kind == "J")] or before
    return spoken[-1] if spoken else next((s for s in after if not s.before), None)


# -- who is the same -------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Party:
    """One who speaks in a text, as far as it has been named."""

    name: Span | None
    role: Span | None
    kind: str
    gender: str

    @property
    def speaker(self) -> Span | None:
        """The name, or else the role."""
        return self.name or self.role


@dataclass(slots=True)
class Cast:
    """Those who speak in one text, who spoke last at the end."""

    lexicon: Lexicon
    parties: list[Party] = field(default_factory=list)

    def who(self, mention: Mention) -> Party | None:
        """Who is meant; None for a pronoun that stands for nobody who spoke."""
        party = self._pronoun(mention) if mention.pronoun else self._known(mention)
        if party is None:
            if mention.pronoun:
                return None
            party = Party(mention.name, mention.role, mention.kind, mention.gender)
        if mention.name and (not party.name or len(mention.name.text) > len(party.name.text)):
            party.name = mention.name
        if mention.role and (not party.role or (mention.name and len(mention.role.text) > len(party.role.text))):
            party.role = mention.role
        if not mention.pronoun:
            party.kind = party.kind or mention.kind
        self.parties = [*(p for p in self.parties if p is not party), party][-_MAX_PARTIES:]
        return party

    def _pronoun(self, mention: Mention) -> Party | None:
        for party in reversed(self.parties):
            thing = party.kind in ("B", "M", "J")
            if self.lexicon.language == "fr":
                fits = not party.gender or not mention.gender or party.gender == mention.gender
            else:
                fits = mention.pronoun == "they" or thing == (mention.pronoun == "it")
            if fits and mention.pronoun != "on":
                return party
        return None

    def _known(self, mention: Mention) -> Party | None:
        """The one party that ``mention`` fits; when several do, none is chosen."""
        if mention.indefinite:
            return None
        fitting = [party for party in reversed(self.parties) if self._fits(mention, party)]
        exact = [p for p in fitting if p.speaker and mention.name and p.speaker.text == mention.name.text]
        return exact[0] if exact else fitting[0] if len(fitting) == 1 else None

    def _fits(self, mention: Mention, party: Party) -> bool:
        if mention.name and party.name:
            return self._same_name(mention.name.text, party.name.text, {mention.kind, party.kind})
        if mention.role and party.role:
            few, many = sorted((self._content(mention.role.text), self._content(party.role.text)), key=len)
            return few[:1] != [] and _covered(few, many)
        return False

    def _same_name(self, one: str, other: str, kinds: set[str]) -> bool:
        few, many = sorted((self._content(one), self._content(other)), key=len)
        if kinds & {"B", "M", "J"}:
            heads = [w for w in few if self.lexicon.tags.get(w, "") in "BMJ" and w in self.lexicon.tags]
            return bool(heads) and _covered(few, many)
        return few == many[len(many) - len(few) :]

    def _content(self, text: str) -> list[str]:
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", straight(text))
        return [w for w in words if self.lexicon.tags.get(w, "") not in ("D", "P") and w not in ("l", "d", "s")]


def _covered(few: list[str], many: list[str]) -> bool:
    """Whether each word of ``few`` is in ``many``, be it in another form."""
    return all(any(w == m or (len(w) >= _STEM and w[:_STEM] == m[:_STEM]) for m in many) for w in few)
