"""The audit says no where it could not look, and knows what has been judged."""

import pytest

from tests.audit import is_allowed, known_faults, missing, strange_licences, unjudged

CLEAN = {"name": "jinja2", "version": "3.1.6", "vulns": []}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([CLEAN], 0),
        ([CLEAN, {"name": "jinja2", "skip_reason": "Dependency not found"}], 1),
        ([{**CLEAN, "version": "3.1.4", "vulns": [{"id": "GHSA-cpwx-vrp4-4pq7"}]}], 1),
        ([], 1),
    ],
)
def test_an_audit_that_could_not_look_fails(found: list[dict[str, object]], says: int) -> None:
    """A package that was skipped, a known fault, and an empty report each are a no."""
    assert len(known_faults({"dependencies": found})) == says


def test_only_findings_with_a_reason_pass() -> None:
    """One with a noqa of the same rule on its line; a file that was not read is a finding, too."""
    finding = {"filename": "a.py", "line_number": 1, "test_id": "B310", "issue_text": "urlopen"}
    judged, other = (
        {**finding, "code": "urlopen(x)  # noqa: S310 - ours"},
        {**finding, "code": "urlopen(x)  # noqa: S608"},
    )
    assert unjudged({"errors": [], "results": [judged]}) == []
    assert len(unjudged({"errors": [{"filename": "b.py", "reason": "syntax"}], "results": [other]})) == 2


@pytest.mark.parametrize(
    ("licence", "may"),
    [("MIT", True), ("Apache-2.0 AND CNRI-Python", True), ("LGPL-2.1-only OR MIT", True), ("LGPL-3.0-only", True),
     ("Mozilla Public License 2.0 (MPL 2.0)", True), ("GNU General Public License v3", False), ("AGPL-3.0", False),
     ("UNKNOWN", False), ("MIT AND GPL-3.0", False), ("GPL-2.0 OR MIT", True), ("", False)],
)  # fmt: skip
def test_licences_are_judged_in_every_part(licence: str, may: bool) -> None:
    """All parts of an AND have to be allowed, one of an OR."""
    assert is_allowed(licence) is may


def test_every_pinned_part_is_listed() -> None:
    """A part without a licence, or missing from the bill of materials, is told by name."""
    assert strange_licences([{"Name": "Flask_WTF", "License": "BSD"}], {"flask-wtf", "yarl"}) == [
        "yarl: its licence was not found"
    ]
    assert missing({"components": [{"name": "Flask-WTF"}]}, {"flask-wtf", "yarl"}) == [
        "yarl is not in the bill of materials"
    ]
