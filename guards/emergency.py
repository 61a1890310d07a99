"""Nothing that sells or informs goes into a place where an emergency is declared.

Louisiana: LPSC General Order R-29617, while the Commission sits at the Emergency Operations Center, consent or not; New
York: General Business Law 399-z, no unsolicited texts into a declared state of emergency. People switch places on and
off; no feed tells.
"""

from collections.abc import Iterator

from guards.base import ALLOW, Block, Draft, Facts, Verdict
from guards.purposes import terms_of

name = "emergency"


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block where any place the person may be is declared; codes, transactional texts and answers still go."""
    if not facts.emergencies or not terms_of(draft).restrained:
        return ALLOW
    touched = tuple(sorted(set(_touched(facts.places.codes, facts.emergencies))))
    if not touched:
        return ALLOW
    return Block("emergency", touched, note=f"An emergency is declared in {', '.join(touched)}.")


def _touched(codes: tuple[str, ...], declared: frozenset[str]) -> Iterator[str]:
    """Yield the declared places that a candidate lies in, or that lie in a candidate country."""
    for code in codes:
        for place in declared:
            if place == code or place.startswith(f"{code}-") or code.startswith(f"{place}-"):
                yield place
