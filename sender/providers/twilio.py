"""The one Twilio adapter: the SDK's own client over one pooled transport of ours (transport.py).

A POST is never sent twice, and whatever does not prove that nothing was created is an :class:`OutcomeUnknown`.
Source: twilio-python 9.13.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from guards.base import Purpose
from guards.chain import Cleared
from sender.providers.base import (
    Accepted,
    Found,
    Line,
    Listed,
    Misconfigured,
    Outbound,
    OutcomeUnknown,
    Retryable,
    SendError,
)
from sender.providers.errors import refusal
from sender.providers.transport import AnswerLost, Hear, NotSent, PooledTransport
from sender.settings import Settings

LIST_PAGE = 50
LONGEST_PAGE = 1_000
OK, NOT_FOUND, TOO_LATE = 200, 404, 409
NO_DATA = frozenset({60600, 60607})
"""Of a number or country for which Lookup has nothing."""

# Number types of the Pricing API, letters only, as our kinds of from_number.
_NUMBER_TYPES = {"local": "long_code", "mobile": "long_code", "tollfree": "toll_free", "shortcode": "short_code"}


class TwilioProvider:
    """Hands texts to Twilio, or to whatever stands at ``twilio_base_url`` in its place."""

    def __init__(self, settings: Settings, hear: Hear = lambda date, sent, received: None) -> None:
        places = settings.places + settings.urgent_connections
        self._transport = PooledTransport(places, settings.read_seconds, hear)
        self._client = _client(settings, self._transport)
        self._instead_of_twilio = settings.twilio_base_url.rstrip("/") + "/" if settings.twilio_base_url else "https://"

    async def send(self, outbound: Outbound) -> Accepted:
        """Create one message; SendError says what is known of the outcome otherwise."""
        if not isinstance(outbound.cleared, Cleared):
            raise TypeError("only a text that the guard chain has cleared can be sent")
        try:
            answer = await self._client.messages.create_async(**_form(outbound))
        except Exception as error:
            raise _send_error(error) from error
        if not answer.sid:
            raise OutcomeUnknown("Twilio answered without a message id; the text may have been accepted")
        return Accepted(answer.sid)

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """Twilio's list for one number, newest first, created at or after ``since``.

        Filtered by creation here: Twilio's own date filter passes over texts that were not sent yet.
        """
        with _our_errors():
            rows = await self._client.messages.list_async(to=to, limit=LIST_PAGE, page_size=LIST_PAGE)
        return [_found(row) for row in rows if _created(row) >= since]

    async def messages_since(self, since: datetime) -> list[Found]:
        """Twilio's list of the account, since then, oldest first; it comes newest first, by pages."""
        found: list[Found] = []
        with _our_errors():
            async for row in await self._client.messages.stream_async(page_size=LONGEST_PAGE):
                if _created(row) < since:
                    break
                found.append(_found(row))
        return found[::-1]

    async def tell_time(self) -> None:
        """Fetch the account, for the Date header of the answer; SendError when Twilio cannot be asked."""
        await self.check_credentials()

    async def cancel(self, sid: str) -> bool:
        """Call off a message that Twilio has scheduled or holds for its own quiet hours."""
        with _our_errors(NOT_FOUND, TOO_LATE):
            row = await self._client.messages(sid).update_async(status="canceled")
            return bool(row.status == "canceled")
        return False

    async def received_at(self, sid: str) -> datetime | None:
        """When Twilio took in a person's text; the webhook does not say it. None where Twilio knows of none."""
        with _our_errors(NOT_FOUND):
            row = await self._client.messages(sid).fetch_async()
            return _created(row) if row.direction == "inbound" else None
        return None

    async def check_credentials(self) -> None:
        """Fetch the account; SendError says what is wrong with the settings."""
        with _our_errors():
            await self._client.api.accounts(self._client.account_sid).fetch_async()

    async def holds(self, address: str, kind: str) -> bool:
        """Whether the account has this from_number; SendError when Twilio cannot be asked.

        An alphanumeric one belongs to nobody: whether a country takes it shows when a text is sent.
        """
        with _our_errors(NOT_FOUND):
            match kind:
                case "alphanumeric":
                    return True
                case "messaging_service":
                    service = await self._client.messaging.v1.services(address).fetch_async()
                    return bool(service.sid == address)
                case "short_code":
                    codes = await self._client.short_codes.list_async(short_code=address, limit=LIST_PAGE)
                    return any(one.short_code == address for one in codes)
                case _:
                    numbers = await self._client.incoming_phone_numbers.list_async(
                        phone_number=address, limit=LIST_PAGE
                    )
                    return any(one.phone_number == address for one in numbers)
        return False

    async def line(self, address: str, kind: str) -> Line | None:
        """What Twilio knows of this from_number; None where the account has none such. SendError as ever.

        Source: Services resource (inbound_request_url, use_inbound_webhook_on_number, us_app_to_person_registered),
        IncomingPhoneNumber and ShortCode resources (sms_url).
        """
        with _our_errors(NOT_FOUND):
            if kind == "messaging_service":
                one = await self._client.messaging.v1.services(address).fetch_async()
                own = bool(one.use_inbound_webhook_on_number)
                return Line(one.inbound_request_url or "", own, bool(one.us_app_to_person_registered))
            rows: list[Any] = (
                await self._client.short_codes.list_async(short_code=address, limit=LIST_PAGE)
                if kind == "short_code"
                else await self._client.incoming_phone_numbers.list_async(phone_number=address, limit=LIST_PAGE)
            )
            name = "short_code" if kind == "short_code" else "phone_number"
            return next((Line(row.sms_url or "") for row in rows if getattr(row, name) == address), None)
        return None

    async def prices(self, country: str) -> list[Listed]:
        """Twilio's prices of one part to a country; none where it lists none. SendError when it cannot be asked.

        Source: Pricing API v1, Messaging Countries; carriers' fees are not in them.
        """
        with _our_errors(NOT_FOUND):
            found = await self._client.pricing.v1.messaging.countries(country).fetch_async()
            unit = str(found.price_unit or "").upper()
            carriers: list[Any] = found.outbound_sms_prices or []
            return [_listed(row, unit) for carrier in carriers for row in carrier["prices"]]
        return []

    async def line_types(self, numbers: Sequence[str]) -> dict[str, str]:
        """Twilio's word for the line of each number, side by side; "" where it has none. SendError as ever.

        Source: Lookup v2, Fields=line_type_intelligence; 60600 and 60607 say that there is no data.
        """
        lookups = self._client.lookups.v2
        with _our_errors():
            found = await asyncio.gather(*(_line_type(lookups.phone_numbers(one)) for one in numbers))
        return dict(zip(numbers, found, strict=True))

    async def deactivations(self, on: date) -> list[str] | None:
        """The US numbers that were given up on a day; None where Twilio has no list of it. SendError as ever.

        Source: Deactivations resource; it answers 307 with the address of a file, which is asked without credentials.
        """
        with _our_errors(NOT_FOUND):
            listed = await self._client.messaging.v1.deactivations().fetch_async(date=on)
            return await self._file_of_numbers(str(listed.redirect_to or ""))
        return None

    async def _file_of_numbers(self, address: str) -> list[str]:
        if not address.startswith(("https://", self._instead_of_twilio)):
            raise Misconfigured("Twilio's list of deactivations leads to an address that is not https")
        answer = await self._transport.request("GET", address)
        if answer.status_code != OK:
            raise Retryable(f"the list of deactivations was not handed out (status {answer.status_code})")
        return [line.strip() for line in answer.text.splitlines() if line.strip()]

    async def close(self) -> None:
        """Give back the connections."""
        await self._transport.close()


async def _line_type(number: Any) -> str:
    try:
        found = await number.fetch_async(fields="line_type_intelligence")
    except TwilioRestException as error:
        if error.status == NOT_FOUND or error.code in NO_DATA:
            return ""
        raise
    return str((found.line_type_intelligence or {}).get("type") or "")


def _listed(row: dict[str, Any], unit: str) -> Listed:
    kind = _NUMBER_TYPES.get("".join(filter(str.isalpha, str(row["number_type"]).lower())), "")
    return Listed(kind, Decimal(row["current_price"]), unit)


def _client(settings: Settings, transport: PooledTransport) -> Client:
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    if not sid or not token:
        raise Misconfigured(
            "Twilio's credentials are missing; set TACTFUL_TWILIO_ACCOUNT_SID and TACTFUL_TWILIO_AUTH_TOKEN"
        )
    user, secret = settings.twilio_api_key, settings.twilio_api_secret
    if not user or not secret:
        user, secret = sid, token
    # A filled environment keeps TWILIO_REGION and TWILIO_EDGE of the machine from rewriting the host.
    client = Client(user, secret.get_secret_value(), sid, http_client=transport, environment={"TACTFUL": "1"})
    if settings.twilio_base_url:
        address = settings.twilio_base_url.rstrip("/")
        client.api.base_url = client.messaging.base_url = client.pricing.base_url = client.lookups.base_url = address
    return client


def _form(outbound: Outbound) -> dict[str, Any]:
    line = "messaging_service_sid" if outbound.from_kind == "messaging_service" else "from_"
    form: dict[str, Any] = {
        "to": outbound.to,
        line: outbound.from_address,
        "body": outbound.cleared.draft.text,
        "status_callback": outbound.callback,
        "validity_period": outbound.validity,
    }
    if outbound.cleared.draft.purpose is Purpose.MARKETING:
        form["message_intent"] = "marketing"
    return form


@contextmanager
def _our_errors(*nothing: int) -> Iterator[None]:
    """Tell every error of the SDK and the transport as one of ours; an answer of such a status just ends the block."""
    try:
        yield
    except SendError:
        raise
    except Exception as error:
        if not (isinstance(error, TwilioRestException) and error.status in nothing):
            raise _send_error(error) from error


def _send_error(error: Exception) -> SendError:
    """What an exception of the SDK or the transport proves: only what never left is safe to try again."""
    if isinstance(error, TwilioRestException):
        return refusal(error.status, error.code)
    if isinstance(error, NotSent):
        return Retryable("Twilio could not be reached")
    if isinstance(error, TwilioException | json.JSONDecodeError | AnswerLost):
        return OutcomeUnknown(f"the answer was lost ({type(error).__name__}); the text may have been accepted")
    return OutcomeUnknown(f"unexpected {type(error).__name__}; the text may have been accepted")


def _created(row: Any) -> datetime:
    return row.date_created or datetime(1970, 1, 1, tzinfo=UTC)


def _found(row: Any) -> Found:
    return Found(
        row.sid,
        _created(row),
        str(row.status),
        row.body or "",
        row.from_,
        row.messaging_service_sid,
        row.error_code and int(row.error_code),
        row.to or "",
        str(row.direction or ""),
    )
