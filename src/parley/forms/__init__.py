"""What a message is to its reader: form packs, what is filled in, its bytes, and how each reader sees it."""
