"""The labels some countries want on a marketing text: (광고) first, [QC] first, a refusal line last, no links.

What a text can satisfy is added; what it cannot blocks. The countries and their citations are in labels.toml.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from guards.base import ALLOW, Allow, Block, Draft, Facts, Kind, Purpose, Verdict

name = "labels"

_START = re.compile(r"\s*(?:\(광고\)|\[(?:QC|AD)\]|<ADV>|פרסומת(?!\w)|【[^】\n]{1,30}】)[ :]*")
_FORBIDDEN = {
    "link": re.compile(r"https?://|www\.|(?<![\w@.])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/\S", re.IGNORECASE),
    "phone": re.compile(r"(?<![\w.,])(?:\+|0)[\d][\d ().-]{6,16}\d(?!\w)"),
}


@dataclass(frozen=True, slots=True)
class Label:
    """What one country wants on a marketing text, as labels.toml explains; ``sender`` is (begins, ends)."""

    country: str
    first: str = ""
    accepts: tuple[str, ...] = ()
    refusal: re.Pattern[str] | None = None
    last: bool = False
    blocks: bool = False
    forbids: tuple[str, ...] = ()
    sender: tuple[str, str] = ("", "")
    needs: str = ""
    basis: str = ""
    citation: str = ""
    confidence: str = ""

    @property
    def rule(self) -> str:
        """The id that stands in decisions."""
        return f"label-{self.country}"

    def refuses(self, text: str) -> bool:
        """Whether the country's refusal stands in ``text``, on the last line where it must."""
        lines = [line for line in text.splitlines() if line.strip()] or [""]
        return self.refusal is not None and self.refusal.search(lines[-1] if self.last else text) is not None


def check(draft: Draft, facts: Facts) -> Verdict:
    """Allow as it is or with the label in front; block where no words of ours could satisfy the country."""
    if draft.purpose is not Purpose.MARKETING or draft.kind is Kind.ANSWER:
        return ALLOW
    wanted = _wanted(facts.country, facts.places.codes)
    if not wanted:
        return ALLOW
    for label in wanted:
        impossible = _impossible(label, draft.text, facts)
        if impossible:
            return Block("label_impossible", (label.rule,), impossible)
    return _labelled(draft, facts.policy.brand.strip(), [label for label in wanted if label.first])


def split(text: str) -> tuple[str, str]:
    """Any country's label at the start of ``text`` with the space behind it, and the words after it."""
    found = _START.match(text)
    if found is None:
        return "", text
    label = found.group()
    return (label if label[-1] in " :】" else f"{label} "), text[found.end() :]


@cache
def book() -> Mapping[str, Label]:
    """Every country of labels.toml."""
    return {country: _label(country, row) for country, row in tomllib.loads(toml_text()).items()}


@cache
def toml_text() -> str:
    """The file itself, for the version of the chain."""
    return (files("guards") / "labels.toml").read_text("utf-8")


def _label(country: str, row: dict[str, object]) -> Label:
    sender = row.pop("sender", {})
    refusal, missing = row.pop("refusal", None), row.pop("missing", "")
    assert isinstance(sender, dict)  # noqa: S101 - our own file, read once
    return Label(
        country,
        refusal=re.compile(str(refusal)) if refusal else None,
        blocks=missing == "block",
        sender=(sender.get("begins", ""), sender.get("ends", "")),
        **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()},  # type: ignore[arg-type]
    )


@lru_cache(maxsize=8192)
def _wanted(country: str | None, codes: tuple[str, ...]) -> tuple[Label, ...]:
    countries = {country, *(code.partition("-")[0] for code in codes)}
    return tuple(label for code, label in book().items() if code in countries)


def _impossible(label: Label, text: str, facts: Facts) -> str:
    for thing in label.forbids:
        if _FORBIDDEN[thing].search(text) or _FORBIDDEN[thing].search(facts.policy.footer):
            return f"Texts to {label.country} may hold no {thing}: {label.citation}."
    own = facts.policy.refusals.get(label.country, "") if facts.country == label.country else ""
    if label.blocks and not label.refuses(text) and not label.refuses(own):
        return f"Texts to {label.country} need a refusal line that the program does not have: {label.citation}."
    return ""


def _labelled(draft: Draft, brand: str, wanted: Iterable[Label]) -> Verdict:
    missing = [label for label in wanted if not _begins(draft.text, label, brand)]
    if not missing:
        return ALLOW
    if len(missing) > 1 or split(draft.text)[0]:
        rules = tuple(label.rule for label in missing)
        return Block("label_impossible", rules, "Two countries each want their own label at the very start.")
    first = missing[0].first.replace("{brand}", brand)
    return Allow(draft=replace(draft, text=f"{first}{'' if first.endswith('】') else ' '}{draft.text.lstrip()}"))


def _begins(text: str, label: Label, brand: str) -> bool:
    return text.startswith((label.first.replace("{brand}", brand), *label.accepts))
