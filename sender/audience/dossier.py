"""Everything on record about one number, as plain JSON values: for evidence files and the person's own export.

Local times are those of the places that counted for each text; each rule is named with its law. Of an erased number
it tells what is kept: no number, no words.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, SQLModel, col

from guards import rules
from sender.archive.past import past_of
from sender.audience.clocks import clocks_of
from sender.audience.ledger import load_standings
from sender.audience.private import data_key_of, opened
from sender.audience.records import told
from sender.crypto import Keyring, unseal
from sender.models import (
    Attempt,
    Campaign,
    ConsentEvent,
    Contact,
    Decision,
    Erasure,
    FromNumber,
    Message,
    Number,
    Program,
    Receipt,
    Reply,
    Wishes,
)

Told = dict[str, Any]
NO_WORDS = "(no longer kept)"


class Dossier:
    """Reads one number's record within one transaction; ``session`` and ``keys`` open what may be opened."""

    def __init__(self, session: Session, keys: Keyring, number_id: int) -> None:
        self.session, self.number_id = session, number_id
        self.number = session.get_one(Number, number_id)
        self.key = data_key_of(keys, self.number)
        self.slugs = dict(session.execute(select(col(Program.id), col(Program.slug))).all())
        self.contact = session.execute(select(Contact).where(col(Contact.number_id) == number_id)).scalar()
        self.e164 = unseal(self.key, self.number.cipher).decode() if self.key else ""
        self.zones = clocks_of(self.e164, self.contact)

    def identity(self) -> Told:
        """Which number, since when it is known, and whether its person was erased."""
        gone = self.session.get(Erasure, self.number_id)
        return {
            "row": self.number_id,
            "number": self.e164 or "erased",
            "country": self.number.country,
            "met_at": instant(self.number.created_at),
            "erasure_asked_at": instant(gone.asked_at) if gone else None,
            "erased_at": instant(gone.done_at) if gone and gone.done_at else None,
        }

    def record(self) -> Told:
        """The contact's fields; empty where there is none."""
        if self.contact is None:
            return {}
        names = ("language", "postal_code", "region", "zone", "attributes", "created_at", "changed_at", "import_id")
        wishes = self.session.get(Wishes, self.number_id)
        chosen = plain(wishes.model_dump(exclude={"number_id"})) if wishes else None
        return {**plain({name: getattr(self.contact, name) for name in names}), "wishes": chosen}

    def standings(self) -> list[Told]:
        """Where the number stands now, by program ("every program") and purpose."""
        return [
            plain(
                {
                    "program": self._slug(row.program_id or None),
                    "purpose": row.purpose,
                    "state": row.state,
                    "level": row.level,
                    "since": row.as_of,
                    "lapses_at": row.lapses_at,
                    "event": row.event_id,
                }
            )
            for row in load_standings(self.session, [self.number_id]).get(self.number_id, [])
        ]

    def events(self) -> list[ConsentEvent]:
        """Every event of the ledger about this number, oldest first."""
        return list(self._mine(ConsentEvent))

    def consent(self) -> list[Told]:
        """These events with the exact wording, their evidence opened, and their seal."""
        return [self._event(event) for event in self.events()]

    def texts(self) -> list[Told]:
        """Every text with its words, every decision and attempt with local time, rules and law, every receipt."""
        texts = list(self._mine(Message))
        past = past_of(self.session, texts)
        decisions, attempts = _by_message(past.decisions), _by_message(past.attempts)
        receipts = _by_sid(past.receipts)
        lines = dict(self.session.execute(select(col(FromNumber.id), col(FromNumber.address))).all())
        names = dict(self.session.execute(select(col(Campaign.id), col(Campaign.name))).all())
        return [
            {
                **self._text(text),
                "campaign": names.get(text.campaign_id),
                "from_number": lines.get(text.from_number_id),
                "decisions": [self._decision(one) for one in decisions.get(text.id or 0, [])],
                "attempts": [
                    {**self._attempt(one), "receipts": receipts.get(one.sid or "", [])}
                    for one in attempts.get(text.id or 0, [])
                ],
            }
            for text in texts
        ]

    def replies(self) -> list[Told]:
        """Every text from the person, how it was read, and what was decided."""
        names = ("id", "sid", "intent", "certain", "language", "rule", "media", "state", "decision", "decided_by")
        return [
            {
                "at": instant(reply.received_at),
                "local": local(reply.received_at, self.zones),
                "program": self._slug(reply.program_id),
                "words": self._words(reply.body_cipher),
                **plain({name: getattr(reply, name) for name in names}),
                "decided_at": plain(reply.decided_at),
            }
            for reply in self._mine(Reply)
        ]

    def _event(self, event: ConsentEvent) -> Told:
        names = ("id", "kind", "purpose", "level", "source", "source_ref", "wording", "attested_by", "sequence")
        return {
            "at": instant(event.at),
            "local": local(event.at, self.zones),
            "recorded_at": instant(event.recorded_at),
            "program": self._slug(event.program_id),
            **{name: getattr(event, name) for name in names},
            "wording_hash": plain(event.wording_hash),
            "lapses_at": plain(event.lapses_at),
            "evidence": opened(self.key, event.evidence),
            "hash": plain(event.hash),
        }

    def _text(self, text: Message) -> Told:
        names = ("id", "kind", "purpose", "subject", "status", "reason", "parts", "text_hash", "error_code")
        times = ("created_at", "sent_at", "final_at")
        return {
            **plain({name: getattr(text, name) for name in (*names, *times)}),
            "local": local(text.sent_at, self.zones) if text.sent_at else [],
            "program": self._slug(text.program_id),
            "words": self._words(text.text_cipher),
        }

    def _decision(self, one: Decision) -> Told:
        inputs = told(one.inputs)
        return {
            "at": instant(one.at),
            "local": local(one.at, inputs.get("zones", [])),
            **plain({name: getattr(one, name) for name in ("door", "guard", "verdict", "reason", "until")}),
            "laws": laws(one.rules, one.at),
            "inputs": inputs,
        }

    def _attempt(self, one: Attempt) -> Told:
        facts = told(one.facts)
        names = ("outcome", "sid", "validity", "error_code")
        return {
            "at": instant(one.gated_at),
            "local": local(one.gated_at, facts.get("zones", [])),
            **{name: getattr(one, name) for name in names},
            "laws": laws(_of_places(facts.get("places", []), one.gated_at), one.gated_at),
            "facts": facts,
        }

    def _mine(self, table: type[SQLModel]) -> Iterable[Any]:
        cells = table.__table__.c  # type: ignore[attr-defined]
        return self.session.execute(select(table).where(cells.number_id == self.number_id).order_by(cells.id)).scalars()

    def _slug(self, program_id: int | None) -> str:
        return str(self.slugs.get(program_id, "every program"))

    def _words(self, cipher: bytes | None) -> str:
        return unseal(self.key, cipher).decode() if self.key and cipher else NO_WORDS


def laws(rule_ids: Iterable[str], at: datetime) -> list[Told]:
    """What each rule was on that day: its name, citation and basis; an id no book knows is told as it is."""
    found = []
    for rule_id in dict.fromkeys(rule_ids):
        try:
            rule = rules.on(rule_id, at.astimezone(UTC).date())
        except KeyError:
            found.append({"rule": rule_id})
            continue
        found.append({"rule": rule_id, "name": rule.name, "law": rule.citation, "basis": rule.basis})
    return found


def local(at: datetime, zones: Iterable[str]) -> list[str]:
    """An instant on the clocks of these zones: "Tue 2026-03-10 11:00:00 EDT (America/New_York)"."""
    return [f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S %Z} ({zone})" for zone in zones]


def instant(at: datetime) -> str:
    """An instant in UTC, RFC 3339."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """JSON values: instants in UTC, bytes in hex, and what is inside of lists and objects likewise."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return instant(value) if isinstance(value, datetime) else value


def _by_message(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for one in rows:
        found.setdefault(one.message_id, []).append(one)
    return found


def _by_sid(receipts: Iterable[Receipt]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for one in receipts:
        said = {"at": instant(one.received_at), "status": one.status, "error_code": one.error_code}
        found.setdefault(one.sid, []).append(said)
    return found


def _of_places(codes: Sequence[str], at: datetime) -> list[str]:
    try:
        return [rule.id for rule in rules.of_places(tuple(codes), at.astimezone(UTC).date())]
    except KeyError:
        return []
