"""The only loop: load, step, commit, release (D7)."""
