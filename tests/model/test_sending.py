import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly
MODEL = Path(__file__).with_name("sending.pml")
ALONE, TOGETHER = ("ALONE",), ()
BUGS = sorted(set(re.findall(r"^#ifn?def ([A-Z_]{6,})$", MODEL.read_text("utf-8"), re.MULTILINE)))
SECONDS = 900


def searched(folder: Path, macros: tuple[str, ...]) -> str:
    """Try every order of the model's steps; what spin's checker printed."""
    for tool in ("spin", "cc"):
        if shutil.which(tool) is None:
            pytest.fail(f"{tool} is not installed, and the model cannot be checked: install the packages spin and gcc.")
    subprocess.run(
        ["spin", "-a", *(f"-D{one}" for one in macros), str(MODEL)], cwd=folder, check=True, capture_output=True
    )
    subprocess.run(["cc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True)
    found = subprocess.run(
        ["./pan", "-E", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS
    )
    assert "Search not completed" not in found.stdout or "errors: 1" in found.stdout
    return found.stdout


@pytest.mark.parametrize(
    "macros", [ALONE, TOGETHER], ids=["one message, dying workers", "two messages, one text allowed"]
)
def test_no_order_of_steps_breaks_a_promise(tmp_path: Path, macros: tuple[str, ...]) -> None:
    """Nothing is accepted twice, no gate opens after a STOP or over the cap, and everything comes to rest."""
    found = searched(tmp_path, macros)
    assert "errors: 0" in found
    assert "max search depth too small" not in found


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(tmp_path: Path, bug: str) -> None:
    """The model is no decoration: what would double, lose or strand a text is an error."""
    assert "errors: 1" in searched(tmp_path, (*ALONE, bug))


def test_there_are_bugs_to_find() -> None:
    """Eight ways of doing it wrong are planted."""
    assert len(BUGS) == 8


def test_a_cap_read_before_the_lock_is_found(tmp_path: Path) -> None:
    """Two messages to one person pass a cap of one where the gate believes what it read before."""
    assert "errors: 1" in searched(tmp_path, ("GATE_BELIEVES_WHAT_IT_READ_BEFORE",))
