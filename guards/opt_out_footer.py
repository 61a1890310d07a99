"""Every text that sells or informs says who sends it and how to stop it.

The brand: CTIA Messaging Principles 5.1.1, CASL s. 6(2). The way out: carriers everywhere, the law in many countries.
"""

import re
from dataclasses import replace

from guards.base import ALLOW, RESTRAINED, Allow, Block, Draft, Facts, Kind, Verdict

name = "opt_out_footer"


def check(draft: Draft, facts: Facts) -> Verdict:
    """Allow as it is, or allow with brand and footer added; on its own output it always changes nothing."""
    if draft.purpose not in RESTRAINED or draft.kind is Kind.ANSWER:
        return ALLOW
    brand, footer = facts.policy.brand.strip(), facts.policy.footer.strip()
    if not brand or not footer:
        return Block("no_footer", note="The program has no brand name or no footer; texts need both.")
    text = worded(draft.text, brand, footer)
    return ALLOW if text == draft.text else Allow(draft=replace(draft, text=text))


def worded(text: str, brand: str, footer: str) -> str:
    """Return ``text`` with the footer on a last line and "Brand: " in front, each only where it is missing.

    A footer that names the brand is naming enough.
    """
    closed = text if footer in text else "\n".join(line for line in (text.rstrip(), footer) if line)
    return closed if _names(closed, brand) else f"{brand}: {closed.lstrip()}"


def _names(text: str, brand: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(brand.casefold())}(?!\w)", text.casefold()) is not None
