"""The sphere: distances and directions, and the notations that people write positions in."""
