"""An evidence file on paper: every name and value of the JSON, in its order, under headings.

PDF's own fonts know Western European letters alone; every other letter is written as {U+XXXX}, and the hash beside each
text is of its exact words.
"""

from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

FONT = "Helvetica"
TITLES = {
    "identity": "Who",
    "standing": "Where the number stands now",
    "consent": "Consent: every event of the ledger",
    "texts": "Texts: every message with its decisions and attempts",
    "replies": "Replies",
    "ledger": "The ledger",
    "manifest": "Manifest of hashes",
    "certification": "Certification of records (draft)",
}
ONE = {"consent": "Event", "texts": "Text", "replies": "Reply", "standing": "Standing", "manifest": "Section"}
INDENT, LINE = 5, 4.6


class Paper(FPDF):
    """A4 pages that each say which file they are of."""

    def __init__(self, digest: str, number: str) -> None:
        super().__init__(format="A4")
        self.digest, self.number = digest, number
        self.set_auto_page_break(True, margin=18)
        self.set_title(f"Evidence for {number}")
        self.set_creator("Tactful")
        self.add_page()

    def footer(self) -> None:
        """The page's number and the file's hash."""
        self.set_y(-13)
        self.set_font(FONT, size=7)
        self.set_text_color(90)
        self.cell(0, 4, text=f"Evidence for {self.number}, page {self.page_no()} of {{nb}}. SHA-256 {self.digest}")

    def say(self, words: str, size: float = 9, style: str = "", indent: float = 0) -> None:
        """Some words on lines of their own."""
        self.set_font(FONT, style, size)
        self.set_text_color(20)
        self.set_x(self.l_margin + indent)
        width = self.epw - indent
        self.multi_cell(width, size * 0.5, text=written(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def rule(self) -> None:
        """A thin line between two things."""
        self.ln(1.5)
        self.set_draw_color(190)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(1.5)


def render(file: dict[str, Any], digest: str) -> bytes:
    """The file as a PDF; ``digest`` is printed on every page."""
    paper = Paper(digest, str(file["identity"]["asked_for"]))
    paper.say("Evidence file", 18, "B")
    paper.ln(1)
    for name, value in file.items():
        if name not in TITLES:
            _pair(paper, name, value, 0)
    for name, title in TITLES.items():
        paper.ln(4)
        paper.say(title, 13, "B")
        _section(paper, name, file[name])
    return bytes(paper.output())


def written(words: str) -> str:
    """The words in letters that the fonts know."""
    return "".join(one if _is_known(one) else f"{{U+{ord(one):04X}}}" for one in words)


def _section(paper: Paper, name: str, value: Any) -> None:
    if not isinstance(value, list):
        _value(paper, value, 0)
        return
    if not value:
        paper.say("None on record.")
    for place, one in enumerate(value, start=1):
        if name in ONE:
            paper.rule()
            paper.say(f"{ONE[name]} {place} of {len(value)}", 10, "B")
        _value(paper, one, 0)


def _value(paper: Paper, value: Any, indent: float) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _pair(paper, name, inner, indent)
    elif isinstance(value, list):
        for place, inner in enumerate(value, start=1):
            if isinstance(inner, dict):
                paper.say(f"{place}.", indent=indent, style="B")
            _value(paper, inner, indent + INDENT if isinstance(inner, dict) else indent)
    else:
        paper.say(_words(value), indent=indent)


def _pair(paper: Paper, name: str, value: Any, indent: float) -> None:
    label = name.replace("_", " ").capitalize()
    if isinstance(value, dict | list) and value:
        paper.say(f"{label}:", style="B", indent=indent)
        _value(paper, value, indent + INDENT)
    else:
        paper.say(f"{label}: {_words(value)}", indent=indent)


def _words(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _is_known(one: str) -> bool:
    return one == "\n" or (one.isprintable() and ord(one) < 256)
