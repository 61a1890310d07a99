"""One request and how often it is tried: only what is safe to repeat is repeated, because its key stays the same."""

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

TRIES = 6
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 20.0
PASSING = frozenset({429, 500, 502, 503, 504})


class Problem(Exception):
    """The API refused: ``code`` is stable, ``mend`` says what to do, ``errors`` name the fields."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        self.status = status
        self.code = str(told.get("code", f"http_{status}"))
        self.mend = str(told.get("mend", ""))
        self.errors = list(told.get("errors", ()))
        self.request_id = str(told.get("request_id", ""))
        super().__init__(f"{self.code}: {told.get('detail', 'no more is known')}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``once`` is its Idempotency-Key, made here where the caller gives none; ``content``: a file."""

    method: str
    path: str
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    once: str = ""
    content: bytes | None = None

    def __post_init__(self) -> None:
        """Whatever is posted has a key, so that repeating it has one effect."""
        if self.method == "POST" and not self.once:
            object.__setattr__(self, "once", uuid.uuid4().hex)

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request as it is sent, each time the same."""
        query = {name: value for name, value in self.query.items() if value is not None}
        headers = {"Idempotency-Key": self.once} if self.method == "POST" else {}
        carried: dict[str, Any] = {"json": self.body} if self.content is None else {"content": self.content}
        return client.build_request(
            self.method, f"/api/v1{self.path}", params=query or None, headers=headers, **carried
        )


def making(path: str, body: Any, once: str = "") -> Call:
    """A request that makes something, under a key of its own."""
    return Call("POST", path, body, once=once)


def pause(tried: int, answer: httpx.Response | None) -> float | None:
    """Seconds to wait before the next try after an answer (None: there was none); None: do not try again."""
    if tried >= TRIES or (answer is not None and not _is_passing(answer)):
        return None
    asked = answer.headers.get("Retry-After", "") if answer is not None else ""
    if asked.isdigit():
        return min(LONGEST_PAUSE, float(asked))
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tried - 1))) * random.uniform(0.5, 1.0)


def told(answer: httpx.Response) -> Any:
    """The answer's content, bytes where it is no JSON; Problem where it is one."""
    if answer.is_success:
        return answer.json() if "json" in answer.headers.get("Content-Type", "json") else answer.content
    raise Problem(answer.status_code, _content(answer))


def _is_passing(answer: httpx.Response) -> bool:
    in_flight = answer.status_code == 409 and _content(answer).get("code") == "in_flight"
    return answer.status_code in PASSING or in_flight


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
