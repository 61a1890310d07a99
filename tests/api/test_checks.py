"""`POST /checks`: the gate's own answer for one or many numbers, before anything is sent."""

from datetime import timedelta

from tests.api.conftest import caller
from tests.installation import Installation


def test_each_number_gets_the_gates_answer(installation: Installation) -> None:
    """One may be texted, a stranger and what is no number may not; later it is night; nothing was written for it."""
    installation.contact("+12125550123")
    shop = caller(installation, "checks:read")
    body = {"to": ["+1 (212) 555-0123", "+13105550123", "hello"], "program": "acme", "purpose": "marketing"}
    now = shop.post("/checks", body).json["data"]
    assert [(one["to"], one["verdict"], one["reason"]) for one in now] == [
        ("+12125550123", "allow", None),
        ("+13105550123", "block", "no_consent"),
        ("hello", "block", "invalid_number"),
    ]
    assert now[0]["sentences"][0].startswith("Yes: a marketing text may go now")
    at = (installation.clock.now() + timedelta(hours=14)).isoformat()
    night = shop.post("/checks", {**body, "at": at}).json["data"][0]
    assert (night["verdict"], night["guard"], night["opens"]) == ("defer", "quiet_hours", "2026-03-11T12:00:00Z")


def test_a_program_of_others_is_not_asked_about(installation: Installation) -> None:
    """What the key may not use is not there."""
    assert caller(installation).post("/checks", {"to": ["+12125550123"], "program": "x"}).status_code == 422
