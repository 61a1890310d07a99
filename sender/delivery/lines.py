"""The from_numbers that were texted, each seen from its program: whose text it is, and who answers keywords on it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.keywords import provider_reaction
from sender.models import FromNumber, Program

TOLL_FREE_WORDS = frozenset({"STOP", "START", "UNSTOP", "HELP", "INFO"})


@dataclass(frozen=True, slots=True)
class Line:
    """One from_number of one program."""

    from_number: FromNumber
    program: Program

    @property
    def program_id(self) -> int:
        """The program's id."""
        return self.program.id or 0

    def answers_itself(self, body: str, opt_out_type: str = "") -> bool:
        """Whether the provider answers exactly these words here.

        With Advanced Opt-Out it says so (``OptOutType``); a short code without it answers nothing; the toll-free
        network knows few words.
        """
        if opt_out_type:
            return True
        number = self.from_number
        if not number.answers_keywords or number.kind == "short_code":
            return False
        if number.kind == "toll_free" and body.strip().upper() not in TOLL_FREE_WORDS:
            return False
        return provider_reaction(body) is not None


def lines_of(session: Session, to: str, service_sid: str = "") -> list[Line]:
    """One line for every program that this from_number or service sends for; none where nobody knows it.

    Where a number and its service both stand in a program, the number's own line tells who answers.
    """
    statement = (
        select(FromNumber, Program)
        .join(Program, col(Program.id) == col(FromNumber.program_id))
        .where(col(FromNumber.address).in_([address for address in (to, service_sid) if address]))
        .order_by(col(FromNumber.id))
    )
    found = [Line(*row) for row in session.execute(statement)]
    by_program: dict[int, Line] = {}
    for line in sorted(found, key=lambda line: line.from_number.address == to):
        by_program[line.program_id] = line
    return sorted(by_program.values(), key=lambda line: line.program_id)
