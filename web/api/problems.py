"""What can go wrong with a request, each under a code that never changes, with what to do (RFC 9457)."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, g, request

MIMETYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem: its HTTP status, its name, and what to do about it."""

    status: int
    title: str
    mend: str


CODES: Mapping[str, Code] = {
    "invalid_json": Code(400, "The body is not JSON", "Send one JSON object in UTF-8."),
    "invalid_cursor": Code(400, "The cursor is not ours", "Pass next_cursor on unchanged, or leave it out."),
    "invalid_idempotency_key": Code(400, "The Idempotency-Key cannot be used", "Send 1 to 255 visible characters."),
    "missing_key": Code(401, "No key", "Send `Authorization: Bearer tactful_…`."),
    "invalid_key": Code(401, "The key opens nothing", "Copy the key whole, or make one with `tactful apikey create`."),
    "expired_key": Code(401, "The key is over", "Make a new one with `tactful apikey create`."),
    "revoked_key": Code(401, "The key was revoked", "Make a new one with `tactful apikey create`."),
    "missing_scope": Code(403, "The key may not do this", "Make a key with the scope that the detail names."),
    "no_rule": Code(403, "Nobody may do this", "Report it: this address has no rule."),
    "not_found": Code(404, "There is no such thing", "Check the address and the id; the key may not see it either."),
    "method_not_allowed": Code(405, "The address does not do this", "Use a method that the document names."),
    "not_acceptable": Code(406, "Only JSON is answered", "Accept application/json."),
    "in_flight": Code(409, "The same request is being worked on", "Repeat it in a second: you get its answer."),
    "not_waiting": Code(409, "The message waits no longer", "Nothing can be done: it has left or is over."),
    "opted_out": Code(409, "The person said stop", "Nothing: only their own later act undoes it."),
    "on_hold": Code(409, "The data is on legal hold", "Release the hold first: `tactful retention release`."),
    "gone": Code(409, "The endpoint is disabled", "Mend what listens there, then enable the endpoint."),
    "not_live": Code(409, "The automation is not live", "Nothing can be done: it stands still already."),
    "not_possible": Code(409, "It is not in a state for this", "Look at it, and do what the detail says."),
    "too_large": Code(413, "The body is too large", "At most 2 MiB; a file of numbers 8, for an import 200."),
    "not_json_type": Code(415, "The body is of another type", "Send Content-Type: application/json."),
    "invalid_request": Code(422, "The request does not fit", "Mend the fields that `errors` names."),
    "idempotency_key_reused": Code(422, "The key was used for another request", "Use a fresh Idempotency-Key."),
    "unknown_program": Code(422, "There is no such program", "Use the short name of a program the key may use."),
    "purpose_not_sent": Code(422, "The program does not send this", "Use a purpose of the program, or add it there."),
    "invalid_number": Code(422, "This is no phone number", "Write the number as +14155550123."),
    "invalid_template": Code(422, "The template cannot be used", "Mend it as the detail says."),
    "invalid_text": Code(422, "The text cannot be sent", "Mend it as the detail says."),
    "marketing_words": Code(422, "The text looks like marketing", "Send it as marketing, or leave those words out."),
    "invalid_times": Code(422, "The times do not fit", "Let expires_at be later than send_at, and both ahead."),
    "no_from_number": Code(422, "No from_number serves this country", "Give the program one for the country or *."),
    "invalid_contact": Code(422, "The contact cannot be kept", "Mend it as the detail says."),
    "invalid_consent": Code(422, "The consent proves nothing", "Say what was shown, when and where."),
    "invalid_endpoint": Code(422, "The endpoint cannot be used", "Name an https address that the internet can reach."),
    "invalid_automation": Code(422, "The automation cannot be kept", "Mend it as the detail says."),
    "invalid_import": Code(422, "The file cannot be imported like this", "Mend it as the detail says."),
    "invalid_file": Code(422, "The file of numbers cannot be taken", "Mend it as the detail says."),
    "invalid_form": Code(422, "The form cannot be kept", "Mend it as the detail says."),
    "invalid_keyword": Code(422, "The keyword cannot be kept", "Mend it as the detail says."),
    "invalid_segment": Code(422, "The segment cannot be kept", "Mend it as the detail says."),
    "rate_limited": Code(429, "Too many requests", "Wait as many seconds as Retry-After says."),
    "internal": Code(
        500, "Something went wrong on our side", "Repeat it with the same Idempotency-Key, then report it."
    ),
    "unavailable": Code(503, "The database does not answer", "Repeat it with the same Idempotency-Key."),
}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json_type", 503: "unavailable"}


class ApiProblem(Exception):
    """Ends a request with a problem; ``errors`` name the fields, as JSON pointers with a sentence each."""

    def __init__(self, code: str, detail: str = "", errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail or CODES[code].mend
        self.errors = list(errors)


def is_api() -> bool:
    """Whether this request is for the API, found or not."""
    return request.path.startswith("/api/v1")


def request_id() -> str:
    """The name of this request, in every answer and log."""
    if "request_id" not in g:
        g.request_id = f"req_{secrets.token_hex(8)}"
    return str(g.request_id)


def body_of(problem: ApiProblem) -> dict[str, Any]:
    """The problem as RFC 9457 has it."""
    code = CODES[problem.code]
    return {
        "type": f"/api/docs#{problem.code}",
        "title": code.title,
        "status": code.status,
        "detail": problem.detail,
        "code": problem.code,
        "mend": code.mend,
        "request_id": request_id(),
        "errors": problem.errors,
    }


def answer(problem: ApiProblem) -> Response:
    """The answer to a request that came to nothing."""
    response = Response(json.dumps(body_of(problem)), CODES[problem.code].status, mimetype=MIMETYPE)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def of_status(status: int) -> ApiProblem:
    """The problem for an HTTP error that Flask itself raises."""
    return ApiProblem(_BY_STATUS.get(status, "internal" if status >= 500 else "invalid_request"))
