"""Notices as others write them: warnings, NOTAMs and press texts, read into drafts of forms, and written."""
