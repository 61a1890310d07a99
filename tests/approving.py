"""An approval for campaigns that a test writes straight into the database."""

from sqlmodel import Session

from sender.approved import hash_of, parts_of
from sender.models import Campaign


def approve(session: Session, campaign_id: int) -> None:
    """Bind an approval to what the campaign is in this transaction."""
    session.flush()
    campaign = session.get_one(Campaign, campaign_id)
    campaign.approved_parts = parts_of(session, [campaign_id])[campaign_id]
    campaign.approved_hash = hash_of(campaign.approved_parts)
    session.add(campaign)
