"""Sixteen threads in four processes race for the same people in parallel campaigns: the cap holds, and is used."""

from collections import Counter
from random import Random

from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver
from tests.chaos.house import house
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.waiting import eventually

CAP = 2
CAMPAIGNS = 4
PROCESSES, THREADS = 4, 4


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` people, four campaigns to each, two texts a day."""
    with house(place.folder, place.database_url) as made:
        made.set_cap(CAP)
        numbers = made.people(size)
        ids = [one for _ in range(CAMPAIGNS) for one in made.messages(numbers, made.campaign())]
        told = CONTEXT.Event()
        seed = dice.randrange(1000)
        work = [(deliver, made.settings, ids, seed + 10 * place, THREADS, told) for place in range(PROCESSES)]
        with crew(work) as children:
            eventually(lambda: not made.statuses()["queued"], 900)
            told.set()
            for child in children:
                child.join(30)
        raced = len(made.accepted())
        recover(made)
        texts = Counter(entry["to"] for entry in made.accepted())
        over = [f"somebody got {count} texts" for count in texts.values() if count > CAP]
        under = [f"somebody got {texts[to]} texts" for to in made.numbers.values() if texts[to] < CAP]
        counts = Counter({"numbers": size, "texts": texts.total(), "of them raced": raced})
        return Round(counts, broken=judged(made, over + under))
