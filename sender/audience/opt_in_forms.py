"""Sign-up forms: drafted, checked for a complete disclosure, published in versions that are kept word for word."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from sender.audience import disclosure
from sender.audience.disclosure import Disclosure
from sender.audience.intent import read
from sender.audience.keywords import normal
from sender.audience.opt_ins import is_yes
from sender.audit import note
from sender.crypto import text_hash
from sender.models import FromNumber, OptInForm, OptInFormVersion, OptInRequest, PreparedAnswer, Program
from sender.runtime import Runtime

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
AGES = (0, 13, 16, 18, 19, 21)
MOST_AN_HOUR = 10_000
LONGEST_WORDS = 200
MOST_SITES = 20
MEANT = frozenset({"keep", "updates"})
"""What answers a stop's clarification, and so can be no keyword of a form."""
TEXTABLE = ("long_code", "toll_free", "short_code")


class FormError(Exception):
    """A form cannot be kept or published like this: what to mend, and the field where there is one."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class FormIn:
    """A form as it is written; see :class:`OptInForm`. ``sites`` are addresses such as https://shop.example.com."""

    slug: str
    program_id: int
    headline: str
    about: str
    double_opt_in: bool = True
    age_limit: int = 0
    countries: Collection[str] = ()
    sites: Collection[str] = ()
    hourly_limit: int = 60
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a form would say if it were published now. ``missing``: why it cannot be."""

    wording: str
    call: str
    page: dict[str, Any]
    missing: tuple[str, ...] = ()

    @property
    def hash(self) -> bytes:
        """SHA-256 over every word that is shown."""
        return text_hash(json.dumps([self.wording, self.call, self.page], sort_keys=True))


@dataclass(frozen=True, slots=True)
class Published:
    """A form people can use now, with the version they see."""

    form: OptInForm
    program: Program
    version: OptInFormVersion


def keep(runtime: Runtime, wanted: FormIn, actor: str, form_id: int | None = None) -> int:
    """Keep a draft, new or changed; returns its id. What people see changes only by :func:`publish`."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        checked = _checked(session, wanted, form_id)
        form = session.get(OptInForm, form_id) if form_id else None
        if form_id and form is None:
            raise FormError("There is no such form any more.")
        if form is None:
            form = OptInForm(**checked, created_by=actor, created_at=now, changed_at=now)
            session.add(form)
        else:
            # The program is part of what was agreed to, so it stays.
            for name, value in {**checked, "program_id": form.program_id, "changed_at": now}.items():
                setattr(form, name, value)
        session.flush()
        note(session, now, actor, "form.keep", f"form {form.id}", {"slug": form.slug})
        return form.id or 0


def publish(runtime: Runtime, form_id: int, actor: str) -> int:
    """Let people see the form as it is now; returns the version. FormError names in one sentence what is missing."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        form = _existing(session, form_id)
        said = shown(session, form)
        if said.missing:
            raise FormError(f"This form cannot be published: it lacks {_listed(said.missing)}.")
        newest = version_of(session, form_id, form.version)
        if newest is None or newest.hash != said.hash:
            form.version += 1
            version = OptInFormVersion(
                form_id=form_id, version=form.version, wording=said.wording, call=said.call, page=said.page,
                hash=said.hash, published_by=actor, published_at=now,
            )  # fmt: skip
            session.add(version)
        form.status = "published"
        note(session, now, actor, "form.publish", f"form {form_id}", {"slug": form.slug, "version": form.version})
        return form.version


def close(runtime: Runtime, form_id: int, actor: str) -> None:
    """Take a form off the net; its versions and the consents that came by it stay."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        form = _existing(session, form_id)
        form.status = "closed"
        note(session, now, actor, "form.close", f"form {form_id}", {"slug": form.slug})


def set_disclosure(runtime: Runtime, program_id: int, wanted: Disclosure, actor: str) -> None:
    """Say what a program tells people before a yes. Published forms keep their words until the next publishing."""
    for name in ("terms_url", "privacy_url"):
        if not disclosure.is_secure_link(getattr(wanted, name).strip()):
            raise FormError("Give the whole address, beginning with https://.", name)
    if not 0 < len(wanted.frequency.strip()) <= LONGEST_WORDS:
        raise FormError("Say how often texts come, such as “up to 4 texts a month”.", "frequency")
    if wanted.privacy_url.strip() == wanted.terms_url.strip():
        raise FormError("The privacy policy needs an address of its own.", "privacy_url")
    with runtime.db.write() as session:
        program = session.get(Program, program_id)
        if program is None:
            raise FormError("There is no such program.")
        for name in ("frequency", "terms_url", "privacy_url"):
            setattr(program, name, getattr(wanted, name).strip())
        note(session, runtime.clock.now(), actor, "program.disclosure", f"program {program_id}", {})


def shown(session: Session, form: OptInForm) -> Shown:
    """What the draft would say if it were published now, and what it lacks."""
    program = session.get_one(Program, form.program_id)
    lines = _lines(session, form.program_id)
    address = textable(lines, form.countries)
    page = {
        "brand": program.brand, "headline": form.headline, "about": form.about, "double_opt_in": form.double_opt_in,
        "age_limit": form.age_limit, "countries": form.countries, "keyword": form.keyword, "address": address,
        "terms_url": program.terms_url, "privacy_url": program.privacy_url, "help_contact": program.help_contact,
        "frequency": program.frequency,
    }  # fmt: skip
    said = disclosure.wording(program, form.about)
    called = disclosure.call(program, form.about, form.keyword, address)
    return Shown(said, called, page, tuple(_missing(program, form, lines, address)))


def textable(lines: Collection[FromNumber], countries: Collection[str]) -> str:
    """The number that people of these countries text a keyword to; empty where the program has none."""
    mine = [one for one in lines if one.kind in TEXTABLE and one.country in (*countries, "*")]
    first = sorted(mine, key=lambda one: (one.kind != "short_code", one.country == "*", one.id or 0))
    return first[0].address if first else ""


def published(session: Session, slug: str) -> Published | None:
    """The form at this address with its newest version; None where nothing is published there."""
    return _published(session, col(OptInForm.slug) == slug)


def by_id(session: Session, form_id: int) -> Published | None:
    """This form with its newest version; None where it is not published."""
    return _published(session, col(OptInForm.id) == form_id)


def by_keyword(session: Session, program_id: int, word: str) -> Published | None:
    """The published form whose keyword this is, in its comparable form."""
    if not word:
        return None
    return _published(session, (col(OptInForm.program_id) == program_id) & (col(OptInForm.keyword) == word))


def open_forms(session: Session, programs: Collection[int] | None) -> list[tuple[OptInForm, OptInFormVersion]]:
    """The published forms of these programs (None: all) with what they say now, by address."""
    statement = (
        select(OptInForm, OptInFormVersion)
        .join(OptInFormVersion, col(OptInFormVersion.form_id) == col(OptInForm.id))
        .where(col(OptInForm.status) == "published", col(OptInFormVersion.version) == col(OptInForm.version))
    )
    if programs is not None:
        statement = statement.where(col(OptInForm.program_id).in_(programs))
    return [(form, version) for form, version in session.execute(statement.order_by(col(OptInForm.slug)))]


def _published(session: Session, which: Any) -> Published | None:
    statement = (
        select(OptInForm, Program, OptInFormVersion)
        .join(Program, col(Program.id) == col(OptInForm.program_id))
        .join(OptInFormVersion, col(OptInFormVersion.form_id) == col(OptInForm.id))
        .where(which, col(OptInForm.status) == "published", col(OptInFormVersion.version) == col(OptInForm.version))
    )
    found = session.execute(statement).first()
    return Published(*found) if found else None


def version_of(session: Session, form_id: int, version: int) -> OptInFormVersion | None:
    """One version of a form, word for word."""
    mine = (col(OptInFormVersion.form_id) == form_id, col(OptInFormVersion.version) == version)
    found: OptInFormVersion | None = session.execute(select(OptInFormVersion).where(*mine)).scalar()
    return found


def versions(session: Session, form_id: int) -> list[OptInFormVersion]:
    """Every version of a form, newest first."""
    statement = select(OptInFormVersion).where(col(OptInFormVersion.form_id) == form_id)
    return list(session.execute(statement.order_by(col(OptInFormVersion.version).desc())).scalars())


def listing(
    session: Session, programs: Collection[int] | None, limit: int, offset: int, find: str = "", order: str = "open"
) -> list[OptInForm]:
    """The forms of these programs (None: all) whose headline or address has ``find`` in it.

    ``order``: "open" (those first, then by address) or "headline"; "-" before it turns that round.
    """
    by: dict[str, list[Any]] = {
        "open": [col(OptInForm.status) == "closed", col(OptInForm.slug)],
        "headline": [col(OptInForm.headline)],
    }
    keys = [*by[order.removeprefix("-")], col(OptInForm.id)]
    statement = select(OptInForm).order_by(*(key.desc() if order.startswith("-") else key for key in keys))
    if find:
        named = [field.icontains(find, autoescape=True) for field in (col(OptInForm.headline), col(OptInForm.slug))]
        statement = statement.where(or_(*named))
    if programs is not None:
        statement = statement.where(col(OptInForm.program_id).in_(programs))
    return list(session.execute(statement.limit(limit).offset(offset)).scalars())


def figures(session: Session, form: OptInForm, since: datetime) -> tuple[int, int]:
    """How many sign-ups a form asked for since then, by page or keyword, and how many of them are a yes."""
    mine = (col(OptInRequest.asked_at) >= since, col(OptInRequest.evidence)["form"].as_string() == form.slug)
    statement = select(col(OptInRequest.state), func.count()).where(*mine).group_by(col(OptInRequest.state))
    counted = dict(session.execute(statement).all())
    return sum(counted.values()), counted.get("confirmed", 0)


def _existing(session: Session, form_id: int) -> OptInForm:
    form = session.get(OptInForm, form_id)
    if form is None:
        raise FormError("There is no such form any more.")
    return form


def _lines(session: Session, program_id: int) -> list[FromNumber]:
    mine = (col(FromNumber.program_id) == program_id, col(FromNumber.can_receive))
    return list(session.execute(select(FromNumber).where(*mine)).scalars())


def _missing(program: Program, form: OptInForm, lines: Collection[FromNumber], address: str) -> list[str]:
    lacks = disclosure.lacking(program, form.about)
    if not form.countries:
        lacks.append("a country whose numbers may sign up")
    served = {line.country for line in lines}
    if unserved := [] if "*" in served else sorted(set(form.countries) - served):
        lacks.append(f"a from_number that can receive a reply from {' and '.join(unserved)}")
    if program.age_gate and form.age_limit < min(age for age in AGES if age >= 18):
        lacks.append("the age that this program has to ask for, 18 or more")
    if form.keyword and not address:
        lacks.append("a number to which the keyword can be texted")
    return lacks


def _listed(words: Collection[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last


def _checked(session: Session, wanted: FormIn, form_id: int | None) -> dict[str, Any]:
    program = session.get(Program, wanted.program_id)
    if program is None:
        raise FormError("Choose the program that people sign up to.", "program_id")
    if not SLUG.fullmatch(wanted.slug):
        raise FormError("The address must be small letters, digits and dashes, such as summer-club.", "slug")
    if not _is_free(session, col(OptInForm.slug) == wanted.slug, form_id):
        raise FormError("Another form has this address already; give this one another.", "slug")
    for name in ("headline", "about"):
        if not 0 < len(getattr(wanted, name).strip()) <= LONGEST_WORDS:
            raise FormError(f"Write up to {LONGEST_WORDS} characters here.", name)
    if wanted.age_limit not in AGES:
        raise FormError("Choose one of the ages.", "age_limit")
    if not 1 <= wanted.hourly_limit <= MOST_AN_HOUR:
        raise FormError(f"Give a number from 1 to {MOST_AN_HOUR:,}.", "hourly_limit")
    if strangers := sorted(set(wanted.countries) - set(program.countries)):
        raise FormError(f"The program does not text {', '.join(strangers)}; choose among its countries.", "countries")
    return {
        "slug": wanted.slug,
        "program_id": wanted.program_id,
        "headline": wanted.headline.strip(),
        "about": wanted.about.strip(),
        "double_opt_in": wanted.double_opt_in,
        "age_limit": wanted.age_limit,
        "countries": sorted(set(wanted.countries)),
        "sites": _origins(wanted.sites),
        "hourly_limit": wanted.hourly_limit,
        "keyword": _keyword(session, wanted, form_id),
    }


def _is_free(session: Session, which: Any, form_id: int | None) -> bool:
    taken = select(col(OptInForm.id)).where(which, col(OptInForm.id) != (form_id or 0))
    return session.execute(taken.limit(1)).scalar() is None


def _origins(sites: Collection[str]) -> list[str]:
    """Each site as the origin a browser compares with: scheme, host and port."""
    found = set()
    for site in sites:
        if not disclosure.is_secure_link(site) or set(site) & set(";,*"):
            raise FormError(f"{site[:60]!r} is no address of a site; write such as https://shop.example.com.", "sites")
        parts = urlsplit(site)
        found.add(f"https://{parts.netloc.rpartition('@')[2].lower()}")
    if len(found) > MOST_SITES:
        raise FormError(f"Name at most {MOST_SITES} sites.", "sites")
    return sorted(found)


def _keyword(session: Session, wanted: FormIn, form_id: int | None) -> str:
    if not wanted.keyword.strip():
        return ""
    word = normal(wanted.keyword)
    if not word or len(word) > 20 or " " in word:
        raise FormError("The keyword must be one word of at most 20 letters.", "keyword")
    if read(word).intent != "none" or is_yes(word) or word in MEANT:
        raise FormError("This word has a meaning of its own for everybody (stop, help, yes); take another.", "keyword")
    mine = (col(OptInForm.program_id) == wanted.program_id) & (col(OptInForm.keyword) == word)
    prepared = select(col(PreparedAnswer.id)).where(
        col(PreparedAnswer.program_id) == wanted.program_id,
        col(PreparedAnswer.keyword) == word,
        col(PreparedAnswer.kind).in_(("auto", "join")),
        col(PreparedAnswer.retired_at).is_(None),
    )
    if not _is_free(session, mine, form_id) or session.execute(prepared.limit(1)).scalar() is not None:
        raise FormError("The program answers this keyword already; take another.", "keyword")
    return word
