"""Why a campaign stopped by itself, in a sentence with the figure that was found and the most that is let pass."""

from sender.campaigns.standstills import Standstill
from web.language import figure, gettext, later, ngettext, number
from web.pages.words import share
from web.sayings import begun

OF_ALL = {
    "filtered": later("%(found)s of %(of)s texts were filtered by carriers: %(share)s, where %(limit)s is the most."),
    "failed": later("%(found)s of %(of)s texts were not delivered: %(share)s, where %(limit)s is the most."),
    "opt_outs": later(
        "%(found)s of %(of)s texts were answered with an opt-out: %(share)s, where %(limit)s is the most."
    ),
}
"""The brakes of sender/delivery/brakes.py that count a share."""


def brake_words(one: Standstill) -> str:
    """The sentence of one standstill; what has no figures says what the page said while the campaign stood."""
    told = one.detail
    name = told.get("brake", told["why"])
    if name in OF_ALL:
        found, of = told["found"], told["of"]
        limit = number(100 * told["limit"]) + " %"
        return OF_ALL[name] % {"found": figure(found), "of": figure(of), "share": share(found, of), "limit": limit}
    if name == "unknown_run":
        return ngettext(
            "%(num)s text got no answer from the provider.",
            "%(num)s texts in a row got no answer from the provider.",
            told["found"],
        )
    return gettext("Its budget was used up.") if name == "budget" else begun(told["why"])
