"""What all tests share: hypothesis profiles. ``ci`` repeats its examples in every run; ``dev`` is quick."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The machine that tests run on may be slow or busy: time is no reason to fail a property.
_SLOW = (HealthCheck.too_slow,)
settings.register_profile(
    "ci", max_examples=150, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))
