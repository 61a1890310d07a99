"""An installation with something behind every address of the pages: people, campaigns, files, replies, phones."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guards import CHAIN
from sender.audience.importing import uploads
from sender.clock import Clock
from sender.crypto import make_keys
from sender.db import Database
from sender.delivery import prepared
from sender.delivery.replies import InboundText, receive
from sender.models import ApiKey, Automation, LegalHold, OwnPhone, WebhookEndpoint
from sender.runtime import Runtime
from sender.settings import Settings
from tests.browser.signed_up import open_doors
from tests.browser.uploaded import bring_files
from tests.browser.world import NOW, fill, keep_texts
from tests.tables import give_tables
from tests.web.conftest import NoProvider

ACTOR = "ana@lumen.example"
LINE = "+12125550100"


@contextmanager
def furnished(home: Path, words: str = "is this still on?") -> Iterator[Runtime]:
    """Make it; people write back in these words."""
    settings = Settings(_env_file=None, home=home, twilio_base_url="http://127.0.0.1:9", public_url="http://localhost")  # type: ignore[call-arg]
    db = Database(settings.database)
    give_tables(db)
    runtime = Runtime(settings, db, make_keys(home), Clock(), CHAIN, NoProvider())
    with db.write() as session:
        fill(session, runtime)
    keep_texts(runtime)
    bring_files(runtime, 1)
    open_doors(runtime, ACTOR)
    file = f'phone,{words[:4]}name,"{words.replace(chr(34), 2 * chr(34))}"\n+12125550100,{words[:4]}Ana,x\n'
    uploads.take_in(runtime, f"{words}.csv", io.BytesIO(file.encode()), ACTOR)
    for place, body in enumerate((words, f"not sure i want these any more {words}")):
        receive(runtime, InboundText(sid=f"SM{place:032x}", body=body, from_=f"+1212555010{place}", to=LINE))
    prepared.keep(runtime, 1, "auto", "HOURS", f"Lumen & Co: nine to five. {words}", ACTOR)
    with db.write() as session:
        phone = OwnPhone(owner=ACTOR, number_id=1, program_id=1, label=words, created_at=NOW, verified_at=NOW)
        session.add(phone)
        session.add(Automation(program_id=1, name=words, trigger="bought", created_by=ACTOR, created_at=NOW))
        secret = runtime.keys.wrap(b"whsec")
        hook = WebhookEndpoint(url="https://hooks.example.org", description=words, secret_cipher=secret, created_at=NOW)
        hook.created_by, hook.events, hook.programs = ACTOR, ["reply.received"], []
        session.add(hook)
        key = ApiKey(public_id="0000000000", secret_hash=words, name=words, created_by=ACTOR, created_at=NOW)
        session.add(key)
        session.add(LegalHold(number_id=9, why=words, since=NOW, placed_by=ACTOR))
    yield runtime
    db.close()
