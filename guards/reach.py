"""May this number be texted at all: a known, allowed country, a living number, a phone that can read texts."""

from guards.base import ALLOW, Block, Draft, Facts, Verdict

name = "reach"

NO_COUNTRY = "001"
"""What libphonenumber calls numbers of no country: satellite (+870, +881, +882, +883), freephone and premium (+979)."""
_PREMIUM = frozenset({"premium_rate", "premium", "shared_cost", "sharedcost"})
_LANDLINES = frozenset({"fixed_line", "landline"})
_READS_TEXTS = frozenset(
    {"mobile", "fixed_line_or_mobile", "voip", "fixedvoip", "nonfixedvoip", "personal_number", "unknown"}
)


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block what cannot or must not be reached; every kind and purpose alike, premium and satellite ranges always.

    US and Canadian numbers never tell mobiles from landlines ("fixed_line_or_mobile"), so they pass.
    """
    del draft
    if facts.country is None:
        return Block("unknown_country", note="No country could be read from the number.")
    if facts.country == NO_COUNTRY:
        return Block("no_country", note="Satellite phones and other numbers of no country are never texted.")
    if facts.line_type.lower() in _PREMIUM:
        return Block("premium_number", note="Numbers that cost extra are never texted.")
    if facts.country not in facts.policy.countries:
        return Block("country_not_allowed", note=f"The program does not text numbers of {facts.country}.")
    if facts.number_state == "ok":
        return _line(facts.line_type.lower())
    if facts.number_state == "suppressed":
        return Block("suppressed", note="The number is on the installation's suppression list.")
    return Block("invalid_number", note="The number does not exist or does not take texts.")


def _line(line_type: str) -> Verdict:
    if line_type in _READS_TEXTS:
        return ALLOW
    if line_type in _LANDLINES:
        return Block("landline", note="The number is a landline.")
    return Block("not_mobile", note=f"A {line_type} number is not a person's phone.")
