"""Who must do what by when: the procedures of the watch, pure, with time as an argument."""
