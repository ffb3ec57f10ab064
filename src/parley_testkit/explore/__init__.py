"""The explorer: every interleaving of a small line, searched breadth first over the real ``step`` (ADR 63)."""
