"""Ways for opaque datagrams to travel. Each proves itself with ``parley_testkit.contracts.check_bearer``."""
