"""kill -9 of the process that takes Twilio's requests, while people say STOP over HTTP: every 2xx is an opt-out."""

import asyncio
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from urllib.parse import urlencode

from sender.settings import Settings
from tests.chaos.crew import start
from tests.chaos.house import ACCOUNT, LINE, TOKEN, House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import kept
from tests.chaos.settle import judged, recover
from tests.waiting import eventually
from web.receiver import serve
from web.signature import signature

STOPS_A_KILL = 10
PHONES = 6
PATH = "/hooks/twilio/inbound"
WAYS = ("STOP", "please stop texting me", "Arrêtez", "take me off your list")
TRIES = 200


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` kills with ten STOPs each; what got no 2xx is brought again, as Twilio does."""
    with house(place.folder, place.database_url) as made:
        numbers = made.people(size * STOPS_A_KILL)
        ids = made.messages(numbers, made.campaign())
        texts = [(f"SM{number:032x}", made.numbers[number], dice.choice(WAYS)) for number in numbers]
        heard, again = _under_fire(made, texts, size, dice)
        found = kept(made, [[(sid, "inbound") for sid in heard]])
        recover(made)
        taken = made.taken(ids)
        texted = [f"{taken} people were texted after their STOP"] if taken else []
        lost = [] if len(heard) == len(texts) else [f"{len(texts) - len(heard)} STOPs were never answered"]
        result = Round(broken=judged(made, found + texted + lost, settled=True))
        result.counts += {"kills": size, "STOPs": len(texts), "brought again": again, "texts": len(ids)}
        return result


def _under_fire(made: House, texts: list[tuple[str, str, str]], kills: int, dice: Random) -> tuple[list[str], int]:
    """Bring every STOP until it is answered, while the process that answers is killed and started again."""
    heard: list[str] = []
    tries: list[int] = []
    hooks = _hooks(made.settings)
    with ThreadPoolExecutor(PHONES) as phones:
        said = [phones.submit(_say, made.settings, text, heard, tries) for text in texts]
        for kill in range(kills):
            wanted = kill * STOPS_A_KILL + dice.randrange(1, STOPS_A_KILL)
            eventually(lambda wanted=wanted: len(heard) >= wanted, 60)
            hooks.kill()
            hooks.join()
            hooks = _hooks(made.settings)
        for one in said:
            one.result()
    hooks.kill()
    hooks.join()
    return heard, sum(tries) - len(texts)


def _hooks(settings: Settings) -> Any:
    return start(answer, settings)


def answer(settings: Settings) -> None:
    """Take requests until killed."""
    asyncio.run(serve(runtime_of(settings)))


def _say(settings: Settings, text: tuple[str, str, str], heard: list[str], tries: list[int]) -> None:
    for turn in range(TRIES):
        if _post(settings, text):
            heard.append(text[0])
            tries.append(turn + 1)
            return
        threading.Event().wait(0.05)


def _post(settings: Settings, text: tuple[str, str, str]) -> bool:
    sid, number, words = text
    form = {"MessageSid": sid, "AccountSid": ACCOUNT, "From": number, "To": LINE, "Body": words, "NumMedia": "0"}
    url = settings.hooks_address + PATH
    headers = {"X-Twilio-Signature": signature(TOKEN, url, form).decode()}
    request = urllib.request.Request(url, urlencode(form).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answered:
            return bool(200 <= answered.status < 300)
    except OSError:
        return False
