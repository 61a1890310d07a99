"""What a decision was based on: kept in few bytes beside every verdict, told in full to whoever asks."""

from typing import Any

from guards.base import Facts


def kept(facts: Facts) -> dict[str, Any]:
    """The facts as they are stored: nothing twice, and nothing where it is as usual.

    Places and zones are what the evidence says together; they stand beside it only where that is not so.
    """
    places = facts.places
    record: dict[str, Any] = {
        "country": facts.country,
        "evidence": dict(places.evidence),
        "consent": f"{facts.standing.state} {facts.standing.level}",
        "consent_event": facts.standing.event_id,
    }
    if (places.codes, places.zones) != _said(record["evidence"]):
        record |= {"places": " ".join(places.codes), "zones": " ".join(places.zones)}
    if counted := sum(not sent.answer for sent in facts.sends):
        record["counted_texts"] = counted
    if facts.ends_at:
        record["ends_at"] = facts.ends_at.isoformat()
    if facts.queue:
        record["queue_seconds"] = round(facts.queue.total_seconds())
    if facts.last_footer_at:
        record["last_footer_at"] = facts.last_footer_at.isoformat()
    if facts.paused_until or facts.unwanted or facts.chose_hours:
        until = facts.paused_until.isoformat() if facts.paused_until else None
        record["wishes"] = {"paused_until": until, "unwanted": sorted(facts.unwanted), "hours": facts.chose_hours}
    if facts.registers:
        record["registers"] = sorted(facts.registers)
    return record


def told(record: dict[str, Any]) -> dict[str, Any]:
    """The same in full: places, zones and evidence as lists, consent and its level apart, nothing left out."""
    if "evidence" not in record:
        return record
    codes, zones = _said(record["evidence"])
    state, _, level = record["consent"].partition(" ")
    return {
        **record,
        "places": record["places"].split() if "places" in record else list(codes),
        "zones": record["zones"].split() if "zones" in record else list(zones),
        "evidence": [list(pair) for pair in record["evidence"].items()],
        "consent": state,
        "consent_level": level,
        "counted_texts": record.get("counted_texts", 0),
        "ends_at": record.get("ends_at"),
    }


def _said(evidence: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The codes and zones that findings name; a remark such as "not understood" begins in lower case."""
    words = {word for finding in evidence.values() if finding[:1].isupper() for word in finding.split()}
    zones = {word for word in words if "/" in word}
    return tuple(sorted(words - zones)), tuple(sorted(zones))
