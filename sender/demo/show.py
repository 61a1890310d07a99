"""What the person at the terminal sees of the demo."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sender.audience.importing.options import ImportReport
from sender.campaigns.rehearsal import Rehearsal

NEW_YORK, LOS_ANGELES = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")
PRINT_EVERY = 10.0
SHOWN_REASONS = 12


class Bar(Protocol):
    """Moves a progress bar: so many done of so many, and a word beside it."""

    def __call__(self, done: int, total: int, said: str = "") -> None:
        """Show this from now on."""
        ...


@contextmanager
def bar(console: Console, title: str) -> Iterator[Bar]:
    """A bar with a title that vanishes when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(title, total=None, said="")

        def move(done: int, total: int, said: str = "") -> None:
            shown.update(task, completed=done, total=total, said=said or f"{done:,} of {total:,}")

        yield move


def crowd(console: Console, path: str, counts: Mapping[str, int]) -> None:
    """One paragraph about the file that was written."""
    console.print(
        f"[green]✓[/] {path}: {counts['rows']:,} rows about {counts['people']:,} invented people in "
        f"{counts['countries']} countries and {counts['US states']} US states. In it, as in real files: "
        f"{counts['doubled']} people twice, {counts['garbage']} rows without a number, "
        f"{counts['landlines']} landlines, {counts['nameless']} missing names, "
        f"{counts['no consent']} people who never said yes, {counts['consent without proof']} without proof of it, "
        f"{counts['opted out before']} who said stop before.",
        highlight=False,
    )


def imported(console: Console, report: ImportReport) -> None:
    """One sentence about the import."""
    counts = report.counts
    console.print(
        f"[green]✓[/] Imported: {counts['new']:,} contacts, {counts['duplicate']} rows of people met before, "
        f"{counts['refused']} rows refused ({_listed(report.refused)}).",
        highlight=False,
    )


def rehearsed(console: Console, name: str, found: Rehearsal) -> None:
    """What would happen at the planned time: verdicts with their reasons, parts, the longest text, samples."""
    table = Table(title=f"Rehearsal of “{name}” for {clock_of(found.at)}", title_justify="left")
    table.add_column("would be")
    table.add_column("because")
    table.add_column("people", justify="right")
    words = {"allow": "sent at once", "defer": "sent later", "block": "not sent"}
    for (verdict, reason), count in sorted(found.reasons.items(), key=lambda item: (item[0][0], -item[1])):
        table.add_row(words[verdict], reason.replace("_", " "), f"{count:,}")
    console.print(table)
    variants = ", ".join(f"{variant} {count:,}" for variant, count in found.variants.items())
    console.print(f"{found.total:,} people ({variants}), {found.parts:,} parts.", highlight=False)
    for variant, texts in found.samples.items():
        console.print(f"[dim]{variant}:[/] {_one_line(texts[0])}", highlight=False)
    console.print(f"[dim]Longest, {found.worst_parts} part(s):[/] {_one_line(found.worst_text)}", highlight=False)


def clock_of(at: datetime) -> str:
    """An instant as a wall clock shows it on both coasts."""
    east, west = at.astimezone(NEW_YORK), at.astimezone(LOS_ANGELES)
    return f"{east:%a %H:%M} in New York, {west:%H:%M} in Los Angeles"


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the day stands: the virtual instant, messages by state, and how many people said stop."""

    at: datetime
    states: Mapping[str, int]
    stops: int

    def count(self, *names: str) -> int:
        """How many messages are in one of these states."""
        return sum(self.states.get(name, 0) for name in names)

    @property
    def counts(self) -> str:
        """The figures in one line."""
        return (
            f"{self.count('sent', 'delivered', 'undelivered', 'failed'):,} sent · "
            f"{self.count('pending', 'queued'):,} waiting · {self.count('blocked'):,} blocked · "
            f"{self.count('sending', 'unconfirmed')} on the wire · {self.stops} said stop"
        )

    @property
    def line(self) -> str:
        """All of it, for terminals that only print."""
        return f"{clock_of(self.at)} · {self.counts}"

    def __rich__(self) -> Table:
        waiting = self.count("pending", "queued", "sending", "unconfirmed")
        planned = sum(self.states.values())
        progress = ProgressBar(total=max(planned, 1), completed=planned - waiting, width=60)
        shown = Table.grid()
        for row in (Text(clock_of(self.at), style="bold"), progress, Text(self.counts)):
            shown.add_row(row)
        return shown


def report(console: Console, made: Mapping[str, Any]) -> None:
    """The table the demo ends with, one column for each campaign."""
    campaigns: Sequence[Mapping[str, Any]] = made["campaigns"]
    table = Table(title="What became of it", title_justify="left")
    table.add_column("")
    for campaign in campaigns:
        table.add_column(campaign["name"], justify="right")
    for title, counts in _lines(campaigns):
        table.add_row(title, *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(f"{made['opted_out_by_reply']} people opted out by replying during the day.", highlight=False)


def _lines(campaigns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[int]]]:
    def state(*names: str) -> list[int]:
        return [sum(campaign["states"].get(name, 0) for name in names) for campaign in campaigns]

    yield "planned", [campaign["planned"] for campaign in campaigns]
    yield "sent (accepted by the provider)", state("sent", "delivered", "undelivered")
    yield "  delivered", state("delivered")
    yield "  undelivered", state("undelivered")
    yield "  no receipt yet", state("sent")
    yield "failed (refused by the provider)", state("failed")
    yield "unproven (answer lost, never repeated)", state("unproven")
    yield "deferred, then sent", [campaign["deferred_then_sent"] for campaign in campaigns]
    yield "blocked", state("blocked")
    reasons: Counter[str] = Counter()
    for campaign in campaigns:
        reasons.update(campaign["blocked"])
    for reason, _ in reasons.most_common(SHOWN_REASONS):
        yield f"  {reason.replace('_', ' ')}", [campaign["blocked"].get(reason, 0) for campaign in campaigns]
    yield "expired or cancelled", state("expired", "cancelled")


def checks(console: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Each check with its mark and the figure it looked at."""
    console.print("\n[bold]Checked from outside, against the simulator's log:[/]")
    for one in found:
        mark = "[green]✓[/]" if one["ok"] else "[bold red]✗[/]"
        console.print(f"{mark} {one['title']}: {one['said']}.", highlight=False)


def end(console: Console, is_right: bool, address: str, link: str) -> None:
    """The last words; with an address, where to look around."""
    said = "[bold green]Everything holds.[/]" if is_right else "[bold red]Not everything holds: status 1.[/]"
    console.print(f"\n{said}")
    if address:
        console.print(
            f"\nTactful is still up: {address}\nBecome its owner (works once): {address}{link}\nCtrl-C ends it.",
            highlight=False,
            soft_wrap=True,
        )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "none"


def _one_line(text: str) -> str:
    return text.replace("\n", " ⏎ ").replace("[", r"\[")
