"""Requests that Twilio never sent, made from those it did: none is taken; those it sends again change nothing."""

import random
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlmodel import SQLModel, select

from sender.models import Installation
from sender.runtime import Runtime
from tests.installation import make_program
from tests.web.conftest import START, post, signed
from tests.web.test_hooks import INBOUND, STATUS, status_path
from web.signature import BadParametersError, form_parameters

SIGNS = "abcXYZ019+/=&?%. é"
FORM = "application/x-www-form-urlencoded"
KINDS = ("value", "name", "more", "fewer", "twice", "shift", "split", "swallow", "path", "query", "header", "raw")
EXAMPLES = pytest.mark.parametrize("examples", [600, pytest.param(100_000, marks=pytest.mark.nightly)])
FAILED = {**STATUS, "ErrorCode": "30005", "MessageStatus": "undelivered"}


def mutated(dice: random.Random, request: dict[str, Any]) -> dict[str, Any]:
    """One thing of a request changed: an address, a name, a value, a boundary, a header, a byte of its body."""
    path, header = request["path"], request["headers"]["X-Twilio-Signature"]
    data, how = dict(request["data"]), dice.choice(KINDS)
    name = dice.choice(sorted(data))
    match how:
        case "value":
            data[name] = changed(dice, data[name])
        case "name":
            data[changed(dice, name)] = data.pop(name)
        case "more":
            data[changed(dice, name)] = data[name]
        case "fewer":
            del data[name]
        case "shift":
            data |= (
                {name[:-1]: name[-1] + data.pop(name)}
                if dice.random() < 0.5
                else {name + data[name][:1]: data.pop(name)[1:]}
            )
        case "split":
            spot = dice.randrange(1, len(name))
            data |= {name[:spot]: "", name[spot:]: data.pop(name)}
        case "swallow":
            after = sorted(data)[(sorted(data).index(name) + 1) % len(data)]
            data[name] += after + data.pop(after) if after != name else "x"
        case "path":
            path = "/hooks/twilio/" + changed(dice, path.removeprefix("/hooks/twilio/")).replace("?", "x")
        case "query":
            path += "?" + changed(dice, "a=1")
        case "header":
            header = changed(dice, header)
    body = urlencode(data) + (f"&{urlencode({name: 'x'})}" if how == "twice" else "")
    body = changed(dice, body) if how == "raw" else body
    return {"path": path, "data": body, "headers": {"X-Twilio-Signature": header.encode().decode("latin-1")}}


def changed(dice: random.Random, text: str) -> str:
    """One character put in, taken out or replaced by another."""
    spot, sign = dice.randrange(max(len(text), 1)), dice.choice(SIGNS)
    return dice.choice(
        [text[:spot] + sign + text[spot + 1 :], text[:spot] + sign + text[spot:], text[:spot] + text[spot + 1 :]]
    )


def is_other(request: dict[str, Any], made: dict[str, Any]) -> bool:
    """Whether the mutation says anything else than what it was made from; an escape may be written in two ways."""
    try:
        same = form_parameters(made["data"].encode()) == request["data"]
    except (BadParametersError, UnicodeEncodeError):
        return True
    return not same or made["path"] != request["path"] or made["headers"] != request["headers"]


def rows(runtime: Runtime) -> list[Any]:
    """Every row of every table."""
    with runtime.db.read() as session:
        return [session.execute(select(table)).all() for table in SQLModel.metadata.sorted_tables]


@EXAMPLES
def test_no_mutation_is_taken(client: FlaskClient, runtime: Runtime, examples: int) -> None:
    """Of receipts and texts changed in one place none gets a 2xx, and nothing of them is in the database."""
    dice, before = random.Random(20260302), rows(runtime)
    sources = [signed(status_path(runtime), FAILED), signed("/hooks/twilio/inbound", INBOUND)]
    taken, tried = [], 0
    while tried < examples:
        request = dice.choice(sources)
        made = mutated(dice, request)
        if is_other(request, made):
            tried += 1
            answer = client.post(made["path"], data=made["data"], headers=made["headers"], content_type=FORM)
            taken += [made] if answer.status_code < 400 else []
    assert taken == []
    assert rows(runtime) == before


@pytest.mark.parametrize("times", [50, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_what_comes_again_changes_nothing(client: FlaskClient, runtime: Runtime, times: int) -> None:
    """The same receipt and the same STOP, over and over and in turn: every answer is 2xx, no row is another."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
        make_program(session, START)
    both = [signed(status_path(runtime), FAILED), signed("/hooks/twilio/inbound", {**INBOUND, "To": "+12125550100"})]
    for request in both:
        assert post(client, request).status_code < 300
    before = rows(runtime)
    assert {post(client, request).status_code for _ in range(times) for request in both} <= {200, 204}
    assert rows(runtime) == before
