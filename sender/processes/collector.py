"""Python's collector of cycles, told how a process that stays works: much lasts, and little goes in circles."""

import gc

AFTER = 20_000
"""New objects between two looks at the young; Python's 700 cost a sender a seventh of its processor time."""
ROUNDS = 20


def spare_what_lasts() -> None:
    """Call once everything is loaded: modules and tables are never looked through again, new objects less often.

    Objects without cycles are freed at once as before, so the memory of a process stays flat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(AFTER, ROUNDS, ROUNDS)
