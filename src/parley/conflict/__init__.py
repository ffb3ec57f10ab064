"""What clashes with what: areas on the sphere, bands of heights, windows of time."""
