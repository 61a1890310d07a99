"""Every door of the API, in one list: what the application serves and what the document tells."""

from web.api import (
    automations,
    campaigns,
    checks,
    imports,
    messages,
    number_files,
    opt_in,
    people,
    proof,
    reports,
    segments,
    webhooks,
)
from web.api.operations import ApiDoor

API_DOORS: tuple[ApiDoor, ...] = (
    messages.door,
    automations.door,
    campaigns.door,
    checks.door,
    people.door,
    segments.door,
    imports.door,
    number_files.door,
    opt_in.door,
    proof.door,
    reports.door,
    webhooks.door,
)
