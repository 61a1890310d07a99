"""Doors for people and programs: pages, API, hooks."""
