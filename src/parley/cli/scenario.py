"""``parley scenario``: documented failures, run through the real nodes in virtual time, and as training."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from parley.app.scenario import shelf
from parley.app.scenario.run import Entry, Outcome, run_script
from parley.app.scenario.script import Script, Step
from parley.cli.output import HomeOption, JsonOption, command, home_of, say, show_json
from parley.errors import VerificationError
from parley.forms.words import Words

scenario = typer.Typer(no_args_is_help=True, help="Documented failures: run them, or be walked through one.")
LanguageOption = Annotated[str, typer.Option("--in", help="Language to read in: en, fr, ru [this party's first].")]
NameArgument = Annotated[str, typer.Argument(help="Its name, such as B1, or a .yaml file.")]
_STYLES = {"story": "bold", "software": "cyan", "held": "green", "broken": "bold red", "text": "dim"}
_SIGNS = {"story": "", "done": "> ", "software": "  * ", "held": "  + ", "broken": "  NOT HELD: ", "text": "    | "}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(scenario, name="scenario")


def _words(language: str, home: Any) -> Words:  # noqa: ANN401 - a path or None
    found = home_of(home)
    usual = found.party()[1].languages[0] if found.party_note.exists() else "en"
    return shelf.words(language or usual)


@scenario.command("list")
@command
def list_(language: LanguageOption = "", home: HomeOption = None, json: JsonOption = False) -> None:
    """All scenarios that come with Parley."""
    words = _words(language, home)
    found = [shelf.load(name) for name in shelf.shipped()]
    if json:
        show_json([{"scenario": s.name, "title": words.say(s.title), "must_hold": s.musts} for s in found])
        return
    for script in found:
        say(f"{script.name:4} {words.say(script.title)}")


@scenario.command()
@command
def show(
    name: NameArgument,
    source: Annotated[bool, typer.Option("--source", help="Print the file itself.")] = False,
    language: LanguageOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """What happened, what the steps are, and what must hold."""
    words, script = _words(language, home), shelf.load(name)
    if source:
        typer.echo(shelf.text_of(name)[0], nl=False)
        return
    if json:
        show_json(_plain(script, words))
        return
    _head(script, words)
    for step in script.steps:
        hours, rest = divmod(step.at, 3600)
        say(f"+{hours}:{rest // 60:02}:{rest % 60:02}  {words.say(step.say)}".rstrip(), "bold")
        for must in step.musts:
            say(f"  + {words.say(must.that)}", "green")
    say(words.say(script.lesson))


def _head(script: Script, words: Words) -> None:
    say(f"{script.name}  {words.say(script.title)}", "bold")
    say(words.say(script.story))
    say("")


def _plain(script: Script, words: Words) -> dict[str, Any]:
    steps = [
        {
            "at": step.at,
            "say": words.say(step.say),
            "party": step.party,
            "do": step.act,
            "must": [words.say(must.that) for must in step.musts],
        }
        for step in script.steps
    ]
    texts = {"title": words.say(script.title), "story": words.say(script.story), "lesson": words.say(script.lesson)}
    return {"scenario": script.name, **texts, "steps": steps}


@scenario.command()
@command
def run(
    names: Annotated[list[str] | None, typer.Argument(help="Names, .yaml files, or 'all' [all].")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print how each ended, without its timeline.")] = False,
    language: LanguageOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run scenarios in virtual time. Ends with 1, naming the step, when anything that must hold does not."""
    words = _words(language, home)
    wanted = [n for name in names or ["all"] for n in (shelf.shipped() if name == "all" else [name])]
    scripts = [shelf.load(name) for name in wanted]
    outcomes = []
    for script in scripts:
        if not (quiet or json):
            _head(script, words)
        outcomes.append(run_script(script, words, None if quiet or json else _tell))
        if not json:
            _end(outcomes[-1], words)
    if json:
        show_json([_outcome(o) for o in outcomes])
    failed = [f"{o.script.name}, {_where(o)}" for o in outcomes if not o.good]
    if failed and json:
        raise typer.Exit(1)
    if failed:
        raise VerificationError(f"{'; '.join(failed)}.", code="scenario-not-held")


def _where(outcome: Outcome) -> str:
    return "; ".join(f"step {f.step} (line {f.line}) did not hold: {f.that} Got: {f.got}" for f in outcome.failures)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "scenario": outcome.script.name,
        "held": outcome.held,
        "of": outcome.script.musts,
        "failures": [{n: getattr(f, n) for n in f.__slots__} for f in outcome.failures],
        "timeline": [{n: getattr(e, n) for n in e.__slots__} for e in outcome.timeline],
    }


def _tell(entry: Entry) -> None:
    at = datetime.fromtimestamp(entry.at, UTC)
    say(f"{at:%d %H:%M:%SZ}  {_SIGNS[entry.sort]}{entry.text}", _STYLES.get(entry.sort, ""))


def _end(outcome: Outcome, words: Words) -> None:
    style = "green" if outcome.good else "bold red"
    say(f"{outcome.script.name}: {outcome.held}/{outcome.script.musts}  {words.say(outcome.script.title)}", style)


@scenario.command()
@command
def play(name: NameArgument, language: LanguageOption = "", home: HomeOption = None, json: JsonOption = False) -> None:
    """Be walked through a scenario: what happened, what you would do, and what the software does.

    Answers are read from standard input, one number a line; where it ends, the right one is taken.
    """
    words, script = _words(language, home), shelf.load(name)
    asked: list[dict[str, Any]] = []
    if not json:
        _head(script, words)
    coach = _Coach(words, asked, quiet=json)
    outcome = run_script(script, words, None if json else _tell, coach.ask)
    if json:
        show_json({**_outcome(outcome), "asked": asked})
    else:
        say("")
        say(words.say(script.lesson), "bold")
    if not outcome.good:
        raise VerificationError(f"{script.name}, {_where(outcome)}.", code="scenario-not-held")


class _Coach:
    """Asks what to do before a step, and says why an answer is right or not."""

    def __init__(self, words: Words, asked: list[dict[str, Any]], *, quiet: bool) -> None:
        self._words = words
        self._asked = asked
        self._quiet = quiet

    def ask(self, step: Step) -> None:
        """Until the right answer, or the end of the input."""
        right = next(n for n, c in enumerate(step.choices, 1) if c.right)
        self._say("")
        self._say(self._words.say(step.ask), "bold yellow")
        for number, choice in enumerate(step.choices, 1):
            self._say(f"  {number}. {self._words.say(choice.do)}")
        answers = []
        while True:
            given = self._answer(len(step.choices))
            answers.append(given)
            self._say(f"{given or right}: {self._words.say(step.choices[(given or right) - 1].because)}", "yellow")
            if given in (0, right):
                break
        self._asked.append({"ask": self._words.say(step.ask), "answers": answers, "right": right})
        self._say("")

    def _answer(self, most: int) -> int:
        """A number from 1 to ``most``; 0 where the input has ended."""
        while True:
            if not self._quiet and sys.stdin.isatty():
                sys.stdout.write("? ")
                sys.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                return 0
            if line.strip().isdigit() and 1 <= int(line) <= most:
                return int(line)
            self._say(f"1-{most}?", "yellow")

    def _say(self, text: str, style: str = "") -> None:
        if not self._quiet:
            say(text, style)
