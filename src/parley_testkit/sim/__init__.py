"""The simulator: a whole line of real nodes in one process and virtual time, from one seed (style.md 9)."""
