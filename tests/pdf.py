"""Reads the words of a simple PDF again: each content stream is inflated and its shown strings are joined."""

import re
import zlib

STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
SHOWN = re.compile(rb"\(((?:\\.|[^\\()])*)\)\s*Tj", re.DOTALL)
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def text_of(pdf: bytes) -> str:
    """Every shown word in order, without gaps; page footers stand between pages."""
    shown = []
    for found in STREAM.finditer(pdf):
        try:
            content = zlib.decompressobj().decompress(found[1])  # whose last byte may be a line's end itself
        except zlib.error:
            continue
        shown += [ESCAPED.sub(rb"\1", one[1]).decode("latin-1") for one in SHOWN.finditer(content)]
    return "".join("".join(shown).split())
