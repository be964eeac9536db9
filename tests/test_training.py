from copy import deepcopy
from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from crossgrad import Batch, DomainDataset
from crossgrad._types import UNLABELLED
from crossgrad.building import build_method
from crossgrad.errors import DataError, NonFiniteLossError, SettingsError
from crossgrad.experiments.settings import Settings
from crossgrad.methods import ERM, METHODS, Method
from crossgrad.training import History, Stretch, batches, fit
from small import images, vectors


def build(name: str, dataset: DomainDataset, *, dropout: float = 0.0, seed: int = 0) -> Method:
    return build_method(
        name,
        net="mlp",
        input_shape=dataset.inputs.shape[1:],
        n_labels=3,
        n_domains=4,
        fields={},
        dropout=dropout,
        seed=seed,
    )


def train(method: Method, dataset: DomainDataset, *, steps: int = 7, batch_size: int = 16, seed: int = 3, **options):
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    return fit(method, dataset, optimizer=optimizer, max_steps=steps, batch_size=batch_size, seed=seed, **options)


def order(dataset: DomainDataset, *, batch_size: int, seed: int, n: int) -> list[int]:
    """Positions in the dataset that n batches hold one after another."""
    numbered = DomainDataset(
        torch.arange(len(dataset)).float()[:, None],
        dataset.labels,
        dataset.domains,
        dataset.label_names,
        dataset.domain_names,
        "n",
    )
    chosen = [batch.inputs for batch in islice(batches(numbered, batch_size=batch_size, seed=seed), n)]
    assert all(len(each) == batch_size for each in chosen)
    return [int(position) for position in torch.cat(chosen).flatten()]


@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 2**63 - 1))
def test_batches_cover_the_data_exactly_once_in_every_pass_whatever_their_size(n: int, size: int, seed: int) -> None:
    dataset = vectors(40).subset(range(n))
    found = order(dataset, batch_size=size, seed=seed, n=-(-3 * n // size))
    passes = [found[start : start + n] for start in range(0, 3 * n, n)]
    assert all(sorted(each) == list(range(n)) for each in passes)


def with_variants(n: int, n_variants: int) -> DomainDataset:
    """Inputs whose whole part is their example and whose fraction (in tenths) is their variant."""
    examples = torch.arange(n).float()[:, None]
    dataset = vectors(n)
    return DomainDataset(
        examples,
        dataset.labels,
        dataset.domains,
        dataset.label_names,
        dataset.domain_names,
        "n",
        variants=examples[:, None] + torch.arange(1, n_variants + 1)[:, None] / 10,
    )


def test_a_batch_takes_each_input_or_one_of_its_variants_all_equally_likely() -> None:
    dataset = with_variants(20, 3)
    drawn = torch.cat([batch.inputs for batch in islice(batches(dataset, batch_size=20, seed=0), 200)]).flatten()
    example, variant = drawn.floor().long(), ((drawn - drawn.floor()) * 10).round().long()
    counts = torch.zeros(20, 4).index_put_((example, variant), torch.ones(len(drawn)), accumulate=True)
    assert (counts.sum(1) == 200).all()
    # 4,000 draws of 4 equally likely: chi-squared with 3 degrees of freedom is above 16.3 once in a thousand
    assert ((counts.sum(0) - 1000) ** 2 / 1000).sum() < 16.3


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(1, 20), st.integers(0, 99))
def test_balanced_batches_take_every_domain_once_in_every_turn(sizes: list[int], batch_size: int, seed: int) -> None:
    domains = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    n = len(domains)
    names = tuple(map(str, range(len(sizes))))
    dataset = DomainDataset(
        torch.arange(n).float()[:, None], torch.zeros(n, dtype=torch.int64), domains, ("a",), names, "n"
    )
    stream = batches(dataset, batch_size=batch_size, seed=seed, balanced=True)
    n_turns = 2 * max(sizes)
    drawn = [batch.inputs for batch in islice(stream, -(-n_turns * len(sizes) // batch_size))]
    chosen = torch.cat(drawn).flatten().long()[: n_turns * len(sizes)]
    for turn in domains[chosen].view(n_turns, len(sizes)):
        assert sorted(turn.tolist()) == list(range(len(sizes)))
    for domain, size in enumerate(sizes):  # each domain's examples come once before any comes again
        own = chosen[domains[chosen] == domain]
        assert len(set(own[:size].tolist())) == size


def test_batches_are_not_balanced_unless_they_are_asked_to_be() -> None:
    assert Settings().balanced is False
    dataset = vectors()
    unasked, plain, balanced = (
        torch.cat([batch.inputs for batch in islice(batches(dataset, batch_size=16, seed=3, **options), 6)])
        for options in ({}, {"balanced": False}, {"balanced": True})
    )
    assert torch.equal(unasked, plain)
    assert not torch.equal(unasked, balanced)


def test_variants_keep_their_examples_labels_and_come_again_with_the_seed() -> None:
    dataset = with_variants(20, 2)
    first, again = (list(islice(batches(dataset, batch_size=7, seed=5), 9)) for _ in range(2))
    for batch, same in zip(first, again, strict=True):
        assert torch.equal(batch.inputs, same.inputs)
        assert torch.equal(batch.labels, dataset.labels[batch.inputs.flatten().floor().long()])
    assert torch.equal(dataset.inputs.flatten(), torch.arange(20).float())  # the dataset itself is left as it was


def test_the_order_of_batches_depends_on_the_seed_alone() -> None:
    dataset = vectors()
    first = order(dataset, batch_size=16, seed=0, n=12)
    torch.manual_seed(99)
    assert order(dataset, batch_size=16, seed=0, n=12) == first
    assert order(dataset, batch_size=32, seed=0, n=6) == first
    assert order(dataset, batch_size=16, seed=1, n=12) != first
    assert first[:96] != first[96:]  # shuffled anew in every pass


def test_a_batch_holds_the_examples_that_belong_together() -> None:
    dataset = images()
    batch = next(batches(dataset, batch_size=20, seed=0))
    for inputs, label, domain in zip(*batch, strict=True):
        (position,) = torch.where((dataset.inputs == inputs).flatten(1).all(1))[0].tolist()
        assert (dataset.labels[position], dataset.domains[position]) == (label, domain)


def test_no_batches_are_made_of_nothing_or_of_no_size() -> None:
    with pytest.raises(DataError, match="'vectors' has no examples to train on"):
        next(batches(vectors().subset([]), batch_size=4, seed=0))
    with pytest.raises(SettingsError, match="batch_size is at least 1, not 0"):
        next(batches(vectors(), batch_size=0, seed=0))


@pytest.mark.parametrize("balanced", [False, True])
def test_a_batch_beyond_memory_fails_before_it_is_shuffled(balanced: bool) -> None:
    with pytest.raises(RuntimeError, match="can't allocate memory: you tried to allocate 800000000000000 bytes"):
        next(batches(vectors(), batch_size=10**14, seed=0, balanced=balanced))


@pytest.mark.parametrize("name", METHODS)
def test_two_fits_with_one_seed_give_the_same_weights_bit_for_bit_and_another_seed_others(name: str) -> None:
    weights, histories = [], []
    for seed in (3, 3, 4):
        method = build(name, vectors(), dropout=0.5)
        histories.append(train(method, vectors(), seed=seed))
        weights.append(method.state_dict())
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)
    assert histories[0] == histories[1]
    assert any(not torch.equal(value, weights[2][key]) for key, value in weights[0].items())


@pytest.mark.parametrize("name", METHODS)
def test_fit_is_the_loop_that_anybody_would_write(name: str) -> None:
    dataset, method = vectors(), build(name, vectors())
    twin = deepcopy(method)
    history = train(method, dataset)

    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    stream = batches(dataset, batch_size=16, seed=3)
    seen: dict[str, list[float]] = {}
    torch.manual_seed(3)
    for phase in range(twin.N_PHASES):
        for step in range(7):
            twin.phase, twin.progress = phase, step / 7
            optimizer.zero_grad()
            for key, value in twin.backward(next(stream)).items():
                seen.setdefault(key, []).append(value.item())
            optimizer.step()
    torch.testing.assert_close(method.state_dict(), twin.state_dict(), rtol=0, atol=0)
    assert history.first == {key: values[0] for key, values in seen.items()}
    for key, mean in history.means.items():
        assert mean == pytest.approx(sum(seen[key]) / 7, rel=1e-5)


def test_history_holds_means_over_stretches_and_the_last_may_be_shorter() -> None:
    seen: list[Stretch] = []
    every = train(build("crossgrad", vectors()), vectors(), watch_every=1)
    history = train(build("crossgrad", vectors()), vectors(), watch_every=3, watch=seen.append)
    assert every.steps == [1, 2, 3, 4, 5, 6, 7]
    assert history.steps == [3, 6, 7]
    for name, values in every.values.items():
        expected = [sum(values[:3]) / 3, sum(values[3:6]) / 3, values[6]]
        assert history.values[name] == pytest.approx(expected, rel=1e-5)
        assert history.means[name] == pytest.approx(sum(values) / 7, rel=1e-5)
        assert history.first[name] == values[0]
        assert history.last[name] == history.values[name][-1]
    assert [(stretch.step, stretch.means) for stretch in seen] == [
        (step, {name: values[index] for name, values in history.values.items()})
        for index, step in enumerate(history.steps)
    ]


def test_progress_is_watched_a_hundred_times_by_default_and_after_the_last_step() -> None:
    assert train(build("erm", vectors()), vectors(), steps=205).steps == [*range(2, 205, 2), 205]
    assert train(build("erm", vectors()), vectors(), steps=2).steps == [1, 2]


def test_a_value_that_some_steps_lack_is_averaged_over_those_that_have_it() -> None:
    history = History()
    logged = [[{"a": 1.0}, {"a": 2.0, "b": 5.0}, {"a": 3.0}], [{"a": 4.0}], [{"a": 5.0, "b": 8.0}, {"b": 11.0}]]
    for step, stretch in zip((3, 4, 6), logged, strict=True):
        for results in stretch:
            history.add({name: torch.tensor(value) for name, value in results.items()})
        history.close(step)
    assert history.values == {"a": [2.0, 4.0, 5.0], "b": [5.0, None, 9.5]}
    assert history.means == {"a": pytest.approx(3.0), "b": pytest.approx(8.0)}
    assert history.last == {"a": 5.0, "b": 9.5}


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_what_is_logged_of_labels_is_that_of_the_labelled_examples_however_few_a_batch_has(batch_size: int) -> None:
    hidden = torch.arange(96) % 4 > 0
    dataset = replace(vectors(), labels=torch.where(hidden, UNLABELLED, vectors().labels), partly_labelled=True)
    method = build("crossgrad", dataset)
    optimizer = torch.optim.SGD(method.parameters(), lr=1e-12)
    steps = 2 * 96 // batch_size  # each example twice
    history = fit(
        method, dataset, optimizer=optimizer, max_steps=steps, batch_size=batch_size, seed=0, watch_every=steps // 3
    )
    with torch.no_grad():
        logits = method(dataset.inputs[~hidden])
    labels = dataset.labels[~hidden]
    loss, right = nn.functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()
    # A batch of one counts as one of more: their mean is close to the examples', and not exactly theirs.
    tolerance = 1e-4 if batch_size == 1 else 0.15
    assert history.means["label_loss"] == pytest.approx(loss, rel=tolerance)
    assert history.means["label_accuracy"] == pytest.approx(right, rel=tolerance)
    assert history.means["perturbed_label_loss"] > 0.9 * loss


def test_a_history_of_nothing_has_no_values() -> None:
    assert History().last == {}


class Recording(Method):
    """Notes what the loop sets before every step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(5, 3)
        self.seen: list[tuple[float, bool]] = []

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append((self.progress, self.training))
        assert all(parameter.grad is None for parameter in self.parameters())
        return {"label_loss": torch.zeros(())}

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}


def test_every_step_knows_the_share_of_training_done_and_runs_in_training_mode() -> None:
    method = Recording().eval()
    train(method, vectors(), steps=4)
    assert method.seen == [(0.0, True), (0.25, True), (0.5, True), (0.75, True)]


def test_fit_leaves_modes_and_torchs_generator_as_they_were() -> None:
    method = build("crossgrad", vectors(), dropout=0.5)
    for index, module in enumerate(method.modules()):
        module.training = index % 3 == 1
    modes, state = [module.training for module in method.modules()], torch.get_rng_state()
    train(method, vectors())
    assert [module.training for module in method.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_fit_leaves_the_dataset_as_it_was() -> None:
    dataset = vectors()
    copies = [tensor.clone() for tensor in (dataset.inputs, dataset.labels, dataset.domains)]
    train(build("crossgrad", dataset), dataset)
    torch.testing.assert_close([dataset.inputs, dataset.labels, dataset.domains], copies, rtol=0, atol=0)


class Exploding(nn.Module):
    """A linear net whose logits become infinite at the third batch."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 3)
        self.calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        logits: Tensor = self.linear(inputs)
        return logits if self.calls < 3 else logits * torch.inf


def test_a_loss_that_is_not_finite_stops_before_that_step_and_names_it() -> None:
    method = ERM(Exploding()).eval()
    state = torch.get_rng_state()
    with pytest.raises(NonFiniteLossError, match="label_loss became nan at step 3; try a smaller") as caught:
        train(method, vectors())
    assert caught.value.step == 3
    assert not method.training
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(0)
    twin = ERM(nn.Linear(5, 3))
    torch.manual_seed(0)
    again = ERM(Exploding())
    train(twin, vectors(), steps=2)
    with pytest.raises(NonFiniteLossError):
        train(again, vectors())
    torch.testing.assert_close(
        list(again.state_dict().values()), list(twin.state_dict().values()), rtol=0, atol=0
    )  # the weights of two steps


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "max_steps is at least 1, not 0"),
        ({"steps": -3}, "max_steps is at least 1, not -3"),
        ({"watch_every": 0}, "watch_every is at least 1, not 0"),
        ({"batch_size": 0}, "batch_size is at least 1, not 0"),
        ({"seed": -1}, "seed is at least 0, not -1"),
    ],
)
def test_numbers_that_are_too_small_are_refused_before_anything_changes(wrong: dict[str, int], message: str) -> None:
    method = build("erm", vectors())
    before = deepcopy(method.state_dict())
    with pytest.raises(SettingsError, match=message):
        train(method, vectors(), **wrong)
    torch.testing.assert_close(method.state_dict(), before, rtol=0, atol=0)


def test_a_batch_larger_than_the_data_trains_on_all_of_it() -> None:
    dataset = vectors(12)
    history = train(build("erm", dataset), dataset, steps=60, batch_size=30)
    assert history.last["label_loss"] < 0.5 * history.first["label_loss"]
