"""``parley line``: founding a line, and changing it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from parley.app import config, fingerprint, meeting, revoking
from parley.app.control import ControlClient
from parley.app.forms import forms_of, usual_packs
from parley.app.home import Home, LineHome
from parley.app.meeting import Classes, Proposal
from parley.app.revoked import revoked
from parley.cli import revoking as show_revoked
from parley.cli.output import HomeOption, JsonOption, LineOption, command, home_of, passphrase, say, show_json
from parley.errors import UsageError
from parley.keys.file import write_private
from parley.protocol.membership import Membership
from parley.wire.documents import PRECEDENCES

line = typer.Typer(
    no_args_is_help=True,
    help="Found a line at a meeting, and change it. Every step makes or takes a file that people carry.",
)
FileOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")]
RootOption = Annotated[
    list[Path] | None,
    typer.Option(help="A root key file that is not in the home; several, where several signers are needed."),
]
_CLASSES = "Class of messages: a form's id, 'text' for free text, or a precedence in small letters; several."
TwoOption = Annotated[
    list[str] | None,
    typer.Option("--two-officers", help=f"{_CLASSES} Two officers release it."),
]
_MOST_S: Final = 30 * 86_400
"""A charter's deadlines are no longer."""
DeadlineOption = Annotated[
    list[str] | None,
    typer.Option("--deadline", help="Acknowledge within so many seconds: immediate=600, for each precedence."),
]
TelephoneOption = Annotated[
    list[str] | None, typer.Option("--telephone", help="CODE=NUMBER of a party's duty role, for the out-of-band card.")
]
SignedOption = Annotated[
    list[str] | None,
    typer.Option("--signed", help=f"{_CLASSES} Released and acknowledged with an officer's key."),
]
ExpectOption = Annotated[
    str | None,
    typer.Option("--expect", help="The other side's fingerprint as they read it to you (12 words or hex)."),
]

ReasonOption = Annotated[
    str,
    typer.Option(help="keyCompromise: the keys were stolen, all are drawn anew. superseded: older ones go out of use."),
]
WithoutOption = Annotated[
    list[str] | None,
    typer.Option(help="A run, by its first digits, that was not this node's own: nothing of it stands; several."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(line, name="line")


def _deadlines(given: list[str] | None) -> dict[str, int]:
    """Seconds within which each precedence is acknowledged, as the charter has them. Raises UsageError."""
    found = {}
    for text in given or ():
        precedence, _, seconds = text.partition("=")
        if precedence.lower() not in PRECEDENCES or not seconds.isdigit() or not 0 < int(seconds) <= _MOST_S:
            raise UsageError(
                f"{text!r} is no deadline; one looks like immediate=600.",
                code="deadline-malformed",
                next_step=f"A precedence ({', '.join(PRECEDENCES)}), '=', and seconds.",
            )
        found[precedence.lower()] = int(seconds)
    return found


def _telephones(given: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in given or ():
        code, sign, number = each.partition("=")
        if not sign or not number.strip():
            raise UsageError(f"{each!r} is not CODE=NUMBER.", code="telephone-malformed")
        found.setdefault(code.strip(), []).append(number.strip())
    return found


def _classes(found: LineHome, two_officers: list[str] | None, signed: list[str] | None) -> Classes | None:
    """What an amendment makes of the charter's classes: a list that is not given stays; an empty text empties it."""
    if two_officers is None and signed is None:
        return None
    charter = found.membership().current.charter
    two = charter.two_officers if two_officers is None else two_officers
    return Classes.of(two, charter.signed if signed is None else signed)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", code="file-unreadable") from error


def _wrote(path: Path, data: bytes, json: bool, next_step: str, **more: Any) -> None:  # noqa: ANN401
    write_private(path, data)
    if json:
        show_json({"file": str(path), **more})
    else:
        say(f"Wrote {path}.")
        say(next_step)


def _show_proposal(home: Home, proposal: Proposal) -> None:
    charter = proposal.charter
    say(f"Charter of the line {charter.line!r}, revision {charter.revision}, class {charter.purpose}:", "bold")
    own = home.party_hash()
    for member in charter.members:
        mark = " (this party)" if member.party == own else ""
        say(f"  {member.number} {member.name} ({member.code}){mark}")
        say(f"     {fingerprint.words(member.party)}")
        for number in member.telephone:
            say(f"     telephone {number}")
    within = ", ".join(f"{k} {v} s" for k, v in charter.acknowledge_within.items())
    say(f"  acknowledge within: {within}; contents kept {charter.retention_days} days")
    if charter.two_officers:
        say(f"  released by two officers: {', '.join(charter.two_officers)}")
    by_pack = sorted(form.id for form in forms_of(charter, home.forms) if form.release == "two")
    if by_pack:
        say(f"  released by two officers, as their packs say: {', '.join(by_pack)}")
    if charter.signed:
        say(f"  released and acknowledged with an officer's key: {', '.join(charter.signed)}")
    if charter.revision and (home.line(charter.line).path / "documents").is_dir():
        for change in meeting.changes(home.line(charter.line).membership().current.charter, charter):
            say(f"  {change}")
    say(f"  signatures missing: {', '.join(proposal.missing) or 'none'}")


def _found(found: LineHome, membership: Membership, json: bool) -> None:
    if not found.config.exists():
        write_private(found.config, config.TEMPLATE.encode())
    founding = found.path / f"{found.name}.line"
    write_private(founding, meeting.founding_file(membership))
    me = membership.member(found.me(membership)).code
    if json:
        show_json({"line": found.name, "id": membership.line.hex(), "me": me, "file": str(founding)})
        return
    say(
        f"The line {found.name!r} holds, revision {membership.current.charter.revision}; here you are {me}.",
        "bold green",
    )
    say(f"Whoever of the others has not imported it yet takes {founding}.")
    say(f"Next: write the addresses of your peers into {found.config}, then 'parley serve'.")


@line.command("introduce")
@command
def introduce(
    name: Annotated[str, typer.Argument(help="Name of the line to be founded.")],
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make this party's node for a line; hand the file to the party that proposes."""
    where = home_of(home)
    data = meeting.introduce(where, name, passphrase(), root or ())
    path = output or Path(f"{name}-{where.party()[1].code}.intro")
    _wrote(path, data, json, "Hand it to the party that proposes the charter.")


@line.command("propose")
@command
def propose(
    name: Annotated[str, typer.Argument(help="Name of the line.")],
    introductions: Annotated[list[Path], typer.Argument(help="The other parties' .intro files.")],
    exercise: Annotated[bool, typer.Option("--exercise", help="A line for exercises only, with its own keys.")] = False,
    language: Annotated[list[str] | None, typer.Option(help="Languages of the line.")] = None,
    retention_days: Annotated[int, typer.Option(help="Days that contents are kept.")] = 3650,
    flash_seconds: Annotated[int, typer.Option(help="Acknowledge FLASH within so many seconds.")] = 60,
    deadline: DeadlineOption = None,
    two_officers: TwoOption = None,
    signed: SignedOption = None,
    telephone: TelephoneOption = None,
    succeeds: Annotated[str | None, typer.Option(help="Name of the line here that this one succeeds.")] = None,
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Propose the charter of a line, signed by this party. It is text: review and compare it."""
    where = home_of(home)
    before = where.the_line(succeeds).membership().line if succeeds else b""
    proposal = meeting.propose(
        where,
        name,
        [_read(p) for p in introductions],
        purpose="exercise" if exercise else "operation",
        languages=language or ["en"],
        deadlines={"flash": flash_seconds} | _deadlines(deadline),
        retention_days=retention_days,
        classes=Classes.of(two_officers or (), signed or ()),
        telephones=_telephones(telephone),
        succeeds=bytes(before),
        passphrase=passphrase(),
        roots=root or (),
    )
    _hand_out(where, name, proposal, output, json=json)


def _hand_out(where: Home, name: str, proposal: Proposal, output: Path | None, *, json: bool) -> None:
    if not json:
        _show_proposal(where, proposal)
    path = output or Path(f"{name}.charter")
    _wrote(path, proposal.encode(), json, "Hand it to each other party; they run 'parley line accept'.")


@line.command("successor")
@command
def successor(
    old: Annotated[str, typer.Argument(help="The line that is succeeded.")],
    name: Annotated[str, typer.Argument(help="Name of the new line.")],
    introductions: Annotated[list[Path], typer.Argument(help=".intro files, for the new line, of those who remain.")],
    retention_days: Annotated[int | None, typer.Option(help="Days that contents are kept.")] = None,
    deadline: DeadlineOption = None,
    two_officers: TwoOption = None,
    signed: SignedOption = None,
    telephone: TelephoneOption = None,
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Propose a new line that cites an old one and leaves out who is no longer wanted.

    What no option says is as the old line's charter has it: languages, deadlines, classes, telephones, retention.
    """
    where = home_of(home)
    before = where.the_line(old)
    proposal = meeting.succeed(
        where,
        before,
        name,
        [_read(p) for p in introductions],
        deadlines=_deadlines(deadline),
        retention_days=retention_days,
        classes=_classes(before, two_officers, signed),
        telephones=_telephones(telephone),
        passphrase=passphrase(),
        roots=root or (),
    )
    _hand_out(where, name, proposal, output, json=json)


@line.command("accept")
@command
def accept(
    file: Annotated[Path, typer.Argument(help="The .charter file.")],
    expect: ExpectOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Sign without asking; the fingerprint was compared otherwise.")
    ] = False,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Review a charter, compare the proposer's fingerprint, and sign."""
    where = home_of(home)
    proposal = meeting.read_proposal(_read(file))
    if not json:
        _show_proposal(where, proposal)
    if expect is None and not yes:
        if json:
            raise UsageError("give --expect, or --yes.", code="confirmation-needed")
        expect = typer.prompt("The other side's 12 words, as they read them to you")
    if expect is not None:
        meeting.check_fingerprint(proposal, where, expect)
    signed = meeting.accept(where, proposal, passphrase())
    path = output or Path(f"{proposal.charter.line}-{where.party()[1].code}.accept")
    missing = list(signed.missing)
    _wrote(
        path,
        signed.encode(),
        json,
        "Hand it back to the party that proposed; it runs 'parley line open'.",
        missing=missing,
    )


@line.command("sign")
@command
def sign(
    file: Annotated[Path, typer.Argument(help="A charter or amendment file.")],
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add this party's root signatures to a charter or amendment (each of k signers may do so in turn)."""
    where = home_of(home)
    proposal = meeting.sign(where, meeting.read_proposal(_read(file)), passphrase(), root or ())
    _wrote(
        output or file,
        proposal.encode(),
        json,
        f"Missing: {', '.join(proposal.missing) or 'none'}.",
        missing=list(proposal.missing),
    )


@line.command("open")
@command
def open_line(
    files: Annotated[list[Path], typer.Argument(help="The .accept files of all other parties.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put all signatures together and open the line here; then hand the founding file to all."""
    where = home_of(home)
    proposal = meeting.merge([meeting.read_proposal(_read(p)) for p in files])
    found, membership = meeting.install(where, proposal)
    _tell_node(found, proposal.encode())
    _found(found, membership, json)


@line.command("import")
@command
def import_line(
    file: Annotated[Path, typer.Argument(help="A founding file, a complete amendment, a certificate or a notice.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take in a founding file, or documents that change a line that is here."""
    where = home_of(home)
    data = _read(file)
    proposal = meeting.read_proposal(data)
    found, membership = meeting.install(where, proposal)
    _tell_node(found, data)
    _found(found, membership, json)


@line.command("add")
@command
def add(
    file: Annotated[Path, typer.Argument(help="A certificate, a revocation or a notice of leaving.")],
    name: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take in another party's new certificate, its revocation or its notice of leaving, by hand."""
    found = home_of(home).the_line(name)
    data = _read(file)
    membership = meeting.add_documents(found, data)
    _tell_node(found, data)
    if json:
        show_json({"line": found.name, "documents": len(membership.notes)})
    else:
        say(f"The line {found.name!r} has {len(membership.notes)} documents.")


def _tell_node(found: LineHome, data: bytes) -> None:
    """Let a running node know; it verifies for itself."""

    async def tell() -> None:
        client = await ControlClient.connect(found.control)
        if client is not None:
            try:
                await client.call("members", bundle=data.decode())
            finally:
                client.close()

    asyncio.run(tell())


@line.command("amend")
@command
def amend(
    name: LineOption = None,
    retention_days: Annotated[int | None, typer.Option(help="Days that contents are kept.")] = None,
    flash_seconds: Annotated[int | None, typer.Option(help="Acknowledge FLASH within so many seconds.")] = None,
    deadline: DeadlineOption = None,
    two_officers: TwoOption = None,
    signed: SignedOption = None,
    telephone: TelephoneOption = None,
    add_party: Annotated[list[Path] | None, typer.Option("--add", help=".intro file of a party that joins.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Code of a party that goes, with its own signature.")] = None,
    packs: Annotated[bool, typer.Option("--packs", help="Read forms by the newest packs here.")] = False,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Propose a change of the charter; it holds once every member has signed it."""
    where = home_of(home)
    found = where.the_line(name)
    proposal = meeting.amend(
        where,
        found,
        deadlines=({"flash": flash_seconds} if flash_seconds is not None else {}) | _deadlines(deadline),
        retention_days=retention_days,
        classes=_classes(found, two_officers, signed),
        telephones=_telephones(telephone),
        add=[_read(p) for p in add_party or ()],
        remove=remove or (),
        packs=usual_packs(where.forms)[0] if packs else None,
        passphrase=passphrase(),
    )
    if not json:
        _show_proposal(where, proposal)
    path = output or Path(f"{found.name}-{proposal.charter.revision}.charter")
    _wrote(
        path,
        proposal.encode(),
        json,
        "Each other member runs 'parley line sign' on it; then all 'import' it.",
        missing=list(proposal.missing),
    )


@line.command("rotate")
@command
def rotate(
    name: LineOption = None,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="The keys were stolen: draw those that else stay anew too."),
    ] = False,
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give this party's node new keys from its next start on; peers learn of them over the line.

    Keys that were stolen are also to be revoked: see 'parley line revoke'.
    """
    where = home_of(home)
    found = where.the_line(name)
    data = meeting.rotate(where, found, passphrase(), root or (), compromised=compromised)
    _tell_node(found, data)
    path = output or Path(f"{found.name}-{where.party()[1].code}.certificate")
    _wrote(
        path,
        data,
        json,
        "Restart 'parley serve' to use them. Peers that cannot be reached take the file with 'parley line add'.",
    )


@line.command("revoke")
@command
def revoke(
    name: LineOption = None,
    reason: ReasonOption = revoking.COMPROMISED,
    without: WithoutOption = None,
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke this node's older certificates, with new keys where they are needed. Stop 'parley serve' first.

    What the node wrote up to now stands, and nothing that comes under the old keys after it: who has the revocation
    takes no entry, receipt, announcement or connection under them any more.
    """
    where = home_of(home)
    found = where.the_line(name)
    wish = revoking.Wish(reason, tuple(without or ()))
    done = revoking.revoke(where, found, wish, int(time.time()), passphrase(), root or ())
    path = output or Path(f"{found.name}-{where.party()[1].code}.revocation")
    write_private(path, done.bundle)
    if json:
        show_json(show_revoked.plain(done, path))
    else:
        show_revoked.tell(done, path)


@line.command("leave")
@command
def leave(
    reason: Annotated[str, typer.Argument(help="Why, for the record.")],
    name: LineOption = None,
    root: RootOption = None,
    output: FileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say, signed, that this party no longer writes on the line. The node goes on listening."""
    where = home_of(home)
    found = where.the_line(name)
    data = meeting.leave(where, found, reason, passphrase(), root or ())
    _tell_node(found, data)
    _wrote(
        output or Path(f"{found.name}-{where.party()[1].code}.leave"),
        data,
        json,
        "The others learn of it over the line, or take the file with 'parley line add'.",
    )


@line.command("list")
@command
def list_lines(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the lines of this home."""
    rows: list[dict[str, Any]] = []
    for found in home_of(home).lines():
        founded = bool(found.notes())
        membership = found.membership() if founded else None
        rows.append(
            {
                "name": found.name,
                "founded": founded,
                "class": membership.current.charter.purpose if membership else "",
                "members": [m.code for m in membership.members.values()] if membership else [],
            }
        )
    if json:
        show_json(rows)
        return
    for row in rows:
        state = f"{row['class']}: {', '.join(row['members'])}" if row["founded"] else "begun, not founded yet"
        say(f"{row['name']}  {state}")
    if not rows:
        say("No line yet. 'parley line introduce NAME' begins one.")


@line.command("show")
@command
def show(name: LineOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show a line's charter, members and fingerprints."""
    found = home_of(home).the_line(name)
    membership = found.membership()
    charter = membership.current.charter
    if json:
        show_json(
            {
                "line": charter.line,
                "id": membership.line.hex(),
                "revision": charter.revision,
                "class": charter.purpose,
                "members": [
                    {
                        "code": m.code,
                        "name": m.name,
                        "fingerprint": m.party.hex(),
                        "threshold": list(m.threshold),
                        "certificates": [serial for _, serial, _ in m.certificates],
                        "revoked": revoked(m),
                        "left": m.left,
                    }
                    for m in membership.members.values()
                ],
            }
        )
        return
    say(charter.text().rstrip())
    say("")
    for member in membership.members.values():
        k, n = member.threshold
        state = ", has left" if member.left else ""
        say(f"{member.name}: root {k} of {n}, certificate {member.certificates[-1][1]}{state}", "bold")
        say(f"  {fingerprint.words(member.party)}")
        show_revoked.tell_revoked(revoked(member))
