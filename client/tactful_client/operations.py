"""Every operation of the API by its name in the OpenAPI document: method and address. A test compares it with that."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from tactful_client.calling import Call

Method = Literal["GET", "POST", "PUT", "DELETE"]

OPERATIONS: Mapping[str, tuple[Method, str]] = {
    "cancel": ("POST", "/messages/{message_id}/cancel"),
    "cancel_campaign": ("POST", "/campaigns/{campaign_id}/cancel"),
    "change_form": ("PUT", "/forms/{form_id}"),
    "change_segment": ("PUT", "/segments/{segment_id}"),
    "check_import": ("POST", "/imports/{import_id}/check"),
    "check_numbers": ("POST", "/checks"),
    "close_form": ("POST", "/forms/{form_id}/close"),
    "commit_import": ("POST", "/imports/{import_id}/commit"),
    "compare_variants": ("GET", "/reports/comparison/{campaign_id}"),
    "count_segment": ("POST", "/segments/count"),
    "create_automation": ("POST", "/automations"),
    "create_form": ("POST", "/forms"),
    "create_segment": ("POST", "/segments"),
    "create_webhook": ("POST", "/webhooks"),
    "delete_segment": ("DELETE", "/segments/{segment_id}"),
    "delete_webhook": ("DELETE", "/webhooks/{webhook_id}"),
    "discard_import": ("DELETE", "/imports/{import_id}"),
    "enable_webhook": ("POST", "/webhooks/{webhook_id}/enable"),
    "end_automation": ("DELETE", "/automations/{automation_id}"),
    "decide_audience": ("PUT", "/campaigns/{campaign_id}/audience"),
    "erase_person": ("POST", "/erasures"),
    "forget_register": ("DELETE", "/registers/{country}"),
    "keep_contact": ("POST", "/contacts"),
    "keep_keyword": ("POST", "/keywords"),
    "list_all_messages": ("GET", "/messages"),
    "list_automations": ("GET", "/automations"),
    "list_campaigns": ("GET", "/campaigns"),
    "list_changes": ("GET", "/changes"),
    "list_contacts": ("GET", "/contacts"),
    "list_deliveries": ("GET", "/webhooks/{webhook_id}/deliveries"),
    "list_forms": ("GET", "/forms"),
    "list_imports": ("GET", "/imports"),
    "list_keywords": ("GET", "/keywords"),
    "list_programs": ("GET", "/programs"),
    "list_registers": ("GET", "/registers"),
    "list_refused": ("GET", "/imports/{import_id}/refused"),
    "list_replies": ("GET", "/replies"),
    "list_segments": ("GET", "/segments"),
    "list_templates": ("GET", "/templates"),
    "list_versions": ("GET", "/forms/{form_id}/versions"),
    "list_webhooks": ("GET", "/webhooks"),
    "pause_automation": ("POST", "/automations/{automation_id}/pause"),
    "pause_campaign": ("POST", "/campaigns/{campaign_id}/pause"),
    "print_evidence": ("GET", "/evidence/{number}/pdf"),
    "record_consent": ("POST", "/consents"),
    "rehearse_campaign": ("POST", "/campaigns/{campaign_id}/rehearsals"),
    "replay_webhook": ("POST", "/webhooks/{webhook_id}/replay"),
    "resume_campaign": ("POST", "/campaigns/{campaign_id}/resume"),
    "retire_keyword": ("DELETE", "/keywords/{keyword_id}"),
    "send_batch": ("POST", "/messages/batch"),
    "send_message": ("POST", "/messages"),
    "show_automation": ("GET", "/automations/{automation_id}"),
    "show_campaign": ("GET", "/campaigns/{campaign_id}"),
    "show_compliance": ("GET", "/reports/compliance"),
    "show_consent": ("GET", "/consents/{number}"),
    "show_contact": ("GET", "/contacts/{number}"),
    "show_evidence": ("GET", "/evidence/{number}"),
    "show_form": ("GET", "/forms/{form_id}"),
    "show_import": ("GET", "/imports/{import_id}"),
    "show_message": ("GET", "/messages/{message_id}"),
    "show_report": ("GET", "/reports/figures"),
    "show_segment": ("GET", "/segments/{segment_id}"),
    "suppress_numbers": ("POST", "/number-files/suppress"),
    "take_deactivated": ("POST", "/number-files/deactivated"),
    "take_evidence": ("POST", "/evidence/{number}"),
    "take_own_data": ("POST", "/exports"),
    "take_reassigned": ("POST", "/number-files/reassigned"),
    "take_register": ("POST", "/registers"),
    "tell_event": ("POST", "/events"),
    "undo_import": ("POST", "/imports/{import_id}/undo"),
    "unsuppress_numbers": ("POST", "/number-files/unsuppress"),
    "upload_import": ("POST", "/imports"),
    "write_suppressed": ("GET", "/number-files/suppressed"),
    "write_to_ask": ("GET", "/number-files/to-ask"),
}


def operation(name: str, body: Any, once: str, parts: Mapping[str, Any]) -> Call:
    """The request of one operation. ``parts`` fill its address; what the address has no place for is its query.

    LookupError: there is no such operation, or its address lacks a part.
    """
    method, path = OPERATIONS[name]
    places = {part: quote(str(value), safe="") for part, value in parts.items() if f"{{{part}}}" in path}
    query = {part: value for part, value in parts.items() if part not in places}
    if isinstance(body, bytes):
        return Call(method, path.format(**places), content=body, query=query, once=once)
    return Call(method, path.format(**places), body, query, once)
