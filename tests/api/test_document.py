"""The OpenAPI document and its page: whole, valid, with examples that work, and nothing inline."""

import re

import pytest

from tests.api.conftest import caller
from tests.installation import Installation
from web.api.document import document, operations, problems_of
from web.api.problems import CODES
from web.app import create_app

JSON = "application/json"


def test_every_operation_and_code_stands_in_the_document(installation: Installation) -> None:
    """The served document names each operation with its problems; every reference in it leads somewhere."""
    served = create_app(installation.runtime).test_client().get("/api/v1/openapi.json").json
    assert served["openapi"] == "3.1.0"
    told = {one["operationId"] for path in served["paths"].values() for one in path.values()}
    assert told == {one.endpoint.partition(".")[2] for one in operations()}
    references = set(re.findall(r"#/components/schemas/(\w+)", str(served)))
    assert references <= set(served["components"]["schemas"])
    assert {code for one in operations() for code in problems_of(one)} <= set(CODES)


def test_every_shape_in_an_answer_is_described() -> None:
    """No operation without a sentence, no request without an example."""
    for path in document()["paths"].values():
        for one in path.values():
            assert one["summary"]
            assert "example" in one["responses"][min(one["responses"])]["content"]["application/json"], one
            for content in one.get("requestBody", {}).get("content", {}).values():
                assert "example" in content, one["operationId"]


@pytest.mark.parametrize("path", [path for path, methods in document()["paths"].items() if "post" in methods])
def test_every_example_works(installation: Installation, path: str) -> None:
    """What the document shows as a body is taken."""
    content = document()["paths"][path]["post"].get("requestBody", {}).get("content", {})
    if content:
        shop = caller(installation)
        made = shop.post(
            "/webhooks", document()["paths"]["/webhooks"]["post"]["requestBody"]["content"][JSON]["example"]
        )
        known = document()["paths"]["/contacts"]["post"]["requestBody"]["content"][JSON]["example"]
        shop.post("/contacts", known)
        path = path.replace("{webhook_id}", made.json["id"]).replace("{number}", known["number"])
        answer = shop.post(path, content[JSON]["example"])
        assert answer.status_code in (200, 201), answer.json


def test_the_page_is_whole_without_inline_script(installation: Installation) -> None:
    """Each operation and each problem is on it, and the policy has nothing to refuse."""
    answer = create_app(installation.runtime).test_client().get("/api/docs")
    assert answer.status_code == 200
    for name in CODES:
        assert f'id="{name}"' in answer.text
    assert answer.text.count("api-try") == len(list(operations()))
    assert not re.search(r"<script>|style=|\son\w+=", answer.text)
