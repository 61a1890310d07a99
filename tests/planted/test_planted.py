"""The planted bugs follow the code they spoil, and each names the test that must find it."""

import shlex

import pytest

from tests.planted.__main__ import FOLDER, ROOT, Planted, all_planted, fits


@pytest.mark.parametrize("planted", all_planted(), ids=lambda planted: planted.name)
def test_every_planted_bug_fits_and_names_its_test(planted: Planted) -> None:
    """The patch can be applied to the project as it is, says what is wrong, and its test file is there."""
    assert fits(planted) == ""
    assert planted.bug
    assert (ROOT / shlex.split(planted.caught_by)[0].split("::")[0]).exists()


def test_there_are_thirty() -> None:
    """At least thirty bugs are planted."""
    assert len(list(FOLDER.glob("*.patch"))) >= 30
