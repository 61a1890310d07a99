"""Doors: every page can be reached from the home page by its links, and docs/web.md names every door there is."""

import re
from collections import Counter
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from sender.runtime import Runtime
from tests.browser.lived_in import live_in
from tests.browser.signed_up import open_doors
from tests.project.trees import ROOT
from tests.web.conftest import EMAIL, log_in
from tests.web.test_query_counts import seeded
from tests.web.walking import addresses

LINK = re.compile(r'(?:href|src|action|hx-get|data-live)="(/[^"]*)"')
TABLE = re.compile(r"^\| `(.*?)` \|", re.MULTILINE)
OFTEN = 6
"""So many pages of a kind are looked at: buttons depend on what stands there."""
ELSEWHERE = {
    "for people who have not signed in": "join links opt_out preferences sign_in",
    "while the simulator is in use": "virtual_phones",
    "while sending is halted": "frame.ask_release",
    "while something goes on": "imports.live review.progress",
    "once there are refused rows, a register, an approved campaign": "imports.ask_refused number_files.ask_forget "
    "review.ask_start",
    "where an act leads": "account.again account.ask_again",
}
"""What no page of somebody who is signed in leads to, and why."""


def test_every_page_is_reached_from_home(
    app: Flask, runtime: Runtime, client: FlaskClient, add_user: Callable[..., int]
) -> None:
    """Whoever begins at home and follows links comes to every page, but for those that are named with a reason."""
    known = seeded(runtime)
    live_in(runtime, EMAIL)
    open_doors(runtime, EMAIL)
    add_user()
    assert log_in(client).status_code == 303
    reached, waiting, seen = Counter[str](), ["/"], set[str]()
    while waiting:
        endpoint = found(app, path := waiting.pop())
        if path in seen or endpoint is None or reached[endpoint] == OFTEN:
            continue
        seen.add(path)
        reached[endpoint] += 1
        answer = client.get(path)
        if answer.mimetype == "text/html":
            waiting += [unescape(link) for link in LINK.findall(answer.text)]
    wanted = {name.partition(" ")[0] for name in addresses(app, known)}
    spared = {one for some in ELSEWHERE.values() for one in some.split()}
    missed = sorted(one for one in wanted - set(reached) if not spared & {one, one.partition(".")[0]})
    assert missed == []


def test_the_table_of_doors_is_whole(app: Flask) -> None:
    """docs/web.md names the beginning of every address that is served, and no other."""
    section = (ROOT / "docs/web.md").read_text().partition("## Who may pass")[2].partition("\n## ")[0]
    told = {beginning(one) for line in TABLE.findall(section) for one in re.split("`, `", line)}
    served = {beginning(rule.rule) for rule in app.url_map.iter_rules()}
    assert told == served


def beginning(address: str) -> str:
    """The first part of an address."""
    return address.strip("/").partition("/")[0]


def found(app: Flask, link: str) -> str | None:
    """The endpoint that a link leads to; None where there is no page for it."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(urlsplit(link).path, method="GET")
    except HTTPException:
        return None
    return str(endpoint)
