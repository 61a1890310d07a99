"""A place on a do-not-call register holds back offers, unless the consent that its law names stands against it."""

from datetime import date, timedelta

import pytest

from guards import do_not_call
from guards.base import ALLOW, Block, Kind, Purpose, Standing
from guards.do_not_call import Register, book, of
from tests.guards.people import draft, facts

DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("registers", "state", "level", "goes"),
    [
        ({"US"}, "in", "express_written", True),
        ({"US"}, "in", "express", False),
        ({"US"}, "in", "implied", False),
        ({"US"}, "out", "express_written", False),
        ({"US"}, "none", "none", False),
        ({"IN"}, "in", "express_written", False),
        ({"US", "IN"}, "in", "express_written", False),
        ({"ZZ"}, "in", "express_written", False),
        (set(), "none", "none", True),
    ],
)
def test_only_the_consent_that_the_law_names_counts_more(
    registers: set[str], state: str, level: str, goes: bool
) -> None:
    """Each register has to be lifted, by a consent that stands; what nobody described nothing lifts."""
    shown = facts(registers=frozenset(registers), standing=Standing(state, level))  # type: ignore[arg-type]
    verdict = do_not_call.check(draft(), shown)
    assert (verdict is ALLOW) == goes


def test_a_block_names_every_register_that_closes() -> None:
    """In the order of their countries, with a rule for each; one that is lifted is not named."""
    verdict = do_not_call.check(draft(), facts(registers=frozenset({"ZZ", "IN", "US"})))
    assert isinstance(verdict, Block)
    assert (verdict.reason, verdict.rules) == ("do_not_call", ("register-IN", "register-ZZ"))
    assert verdict.note == (
        "The number is on a do-not-call register: DND preferences (NCPR) (IN) and do-not-call register (ZZ)."
    )


@pytest.mark.parametrize(
    ("purpose", "kind", "goes"),
    [
        (Purpose.MARKETING, Kind.API, False),
        (Purpose.MARKETING, Kind.TEST, False),
        (Purpose.INFORMATIONAL, Kind.CAMPAIGN, True),
        (Purpose.TRANSACTIONAL, Kind.API, True),
        (Purpose.CODE, Kind.API, True),
        (Purpose.MARKETING, Kind.ANSWER, True),
    ],
)
def test_only_offers_are_solicitation(purpose: Purpose, kind: Kind, goes: bool) -> None:
    """News, receipts, codes and answers go on, and offers go by no door."""
    verdict = do_not_call.check(draft(purpose, kind), facts(registers=frozenset({"IN"})))
    assert (verdict is ALLOW) == goes


def test_a_copy_is_too_old_after_its_days() -> None:
    """On the thirty-first day an American copy is good, on the next it is not; Singapore gives three weeks."""
    for country, days in (("US", 31), ("AR", 30), ("SG", 21), ("ZZ", 31)):
        register = of(country)
        assert not register.outdated(DAY - timedelta(days=days), DAY)
        assert register.outdated(DAY - timedelta(days=days + 1), DAY)


def test_every_register_is_described_whole() -> None:
    """Each has a name, a citation, a basis and a confidence, and lets consents lift it that there are."""
    assert len(book()) >= 13
    levels = {"express_written", "express", "implied"}
    for country, register in book().items():
        assert (register.country, register.rule) == (country, f"register-{country}")
        assert register.basis in ("law-text", "carrier")
        assert register.confidence in ("high", "medium", "low")
        assert all((register.name, register.citation))
        assert set(register.lifted_by) <= levels
        assert 1 <= register.days <= do_not_call.LONGEST_DAYS
    strict = "no source on record; taken as strictly as can be"
    assert of("ZZ") == Register("ZZ", "do-not-call register", (), 31, "law-text", strict, "low")
