"""The baseline of sending: Twilio's SDK with its default client, as its own examples use it, in so many threads.

It asks nobody for consent, keeps no record and would lose and double texts in a crash: it is what is left without us.
"""

import csv
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from twilio.rest import Client

from sender.bench.child import Work

TEXT = "Larkfield: Hello {name}, 20 % off today. Reply STOP to opt out"


def prepare(url: str, account: str, token: str, from_number: str, contacts: str, count: int, threads: int) -> Work:
    """The work of sending ``count`` texts to the first people of the file."""
    client = Client(account, token, environment={"TACTFUL": "1"})
    client.api.base_url = url
    with Path(contacts).open(encoding="utf-8", newline="") as file:
        people = [(row["phone"], row["first_name"]) for row in islice(csv.DictReader(file), count)]

    def send(person: tuple[str, str]) -> None:
        number, name = person
        client.messages.create(to=number, from_=from_number, body=TEXT.format(name=name))

    def loop() -> int:
        for person in people:
            send(person)
        return len(people)

    def pool() -> int:
        with ThreadPoolExecutor(threads) as executor:
            return len(list(executor.map(send, people)))

    return loop if threads == 1 else pool
