"""``python -m web``: one web process (``tactful web`` starts it)."""

from sender.cli.common import fail, opened
from web.assets import MissingAssetsError
from web.server import AddressTakenError, run

if __name__ == "__main__":
    with opened() as runtime:
        try:
            run(runtime)
        except (MissingAssetsError, AddressTakenError) as error:
            fail(str(error))
