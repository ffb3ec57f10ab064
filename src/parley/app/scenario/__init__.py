"""Documented failures (B1 to B13) as scripts of what happened, run through the real nodes in virtual time."""
