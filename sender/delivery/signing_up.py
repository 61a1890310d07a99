"""Somebody signs up at a form, or in person with a colleague: throttled, asked back by text, kept with its evidence.

A form must not be a way to text strangers at our cost (SMS pumping), nor tell whether a number is known: everybody
whose number may sign up here gets the same answer, whatever becomes of it.
"""

import base64
import ipaddress
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.accounts.throttles import day_of, hour_of, once_more
from sender.audience import opt_in_forms, opt_ins
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.numbers import find_or_make
from sender.audience.opt_in_forms import Published
from sender.audience.phone import Phone, PhoneError, parse
from sender.audit import note
from sender.crypto import seal
from sender.delivery.answers import plan, words_of
from sender.delivery.asking import AskingError, OptInIn, ask_back, line_of
from sender.delivery.lines import Line
from sender.locks import lock_numbers
from sender.models import Number, OptInFormVersion
from sender.runtime import Runtime
from sender.watching import notices

READS_TEXTS = ("mobile", "fixed_line_or_mobile")
AN_HOUR_PER_ADDRESS = 10
A_DAY_PER_NUMBER = 3
WELCOMED_WITHIN = timedelta(minutes=15)
HOW = {"spoken": "read out to them", "screen": "shown on our screen", "paper": "on paper they signed"}
LONGEST_NOTE = 500


class SignUpError(Exception):
    """Nobody was signed up: the field to mend, one sentence, and the HTTP status that fits."""

    def __init__(self, sentence: str, field: str = "", status: int = 422) -> None:
        super().__init__(sentence)
        self.field = field
        self.status = status


@dataclass(frozen=True, slots=True)
class SignUp:
    """One form as it came. ``version`` is the one that was shown; ``reference`` makes a repeated post one sign-up.

    ``born`` is used to check the age and not kept; ``address`` and ``user_agent`` are kept sealed.
    """

    version: int
    number: str
    region: str
    ticked: bool
    reference: str
    born: date | None = None
    address: str = ""
    user_agent: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


def sign_up(runtime: Runtime, slug: str, wanted: SignUp) -> None:
    """Take one sign-up; returns the same whatever is known of the number. SignUpError says what to mend."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        form = opt_in_forms.published(session, slug)
        if form is None:
            raise SignUpError("This form is closed.", status=404)
        seen = opt_in_forms.version_of(session, form.form.id or 0, wanted.version) or form.version
        phone = _checked(wanted, seen, now)
        stopped = _throttled(runtime, session, form, wanted.address, now)
        if not stopped:
            _take(runtime, session, form, seen, phone, wanted, now)
    if stopped:
        raise stopped


def sign_up_in_person(
    runtime: Runtime, form_id: int, number: str, region: str, how: str, told: str, actor: str, reference: str
) -> None:
    """A colleague signs somebody up who is there: asked back by text, so that the yes is the person's own.

    ``how`` is one of HOW, ``told`` what else proves it (the till, the shelf of the paper). SignUpError says what to
    mend, also that the person has said stop.
    """
    now = runtime.clock.now()
    if how not in HOW:
        raise SignUpError("Say how they were told what they agree to.", "how")
    if not 0 < len(told.strip()) <= LONGEST_NOTE:
        raise SignUpError(f"Note in up to {LONGEST_NOTE} characters where and how they agreed; it is evidence.", "note")
    with runtime.db.write() as session:
        form = opt_in_forms.by_id(session, form_id)
        if form is None:
            raise SignUpError("Choose a form that is published.", "form")
        phone = _phone(number, region, form.version.page["countries"])
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        state = _state(session, number_id, form)
        if state in ("out", "held"):
            raise SignUpError("This person has said stop; only their own START brings them back.", "number")
        if state == "in":
            raise SignUpError("This person gets these texts already; nothing was changed.", "number")
        if not _may_ask(session, number_id, now):
            raise SignUpError("This number was asked three times today; ask again tomorrow.", "number")
        evidence = {**_named(form.form.slug, form.version), "how": how, "taken_by": actor}
        evidence["note_sealed"] = _sealed(runtime, session, number_id, told.strip())
        source = OptInIn(phone.e164, form.program.slug, form.version.wording, reference, "operator", evidence)
        if ask_back(runtime, session, _line(session, form, phone), number_id, source):
            note(session, now, actor, "opt_in.ask", f"number {number_id}", {"form": form.form.slug, "how": how})


def _checked(wanted: SignUp, seen: OptInFormVersion, now: datetime) -> Phone:
    phone = _phone(wanted.number, wanted.region, seen.page["countries"])
    if not wanted.ticked:
        raise SignUpError("Tick the box if you agree; without it nobody is signed up.", "agree")
    limit = seen.page["age_limit"]
    if limit and wanted.born is None:
        raise SignUpError("Give your date of birth.", "born")
    if limit and wanted.born and _age(wanted.born, now.astimezone(UTC).date()) < limit:
        raise SignUpError(f"These texts are for people of {limit} or older.", "born")
    return phone


def _phone(number: str, region: str, countries: list[str]) -> Phone:
    try:
        phone = parse(number, region if region in countries else None)
    except PhoneError as error:
        raise SignUpError(error.sentence, "number") from error
    if phone.region not in countries:
        raise SignUpError(f"Only numbers of {', '.join(countries)} can sign up here.", "number")
    if phone.line_type not in READS_TEXTS:
        raise SignUpError("This is not the number of a mobile phone, which texts need.", "number")
    return phone


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _throttled(runtime: Runtime, session: Session, form: Published, address: str, now: datetime) -> SignUpError | None:
    """Count the sign-up; the sentence for whoever came too often, and a notice where the whole form did."""
    key, hour = f"form {form.form.id}", hour_of(now)
    if not once_more(session, f"join {_network_key(runtime, address)}", hour, AN_HOUR_PER_ADDRESS):
        return SignUpError("Too many sign-ups came from your connection; try again in an hour.", status=429)
    if not once_more(session, key, hour, form.form.hourly_limit):
        sentence = (
            f"The form {form.form.slug} took {form.form.hourly_limit:,} sign-ups within an hour and pauses until the "
            "next: look whether they are real, or raise its limit."
        )
        notices.begin(session, key, "warning", sentence, runtime.clock.real())
        return SignUpError("So many people are signing up that this form rests; try again in an hour.", status=503)
    notices.end(session, key, runtime.clock.real())
    return None


def _take(
    runtime: Runtime,
    session: Session,
    form: Published,
    seen: OptInFormVersion,
    phone: Phone,
    wanted: SignUp,
    now: datetime,
) -> None:
    """Ask the number back, or where the form does not, record the yes. Who is in, or out, is left as they are."""
    number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
    lock_numbers(session, [number_id])
    if _state(session, number_id, form) != "none" or not _may_ask(session, number_id, now):
        return
    line = _line(session, form, phone)
    evidence = {**wanted.evidence, **_named(form.form.slug, seen), "network": network(wanted.address)}
    if seen.page["age_limit"]:
        evidence["age_checked"] = seen.page["age_limit"]
    visit = json.dumps({"address": wanted.address, "user_agent": wanted.user_agent})
    evidence["visit_sealed"] = _sealed(runtime, session, number_id, visit)
    if seen.page["double_opt_in"]:
        source = OptInIn(phone.e164, form.program.slug, seen.wording, wanted.reference, "form", evidence)
        ask_back(runtime, session, line, number_id, source)
        return
    ref, level = f"form:{wanted.reference}", opt_ins.level_of(seen.wording)
    purpose = _purpose(form)
    act = Act(number_id, form.program.id, "opt_in", purpose, now, "form", ref, level, seen.wording, evidence=evidence)
    if record(session, [act], now):
        words = words_of(session, form.program, "welcome")
        opt_ins.note_done(session, act, words, now)
        plan(runtime, session, number_id, line, "welcome", words, None, WELCOMED_WITHIN)


def _state(session: Session, number_id: int, form: Published) -> str:
    """How the number stands to the form's texts; a consent with an end may be given anew, so it counts as none."""
    rows = load_standings(session, [number_id]).get(number_id, [])
    found = standing(rows, form.program.id or 0, _purpose(form))
    return "none" if found.state == "in" and found.lapses_at is not None else found.state


def _purpose(form: Published) -> Purpose:
    return Purpose.MARKETING if Purpose.MARKETING.value in form.program.purposes else Purpose.INFORMATIONAL


def _may_ask(session: Session, number_id: int, now: datetime) -> bool:
    """Nobody is flooded with questions, however many forms somebody types their number into."""
    return once_more(session, f"asked number {number_id}", day_of(now), A_DAY_PER_NUMBER)


def _line(session: Session, form: Published, phone: Phone) -> Line:
    try:
        return line_of(session, form.program.slug, phone.region)
    except AskingError as error:
        raise SignUpError("Nobody can be asked by text in this country now; try again later.", "number", 503) from error


def _named(slug: str, seen: OptInFormVersion) -> dict[str, Any]:
    return {"form": slug, "version": seen.version, "form_hash": seen.hash.hex()}


def _sealed(runtime: Runtime, session: Session, number_id: int, words: str) -> str:
    wrapped = session.execute(select(col(Number.data_key)).where(col(Number.id) == number_id)).scalar_one()
    return base64.b64encode(seal(runtime.keys.unwrap(wrapped), words.encode("utf-8", "replace"))).decode()


def _network_key(runtime: Runtime, address: str) -> str:
    """Who comes from one network counts as one; only a keyed hash of it is kept."""
    return runtime.keys.sign("form address", network(address) if ":" in address else address)


def network(address: str) -> str:
    """An address without its last part (192.0.2.0/24, 2001:db8::/48): no person, yet a place; empty where unknown."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{address}/{24 if known.version == 4 else 48}", strict=False))
