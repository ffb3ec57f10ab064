"""Bytes <-> frozen dataclasses: strict, one encoding per value, unknown fields kept (spec/)."""
