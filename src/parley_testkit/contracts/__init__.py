"""What every implementation of a port must do, as functions that raise AssertionError. No pytest needed."""
