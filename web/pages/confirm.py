"""The page that asks before something is done which cannot be undone: it says the consequence in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import render_template


@dataclass(frozen=True, slots=True)
class Pick:
    """One thing to choose on the page; ``options`` are (value, words), and nothing is asked where there are none."""

    name: str = ""
    label: str = ""
    options: Sequence[tuple[str, str]] = ()
    hint: str = ""
    error: str = ""


NOTHING = Pick()


def ask(
    title: str,
    consequences: Sequence[str],
    button: str,
    action: str,
    back: str,
    *,
    danger: bool = True,
    fields: Mapping[str, str] | None = None,
    why: str = "",
    pick: Pick = NOTHING,
) -> str:
    """A page with one question. ``action`` is posted to with ``fields``; ``why`` is the label of a reason to write."""
    return render_template(
        "confirm.html",
        title=title,
        consequences=consequences,
        button=button,
        action=action,
        back=back,
        danger=danger,
        fields=fields or {},
        why=why,
        pick=pick,
    )
