"""What the person chose for themselves on their own page: a pause, and subjects they do not want.

A text that falls into a pause is left out and not saved up: nobody wants the texts of four weeks on one morning. Hours
that a person chose are narrower hours of the program (see :mod:`guards.quiet_hours`).
"""

from guards.base import ALLOW, Block, Draft, Facts, Verdict
from guards.purposes import terms_of

name = "own_wishes"


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block offers and news during a pause, and on a subject the person does not want; codes and answers still go."""
    if not terms_of(draft).restrained:
        return ALLOW
    if facts.paused_until is not None and facts.now < facts.paused_until:
        return Block("own_pause", note="The person asked for a pause, and it is not over.")
    if draft.subject is not None and draft.subject in facts.unwanted:
        return Block("own_topics", note="The person does not want texts on this subject.")
    return ALLOW
