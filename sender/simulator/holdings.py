"""What the account holds: its phone numbers and short codes, as Twilio lists them."""

from sender.simulator.config import Kind, SimulatorConfig
from sender.simulator.messages import API

Page = dict[str, object]


def phone_numbers(config: SimulatorConfig, query: dict[str, str]) -> Page:
    """The page of IncomingPhoneNumbers that match ``PhoneNumber``, whole or in part."""
    wanted = query.get("PhoneNumber", "")
    rows: list[Page] = [
        {"sid": f"PN{place:032x}", "phone_number": one.number, "friendly_name": one.number, "sms_url": one.inbound_url}
        for place, one in enumerate(config.numbers)
        if one.kind in (Kind.LONG_CODE, Kind.TOLL_FREE) and wanted in one.number
    ]
    return _page(config, "IncomingPhoneNumbers", "incoming_phone_numbers", rows)


def short_codes(config: SimulatorConfig, query: dict[str, str]) -> Page:
    """The page of ShortCodes that match ``ShortCode``, whole or in part."""
    wanted = query.get("ShortCode", "")
    rows: list[Page] = [
        {"sid": f"SC{place:032x}", "short_code": one.number, "friendly_name": one.number, "sms_url": one.inbound_url}
        for place, one in enumerate(config.numbers)
        if one.kind is Kind.SHORT_CODE and wanted in one.number
    ]
    return _page(config, "SMS/ShortCodes", "short_codes", rows)


def prices(config: SimulatorConfig, country: str, url: str) -> Page:
    """The Pricing API's answer about a country."""
    rows = [
        {"number_type": kind, "base_price": price, "current_price": price}
        for kind, price in config.price_list[country].items()
    ]
    every = {"carrier": "any", "mcc": "000", "mnc": "00", "prices": rows}
    return {
        "country": country, "iso_country": country, "price_unit": config.currency, "url": url,
        "outbound_sms_prices": [every], "inbound_sms_prices": [],
    }  # fmt: skip


def looked_up(config: SimulatorConfig, number: str, url: str) -> Page:
    """Lookup v2's answer about a number, with its line type; a package without data says so in its own error_code."""
    kind = config.line_types.get(number, "mobile")
    intelligence = {"type": kind, "carrier_name": "Simulated", "error_code": None if kind else 60600}
    return {"phone_number": number, "valid": True, "line_type_intelligence": intelligence, "url": url}


def _page(config: SimulatorConfig, path: str, name: str, rows: list[Page]) -> Page:
    uri = f"{API}/Accounts/{config.account_sid}/{path}.json"
    account: Page = {"account_sid": config.account_sid}
    return {
        name: [{**account, **row} for row in rows], "page": 0, "page_size": 50,
        "start": 0, "end": max(0, len(rows) - 1), "uri": uri,
        "first_page_uri": uri, "next_page_uri": None, "previous_page_uri": None,
    }  # fmt: skip
