"""One person's data for themselves (GDPR 15 and 20, CCPA 110): all that is known, in a form that programs read."""

from typing import Any

from sqlmodel import Session

from sender.audience.dossier import Dossier, instant
from sender.audit import note
from sender.runtime import Runtime

FORMAT = "tactful-person-1"


def export(runtime: Runtime, session: Session, number_id: int, by: str, why: str, source: str = "") -> dict[str, Any]:
    """Everything about a person as one JSON object, and who took it out, and why, in the audit.

    The transaction must be one that writes. ``source`` says where it was asked for, such as "preference_page".
    """
    dossier = Dossier(session, runtime.keys, number_id)
    found = {
        "format": FORMAT,
        "made_at": instant(runtime.clock.real()),
        "identity": dossier.identity(),
        "contact": dossier.record(),
        "standing": dossier.standings(),
        "consent": dossier.consent(),
        "texts": dossier.texts(),
        "replies": dossier.replies(),
    }
    detail = {"why": why.strip()[:200], "rows": 1, **({"source": source} if source else {})}
    note(session, runtime.clock.now(), by, "people.export", f"number {number_id}", detail)
    return found
