"""Pure functions over published primitives. No key storage, and no primitive of our own."""
