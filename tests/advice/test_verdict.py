"""From findings to advice: every verdict, and the order in which they go."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.advice import (
    Composition,
    Confounding,
    DomainGap,
    Findings,
    ToldApart,
    WithinLabels,
    advise,
    honesty,
    verdict,
)
from crossgrad.significance import estimate, paired_t

NAMES = ("attic", "barn", "cellar", "den", "eaves", "foyer")
ROOT = Path(__file__).parents[2]
ON_RECORD = ROOT / "results" / "benchmarks" / "advice.json"


def findings(
    *,
    lost: tuple[float, ...] | None = (0.2, 0.1, 0.15, 0.12, 0.18, 0.1),
    trained: float = 0.9,
    within: float | None = 0.8,
    p_within: float = 0.001,
    adjusted: float = 0.0,
    p_confounded: float = 0.5,
    untold: tuple[str, ...] = (),
) -> Findings:
    """By default: a clear gap on six domains, told apart, not confounded."""
    gap = None
    if lost is not None:
        inside = dict.fromkeys(NAMES[: len(lost)], trained)
        outside = {name: trained - each for name, each in zip(inside, lost, strict=True)}
        gap = DomainGap(inside, outside, estimate([trained]), majority=0.5, comparison=paired_t(lost))
    return Findings(
        dataset="toys",
        composition=Composition(("a", "b"), NAMES, ((5,) * 6, (5,) * 6)),
        confounding=Confounding(max(0.0, adjusted), adjusted, p_confounded),
        told_apart=ToldApart(
            80, 100, 1 / 6, 1 / 6, {}, None if within is None else WithinLabels(within, 1 / 6, p_within, 100)
        ),
        gap=gap,
        moves=(),
        untold=untold,
        left_out=(),
        net="mlp",
        max_steps=10,
        seed=0,
    )


def test_a_gap_and_domains_that_can_be_told_are_worth_trying() -> None:
    advice = advise(findings())
    assert advice.verdict == "worth trying"
    assert advice.expects_gain is True
    assert "14.2 points (95 % interval 9.7 to 18.6)" in advice.sentence
    assert not any("may be chance" in reason for reason in advice.reasons)


def test_without_a_gap_there_is_nothing_to_gain() -> None:
    advice = advise(findings(lost=(0.01, -0.01, 0.0, 0.02, 0.01, 0.0)))
    assert (advice.verdict, advice.expects_gain) == ("nothing to gain", False)
    assert "ERM loses next to nothing" in advice.sentence


def test_what_may_be_a_loss_is_not_called_next_to_nothing() -> None:
    advice = advise(findings(lost=(0.3, -0.3, 0.2, -0.25, 0.15, -0.05)))
    assert advice.verdict == "nothing to gain"
    assert "ERM is not seen to lose much, 0.8 points (95 % interval -" in advice.sentence


@pytest.mark.parametrize(("within", "p_within"), [(0.8, 0.2), (0.2, 0.001)])
def test_domains_that_cannot_be_told_within_labels_or_hardly_have_no_gradient_to_follow(
    within: float, p_within: float
) -> None:
    advice = advise(findings(within=within, p_within=p_within))
    assert advice.verdict == "nothing to gain"
    assert "domains cannot be told apart" in advice.sentence


def test_domains_that_cannot_be_measured_within_labels_are_not_called_inseparable() -> None:
    advice = advise(findings(within=None))
    assert (advice.verdict, advice.expects_gain) == ("cannot tell", None)
    assert "ERM loses 14.2 points" in advice.sentence
    assert any("tells the domain of 80.0 % of unseen examples; no label has two" in reason for reason in advice.reasons)
    assert advise(findings(within=None, adjusted=0.6, p_confounded=0.001)).verdict == "may harm"
    assert advise(findings(within=None, lost=(0.0, 0.01, 0.0))).verdict == "nothing to gain"


def test_confounded_labels_and_domains_may_harm() -> None:
    assert advise(findings(adjusted=0.6, p_confounded=0.001)).verdict == "may harm"
    assert advise(findings(adjusted=0.4, p_confounded=0.001)).verdict == "worth trying"
    assert advise(findings(adjusted=0.6, p_confounded=0.2)).verdict == "worth trying"


def test_where_nothing_else_can_be_measured_confounding_is_still_said() -> None:
    advice = advise(findings(lost=None, adjusted=1.0, p_confounded=0.001, untold=("No domain has both.",)))
    assert advice.verdict == "may harm"
    assert "No domain has both." in advice.reasons


def test_on_few_domains_differences_cannot_be_shown() -> None:
    advice = advise(findings(lost=(0.2, 0.1, 0.15)))
    assert advice.verdict == "too few domains"
    assert advice.sentence.startswith("Too few domains (3)")


def test_a_gap_that_may_be_chance_is_called_so() -> None:
    advice = advise(findings(lost=(0.4, -0.3, 0.3, -0.1, 0.2, 0.0)))
    assert any("may be chance" in reason for reason in advice.reasons)


def test_a_net_that_has_not_learned_the_labels_tells_nothing() -> None:
    advice = advise(findings(trained=0.51))
    assert (advice.verdict, advice.expects_gain) == ("cannot tell", None)
    assert "it has not learned the labels. Try more steps." in advice.reasons[0]


def test_what_could_not_be_told_is_among_the_reasons() -> None:
    advice = advise(findings(lost=None, untold=("There is one domain.",)))
    assert advice.verdict == "cannot tell"
    assert advice.reasons[0] == "There is one domain."


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=6).map(tuple),
    st.floats(0, 1),
    st.floats(0.001, 1),
    st.floats(-0.1, 1),
    st.floats(0.001, 1),
)
def test_a_gain_is_expected_only_where_there_is_a_gap_that_domains_can_be_told_by(
    lost: tuple[float, ...], within: float, p_within: float, adjusted: float, p_confounded: float
) -> None:
    found = findings(lost=lost, within=within, p_within=p_within, adjusted=adjusted, p_confounded=p_confounded)
    advice = advise(found)
    assert advice.sentence
    if advice.expects_gain:
        assert found.gap is not None
        assert found.gap.comparison.mean >= verdict.SMALL_GAP
        assert len(lost) >= verdict.LEAST_DOMAINS
        assert verdict.tells_domains(found)
        assert not verdict.is_confounded(found)


def test_findings_are_json_without_nan() -> None:
    text = json.dumps(findings().to_json(), allow_nan=False)
    assert json.loads(text)["gap"]["comparison"]["n"] == 6
    assert json.loads(json.dumps(dataclasses.asdict(advise(findings()))))["verdict"] == "worth trying"


def test_the_interval_of_an_accuracy_is_wilsons() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, score method 0.2553 to 0.3662."""
    low, high = ToldApart(81, 263, 0.5, 0.5, {}, None).interval
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_how_often_the_advice_was_right_is_what_the_record_says() -> None:
    record = json.loads(ON_RECORD.read_text())
    checked = [task for task in record["tasks"].values() if task["right"] is not None]
    assert (sum(task["right"] for task in checked), len(checked)) == (verdict.RIGHT, verdict.CHECKED)
    assert f"right on {verdict.RIGHT} of {verdict.CHECKED}" in honesty()


def test_the_documentation_shows_every_task_that_was_checked() -> None:
    page = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")
    for name, task in json.loads(ON_RECORD.read_text())["tasks"].items():
        if task["right"] is not None:
            found = f"{task['found']['mean']:+.1f} points, p = {task['found']['p_value']:.2g}"
            right = "yes" if task["right"] else "no"
            row = f"{task['advised']} | {task['gap_points']:.1f} points | {found} | {right} |"
            assert f"| [{name}](" in page or f"| {name} |" in page
            assert row in page
