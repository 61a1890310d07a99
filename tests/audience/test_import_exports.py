"""Exports of other systems: recognised, read with the mess they have, and their consent columns not over-read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guards.base import Purpose
from sender.audience.importing.columns import understand
from sender.audience.importing.exports import known, recognise
from sender.audience.importing.formats import open_table
from sender.audience.importing.options import Attestation, ImportOptions
from sender.audience.importing.reading import rows, sniff
from sender.audience.importing.rows import Judge, Refused, Taken

EXPORTS = Path(__file__).parent / "data" / "exports"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA, BEN, CLEO, DAN = (f"+1415555010{n}" for n in (1, 2, 3, 4))


def read(name: str) -> dict[str, Taken | Refused]:
    """Each row of a fixture by its number, or by the code and line it is refused with."""
    options = ImportOptions(program_id=1, region="US", purpose=Purpose.MARKETING)
    with open_table(EXPORTS / f"{name}.csv") as table:
        records = rows(table.file, sniff(table.file))
        header = next(records)
        columns = understand(header.cells or [], {})
        assert columns.export is not None
        assert columns.export.name == name
        judge = Judge(columns, options, frozenset({Purpose.MARKETING}), NOW)
        judged = [judge.judge(record) for record in records]
    return {row.phone.e164 if isinstance(row, Taken) else f"{row.code} {row.line}": row for row in judged}


def judged(folder: Path, text: str, **options: Any) -> dict[str, Taken | Refused]:
    """The same of a text."""
    (folder / "people.csv").write_text(text)
    wanted = ImportOptions(program_id=1, region="US", purpose=Purpose.MARKETING, **options)
    with open_table(folder / "people.csv") as table:
        records = rows(table.file, sniff(table.file))
        judge = Judge(understand(next(records).cells or [], {}), wanted, frozenset({Purpose.MARKETING}), NOW)
        found = [judge.judge(record) for record in records]
    return {row.phone.e164 if isinstance(row, Taken) else f"{row.code} {row.line}": row for row in found}


def said(rows_: dict[str, Taken | Refused]) -> dict[str, str]:
    """What each row says of consent: its kind and level, "uncovered", or nothing."""
    told = {}
    for key, row in rows_.items():
        consent = row.consent if isinstance(row, Taken) else None
        uncovered = isinstance(row, Taken) and row.uncovered
        told[key] = f"{consent.kind} {consent.level}" if consent else "uncovered" if uncovered else ""
    return told


@pytest.mark.parametrize("name", [export.name for export in known()])
def test_every_export_is_recognised_by_its_own_fixture(name: str) -> None:
    """Each of the eight has a file in its shape, and says in words what its consent columns mean."""
    with open_table(EXPORTS / f"{name}.csv") as table:
        header = next(rows(table.file, sniff(table.file))).cells or []
    found = recognise(header)
    assert found is not None
    assert found.name == name
    assert len(found.means) > 40


def test_shopify_consents_by_its_sms_column_only() -> None:
    """A yes beside an empty phone is not one for the delivery address's phone, and a no is not an opt-out."""
    found = read("shopify")
    assert said(found) == {
        ADA: "opt_in express",
        BEN: "uncovered",
        CLEO: "",
        "+442079460104": "opt_in express",
        "not_a_number 7": "",
    }
    ben = found[BEN]
    assert isinstance(ben, Taken)
    assert (ben.contact["postal_code"], ben.attributes["city"]) == ("76701", "Waco")


def test_klaviyo_consents_by_its_sms_columns_only() -> None:
    """E-mail consent is passed over, never subscribed is nothing, unsubscribed is an opt-out."""
    assert said(read("klaviyo")) == {
        ADA: "opt_in express",
        BEN: "",
        CLEO: "opt_out none",
        "not_a_number 5": "",
    }


SMS_OF_MAILCHIMP = (
    "Email Address,MEMBER_RATING,LEID,EUID,SMS Phone Number,{name}\n"
    "a@b.c,2,1,x,+14155550101,Subscribed\n"
    "a@b.c,2,2,x,+14155550102,Unsubscribed\n"
    "a@b.c,2,3,x,+14155550103,Transactional\n"
    "a@b.c,2,4,x,+14155550104,Pending\n"
)


@pytest.mark.parametrize("name", ["SMS Subscription Status", "SMS Marketing Status"])
def test_mailchimps_status_of_texts_counts_where_it_stands(tmp_path: Path, name: str) -> None:
    """Who is transactional or has not confirmed did not agree to marketing, unsubscribed is an opt-out."""
    found = said(judged(tmp_path, SMS_OF_MAILCHIMP.format(name=name)))
    assert found == {ADA: "opt_in express", BEN: "opt_out none", CLEO: "", DAN: ""}


@pytest.mark.parametrize("name", ["Status", "SMS Marketing Consent", "Subscription Status", "sms_opt_in_state"])
def test_unsubscribed_is_an_opt_out_in_a_column_nobody_knows(tmp_path: Path, name: str) -> None:
    """Somebody attests to a whole file: whoever stands in it as unsubscribed gets no standing and is out."""
    text = f"phone,{name},Email status\n{ADA},SUBSCRIBED,unsubscribed\n{BEN},UNSUBSCRIBED,\n{CLEO},Opted-Out,\n"
    attested = Attestation("shop", "Text me", "Ana", datetime(2026, 1, 2, tzinfo=UTC))
    found = said(judged(tmp_path, text, attestation=attested))
    assert found == {ADA: "opt_in express_written", BEN: "opt_out none", CLEO: "opt_out none"}


@pytest.mark.parametrize(
    "header", ["Customer ID,Accepts Email Marketing,Total Spent,Total Orders,Phone", "Record ID,Email,Phone Number"]
)
def test_an_id_of_many_digits_is_nobodys_number(tmp_path: Path, header: str) -> None:
    """Records of today are counted in tens of thousands of millions: their ids are left out, and the rows are taken."""
    empty = "," * header.count(",")
    found = judged(tmp_path, f"First Name,Last Name,{header}\nAda,Miller,12125550107{empty}{ADA}\n")
    assert said(found) == {ADA: ""}


def test_mailchimp_gives_nobody_standing() -> None:
    """Its opt-in times are about e-mail."""
    assert said(read("mailchimp")) == {ADA: "", BEN: "", "not_a_number 4": ""}


def test_hubspot_prefers_the_mobile_number_and_reads_no_consent_from_billing() -> None:
    """The second phone column is used where the first is empty; an extension beside a good number harms nothing."""
    found = read("hubspot")
    assert said(found) == {ADA: "", BEN: "", "not_a_number 4": "", "+14155550105": ""}


def test_salesforce_opt_outs_count_for_every_number_of_the_person() -> None:
    """Do not call and the mobile opt-out stop the text; the opt-out from e-mail does not."""
    found = read("salesforce")
    assert said(found) == {ADA: "", BEN: "", CLEO: "opt_out none", DAN: "opt_out none"}
    cleo = found[CLEO]
    assert isinstance(cleo, Taken)
    assert [phone.e164 for phone in cleo.others] == ["+14155550113"]


def test_an_address_book_is_no_consent() -> None:
    """Google's several numbers become one that can be texted; notes with somebody else's number are left out."""
    found = read("google_contacts")
    assert said(found) == {ADA: "", BEN: "", "not_a_number 4": ""}
    ada = found[ADA]
    assert isinstance(ada, Taken)
    assert (ada.attributes["first_name"], ada.attributes["last_name"]) == ("Ada", "Miller")


def test_a_message_log_only_tells_who_opted_out() -> None:
    """Error 21610 is an opt-out; delivered and failed texts say nothing, and inbound ones are not about our number."""
    assert said(read("twilio")) == {ADA: "", BEN: "opt_out none", "not_outbound 4": "", DAN: ""}


def test_attentive_joins_and_opt_outs_count_and_other_events_do_not() -> None:
    """The event that may be about e-mail gives nobody standing."""
    assert said(read("attentive")) == {
        ADA: "opt_in express",
        "+14155550102": "",
        CLEO: "",
        DAN: "opt_out none",
        "not_a_number 6": "",
    }
