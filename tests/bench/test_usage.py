import subprocess
import sys

from sender.bench import usage
from tests.waiting import eventually

WORK = "import subprocess, sys, time\nwhile time.process_time() < 0.2: pass\nsys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}])"


def test_what_children_use_counts() -> None:
    """The processor time and memory of a process are those of all that descend from it."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as process:
        used = eventually(lambda: one if (one := usage.of_tree(process.pid)).cpu >= 0.2 else None)
        assert used.peak > 10
        assert process.stdin is not None
        process.stdin.close()


def test_a_process_that_has_ended_used_nothing() -> None:
    """Measuring what has just ended is no error."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert usage.of_tree(process.pid) == usage.Usage()


def test_only_what_was_used_since_then_counts() -> None:
    """Processor time is a difference, memory its peak."""
    assert usage.Usage(5.0, 80.0).since(usage.Usage(3.0, 60.0)) == usage.Usage(2.0, 80.0)
