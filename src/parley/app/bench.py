"""Placeholder until measured."""
from pathlib import Path
def run(out: Path, *, quick: bool = False, quiet: bool = False) -> dict:
    return {}
