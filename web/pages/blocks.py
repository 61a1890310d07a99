"""One block of a page's own template, for htmx: there is no second copy of the markup."""

from typing import Any

from flask import current_app


def render_block(template: str, block: str, **values: Any) -> str:
    """The block as it stands in the page. It imports its macros itself: the rest of the page is not run."""
    current_app.update_template_context(values)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(values)))
