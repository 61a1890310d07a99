"""The chain: one order, one maker of cleared texts, and whatever breaks means not sent."""

import ast
import copy
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import guards
from guards import CHAIN, chain
from guards.base import ALLOW, Allow, Block, Defer, Draft, Facts, Guard, Purpose, Standing, Verdict
from guards.chain import Cleared, Refused
from tests.guards.people import MONDAY_NOON, at, draft, facts


@dataclass(frozen=True)
class Says:
    """A guard that always gives the same answer, or raises it."""

    answer: object
    name: str = "says"

    def check(self, draft: Draft, facts: Facts) -> Verdict:
        """Return or raise the answer."""
        del draft, facts
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[return-value]


def test_the_order_is_the_one_published() -> None:
    """The published order holds, and the version says it."""
    names = [guard.name for guard in CHAIN]
    assert names[:4] == ["reach", "consent_check", "do_not_call", "emergency"]
    assert names[4:] == ["own_wishes", "frequency_cap", "quiet_hours", "labels", "opt_out_footer", "content"]
    assert chain.VERSION.startswith("reac-cons-do_n-emer-own_-freq-quie-labe-opt_-cont/")
    assert re.fullmatch(r"[0-9a-f]{8}/[0-9a-f]{6}/[0-9a-f]{6}", chain.VERSION.partition("/")[2])


def test_a_good_text_is_cleared_until_its_hours_end() -> None:
    """A consented text at noon goes as it is, until nine in the evening, with nothing to explain."""
    cleared = chain.run(draft(), facts())
    assert isinstance(cleared, Cleared)
    assert (cleared.draft, cleared.until, cleared.trace) == (draft(), at("2026-11-23 21:00", "America/New_York"), ())


def test_changed_words_are_cleared_and_traced() -> None:
    """A text without brand and footer leaves with both, and the trace says which guard changed it."""
    cleared = chain.run(Draft("Beans.", Purpose.MARKETING), facts())
    assert isinstance(cleared, Cleared)
    assert cleared.draft.text == "Acme: Beans.\nReply STOP to opt out."
    assert [name for name, _ in cleared.trace] == ["opt_out_footer"]


def test_the_first_refusal_ends_it() -> None:
    """Someone who said stop is refused for that, whatever later guards would say."""
    refused = chain.run(draft(), facts(standing=Standing("out"), now=at("2026-11-23 03:00", "America/New_York")))
    assert isinstance(refused, Refused)
    assert (refused.guard, refused.verdict.reason) == ("consent_check", "opted_out")
    assert refused.trace == (("consent_check", refused.verdict),)


def test_the_earliest_end_counts() -> None:
    """Two permissions that end make one that ends with the earlier."""
    hour = timedelta(hours=1)
    cleared = chain.run(
        draft(), facts(), [Says(Allow(until=MONDAY_NOON + 2 * hour)), Says(Allow(until=MONDAY_NOON + hour))]
    )
    assert isinstance(cleared, Cleared)
    assert cleared.until == MONDAY_NOON + hour


@pytest.mark.parametrize("place", range(len(CHAIN)))
@pytest.mark.parametrize("broken", [RuntimeError("secret"), KeyError("+12125550100"), None, True, "allow", Allow])
def test_whatever_breaks_is_not_sent(place: int, broken: object) -> None:
    """An exception or a non-answer at any place of the chain refuses, and tells nothing but the error's class."""
    guards_with_one_broken = list[Guard](CHAIN)
    guards_with_one_broken[place] = Says(broken, CHAIN[place].name)
    refused = chain.run(draft(), facts(), guards_with_one_broken)
    assert isinstance(refused, Refused)
    assert (refused.guard, refused.verdict.reason) == (CHAIN[place].name, "guard_error")
    assert refused.verdict.note in ("RuntimeError", "KeyError", "NoVerdict")


def test_a_campaign_may_drop_what_would_have_to_wait() -> None:
    """A deferral by a guard it names is a block with the same reason and rules; other guards put off as ever."""
    late = Defer(MONDAY_NOON, "quiet_hours", ("US",), "Not an allowed hour.")
    night = Says(late, "quiet_hours")
    for drops, verdict in (
        (frozenset({"frequency_cap"}), late),
        (
            frozenset({"quiet_hours"}),
            Block("quiet_hours", ("US",), "Not an allowed hour. The campaign drops what would have to wait."),
        ),
    ):
        refused = chain.run(draft(), facts(drops=drops), [night])
        assert isinstance(refused, Refused)
        assert refused.verdict == verdict
        assert refused.trace == (("quiet_hours", verdict),)


def test_broken_facts_are_not_sent() -> None:
    """A naive clock, on which no hours can be read, refuses."""
    refused = chain.run(draft(), facts(now=datetime(2026, 11, 23, 12)))  # noqa: DTZ001
    assert isinstance(refused, Refused)
    assert refused.verdict == Block("guard_error", note="ValueError")


def test_nobody_else_makes_a_cleared_text() -> None:
    """Neither the constructor nor a changed copy gives a cleared text that did not pass."""
    cleared = chain.run(draft(), facts())
    assert isinstance(cleared, Cleared)
    with pytest.raises(TypeError, match=r"^Only guards.* through the chain\.$"):
        Cleared(draft(), None, ())
    with pytest.raises(TypeError, match=r"^Only guards.* through the chain\.$"):
        Cleared(draft(), None, (), made_by=object())
    with pytest.raises(TypeError, match=r"^Only guards.* through the chain\.$"):
        replace(cleared, draft=Draft("Other words", Purpose.MARKETING))
    assert copy.copy(cleared) == cleared


def test_the_same_question_gets_the_same_answer() -> None:
    """Guards are pure: asked twice, in between asked otherwise, they say the same."""
    night = facts(now=at("2026-11-23 03:00", "America/New_York"))
    first = chain.run(draft(), night)
    chain.run(draft(), facts())
    assert chain.run(draft(), night) == first
    assert isinstance(first, Refused)
    assert isinstance(first.verdict, Defer)
    assert first.verdict.until.tzinfo is UTC


def test_a_pass_is_shared() -> None:
    """Guards that find nothing return the one constant, so that a pass costs no memory."""
    assert all(guard.check(draft(), facts()) is ALLOW for guard in CHAIN if guard.name != "quiet_hours")


def test_guards_import_nothing_of_ours() -> None:
    """The package knows the standard library and four look-up libraries, and nothing else of this project."""
    allowed = set(sys.stdlib_module_names) | {"guards", "phonenumbers", "holidays"}
    for path in Path(guards.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in imported} <= allowed, path.name
        assert not {"sqlite3", "socket", "os", "subprocess", "urllib", "http", "time"} & imported, path.name
