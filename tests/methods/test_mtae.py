"""D-MTAE: who is rebuilt from whom, what each phase trains, and that the loop gives each phase its steps."""

from collections import Counter
from copy import deepcopy

import pytest
import torch
from torch import nn
from toy import INPUT_SHAPE, N_DOMAINS, N_FEATURES, N_LABELS, small_net, toy_batch

from crossgrad.data import DomainDataset
from crossgrad.errors import SettingsError
from crossgrad.methods import MTAE
from crossgrad.methods.mtae import draw_partners
from crossgrad.training import fit

SIZE = 36


def mtae(**fields: float | bool) -> MTAE:
    return MTAE(small_net(N_LABELS), nn.Linear(N_FEATURES, N_DOMAINS * SIZE), **fields)


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name.partition(".")[0] + "." + name.split(".")[1] for name in before if not before[name].equal(after[name])}


def test_partners_are_of_the_same_label() -> None:
    batch = toy_batch(50)
    for _ in range(20):
        partners = draw_partners(batch.labels, batch.domains)
        assert torch.equal(batch.labels[partners], batch.labels)


def test_domains_that_have_the_label_are_equally_likely_however_many_examples_each_has() -> None:
    labels, domains = torch.zeros(7, dtype=torch.int64), torch.tensor([0, 0, 0, 0, 1, 1, 2])
    found: Counter[int] = Counter()
    for _ in range(600):
        found.update(domains[draw_partners(labels, domains)].tolist())
    for domain in range(3):
        assert abs(found[domain] - 1400) < 5 * (4200 * (1 / 3) * (2 / 3)) ** 0.5


def test_the_reconstruction_loss_is_that_of_the_partners_decoder() -> None:
    method, batch = mtae(corruption=0.0).double(), toy_batch(9, dtype=torch.float64)
    method.phase = 0
    torch.manual_seed(8)
    loss = method.backward(batch)["reconstruction_loss"]
    torch.manual_seed(8)
    partners = draw_partners(batch.labels, batch.domains)
    errors = []
    for i, partner in enumerate(partners.tolist()):
        decoded = method.decoders(method.label_net.features(batch.inputs[i : i + 1])).view(N_DOMAINS, *INPUT_SHAPE)
        errors.append((decoded[batch.domains[partner]] - batch.inputs[partner]).square().mean())
    torch.testing.assert_close(loss, torch.stack(errors).mean().detach())


def test_corruption_zeroes_its_share_of_what_the_encoder_sees() -> None:
    method = mtae(corruption=0.4)
    method.phase = 0
    seen: list[torch.Tensor] = []
    method.label_net.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    batch = toy_batch(200)
    method.backward(batch)
    zeroed = seen[0] == 0
    assert zeroed.float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert torch.equal(seen[0][~zeroed], batch.inputs[~zeroed])


@pytest.mark.parametrize("fine_tune", [False, True])
def test_each_phase_trains_its_own_parts(fine_tune: bool) -> None:
    method = mtae(fine_tune=fine_tune)
    optimizer = torch.optim.Adam(method.parameters())
    trained = []
    for phase in (0, 1):
        method.phase = phase
        before = deepcopy(method.state_dict())
        for i in range(3):
            optimizer.zero_grad()
            method.backward(toy_batch(seed=i))
            optimizer.step()
        trained.append(changed(before, method.state_dict()))
    encoder = {"label_net.trunk", "label_net.hidden"}
    assert trained[0] == encoder | {"decoders.weight", "decoders.bias"}
    assert trained[1] == (encoder if fine_tune else set()) | {"label_net.output"}


def test_the_loop_gives_each_phase_all_its_steps_and_logs_each_ones_own_values() -> None:
    batch = toy_batch(40)
    names = [tuple(map(str, range(n))) for n in (N_LABELS, N_DOMAINS)]
    dataset = DomainDataset(batch.inputs, batch.labels, batch.domains, *names, "toy")
    method = mtae()
    phases: list[tuple[int, float]] = []
    original = method.backward
    method.backward = lambda batch: (phases.append((method.phase, method.progress)), original(batch))[1]  # type: ignore[method-assign]
    optimizer = torch.optim.Adam(method.parameters())
    history = fit(method, dataset, optimizer=optimizer, max_steps=5, batch_size=8, seed=0, watch_every=2)
    assert phases == [(phase, step / 5) for phase in (0, 1) for step in range(5)]
    assert history.steps == [2, 4, 5, 6, 8, 10]
    assert [value is None for value in history.values["reconstruction_loss"]] == [False] * 3 + [True] * 3
    assert [value is None for value in history.values["label_loss"]] == [True] * 3 + [False] * 3
    logged_names = {"reconstruction_loss", "label_loss", "label_accuracy"}
    assert history.last.keys() == history.first.keys() == history.means.keys() == logged_names
    logged = [value for value in history.values["label_loss"] if value is not None]
    assert history.means["label_loss"] == pytest.approx((logged[0] * 1 + logged[1] * 2 + logged[2] * 2) / 5)


def test_a_share_of_everything_is_refused() -> None:
    with pytest.raises(SettingsError, match="corruption is a probability"):
        mtae(corruption=1.0)
