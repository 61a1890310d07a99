"""SQL that makes a crowd around a small installation on PostgreSQL: contacts, their consent, campaigns sent to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

BIGGEST = "Everybody at once"
CAMPAIGNS = 40
REPLIES_PER = 50
"""One reply for so many contacts."""
LINES_OF_AUDIT = 50_000
GROWN = ("number", "contact", "import_entry", "consent_event", "message", "attempt", "decision")
INDEXES = """
SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', conrelid::regclass, conname),
  format('ALTER TABLE %I ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'u' AND conrelid::regclass::text = ANY (:grown)
UNION ALL SELECT format('DROP INDEX %I', indexname), indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename = ANY (:grown)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)"""

NUMBERS = """
INSERT INTO number (key, key_version, cipher, data_key, country, area_code, line_type, state, state_reason, created_at)
SELECT sha256(('crowd ' || n)::bytea), 1, :cipher, :data_key, 'US', (array['212','415','305','512','206'])[1 + n % 5],
  'fixed_line_or_mobile', 'ok', '', now() - interval '90 days' + n * interval '1 second'
FROM generate_series(1, :contacts) n"""
RUN = """
INSERT INTO import_run (name, file_hash, options, status, line, counts, started_at, finished_at, started_by, problem,
  size, done, outlook)
SELECT 'everybody.csv', 'crowd', '{}', 'finished', :contacts, jsonb_build_object('rows', :contacts, 'new', :contacts),
  now() - interval '90 days', now() - interval '89 days', 'ana', '', 100, 100, '{}'"""
CONTACTS = """
INSERT INTO contact (number_id, language, postal_code, region, attributes, import_id, created_at, changed_at)
SELECT id, (array['en','en','en','es'])[1 + id % 4], lpad((id % 99999)::text, 5, '0'),
  (array['NY','CA','FL','TX','WA'])[1 + id % 5],
  jsonb_build_object('first_name', 'Person ' || id % 5000, 'city', 'Town ' || id % 300,
    'tier', (array['gold','silver','basic'])[1 + id % 3], 'orders', id % 9),
  (SELECT max(id) FROM import_run), created_at, created_at
FROM number WHERE data_key = :data_key"""
ENTRIES = """
INSERT INTO import_entry (import_id, number_id, was) SELECT import_id, number_id, 'null' FROM contact
WHERE import_id = (SELECT max(id) FROM import_run)"""
EVENTS = """
INSERT INTO consent_event (number_id, program_id, kind, purpose, level, at, recorded_at, source, source_ref, wording,
  attested_by, evidence)
SELECT number_id, 1, CASE WHEN number_id % 20 = 0 THEN 'opt_out' ELSE 'opt_in' END, 'marketing', 'express_written',
  created_at, created_at, 'import', 'crowd:' || number_id, 'Yes, text me offers.', '', '{}'
FROM contact WHERE import_id = (SELECT max(id) FROM import_run)"""
STANDINGS = """
INSERT INTO consent_standing (number_id, program_id, purpose, state, level, as_of, event_id)
SELECT number_id, 1, 'marketing', CASE kind WHEN 'opt_in' THEN 'in' ELSE 'out' END, level, at, id
FROM consent_event WHERE source_ref LIKE 'crowd:%'"""
CAMPAIGN = """
INSERT INTO campaign (program_id, name, purpose, status, paused_why, start_at, end_at, outside_hours, over_cap, cursor,
  planned_at, approved_parts, approved_as, approved_by, submitted_by, local_start, edited_by, edits, created_by,
  created_at, recipients)
SELECT 1, :name, 'marketing', :status, '', now() - :days * interval '1 day', now() + interval '1 day', 'defer', 'defer',
  0, now(), '{}', '', '', '', '', '', 0, 'ana', now() - :days * interval '1 day', :texts"""
VARIANT = """
INSERT INTO variant (campaign_id, position, name, segment, template, defaults)
SELECT max(id), 0, 'Everybody', '{}', 'Lumen & Co: Hello.', '{}' FROM campaign"""
MESSAGES = """
INSERT INTO message (campaign_id, variant_id, program_id, number_id, contact_id, from_number_id, kind, purpose, status,
  reason, text_cipher, parts, cost, send_after, deferrals, tries, is_test, told, created_at, changed_at, touched_at,
  sent_at, final_at)
SELECT c.id, (SELECT max(id) FROM variant), 1, p.number_id, p.id, 1, 'campaign', 'marketing', s.status, s.reason,
  :words, 1, 83, p.at, 0, 0, false, '', p.at, p.at, p.at,
  CASE WHEN s.status IN ('sent', 'delivered', 'undelivered') THEN p.at END,
  CASE WHEN s.status NOT IN ('sent', 'pending') THEN p.at + interval '5 seconds' END
FROM (SELECT max(id) AS id FROM campaign) c,
  (SELECT id, number_id, now() - :days * interval '1 day' + row_number() OVER () * interval '20 milliseconds' AS at
   FROM contact WHERE import_id = (SELECT max(id) FROM import_run) AND id % :every = 0 LIMIT :texts) p,
  LATERAL (SELECT (array['delivered','delivered','delivered','delivered','delivered','delivered','delivered','sent',
     'undelivered','blocked'])[1 + p.id % 10] AS status,
   (array['','','','','','','','','twilio_30005','opted_out'])[1 + p.id % 10] AS reason) s"""
ATTEMPTS = """
INSERT INTO attempt (message_id, number_id, program_id, purpose, kind, token, outcome, validity, gated_at, touched_at,
  searches, sid, facts)
SELECT id, number_id, 1, purpose, kind, 'crowd' || id, 'accepted', 600, sent_at, sent_at, 0,
  'SM' || lpad(id::text, 32, '0'), '{}'
FROM message WHERE text_cipher = :words AND sent_at IS NOT NULL"""
DECISIONS = """
INSERT INTO decision (message_id, at, door, guard, verdict, reason, rules, inputs)
SELECT id, created_at, 'planner', 'consent_check', 'block', reason, '[]', '{}'
FROM message WHERE text_cipher = :words AND status = 'blocked'"""
REPLIES = """
INSERT INTO reply (sid, number_id, program_id, body_cipher, intent, certain, language, matched_cipher, opt_out_type,
  state, told, received_at, review_by, rule, media, decision, decided_by)
SELECT 'SM' || lpad('r' || number_id, 32, '0'), number_id, 1, :words, 'none', true, 'en', :words, '',
  CASE WHEN id % 500 = 0 THEN 'review' ELSE 'done' END, false, now() - id % 90 * interval '1 day',
  now() + interval '1 day', '', 0, '', ''
FROM contact WHERE import_id = (SELECT max(id) FROM import_run) AND id % :every = 0"""
CONVERSATIONS = """
INSERT INTO conversation (number_id, program_id, unread, assigned_to, last_at)
SELECT number_id, 1, (id % 3 = 0)::int, '', received_at FROM reply ON CONFLICT DO NOTHING"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
SELECT now() - n * interval '1 minute', 'ana', 'campaign.edit', 'campaign ' || n % 40, '{}'
FROM generate_series(1, :lines) n"""


@contextmanager
def in_bulk(connection: Connection) -> Iterator[None]:
    """Rows go in without indexes and foreign keys, and the indexes are made afterwards: minutes in place of hours."""
    found = connection.execute(text(INDEXES), {"grown": list(GROWN)}).all()
    for statement in ("SET synchronous_commit = off", "SET session_replication_role = replica"):
        connection.execute(text(statement))
    for drop, _ in found:
        connection.execute(text(drop))
    yield
    for _, make in found:
        connection.execute(text(make))
    connection.execute(text("VACUUM ANALYZE"))


def statements(contacts: int, messages: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is made, how, and the values it takes besides the sealed ones.

    One campaign is to everybody and still running; the others share the rest of the messages among them.
    """
    yield "numbers", NUMBERS, {"contacts": contacts}
    yield "import", RUN, {"contacts": contacts}
    for what, statement in (("contacts", CONTACTS), ("entries", ENTRIES), ("events", EVENTS), ("standings", STANDINGS)):
        yield what, statement, {}
    each = min(contacts, max(1, messages - contacts) // CAMPAIGNS)
    for place in range(CAMPAIGNS):
        yield from _campaign(f"Sale {place}", "finished", each, contacts // each, CAMPAIGNS - place + 1)
    yield from _campaign(BIGGEST, "running", min(contacts, messages), 1, 1)
    yield "attempts", ATTEMPTS, {}
    yield "decisions", DECISIONS, {}
    yield "replies", REPLIES, {"every": REPLIES_PER}
    yield "conversations", CONVERSATIONS, {}
    yield "audit", AUDIT, {"lines": LINES_OF_AUDIT}


def _campaign(name: str, status: str, texts: int, every: int, days: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield f"{name}: campaign", CAMPAIGN, {"name": name, "status": status, "texts": texts, "days": days}
    yield f"{name}: variant", VARIANT, {}
    yield f"{name}: messages", MESSAGES, {"texts": texts, "every": max(1, every), "days": days}
