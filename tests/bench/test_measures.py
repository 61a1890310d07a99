import json
from pathlib import Path

import pytest

from sender.bench import run as bench
from sender.bench.house import BenchError, House, build_house, numbers
from sender.bench.measured import run_task
from sender.bench.run import Sizes
from sender.bench.sending import Latency, reach_endpoint, require_each_once, send_by_tasks, send_campaign

SMALL = Sizes(1, 60, 40, looped=5, threaded=20, tasks=20, slow_looped=2, slow_tasks=5)
PRODUCT = {"workers": 1, "connections": 16}


def test_import_and_planning_do_what_their_baselines_do(house: House) -> None:
    """Everybody in the file is imported and planned, by the product and in the plain way, on both databases."""
    contacts = str(house.contacts)
    runs = [
        run_task(house, "plain import", contacts=contacts),
        run_task(house, "import", contacts=contacts, program_id=house.program_id),
        run_task(house, "plain plan"),
        run_task(house, "plan", name="all"),
    ]
    assert all(run.rate > 0 and run.cpu_us > 0 and run.peak_mib > 0 for run in runs)


@pytest.mark.nightly
def test_a_task_for_each_text_sends_each_once(short_folder: Path) -> None:
    """The tutorials' design brings every text to the endpoint, in two processes that work a queue off."""
    house = build_house(short_folder, None, SMALL.people, PRODUCT)
    run_task(house, "plain import", contacts=str(house.contacts))
    run_task(house, "plain plan")
    run = send_by_tasks(house, Latency(), SMALL.tasks)
    assert set(run.parts) == {"valkey", "endpoint", "tasks-1", "tasks-2"}
    assert run.rate > 0
    assert reach_endpoint(house, 100).rate > 0


def test_a_task_that_fails_says_why(house: House) -> None:
    """The last line of a failed measure is in the sentence."""
    with pytest.raises(BenchError, match=r"Measuring import failed: .*nowhere\.csv"):
        run_task(house, "import", contacts="nowhere.csv", program_id=house.program_id)


@pytest.mark.nightly
def test_a_campaign_is_measured_to_its_last_receipt(short_folder: Path) -> None:
    """Real processes send to everybody once, and every text is recorded as delivered."""
    house = build_house(short_folder, None, SMALL.people, PRODUCT)
    run_task(house, "import", contacts=str(house.contacts), program_id=house.program_id)
    run = send_campaign(house, "all", Latency(), receipts=True)
    assert set(run.parts) == {"valkey", "endpoint", "web", "hooks", "worker-1", "scheduler"}
    assert run.rate > 0


@pytest.mark.parametrize("people", [[0, 1, 1, *range(2, 60)], list(range(59))], ids=["doubled", "missing"])
def test_a_spoilt_run_is_no_figure(short_folder: Path, people: list[int]) -> None:
    """A text sent twice or not at all ends the bench instead of making it faster."""
    house, everybody = build_house(short_folder, None, SMALL.people, PRODUCT), numbers(SMALL.people)
    lines = [json.dumps({"event": "accepted", "to": everybody[place]}, separators=(",", ":")) for place in people]
    (house.folder / "simulator.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(BenchError, match="were accepted"):
        require_each_once(house)


@pytest.mark.nightly
def test_a_whole_round_gives_every_ratio(pg_url: str) -> None:
    """Every measure is taken once and the product stands beside each of its baselines."""
    asked: list[str] = []
    report = bench.bench(SMALL, pg_url, PRODUCT, lambda done, total, what: asked.append(what))
    assert len(asked) == sum(len(group.measures) for group, _ in report.groups)
    for group, found in report.groups:
        baselines = {one.name for one in group.measures if one.baseline}
        assert [set(one.ratios) for one in found if not one.measure.baseline] == [baselines] * (
            len(found) - len(baselines)
        )
