"""The words by which press texts in French and English attribute, count and date.

Each word has a tag of one letter, so that a rule is a regular expression over the tags of a sentence:

==  ==========================================  ==  ==========================================
D   determiner                                  R   personal pronoun
P   preposition within a name                   I   pronoun after its verb: ``-t-il``
O   office, or rank, of a person                A   auxiliary
B   body that speaks: a ministry, an army       Y   what may stand between subject and verb
M   document or speech                          H   relative pronoun: who
J   medium: agency, newspaper                   T   that
V   verb of saying                              E   and
G   its present participle: adding              U   by
v   its infinitive                              s   reflexive pronoun
L   according to                                Z   form of to be
p   for: in the view of                         F   any other function word
K   day or month                                S   possessive ``'s``
N   number in words or digits                   Q   quotation in its marks
C   any other word with a capital               w   any other word
==  ==========================================  ==  ==========================================

A punctuation mark is its own tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language, in lower case with straight apostrophes."""

    language: str
    telltale: frozenset[str]
    """Common words that the other language lacks: by them a text's language is told."""
    tags: Mapping[str, str]
    phrases: Mapping[str, str]
    """Several words that are one."""
    adverb_ending: str
    domains: frozenset[str]
    """What a ministry is of: no part of a person's name even with a capital."""
    feminine: frozenset[str]
    masculine: frozenset[str]
    plural: frozenset[str]
    """By these three a pronoun agrees with who it stands for."""
    indefinite: frozenset[str]
    named: frozenset[str]
    """What has a name that stands in quotation marks without being said: an exercise, a ship."""
    agencies: frozenset[str]
    relayed: frozenset[str]
    """What is done with a document by an agency, not by who issued it."""
    labels: frozenset[str]
    """What stands before a number that is a name: article 5."""
    definite: frozenset[str]
    """What stands before a number in words that is no claim: the two countries."""
    qualifiers: tuple[str, ...]
    """What limits a number."""
    events: frozenset[str]
    """Verbs that follow what is counted and do not look like verbs."""
    event_endings: tuple[str, ...]
    future: frozenset[str]
    """What makes a day of the week in the same sentence the coming one."""
    future_endings: tuple[str, ...]
    published: str
    """Pattern of what stands before the date of writing."""
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    near_days: Mapping[str, int]
    """Days from that of writing."""
    numbers: Mapping[str, int]
    scales: Mapping[str, int]
    number_joins: frozenset[str]
    """Words within a number in words."""
    grouping: str
    """Marks between thousands; the other of point and comma is the decimal mark."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _tags(*rows: tuple[str, str]) -> dict[str, str]:
    """Word to tag; where a word has two, the first row has it."""
    found: dict[str, str] = {}
    for tag, words in rows:
        for word in words.split():
            found.setdefault(word, tag)
    return found


def _french_verbs(stems: str, endings: str) -> str:
    """Verbs in -er; c and g are softened before a."""
    soft = {"c": "ç", "g": "ge"}
    return " ".join(
        (s[:-1] + soft[s[-1]] if s[-1] in soft and e[0] == "a" else s) + e
        for s in stems.split()
        for e in endings.split()
    )


def _english_verbs(bases: str, endings: str) -> str:
    return " ".join((b[:-1] if b[-1] == "e" and e != "s" else b) + e for b in bases.split() for e in endings.split())


_AGENCIES: Final = _set("afp reuters tass interfax xinhua bbc cnn ap dpa ansa kyodo anadolu")
_STEMS: Final = (
    "affirm ajout assur déclar indiqu précis expliqu soulign estim jug dénonc révél révèl critiqu accus regrett "
    "confirm annonc observ assén martel martèl rapport signal répét répèt insist nuanc avou ni exig réclam évoqu "
    "qualifi constat continu lanc alert mentionn réaffirm certifi justifi condamn exprim invit menac rappel rappell "
    "considér considèr rejet rejett jur plaid racont résum salu déplor reproch félicit insurg ironis tranch demand "
    "promett recommand prôn commenc commen témoign assum concéd concèd attest parl not rétorqu répliqu ripost clam "
    "proclam argu exclam indign fustig énonc avanc préconis"
)
_FRENCH_IRREGULAR: Final = (
    "dit disent dira diront disait disaient redit écrit écrivent écrivait poursuit poursuivi poursuivait conclut "
    "conclu soutient soutenu soutiennent soutenait maintient maintenu maintiennent prévient prévenu prévenait avertit "
    "averti répond répondu répondait répondent reconnaît reconnu reconnaissait admet admis promet promis croit prétend "
    "prétendent prétendait dément démenti démentent reprend repris voit craint espère espéré"
)

FRENCH: Final = Lexicon(
    language="fr",
    telltale=_set("le la les des du une et est dans que qui pour sur avec par ce cette il elle ont au aux ne pas sont"),
    tags=_tags(
        ("D", "le la les l' un une son sa ses leur leurs ce cet cette ces notre nos m. mm. mme mlle"),
        ("P", "de du des d'"),
        ("E", "et"),
        ("R", "il elle ils elles celui-ci celle-ci ceux-ci celles-ci"),
        ("H", "qui"),
        ("T", "que qu'"),
        ("U", "par"),
        ("L", "selon"),
        ("Z", "est sont était étaient"),
        ("s", "s' se"),
        ("p", "pour"),
        ("A", "a ont avait avaient aurait auraient aura auront fait font peut doit veut tient vient va vont"),
        ("Y", ("même aussi encore également ensuite notamment toutefois cependant ne n' pas lui leur toujours y "
              "clairement déjà enfin jamais en nous m' fermement vivement publiquement officiellement")),
        ("G", _french_verbs(_STEMS, "ant") + " disant soutenant prévenant avertissant reconnaissant citant"),
        ("M", ("communiqué déclaration lettre discours rapport dépêche entretien interview message allocution tribune "
              "bulletin tweet conférence")),
        ("V", _french_verbs(_STEMS, "e ent a èrent ait aient é era eront") + " " + _FRENCH_IRREGULAR),
        ("v", _french_verbs(_STEMS, "er") + " dire"),
        ("K", ("hier aujourd'hui demain avant-hier lundi mardi mercredi jeudi vendredi samedi dimanche janvier février "
              "mars avril mai juin juillet août septembre octobre novembre décembre")),
        ("F", ("à au aux dans en sur sous avec sans vers chez entre ou mais donc or ni car dont où lequel "
              "laquelle si comme quand lorsque lorsqu' lors après avant depuis pendant contre afin parce puisque "
              "puisqu' tandis alors ainsi sera serait seront être nous vous je j' été on ceux celui celle cela c' ça "
              "malgré devant jusqu' durant interrogé interrogée furent")),
        ("O", ("président présidente premier première ministre vice-ministre porte-parole ambassadeur ambassadrice "
              "général générale colonel amiral commandant commandante chef cheffe directeur directrice secrétaire "
              "représentant représentante responsable responsables officiel officiels délégué déléguée député "
              "sénateur chancelier chancelière gouverneur maire roi reine diplomate diplomates officier officiers "
              "témoin témoins source sources coordinateur coordinatrice dirigeant dirigeante dirigeants généraux "
              "ministres homologue président-directeur capitaine lieutenant vice-président vice-amiral")),
        ("B", ("gouvernement ministère département état-major armée armées forces marine police service services "
              "commandement ambassade parlement conseil présidence organisation mission coalition comité autorités "
              "commission délégation capitale parquet cour garde-côtes diplomatie état alliance")),
        ("J", "agence presse news times post journal radio télévision chaîne quotidien gazette média médias "
              "hebdomadaire tv " + " ".join(_AGENCIES)),
    ),
    phrases={"d'après": "L", "à en croire": "L", "aux yeux de": "L", "de l'avis de": "L", "conférence de presse": "M",
             "point de presse": "M", "mis en garde": "V", "mise en garde": "w", "met en garde": "V",
             "mettent en garde": "V", "fait savoir": "V", "fait valoir": "V", "la presse": "w", "en effet": "Y",
             "par ailleurs": "Y", "de son côté": "Y", "quant à lui": "Y", "quant à elle": "Y", "à son tour": "Y"},
    adverb_ending="quement",
    domains=_set("défense affaires étrangères intérieur intérieure guerre sécurité nationale transports"),
    feminine=_set("la une sa cette elle celle-ci mme mlle"),
    masculine=_set("le un son ce cet il celui-ci m. lui"),
    plural=_set("les des ses ces nos leurs ils elles ceux-ci celles-ci mm."),
    indefinite=_set("un une des"),
    named=_set("exercice opération manœuvre manœuvres navire frégate film"),
    agencies=_AGENCIES,
    relayed=_set("repris reprise relayé relayée cité citée diffusé diffusée transmis transmise consulté consultée"),
    labels=_set("article résolution vol numéro no n° chapitre page point annexe"),
    definite=_set("les des ces aux ses leurs nos"),
    qualifiers=("plus de", "moins de", "au moins", "au plus", "environ", "près de", "jusqu'à", "quelque", "presque"),
    events=_set("furent eurent ainsi"),
    event_endings=("ent", "ront"),
    future=_set("prévu prévue prévus prévues apprêtent apprête doit doivent devrait devraient va vont"),
    future_endings=("era", "eront", "ira", "iront", "dra", "dront", "tra", "tront"),
    published=r"(?:publié|mis\sà\sjour|mis\sen\sligne)(?:\sle|\s:)?",
    months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
            "septembre", "octobre", "novembre", "décembre"),
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    near_days={"avant-hier": -2, "hier": -1, "aujourd'hui": 0, "demain": 1, "après-demain": 2},
    numbers={"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8,
             "neuf": 9, "dix": 10, "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16,
             "vingt": 20, "vingts": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60,
             "dizaine": 10, "douzaine": 12, "quinzaine": 15, "vingtaine": 20, "trentaine": 30, "centaine": 100},
    scales={"cent": 100, "cents": 100, "mille": 1000, "million": 10**6, "millions": 10**6, "milliard": 10**9,
            "milliards": 10**9},
    number_joins=frozenset({"et"}),
    grouping=". \u00a0\u202f\u2009",
)  # fmt: skip

_BASES: Final = (
    "add state declare announce claim insist note explain warn stress argue confirm accuse report reply respond "
    "describe call condemn pledge urge demand acknowledge allege assert believe comment concede conclude continue "
    "contend disclose emphasise emphasize express indicate maintain mention observe reiterate reject remark repeat "
    "reveal suggest threaten underline vow complain ask recall point regret denounce caution welcome promise "
    "retort counter proclaim"
)

ENGLISH: Final = Lexicon(
    language="en",
    telltale=_set("the of and to that was were is are with for from by has have had its it they not which been on at"),
    tags=_tags(
        ("D", "the a an his its their this these our that mr mr. mrs mrs. ms ms. dr dr."),
        ("P", "of for"),
        ("E", "and"),
        ("R", "he she it they"),
        ("H", "who which"),
        ("U", "by from"),
        ("A", "has have had did does would will"),
        ("Y", ("also later then again repeatedly further however earlier never even not still explicitly now once "
              "publicly flatly officially reportedly today")),
        ("G", _english_verbs(_BASES, "ing") + " saying telling denying writing admitting citing"),
        ("M", ("communique communiqué statement letter speech report note dispatch interview message briefing bulletin "
              "conference readout address")),
        ("V", _english_verbs(_BASES, "s ed") + " said say says told tell tells denied denies deny replied replies "
              "wrote writes write admitted admits spoke thinks thought made claim believe argue regretted speaks"),
        ("v", "add declare announce insist explain warn stress confirm describe speak"),
        ("K", ("yesterday today tomorrow monday tuesday wednesday thursday friday saturday sunday january february "
              "march april may june july august september october november december")),
        ("F", ("to in on at with without into over under between or but so nor if as when while after before since "
              "during until against whose whom where what because although though than is are was were be been "
              "being can could may might must should do we i you there about near more less most asked her him them "
              "meanwhile both")),
        ("O", ("president vice-president minister spokesman spokeswoman spokesperson ambassador general colonel "
              "admiral commander chief head director secretary representative official officials envoy delegate "
              "senator chancellor governor mayor king queen diplomat diplomats officer officers witness witnesses "
              "source sources leader leaders coordinator premier undersecretary counterpart chairman captain "
              "lieutenant gen. col. adm. capt. lt. maj. ministers generals spokespeople major")),
        ("B", ("government ministry department army armies navy forces force police service services command embassy "
              "parliament council presidency organisation organization mission coalition committee commission "
              "delegation fleet staff authorities court office military side coastguard alliance")),
        ("J", ("agency press news times post journal radio television channel daily gazette tribune media herald "
              "newspaper broadcaster weekly tv reuters afp tass interfax xinhua bbc cnn")),
    ),
    phrases={"according to": "L", "in the words of": "L", "press conference": "M", "news conference": "M",
             "press release": "M", "went on": "V", "made clear": "V", "made it clear": "V", "the press": "w",
             "for his part": "Y", "for her part": "Y", "for its part": "Y", "as well": "Y"},
    adverb_ending="ly",
    domains=_set("defence defense foreign affairs interior state war security deputy first vice joint prime"),
    feminine=_set("she"),
    masculine=_set("he"),
    plural=_set("they"),
    indefinite=_set("a an"),
    named=_set("exercise operation manoeuvre manoeuvres drill vessel ship frigate newspaper film"),
    agencies=_AGENCIES,
    relayed=_set("carried quoted cited relayed distributed reported read seen obtained broadcast"),
    labels=_set("article resolution flight number no no. chapter page point annex"),
    definite=_set("the these those both their our its"),
    qualifiers=("more than", "less than", "fewer than", "at least", "at most", "about", "around", "nearly", "almost",
                "up to", "over", "some", "only"),
    events=_set("flew fell left came went took struck hit sank fled began lost shot fired flown held met died crossed"),
    event_endings=("ed",),
    future=_set("will shall due plans plan scheduled expected"),
    future_endings=(),
    published=r"(?:published|posted|updated|issued)(?:\son|:)?",
    months=("january", "february", "march", "april", "may", "june", "july", "august",
            "september", "october", "november", "december"),
    weekdays=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    near_days={"yesterday": -1, "today": 0, "tomorrow": 1},
    numbers={"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
             "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
             "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
             "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "dozen": 12},
    scales={"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9},
    number_joins=frozenset({"and"}),
    grouping=", \u00a0\u202f\u2009",
)  # fmt: skip

LEXICONS: Final = {"fr": FRENCH, "en": ENGLISH}
