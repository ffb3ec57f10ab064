"""The composition root: what the faces call. Everything below is put together here."""
