import subprocess
import sys

ASKED = """
import gc, weakref
from sender.processes.collector import AFTER, spare_what_lasts
class Ring: pass
spare_what_lasts()
assert gc.get_freeze_count() > 1000 and gc.isenabled()
ring = Ring(); ring.itself = ring; gone = weakref.ref(ring); del ring
kept = [[] for _ in range(2 * AFTER)]
assert gone() is None
"""


def test_what_lasts_is_spared_and_what_goes_in_circles_is_still_found() -> None:
    """What was there is left alone; a cycle that is made later is collected without being asked for."""
    subprocess.run([sys.executable, "-c", ASKED], check=True)
