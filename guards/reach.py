"""May this number be texted at all: a known, allowed country, a living number, a phone that can read texts."""

from guards.base import ALLOW, Block, Draft, Facts, Verdict

name = "reach"

_LANDLINES = frozenset({"fixed_line", "landline"})
_READS_TEXTS = frozenset(
    {"mobile", "fixed_line_or_mobile", "voip", "fixedvoip", "nonfixedvoip", "personal_number", "unknown"}
)


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block what cannot or must not be reached; every kind and purpose alike.

    US and Canadian numbers never tell mobiles from landlines ("fixed_line_or_mobile"), so they pass.
    """
    del draft
    if facts.country is None:
        return Block("unknown_country", note="No country could be read from the number.")
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
