"""The baseline of a whole campaign as tutorials have it: one Dramatiq task and one row of the ORM for each text.

``python -m sender.bench.tutorial REDIS`` is one of its worker processes, with Dramatiq's eight threads and its retries.
The task looks the row up, asks whether it was sent, posts with the SDK's default client, marks it as sent. Without
consent, hours or caps; and a worker that is killed between the post and the mark sends again.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from sqlalchemy import create_engine, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from twilio.rest import Client

from sender.bench.child import Work
from sender.bench.house import ACCOUNT, FROM_NUMBER, TOKEN
from sender.bench.plain import PlainContact, PlainText
from sender.cli.common import load_settings
from sender.db import Database

THREADS = 8
QUEUED, SENT = "queued", "sent"
READY = "tutorial ready"


def prepare(redis_url: str, count: int) -> Work:
    """The work of queueing a task for each of ``count`` rows."""
    database = Database(load_settings().database)
    actor = declare(_broker(redis_url), lambda _: None)
    with database.read() as session:
        ids = session.execute(select(PlainText.id).order_by(PlainText.id).limit(count)).scalars().all()

    def work() -> int:
        for one in ids:
            actor.send(one)
        return len(ids)

    return work


def declare(broker: dramatiq.Broker, send: Callable[[int], None]) -> "dramatiq.Actor[[int], None]":
    """The one task, with every default of Dramatiq."""
    return dramatiq.actor(broker=broker, actor_name="send_text")(send)


def sender(engine: Engine, client: Client) -> Callable[[int], None]:
    """What a task does with the row of this id."""

    def send(text_id: int) -> None:
        with Session(engine) as session:
            row = session.get_one(PlainText, text_id)
            if row.status != QUEUED:
                return
            person = session.get_one(PlainContact, row.contact_id)
            client.messages.create(to=person.number, from_=FROM_NUMBER, body=row.text)
            row.status = SENT
            session.commit()

    return send


def main(redis_url: str) -> None:
    """Work until SIGTERM."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told.set())
    settings = load_settings()
    client = Client(ACCOUNT, TOKEN, environment={"TACTFUL": "1"})
    client.api.base_url = settings.twilio_base_url
    broker = _broker(redis_url)
    declare(broker, sender(create_engine(settings.database, pool_size=THREADS), client))
    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    worker.start()
    os.write(sys.stderr.fileno(), f"{READY}\n".encode())
    told.wait()
    worker.stop()


def _broker(redis_url: str) -> RedisBroker:
    return RedisBroker(client=Redis.from_url(redis_url))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(sys.argv[1])
