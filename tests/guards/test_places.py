"""Places: every source adds, none overrules, and nothing of the number itself stays in the evidence."""

import re
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.phonemetadata import PhoneMetadata

from guards import rules
from guards.base import Places
from guards.places import places_of
from guards.zones import country_zones, table

NY, CH, DE, LA, PH = (f"America/{city}" for city in ("New_York", "Chicago", "Denver", "Los_Angeles", "Phoenix"))


def american(region: str) -> set[str]:
    """Return all area codes that libphonenumber's metadata gives a region, read off its national number pattern."""
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    pattern = re.compile(str(metadata.general_desc.national_number_pattern))
    return {code for code in map(str, range(200, 1000)) if pattern.fullmatch(f"{code}5550100")}


def test_every_us_area_code_has_an_entry() -> None:
    """Each code that carries ordinary US numbers is in the table; toll-free and personal codes have no place."""
    ordinary = {
        code
        for code in american("US")
        if phonenumbers.number_type(phonenumbers.parse(f"+1{code}2345678"))
        == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
        and phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{code}2345678")) == "US"
    }
    missing = ordinary - set(table().area_codes)
    assert not missing
    assert len(ordinary) > 300


def test_every_line_of_the_table_is_sound() -> None:
    """Codes have rules, zones exist, and a state's area codes name no zone the state does not have."""
    for code, (places, zones) in table().area_codes.items():
        assert places, code
        assert zones, code
        for place in places:
            assert rules.on(place, rules.date(2026, 11, 23))
            if place in table().states:
                assert set(zones) & set(table().states[place]), code
        assert all(ZoneInfo(zone) for zone in zones)


SPLIT = [
    ("850", "US-FL", {CH, NY}), ("448", "US-FL", {CH, NY}), ("219", "US-IN", {CH, NY}), ("574", "US-IN", {CH, NY}),
    ("765", "US-IN", {CH, NY}), ("812", "US-IN", {CH, NY}), ("930", "US-IN", {CH, NY}), ("270", "US-KY", {CH, NY}),
    ("364", "US-KY", {CH, NY}), ("606", "US-KY", {CH, NY}), ("423", "US-TN", {CH, NY}), ("931", "US-TN", {CH, NY}),
    ("906", "US-MI", {CH, NY}), ("701", "US-ND", {CH, DE}), ("605", "US-SD", {CH, DE}), ("308", "US-NE", {CH, DE}),
    ("402", "US-NE", {CH, DE}), ("620", "US-KS", {CH, DE}), ("785", "US-KS", {CH, DE}), ("208", "US-ID", {DE, LA}),
    ("986", "US-ID", {DE, LA}), ("541", "US-OR", {DE, LA}), ("458", "US-OR", {DE, LA}), ("775", "US-NV", {DE, LA}),
    ("915", "US-TX", {CH, DE}), ("928", "US-AZ", {DE, PH}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "place", "zones"), SPLIT)
def test_a_split_area_code_has_both_zones(code: str, place: str, zones: set[str]) -> None:
    """Area codes that straddle a zone line, where libphonenumber names one zone, have two."""
    places = places_of(f"+1{code}5550100")
    assert (places.codes, set(places.zones)) == ((place,), zones)


@pytest.mark.parametrize(
    ("number", "declared", "codes", "zones"),
    [
        ("+12125550100", {}, ("US-NY",), (NY,)),
        ("+12125550100", {"postal_code": "90210"}, ("US-CA", "US-NY"), (LA, NY)),
        ("+12125550100", {"postal_code": "90210-1234"}, ("US-CA", "US-NY"), (LA, NY)),
        ("+12125550100", {"postal_code": "79901", "state": "TX"}, ("US-NY", "US-TX"), (DE, NY)),
        ("+12125550100", {"state": "tx"}, ("US-NY", "US-TX"), (CH, DE, NY)),
        ("+12125550100", {"state": "US-FL"}, ("US-FL", "US-NY"), (CH, NY)),
        ("+12125550100", {"state": "Florida"}, ("US-FL", "US-NY"), (CH, NY)),
        ("+12125550100", {"zone": "Pacific/Honolulu"}, ("US-NY",), (NY, "Pacific/Honolulu")),
        ("+12125550100", {"country": "de"}, ("DE", "US-NY"), (NY, "Europe/Berlin", "Europe/Busingen")),
        ("+12125550100", {"country": "DE", "postal_code": "10115"}, ("DE", "US-NY"), None),
        ("+14165550100", {"postal_code": "m5v 2t6"}, ("CA-ON",), ("America/Toronto",)),
        ("+14165550100", {"postal_code": "V5K0A1"}, ("CA-BC", "CA-ON"), None),
        ("+17875550100", {}, ("US-PR",), ("America/Puerto_Rico",)),
        ("+12425550100", {}, ("BS",), ("America/Nassau",)),
        ("+12125550100", {"postal_code": "89883"}, ("US-NV", "US-NY"), (DE, NY)),
        ("+33612345678", {}, ("FR",), ("Europe/Paris",)),
        ("+33612345678", {"postal_code": "75001"}, ("FR",), ("Europe/Paris",)),
        ("+33612345678", {"postal_code": "97400"}, ("FR", "RE"), ("Europe/Paris", "Indian/Reunion")),
        ("+33612345678", {"postal_code": " 98714 "}, ("FR", "PF"), None),
        ("+33612345678", {"postal_code": "97900"}, ("FR",), ("Europe/Paris",)),
        ("+4532123456", {"postal_code": "3900"}, ("DK", "GL"), None),
        ("+4532123456", {"postal_code": "2100"}, ("DK",), ("Europe/Copenhagen",)),
        ("+4532123456", {"postal_code": "97400"}, ("DK",), ("Europe/Copenhagen",)),
        ("+12125550100", {"postal_code": "97400", "country": "FR"}, ("FR", "RE", "US-NY"), None),
        ("+33612345678", {"postal_code": "10001", "country": "US"}, ("FR", "US-NY"), (NY, "Europe/Paris")),
        ("+8613812345678", {}, ("CN",), ("Asia/Shanghai",)),
        ("+447700900123", {}, ("GB",), ("Europe/London",)),
        ("nonsense", {}, (), ()),
    ],
)
def test_every_source_adds(
    number: str, declared: dict[str, str], codes: tuple[str, ...], zones: tuple[str, ...] | None
) -> None:
    """Area code, postal code, state, zone and country each add their places; foreign postal codes are not misread."""
    places = places_of(number, **declared)
    assert places.codes == codes
    assert zones is None or places.zones == zones


@pytest.mark.parametrize("number", ["+18005550100", "+18335550100", "+15005550100", "+19005550100"])
def test_a_number_without_a_place_may_be_anywhere(number: str) -> None:
    """Toll-free and personal numbers get all zones of the fifty states, from New York to Adak and Honolulu."""
    places = places_of(number)
    assert places.codes == ("US",)
    assert {NY, CH, DE, PH, LA, "America/Adak", "America/Anchorage", "Pacific/Honolulu"} == set(places.zones)
    assert places.evidence == ((f"area_code:{number[2:5]}", "anywhere in the United States"),)


def test_a_declared_address_places_a_toll_free_number() -> None:
    """Where only the address is known, it alone counts; a zone leaves the state open but not the clock."""
    assert places_of("+18005550100", postal_code="10001").codes == ("US-NY",)
    by_zone = places_of("+18005550100", zone=CH)
    assert (by_zone.codes, by_zone.zones) == (("US",), (CH,))


def test_a_soldier_may_be_anywhere() -> None:
    """A military postal code adds the whole country rather than nothing."""
    assert set(places_of("+12125550100", postal_code="09009").codes) == {"US", "US-NY"}


@pytest.mark.parametrize(
    ("number", "some"),
    [
        ("+61412345678", {"Australia/Perth", "Australia/Sydney", "Australia/Brisbane"}),
        ("+5511961234567", {"America/Sao_Paulo", "America/Manaus", "America/Rio_Branco"}),
        ("+525512345678", {"America/Mexico_City", "America/Tijuana", "America/Cancun"}),
        ("+79123456789", {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"}),
        ("+6281234567890", {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}),
        ("+34612345678", {"Europe/Madrid", "Atlantic/Canary"}),
        ("+77012345678", {"Asia/Almaty", "Asia/Aqtau"}),
    ],
)
def test_a_mobile_number_has_all_zones_of_its_country(number: str, some: set[str]) -> None:
    """Nothing in a mobile number of a wide country says which coast its owner lives on."""
    assert some <= set(places_of(number).zones)


def test_the_country_table_covers_the_phone_system() -> None:
    """Every region libphonenumber can name has zones, so that no known country is blocked as unknown."""
    lacking = {region for region in phonenumbers.SUPPORTED_REGIONS if not country_zones(region)}
    assert lacking <= {"AC", "TA", "XK"}


@pytest.mark.parametrize("territory", ["PR", "VI", "GU", "MP", "AS"])
def test_in_a_territory_a_zip_is_read(territory: str) -> None:
    """Whoever declares one and a ZIP of another state may be in either."""
    places = places_of("+442079460000", country=territory, postal_code="10001")
    assert {f"US-{territory}", "US-NY"} <= set(places.codes)


def test_canada_has_the_zones_of_its_provinces_and_no_others() -> None:
    """An area code that names only the country stands for all of it."""
    provinces = {zone for code, zones in table().states.items() if code.startswith("CA-") for zone in zones}
    assert set(country_zones("CA")) == set(table().area_codes["600"][1]) == provinces
    northern = {zone for code in ("CA-NT", "CA-NU", "CA-YT") for zone in table().states[code]}
    assert set(table().area_codes["867"][1]) == northern


@pytest.mark.parametrize(
    "declared", [{"zone": "Mars/Phobos"}, {"state": "Narnia"}, {"state": "France"}, {"postal_code": "EC1A"}]
)
def test_what_is_not_understood_is_said_and_adds_nothing(declared: dict[str, str]) -> None:
    """A zone, state or postal code nobody knows leaves the area code's place and a remark."""
    places = places_of("+12125550100", **declared)
    assert (places.codes, places.zones) == (("US-NY",), (NY,))
    assert places.evidence[1] == (next(iter(declared)), "not understood")


def test_a_foreign_postal_code_is_said_to_tell_no_more() -> None:
    """A postal code of a country that has no rule for them leaves the whole country, and the evidence says so."""
    places = places_of("+61412345678", postal_code="2000")
    assert places.zones == country_zones("AU")
    assert places.evidence[1] == ("postal_code", "anywhere in its country")


@given(
    st.from_regex(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True),
    st.none() | st.from_regex(r"[0-9]{5}", fullmatch=True),
    st.none() | st.text(max_size=12),
    st.none() | st.text(max_size=20),
)
def test_evidence_never_tells_the_number(
    e164: str, postal_code: str | None, state: str | None, zone: str | None
) -> None:
    """Whatever is asked, the answer holds sorted codes and real zones, and at most the area code of the number."""
    places = places_of(e164, postal_code=postal_code, state=state, zone=zone)
    assert places == Places(tuple(sorted(places.codes)), tuple(sorted(places.zones)), places.evidence)
    assert places.codes
    assert places.zones
    said = repr(places)
    assert e164[5:] not in said
    assert postal_code is None or f"'{postal_code}" not in said


@pytest.mark.parametrize(
    ("country", "codes", "evidence"),
    [
        ("PR", ("FR", "US-PR"), ("country", "US-PR America/Puerto_Rico")),
        ("DE", ("DE", "FR"), ("country", "DE Europe/Berlin Europe/Busingen")),
        ("XX", ("FR",), ("country", "not understood")),
    ],
)
def test_a_declared_country_adds_itself(country: str, codes: tuple[str, ...], evidence: tuple[str, str]) -> None:
    """The country of an address counts beside the number's; an American territory by its state's code."""
    places = places_of("+33612345678", country=country)
    assert places.codes == codes
    assert places.evidence[-1] == evidence


OVERSEAS = {
    "97100": "GP", "97200": "MQ", "97300": "GF", "97400": "RE", "97500": "PM", "97600": "YT", "97700": "BL",
    "97800": "MF", "98600": "WF", "98700": "PF", "98800": "NC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "codes"), [("+33612345678", OVERSEAS), ("+4520123456", {"3900": "GL", "3984": "GL"})]
)
def test_lands_overseas_have_their_own_postal_codes(number: str, codes: dict[str, str]) -> None:
    """Each French and Danish code of a land across the sea adds that land; others and longer ones add nothing."""
    home = places_of(number).codes
    for code, land in codes.items():
        found = places_of(number, postal_code=f" {code} ")
        assert set(found.codes) == {*home, land}
        assert found.evidence[-1] == ("postal_code", " ".join((land, *country_zones(land))))
        assert places_of(number, postal_code=f"{code}0").codes == home
    assert places_of(number, postal_code="75001").codes == home


@pytest.mark.parametrize(
    ("country", "postal_code", "place"),
    [
        ("US", "90210", "US-CA"),
        ("CA", "K1A 0B1", "CA-ON"),
        ("PR", "00901", "US-PR"),
        ("VI", "00802", "US-VI"),
        ("GU", "96910", "US-GU"),
        ("MP", "96950", "US-MP"),
        ("AS", "96799", "US-AS"),
        ("US", "96941", "FM"),
        ("US", "96960", "MH"),
        ("US", "96940", "PW"),
    ],
)
def test_a_postal_code_is_read_as_its_country_writes_it(country: str, postal_code: str, place: str) -> None:
    """An address in North America, or one that its post serves, counts beside a number from elsewhere."""
    assert place in places_of("+447400123456", postal_code=postal_code, country=country).codes


@pytest.mark.parametrize("territory", ["PR", "VI", "GU", "MP", "AS"])
def test_a_territory_is_a_place_of_its_own(territory: str) -> None:
    """Whoever lives there has its code and its zone, and somebody anywhere in the fifty states is not there."""
    there = places_of("+447400123456", country=territory)
    assert f"US-{territory}" in there.codes
    assert set(country_zones(f"US-{territory}")) <= set(there.zones)
    assert set(country_zones(f"US-{territory}")).isdisjoint(country_zones("US"))


def test_all_of_china_keeps_the_time_of_beijing() -> None:
    """The zone that nobody's law keeps is none of China's."""
    assert country_zones("CN") == ("Asia/Shanghai",)
