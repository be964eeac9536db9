"""Examples of unequal weight: drawn and standardised as if they were there more or less often."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from crossgrad.data import DomainDataset, Standardisation
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.errors import DataError
from crossgrad.training.sampling import Sampler
from small import vectors

positive = st.floats(0.01, 100)


def weighted(weights: list[float]) -> DomainDataset:
    return replace(vectors(len(weights)), weights=torch.tensor(weights, dtype=torch.float64))


def drawn(sampler: Sampler, n: int) -> list[int]:
    found = torch.cat([sampler.draw().examples for _ in range(-(-n // sampler.batch_size))])[:n]
    return found.tolist()


@given(st.lists(positive, min_size=1, max_size=40), st.integers(1, 50), st.integers(0, 2**31))
def test_a_pass_has_each_example_as_often_as_its_share_rounded_up_or_down(
    weights: list[float], batch_size: int, seed: int
) -> None:
    n = len(weights)
    sampler = Sampler(weighted(weights), batch_size=batch_size, seed=seed)
    found = drawn(sampler, 3 * n)
    for start in range(0, 3 * n, n):
        for example, weight in enumerate(weights):
            share = n * weight / sum(weights)
            assert abs(found[start : start + n].count(example) - share) < 1 + 1e-9


def test_over_many_passes_weights_draw_as_repetitions_do() -> None:
    weights = [1.0, 2.0, 3.0, 1.0, 5.0]
    repeated = vectors(5).subset([i for i, weight in enumerate(weights) for _ in range(int(weight))])
    originals = [i for i, weight in enumerate(weights) for _ in range(int(weight))]
    by_weight = drawn(Sampler(weighted(weights), batch_size=7, seed=1), 60_000)
    by_copy = [originals[i] for i in drawn(Sampler(repeated, batch_size=7, seed=2), 60_000)]
    for example, weight in enumerate(weights):
        expected = 60_000 * weight / sum(weights)
        # A pass is out by less than one of each example, either way at random: 12,000 passes by some hundreds at most.
        assert abs(by_weight.count(example) - expected) < 300
        assert abs(by_copy.count(example) - expected) < 300


def test_every_place_in_a_pass_has_an_example_as_likely_as_its_weight() -> None:
    weights = [1.0, 2.0, 3.0, 6.0]
    sampler = Sampler(weighted(weights), batch_size=4, seed=0)
    passes = torch.stack([sampler.draw().examples for _ in range(6000)])
    for example, weight in enumerate(weights):
        likely = weight / 12
        bound = 4 * (likely * (1 - likely) / 6000) ** 0.5
        assert torch.allclose((passes == example).double().mean(0), torch.tensor(likely).double(), rtol=0, atol=bound)


def test_no_two_examples_always_come_together_or_always_apart() -> None:
    sampler = Sampler(weighted([1.0, 1.0, 1.0, 1.0, 4.0, 4.0]), batch_size=6, seed=0)
    passes = [set(sampler.draw().examples.tolist()) for _ in range(400)]
    for first in range(4):
        for second in range(first):
            together = sum({first, second} <= each for each in passes)
            apart = sum((first in each) != (second in each) for each in passes)
            assert together > 10
            assert apart > 10


def test_in_balanced_batches_weights_count_within_their_domain() -> None:
    dataset = weighted([9.0 if i < 12 else 1.0 for i in range(24)])
    sampler = Sampler(dataset, batch_size=4, seed=0, balanced=True)
    found = torch.stack([sampler.draw().examples for _ in range(400)])
    domains = dataset.domains[found]
    assert all(len(set(batch.tolist())) == 4 for batch in domains)
    for domain in range(4):
        mine = found[domains == domain]
        own = dataset.weights[dataset.domains == domain]
        heavy = own[own == 9].sum() / own.sum()
        assert (mine < 12).double().mean().item() == pytest.approx(heavy.item(), abs=0.02)


def test_a_sampler_goes_on_with_the_same_draws_from_its_state() -> None:
    sampler = Sampler(weighted([1.0, 2.0, 3.0]), batch_size=2, seed=0)
    sampler.draw()
    state = sampler.state_dict()
    expected = drawn(sampler, 20)
    again = Sampler(weighted([1.0, 2.0, 3.0]), batch_size=2, seed=5)
    again.load_state_dict(state)
    assert drawn(again, 20) == expected


@given(st.lists(st.integers(1, 6), min_size=2, max_size=12), st.sampled_from([(3,), (3, 4), (3, 4, 5)]))
def test_weighted_statistics_are_those_of_repetitions(weights: list[int], shape: tuple[int, ...]) -> None:
    inputs = 50 + 3 * torch.randn(len(weights), *shape, generator=torch.Generator().manual_seed(0))
    counts = torch.tensor(weights)
    by_weight = Standardisation.fit(inputs, counts.double())
    by_copy = Standardisation.fit(inputs.repeat_interleave(counts, 0))
    torch.testing.assert_close(by_weight.mean, by_copy.mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(by_weight.std, by_copy.std, rtol=1e-5, atol=1e-6)


def test_statistics_of_inputs_that_are_read_in_parts_are_weighted_alike() -> None:
    values = torch.randn(1100, 4)
    weights = torch.rand(1100, dtype=torch.float64) + 0.1

    class Rows:
        input_shape, in_unit_range, fingerprint = (4,), False, "rows"

        def __len__(self) -> int:
            return len(values)

        def read(self, index: int):
            return values[index].numpy()

    whole = Standardisation.fit(values, weights)
    parts = Standardisation.fit(LazyInputs(Rows(), torch.arange(1100), 0), weights)
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(parts.std, whole.std, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_no_weights_are_refused(wrong: float) -> None:
    with pytest.raises(DataError, match="finite and above 0"):
        weighted([1.0, wrong, 2.0])


def test_as_many_weights_as_examples() -> None:
    dataset = vectors()
    with pytest.raises((DataError, TypeCheckError), match="weights"):
        replace(dataset, weights=torch.ones(1, dtype=torch.float64))


def test_weights_go_with_their_examples_and_change_the_fingerprint() -> None:
    dataset = weighted([1.0, 2.0, 3.0])
    assert dataset.subset([2, 0]).weights.tolist() == [3, 1]
    assert dataset.fingerprint != vectors(3).fingerprint
    assert replace(dataset, weights=None).fingerprint == vectors(3).fingerprint
