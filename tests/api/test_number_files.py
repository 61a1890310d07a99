"""Files of numbers over the API: the same as by command and page, once each, under scopes of their own."""

from sqlalchemy import select
from sqlmodel import col

from sender.audience.ledger import load_standings
from sender.models import Audit, RegisterFile
from tests.api.conftest import Caller, caller
from tests.installation import TUESDAY, Installation

ANN, BOB = "+12125550123", "+12125550124"
TODAY = TUESDAY.date().isoformat()


def counts(shop: Caller, path: str, text: str, once: str = "") -> dict[str, int]:
    """What a file of numbers did."""
    answer = shop.send("POST", path, text.encode(), once)
    assert answer.status_code == 200, answer.json
    found: dict[str, int] = answer.json["counts"]
    return found


def test_files_of_numbers_come_in_once_and_lists_go_out_for_a_reason(installation: Installation) -> None:
    """Consent goes with a number that was given up or reassigned; the suppressed are told to who says what for."""
    ann, bob = installation.contact(ANN), installation.contact(BOB)
    shop = caller(installation)
    for _ in range(2):
        done = counts(shop, f"/number-files/deactivated?on={TODAY}", f"number\n{ANN}\nnone\n", once="today")
        assert (done["read"], done["known"], done["consents"]) == (1, 1, 1)
    asked = shop.get("/number-files/to-ask", why="quarterly")
    assert (asked.mimetype, asked.text.splitlines()[0]) == ("text/csv", "number,consent_date")
    assert (ANN in asked.text, BOB in asked.text) == (False, True)
    assert counts(shop, "/number-files/reassigned", f"{BOB},yes\n{ANN},no\n")["consents"] == 1
    assert counts(shop, "/number-files/suppress?why=rude", f"{BOB}\n")["suppressed"] == 1
    assert f"{BOB},rude,all" in shop.get("/number-files/suppressed", why="other provider").text
    assert counts(shop, "/number-files/unsuppress?why=sorry", f"{BOB}\n")["taken_off"] == 1
    with installation.runtime.db.read() as session:
        standings = load_standings(session, [ann, bob])
        acts = session.execute(select(Audit).where(col(Audit.action).not_like("api%"))).scalars().all()
    assert [row.state for rows in standings.values() for row in rows if row.state == "in"] == []
    assert {act.actor.partition(" ")[0] for act in acts} == {"key"}
    assert sorted(act.detail.get("why", "") for act in acts if act.action == "people.export") == [
        "other provider", "quarterly",
    ]  # fmt: skip


def test_a_register_comes_in_is_listed_and_goes(installation: Installation) -> None:
    """With its age; an older copy, an empty file, a day to come and what is not there are refused in a sentence."""
    shop = caller(installation)
    facts = f"country=US&drawn={TODAY}&covers=212"
    assert counts(shop, f"/registers?{facts}", f"{ANN}\n212,5550199\n")["listed"] == 2
    (told,) = shop.get("/registers").json["data"]
    assert (told["covers"], told["numbers"], told["drawn"], told["outdated"]) == ("212", 2, TODAY, False)
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(RegisterFile.name))).scalars().all() == ["numbers.csv"]
    for path, text, said in (
        ("/registers?country=US&drawn=2020-01-01&covers=212", ANN, "A newer copy"),
        (f"/registers?country=US&drawn={TODAY}", "", "numbers.csv has no number in it"),
        (f"/registers?country=ZZ&drawn={TODAY}", ANN, "'ZZ' is no country code"),
        ("/number-files/deactivated?on=2099-01-01", ANN, "2099-01-01 is in the future"),
        ("/number-files/suppress?why=rude", "\udcff", "numbers.csv cannot be read as text"),
    ):
        answer = shop.send("POST", path, text.encode(errors="surrogateescape"))
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_file"), answer.json
        assert said in answer.json["detail"]
    assert shop.send("POST", "/number-files/suppress", ANN).json["code"] == "invalid_request"
    assert shop.delete("/registers/US?why=sold").status_code == 404
    assert shop.delete("/registers/US?why=sold&covers=212").json["counts"] == {"forgotten": 2}
    assert shop.get("/registers").json["data"] == []


def test_a_file_over_the_limit_is_refused(installation: Installation) -> None:
    """Larger ones go by command; half a million numbers fit."""
    answer = caller(installation).send("POST", "/number-files/reassigned", b"1" * ((8 << 20) + 1))
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
