"""Whether a text may go: pure verdicts on plain data. The chain's order stands here and nowhere else."""

from guards import (
    consent_check,
    content,
    do_not_call,
    emergency,
    frequency_cap,
    labels,
    opt_out_footer,
    own_wishes,
    quiet_hours,
    reach,
)
from guards.base import Guard

WORDS: tuple[Guard, ...] = (labels, opt_out_footer, content)
CHAIN: tuple[Guard, ...] = (
    reach,
    consent_check,
    do_not_call,
    emergency,
    own_wishes,
    frequency_cap,
    quiet_hours,
    *WORDS,
)
