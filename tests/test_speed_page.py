"""What the page on speed and memory says is what the committed records say."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = " ".join((ROOT / "docs" / "speed.md").read_text(encoding="utf-8").split())


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "results" / "benchmarks" / f"{name}.json").read_text())
    return found


def test_every_form_of_a_step_is_on_the_page_with_its_time_and_memory() -> None:
    batches = record("step")["batches"]
    for form, name in (
        ("crossgrad", "CrossGrad, four passes"),
        ("crossgrad_with_features", "CrossGrad with g"),
        ("three_pass", "written out, six passes"),
    ):
        small, large = (batches[size]["milliseconds"] for size in ("64", "256"))
        saved = batches["64"]["peak_saved_bytes"]
        row = (
            f"| {name} | {small[form] / small['erm']:.2f} | {large[form] / large['erm']:.2f} | "
            f"{saved[form] / saved['erm']:.2f} |"
        )
        assert row in PAGE, row


def test_memory_is_told_in_the_bytes_and_parameters_on_record() -> None:
    saved = record("step")["batches"]["64"]["peak_saved_bytes"]
    assert f"{saved['crossgrad'] / 1e6:.1f} MB here at batch 64, against {saved['three_pass'] / 1e6:.1f} MB" in PAGE
    methods = record("methods")["methods"]
    assert f"{methods['crossgrad']['parameters']:,} parameters against {methods['erm']['parameters']:,}" in PAGE
    passes = {name: f"{methods[name]['passes']:.0f}" for name in ("label_grad", "random", "repeat")}
    assert (
        f"LabelGrad {passes['label_grad']} passes, the control `random` {passes['random']}, "
        f"`repeat` {passes['repeat']}."
    ) in PAGE


def test_what_else_was_done_is_told_with_the_gains_on_record() -> None:
    conv, fit, methods = record("input_conv"), record("fit"), record("checkpoints")["methods"]
    assert f"{conv['smallest_ratio']:.1f} to {conv['largest_ratio']:.1f} times as fast, by itself" in PAGE
    with_evaluation = fit["fit_with_evaluation_over_loop"]
    assert f"{fit['fit_over_loop']:.2f} times its time, {with_evaluation:.2f} with evaluation" in PAGE
    shares = {name: f"{100 * methods[name]['share_of_time']:.1f} %" for name in ("crossgrad", "erm")}
    assert f"{shares['crossgrad']} of the time for CrossGrad, {shares['erm']} for ERM" in PAGE


@pytest.mark.parametrize(("batch", "words"), [(64, "{:.1f} times the steps |"), (16, "gave {:.1f} times the steps of")])
def test_two_processes_are_told_with_the_gain_on_record(batch: int, words: str) -> None:
    (gain,) = (
        row["speed_up"]
        for row in record("processes")["rows"]
        if (row["method"], row["batch"], row["processes"]) == ("crossgrad", batch, 2)
    )
    assert words.format(gain) in PAGE


def test_what_compiling_and_layouts_gave_is_told_as_it_is_on_record() -> None:
    nets = {row["net"]: row for row in record("layouts")["nets"]}
    over = {name: {way: f"{value:.2f}" for way, value in row["over_eager"].items()} for name, row in nets.items()}
    assert (
        f"LeNet take {over['lenet']['compiled']} of the time, of the residual net {over['resnet']['compiled']} and "
        f"of the keyword net {over['keyword']['compiled']}"
    ) in PAGE
    layouts = [over[name]["channels_last"] for name in ("lenet", "resnet", "keyword")]
    assert f"likewise: {layouts[0]}, {layouts[1]} and {layouts[2]}." in PAGE
    seconds = [row["first_step_seconds"]["compiled"] for row in nets.values()]
    assert f"after {min(seconds):.0f} to {max(seconds):.0f} seconds of compiling" in PAGE
