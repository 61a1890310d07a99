"""Imports of the made-up installation: one waits for its columns, one for its yes, one is done."""

import io

from guards.base import Purpose
from sender.audience.importing import uploads
from sender.audience.importing.options import Attestation, ImportOptions
from sender.runtime import Runtime

ACTOR = "ana@lumen.example"
SHOP = (
    "First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Default Address Zip,Phone,"
    "Accepts SMS Marketing,Total Spent,Total Orders,Tags\n"
    "Ada,Miller,ada@example.com,yes,Austin,78701,'+14155550121,yes,120.50,3,vip\n"
    "Ben,O’Hara,ben@example.com,yes,Waco,76701,(415) 555-0122,no,0.00,0,\n"
    "Cleo,,cleo@example.com,no,,,1.41555E+10,yes,15.00,1,\n"
)
TILL = "mobile,first_name,city,birthday\n" + "".join(
    f"(415) 555-01{n},{name},{city},1990-0{n % 9 + 1}-12\n"
    for n, (name, city) in enumerate((("Ivy", "Oakland"), ("Max", "San José"), ("Zoë", "Berkeley")) * 4, start=30)
)


def bring_files(runtime: Runtime, program_id: int) -> None:
    """Make the three."""
    uploads.take_in(runtime, "customers_export.csv", io.BytesIO(SHOP.encode()), ACTOR)
    word = Attestation(
        "the till of the Oakland shop", "Text me offers of Lumen & Co. Msg & data rates may apply. Reply STOP to end.",
        ACTOR, runtime.clock.now().replace(hour=0, minute=0), "in_person", "the shop team",
    )  # fmt: skip
    options = ImportOptions(program_id=program_id, region="US", purpose=Purpose.MARKETING, attestation=word)
    for name, text in (
        ("till-january.csv", TILL),
        ("till-february.csv", TILL.replace("Oakland", "Alameda") + "x,,,\n"),
    ):
        import_id = uploads.take_in(runtime, name, io.BytesIO(text.encode()), ACTOR)
        uploads.check(runtime, import_id, options, ACTOR)
        uploads.tend(runtime)
        if name == "till-january.csv":
            uploads.commit(runtime, import_id, ACTOR)
            uploads.tend(runtime)
