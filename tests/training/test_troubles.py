"""What goes wrong in a training is said once, in words; each shown by a training that it goes wrong in."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossgrad
from crossgrad.building import build_method
from crossgrad.data import DomainDataset, open_dataset
from crossgrad.errors import TrainingWarning
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.watched import baseline_of, watched
from crossgrad.methods import METHODS
from crossgrad.training import Stretch, fit
from crossgrad.training.troubles import Baseline, troubles
from small import vectors

BASELINE = Baseline(max_steps=100, label_chance=0.1, domain_chance=0.25, input_range=1.0)


def dataset_of(n: int, *, by_label: float = 1.0, by_domain: float = 1.0) -> DomainDataset:
    """Three labels and four domains, each with a pattern of its own; a size of 0 leaves nothing to tell them by."""
    generator = torch.Generator().manual_seed(1)
    labels, domains = (torch.randint(n_classes, (n,), generator=generator) for n_classes in (3, 4))
    patterns = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(7))
    noise = torch.randn(n, 8, generator=generator)
    inputs = by_label * patterns[0][labels] + by_domain * patterns[1][domains] + noise
    return DomainDataset(inputs, labels, domains, ("x", "y", "z"), ("a", "b", "c", "d"), "patterns")


def told(
    dataset: DomainDataset,
    method: str = "crossgrad",
    *,
    steps: int = 120,
    batch_size: int = 64,
    rate: float = 0.01,
    log: Path | None = None,
    **fields: Any,
) -> list[tuple[str, str]]:
    """What was said of a training, and in which words."""
    net = build_method(
        method, net="mlp", input_shape=dataset.inputs.shape[1:], n_labels=3, n_domains=4, fields=fields, seed=0
    )
    said: list[tuple[str, str]] = []
    settings = Settings(max_steps=steps, batch_size=batch_size)
    with watched(
        net, dataset, settings, watch=lambda stretch: said.extend(stretch.warnings.items()), log=log, tensorboard=None
    ) as watch:
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        fit(net, dataset, optimizer=optimizer, max_steps=steps, batch_size=batch_size, seed=0, watch=watch)
    return said


@pytest.mark.parametrize("method", METHODS)
def test_of_a_training_that_goes_well_nothing_is_said(method: str) -> None:
    assert told(dataset_of(4000), method) == []


def test_of_the_digits_demo_nothing_is_said() -> None:
    crossgrad.train(open_dataset("digits"))  # a TrainingWarning would be an error here


class Slow:
    """A torch dataset that takes a hundredth of a second for an item."""

    def __init__(self, dataset: DomainDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tensor:
        time.sleep(0.01)
        return self.dataset.inputs[index]


def test_a_loader_that_takes_most_of_the_time_is_told() -> None:
    dataset = dataset_of(100)
    labels, domains = dataset.labels.tolist(), dataset.domains.tolist()
    slow = DomainDataset.from_torch(Slow(dataset), name="slow", labels=labels, domains=domains)
    [(name, sentence)] = told(slow, "erm", steps=30, batch_size=8)
    assert name == "stalled_loader"
    assert re.match(r"waiting for batches takes [5-9]\d % of the time; try more workers", sentence)


def test_a_domain_net_that_finds_nothing_to_tell_domains_by_is_told() -> None:
    [(name, sentence)] = told(dataset_of(4000, by_domain=0), steps=80)
    assert name == "domain_net_at_chance"
    assert sentence.startswith("the domain net is dead: after step 40 it tells domains no better than guessing")


def test_a_domain_net_at_chance_is_what_dann_wants() -> None:
    assert told(dataset_of(4000, by_domain=0), "dann", steps=80) == []


def test_a_domain_net_that_knows_its_examples_by_heart_and_moves_nothing_any_more_is_told() -> None:
    [(name, sentence)] = told(dataset_of(200, by_domain=1.5), steps=200)
    assert name == "domain_net_certain"
    assert sentence.startswith("the domain net knows the domain of every training example (accuracy 1.000), by heart")


def test_a_step_that_does_not_shrink_with_gradients_does_not_vanish_with_them() -> None:
    assert told(dataset_of(200, by_domain=1.5), steps=200, norm="l2") == []


def test_a_perturbation_larger_than_the_data_is_told() -> None:
    said = dict(told(dataset_of(4000), domain_gradient_step=1000.0))
    assert "large_perturbation" in said
    assert re.match(
        r"perturbations are larger than the data: .* and inputs range over \d+.\d;", said["large_perturbation"]
    )


def test_a_label_net_that_guesses_is_told() -> None:
    [(name, sentence)] = told(dataset_of(4000, by_label=0, by_domain=0), "erm", steps=80)
    assert name == "label_net_at_chance"
    assert sentence.startswith("labels are still guessed after step 40: accuracy on training batches is 0.3")


def test_what_was_told_before_a_training_was_resumed_is_not_told_again(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    dataset = dataset_of(4000, by_domain=0)
    assert [name for name, _ in told(dataset, steps=80, log=log)] == ["domain_net_at_chance"]
    kept = log.read_text().splitlines(keepends=True)[:60]
    assert sum('"warnings": {"domain_net_at_chance": "the domain net is dead' in line for line in kept) == 1
    log.write_text("".join(kept))

    method = build_method("crossgrad", net="mlp", input_shape=(8,), n_labels=3, n_domains=4, fields={}, seed=0)
    said: list[Stretch] = []
    with watched(method, dataset, Settings(max_steps=80), watch=said.append, log=log, tensorboard=None) as watch:
        for step in range(60, 80):
            means = {"domain_accuracy": 0.25, "perturbation_l2": 0.1, "input_l2": 1.0}
            watch(stretch(step, step + 1, **means))
    assert [each.step for each in said] == list(range(61, 81))
    assert all(each.warnings == {} for each in said)


def test_python_gets_a_warning_a_training_with_what_to_try() -> None:
    with pytest.warns(
        TrainingWarning, match="perturbations are larger than the data: .*; try a smaller step"
    ) as caught:
        crossgrad.train(vectors(), net="mlp", max_steps=40, fields={"domain_gradient_step": 1e4})
    assert len(caught) == 1


def test_a_comparison_says_whose_warning_it_is(tmp_path: Path) -> None:
    with pytest.warns(TrainingWarning, match="^crossgrad, held out den, seed 0: perturbations are larger") as caught:
        crossgrad.compare(
            vectors(),
            output=tmp_path,
            methods=["erm", "crossgrad"],
            hold_out="den",
            seeds=[0],
            net="mlp",
            max_steps=40,
            fields={"crossgrad": {"domain_gradient_step": 1e4}},
        )
    assert len(caught) == 1


# Thresholds


def stretch(
    start: int, step: int, *, n: int = 64, seconds: float = 1.0, waiting: float = 0.0, **means: float
) -> Stretch:
    return Stretch(
        start=start,
        step=step,
        means=means,
        seconds=seconds,
        waiting_seconds=waiting,
        n_examples=n * (step - start),
        learning_rate=0.1,
    )


def course(steps: int, **options: Any) -> list[Stretch]:
    return [stretch(step, step + 1, **options) for step in range(steps)]


@pytest.mark.parametrize(("waiting", "expected"), [(0.49, set()), (0.51, {"stalled_loader"})])
def test_waiting_is_a_trouble_from_half_of_the_time_on(waiting: float, expected: set[str]) -> None:
    assert set(troubles(course(10, waiting=waiting), BASELINE)) == expected


def test_waiting_for_less_than_a_second_or_while_workers_start_is_none() -> None:
    assert troubles(course(10, seconds=0.1, waiting=0.1), BASELINE) == {}
    start = [stretch(0, 1, seconds=50.0, waiting=50.0), *course(10, waiting=0.1)[1:]]
    assert troubles(start, BASELINE) == {}


@pytest.mark.parametrize("name", ["label_accuracy", "domain_accuracy"])
def test_an_accuracy_is_chance_within_two_binomial_standard_errors_over_the_last_quarter(name: str) -> None:
    chance = {"label_accuracy": 0.1, "domain_accuracy": 0.25}[name]
    trouble = {"label_accuracy": "label_net_at_chance", "domain_accuracy": "domain_net_at_chance"}[name]
    error = (chance * (1 - chance) / (25 * 64)) ** 0.5
    for distance, expected in ((1.9, {trouble}), (2.1, set()), (-5.0, {trouble})):
        early = [stretch(step, step + 1, **{name: 0.9}) for step in range(25)]
        late = [
            stretch(step, step + 1, **{name: chance + distance * error, "perturbation_l2": 0.1})
            for step in range(25, 50)
        ]
        assert set(troubles([*early, *late], BASELINE)) == expected


def test_nothing_is_said_of_accuracies_before_half_of_a_phase_or_over_few_examples() -> None:
    assert troubles(course(49, label_accuracy=0.1), BASELINE) == {}
    assert set(troubles(course(50, label_accuracy=0.1), BASELINE)) == {"label_net_at_chance"}
    assert troubles(course(50, n=39, label_accuracy=0.1), BASELINE) == {}
    second = [*course(100), *(stretch(step, step + 1, label_accuracy=0.1) for step in range(100, 149))]
    assert troubles(second, BASELINE) == {}
    assert set(troubles([*second, stretch(149, 150, label_accuracy=0.1)], BASELINE)) == {"label_net_at_chance"}


def test_a_domain_that_is_all_there_is_cannot_be_missed() -> None:
    alone = replace(BASELINE, domain_chance=1.0)
    assert troubles(course(60, domain_accuracy=1.0, perturbation_l2=0.0), alone) == {}


def test_chance_is_the_share_of_the_most_common_class_as_batches_draw_it() -> None:
    labels, domains = torch.tensor([0] * 6 + [1] * 6), torch.tensor([0] * 2 + [1] * 10)
    dataset = DomainDataset(torch.arange(12.0)[:, None], labels, domains, ("x", "y"), ("a", "b", "none"), "uneven")
    plain, balanced = (baseline_of(dataset, Settings(balanced=value)) for value in (False, True))
    assert (plain.label_chance, plain.domain_chance, plain.input_range) == pytest.approx((6 / 12, 10 / 12, 11.0))
    assert (balanced.label_chance, balanced.domain_chance) == pytest.approx((0.5 * 1.0 + 0.5 * 0.4, 0.5))
