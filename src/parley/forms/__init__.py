"""What a message is to its reader: how text is shown. Free text is the one form of this version."""
