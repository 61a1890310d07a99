"""The world outside: the simulator's configuration, and how each invented person's phone behaves."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from sender.demo import scenario
from sender.demo.people import Person

PLAIN_STOPS = ("STOP", "stop", "Stop please", "Unsubscribe", "ARRET", "please stop texting me", "BAJA", "remove me",
               "STOPP", "no more texts", "QUIT", "SAIR", "take me off your list")  # fmt: skip
UNCLEAR_STOPS = ("Not interested", "no thanks", "spam")
"""Words that any person takes for a stop, while a machine may want one to read them."""

STOPPING = 0.02
LATE_SHARE = 0.08
"""The part of the gold members here who say stop only after the second campaign was planned for them."""
LATE_COUNTRIES = ("US", "CA")
LATE_HOURS = (6.0, 7.7)
COMING_BACK = 0.05
SEED = 7
LOST_RECEIPTS = 0.002
FAULTS = {"500_after": 0.005, "drop_after": 0.005}


def simulator_config(people: Sequence[Person], token: str, account: str, address: str, speed: float) -> dict[str, Any]:
    """The configuration file of the simulator for these people; ``address`` is where our hooks answer.

    Its delays are real seconds; ``speed`` turns the hours in which some people take their time into these.
    """
    inbound = f"{address}/hooks/twilio/inbound#rc=5&rp=all"
    numbers = [{"number": number, "kind": "long_code", "rate": 500, "inbound_url": inbound}
               for number in (*scenario.SERVICE_SENDERS, *scenario.LONG_CODES.values())]  # fmt: skip
    return {
        "account_sid": account,
        "auth_token": token,
        "seed": SEED,
        "numbers": [*numbers, {"number": scenario.ALPHANUMERIC, "kind": "alphanumeric", "rate": 500}],
        "services": [
            {
                "sid": scenario.SERVICE,
                "senders": list(scenario.SERVICE_SENDERS),
                "rate": 2000,
                "inbound_url": inbound,
            }
        ],
        "latency": {"mean": 0.12, "spread": 0.08},
        "phones": {
            "undelivered_share": 0.015,
            "landline_share": 0.008,
            "stop_texts": [*PLAIN_STOPS, *UNCLEAR_STOPS],
            "sent_delay": [0.15, 0.3],
            "delivery_delay": [0.2, 0.8],
            "reply_delay": [0.4, 2.5],
            "known": dict(_behaviours(people, speed, Random(SEED))),
        },
        "callbacks": {
            "duplicated": 0.01,
            "reversed": 0.01,
            "early": 0.003,
            "forever_sent": 0.003,
            "lost": LOST_RECEIPTS,
        },
        "faults": {"shares": FAULTS},
    }


def _behaviours(people: Sequence[Person], speed: float, rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Who says stop, how and when, and whose number the provider refuses; everybody else is drawn by the simulator."""
    reached = [person for person in people if person.may_be_texted]
    # France is texted from a name, which nobody can answer.
    able = [person for person in reached if person.city.country != "FR"]
    gold = [one for one in able if one.tier == "gold" and one.city.country in LATE_COUNTRIES]
    late = rng.sample(gold, round(len(gold) * LATE_SHARE))
    for place, person in enumerate(late):
        words = UNCLEAR_STOPS if place % 2 else PLAIN_STOPS
        yield (
            person.number,
            {"reply": rng.choice(words), "reply_delay": round(rng.uniform(*LATE_HOURS) * 3600 / speed, 2)},
        )
    others = sorted(set(able) - set(late), key=lambda person: person.number)
    rng.shuffle(others)
    soon = max(0, round(len(reached) * STOPPING) - len(late))
    for place, person in enumerate(others[:soon]):
        back = {"then": "START"} if place < soon * COMING_BACK else {}
        yield person.number, {"reply": rng.choice((*PLAIN_STOPS, *PLAIN_STOPS, *UNCLEAR_STOPS)), **back}
    for person in others[soon : soon + round(len(reached) * 0.006)]:
        yield person.number, {"outcome": "refused", "error_code": rng.choice((21614, 21211))}
