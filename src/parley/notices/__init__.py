"""Notices as others write them: navigational warnings, NOTAMs and press texts, read into drafts of forms and written."""
