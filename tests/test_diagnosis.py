"""Diagnoses of toys whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crossgrad.data import DomainDataset, DomainSplit
from crossgrad.diagnosis import MOST_FOLDS, Diagnosis, diagnose, plan_diagnosis
from crossgrad.errors import SettingsError
from small import images

FAST = {"max_steps": 60, "net": "mlp"}


def toy(
    *,
    n_domains: int = 6,
    each: int = 40,
    labels: float = 4.0,
    domains: float = 4.0,
    agreement: float | None = None,
) -> DomainDataset:
    """Two labels on one axis of four, domains on two others, noise of 1 on all.

    Args:
        n_domains: as many.
        each: examples of a domain.
        labels: distance of the labels' means.
        domains: radius of the circle of the domains' means.
        agreement: how often the label is the domain's own, by its parity; None for labels by turns.
    """
    random = np.random.RandomState(0)
    domain = np.repeat(np.arange(n_domains), each)
    label = np.arange(len(domain)) % 2
    if agreement is not None:
        label = np.where(random.rand(len(domain)) < agreement, domain % 2, 1 - domain % 2)
    inputs = random.randn(len(domain), 4)
    inputs[:, 0] += labels * (label - 0.5)
    angle = 2 * np.pi * domain / n_domains
    inputs[:, 1] += domains * np.cos(angle)
    inputs[:, 2] += domains * np.sin(angle)
    return DomainDataset.from_arrays(inputs, label, [f"domain {one}" for one in domain], name="toy")


@pytest.fixture(scope="module")
def told() -> Diagnosis:
    return diagnose(toy(), **FAST)


def test_domains_that_move_inputs_are_told_apart(told: Diagnosis) -> None:
    found = told.findings.told_apart
    assert found is not None
    assert found.accuracy > 0.8
    assert found.interval[0] > found.majority
    assert found.within is not None
    assert found.within.accuracy > 0.8
    assert found.within.p_value == 0.001


def test_domains_that_labels_do_not_mind_leave_nothing_to_gain(told: Diagnosis) -> None:
    gap = told.findings.gap
    assert gap is not None
    assert gap.trained.value > 0.9
    assert abs(gap.comparison.mean) < 0.02
    assert told.advice.verdict == "nothing to gain"


def test_without_a_signal_of_domains_a_domain_net_is_at_chance() -> None:
    diagnosis = diagnose(toy(domains=0.0, each=100), **FAST)
    found = diagnosis.findings.told_apart
    assert found is not None
    assert found.interval[0] < found.chance < found.interval[1]
    assert found.within is not None
    assert found.within.p_value > 0.05
    assert diagnosis.advice.verdict == "nothing to gain"


def test_domains_that_labels_are_lost_in_are_worth_trying() -> None:
    """Labels lie along each domain's own direction, which a net that has not seen the domain cannot know."""
    shifted = toy(domains=6.0, each=60)
    random = torch.Generator().manual_seed(0)
    inputs = shifted.inputs.clone()
    sign = torch.where(shifted.labels == 1, 1.0, -1.0)
    angle = 2 * np.pi * shifted.domains / 6
    inputs[:, 0] = torch.randn(len(shifted), generator=random)
    inputs[:, 1] += 3 * sign * torch.cos(angle)
    inputs[:, 2] += 3 * sign * torch.sin(angle)
    diagnosis = diagnose(replace(shifted, inputs=inputs), max_steps=200, net="mlp")
    gap = diagnosis.findings.gap
    assert gap is not None
    assert gap.comparison.mean > 0.1
    assert diagnosis.advice.verdict == "worth trying"


def test_a_gap_is_the_same_domain_trained_on_and_not(told: Diagnosis) -> None:
    gap = told.findings.gap
    assert gap is not None
    assert set(gap.by_domain) == {f"domain {n}" for n in range(6)}
    assert gap.comparison.mean == pytest.approx(np.mean(list(gap.by_domain.values())))


def test_labels_that_are_the_domains_own_are_confounded() -> None:
    diagnosis = diagnose(toy(agreement=0.98), **FAST)
    assert diagnosis.findings.confounding is not None
    assert diagnosis.findings.confounding.adjusted > 0.5
    assert any("are confounded" in reason for reason in diagnosis.advice.reasons)


def test_where_the_label_is_the_domain_that_is_said_and_nothing_crashes() -> None:
    """With d = y a held-out domain's label is never trained on, and no label has two domains."""
    alike = toy(n_domains=4)
    alike = replace(alike, labels=alike.domains, label_names=("a", "b", "c", "d"))
    diagnosis = diagnose(alike, **FAST)
    assert diagnosis.findings.gap is None
    assert diagnosis.findings.told_apart is not None
    assert diagnosis.findings.told_apart.within is None
    assert diagnosis.advice.verdict == "may harm"
    assert any("4 of 4 labels are seen in one domain only" in reason for reason in diagnosis.advice.reasons)


@pytest.mark.parametrize(
    ("n_domains", "n_runs", "reason"),
    [(1, 0, "There is one domain"), (2, 1, "There are two domains"), (3, 4, "points"), (7, 6, "points")],
)
def test_how_much_can_be_told_of_few_domains_is_said(n_domains: int, n_runs: int, reason: str) -> None:
    few = toy(n_domains=n_domains, each=20)
    assert plan_diagnosis(few, **FAST).n_runs == n_runs
    diagnosis = diagnose(few, max_steps=20, net="mlp")
    assert reason in diagnosis.advice.reasons[0]
    assert (diagnosis.advice.verdict == "cannot tell") == (n_domains < 3)


def test_single_examples_and_single_labels_are_said() -> None:
    few = toy(n_domains=3, each=1)
    diagnosis = diagnose(few, max_steps=5, net="mlp")
    assert diagnosis.advice.verdict == "cannot tell"
    assert diagnosis.findings.told_apart is None
    assert any("No domain has two examples" in reason for reason in diagnosis.advice.reasons)
    one_label = replace(toy(n_domains=3), labels=torch.zeros(120, dtype=torch.int64), label_names=("a",))
    diagnosis = diagnose(one_label, max_steps=5, net="mlp")
    assert diagnosis.advice.reasons[0] == "There is one label: there is nothing to classify."


def test_a_training_that_fails_is_said() -> None:
    huge = toy(n_domains=3)
    diagnosis = diagnose(huge, max_steps=30, net="mlp", learning_rate=1e30)
    assert diagnosis.advice.verdict == "cannot tell"
    assert any("training failed: " in reason for reason in diagnosis.advice.reasons)


def test_longer_steps_move_inputs_further_and_hide_more_domains(told: Diagnosis) -> None:
    moves = told.findings.moves
    assert [move.size for move in moves] == [0.05, 0.1, 0.2]
    assert moves[0].l2 < moves[1].l2 < moves[2].l2
    assert moves[2].l2 == pytest.approx(4 * moves[0].l2, rel=1e-4)
    assert moves[2].told <= moves[0].told


def test_pictures_are_drawn_of_pictures_alone(told: Diagnosis) -> None:
    assert told.moved is None
    diagnosis = diagnose(images(), max_steps=5, net="mlp")
    assert diagnosis.moved is not None
    assert diagnosis.moved.inputs.shape == diagnosis.moved.moved.shape == (6, 1, 8, 8)
    assert set(diagnosis.moved.domains) == {"attic", "barn", "cellar", "den"}
    assert not np.array_equal(diagnosis.moved.inputs, diagnosis.moved.moved)


def test_test_domains_of_an_own_split_are_counted_and_not_looked_at() -> None:
    """Their inputs may be anything: nothing but the counts goes by them."""
    own = replace(toy(), domain_split=DomainSplit(validation=(), test=("domain 5",)))
    spoilt = own.inputs.clone()
    spoilt[own.domains == 5] = 1e9
    findings = diagnose(own, max_steps=5, net="mlp").findings
    assert findings == diagnose(replace(own, inputs=spoilt), max_steps=5, net="mlp").findings
    assert findings.left_out == ("domain 5",)
    assert "domain 5" in findings.composition.domain_names
    assert findings.gap is not None
    assert "domain 5" not in findings.gap.by_domain


def test_the_same_seed_finds_the_same(told: Diagnosis) -> None:
    assert diagnose(toy(), **FAST).findings == told.findings
    assert diagnose(toy(), **FAST, seed=1).findings.told_apart != told.findings.told_apart


def test_who_follows_is_told_of_every_training() -> None:
    seen = []
    diagnose(toy(n_domains=3, each=10), max_steps=4, net="mlp", watch=lambda *news: seen.append(news))
    assert [done for done, step, _ in seen if step == 4] == [0, 1, 2, 3]
    assert {max_steps for *_, max_steps in seen} == {4}


def test_many_domains_are_held_out_in_folds() -> None:
    plan = plan_diagnosis(toy(n_domains=MOST_FOLDS + 1, each=4))
    assert [len(run.held_out) for run in plan.label_runs] == [2, 2, 1, 1, 1]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"max_steps": 0}, {"seed": -1}, {"batch_sise": 3}):
        with pytest.raises(SettingsError):
            plan_diagnosis(toy(), **wrong)
