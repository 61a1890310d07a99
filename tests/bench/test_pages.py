"""The measure of pages itself, with a few hundred rows: what it measures is measured by hand."""

from pathlib import Path

from tests.bench.pages import filled, look


def test_each_page_that_is_asked_for_is_timed_at_each_look(pg_url: str, tmp_path: Path) -> None:
    """The crowd fits today's tables, and both looks at the reports took some time and were no errors."""
    runtime = filled(pg_url, tmp_path / "home", contacts=50, messages=200)
    try:
        found = look(runtime, looks=2, only="/reports")
    finally:
        runtime.db.close()
    assert {"/reports", "/reports.csv", "/reports/comparison/<int:campaign_id>"} <= set(found)
    assert all(len(times) == 2 and min(look.spent for look in times) > 0 for times in found.values())
