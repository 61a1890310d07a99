"""The made-up installation's doors: a published form with a keyword, one with an age, and somebody's own choices."""

from datetime import timedelta

from sender.audience import opt_in_forms
from sender.audience.disclosure import Disclosure
from sender.audience.opt_in_forms import FormIn
from sender.db import upsert
from sender.models import Wishes
from sender.runtime import Runtime

SAID = Disclosure("up to 4 texts a month", "https://lumen.example/terms", "https://lumen.example/privacy")
FORMS = (
    FormIn(
        "summer-club", 1, "Join the summer club", "offers and news from our shops", countries=["US"], keyword="SUMMER",
        sites=["https://lumen.example"],
    ),
    FormIn("tastings", 1, "Wine tastings near you", "invitations to tastings", age_limit=21, countries=["US", "CA"]),
    FormIn("autumn", 1, "Autumn letters", "news of the season", countries=["US"]),
)  # fmt: skip


def open_doors(runtime: Runtime, actor: str) -> None:
    """Two of three forms are published; the person of the second number wants no clearance and is on a break."""
    opt_in_forms.set_disclosure(runtime, 1, SAID, actor)
    for form in FORMS:
        form_id = opt_in_forms.keep(runtime, form, actor)
        if form.slug != "autumn":
            opt_in_forms.publish(runtime, form_id, actor)
    now = runtime.clock.now()
    wishes = {"number_id": 2, "paused_until": now + timedelta(days=12), "hours": [600, 1020], "changed_at": now}
    with runtime.db.write() as session:
        upsert(session, Wishes, [{**wishes, "unwanted": ["clearance", "events"]}], ["number_id"])
