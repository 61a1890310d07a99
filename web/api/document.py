"""The OpenAPI 3.1 document, made from the operations themselves, and the page that shows it and lets one try."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flask import Response, jsonify, render_template
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api.doors import API_DOORS
from web.api.operations import JSON, PREFIX, Operation
from web.api.problems import CODES, MIMETYPE
from web.api.shapes import Problem
from web.auth import Door, anyone

USUAL = ("missing_key", "invalid_key", "missing_scope", "rate_limited", "internal", "unavailable")
OF_BODIES = ("invalid_json", "too_large", "not_json_type", "invalid_request")
OF_FILES = ("too_large",)
OF_MAKERS = ("invalid_idempotency_key", "in_flight", "idempotency_key_reused")
FILE = "application/octet-stream"
_PARAMETER = re.compile(r"<(\w+)>")
_REF = "#/components/schemas/{model}"

door = Door("api_document", __name__, rule=anyone)


@door.get("/api/v1/openapi.json")
def openapi() -> Response:
    """The document, for programs."""
    return jsonify(document())


@door.get("/api/docs")
def page() -> str:
    """The document, for people: every operation with an example to try, every problem with what to do."""
    return render_template("api.html", document=document(), operations=list(_listed()), codes=CODES)


@cache
def document() -> Mapping[str, Any]:
    """The whole document."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in operations():
        path = _PARAMETER.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tactful",
            "version": "1",
            "description": "Texts to people who said yes, at an hour allowed where they are. See /api/docs.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "`tactful apikey create`"}},
        },
    }


def operations() -> Iterator[Operation]:
    """Every operation of every door, in the order of the code."""
    for one in API_DOORS:
        yield from one.operations.values()


Schemas = Mapping[Any, dict[str, Any]]


def _schemas() -> tuple[Schemas, dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for one in operations():
        wanted.append((one.answer, "serialization"))
        wanted += [(shape, "validation") for shape in (one.body, one.query) if shape]
    schemas, definitions = models_json_schema(wanted, ref_template=_REF)
    return schemas, definitions["$defs"]


def _operation(one: Operation, schemas: Schemas) -> dict[str, Any]:
    summary, _, rest = (one.view.__doc__ or "").strip().partition("\n")
    told: dict[str, Any] = {
        "operationId": one.endpoint.partition(".")[2],
        "summary": summary.split(". ")[0].rstrip("."),
        "description": " ".join(f"{summary} {rest} Needs the scope `{one.scope}`.".split()),
        "tags": [one.scope.partition(":")[0]],
        "parameters": [*_parameters(one, schemas)],
        "responses": {str(one.status): _response(one, schemas), **_problems(one, schemas)},
    }
    if one.body:
        content = {"application/json": {"schema": schemas[one.body, "validation"], **_example(one.body)}}
        told["requestBody"] = {"required": True, "content": content}
    if one.takes_file:
        file = {
            "schema": {"type": "string", "contentMediaType": FILE},
            "example": "phone,first_name\n+12125550123,Ana\n",
        }
        told["requestBody"] = {"required": True, "content": {FILE: file}}
    return told


def _parameters(one: Operation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(one.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "description": "Its id.", "schema": schema}
    if one.query:
        asked = one.query.model_json_schema(ref_template=_REF)
        for name, schema in asked["properties"].items():
            said, must = schema.get("description", f"Only with this {name}."), name in asked.get("required", ())
            yield {"name": name, "in": "query", "required": must, "description": said, "schema": _plain(schema)}
    if one.makes:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Repeat a request under the same key, and it has one effect and one answer, for 24 hours.",
            "schema": schema,
        }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter has no null: it is left out."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return {**(kinds[0] if kinds else {}), **rest, **default}


def _response(one: Operation, schemas: Schemas) -> dict[str, Any]:
    headers = {
        "X-Request-Id": "The name of this request.",
        "RateLimit-Limit": "Requests a minute.",
        "RateLimit-Remaining": "Requests left.",
        "RateLimit-Reset": "Seconds until all of them are there again.",
    }
    return {
        "description": (one.answer.__doc__ or "").strip(),
        "headers": {name: {"description": said, "schema": {"type": "string"}} for name, said in headers.items()},
        "content": _content(one, schemas),
    }


def _content(one: Operation, schemas: Schemas) -> dict[str, Any]:
    if one.gives != JSON:
        return {one.gives: {"schema": {"type": "string", "contentMediaType": one.gives}}}
    return {JSON: {"schema": schemas[one.answer, "serialization"], **_example(one.answer)}}


def problems_of(one: Operation) -> list[str]:
    """Every code that an operation may answer, once each."""
    codes = [
        *USUAL,
        *one.problems,
        *(OF_BODIES if one.body else ()),
        *(OF_FILES if one.takes_file else ()),
        *(OF_MAKERS if one.makes else ()),
    ]
    if one.query:
        codes += ["invalid_request", "invalid_cursor"]
    return list(dict.fromkeys(codes))


def _problems(one: Operation, schemas: Schemas) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in problems_of(one):
        by_status.setdefault(CODES[code].status, []).append(code)
    content = {MIMETYPE: {"schema": schemas[Problem, "serialization"]}}
    return {
        str(status): {"description": ", ".join(f"`{code}`" for code in codes), "content": content}
        for status, codes in sorted(by_status.items())
    }


def _example(shape: type[BaseModel]) -> dict[str, Any]:
    extra = shape.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    return {"example": examples[0]} if isinstance(examples, list) and examples else {}


def _listed() -> Iterator[tuple[Operation, str, dict[str, Any], Any]]:
    """Each operation with its path, its part of the document, and an example of its body."""
    for one in operations():
        path = _PARAMETER.sub(r"{\1}", one.path)
        example = _example(one.body)["example"] if one.body else None
        yield one, PREFIX + path, document()["paths"][path][one.method.lower()], example
