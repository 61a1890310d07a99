"""What stands around every page: the navigation as data, the theme, the notices, and the brake for those who may."""

from dataclasses import dataclass

from flask import current_app, request

from sender.accounts import Person
from sender.campaigns import reports
from sender.models import Notice
from sender.models.accounts import ALL_PROGRAMS
from sender.watching.notices import page_of
from web import choices
from web.auth import person
from web.context import runtime
from web.language import later

# The banners of the brake and of the keys say these already.
SHOWN_ELSEWHERE = frozenset({"watch held", "watch keys"})
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation: seen by whoever has ``role`` in any program. ``icon`` is a name in icons.svg.

    ``simulated``: only while texts go to the simulator.
    """

    group: str
    name: str
    address: str
    icon: str
    role: str = "look"
    simulated: bool = False


# Add one line for a page of yours; it shows once its address is served. Groups keep the order of their first line.
ENTRIES: tuple[Entry, ...] = (
    Entry("", later("Home"), "/", "home"),
    Entry(later("Send"), later("Campaigns"), "/campaigns", "send"),
    Entry(later("Send"), later("Templates"), "/templates", "file-text"),
    Entry(later("Send"), later("Automations"), "/automations", "zap"),
    Entry(later("People"), later("Contacts"), "/contacts", "users"),
    Entry(later("Replies"), later("Inbox"), "/inbox", "inbox"),
    Entry(later("Replies"), later("Review"), "/inbox/review", "check-circle"),
    Entry(later("People"), later("Segments"), "/segments", "filter"),
    Entry(later("People"), later("Opt-in"), "/opt-in", "user-plus"),
    Entry(later("People"), later("Imports"), "/imports", "upload", "write"),
    Entry(later("People"), later("Number files"), "/numbers", "file-minus", "erase"),
    Entry(later("Results"), later("Reports"), "/reports", "bar-chart-2"),
    Entry(later("Results"), later("Compliance"), "/reports/compliance", "shield"),
    Entry(later("Results"), later("Rules"), "/rules", "book-open"),
    Entry(later("Installation"), later("Virtual phones"), "/phones", "smartphone", simulated=True),
    Entry(later("Installation"), later("Programs"), "/programs", "briefcase"),
    Entry(later("Installation"), later("API keys"), "/integrations/keys", "key", "own"),
    Entry(later("Installation"), later("Webhooks"), "/integrations/webhooks", "link", "own"),
    Entry(later("Installation"), later("Users"), "/users", "users", "own"),
    Entry(later("Installation"), later("Retention"), "/retention", "clock", "own"),
    Entry(later("Installation"), later("Audit"), "/audit", "list", "audit"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layout shows beside the page itself."""

    person: Person
    groups: dict[str, list[Entry]]
    here: str
    notices: reports.Notices
    standing: list[Notice]
    simulated: bool
    theme: str
    may_halt: bool
    may_release: bool

    def page_of(self, notice: Notice) -> str:
        """Where this trouble is mended; empty where that is no page."""
        return page_of(notice.key)


def read_frame() -> Frame:
    """The frame for whoever is asking; called by the layout, so that no page has to hand it over."""
    with runtime().db.read() as session:
        notices = reports.notices(session)
    standing = notices.standing if ALL_PROGRAMS in person().roles else []
    return Frame(
        person(),
        _groups(person()),
        _here(),
        notices,
        [one for one in standing if one.key not in SHOWN_ELSEWHERE],
        runtime().settings.simulated,
        theme(),
        person().may("steer", ALL_PROGRAMS),
        person().may("own", ALL_PROGRAMS),
    )


def may_anywhere(someone: Person, role: str) -> bool:
    """Whether this person has the role, or a higher one, in any program."""
    return any(someone.may(role, program_id) for program_id in someone.roles)


def is_served(address: str) -> bool:
    """Whether a page stands at this address."""
    return any(rule.rule == address for rule in current_app.url_map.iter_rules())


def theme() -> str:
    """What the reader chose: auto, light or dark."""
    chosen = choices.chosen("theme")
    return chosen if chosen in THEMES else "auto"


def _groups(someone: Person) -> dict[str, list[Entry]]:
    served = {rule.rule for rule in current_app.url_map.iter_rules()}
    groups: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        here = runtime().settings.simulated or not entry.simulated
        if here and entry.address in served and may_anywhere(someone, entry.role):
            groups.setdefault(str(entry.group), []).append(entry)
    return groups


def _here() -> str:
    """The entry this page belongs to: the longest address that its own begins with."""
    fitting = (entry.address for entry in ENTRIES if _below(request.path, entry.address))
    return max(fitting, key=len, default="")


def _below(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(address + "/"))
