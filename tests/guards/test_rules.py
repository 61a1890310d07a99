"""Rule files: all there, all cited, dated, and refused with one sentence when one is wrong."""

import calendar
import re
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from guards import rules
from guards.rules import RuleFault, load
from guards.rules.days import YearlyDay, easter, public_holidays
from guards.rules.reading import Rule, read_jurisdiction

FOLDER = Path(rules.__file__).parent
STATES = re.findall(
    r"\w+",
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR "
    "PA PR RI SC SD TN TX UT VA VT WA WI WV WY",
)
COUNTRIES = re.findall(
    r"\w+",
    "AE AR AT AU BE BR CA CH CL CN CO DE DK ES EU FI FR GB HK ID IE IL IN IT JO JP KE KR KW MX MY NG NL NO NZ PH PL PT "
    "SA SE SG TH TR TW US VN ZA",
)
DAYS = 'holiday_rules = [{ name = "x", rule = "%s" }]\nsource ='
GOOD = """
id = "XX"
name = "Somewhere"

[[version]]
hours = { mon-fri = ["09:00-20:00"], sat = ["10:00-12:00", "14:00-18:00"], sun = [] }
sundays = "banned"
holidays = "allowed"
basis = "law-text"
confidence = "high"
citation = "Act 1"
source = "seen"
effective = "in force"
"""


def test_every_researched_jurisdiction_has_its_file() -> None:
    """All states, Puerto Rico, the federal row and the countries of the survey are there, and a default."""
    expected = {f"US-{state}" for state in STATES} | set(COUNTRIES) | {"default"}
    assert {path.stem for path in FOLDER.glob("*.toml")} == expected


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_rule_says_where_it_comes_from(path: Path) -> None:
    """Each version carries citation, basis, confidence and source, and some hours of the week."""
    for rule in rules.book().jurisdictions[path.stem].versions:
        assert rule.citation
        assert rule.source
        assert rule.basis in ("law-text", "law-call", "carrier", "inherit", "courtesy")
        assert rule.confidence in ("high", "medium", "low")
        assert any(rule.week)


def test_the_strictest_week_of_the_whole_country_is_the_published_one() -> None:
    """All states together leave Monday to Friday 10 to 18, Saturday 10 to 17 and no Sunday, at most 3 in 24 hours."""
    everywhere = rules.of_places(("US",), date(2026, 11, 23))
    assert len(everywhere) == len(STATES) + 1
    starts = [max((rule.week[day][0][0] for rule in everywhere if rule.week[day]), default=0) for day in range(6)]
    ends = [min(rule.week[day][0][1] for rule in everywhere) for day in range(6)]
    assert starts == [600] * 6
    assert ends == [1080] * 5 + [1020]
    assert any(not rule.week[6] for rule in everywhere)
    assert min(rule.max_per_24h for rule in everywhere if rule.max_per_24h) == 3


@pytest.mark.parametrize(
    ("code", "day", "ids"),
    [
        ("US-NY", date(2026, 11, 23), ["US", "US-NY"]),
        ("US-GU", date(2026, 11, 23), ["US"]),
        ("US-OR", date(2025, 12, 31), ["US"]),
        ("US-OR", date(2026, 1, 1), ["US", "US-OR"]),
        ("CA-ON", date(2026, 11, 23), ["CA"]),
        ("HU", date(2026, 11, 23), ["EU"]),
        ("RE", date(2026, 11, 23), ["FR"]),
        ("PY", date(2026, 11, 23), ["default"]),
        ("VN", date(2019, 1, 1), ["default"]),
    ],
)
def test_who_rules_where_and_since_when(code: str, day: date, ids: list[str]) -> None:
    """States add to the federal rule, places without a file inherit, and before its first day a rule does not count."""
    assert [rule.id for rule in rules.of_places((code,), day)] == ids


def test_past_versions_can_be_replayed() -> None:
    """Pennsylvania's holiday ban of 2019 stands before the hours of 2026, and neither before 2019."""
    old, new = rules.on("US-PA", date(2026, 10, 17)), rules.on("US-PA", date(2026, 10, 18))
    assert (old.basis, old.week[0], new.basis, new.week[0]) == ("law-call", ((480, 1260),), "law-text", ((540, 1140),))
    assert rules.on("US-PA", date(2019, 12, 2)).id == "US"


def test_a_code_nobody_knows_has_no_rules() -> None:
    """An invented country raises, so that the guard can block it."""
    with pytest.raises(KeyError):
        rules.on("XX", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (("id = \"XX\"", "id = \"YY\""), "XX.toml: id is 'YY' but the file is named XX.toml"),
        (("citation = \"Act 1\"", ""), "XX.toml: citation is missing"),
        (("\"law-text\"", "\"law\""), "XX.toml: basis is 'law'; it must be one of law-text"),
        (("09:00-20:00", "9-20"), "XX.toml: mon-fri has '9-20'; write a window as \"09:00-20:00\""),
        (("09:00-20:00", "20:00-09:00"), "XX.toml: mon-fri has '20:00-09:00', which is empty"),
        (("14:00-18:00", "11:00-18:00"), "XX.toml: sat has windows that overlap"),
        (("sat = [\"10:00-12:00\", \"14:00-18:00\"], ", ""), "XX.toml: hours says nothing of sat"),
        (("mon-fri", "mon-sat"), "XX.toml: hours names sat twice"),
        (("mon-fri", "fri-mon"), "XX.toml: hours has 'fri-mon'; use a day such as sat"),
        (("sun = []", "sun = [\"09:00-10:00\"]"), "XX.toml: hours open on Sundays while sundays = 'banned'"),
        (("holidays = \"allowed\"", "holidays = \"banned\""), "XX.toml: holidays are kept but none are named"),
        (("source =", "from = \"2026\"\nsource ="), "XX.toml: from is not a day"),
        (("source =", "from = 2026-02-01\nuntil = 2026-01-01\nsource ="), "XX.toml: until is not after `from`"),
        (("source =", "max_per_24h = 0\nsource ="), "XX.toml: max_per_24h is not a whole number"),
        (("source =", "clock = \"Mars/Phobos\"\nsource ="), "XX.toml: clock is 'Mars/Phobos', which no zone"),
        (("source =", "same_subject_only = 1\nsource ="), "XX.toml: same_subject_only is neither true nor false"),
        (("source =", "colour = \"red\"\nsource ="), "XX.toml: colour is not a field of rule files"),
        (("source =", DAYS % "02-30"), "XX.toml: holiday_rules cannot"),
        (("source =", DAYS % "mon#9/01"), "XX.toml: holiday_rules cannot"),
        (("[[version]]", "[version]"), "XX.toml: version is missing"),
        (("[[version]]", "parent = \"ZZ\"\n[[version]]"), "XX.toml: parent 'ZZ' has no file"),
        (("[[version]]", "also = \"ZZ\"\n[[version]]"), "XX.toml: also is not a list"),
        (("id = \"XX\"", "id = XX"), "XX.toml: not readable as TOML"),
        (("[[version]]", f"[[version]]\n{GOOD.split('[[version]]')[1]}\n[[version]]"), "XX.toml: version overlaps"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_its_field(tmp_path: Path, broken: tuple[str, str], sentence: str) -> None:
    """Every kind of mistake stops the load with one sentence that says which file and field to mend."""
    (tmp_path / "XX.toml").write_text(GOOD.replace(*broken, 1))
    with pytest.raises(RuleFault) as fault:
        load(tmp_path)
    assert str(fault.value).startswith(sentence)
    assert str(fault.value).endswith(".")


def test_two_files_cannot_rule_one_place(tmp_path: Path) -> None:
    """A code that two files claim is refused with the names of both."""
    (tmp_path / "XX.toml").write_text(GOOD)
    (tmp_path / "YY.toml").write_text(GOOD.replace('id = "XX"', 'id = "YY"\nalso = ["XX"]'))
    with pytest.raises(RuleFault, match=r"YY\.toml: XX is already ruled by XX\.toml"):
        load(tmp_path)


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    """The digest kept with decisions differs as soon as one word of one file does."""
    (tmp_path / "XX.toml").write_text(GOOD)
    before = load(tmp_path).version
    (tmp_path / "XX.toml").write_text(GOOD.replace("Act 1", "Act 2"))
    assert load(tmp_path).version != before


@pytest.mark.parametrize(
    ("rule", "year", "days"),
    [
        ("01-01", 2027, ["2027-01-01"]),
        ("01-01", 2028, ["2027-12-31", "2028-01-01"]),
        ("07-04", 2027, ["2027-07-04", "2027-07-05"]),
        ("mon#3/01", 2027, ["2027-01-18"]),
        ("mon#-1/05", 2027, ["2027-05-31"]),
        ("mon#-1/12", 2027, ["2027-12-27"]),
        ("thu#4/11+1", 2027, ["2027-11-26"]),
        ("mon#1/11+1@even", 2027, []),
        ("mon#1/11+1@even", 2028, ["2028-11-07"]),
        ("easter-47", 2027, ["2027-02-09"]),
        ("easter-2", 2027, ["2027-03-26"]),
    ],
)
def test_the_language_of_days(rule: str, year: int, days: list[str]) -> None:
    """Fixed days bring their weekday neighbour, weekdays are counted from either end, shifts and even years work."""
    assert sorted(day.isoformat() for day in YearlyDay("a day", rule).in_year(year)) == days


@pytest.mark.parametrize("weekday", range(7))
def test_weekdays_are_counted_as_in_a_calendar(weekday: int) -> None:
    """The first to the fourth and the last of each weekday are those of the printed months of seven years."""
    name = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[weekday]
    for year, month in product(range(2024, 2031), range(1, 13)):
        printed = [week[weekday] for week in calendar.monthcalendar(year, month) if week[weekday]]
        for nth in (1, 2, 3, 4, -1):
            day = YearlyDay("a day", f"{name}#{nth}/{month:02}").in_year(year)
            assert day == {date(year, month, printed[nth - 1 if nth > 0 else -1])}


def test_a_day_that_cannot_be_read_or_is_not_in_every_year_is_refused() -> None:
    """The sentence says how days are written; the leap day would have no date in most years."""
    with pytest.raises(ValueError, match=r"^'mon#5/01' is not MM-DD, mon#3/01 or easter-2, .+ @even where needed$"):
        YearlyDay("a day", "mon#5/01")
    with pytest.raises(ValueError, match="day"):
        YearlyDay("a day", "02-29")


@pytest.mark.parametrize(
    ("year", "day"),
    [(1961, "04-02"), (2008, "03-23"), (2025, "04-20"), (2026, "04-05"), (2038, "04-25"), (2049, "04-18")],
)
def test_easter(year: int, day: str) -> None:
    """Easter Sunday falls where the published tables put it, early, late and in the exceptional years."""
    assert easter(year).isoformat() == f"{year}-{day}"


def test_a_day_of_even_years_skips_the_odd_ones() -> None:
    """A holiday marked so is there in each even year, and in no odd one."""
    day = YearlyDay("Election Day", "mon#1/11+1@even")
    found = {year: sorted(found.isoformat() for found in day.in_year(year)) for year in range(2024, 2030)}
    assert found == {
        2024: ["2024-11-05"], 2025: [], 2026: ["2026-11-03"], 2027: [], 2028: ["2028-11-07"], 2029: [],
    }  # fmt: skip


def rule_of(**fields: str) -> Rule:
    """The one version of a made-up rule file, with these fields in place of the good ones."""
    text = GOOD
    for name, value in fields.items():
        line = rf"(?m)^{name} = .*$"
        text = re.sub(line, f"{name} = {value}", text) if re.search(line, text) else f"{text}{name} = {value}\n"
    return read_jurisdiction("XX.toml", text).versions[0]


def days_of(rule: str) -> dict[str, str]:
    """Fields that close a day."""
    return {
        "holidays": '"banned"',
        "holiday_calendar": '"XX-own"',
        "holiday_rules": f'[{{ name = "x", rule = "{rule}" }}]',
    }


@pytest.mark.parametrize(
    ("rule", "day", "closed"),
    [
        ("12-31", date(2029, 1, 1), True),
        ("12-31", date(2028, 12, 31), True),
        ("12-31", date(2028, 1, 1), False),
        ("01-01", date(2027, 12, 31), True),
        ("01-01", date(2028, 1, 1), True),
        ("01-01", date(2026, 12, 31), False),
    ],
)
def test_a_holiday_moved_across_the_new_year_closes_the_day_it_moved_to(rule: str, day: date, closed: bool) -> None:
    """A Sunday at the end of the year closes the Monday of the next, a Saturday at its beginning the Friday before."""
    assert rule_of(**days_of(rule)).closed(day) is closed


def test_a_rule_that_allows_holidays_is_open_on_them() -> None:
    """Days may be listed for people to read; only a ban closes them."""
    day = date(2026, 11, 23)
    assert rule_of(**days_of("11-23")).windows(day) == ()
    assert rule_of(**{**days_of("11-23"), "holidays": '"allowed"'}).windows(day) == ((540, 1200),)


def test_only_the_day_before_a_holiday_has_the_hours_of_an_eve() -> None:
    """Two days before are like any other; on the eve what both tables leave open is open, and nothing of no length."""
    rule = rule_of(**days_of("11-22"), eve_hours='["12:00-16:00"]')
    assert rule.windows(date(2026, 11, 20)) == ((540, 1200),)
    assert rule.windows(date(2026, 11, 21)) == ((840, 960),)
    late = rule_of(**days_of("11-22"), eve_hours='["12:30-19:00"]')
    assert late.windows(date(2026, 11, 21)) == ((840, 1080),)


@pytest.mark.parametrize("spoken", ["", "C.UTF-8", "fr_FR.UTF-8"])
def test_holidays_have_english_names_on_every_machine(monkeypatch: pytest.MonkeyPatch, spoken: str) -> None:
    """A day is closed for "National Day" whether the machine speaks no language, none in particular or French."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", spoken)
    named = public_holidays("FR", 2027)
    assert (named[date(2027, 7, 14)], named[date(2027, 5, 1)]) == ("National Day", "Labor Day")


def test_a_subdivision_has_its_countrys_holidays_and_its_own() -> None:
    """British Columbia Day is one there and not in all of Canada; what was moved closes both days; nobody's is none."""
    own, all_ = public_holidays("CA-BC", 2026), public_holidays("CA", 2026)
    assert date(2026, 8, 3) in own
    assert date(2026, 8, 3) not in all_
    assert set(all_) <= set(own)
    assert {date(2026, 12, 26), date(2026, 12, 28)} <= set(public_holidays("GB", 2026))
    assert public_holidays("XX", 2026) == {}
