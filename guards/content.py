"""What a carrier would filter, a law would ask about, or a person would take for a mistake or a trick.

:func:`findings` says all of it with severities, for whoever writes a text; as a guard only what is of severity "stop"
counts. Sources: CTIA Messaging Principles 5.2 and 5.3, compliance facts 2.3; the words are data (content_words.toml).
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from guards import content_links, sizes, vocabulary
from guards.base import ALLOW, Block, Draft, Facts, Kind, Policy, Purpose, Verdict
from guards.finding import Finding, Settings
from guards.vocabulary import blanked

name = "content"

_LAX = frozenset({Purpose.CODE, Purpose.TRANSACTIONAL})
_LETTERS_OF_A_SHOUT = 20
_SHARE_OF_A_SHOUT = 0.8


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block a text with a finding of severity "stop"; a program's fixed words pass, what a person answers does not."""
    if draft.kind is Kind.ANSWER and draft.answers != "reply":
        return ALLOW
    asks = facts.policy
    found = _first_stop(
        draft.text, draft.purpose, asks.brand, asks.footer, asks.domains, asks.max_parts, asks.age_gate, asks.countries
    )
    return ALLOW if found is None else Block(f"content_{found.code}", note=f"{found.sentence} {found.mend}")


def findings(text: str, purpose: Purpose, policy: Policy) -> tuple[Finding, ...]:
    """Everything there is to say about a text as it would leave, gravest first, then in the order of the text."""
    found = [one for finder in _FINDERS for one in finder(text, purpose, settings_of(policy))]
    marketing = looks_like_marketing(text) if purpose is not Purpose.MARKETING else None
    found += [marketing] if marketing else []
    return tuple(sorted(found, key=lambda one: (_GRAVITY[one.severity], one.span)))


def looks_like_marketing(text: str) -> Finding | None:
    """What gives a text away as marketing, None where too little does; words are weighed in several languages."""
    spans = vocabulary.marketing(text)
    if not spans:
        return None
    words = ", ".join(dict.fromkeys(text[start:end] for start, end in spans[:4]))
    return Finding(
        "looks_like_marketing",
        "warning",
        spans[0],
        f"The words look like marketing: {words}.",
        "Send it as marketing, or have a second person confirm the purpose.",
    )


def settings_of(policy: Policy) -> Settings:
    """What the judgement of words depends on."""
    return Settings(policy.brand, policy.footer, policy.domains, policy.max_parts, policy.age_gate, policy.countries)


@lru_cache(maxsize=8192)
def _first_stop(text: str, purpose: Purpose, *settings: Any) -> Finding | None:
    """Look no further than the first; the settings come apart because that is how they are remembered fastest."""
    asked = Settings(*settings)
    every = (one for finder in _STOPPING for one in finder(text, purpose, asked))
    return next((one for one in every if one.severity == "stop"), None)


def _unfilled(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    del purpose, settings
    for start, end in vocabulary.unfilled(text):
        sentence = f"{text[start:end]!r} looks like a field that was not filled in."
        yield Finding("unfilled", "stop", (start, end), sentence, "Fill in the field or give it a default.")


def _shaft(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    for topic, gated, span in vocabulary.shaft(text):
        allowed = gated and settings.age_gate
        hard = purpose not in _LAX and bool({"US", "CA"} & settings.countries)
        mend = "Leave it out, or have the program ask for a date of birth." if gated else "Leave it out."
        yield Finding(
            f"shaft_{topic}",
            "info" if allowed else "stop" if hard else "warning",
            span,
            f"Carriers take {text[span[0] : span[1]]!r} ({topic}) {'only behind an age gate' if gated else 'never'}.",
            mend,
        )


def _length(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    del purpose
    parts = sizes.parts(text)
    if 0 < settings.max_parts < parts:
        sentence = f"The text takes {parts} parts; the program's limit is {settings.max_parts}."
        yield Finding("too_long", "stop", (0, len(text)), sentence, "Shorten it, or raise the program's limit.")


def _alphabet(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    """Twins of SMS letters that halve the parts: only where replacing them brings the text back into the alphabet."""
    del purpose, settings
    if sizes.is_gsm(text):
        return
    twins = vocabulary.look_alikes()
    plain = "".join(twins.get(char, char) for char in text)
    cheaper = sizes.is_gsm(plain) and sizes.parts(plain) < sizes.parts(text)
    for start, char in enumerate(text):
        if char in twins and not sizes.is_gsm(char) and sizes.is_gsm(plain):
            sentence = f"The character {char!r} (U+{ord(char):04X}) makes the text one of 70 characters a part."
            yield Finding(
                "look_alike", "warning" if cheaper else "info", (start, start + 1), sentence,
                f"Write {twins[char]!r} for it." if twins[char] else "Leave it out.",
            )  # fmt: skip


def _homoglyphs(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    del purpose, settings
    for start, end, plain in vocabulary.mixed_words(text):
        sentence = f"The word {text[start:end]!r} mixes letters of two alphabets that look alike."
        yield Finding("mixed_letters", "warning", (start, end), sentence, f"Write {plain!r}.")


def _shouting(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    del purpose
    own = blanked(text, (settings.brand, settings.footer, "STOP", "HELP"))
    letters = [char for char in own if char.isupper() or char.islower()]
    loud = sum(char.isupper() for char in letters)
    if len(letters) >= _LETTERS_OF_A_SHOUT and loud >= _SHARE_OF_A_SHOUT * len(letters):
        sentence = "The text is written in capitals, which filters and people take for shouting."
        yield Finding("all_capitals", "warning", (0, len(text)), sentence, "Write it as you would speak it.")


_GRAVITY = {"stop": 0, "warning": 1, "info": 2}
Finder = Callable[[str, Purpose, Settings], Iterator[Finding]]
# Only these can stop a text, so only these are asked at the gate.
_STOPPING: tuple[Finder, ...] = (_unfilled, content_links.find, _length, _shaft)
_FINDERS: tuple[Finder, ...] = (*_STOPPING, _alphabet, _homoglyphs, _shouting)
