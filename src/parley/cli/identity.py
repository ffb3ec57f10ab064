"""``parley init`` and ``parley identity``."""

from __future__ import annotations

from typing import Annotated

import typer

from parley.app import fingerprint, meeting
from parley.cli.output import HomeOption, JsonOption, command, home_of, out, passphrase, say, show_json
from parley.errors import UsageError

identity = typer.Typer(no_args_is_help=True, help="This party's identity: show it, compare fingerprints.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init)
    app.add_typer(identity, name="identity")


@command
def init(
    code: Annotated[str, typer.Argument(help="Short name of the party: a-z, 0-9, hyphens.")],
    name: Annotated[str | None, typer.Option(help="Name as it is shown [the code].")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Languages the party reads, first one first.")] = None,
    signer: Annotated[
        list[str] | None, typer.Option(help="Holder of a root key, by function; several for k of n.")
    ] = None,
    threshold: Annotated[int, typer.Option(help="How many root signatures speak for the party.")] = 1,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make this party's identity: root keys and the document that names them.

    The root keys are encrypted with the passphrase in PARLEY_PASSPHRASE, when it is set.
    """
    where = home_of(home)
    party = meeting.init_party(
        where, code, name or code, language or ["en"], signer or ["Root"], threshold, passphrase()
    )
    digest = where.party_hash()
    if json:
        show_json(
            {
                "code": code,
                "home": str(where.path),
                "fingerprint": digest.hex(),
                "words": fingerprint.words(digest),
            }
        )
        return
    say(f"{party.name} is ready in {where.path}.", "bold")
    _show_root(party.threshold, len(party.signers))
    say(f"Fingerprint: {fingerprint.words(digest)}")
    say("Next: 'parley line introduce NAME' and hand the file to the other side, or 'parley line propose NAME FILE'.")


def _show_root(threshold: int, signers: int) -> None:
    say(f"Root: {threshold} of {signers} signers speak for the party.")
    if signers == 1:
        say(
            "One key alone speaks for this party: whoever has it is the party. Consider --signer several times.",
            "yellow",
        )


@identity.command("show")
@command
def show(
    language: Annotated[str, typer.Option(help="Language of the words: en, fr or ru.")] = "en",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show this party's fingerprint, to be read to the other side."""
    where = home_of(home)
    _, party = where.party()
    digest = where.party_hash()
    words = fingerprint.words(digest, language)
    if json:
        show_json(
            {
                "code": party.code,
                "name": party.name,
                "threshold": party.threshold,
                "signers": [s.holder for s in party.signers],
                "fingerprint": digest.hex(),
                "words": words,
            }
        )
        return
    say(f"{party.name} ({party.code})", "bold")
    _show_root(party.threshold, len(party.signers))
    for number, word in enumerate(words.split(), 1):
        say(f"  {number:2d}  {word}")


@identity.command("verify")
@command
def verify(
    words: Annotated[str, typer.Argument(help="The 12 words as they were read to you.")],
    digest: Annotated[str, typer.Argument(help="SHA-256 in hexadecimal, as the file in your hands has it.")],
    json: JsonOption = False,
) -> None:
    """Check words that were read to you against a fingerprint in hexadecimal."""
    try:
        wanted = bytes.fromhex(digest)
    except ValueError:
        raise UsageError(f"{digest!r} is not hexadecimal.", code="fingerprint-malformed") from None
    good = fingerprint.agrees(words, wanted)
    if json:
        show_json({"agrees": good})
    else:
        say("They agree." if good else "They do NOT agree: do not go on.", "green" if good else "bold red")
    if not good:
        raise typer.Exit(1)


@identity.command("qr")
@command
def qr(
    svg: Annotated[bool, typer.Option("--svg", help="Print SVG instead.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the fingerprint as a QR code, for the camera of who sits opposite."""
    where = home_of(home)
    text = f"PARLEY:{where.party()[1].code}:{where.party_hash().hex()}".upper()
    if json:
        show_json({"text": text, "svg": fingerprint.qr_svg(text)})
    elif svg:
        typer.echo(fingerprint.qr_svg(text))
    else:
        out.print(fingerprint.qr_terminal(text), markup=False)
        say(text)
