"""The OpenAPI document and its page: whole, valid, with examples that work, and nothing inline."""

import re
from urllib.parse import urlencode

import pytest

from sender.campaigns import control
from sender.campaigns.control import CampaignIn, VariantIn
from tests.api.conftest import caller
from tests.installation import Installation
from web.api.document import document, operations, problems_of
from web.api.problems import CODES
from web.app import create_app

JSON = "application/json"
IDS = {"{webhook_id}": "whk_1", "{number}": "+12125550123", "{segment_id}": "seg_1", "{form_id}": "frm_1"}
IDS |= {"{import_id}": "imp_1", "{campaign_id}": "cmp_1"}


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
            (answer,) = one["responses"][min(one["responses"])]["content"].items()
            assert answer[0] != JSON or "example" in answer[1], one
            for content in one.get("requestBody", {}).get("content", {}).values():
                assert "example" in content, one["operationId"]


def bodies() -> list[tuple[str, str]]:
    """Method and path of each operation whose body has an example."""
    paths = document()["paths"].items()
    return [(method, path) for path, methods in paths for method, one in methods.items() if "requestBody" in one]


@pytest.mark.parametrize(("method", "path"), bodies())
def test_every_example_works(installation: Installation, method: str, path: str) -> None:
    """What the document shows as a body is taken."""
    shop = caller(installation)
    for made in ("/webhooks", "/contacts", "/segments", "/forms", "/imports"):
        if made == "/contacts" or (made in path and made != path):
            (content,) = document()["paths"][made]["post"]["requestBody"]["content"].values()
            shop.send("POST", made, content["example"])
    if "/campaigns" in path:
        control.create(installation.runtime, CampaignIn("Sale", "acme", [VariantIn("all", {}, "Sale", {})]), "ann")
    told = document()["paths"][path][method]
    (content,) = told["requestBody"]["content"].values()
    asked = {
        one["name"]: one["schema"]["examples"][0]
        for one in told["parameters"]
        if one["required"] and one["in"] == "query"
    }
    for name, value in IDS.items():
        path = path.replace(name, value)
    answer = shop.send(method.upper(), f"{path}?{urlencode(asked)}", content["example"])
    assert answer.status_code in (200, 201), answer.json


def test_the_page_is_whole_without_inline_script(installation: Installation) -> None:
    """Each operation and each problem is on it, and the policy has nothing to refuse."""
    answer = create_app(installation.runtime).test_client().get("/api/docs")
    assert answer.status_code == 200
    for name in CODES:
        assert f'id="{name}"' in answer.text
    assert answer.text.count("api-try") == len(list(operations()))
    assert not re.search(r"<script>|style=|\son\w+=", answer.text)
