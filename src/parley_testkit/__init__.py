"""What implementers of the ports test against, and simulated worlds. The product never imports it."""
