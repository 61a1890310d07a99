"""What the provider says a part costs, beside the table that is shipped."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel


class FetchedPrice(SQLModel, table=True):
    """The least that one part to a country costs since a day, in ten-thousandths, as the provider's list said.

    ``kind`` is that of the from_number; empty: of any.
    """

    __tablename__ = "fetched_price"
    country: str = Field(primary_key=True)
    kind: str = Field(default="", primary_key=True)
    since: date = Field(primary_key=True)
    amount: int
    source: str
    fetched_at: datetime
