"""What the documentation says was measured is what the committed records say."""

import io
import json
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from rich.console import Console

from crossgrad.data import BENCHMARKS
from crossgrad.methods import METHODS
from crossgrad.records import read_records
from crossgrad.report import print_table, summarise
from crossgrad.report.numbers import p_value, signed_points

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"


def test_the_digits_settings_are_the_choice_of_the_validation_records() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "digits_settings.py"), "--show"]
    shown = subprocess.run(script, capture_output=True, text=True, check=True).stdout.strip()
    assert shown in (ROOT / "docs" / "digits.md").read_text(encoding="utf-8")
    chosen = BENCHMARKS["digits"].chosen
    assert list(chosen) == ["0", "15", "30", "45", "60", "75"]
    for record in read_records(RESULTS / "digits"):
        (held_out,) = record["held_out"]
        expected = chosen[held_out][record["method"]]
        assert record["select"] == "held-out"
        assert record["settings"]["learning_rate"] == expected["learning_rate"]
        assert expected["fields"].items() <= record["settings"]["fields"].items()


def test_no_validation_run_trains_on_the_two_domains_that_it_is_measured_on() -> None:
    for record in read_records(RESULTS / "digits-validation"):
        assert len(record["held_out"]) == 2
        assert not set(record["held_out"]) & set(record["in_domain"]["by_domain"])


def test_the_readme_prints_the_table_of_the_committed_records() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_table(summarise(read_records(RESULTS / "digits")), console)
    printed = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in printed if line and line not in readme] == []


def test_the_readme_says_what_another_processor_gave_for_the_same_runs() -> None:
    records, others = (read_records(RESULTS / name) for name in ("digits", "digits-another-processor"))
    assert {record["key"] for record in records} == {record["key"] for record in others}
    found = {row.method: row.difference for row in summarise(others).rows if row.difference}
    assert found["label_grad"].verdict == "same"
    one, other = (found[name].comparison for name in ("label_grad", "crossgrad"))
    assert one.low is not None
    assert one.high is not None
    label_grad = f"LabelGrad {one.mean:+.1f} points ({one.low:.1f} to {one.high:.1f}, p = {p_value(one.p_value)})"
    crossgrad = f"CrossGrad {other.mean:+.1f} (p = {p_value(other.p_value)})"
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{label_grad} and {crossgrad}" in readme


def test_the_budgets_hold_in_the_committed_benchmarks_and_the_docs_quote_them() -> None:
    step, fit, input_conv = (
        json.loads((RESULTS / "benchmarks" / f"{name}.json").read_text()) for name in ("step", "fit", "input_conv")
    )
    of_methods = json.loads((RESULTS / "benchmarks" / "methods.json").read_text())["methods"]
    anew = {name: found["over_erm"] for name, found in of_methods.items()}
    assert step["crossgrad_over_erm"] <= 4.3
    assert step["crossgrad_with_features_over_erm"] <= 4.8
    assert step["three_pass_over_crossgrad"] >= 1.45
    assert step["crossgrad_memory_over_erm"] <= 1.25
    assert fit["fit_over_loop"] <= 1.05
    assert fit["fit_with_evaluation_over_loop"] <= 1.15
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"costs {step['crossgrad_over_erm']:.2f} ERM steps of the same net, "
        f"{step['crossgrad_with_features_over_erm']:.2f} with the domain features g ({anew['crossgrad']:.2f} and "
        f"{anew['crossgrad, condition=True']:.2f} in [another record](docs/methods.md#what-a-step-costs)), and is "
        f"{step['three_pass_over_crossgrad']:.2f} times faster than the usual form of six passes; its saved "
        f"activations peak at {step['crossgrad_memory_over_erm']:.2f} times ERM's"
    ) in readme
    assert f"`fit()` takes {fit['fit_over_loop']:.2f} times the bare loop" in readme
    design = " ".join((ROOT / "docs" / "design.md").read_text(encoding="utf-8").split())
    assert f"{input_conv['smallest_ratio']:.1f} to {input_conv['largest_ratio']:.1f} times as fast" in design


def paired_tests() -> dict[str, Any]:
    record: dict[str, Any] = json.loads((RESULTS / "benchmarks" / "paired_tests.json").read_text())
    return record


def rates(world: str, test: str) -> list[float]:
    return [each["rates"][test] for each in paired_tests()["settings"] if each["world"] == world]


SAME, VARIES, DIFFERENT = (
    "no difference, the same on every domain",
    "no difference, varies by domain",
    "a difference, varies by domain",
)
OVER_DOMAINS = ("paired t over domains", "Wilcoxon over domains", "bootstrap of domains and examples")
OVER_EXAMPLES = ("MAPSSWE, examples as segments", "McNemar, one seed")


def test_the_page_on_statistics_shows_the_committed_rates() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "paired_tests.py")]
    record = RESULTS / "benchmarks" / "paired_tests.json"
    shown = subprocess.run([*script, "--show", str(record)], capture_output=True, text=True, check=True).stdout.strip()
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert shown in page
    assert f"by chance up to {100 * paired_tests()['highest_rate_by_chance']:.1f}" in page
    assert f"significant in {100 * max(rates(VARIES, OVER_EXAMPLES[0])):.0f} of 100 comparisons" in " ".join(
        page.split()
    )


def test_under_no_difference_tests_find_one_in_at_most_five_percent_of_two_thousand_draws() -> None:
    assert paired_tests()["trials"] == 2000
    bound = paired_tests()["highest_rate_by_chance"]
    for test in OVER_DOMAINS:
        assert max(rates(SAME, test) + rates(VARIES, test)) <= bound
    for test in OVER_EXAMPLES:
        assert max(rates(SAME, test)) <= bound
        assert min(rates(VARIES, test)) > 2 * bound  # about these domains, not about new ones
    assert rates(DIFFERENT, "Wilcoxon over domains")[0] == 0  # five domains


def test_of_domains_held_out_together_tests_over_domains_are_too_sure_the_more_so_the_more_domains() -> None:
    bound, together = paired_tests()["highest_rate_by_chance"], f"{VARIES}, held out together"
    t = rates(together, "paired t over domains")
    assert t[0] < bound < t[2] < t[3]
    for test in OVER_DOMAINS:
        assert rates(together, test)[3] > bound
    page = " ".join((ROOT / "docs" / "statistics.md").read_text(encoding="utf-8").split())
    said = "in {:.0f} of 100 comparisons with five domains, in {:.0f} with twelve, in {:.0f} with thirty"
    assert said.format(*(100 * t[place] for place in (0, 2, 3))) in page


TASKS = ("rotated_mnist", "handwriting", "fonts", "speech_lithuanian", "synthetic_speakers")


def task_row(name: str) -> str:
    """A line of the table in docs/benchmarks/index.md, from the records of plain training."""
    records = [record for record in read_records(RESULTS / "tasks" / name) if record["method"] == "erm"]
    lowest = min(record["training"]["accuracy"] for record in records)
    inside, outside = (fmean(r[place]["accuracy"] for r in records) for place in ("in_domain", "out_of_domain"))
    settings, chance = records[0]["settings"], 1 / len(records[0]["labels"])
    seconds = fmean(record["seconds"] for record in records)
    return (
        f"| `{name}` | {records[0]['net']} | {settings['max_steps']:,} x {settings['batch_size']} | {len(records)} | "
        f"{100 * lowest:.1f} | {100 * inside:.1f} | {100 * outside:.1f} | {100 * chance:.1f} | {seconds:.0f} s |"
    )


@pytest.mark.parametrize("name", TASKS)
def test_plain_training_learns_every_task_and_the_page_says_how_well(name: str) -> None:
    assert task_row(name) in (ROOT / "docs" / "benchmarks" / "index.md").read_text(encoding="utf-8").splitlines()
    for record in read_records(RESULTS / "tasks" / name):
        chance = 1 / len(record["labels"])
        assert record["training"]["accuracy"] > 0.95
        assert record["out_of_domain"]["accuracy"] > 3 * chance
        assert record["settings"]["max_steps"] == BENCHMARKS[name].settings["max_steps"]


@pytest.mark.parametrize("name", TASKS)
def test_the_records_are_of_the_data_as_it_is_made_now(name: str) -> None:
    if not BENCHMARKS[name].is_here:
        pytest.skip(f"the raw files of {name} are not here")
    assert {record["fingerprint"] for record in read_records(RESULTS / "tasks" / name)} == {
        BENCHMARKS[name].open().fingerprint
    }


def test_a_prepared_benchmark_loads_in_less_than_two_seconds() -> None:
    measured = json.loads((RESULTS / "benchmarks" / "data.json").read_text())["benchmarks"]
    assert measured.keys() >= {"digits", *TASKS}
    page = (ROOT / "docs" / "benchmarks" / "index.md").read_text(encoding="utf-8").splitlines()
    for name, found in measured.items():
        assert found["load_seconds"] < 2, name
        row = (
            f"| `{name}` | {found['examples']:,} | {found['make_seconds']:.1f} | {found['made_per_second']:,.0f} | "
            f"{found['make_peak_mb']:.0f} | {found['load_seconds']:.2f} | {found['load_peak_mb']:.0f} | "
            f"{found['kept_mb']:.1f} |"
        )
        assert row in page, row
    assert measured["fonts"]["make_seconds"] < 60


def test_every_methods_cost_is_on_record_and_on_the_page() -> None:
    measured = json.loads((RESULTS / "benchmarks" / "methods.json").read_text())["methods"]
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    assert {name.partition(",")[0] for name in measured} == METHODS.keys() - {"erm_matched"}
    for name, found in measured.items():
        row = f"| {name} | {found['passes']:.2f} | {found['over_erm']:.2f} | {found['saved_over_erm']:.2f} |"
        assert row in page.splitlines(), row


def test_steps_of_several_processes_are_on_the_page_as_on_record() -> None:
    rows = json.loads((RESULTS / "benchmarks" / "processes.json").read_text())["rows"]
    page = (ROOT / "docs" / "processes.md").read_text(encoding="utf-8").splitlines()
    found = {(row["method"], row["batch"], row["processes"]): row for row in rows}
    for method, batch in {(row["method"], row["batch"]) for row in rows}:
        one, two = found[method, batch, 1], found[method, batch, 2]
        row = (
            f"| {method} | {batch} | {one['steps_per_second']:.2f} | {two['steps_per_second']:.2f} | "
            f"{two['summed_bytes_per_step'] / 1e6:.2f} |"
        )
        assert row in page, row
    gains = {batch: found["crossgrad", batch, 2]["speed_up"] for batch in (64, 16)}
    assert (
        f"Two processes train CrossGrad {gains[64]:.1f} times as fast at a batch of 64, {gains[16]:.1f} times at 16"
    ) in " ".join(" ".join(page).split())


def test_what_layouts_and_compiling_gave_each_net_is_in_the_design_as_on_record() -> None:
    nets = json.loads((RESULTS / "benchmarks" / "layouts.json").read_text())["nets"]
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for net in nets:
        over = net["over_eager"]
        assert f"| {net['net']} | {over['channels_last']:.2f} | {over['compiled']:.2f} |" in design.splitlines()
    seconds = [net["first_step_seconds"]["compiled"] for net in nets]
    assert f"The first compiled step took {min(seconds):.0f} to {max(seconds):.0f} seconds" in design


ANGLES = ("0", "15", "30", "45", "60", "75")
PUBLISHED = {"ccsa": (84.6, 95.6, 94.6, 82.9, 94.8, 82.1), "mtae": (82.5, 96.3, 93.4, 78.6, 94.2, 80.5)}
"""Table 9 of the paper."""


def angle_row(folder: str, method: str, name: str) -> str:
    """A line of the table in docs/benchmarks/rotated-mnist.md: the mean over seeds at each angle, and over angles."""
    found: dict[str, list[float]] = {angle: [] for angle in ANGLES}
    for record in read_records(RESULTS / folder):
        if record["method"] == method:
            found[record["held_out"][0]].append(100 * record["out_of_domain"]["accuracy"])
    (n_seeds,) = {len(accuracies) for accuracies in found.values()}
    means = [fmean(accuracies) for accuracies in found.values()]
    cells = " | ".join(f"{mean:.1f}" for mean in (*means, fmean(means)))
    return f"| {name} | {n_seeds} | {cells} |"


def test_the_page_on_rotated_mnist_says_what_was_published_and_what_is_on_record() -> None:
    page = (ROOT / "docs" / "benchmarks" / "rotated-mnist.md").read_text(encoding="utf-8").splitlines()
    for folder, method, name in (
        ("rotated_mnist", "erm", "ERM"),
        ("rotated_mnist", "ccsa", "CCSA"),
        ("rotated_mnist", "mtae", "D-MTAE, conv2, 600 steps a phase"),
        ("rotated_mnist-mtae", "mtae", "D-MTAE, one layer of 500 units, 3,000 steps a phase"),
    ):
        assert angle_row(folder, method, name) in page
    for method, name in (("ccsa", "CCSA"), ("mtae", "D-MTAE")):
        cells = " | ".join(f"{value:.1f}" for value in (*PUBLISHED[method], fmean(PUBLISHED[method])))
        assert f"| {name}, published | ? | {cells} |" in page


def test_the_hybrids_designs_are_on_the_page_as_they_are_on_record() -> None:
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()
    for design in ("sum", "either", "both"):
        cells = []
        for data in ("handwriting", "digits"):
            for step in (0.3, 1.0):
                accuracies = [
                    100 * record["out_of_domain"]["accuracy"]
                    for record in read_records(RESULTS / "sweeps" / f"hybrid-{data}")
                    if (record["settings"]["fields"]["design"], record["settings"]["fields"]["domain_gradient_step"])
                    == (design, step)
                ]
                cells.append(f"{fmean(accuracies):.1f}")
        assert f"| `{design}` | {' | '.join(cells)} |" in page


def test_accuracy_by_the_size_of_the_step_is_on_the_page_as_it_is_on_record() -> None:
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()
    for data in ("handwriting", "digits"):
        for kind in ("raw", "calibrated"):
            found: dict[str, list[float]] = {}
            for record in read_records(RESULTS / "sweeps" / f"{kind}-{data}"):
                step = str(record["settings"]["fields"]["domain_gradient_step"])
                found.setdefault(step, []).append(100 * record["out_of_domain"]["accuracy"])
            means = [fmean(found[step]) for step in sorted(found, key=lambda step: float(step.rpartition(":")[2]))]
            cells = " | ".join(f"{mean:.1f}" for mean in means)
            row = f"| {data} | {kind} | {cells} | {max(means) - min(means):.1f} |"
            assert row in page, row


def test_data_larger_than_memory_trains_in_flat_memory_and_the_page_shows_the_record() -> None:
    record = json.loads((RESULTS / "benchmarks" / "large_data.json").read_text())
    assert record["images"] == 200_000
    page = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    for name, found in record["workers"].items():
        # A few batches more or fewer, beside the 781 MiB that the inputs would take.
        assert found["growth"] < 16 * 2**20, name
        row = [found["loaded_a_second"], found["trained_a_second"]]
        row += [value / 2**20 for value in (found["resident"][0], found["resident"][-1], found["peak"])]
        assert f"| {' | '.join(f'{value:,.0f}' for value in row)} |" in page
    assert record["loader_over_step"] > 1
    words = " ".join(page.split())
    opening = record["seconds_to_open"]
    assert f"Opening took {opening['channels_named']:.1f} s with `--channels 1` and" in words
    assert f"and {opening['channels_found']:.1f} s without" in words
    assert f"two workers gave {record['loader_over_step']:.1f} times as many examples" in words
    assert f"{record['bytes_as_inputs'] / 2**20:.0f} MiB as inputs" in words
    assert f"(a load of {record['load_at_the_start']:.1f} at the start" in words
    alone = record["workers"]["0"]["loaded_a_second"] / record["workers"]["in memory"]["trained_a_second"]
    assert f"reading by itself, {alone:.1f} times" in words


def test_the_table_of_methods_on_the_tasks_is_what_the_records_say() -> None:
    page = (ROOT / "docs" / "reproduction.md").read_text()
    tasks = {
        "fonts": "fonts",
        "handwriting": "handwriting",
        "rotated_mnist": "rotated MNIST",
        "speech_lithuanian": "speech (Lithuanian)",
    }
    for name, shown in tasks.items():
        rows = {row.method: row for row in summarise(read_records(RESULTS / "tasks" / f"{name}-methods")).rows}
        cells = []
        for method in ("erm", "label_grad", "crossgrad", "random", "repeat", "erm_matched"):
            row = rows.get(method)
            if row is None or row.mean is None:
                cells.append("not run")
                continue
            found = row.difference.comparison if row.difference else None
            gain = f" ({signed_points(found.mean)}, p {p_value(found.p_value)})" if found else ""
            cells.append(f"{100 * row.mean.value:.1f}{gain}")
        assert f"| {shown} | {' | '.join(cells)} |" in page


def test_the_table_of_advice_is_what_the_record_says() -> None:
    page = (ROOT / "docs" / "diagnose.md").read_text()
    record = json.loads((RESULTS / "benchmarks" / "advice.json").read_text())
    checked = [task for task in record["tasks"].values() if task["right"] is not None]
    for task in checked:
        found = task["found"]
        row = (
            f"| {task['advised']} | {task['gap_points']:.1f} points | {found['mean']:+.1f} points, "
            f"p = {p_value(found['p_value'])} | {'yes' if task['right'] else 'no'} |"
        )
        assert row in page
    assert f"Right on {record['right']} of {record['checked']}." in page


def test_the_page_on_own_data_tells_the_times_that_were_taken() -> None:
    page = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    record = json.loads((RESULTS / "benchmarks" / "first_looks.json").read_text())
    for look in record["looks"]:
        minutes, seconds = divmod(look["seconds"], 60)
        assert f"| {minutes} min {seconds} s |" in page if minutes else f"| {seconds} s |" in page
        if "examples" in look:
            assert f"| {look['examples']} " in page
            assert f" by {look['domains']} " in page
        options = look["command"].partition("--")[2].removesuffix(" --output first-look")
        assert f"--{options}" in page or not options


def test_the_fuzz_campaign_on_record_read_every_target_and_found_nothing() -> None:
    record = json.loads((RESULTS / "benchmarks" / "fuzz.json").read_text())
    parts = [part for target in record["targets"].values() for part in target.values()]
    assert record["inputs"] == sum(part["inputs"] for part in parts) >= 10_000
    assert all(part["inputs"] for part in parts)
    assert [part["findings"] for part in parts if part["findings"]] == []
    assert record["findings"] == 0
