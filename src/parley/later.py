"""Modules that are imported when they are first used.

What only some commands and some moments of a node need (numbers for areas, passkeys, the console, a node inside a
command) would make every start slower and every node larger. A module names such a one twice::

    if TYPE_CHECKING:
        import numpy as np
    else:
        np = later("numpy")

so that the type checker and the import contracts see a plain import. Beside these only the module of the command that
was asked for (``parley.cli.commands``), the console's pages, and the bench's browser are imported late.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        module = import_module(self.__name__)
        found = getattr(module, name)
        # From here on it is found at once, without this function.
        self.__dict__[name] = found
        return found


def later(name: str) -> Any:  # noqa: ANN401 - stands for the module
    """A stand-in for the module ``name``, which is imported when an attribute of it is first asked for."""
    return _Later(name)
