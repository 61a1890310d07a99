"""Imports over the API: a file comes in, its dry run is made and looked at, it is committed, and may be undone."""

from datetime import datetime
from typing import IO, Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from guards.base import Purpose
from sender.api.wanted import programs_named
from sender.audience.importing import undoing, uploads
from sender.audience.importing.options import FileRefused, ImportOptions, attest
from sender.audience.importing.refused import note_taken, refusals
from sender.models import ImportRun, Program
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, Page, Slug, Value, cursor_of, named, shape

COUNTS = {"rows": 2, "new": 2, "with_consent": 2}
WORD = {
    "source": "our checkout",
    "wording": "Yes, text me offers. Msg & data rates may apply. Reply STOP to opt out.",
    "by": "Ana Ruiz, shop manager",
    "at": "2026-03-01",
    "how": "checkout",
    "collected_by": "Acme",
}
CHECK = {
    "program": "acme",
    "region": "US",
    "mapping": {"phone": "number", "first_name": "attributes.first_name"},
    "purpose": "marketing",
    "attestation": WORD,
}
IMPORT = {
    "id": "imp_3",
    "name": "spring.csv",
    "status": "checked",
    "program": "acme",
    "columns": {"phone": "number", "first_name": "attributes.first_name"},
    "problem": "",
    "export": "",
    "done": 0,
    "size": 1043,
    "foretold": COUNTS,
    "counts": {},
    "notes": [],
    "why_no_undo": "Import 3 is checked; only a finished one can be undone.",
    "started_at": "2026-03-10T15:00:00Z",
    "finished_at": None,
}
REFUSED = {"line": 4, "code": "invalid_number", "reason": "This is no phone number.", "row": None}
ImportStatus = Literal[
    "uploaded", "checking", "checked", "running", "finished", "failed", "undoing", "undone", "discarded"
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\u0000]*$")]

door = ApiDoor("api_imports", __name__)


class FileName(BaseModel):
    """What the file is called."""

    model_config = shape()
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_CONTROLS)] = Field(
        default="import.csv", description="Shown to people."
    )


class AttestationWrite(Asked):
    """A person's word that everybody in the file agreed, to these words, there and then."""

    model_config = shape(WORD, strict=True)
    source: Words = Field(description="Where they agreed: the form's address, the till.")
    wording: Words = Field(description="The exact words that were shown.")
    by: Words = Field(description="Whose word it is.")
    at: Words = Field(description="When, such as 2026-03-01; the earliest that is true of everybody.")
    how: Literal["web_form", "checkout", "keyword", "paper", "in_person", "phone_call", "other_system"]
    collected_by: Words = Field(description="Who asked the people; it must be your own organisation.")


class CheckWrite(Asked):
    """How to read the file, and where its consent comes from."""

    model_config = shape(CHECK, strict=True)
    program: Slug | None = Field(default=None, description="Whose consent it is; null brings people in without any.")
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="The country of numbers that are written without one; never assumed."
    )
    mapping: dict[Value, Value] = Field(
        default_factory=dict,
        max_length=500,
        description="Column to field (`number`, `language`, `consent`, `attributes.city`, `skip`); others are read.",
    )
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    purpose: Literal["marketing", "informational", "transactional"] | None = None
    attestation: AttestationWrite | None = Field(
        default=None, description="Needed where the file does not say itself who agreed."
    )


class ImportOut(BaseModel):
    """One import and where it is."""

    model_config = shape(IMPORT)
    id: str
    name: str
    status: ImportStatus
    program: str | None
    columns: dict[str, str] = Field(description="What each column is taken for; empty once the file is gone.")
    problem: str = Field(description="Why it cannot be read like this, or why it failed.")
    export: str = Field(description="The system whose export it looks like.")
    done: int = Field(description="Bytes that are through, of `size`.")
    size: int
    foretold: dict[str, int] = Field(description="What the dry run counted.")
    counts: dict[str, int] = Field(description="What the import did.")
    notes: list[str]
    why_no_undo: str = Field(description="Empty where it can be undone.")
    started_at: datetime
    finished_at: datetime | None


class ImportList(BaseModel):
    """A page of imports, newest first."""

    model_config = shape({"data": [IMPORT], "next_cursor": None})
    data: list[ImportOut]
    next_cursor: str | None


class RefusedOut(BaseModel):
    """A row that was not taken. ``row`` is what stood in it, for who said what for."""

    line: int
    code: str
    reason: str
    row: str | None


class RefusedList(BaseModel):
    """A page of refused rows, by line."""

    model_config = shape({"data": [REFUSED], "next_cursor": None})
    data: list[RefusedOut]
    next_cursor: str | None


class RefusedPage(Page):
    """Which refused rows; with ``why`` their content comes along."""

    why: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS)] | None = Field(
        default=None, description="What the rows' content is needed for; the audit keeps it."
    )


@door.operation(
    "POST", "/imports", scope="imports:write", query=FileName, answer=ImportOut, status=201, transaction="own",
    makes=True, problems=("invalid_import",), takes_file=True,
)  # fmt: skip
def upload_import(call: Call, query: FileName, file: IO[bytes]) -> ImportOut:
    """Take in a file (CSV or XLSX, up to 200 MiB), sealed. Nobody is imported before it was checked and committed."""
    try:
        made = uploads.take_in(call.runtime, query.name, file, call.key.actor)
    except FileRefused as error:
        raise ApiProblem("invalid_import", str(error)) from error
    return _shown(call, made)


@door.operation("GET", "/imports", scope="imports:read", query=Page, answer=ImportList)
def list_imports(call: Call, query: Page) -> ImportList:
    """Every import, newest first."""
    start = query.after or 0
    found = uploads.listing(call.session, None, query.limit + 1, start)
    more = cursor_of(start + query.limit) if len(found) > query.limit else None
    return ImportList(data=[_told(call, run, {}) for run in found[: query.limit]], next_cursor=more)


@door.operation(
    "GET", "/imports/<import_id>", scope="imports:read", answer=ImportOut, transaction="own", problems=("not_found",)
)
def show_import(call: Call, import_id: str) -> ImportOut:
    """One import: its columns while it waits, what the dry run foretold, how far it is, what came of it."""
    return _shown(call, _id(call, import_id))


@door.operation(
    "POST", "/imports/<import_id>/check", scope="imports:write", body=CheckWrite, answer=ImportOut, transaction="own",
    problems=("not_found", "unknown_program", "invalid_import"),
)  # fmt: skip
def check_import(call: Call, import_id: str, body: CheckWrite) -> ImportOut:
    """Have the dry run made: look until it is `checked`. It writes nothing, and may be asked again."""
    run_id = _id(call, import_id)
    try:
        uploads.check(call.runtime, run_id, _options(call, body), call.key.actor)
    except FileRefused as error:
        raise ApiProblem("invalid_import", str(error)) from error
    return _shown(call, run_id)


@door.operation(
    "POST", "/imports/<import_id>/commit", scope="imports:write", answer=ImportOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def commit_import(call: Call, import_id: str) -> ImportOut:
    """Import it as the dry run foretold. It adds, and revives nobody who said stop."""
    return _move(call, import_id, "commit")


@door.operation(
    "POST", "/imports/<import_id>/undo", scope="imports:write", answer=ImportOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def undo_import(call: Call, import_id: str) -> ImportOut:
    """Take it back, as long as no text went to anybody in it: consent is withdrawn, former fields return."""
    return _move(call, import_id, "undo")


@door.operation(
    "DELETE", "/imports/<import_id>", scope="imports:write", answer=ImportOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def discard_import(call: Call, import_id: str) -> ImportOut:
    """Forget an uploaded file that was not imported."""
    return _move(call, import_id, "discard")


@door.operation(
    "GET", "/imports/<import_id>/refused", scope="imports:read", query=RefusedPage, answer=RefusedList,
    transaction="write", problems=("not_found",),
)  # fmt: skip
def list_refused(call: Call, import_id: str, query: RefusedPage) -> RefusedList:
    """The rows that were not taken, with line and reason; with `why` what stood in them, too."""
    run_id = _id(call, import_id)
    rows = refusals(call.session, run_id, query.after or 0, query.limit + 1)
    more = cursor_of(rows[query.limit - 1].id or 0) if len(rows) > query.limit else None
    data = [
        RefusedOut(
            line=row.line, code=row.code, reason=row.reason,
            row=call.runtime.keys.unwrap(row.row_cipher).decode().rstrip("\r\n") if query.why else None,
        )
        for row in rows[: query.limit]
    ]  # fmt: skip
    if query.why and data:
        note_taken(call.session, call.runtime.clock.now(), call.key.actor, run_id, query.why, len(data))
    return RefusedList(data=data, next_cursor=more)


def _options(call: Call, body: CheckWrite) -> ImportOptions:
    with call.runtime.db.read() as session:
        found = programs_named(session, call.key, [body.program] if body.program else [])
    if body.program and body.program not in found:
        raise ApiProblem("unknown_program", f"There is no program {body.program!r} that this key may use.")
    word, now = body.attestation, call.runtime.clock.now()
    vouched = None
    if word is not None:
        said = (word.source, word.wording, word.by, word.at, body.purpose, now, word.how, word.collected_by)
        vouched, _ = attest(*said)
    return ImportOptions(
        program_id=found[body.program].id if body.program else None,
        region=body.region,
        mapping=body.mapping,
        delimiter=body.delimiter,
        purpose=Purpose(body.purpose) if body.purpose else None,
        attestation=vouched,
    )


def _move(call: Call, name: str, act: Literal["commit", "undo", "discard"]) -> ImportOut:
    run_id = _id(call, name)
    try:
        if act == "commit":
            uploads.commit(call.runtime, run_id, call.key.actor)
        elif act == "undo":
            undoing.begin_undo(call.runtime.db, call.runtime.clock, run_id, call.key.actor)
        else:
            uploads.discard(call.runtime, run_id)
    except FileRefused as error:
        raise ApiProblem("not_possible", str(error)) from error
    return _shown(call, run_id)


def _id(call: Call, name: str) -> int:
    run_id = named("imp", name, "import")
    with call.runtime.db.read() as session:
        found = uploads.find(session, run_id)
    if found is None or found.status == "discarded":
        raise ApiProblem("not_found", "There is no such import.")
    return run_id


def _shown(call: Call, run_id: int) -> ImportOut:
    """With its columns, which are read from the file itself while it is there."""
    with call.runtime.db.read() as call.within:
        run = call.session.get_one(ImportRun, run_id)
        seen: dict[str, Any] = {}
        if run.status in ("uploaded", "checked", "failed"):
            try:
                top = uploads.glance(call.runtime, run_id, run.options.get("mapping") or {})
                seen = {"columns": dict(top.meant), "problem": top.problem, "export": top.export}
            except FileRefused as error:
                seen = {"problem": str(error)}
        return _told(call, run, seen)


def _told(call: Call, run: ImportRun, seen: dict[str, Any]) -> ImportOut:
    program = call.session.get(Program, run.program_id) if run.program_id else None
    same = ("name", "status", "done", "size", "started_at", "finished_at")
    return ImportOut(
        id=f"imp_{run.id}",
        program=program.slug if program else None,
        columns=seen.get("columns", {}),
        problem=run.problem or seen.get("problem", ""),
        export=seen.get("export", ""),
        foretold=run.outlook.get("counts", {}),
        counts=run.counts,
        notes=run.outlook.get("notes", []),
        why_no_undo=undoing.why_not(call.session, run.id or 0),
        **{name: getattr(run, name) for name in same},
    )
