"""Twilio's REST API over HTTP: who may ask, what is answered, and the answers that go wrong."""

import asyncio
import base64
import json
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from urllib.parse import parse_qs, parse_qsl

from aiohttp import web

from sender.simulator.acceptance import Form, one
from sender.simulator.config import Fault
from sender.simulator.errors import ApiError
from sender.simulator.faults import ACCEPTING, CODES
from sender.simulator.holdings import looked_up, phone_numbers, prices, short_codes
from sender.simulator.messages import API, fresh_sid
from sender.simulator.world import World

ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
HTML_502 = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Reply:
    """What to answer; ``fault`` says how the answer is spoilt on its way."""

    status: int
    body: dict[str, object] | None
    fault: Fault | None = None


@dataclass(slots=True)
class Call:
    """One API request as it arrived."""

    request: web.Request
    form: Form
    in_flight: int
    arrived: float = field(default_factory=time.time)
    request_id: str = field(default_factory=lambda: fresh_sid("RQ"))

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.request.path


Endpoint = Callable[[Call], Awaitable[Reply]]


class Api:
    """The endpoints and their common frame: log, authentication, latency, errors, headers."""

    def __init__(self, world: World) -> None:
        self._world = world
        config = world.config
        self._dice = random.Random(f"{config.seed}:latency")
        pairs = {config.account_sid: config.auth_token, **config.api_keys}
        self._passes = {_basic(name, secret) for name, secret in pairs.items()}

    def add_routes(self, app: web.Application) -> None:
        """Put the API under Twilio's paths; whatever else is asked for answers 20404."""
        app.router.add_get("/deactivation-files/{day}", self._deactivation_file)
        account = f"{API}/Accounts/{{account}}"
        for method, path, endpoint in (
            ("POST", f"{account}/Messages.json", self._create),
            ("GET", f"{account}/Messages.json", self._list),
            ("GET", f"{account}/Messages/{{sid}}.json", self._fetch),
            ("POST", f"{account}/Messages/{{sid}}.json", self._update),
            ("DELETE", f"{account}/Messages/{{sid}}.json", self._delete),
            ("POST", f"{account}/Messages/{{sid}}/Feedback.json", self._feedback),
            ("GET", f"{account}/Balance.json", self._balance),
            ("GET", f"{account}/IncomingPhoneNumbers.json", self._phone_numbers),
            ("GET", f"{account}/SMS/ShortCodes.json", self._short_codes),
            ("GET", f"{account}.json", self._account),
            ("GET", "/v1/Services/{sid}", self._service),
            ("GET", "/v1/Messaging/Countries/{country}", self._prices),
            ("GET", "/v2/PhoneNumbers/{number}", self._line_type),
            ("GET", "/v1/Deactivations", self._deactivations),
            ("*", "/{rest:.*}", self._nothing),
        ):
            app.router.add_route(method, path, self._framed(endpoint))

    def _framed(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            arrived = time.time()
            self._world.in_flight += 1
            try:
                form = parse_qs((await request.read()).decode(errors="replace"), keep_blank_values=True)
                call = Call(request, form, self._world.in_flight, arrived)
                self._log_request(call)
                reply = await self._answer(call, endpoint)
                return await self._send(call, reply)
            finally:
                self._world.in_flight -= 1

        return handle

    async def _answer(self, call: Call, endpoint: Endpoint) -> Reply:
        try:
            self._admit(call)
            await self._lag()
            reply = await endpoint(call)
        except ApiError as error:
            reply = Reply(error.status, error.body())
        await self._lag()
        return reply

    def _admit(self, call: Call) -> None:
        account = call.request.match_info.get("account")
        if account is not None and not ACCOUNT.fullmatch(account):
            raise ApiError(20404, detail=call.path)
        if call.request.headers.get("Authorization") not in self._passes:
            raise ApiError(20003)
        if account not in (None, self._world.config.account_sid):
            raise ApiError(20404, detail=call.path)
        limit = self._world.config.concurrency_limit
        if limit and call.in_flight > limit:
            raise ApiError(20429)

    async def _lag(self) -> None:
        """Half of an answer's latency; a caller who gives up may do so before or after acceptance."""
        latency = self._world.latency
        if latency.mean or latency.spread:
            whole = self._dice.uniform(latency.mean - latency.spread, latency.mean + latency.spread)
            await asyncio.sleep(max(0.0, whole / 2))

    async def _create(self, call: Call) -> Reply:
        to = one(call.form, "To")
        fault = self._world.faults.draw(to)
        if fault is None:
            return await self._accept(call)
        if fault not in ACCEPTING:
            self._world.log.write("fault", fault=fault, to=to, sid=None, request_id=call.request_id)
            return _error(CODES[fault], fault) if fault in CODES else Reply(502, None, fault)
        reply = await self._accept(call)
        sid = reply.body["sid"] if reply.body else None
        self._world.log.write("fault", fault=fault, to=to, sid=sid, request_id=call.request_id)
        if fault is Fault.HANG:
            await self._world.pause(self._world.faults.faults.hang_seconds)
        return _error(CODES[fault], fault) if fault in CODES else Reply(201, reply.body, fault)

    async def _accept(self, call: Call) -> Reply:
        message = self._world.acceptance.accept(call.form, call.request_id)
        body = self._world.store.render(message)
        await self._world.callbacks.early(message)
        return Reply(201, body)

    async def _list(self, call: Call) -> Reply:
        query = dict(parse_qsl(call.request.rel_url.raw_query_string))
        return Reply(200, self._world.store.page(call.path, query))

    async def _fetch(self, call: Call) -> Reply:
        message = self._world.store.get(call.request.match_info["sid"], call.path)
        return Reply(200, self._world.store.render(message))

    async def _update(self, call: Call) -> Reply:
        message = self._world.store.get(call.request.match_info["sid"], call.path)
        redact, status = "Body" in call.form, one(call.form, "Status")
        if redact == bool(status) or status not in ("", "canceled") or one(call.form, "Body"):
            raise ApiError(30400)
        if redact and not message.final and message.status != "sent":
            raise ApiError(20009)
        if status and message.status != "scheduled":
            raise ApiError(30409)
        if status:
            self._world.network.cancel(message)
        else:
            message.body = ""
        return Reply(200, self._world.store.render(message))

    async def _delete(self, call: Call) -> Reply:
        message = self._world.store.get(call.request.match_info["sid"], call.path)
        if not message.final and message.status != "sent":
            raise ApiError(20009)
        message.deleted = True
        return Reply(204, None)

    async def _feedback(self, call: Call) -> Reply:
        message = self._world.store.get(call.request.match_info["sid"], call.path)
        outcome = one(call.form, "Outcome") or "confirmed"
        if outcome not in ("confirmed", "unconfirmed"):
            raise ApiError(20001, detail="Outcome")
        self._world.log.write("feedback", sid=message.sid, outcome=outcome)
        now = format_datetime(self._world.clock.now())
        return Reply(201, {
            "account_sid": self._world.config.account_sid, "message_sid": message.sid, "outcome": outcome,
            "date_created": now, "date_updated": now, "uri": call.path,
        })  # fmt: skip

    async def _balance(self, call: Call) -> Reply:
        config = self._world.config
        body = {"account_sid": config.account_sid, "balance": config.balance, "currency": config.currency}
        return Reply(200, {**body})

    async def _account(self, call: Call) -> Reply:
        return Reply(200, self._world.account())

    async def _phone_numbers(self, call: Call) -> Reply:
        return Reply(200, phone_numbers(self._world.config, dict(call.request.query)))

    async def _short_codes(self, call: Call) -> Reply:
        return Reply(200, short_codes(self._world.config, dict(call.request.query)))

    async def _service(self, call: Call) -> Reply:
        service = self._world.senders.find_service(call.request.match_info["sid"])
        if service is None:
            raise ApiError(20404, detail=call.path)
        return Reply(200, self._world.describe_service(service, str(call.request.url.origin())))

    async def _prices(self, call: Call) -> Reply:
        country = call.request.match_info["country"]
        if country not in self._world.config.price_list:
            raise ApiError(20404, detail=call.path)
        return Reply(200, prices(self._world.config, country, str(call.request.url)))

    async def _line_type(self, call: Call) -> Reply:
        number = call.request.match_info["number"]
        return Reply(200, looked_up(self._world.config, number, str(call.request.url)))

    async def _deactivations(self, call: Call) -> Reply:
        day = call.request.query.get("Date", "")
        if day not in self._world.config.deactivations:
            raise ApiError(20404, detail=call.path)
        return Reply(307, {"redirect_to": f"{call.request.url.origin()}/deactivation-files/{day}"})

    async def _deactivation_file(self, request: web.Request) -> web.Response:
        """The file itself lies elsewhere at Twilio, behind a signed address: whoever sends credentials is refused."""
        numbers = self._world.config.deactivations.get(request.match_info["day"])
        if numbers is None or "Authorization" in request.headers:
            raise web.HTTPForbidden
        return web.Response(text="".join(f"{one}\n" for one in numbers))

    async def _nothing(self, call: Call) -> Reply:
        raise ApiError(20404, detail=call.path)

    async def _send(self, call: Call, reply: Reply) -> web.StreamResponse:
        self._log_response(call, reply)
        headers = self._headers(call)
        body = json.dumps(reply.body).encode() if reply.body is not None else b""
        match reply.fault:
            case Fault.DROP_BEFORE | Fault.DROP_AFTER:
                _hang_up(call.request)
            case Fault.HTML:
                return web.Response(status=502, body=HTML_502, content_type="text/html")
            case Fault.EMPTY:
                body = b""
            case Fault.BROKEN:
                body = body[: len(body) // 2]
            case Fault.HALF:
                return await _half(call.request, headers, body)
            case _:
                pass
        if reply.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
        return web.Response(status=reply.status, body=body, headers=headers, content_type="application/json")

    def _headers(self, call: Call) -> dict[str, str]:
        return {
            "Twilio-Request-Id": call.request_id,
            "Twilio-Concurrent-Requests": str(call.in_flight),
            "Twilio-Request-Duration": f"{time.time() - call.arrived:.3f}",
            "X-Home-Region": "us1",
            "X-API-Domain": "api.twilio.com",
            "Date": format_datetime(self._world.clock.now(), usegmt=True),
        }

    def _log_request(self, call: Call) -> None:
        form = call.form
        self._world.log.write(
            "request",
            request_id=call.request_id,
            arrived=round(call.arrived, 6),
            method=call.request.method,
            path=call.path,
            query=call.request.query_string or None,
            to=one(form, "To") or None,
            **{"from": one(form, "From") or None},
            service=one(form, "MessagingServiceSid") or None,
            body=one(form, "Body") or None,
            validity_period=one(form, "ValidityPeriod") or None,
            status_callback=one(form, "StatusCallback") or None,
            send_at=one(form, "SendAt") or None,
            in_flight=call.in_flight,
        )

    def _log_response(self, call: Call, reply: Reply) -> None:
        body = reply.body or {}
        dropped = reply.fault in (Fault.DROP_BEFORE, Fault.DROP_AFTER)
        self._world.log.write(
            "response",
            request_id=call.request_id,
            status=None if dropped else reply.status,
            code=body.get("code"),
            sid=body.get("sid"),
            fault=reply.fault,
            took=round(time.time() - call.arrived, 6),
        )


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _error(code: int, fault: Fault) -> Reply:
    error = ApiError(code)
    return Reply(error.status, error.body(), fault)


def _hang_up(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


async def _half(request: web.Request, headers: dict[str, str], body: bytes) -> web.StreamResponse:
    """Promise the whole body, send half of it, hang up."""
    response = web.StreamResponse(status=201, headers=headers)
    response.content_type = "application/json"
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response
