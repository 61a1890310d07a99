"""The pages in a real browser."""

from pathlib import Path

from tests.browser.screenshots import take_pictures


def test_no_page_makes_the_browser_complain(tmp_path: Path) -> None:
    """Signing in, polling, the dialog, a phone's width: nothing breaks the security policy and no file is missing."""
    assert take_pictures(tmp_path) == []
    assert len(list(tmp_path.glob("*.png"))) == 8
