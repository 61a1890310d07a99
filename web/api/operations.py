"""How a request of other software is taken: key, scope, rate, shape, one effect; and how it is answered.

An operation names its scope, what it reads and what it answers, in one place: the rule of its route and the OpenAPI
document are made from that. A route of an ``ApiDoor`` without an operation is refused.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Literal

from flask import Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from sqlmodel import Session
from structlog.contextvars import bind_contextvars

from sender.api import keys
from sender.api.answers import First, InFlightError, OtherRequestError, first_answer, keep_answer, request_hash
from sender.api.reads import count_read
from sender.audience.importing import uploads, workbook
from sender.models import ApiKey
from sender.runtime import Runtime
from web.api.limits import Allowance
from web.api.problems import ApiProblem, is_api, request_id
from web.auth import Door
from web.context import runtime, web

LARGEST = 2 * 1024 * 1024
LARGEST_FILE = uploads.MOST_BYTES
JSON = "application/json"
PIECE = 1 << 18
PREFIX = "/api/v1"
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
Transaction = Literal["read", "write", "own"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked. ``makes``: it takes an Idempotency-Key. ``problems``: codes beside the usual ones.

    ``transaction``: what is open while the view runs; "own": it opens its own. ``takes_file``: the body is a file that
    the view reads from disk, ``largest`` how many bytes it may have. ``gives``: the type of an answer that is no JSON,
    for which the view returns bytes. ``reads``: what of people it hands out, counted by key and day in the audit; empty
    where it hands out none, or is an act of its own there.
    """

    endpoint: str
    method: str
    path: str
    scope: str
    view: Callable[..., Any]
    answer: type[BaseModel]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    status: int
    transaction: Transaction
    makes: bool
    problems: tuple[str, ...]
    takes_file: bool
    gives: str
    largest: int
    reads: str


@dataclass(slots=True)
class Call:
    """One request that may pass: its key, the open transaction, and its Idempotency-Key ("" where there is none).

    ``shown`` is how many people are in the answer of an operation that ``reads``.
    """

    runtime: Runtime
    key: ApiKey
    once: str
    hashed: bytes
    within: Session | None = None
    shown: int = 0

    @property
    def session(self) -> Session:
        """The transaction that is open for this request."""
        if self.within is None:
            raise RuntimeError("this operation opens its own transactions")
        return self.within

    def may_use(self, program_id: int | None) -> bool:
        """Whether the key is for this program; None, no program, is for keys of every program."""
        return not self.key.programs or program_id in self.key.programs


class _FreshError(Exception):
    """Nobody has asked this under this key before."""


class ApiDoor(Door):
    """A door of the API: every route of it is an operation, and passes with a key of its scope."""

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(name, import_name, rule=keyed, csrf=False, url_prefix=PREFIX)
        self.operations: dict[str, Operation] = {}

    def operation(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        answer: type[BaseModel],
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        status: int = 200,
        transaction: Transaction | None = None,
        makes: bool = False,
        problems: tuple[str, ...] = (),
        takes_file: bool = False,
        gives: str = JSON,
        largest: int = LARGEST_FILE,
        reads: str = "",
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a view as an operation; its docstring is its description."""

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            endpoint = f"{self.name}.{view.__name__}"
            within: Transaction = transaction or ("read" if method == "GET" else "write")
            made = Operation(
                endpoint, method, path, scope, view, answer, body, query, status, within, makes, problems, takes_file,
                gives, largest, reads,
            )  # fmt: skip
            self.operations[endpoint] = made
            self.add_url_rule(path, view.__name__, lambda **parts: perform(made, parts), methods=[method])
            return view

        return register


def keyed() -> None:
    """The rule of the API: a live key that has the scope of the operation, and asks no more often than it may."""
    door = request.blueprint and _doors().get(request.blueprint)
    operation = door.operations.get(request.endpoint or "") if door else None
    if operation is None:
        raise ApiProblem("no_rule")
    g.api_key = _key()
    allowance = web().rates.take(g.api_key.id or 0, runtime().clock.elapsed())
    g.allowance = allowance
    if not allowance.allowed:
        raise ApiProblem("rate_limited", f"This key may ask {allowance.limit} times a minute.")
    if not g.api_key.holds(operation.scope):
        raise ApiProblem("missing_scope", f"This needs the scope {operation.scope}.")
    request.max_content_length = operation.largest if operation.takes_file else LARGEST


def name_request(response: Response) -> Response:
    """Tell the request's name, and what is left of the key's allowance; an ``after_request`` function of Flask."""
    response.headers["X-Request-Id"] = request_id()
    if is_api():
        allowance: Allowance | None = g.get("allowance")
        if allowance is not None:
            response.headers["RateLimit-Limit"] = str(allowance.limit)
            response.headers["RateLimit-Remaining"] = str(allowance.remaining)
            response.headers["RateLimit-Reset"] = str(allowance.reset)
            if not allowance.allowed:
                response.headers["Retry-After"] = str(allowance.reset)
    return response


def _doors() -> dict[str, "ApiDoor"]:
    return {name: door for name, door in current_app.blueprints.items() if isinstance(door, ApiDoor)}


def _key() -> ApiKey:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise ApiProblem("missing_key")
    real = runtime().clock.real()
    try:
        with runtime().db.read() as session:
            found = keys.key_of(session, runtime().keys, text.strip(), real)
    except keys.KeyRefusedError as refused:
        raise ApiProblem(refused.code, str(refused)) from refused
    bind_contextvars(who=f"key {found.public_id}")
    if keys.is_stale(found, real):
        with runtime().db.write(redoable=True) as session:
            keys.note_use(session, found.id or 0, real)
    return found


def perform(operation: Operation, parts: dict[str, str]) -> Response:
    """Read the request, call the view in its transaction, and answer; once only under an Idempotency-Key."""
    if operation.takes_file:
        with workbook.spool() as file:
            digest = _read_file(file)
            return _perform(operation, {**parts, "file": file}, digest)
    return _perform(operation, parts, request.get_data(cache=False) if operation.body else b"")


def _perform(operation: Operation, parts: dict[str, Any], raw: bytes) -> Response:
    asked: dict[str, Any] = dict(parts)
    if operation.query:
        asked["query"] = _read_query(operation.query)
    if operation.body:
        asked["body"] = _read_body(operation.body, raw)
    once = _once() if operation.makes else ""
    hashed = request_hash(operation.method, request.full_path if operation.takes_file else request.path, raw)
    call = Call(runtime(), g.api_key, once, hashed)
    if once:
        with web().in_flight.hold(call.key.id or 0, once) as free:
            if not free:
                raise ApiProblem("in_flight")
            return _in_transaction(operation, call, asked)
    return _in_transaction(operation, call, asked)


def _in_transaction(operation: Operation, call: Call, asked: dict[str, Any]) -> Response:
    def work() -> First:
        said = operation.view(call, **asked)
        call.shown = len(getattr(said, "data", (said,))) if operation.reads else 0
        body = said if isinstance(said, bytes) else said.model_dump_json(by_alias=True).encode()
        return First(operation.status, body)

    if operation.transaction == "own":
        return _answer(*_once_apart(call, work), operation.gives)
    if operation.transaction == "read":
        with call.runtime.db.read() as call.within:
            first = work()
        if call.shown:
            _count_read(operation, call)
        return _answer(first, False, operation.gives)
    with call.runtime.db.write() as call.within:
        first, replayed = once_only(call, call.session, call.once, work) if call.once else (work(), False)
    return _answer(first, replayed, operation.gives)


def _count_read(operation: Operation, call: Call) -> None:
    """Before anybody sees the answer; where it cannot be written down, nobody does."""
    with call.runtime.db.write(redoable=True) as session:
        count_read(session, call.key, operation.reads, call.shown, call.runtime.clock.now())


def _once_apart(call: Call, work: Callable[[], First]) -> tuple[First, bool]:
    """Work that opens its own transactions: its answer is kept right after it.

    A kill in between leaves an effect whose answer nobody has; so only what is harmless twice may ask for this.
    """
    if not call.once:
        return work(), False

    def nothing() -> First:
        raise _FreshError

    with suppress(_FreshError), call.runtime.db.write() as session:
        return once_only(call, session, call.once, nothing)
    done = work()
    with call.runtime.db.write() as session:
        return once_only(call, session, call.once, lambda: done)[0], False


def _read_file(file: IO[bytes]) -> bytes:
    """Put the body on disk; returns its digest."""
    digest = hashlib.sha256()
    while piece := request.stream.read(PIECE):
        digest.update(piece)
        file.write(piece)
    file.seek(0)
    return digest.digest()


def once_only(call: Call, session: Session, name: str, work: Callable[[], First]) -> tuple[First, bool]:
    """Do the work and keep its answer under ``name`` in this transaction, or give what it answered before (True)."""
    keyring, key_id, real = call.runtime.keys, call.key.id or 0, call.runtime.clock.real()
    try:
        known = first_answer(session, keyring, key_id, name, call.hashed, real)
    except InFlightError as error:
        raise ApiProblem("in_flight") from error
    except OtherRequestError as error:
        raise ApiProblem("idempotency_key_reused") from error
    if known is not None:
        return known, True
    done = work()
    keep_answer(session, keyring, key_id, name, call.hashed, done, real)
    return done, False


def _answer(first: First, replayed: bool, mimetype: str) -> Response:
    response = Response(first.body, first.status, mimetype=mimetype)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _once() -> str:
    name = request.headers.get("Idempotency-Key")
    if name is None:
        return ""
    if not VISIBLE.fullmatch(name):
        raise ApiProblem("invalid_idempotency_key")
    return name


def _read_body(shape: type[BaseModel], raw: bytes) -> BaseModel:
    if request.mimetype != "application/json":
        raise ApiProblem("not_json_type")
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise ApiProblem("invalid_json") from error
        raise ApiProblem("invalid_request", errors=faults(error)) from error


def _read_query(shape: type[BaseModel]) -> BaseModel:
    if twice := [name for name, values in request.args.lists() if len(values) > 1]:
        # A proxy may look at the one and we at the other.
        raise ApiProblem(
            "invalid_request", errors=[{"pointer": f"/{name}", "message": "Say it once"} for name in twice]
        )
    try:
        return shape.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise ApiProblem("invalid_request", errors=faults(error)) from error


def faults(error: ValidationError) -> list[dict[str, str]]:
    """Each fault with where it is, as a JSON pointer, and what is wrong; never what was sent."""
    return [
        {"pointer": "".join(f"/{part}" for part in one["loc"]), "message": one["msg"]}
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
