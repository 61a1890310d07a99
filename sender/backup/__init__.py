"""Copies of an installation: sealed files, another database, and what a copy has to learn before it may send."""
