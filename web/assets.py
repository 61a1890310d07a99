"""Which front-end files the pages serve from their own host, and the refusal to start without them.

The build hook reads ``FILES`` too, before anything is installed: this module imports the standard library alone.
"""

from collections.abc import Mapping
from pathlib import Path

VENDOR = Path(__file__).parent / "static" / "vendor"

# Served name -> where `npm ci` puts it. Licences travel with the files they cover.
FILES: Mapping[str, str] = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "popper.LICENSE": "@popperjs/core/LICENSE.md",
    "uplot.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE": "uplot/LICENSE",
    "icons.svg": "feather-icons/dist/feather-sprite.svg",
    "icons.LICENSE": "feather-icons/LICENSE",
    "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "inter.LICENSE": "@fontsource-variable/inter/LICENSE",
}


class MissingAssetsError(RuntimeError):
    """Front-end files are not where the pages serve them from."""


def require_assets(vendor: Path = VENDOR) -> None:
    """Return when every front-end file is in place; raise MissingAssetsError with one sentence otherwise."""
    missing = [name for name in FILES if not (vendor / name).is_file()]
    if missing:
        raise MissingAssetsError("Front-end files are missing: run `make setup`.")
