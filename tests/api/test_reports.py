"""Reports over the API: the figures of a key's programs, and of no other."""

from datetime import timedelta

from sender.models import Program
from tests.api.conftest import caller
from tests.installation import TUESDAY, Installation


def test_a_key_sees_the_figures_of_its_programs(installation: Installation) -> None:
    """Sent texts are counted for the key of their program, none for a key of another."""
    person = installation.contact("+12125550123")
    installation.message(person, status="delivered", sent_at=TUESDAY, cost=83)
    with installation.runtime.db.write() as session:
        session.add(Program(slug="other", brand="Other", help_contact="x", created_at=TUESDAY))
    until = (TUESDAY + timedelta(days=1)).isoformat()
    mine = caller(installation, "reports:read").get
    (line,) = mine("/reports/figures", by="program", until=until).json["data"]
    assert (line["name"], line["delivered"], line["cost"]) == ("Acme", 1, 0.0083)
    others = caller(installation, "reports:read", name="other", programs=("other",))
    assert others.get("/reports/figures", by="program", until=until).json["data"] == []
    assert mine("/reports/figures", since=until, until=until).status_code == 422
    assert mine("/reports/comparison/cmp_9").status_code == 404
    assert mine("/reports/compliance").json["after_a_stop"] == 0
