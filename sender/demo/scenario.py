"""The story of the demo: one program, two campaigns, a Tuesday without holidays, and how fast it passes."""

from datetime import UTC, datetime, timedelta

from guards.base import Cap, Purpose
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.programs import FromNumberIn, ProgramIn
from sender.demo.places import SHARES

SEED = 20270511
ACTOR = "demo"
START = datetime(2027, 5, 11, 11, 30, tzinfo=UTC)
"""07:30 in New York, where the law lets texts in from eight on; no holiday in any place of the demo."""

SECOND_START = START + timedelta(hours=5, minutes=30)
FIRST_END = START + timedelta(hours=17)
SECOND_END = START + timedelta(hours=17, minutes=30)
"""Half past nine in the evening in Los Angeles: the last opening hours of the day are over everywhere."""
LATEST = timedelta(hours=12)
"""A slow machine may start a campaign that much later without asking a person."""

CAP_HOURS = 8
SHORTEST_DAY, LONGEST_DAY = 70.0, 120.0
"""Real seconds in which 24 hours would pass; the story takes seventeen and a half."""
DAY_PER_PREPARATION = 3.5
"""A machine that takes longer over file, import and rehearsal gets so many times as long for the day itself."""

PROGRAM = "harbour-club"
SERVICE = "MG" + "0a" * 16
ALPHANUMERIC = "HARBOUR"
SERVICE_SENDERS = ("+18455550100", "+15185550101", "+18005550199")
LONG_CODES = {
    "CA": "+12505550100",
    "GB": "+447400129900",
    "DE": "+4915123990001",
    "IN": "+918123990001",
    "AU": "+61412399001",
    "BR": "+5511961239901",
}
SERVICE_RATE, LONG_CODE_RATE = 400.0, 80.0

FIRST_CODE, SECOND_CODE = "WAVE20", "LASTCUP"
FIELDS = {"first_name": None, "tier": "none"}
"""What the texts may name; people without a name get the text without one."""

NAME = "{% if first_name %} {{ first_name | title }}{% endif %}"


def program() -> ProgramIn:
    """The club: one text in eight hours at most, a from_number for each country."""
    lines = [
        FromNumberIn("US", SERVICE, "messaging_service", rate=SERVICE_RATE),
        FromNumberIn("FR", ALPHANUMERIC, "alphanumeric", rate=LONG_CODE_RATE),
        *(FromNumberIn(country, number, rate=LONG_CODE_RATE) for country, number in LONG_CODES.items()),
    ]
    return ProgramIn(
        slug=PROGRAM,
        brand="Harbour Coffee",
        help_contact="hello@harbour.example",
        purposes=[Purpose.MARKETING],
        countries=list(SHARES),
        from_numbers=lines,
        caps=[Cap(limit=1, hours=CAP_HOURS)],
        wordings={
            "help": "Harbour Coffee: offers for club members, at most two a day. Write to hello@harbour.example.",
            "stop": "Harbour Coffee: you get no more texts from us. Reply START to come back.",
        },
    )


def first_campaign() -> CampaignIn:
    """Two thirds of the people, each once: who is gold and speaks Spanish is in two segments and gets one text."""
    return CampaignIn(
        "A fifth off today",
        PROGRAM,
        [
            VariantIn(
                "Spanish",
                {"any": [{"field": "language", "is": "es"}, {"field": "language", "starts_with": "es-"}]},
                f"¡Hola{NAME}! Hoy tu café cuesta 20% menos en Harbour Coffee. Clave: WAVE20.",
                FIELDS,
            ),
            VariantIn(
                "French",
                {"any": [{"field": "language", "is": "fr"}, {"field": "language", "starts_with": "fr-"}]},
                f"Bonjour{NAME}, 20% sur votre café aujourd'hui chez Harbour Coffee. Code : WAVE20.",
                FIELDS,
            ),
            VariantIn(
                "Gold and silver",
                {"field": "attributes.tier", "in": ["gold", "silver"]},
                "{% if tier == 'gold' %}Gold first{% else %}Good news{% endif %}"
                "{% if first_name %}, {{ first_name | title }}{% endif %}: "
                "20% off any drink at Harbour Coffee today. Show WAVE20.",
                FIELDS,
            ),
        ],
        end_at=FIRST_END,
    )


def second_campaign() -> CampaignIn:
    """The gold members again, some hours later: the cap holds each back until evening, if that is early enough."""
    gold = {"field": "attributes.tier", "is": "gold"}
    template = f"The last cup of the day is on us{NAME}! Show LASTCUP at any Harbour Coffee."
    return CampaignIn("Last cup for gold", PROGRAM, [VariantIn("Gold", gold, template, FIELDS)], end_at=SECOND_END)


def speed_for(preparations: float) -> float:
    """Virtual seconds in a real one, on a machine whose preparations took so many seconds."""
    return 86_400 / max(SHORTEST_DAY, min(LONGEST_DAY, DAY_PER_PREPARATION * preparations))
