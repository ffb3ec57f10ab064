"""The duty officer's console: pages that the node serves to a browser. It calls ``parley.app`` only."""
