"""What a page says when a request comes to nothing, by its status; a view that knows better says it itself."""

from werkzeug.exceptions import HTTPException

from web.language import later

NOTHING = later("Nothing was changed.")
SAYINGS = {
    400: (later("This could not be understood"), later("Go back, load the page again and repeat it.")),
    401: (later("Please sign in"), NOTHING),
    403: (later("This is not yours to do"), later("Ask an owner for the role that it needs.")),
    404: (later("There is nothing here"), later("It may have been erased, or the address is not whole.")),
    405: (later("This address cannot do that"), NOTHING),
    409: (later("Not possible now"), later("Somebody was faster; load the page again.")),
    413: (later("This is too large"), NOTHING),
    422: (later("Something is missing or wrong"), later("Go back, mend it and try again.")),
    429: (later("Too much at once"), later("Wait a little and try again.")),
}


def said_of(error: HTTPException) -> tuple[str, str]:
    """Heading and sentence for a person; the sentence of whoever raised it goes before ours."""
    heading, plain = SAYINGS.get(error.code or 500, (later("This did not work"), later("Try again in a moment.")))
    own = error.description if error.description != type(error).description else ""
    return str(heading), own or str(plain)
