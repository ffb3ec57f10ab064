"""``parley export``, ``proof``, ``verify``, ``prune``, ``demo`` and ``bench``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from parley.app import bench as benchmark
from parley.app import demo as demonstration
from parley.app.areas import FORMATS
from parley.app.verify import LogFacts, Report, verify_record
from parley.cli.output import HomeOption, JsonOption, LineOption, call, command, home_of, say, show_json, when
from parley.cli.revoking import tell_revoked


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, function in (
        ("export", export),
        ("proof", proof),
        ("verify", verify),
        ("prune", prune),
        ("demo", demo),
        ("bench", bench),
    ):
        app.command(name)(function)


@command
def export(
    path: Annotated[Path | None, typer.Argument(help="File to write [record.parley].")] = None,
    form: Annotated[
        str | None, typer.Option("--as", help=f"Write announced areas instead of the record: {FORMATS}.")
    ] = None,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Only the areas of this message.")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the record to one file that anyone can verify with their own tools; or areas for others' maps."""
    if form is not None:
        text = call(home, line, "areas", ids=ids or [], **{"as": form})
        if path is None:
            typer.echo(text, nl=False)
        else:
            path.write_text(text, "utf-8")
        return
    path = path or Path("record.parley")
    found = call(home, line, "export", path=str(path.resolve()))
    if json:
        show_json(found)
    else:
        say(f"Wrote {found['path']}: {found['logs']} trees, {found['entries']} entries, {found['contents']} contents.")


@command
def proof(
    id_: Annotated[str, typer.Argument(help="Message id, such as northland-3f2a-12.")],
    path: Annotated[Path | None, typer.Argument(help="File to write [ID.tlog-proof].")] = None,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the proof of one message: who said it and who received it, for anyone's tools (C2SP tlog-proof).

    The text of the message is in it. Beside it stands a tlog-policy with the keys that it is checked with.
    """
    path = path or Path(f"{id_}.tlog-proof")
    found = call(home, line, "proof", id=id_, path=str(path.resolve()))
    if json:
        show_json(found)
        return
    got = ", ".join(found["received"])
    say(f"Wrote {found['path']}: said by {found['author']}, {f'received by {got}' if got else 'no receipt yet'}.")
    say(f"Wrote {found['policy']}: the keys. Anyone can check both; the text of the message is in the proof.")


@command
def verify(
    path: Annotated[Path, typer.Argument(help="An exported record.")],
    packs: Annotated[
        Path | None,
        typer.Option(
            help="A folder of form packs besides Parley's own, for what two officers release [forms in the home]."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Verify an exported record: needs the file alone. Exit status 1 when anything was tampered with."""
    report = verify_record(path, packs or home_of(None).forms)
    if json:
        show_json(report.as_json())
    else:
        _show_report(report)
    if not report.good:
        raise typer.Exit(1)


def _ranges(ranges: list[tuple[int, int]]) -> str:
    return ", ".join(f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in ranges)


def _show_report(report: Report) -> None:
    if report.mark:
        say(report.mark, "bold magenta")
    say(f"Line {report.line} {report.line_id}", "bold")
    for member in report.members:
        k, n = member["threshold"]
        say(f"  {member['name']} ({member['code']}), root {k} of {n}, fingerprint {member['fingerprint']}")
        say(f"    {member['words']}")
    for log in report.logs:
        _show_log(log)
    for officer in report.officers:
        how = ", ".join(k[:16] for k in officer["approved_by"]) or "nobody: by the command line alone"
        marks = (", in SOFTWARE" if officer["software"] else "") + (", revoked" if officer["revoked"] else "")
        say(f"officer of {officer['code']}: key {officer['key'][:16]}, approved by {how}{marks}")
    for signed in report.signed:
        say(signed.sentence())
    for unsigned in report.unsigned:
        say(f"WITHOUT KEY: {unsigned.sentence()}", "bold yellow")
    for pack in report.unread:
        say(f"NOT CHECKED: which forms of the pack {pack} two officers release; it is not at hand.", "yellow")
    for row in report.revoked:
        tell_revoked([row], f" of {row['code']}")
    for text in report.equivocations:
        say(f"TWO HISTORIES: {text}", "bold red")
    for problem in report.problems:
        say(f"TAMPERED: {problem}", "bold red")
    if report.good:
        say(f"Verified: {report.entries} entries in {len(report.logs)} trees.", "bold green")
    say(
        "Compare the fingerprints with what the parties gave you: the file cannot prove them by itself.",
        "dim",
    )


def _show_log(log: LogFacts) -> None:
    say(f"{log.origin}: {log.size} entries, {log.contents} contents", "bold")
    if log.said_mldsa44:
        say(f"  said by {log.author}: 0-{log.said_mldsa44 - 1} proven (Ed25519 and ML-DSA-44)")
    if log.said_mldsa44 < log.size:
        say(f"  said by {log.author}: {log.said_mldsa44}-{log.size - 1} proven by Ed25519 only")
    for got in log.received:
        pq = f"below {got.mldsa44} proven (ML-DSA-44), " if got.mldsa44 else ""
        but = f", but for {_ranges(got.refused)}, which arrived and were refused" if got.refused else ""
        say(f"  received by {got.code}: {pq}below {got.ed25519} proven by Ed25519, last {when(got.time)}{but}")
        if got.revoked:
            say(f"    of these, receipts below {got.revoked} are by a certificate which {got.code} revoked since")
    for first, end in log.beyond:
        text = f"signed under a certificate which {log.author} revoked; above the head at which it closed the run"
        say(f"  entries {first}-{end - 1}: {text}", "yellow")
    if log.other_history:
        say(f"  another history than the one at which {log.author} closed the run", "yellow")
    if log.erased:
        say(f"  erased under retention: {_ranges(log.erased)}")
    if log.missing:
        say(f"  missing, not held by who exported: {_ranges(log.missing)}", "yellow")


@command
def prune(
    days: Annotated[int | None, typer.Option(help="Days to keep [the charter's].")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Erase earlier than the charter says, in this copy only.")
    ] = False,
    line: LineOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Erase the contents of messages past their retention. Commitments stay: the record still verifies."""
    found = call(home, line, "prune", days=days, force=force)
    if json:
        show_json(found)
    else:
        say(f"Erased the contents of {found['erased']} messages from before {when(found['before'])}.")


@command
def demo(
    path: Annotated[Path, typer.Option("--out", help="Folder for the records and the transcript.")] = Path("demo-out"),
    stay: Annotated[
        bool,
        typer.Option(
            "--stay", help="Keep both nodes and their consoles up until Ctrl-C, where there is a terminal for it."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run two real nodes on this machine, found a line, and exchange real notices through trouble."""
    raise typer.Exit(demonstration.run(path, quiet=json, stay=stay and sys.stdin.isatty()))


@command
def bench(
    path: Annotated[Path, typer.Option("--out", help="Folder for bench.json.")] = Path("bench-out"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds: a look, not a measurement.")] = False,
    json: JsonOption = False,
) -> None:
    """Measure this machine: the work, and the floor beside it."""
    found = benchmark.run(path, quick=quick, quiet=json)
    if json:
        show_json(found)
