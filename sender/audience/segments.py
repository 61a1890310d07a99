"""Segments, the whole door: read a definition, ask the database or one contact, say it in English."""

from sender.audience.segment_language import All, Either, Not, Segment, SegmentError, Test, describe, matches, parse
from sender.audience.segment_sql import Recipient, count_contacts, select_contacts, where

__all__ = [
    "All",
    "Either",
    "Not",
    "Recipient",
    "Segment",
    "SegmentError",
    "Test",
    "count_contacts",
    "describe",
    "matches",
    "parse",
    "select_contacts",
    "where",
]
