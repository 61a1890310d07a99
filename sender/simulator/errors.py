"""Twilio's error codes as they come over the wire: HTTP status, wording, JSON body."""

from collections.abc import Mapping

MORE_INFO = "https://www.twilio.com/docs/errors/"

# code: (HTTP status when answered at once, wording); codes not listed are 400 with a plain sentence.
TABLE: dict[int, tuple[int, str]] = {
    20001: (400, "Invalid parameter: {detail}"),
    20003: (401, "Authenticate"),
    20007: (400, "Page size is not valid; it must be between 1 and 1000"),
    20009: (409, "Cannot delete this resource before it is complete"),
    20404: (404, "The requested resource {detail} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service is unavailable. Please try again"),
    21211: (400, "The 'To' number {to} is not a valid phone number."),
    21212: (400, "The 'From' number {sender} is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21265: (400, "The 'To' number {to} cannot be a Short Code"),
    21266: (400, "'To' and 'From' number cannot be the same: {to}"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number {sender} is not a valid, message-capable Twilio phone number."),
    21609: (400, "The 'StatusCallback' URL {detail} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({to}) and 'From' ({sender})"),
    21614: (400, "'To' number {to} is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21624: (400, "Invalid validity period value; it must be between 1 and 36000 seconds"),
    21635: (400, "'To' number {to} cannot be a landline"),
    21701: (404, "The Messaging Service {detail} does not exist"),
    21703: (400, "The Messaging Service has no sender that can reach this recipient"),
    21704: (400, "The Messaging Service contains no phone numbers."),
    21705: (400, "The Messaging Service Sid {detail} is invalid."),
    30001: (400, "Queue overflow"),
    30003: (400, "Unreachable destination handset"),
    30004: (400, "Message blocked"),
    30005: (400, "Unknown destination handset"),
    30006: (400, "Landline or unreachable carrier"),
    30007: (400, "Message filtered"),
    30008: (400, "Unknown error"),
    30036: (400, "Validity Period Expired"),
    30400: (400, "The update must be either an empty Body or Status=canceled, not both"),
    30409: (409, "The message can no longer be canceled"),
    35111: (400, "ScheduleType and SendAt must be given together"),
    35114: (400, "SendAt must lie between 300 seconds and 35 days ahead"),
    35118: (400, "A Messaging Service is required for scheduling"),
    63038: (429, "Account exceeded the daily messages limit"),
}


class ApiError(Exception):
    """A refusal to be answered as Twilio's error JSON; ``code`` is Twilio's, ``words`` fill its sentence."""

    def __init__(self, code: int, **words: str) -> None:
        super().__init__(code)
        self.code = code
        self.status = TABLE.get(code, (400, ""))[0]
        self.words = words

    def body(self) -> dict[str, object]:
        """The v2010 error object: code, message, more_info, status."""
        message = wording(self.code).format_map(_Blank(self.words))
        return {"code": self.code, "message": message, "more_info": f"{MORE_INFO}{self.code}", "status": self.status}


def wording(code: int) -> str:
    """Twilio's sentence for a code, with its placeholders."""
    return TABLE.get(code, (400, f"The message was refused with error {code}"))[1]


class _Blank(dict[str, str]):
    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(words)

    def __missing__(self, key: str) -> str:
        return ""
