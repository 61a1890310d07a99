"""The pages in a real browser."""

from pathlib import Path

from tests.browser.screenshots import PAGES, take_pictures


def test_no_page_makes_the_browser_complain(tmp_path: Path) -> None:
    """On a desk, a phone and dark: no breach of the policy, no error, and no request that leaves the host."""
    assert take_pictures(tmp_path) == []
    assert len(list(tmp_path.glob("*.png"))) == 3 * len(PAGES) + 3
