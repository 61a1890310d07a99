"""How states, reasons and figures are said to people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from markupsafe import Markup, escape

from sender.audience.segments import parse
from sender.campaigns import parts, prices
from sender.campaigns.reports import settled
from sender.states import Status
from web.language import DEFAULT, country, figure, gettext, language, later, number, tongue
from web.pages.segment_words import describe
from web.pages.terms import timetable, worded
from web.sayings import said


@dataclass(frozen=True, slots=True)
class Group:
    """States that mean the same to the person who looks; ``tone`` is a colour of the style sheet."""

    name: str
    tone: str
    states: tuple[Status, ...]
    hint: str


GROUPS = (
    Group(later("Delivered"), "green", (Status.DELIVERED,), later("The phone has it.")),
    Group(later("Sent"), "azure", (Status.SENT,), later("Accepted by the provider; no delivery receipt so far.")),
    Group(
        later("On the way"),
        "cyan",
        (Status.SENDING, Status.UNCONFIRMED),
        later("Being handed over, or the answer was lost."),
    ),
    Group(
        later("Waiting"),
        "gray",
        (Status.PENDING, Status.QUEUED),
        later("For their turn, an allowed hour or room under a cap."),
    ),
    Group(
        later("Failed"),
        "red",
        (Status.UNDELIVERED, Status.FAILED, Status.UNPROVEN),
        later("The provider or carrier said no."),
    ),
    Group(later("Held back"), "orange", (Status.BLOCKED,), later("A rule forbids this text to this person.")),
    Group(
        later("Dropped"),
        "dark",
        (Status.CANCELLED, Status.EXPIRED),
        later("Cancelled, or the campaign's time was over."),
    ),
)

STATE_WORDS = {
    "pending": later("Waiting"),
    "queued": later("In the queue"),
    "sending": later("Being handed over"),
    "sent": later("Sent"),
    "unconfirmed": later("Answer lost, being checked"),
    "delivered": later("Delivered"),
    "undelivered": later("Not delivered"),
    "failed": later("Refused"),
    "blocked": later("Held back"),
    "cancelled": later("Cancelled"),
    "expired": later("Too late"),
    "unproven": later("Sending could not be proven"),
}

CAMPAIGN_TONES = {
    "draft": "gray",
    "submitted": "purple",
    "approved": "blue",
    "scheduled": "blue",
    "running": "green",
    "paused": "yellow",
    "finished": "gray",
    "cancelled": "gray",
    "archived": "gray",
}

REASON_WORDS = {
    "answer_lost": later("The provider's answer was lost; its records are being asked"),
    "answer_too_late": later("The answer would have come too late"),
    "answers_nothing": later("An answer to nothing"),
    "automation_left": later("They left the automation"),
    "campaign_cancelled": later("The campaign was cancelled"),
    "campaign_over": later("The campaign's end passed first"),
    "cancelled_by_key": later("Taken back by the software that asked for it"),
    "consent_lapsed": later("Their consent has lapsed"),
    "consent_too_weak": later("Their consent does not cover this kind of text"),
    "content_brand_imitated": later("A link imitates the brand's address"),
    "content_link_elsewhere": later("It links to an address that is not the program's"),
    "content_link_letters": later("A link has letters of another alphabet"),
    "content_link_number": later("A link is a bare number"),
    "content_link_user": later("A link hides where it leads"),
    "content_shaft": later("It is about a topic that carriers forbid"),
    "content_shortener": later("It has a link of a public shortener"),
    "content_too_long": later("It has more parts than the program allows"),
    "content_unfilled": later("A field was left open"),
    "country_not_allowed": later("The program does not text this country"),
    "do_not_call": later("On a do-not-call register, and their consent does not count more"),
    "emergency": later("An emergency is declared where they may be"),
    "erased": later("They were forgotten on their own wish"),
    "frequency_cap": later("They had as many texts as the cap allows"),
    "from_number_gone": later("The number it was to come from is gone"),
    "gate_aged": later("Took too long to hand over; asked again"),
    "guard_error": later("A rule could not be checked, so nothing was sent"),
    "hard_limit": later("They had as many texts as anyone may have"),
    "held": later("Their reply may have been a STOP and waits for review"),
    "invalid_number": later("The number does not take texts"),
    "label_impossible": later("A label that the law wants cannot stand in it"),
    "landline": later("The number is a landline"),
    "merged": later("They have it on another number of theirs"),
    "no_country": later("A number of no country, such as a satellite phone"),
    "no_common_hour": later("No hour is allowed in every place they may be"),
    "no_consent": later("They did not say yes to this program"),
    "no_footer": later("The program has no brand or opt-out line"),
    "no_from_number": later("The program has no number for their country"),
    "not_in_two_lists": later("Not in the provider's records when asked twice"),
    "not_mobile": later("The number is not a person's phone"),
    "number_changed": later("The contact has another number now"),
    "number_deactivated": later("The number was given up at its carrier"),
    "number_reassigned": later("Somebody else has the number now"),
    "opted_out": later("They said STOP"),
    "own_pause": later("They asked for a pause"),
    "own_topics": later("They do not want this subject"),
    "premium_number": later("A number that costs extra"),
    "quiet_hours": later("Quiet hours where they are"),
    "refused": later("The provider refused the text"),
    "render_error": later("A field of theirs is empty, and the text has nothing for that"),
    "several_in_list": later("The provider's records do not say which text it was"),
    "suppressed": later("On the list of numbers never to text"),
    "test_key": later("Asked for with a key for tests"),
    "text_changed": later("The words were not those that had been approved"),
    "too_late": later("The next allowed hour is after the campaign's end"),
    "too_long": later("Too long for one text"),
    "unknown_country": later("No country could be read from the number"),
    "unknown_place": later("Where they are is not known well enough"),
    "unreachable": later("The provider could not be reached; asked again"),
    "words_outdated": later("Its words would have to be others by now"),
    "worker_lost": later("The process that sent it ended before it could say; the provider's records are being asked"),
}

# Of what was dropped for good where others wait.
DROPPED_WORDS = {
    "frequency_cap": later("They had as many texts as the cap allows, and the campaign does not wait"),
    "quiet_hours": later("Quiet hours where they are, and the campaign does not wait"),
}

# https://www.twilio.com/docs/api/errors, in our words.
TWILIO_WORDS = {
    "21211": later("There is no such number"),
    "21408": later("The Twilio account may not text this country"),
    "21610": later("They said STOP to Twilio"),
    "21612": later("Twilio has no route to this number"),
    "21614": later("The number is not a mobile phone"),
    "30003": later("The phone was off or out of reach"),
    "30004": later("The carrier or the person blocks our texts"),
    "30005": later("The number is unknown or no longer in use"),
    "30006": later("A landline, or a carrier that takes no texts"),
    "30007": later("The carrier's spam filter stopped it"),
    "30008": later("The carrier gave no reason"),
}

UNREASONED = {
    "pending": later("For their turn"),
    "queued": later("Next to be handed over"),
    "sending": later("The provider is being asked to take it"),
    "sent": later("Accepted by the provider; no delivery receipt so far"),
    "delivered": later("The phone has it"),
}


def state_words(status: str) -> str:
    """A message's state in words."""
    return STATE_WORDS.get(status, status)


def reason_words(code: str, status: str = "") -> str:
    """A reason code in words, or what a state (or "block", a verdict) means by itself where there is no reason."""
    if not code:
        return UNREASONED.get(status, "")
    if status in ("block", "blocked") and code in DROPPED_WORDS:
        return DROPPED_WORDS[code]
    if code.startswith("content_shaft_"):
        return REASON_WORDS["content_shaft"]
    if code.startswith("twilio_"):
        return TWILIO_WORDS.get(code.removeprefix("twilio_"), later("Twilio gave this error code"))
    return REASON_WORDS.get(code, code.replace("_", " ").capitalize())


def in_order(by_reason: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """The lines of a report in the order of the groups, most messages first within each."""
    tones = [group.tone for group in GROUPS]
    return sorted(by_reason, key=lambda line: (tones.index(state_tone(line[0])), -line[2]))


def state_tone(status: str) -> str:
    """The colour of a message's state."""
    return next((group.tone for group in GROUPS if status in group.states), "gray")


def campaign_tone(status: str) -> str:
    """The colour of a campaign's state."""
    return CAMPAIGN_TONES.get(status, "gray")


def grouped(by_status: Mapping[str, int]) -> list[tuple[Group, int]]:
    """The counts by group, in the order of a text's life from its end."""
    return [(group, sum(by_status.get(status.value, 0) for status in group.states)) for group in GROUPS]


def grouped_by_name(by_status: Mapping[str, int]) -> list[tuple[str, int]]:
    """The counts by the groups' names."""
    return [(str(group.name), number) for group, number in grouped(by_status)]


def segment_words(definition: Mapping[str, Any]) -> str:
    """Who a variant is for, in a sentence."""
    words = describe(parse(definition))
    return words[:1].upper() + words[1:]


def count(number: int) -> str:
    """A figure with thousands apart."""
    return figure(number)


def decimal(figure: float) -> str:
    """A figure with one decimal, as the reader's language writes it."""
    return number(figure, "#,##0.0")


def money(amount: int, pattern: str = "#,##0.00") -> str:
    """An amount of our accounts in its currency, "USD 12.35", as the reader's language writes it."""
    figure = number(amount / prices.UNIT, pattern)
    return f"{prices.currency()} {figure}" if language() == DEFAULT else f"{figure} {prices.currency()}"


def unit_price(amount: int) -> str:
    """What a single text costs, to the ten-thousandth: "USD 0.0158"."""
    return money(amount, "#,##0.0000")


def share(part: int, total: int) -> str:
    """A part in per cent, never rounded up to all or down to none."""
    if not part or not total:
        return "0 %"
    if part == total:
        return "100 %"
    return number(min(max(100 * part / total, 0.1), 99.9), "0.0") + " %"


def moment(instant: datetime) -> str:
    """An instant in words, in UTC; the browser turns it into local time."""
    return format_datetime(instant.astimezone(UTC), gettext("dd MMM yyyy, HH:mm"), locale=language()) + " UTC"


def their_clock(instant: datetime, zones: Collection[str]) -> str:
    """An instant on the clocks of these zones, in words; from the earliest to the latest where they differ."""
    local = sorted({instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones})
    said = [f"{format_date(one, 'EEE', locale=language())} {_time(one)}" for one in local[:1] + local[1:][-1:]]
    return gettext("%(when)s there", when=" – ".join(said)) if said else ""


def both_clocks(instant: datetime, zones: Collection[str]) -> str:
    """An instant in words, in UTC, and behind it on the clocks of these zones."""
    return " ".join(filter(None, (moment(instant), f"({their_clock(instant, zones)})" if zones else "")))


def _time(instant: datetime) -> str:
    return format_time(instant, "short", locale=language())


def day(instant: datetime) -> str:
    """A day in words."""
    return format_date(instant, gettext("dd MMMM yyyy"), locale=language())


def iso_day(told: str) -> str:
    """A day of the rules, "2021-07-01", in words."""
    return format_date(date.fromisoformat(told), gettext("dd MMMM yyyy"), locale=language())


def mark_costly(text: str) -> Markup:
    """A text whose characters outside GSM-7 are marked: they turn the whole of it to UCS-2."""
    culprits = set(parts.count(text).culprits)
    return Markup("").join(Markup("<mark>{}</mark>").format(one) if one in culprits else one for one in text)


def lasting(span: timedelta) -> str:
    """A length of time in the two greatest units that matter."""
    minutes = max(1, round(span.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = [
        f"{number} {unit}"
        for number, unit in ((days, gettext("d")), (hours, gettext("h")), (minutes, gettext("min")))
        if number
    ]
    return " ".join(said[:2])


def wait_words(minutes: int) -> str:
    """A wait of so many minutes in words."""
    return lasting(timedelta(minutes=minutes))


def machine_time(instant: datetime) -> str:
    """An instant as RFC 3339."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def marked(text: str, matched: str) -> Markup:
    """A reply with the words that decided in a mark, where they stand in it as they are."""
    before, found, after = text.partition(matched) if matched else (text, "", "")
    return escape(before) + (Markup("<mark>{}</mark>").format(found) if found else Markup()) + escape(after)


FILTERS: dict[str, Any] = {
    "their_clock": their_clock,
    "campaign_tone": campaign_tone,
    "count": count,
    "country_name": country,
    "day": day,
    "decimal": decimal,
    "number": number,
    "unit_price": unit_price,
    "grouped": grouped,
    "in_order": in_order,
    "grouped_by_name": grouped_by_name,
    "iso_day": iso_day,
    "lasting": lasting,
    "machine_time": machine_time,
    "mark_costly": mark_costly,
    "marked": marked,
    "moment": moment,
    "reason_words": reason_words,
    "said": said,
    "settled": settled,
    "segment_words": segment_words,
    "tongue": tongue,
    "timetable": timetable,
    "wait_words": wait_words,
    "worded": worded,
    "share": share,
    "state_tone": state_tone,
    "state_words": state_words,
}
