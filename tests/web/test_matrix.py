"""Every route with every role, in the program it is about and outside, and new proof of who is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlmodel import Session, col

from sender import accounts
from sender.accounts.rights import OFFERED, held
from sender.audience.numbers import SealedNumber
from sender.db import Database, Pace
from sender.models import FromNumber, Number
from sender.models.accounts import ALL_PROGRAMS, Role, SignedIn, User
from sender.runtime import Runtime
from tests.leaks import found
from tests.web.conftest import FIELD
from tests.web.full_house import furnished
from tests.web.test_doors import FILL, RULES
from web.app import create_app

# Where a right must be held: in the program that the address is about, in any program, or in all of them.
RIGHTS = {
    "nothing anywhere": "home.show frame.choose_theme frame.choose_language "
    "account.show account.switch_on account.switch_off "
    "account.change_password account.new_codes account.end_session account.ask_again account.again "
    "leaving.logout rules.listing rules.show "
    "passkeys.ask_to_make passkeys.make passkeys.end passkeys.again "
    "segments.listing segments.show segments.count contacts.listing contacts.find_one contacts.show inbox.listing "
    "reports.show reports.as_csv reports.show_compliance inbox.live "
    "inbox.answers unsure.show unsure.live campaigns.listing opt_in.listing automations.listing "
    "programs.listing templates.listing",
    "look here": "campaigns.show campaigns.live campaigns.show_course review.show review.begin review.progress "
    "inbox.show inbox.live_thread automations.show reports.compare opt_in.show opt_in.qr opt_in.poster opt_in.preview "
    "programs.show programs.preview program_settings.preview_replies templates.show templates.look",
    "write here": "automations.edit automations.save "
    "builder.create builder.basics builder.save_basics builder.timing builder.save_timing "
    "audience_step.show audience_step.save audience_step.count text_step.show text_step.save text_step.look "
    "campaigns.ask_copy campaigns.copy inbox.keep inbox.retire trying.show trying.register trying.prove trying.send "
    "opt_in.create opt_in.edit opt_in.save opt_in.publish opt_in.ask_close opt_in.close opt_in.disclosure opt_in.say "
    "templates.create templates.edit templates.save templates.move",
    "shape here": "programs.edit programs.save programs.add_line programs.ask_retire programs.retire "
    "program_settings.replies program_settings.save_replies program_settings.links program_settings.save_links",
    "shape everywhere": "programs.new programs.create",
    "write anywhere": "builder.new segments.ask_delete segments.save segments.delete imports.listing imports.new "
    "imports.show imports.live imports.check imports.move imports.ask_undo imports.undo uploading.upload "
    "contacts.ask_edit contacts.edit opt_in.new templates.new",
    "write|answer anywhere": "contacts.stop",
    "approve here": "review.move automations.ask_start automations.start",
    "steer here": "automations.pause automations.move_aside automations.ask_end automations.end "
    "review.ask_start review.start campaigns.ask_cancel campaigns.steer",
    "answer here": "inbox.answer inbox.mark_read inbox.assign unsure.decide opt_in.take_in_person",
    "answer anywhere": "opt_in.in_person",
    "write+export anywhere": "imports.ask_refused imports.refused",
    "export everywhere": "contacts.ask_export contacts.export proof.ask_evidence proof.take_evidence "
    "proof.ask_own_data proof.take_own_data number_files.ask_list number_files.take_list",
    "erase everywhere": "proof.ask_erase proof.do_erase number_files.show number_taking.take "
    "number_files.ask_forget number_files.forget",
    "steer everywhere": "frame.ask_halt frame.do_halt rules.ask_switch rules.make_switch",
    "own here": "rules.ask_change rules.make_change",
    "own everywhere": "retention.show retention.ask retention.change retention.hold retention.archive "
    "retention.ask_release retention.release "
    "integrations.show_keys integrations.act_on_keys integrations.show_webhooks "
    "integrations.create_webhook integrations.show_webhook integrations.act_on_webhook "
    "integrations.show_deliveries "
    "integrations.ask_revoke integrations.ask_forget users.ask_close "
    "users.listing users.act frame.ask_release frame.do_release",
    "look everywhere": "virtual_phones.listing virtual_phones.live virtual_phones.show",
    "answer everywhere": "virtual_phones.write",
    "audit everywhere": "audit.show_audit",
}
NEEDS = {endpoint: rule for rule, endpoints in RIGHTS.items() for endpoint in endpoints.split()}
# Whatever takes data out, approves, erases or owns asks once more who is there; and who changes how they sign in.
GRAVE = {"approve", "export", "erase", "own"}
ONLY_TELLS = {"users.listing", "frame.ask_release", "rules.ask_change", "automations.ask_start"}
ONLY_TELLS |= {
    "retention.show",
    "integrations.show_keys",
    "integrations.show_webhooks",
    "integrations.show_webhook",
    "integrations.show_deliveries",
}
# One view, two addresses: what is new belongs to no program yet.
NEW = {"/automations/new": "write anywhere"}
ABOUT_ONESELF = {"account.switch_on", "account.switch_off", "account.new_codes"}
ABOUT_ONESELF |= {"passkeys.ask_to_make", "passkeys.make", "passkeys.end"}
# One ends the session, the other wants a password: test_signing_in.py and test_second_factor.py.
PROVEN_ELSEWHERE = {"leaving.logout", "account.again", "passkeys.again"}
FORMS = {"builder.create": {"program": "lumen", "purpose": "marketing"}, "inbox.keep": {"program": "1"}}
FORMS |= {name: {"program": "lumen", "why": "a reason of ours"} for name in ("rules.ask_change", "rules.make_change")}
FORMS |= {
    "opt_in.preview": {"program_id": "1"},
    "opt_in.create": {"program_id": "1"},
    "opt_in.take_in_person": {"form": "1"},
}
FORMS |= {f"templates.{name}": {"program": "1"} for name in ("look", "create")}
STEPS = {**FILL, "step": "approve", "import_id": 3}
PLACES = (("here", 1, OFFERED), ("elsewhere", 2, ("owner",)), ("everywhere", ALL_PROGRAMS, OFFERED))
_names = count()


class Undoing(Database):
    """Takes back whatever a request has written, so that each request meets the house as it was."""

    @contextmanager
    def write(self, pace: Pace = Pace.NORMAL, *, redoable: bool = False) -> Iterator[Session]:
        """A transaction that ends in nothing."""
        with super().write(pace, redoable=redoable) as session:
            yield session
            session.flush()
            session.expunge_all()
            session.rollback()


UNMASKED = {"imports.show", "retention.show"}
"""The first rows of an upload, as its editor typed them; an example of how a number is written, which is somebody's."""


def numbers_of_people(house: Runtime) -> set[str]:
    """Every number of the house but its own from_numbers."""
    with house.db.read() as session:
        lines = set(session.execute(select(col(FromNumber.address))).scalars())
        sealed = [SealedNumber(row.cipher, row.data_key) for row in session.execute(select(Number)).scalars()]
    return {one.open(house.keys) for one in sealed} - lines


@dataclass
class Routes:
    """The pages of a furnished house whose writes are taken back."""

    house: Runtime

    def __post_init__(self) -> None:
        """Make the application, and list what it answers to people."""
        self.app = create_app(replace(self.house, db=Undoing(self.house.settings.database)))
        self.all: list[tuple[str, str, str]] = []
        with self.app.test_request_context():
            for rule in self.app.url_map.iter_rules():
                if RULES[rule.endpoint] not in ("anyone", "keyed", "signed_by_twilio", "this_machine"):
                    path = self.app.url_for(rule.endpoint, **{name: STEPS[name] for name in rule.arguments})
                    methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                    self.all += [(rule.endpoint, method, path) for method in methods]

    def visitor(self, role: str, program_id: int, minutes: int = 0) -> FlaskClient:
        """Somebody with this role in this program, who proved so many minutes ago who they are."""
        real = self.house.clock.real()
        with self.house.db.write() as session:
            user = User(email=f"{role}{next(_names)}@example.org", password_hash="", created_at=real)
            session.add(user)
            session.flush()
            session.add(Role(user_id=user.id or 0, program_id=program_id, name=role))
            token = accounts.open_session(session, self.house.keys, user, real, "password")
            earlier = update(SignedIn).values(fresh_at=real - timedelta(minutes=minutes))
            session.execute(earlier.where(col(SignedIn.user_id) == user.id))
        client = self.app.test_client()
        with client.session_transaction() as cookie:
            cookie["token"], cookie["seen"] = token, int(real.timestamp())
        return client

    def ask(self, client: FlaskClient, endpoint: str, method: str, path: str) -> Any:
        """The answer to this visitor, whose form carries its token."""
        if method == "GET":
            return client.get(path, query_string=FORMS.get(endpoint, {}))
        if "csrf" not in client.environ_base:
            found = FIELD.search(client.get("/account").text)
            client.environ_base["csrf"] = found[1] if found else ""
        return client.open(
            path, method=method, data={"csrf_token": client.environ_base["csrf"], **FORMS.get(endpoint, {})}
        )


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routes]:
    """The routes of an installation with something behind every address."""
    with furnished(tmp_path_factory.mktemp("matrix")) as made:
        yield Routes(made)


def opens(role: str, rule: str, held_in: str) -> bool:
    """Whether this role, held "here" (in the program), "elsewhere" or "everywhere", opens a door of this rule."""
    rights, where = rule.split()
    reach = {"anywhere": ("here", "elsewhere", "everywhere"), "here": ("here", "everywhere")}
    if rights == "nothing":
        return True
    mine = held(role)
    fits = any(set(one.split("+")) <= mine for one in rights.split("|"))
    return fits and held_in in reach.get(where, ("everywhere",))


def test_each_role_opens_what_is_its_own(routes: Routes) -> None:
    """Whoever lacks the right is refused or finds nothing; each door opens without a fault to the first who has it, and
    shows nobody's whole number.
    """
    assert {endpoint for endpoint, *_ in routes.all} == set(NEEDS), "say first whom a new page is for"
    wrong, opened, people = [], set[tuple[str, str]](), numbers_of_people(routes.house)
    for held_in, program_id, roles in PLACES:
        for role in roles:
            visitor = routes.visitor(role, program_id)
            for endpoint, method, path in routes.all:
                rule, new = NEW.get(path, NEEDS[endpoint]), (endpoint, method) not in opened
                may = opens(role, rule, held_in)
                told = held_in == "everywhere" and not NEEDS[endpoint].endswith("everywhere")
                if endpoint in PROVEN_ELSEWHERE or (may and not new) or told:
                    continue
                answer = routes.ask(visitor, endpoint, method, path)
                status = answer.status_code
                if (status in (401, 403, 404)) is may or status >= 500:
                    wrong.append(f"{role} {held_in}: {method} {path} {status}")
                if method == "GET" and endpoint not in UNMASKED and found(answer.data, people):
                    wrong.append(f"{path} shows {found(answer.data, people)}")
                opened |= {(endpoint, method)} if may else set()
    assert wrong == []
    assert {endpoint for endpoint, _ in opened} == set(NEEDS) - PROVEN_ELSEWHERE


def test_what_counts_asks_again_who_is_there(routes: Routes) -> None:
    """Eleven minutes later the owner proves it again before approval, export, release and what changes accounts."""
    owner = routes.visitor("owner", ALL_PROGRAMS, minutes=11)
    asked = set()
    for endpoint, method, path in routes.all:
        if endpoint not in PROVEN_ELSEWHERE:
            answer = routes.ask(owner, endpoint, method, path)
            assert answer.status_code < 500, f"{method} {path}"
            asked |= {endpoint} if "/again" in answer.headers.get("Location", "") else set()
    grave = {endpoint for endpoint, rule in NEEDS.items() if set(rule.split()[0].split("+")) & GRAVE}
    assert asked == (grave - ONLY_TELLS) | ABOUT_ONESELF
