"""National do-not-call registers as files of a day: who stands on one is known by a keyed hash alone."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class RegisterFile(SQLModel, table=True):
    """One copy of a country's register, or of a part of it (``covers``: "all", area codes, …).

    ``drawn`` is the day on which it was drawn ("2026-11-20"); ``state``: taking, current, or going, while a newer copy
    takes its place. Its numbers count as long as there are any.
    """

    __tablename__ = "register_file"
    id: int | None = Field(default=None, primary_key=True)
    country: str
    covers: str = "all"
    drawn: str
    name: str = ""
    numbers: int = Field(default=0, sa_type=BigInteger)
    state: str = "taking"
    taken_at: datetime
    taken_by: str


class RegisterNumber(SQLModel, table=True):
    """One number of a register's file: the first eight bytes of its HMAC, under the keys of the day of the file."""

    __tablename__ = "register_number"
    __table_args__ = {"sqlite_with_rowid": False}
    file_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    key: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
