"""The command line; it calls ``parley.app`` only."""

from parley.cli.main import app, main

__all__ = ["app", "main"]
