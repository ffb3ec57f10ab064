"""The grammar of what notices say in their text: times, areas, heights and cancellations.

Navigational warnings follow S-53 (MSC.1/Circ.1310), NOTAMs ICAO Annex 15 and Doc 8126; both as their authorities
really write them. The text of one paragraph is a sequence of phrases; what belongs to none is a word, and of all
readings the one with the fewest words is taken, and of those the one with the fewest areas, so that a list of positions
is never parted (Earley, with the words' priority below all else).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cache
from typing import Final, cast

from lark import Lark, Tree
from lark.exceptions import LarkError
from lark.grammar import NonTerminal, Rule, Symbol
from lark.lexer import LexerThread, Token
from lark.parsers.earley import Parser

from parley.errors import DecodeError

MAX_NOTICE: Final = 32 * 1024
"""Bytes of one notice: broadcast warnings have at most a few thousand."""
MAX_TOKENS: Final = 3000
"""Words, numbers and positions of one paragraph: bounds the time that reading it takes."""

_RULES: Final = r"""
start: phrase*
?phrase: moments | daily | dated | area | between | below | above | own_end | cancelled | charts | authority | word

moments: alternate? moment until moment
moment: DTG (MONTH year?)?
daily: alternate? (DAILY rule*)? hours (DAILY through?)? rule*
through: THRU NUMBER MONTH year?
dated.-1: (days+ | dates) hours rule*
days: _AND? EVERY? weekdays
hours: clock until clock | CLOCKS
clock: CLOCK | SUN
?rule: days | except | _AND? dates
except: _EXCEPT EVERY? weekdays (_AND? weekdays)*
weekdays: WEEKDAY ((THRU | DASH) WEEKDAY)?
dates: within_month | across_months | until_date | day_list | one_date
within_month: NUMBER (THRU | DASH | _TO) NUMBER MONTH year?
across_months: NUMBER MONTH year? (THRU | DASH | _TO) NUMBER MONTH year?
until_date: (_UNTIL | _TILL) NUMBER MONTH year?
day_list: NUMBER (_AND? NUMBER)+ MONTH year?
one_date: NUMBER MONTH year?
year: NUMBER | CLOCK
alternate: (_AND | _OR)? ALTERNATE
until: _TO | _UNTIL | _TILL | THRU | DASH

area.-1: LABEL? (circle | corridor | line | box | ring)
ring: POSITION (joint? POSITION)*
line: track ring
box: _BETWEEN (_LATITUDE | _LATITUDES)? LAT _AND? LAT _AND? (_LONGITUDE | _LONGITUDES)? LON _AND? LON
   | _BETWEEN LAT _AND? POSITION _AND? LON
joint: _TO | _AND | DASH | _THENCE
circle: MEASURE near+ POSITION | near+ MEASURE near* POSITION
near: _WITHIN | _WI | _CIRCLE | _RADIUS | _OF | _CENTRE | _CENTER | _CENTRED | _CENTERED | _ON | _AT | _FROM
corridor: (_WITHIN | _WI) MEASURE (_EITHER _SIDE)? _OF _A? track ring
track: (_LINE | _TRACK | _TRACKLINE) (_JOINING | _BETWEEN | _FROM)?

between: (_FROM | heading)? height (_TO | DASH | _UP _TO) height
below: heading? (_UP _TO | _BELOW | _NOT _ABOVE) height | heading? height _AND _BELOW
above: heading? _ABOVE height | heading? height _AND _ABOVE
heading: _HEIGHT | _HEIGHTS | _ALTITUDE
height: (LEVEL | MEASURE) REFERENCE? | SURFACE | UNLIMITED

own_end: _CANCEL _THIS (_MSG | _MESSAGE | _NOTICE | _WARNING) moment
cancelled: _CANCEL NOTICE (_AND? NOTICE)*
charts: CHART+
authority: AUTHORITY

word.-9: WORD | NUMBER | MONTH | DTG | CLOCK | CLOCKS | WEEKDAY | SUN | DAILY | EVERY | ALTERNATE | THRU | LABEL | DASH
       | MEASURE | LEVEL | REFERENCE | SURFACE | UNLIMITED | POSITION | NOTICE | CHART | AUTHORITY
       | LAT | LON | %(keywords)s

AUTHORITY.9: /AUTHORITY:[^\n]*/
CHART.9: /(DNC|CHARTS?)\s+[0-9]+/
NOTICE.9: /((NAVAREA\s+[IVXL]+|HYDROLANT|HYDROPAC|HYDROARC|[A-Z]+\s+COASTAL)\s+)?\d{1,4}\/\d{2}(\(\d+(,\d+)*\))?/
POSITION.8: /\d{1,2}-\d{2}(\.\d+)?\s?[NS][\s,]*\d{1,3}-\d{2}(\.\d+)?\s?[EW]/
          | /\d{1,2}-\d{2}-\d{2}(\.\d+)?\s?[NS][\s,]*\d{1,3}-\d{2}-\d{2}(\.\d+)?\s?[EW]/
          | /\d{6}(\.\d+)?[NS]\s*\d{7}(\.\d+)?[EW]/
          | /\d{4}(\.\d+)?[NS]\s*\d{5}(\.\d+)?[EW]/
          | /[NS]\d{6}(\.\d+)?\s*[EW]\d{7}(\.\d+)?/
          | /[NS]\d{4}\s*[EW]\d{5}/
LAT.7: /\d{1,2}-\d{2}(-\d{2})?(\.\d+)?\s?[NS](?![A-Z])/
LON.7: /\d{1,3}-\d{2}(-\d{2})?(\.\d+)?\s?[EW](?![A-Z])/
LABEL.8: /[A-Z]\.(?=\s+[\dNS])/
DTG.7: /\d{6}Z?(?![\dNSEW.])/
CLOCKS.7: /\d{4}Z?-\d{4}Z?(?![\dNSEW.])/
LEVEL.7: /FL\s?\d{2,3}(?!\d)/
MEASURE.7: /\d[\d,]*(\.\d+)?\s?(NAUTICAL\s+MILES?|MILES?|NM|KM|FT|FEET|FOOT|METERS?|METRES?|M)(?![A-Z])/
CLOCK.6: /\d{4}Z?(?![\dNSEW.])/
SUN.6: /SUNSET|SUNRISE/
MONTH.5: /(JAN(UARY)?|FEB(RUARY)?|MAR(CH)?|APR(IL)?|MAY|JUNE?|JULY?|AUG(UST)?)(?![A-Z])/
       | /(SEPT?(EMBER)?|OCT(OBER)?|(NOV|DEC)(EMBER)?)(?![A-Z])/
WEEKDAY.5: /(MON|TUE(S)?|WED(NES)?|THU(RS)?|FRI|SAT(UR)?|SUN)(DAYS?)?(?![A-Z])/
REFERENCE.5: /(AMSL|AGL|ASL|MSL)(?![A-Z])/
SURFACE.5: /(SFC|GND|SURFACE|GROUND)(?![A-Z])/
UNLIMITED.5: /UNL(IMITED)?(?![A-Z])/
DAILY.5: /DAILY(?![A-Z])/
EVERY.5: /EVERY(?![A-Z])/
ALTERNATE.5: /ALTERNATES?(?![A-Z])/
THRU.5: /(THRU|THROUGH)(?![A-Z])/
NUMBER.3: /\d{1,3}(?!\d)/
DASH: /-/
WORD: /[^\s,.;:()\-]+/
%%ignore /[\s,.;:()]+/
"""
_KEYWORD: Final = re.compile(r"(?<![A-Za-z])_[A-Z]+\b")


def _grammar() -> str:
    """The rules with a terminal for each keyword; one that no rule takes up stands for itself as a word."""
    names = sorted({name[1:] for name in _KEYWORD.findall(_RULES)})
    # Kept in the tree under another name where it is a word, so that the word can be named.
    rules = _KEYWORD.sub(lambda m: "K" + m.group(), _RULES) % {"keywords": " | ".join(f"K_{name}" for name in names)}
    return rules + "".join(f"K_{name}.4: /{name}(?![A-Z])/\n" for name in names)


@cache
def _lark() -> Lark:
    return Lark(_grammar(), parser="earley", lexer="basic", propagate_positions=True, maybe_placeholders=False)


@cache
def _beginning(kind: str) -> dict[NonTerminal, list[Rule]]:
    """The rules that the parser may predict where the next token is of ``kind``; ``""`` is the end of the text."""
    earley = _lark().parser.parser
    return {
        origin: [rule for rule in rules if _begins(rule.expansion, kind, earley)]
        for origin, rules in earley.predictions.items()
    }


def _begins(expansion: Sequence[Symbol], kind: str, earley: Parser) -> bool:
    for symbol in expansion:
        if any(first.name == kind for first in earley.FIRST[symbol]):
            return True
        if symbol not in earley.NULLABLE:
            return False
    return True


class _Tokens:
    """The tokens of one text, as the parser asks for them.

    The parser predicts after it has asked for the next token, so it is left only the rules that can begin with it: of
    more than a thousand at each token a few remain. What is left out could not have taken the token, so the reading
    and the order in which readings are weighed are those of the whole grammar.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        # A parser of its own for each text: several may be read at a time.
        self.parser: Parser = copy(_lark().parser.parser)

    def lex(self, _expected: object) -> Iterator[Token]:
        for token in self._tokens:
            self.parser.predictions = _beginning(token.type)
            yield token
        self.parser.predictions = _beginning("")


def parse_phrases(text: str) -> Tree[Token]:
    """The phrases of one paragraph in capitals. Raises DecodeError ``notice-too-large``, ``notice-malformed``."""
    frontend = _lark().parser
    try:
        tokens = list(LexerThread.from_text(frontend.lexer, text).lex(None))  # type: ignore[no-untyped-call]
        if len(tokens) > MAX_TOKENS:
            raise DecodeError(f"a paragraph of more than {MAX_TOKENS} words.", code="notice-too-large")
        ahead = _Tokens(tokens)
        return cast("Tree[Token]", ahead.parser.parse(ahead, "start"))  # type: ignore[no-untyped-call]
    except LarkError as error:
        raise DecodeError(f"a paragraph that cannot be read: {error}", code="notice-malformed") from None
