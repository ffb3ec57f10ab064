"""The sans-I/O core of one line (D7): inputs in, changes, sends and events out; no clock, disk or network."""
