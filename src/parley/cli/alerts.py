"""``parley alerts``: the channels of config.toml, and a test of each (docs/howto/alert-elsewhere.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from parley.app.alerts import channels_of, trial_alert, try_channel
from parley.cli.output import HomeOption, JsonOption, command, home_of, say, show_json
from parley.errors import UsageError

alerts = typer.Typer(no_args_is_help=True, help="Alert channels: webhook, mail, syslog ([[alert]] in config.toml).")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(alerts, name="alerts")


@alerts.command("list")
@command
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the channels that the node tells."""
    found = [{"name": c.name, "kind": type(c).__name__.lower()} for c in channels_of(home_of(home))]
    if json:
        show_json(found)
        return
    for each in found:
        say(f"{each['name']}  {each['kind']}")
    if not found:
        say("No channel: docs/howto/alert-elsewhere.md says how to set one up.")


@alerts.command("test")
@command
def try_(
    name: Annotated[str, typer.Argument(help="The channel [all].")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a test over one channel, or over each, and say whether it was taken. Look there that it came."""
    found = [c for c in channels_of(home_of(home)) if name in ("", c.name)]
    if not found:
        raise UsageError(
            f"there is no alert channel {name!r}." if name else "there is no alert channel.",
            code="alert-unknown",
            next_step="'parley alerts list' names them; docs/howto/alert-elsewhere.md says how to set one up.",
        )
    alert = trial_alert()
    tried = [(channel, try_channel(channel, alert)) for channel in found]
    if json:
        show_json([{"name": c.name, "taken": why is None, "error": why.message if why else ""} for c, why in tried])
    for channel, why in tried if not json else []:
        say(f"{channel.name}: {why.message}" if why else f"{channel.name}: taken", "bold red" if why else "bold green")
    if any(why is not None for _, why in tried):
        raise typer.Exit(1)
