"""Every text that sells or informs says who sends it and how to stop it.

The brand: CTIA Messaging Principles 5.1.1, CASL s. 6(2). The way out: carriers everywhere, the law in many countries.
"""

import re
from datetime import timedelta
from functools import lru_cache

from guards import labels, sizes, ways_out
from guards.base import ALLOW, Allow, Block, Draft, Facts, Verdict
from guards.purposes import terms_of

name = "opt_out_footer"


def check(draft: Draft, facts: Facts) -> Verdict:
    """Allow as it is, or allow with brand and footer added; on its own output it always changes nothing."""
    if not terms_of(draft).restrained:
        return ALLOW
    footer = footer_for(facts)
    if not facts.policy.brand.strip() or not footer:
        return Block("no_footer", note="The program has no brand name or no footer; texts need both.")
    text = _final(draft.text, draft.language, facts.policy.brand.strip(), footer, facts.country or "", is_due(facts))
    return ALLOW if text == draft.text else Allow(draft.saying(text))


@lru_cache(maxsize=8192)
def _final(text: str, language: str, brand: str, footer: str, country: str, due: bool) -> str:
    return branded(text, brand) if not due or is_said(text, footer, country) else worded(text, brand, footer, language)


def footer_for(facts: Facts) -> str:
    """The program's refusal line for the country where it gave one ("STOP 36123"), else its footer."""
    policy = facts.policy
    own = policy.refusals.get(facts.country or "") if policy.refusals else ""
    return (own or policy.footer).strip()


def is_said(text: str, footer: str, country: str) -> bool:
    """Whether the text tells its way out; where the country asks for its own refusal, nothing else will do."""
    label = labels.book().get(country)
    if label is not None and label.refuses(footer):
        return label.refuses(text)
    return ways_out.says(text, footer)


def is_due(facts: Facts) -> bool:
    """Whether this text must say the way out: always, or every N days where no law asks for more.

    It is asked about the text's end, so that words which wait for an hour stay as they were planned. A text without an
    end may leave when the days are over, and says it.
    """
    policy, last = facts.policy, facts.last_footer_at
    if policy.footer_every_days <= 0 or last is None or facts.ends_at is None:
        return True
    if facts.country not in ways_out.periodic():
        return True
    return max(facts.now, facts.ends_at) - last >= timedelta(days=policy.footer_every_days)


def worded(text: str, brand: str, footer: str, language: str = "") -> str:
    """Return ``text`` with a way out on a last line and "Brand: " in front, the latter only where it is missing.

    The way out is in the text's language and, of the wordings we have, the fullest that takes no more parts than the
    shortest. A footer that names the brand is naming enough; a label such as [QC] stays in front of the brand.
    """
    return min(_every(text, brand, footer, language), key=sizes.parts)


def worst(text: str, brand: str, footer: str, language: str = "") -> str:
    """The text as its longest wording makes it: what parts, limits and cost count before anything is sent."""
    return max(_every(text, brand, footer, language), key=lambda one: (sizes.parts(one), len(one)))


def _every(text: str, brand: str, footer: str, language: str) -> list[str]:
    tag = ways_out.language(language) if language else ways_out.language_of(text)
    return [branded(_closed(text, one), brand) for one in ways_out.candidates(footer, tag)]


def _closed(text: str, footer: str) -> str:
    return "\n".join(line for line in (text.rstrip(), footer) if line)


def branded(text: str, brand: str) -> str:
    """Return ``text`` with "Brand: " in front, behind a country's label, unless it names the brand anywhere."""
    if _names(text, brand):
        return text
    label, words = labels.split(text)
    return f"{label}{brand}: {words.lstrip()}"


def _names(text: str, brand: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(brand.casefold())}(?!\w)", text.casefold()) is not None
