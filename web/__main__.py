"""``python -m web``, which is what ``tactful web`` starts: one web process until SIGTERM."""

import logging
import sys

import typer

from sender.cli.common import fail, opened
from web.assets import MissingAssetsError
from web.server import AddressTakenError, run


def main() -> None:
    """Serve; what hinders the start is one sentence and status 1."""
    with opened() as runtime:
        logging.basicConfig(stream=sys.stderr, level=runtime.settings.log_level, format="%(levelname)s %(message)s")
        try:
            run(runtime)
        except (AddressTakenError, MissingAssetsError) as error:
            fail(str(error))


if __name__ == "__main__":
    try:
        main()
    except typer.Exit as end:
        sys.exit(end.exit_code)
