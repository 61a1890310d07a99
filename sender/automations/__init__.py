"""Chains of texts that an event or an hour begins: every wait is a row, every step one transaction."""
