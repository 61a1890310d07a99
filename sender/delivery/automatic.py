"""Every answer that a program gives by itself, word for word as it leaves, for whoever writes or judges these words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sender.audience.links import PLACEHOLDER
from sender.delivery.answers import plain_words
from sender.delivery.lines import Line
from sender.models import FromNumber, PreparedAnswer, Program


@dataclass(frozen=True, slots=True)
class Automatic:
    """One answer: what it is given to, its words ("": nothing is sent), their kind, and who says them in our place.

    ``provided`` are the from_numbers on which the provider itself answers this one word, so that we do not.
    """

    kind: str
    given_to: str
    words: str
    provided: tuple[str, ...] = ()


def answers_of(
    program: Program,
    wordings: Mapping[str, str],
    lines: Sequence[FromNumber],
    prepared: Iterable[PreparedAnswer],
    link: str,
) -> list[Automatic]:
    """The answers of a program with these newest words; ``link`` stands for the person's own page."""

    def words(*kinds: str) -> str:
        found = next(filter(None, (wordings.get(kind, "").strip() or plain_words(program, kind) for kind in kinds)), "")
        return found.replace(PLACEHOLDER, link)

    def provided(word: str) -> tuple[str, ...]:
        return tuple(one.address for one in lines if Line(one, program).answers_itself(word))

    some = [
        Automatic("stop", "STOP, in any words that are plain", words("clarify", "stop"), provided("STOP")),
        Automatic("stop", "Words that a person has read as a STOP", words("stop")),
        Automatic("help", "HELP", words("help"), provided("HELP")),
        Automatic("start", "START after a STOP", words("start"), provided("START")),
        Automatic("confirm", "A keyword, or a sign-up that is asked back", words("confirm")),
        Automatic("start", "The YES to that question", words("start", "welcome")),
        Automatic("welcome", "A sign-up that is not asked back", words("welcome")),
    ]
    if program.desk is not None:
        some.append(Automatic("away", "A reply while nobody is at the desk", words("away")))
    return some + [
        Automatic("auto", f"The keyword {one.keyword}", one.text.replace(PLACEHOLDER, link))
        for one in prepared
        if one.kind == "auto"
    ]
