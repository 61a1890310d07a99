"""The many ways in which real files write one phone number, and what they write where there is none."""

from random import Random

CALLING_CODES = {"US": "1", "CA": "1", "GB": "44", "FR": "33", "DE": "49", "IN": "91", "AU": "61", "BR": "55"}
BY_00 = frozenset({"GB", "FR", "DE", "IN"})
"""Countries where 00 and nothing else stands before an international number."""

GARBAGE = (
    "n/a",
    "unknown",
    "call after 6 pm",
    "ask Maria",
    "5.55123E+09",
    "12345",
    "555-0199",
    "+1 000 555 0100",
    "+44 7400 12",
    "212 555 0100 or 212 555 0101",
    "(404) 555-0100 ext. 12",
    "see note",
    "+999 123 456 789",
    "07400 120 123 456 789",
)


def spell(number: str, country: str, rng: Random) -> str:
    """One of the spellings of an E.164 number that a file with a country column may hold."""
    national = number.removeprefix("+" + CALLING_CODES[country])
    return rng.choice(_north_american(national) if country in ("US", "CA") else _elsewhere(national, country))


def with_code(number: str, country: str, rng: Random) -> str:
    """A spelling that needs no country beside it."""
    code = CALLING_CODES[country]
    national = number.removeprefix("+" + code)
    return rng.choice((number, f"+{code} {national}", f"'{number}", f"+{code}\u00a0{national[:3]}\u00a0{national[3:]}"))


def _north_american(national: str) -> tuple[str, ...]:
    area, office, line = national[:3], national[3:6], national[6:]
    return (
        f"+1{national}",
        f"({area}) {office}-{line}",
        f"{area}-{office}-{line}",
        f"{area}.{office}.{line}",
        f"1-{area}-{office}-{line}",
        f"+1 {area} {office} {line}",
        f" {national} ",
        f"'+1{national}",
        f"{area}\u00a0{office}\u2011{line}",
    )


def _elsewhere(national: str, country: str) -> tuple[str, ...]:
    code, half = CALLING_CODES[country], len(national) // 2
    first, second = national[:half], national[half:]
    plain = (f"+{code}{national}", f"+{code} {first} {second}", f"'+{code}{national}")
    if country == "BR":
        return (*plain, f"({national[:2]}) {national[2:-4]}-{national[-4:]}")
    own = (*plain, f"0{national}", f"0{first} {second}", f"0{first}-{second}")
    return (*own, f"00{code} {national}") if country in BY_00 else own
