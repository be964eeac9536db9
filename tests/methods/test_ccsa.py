"""CCSA: the contrastive loss against a loop over pairs, and its limits."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import N_LABELS, small_net, toy_batch

from crossgrad.errors import SettingsError
from crossgrad.methods import CCSA, ERM
from crossgrad.methods.ccsa import contrast


def by_pairs(
    features: torch.Tensor, labels: list[int], domains: list[int], margin: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Equations 7 and 8 of Motiian et al., pair by pair."""
    alignment, separation = [], []
    for i in range(len(features)):
        for j in range(i):
            if domains[i] == domains[j]:
                continue
            distance = (features[i] - features[j]).norm()
            if labels[i] == labels[j]:
                alignment.append(distance**2 / 2)
            else:
                separation.append(max(torch.zeros(()).double(), margin - distance) ** 2 / 2)
    means = [torch.stack(each).mean() if each else torch.zeros(()).double() for each in (alignment, separation)]
    return means[0], means[1]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=9),
    st.floats(0.1, 5),
    st.integers(0, 99),
)
def test_the_losses_are_those_of_a_loop_over_pairs(kinds: list[tuple[int, int]], margin: float, seed: int) -> None:
    labels, domains = [label for label, _ in kinds], [domain for _, domain in kinds]
    features = torch.randn(len(kinds), 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    found = contrast(features, torch.tensor(labels), torch.tensor(domains), margin=margin)
    torch.testing.assert_close(found, by_pairs(features, labels, domains, margin), rtol=1e-10, atol=1e-12)


def test_equal_features_of_different_labels_have_a_finite_gradient() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    sum(contrast(features, torch.arange(4) % 2, torch.tensor([0, 0, 1, 1]), margin=1.0)).backward()
    assert features.grad.isfinite().all()


def test_with_no_weight_it_is_erm_bit_for_bit() -> None:
    net = small_net(N_LABELS)
    ccsa, erm = CCSA(deepcopy(net), alignment_weight=0.0), ERM(deepcopy(net))
    for method in (ccsa, erm):
        method.backward(toy_batch())
    for mine, its in zip(ccsa.parameters(), erm.parameters(), strict=True):
        assert torch.equal(mine.grad, its.grad)


def test_the_label_loss_has_the_share_that_the_pairs_leave() -> None:
    method = CCSA(small_net(N_LABELS).double(), alignment_weight=0.3, margin=2.0)
    batch = toy_batch(dtype=torch.float64)
    method.backward(batch)
    features = method.label_net.features(batch.inputs)
    label_loss = torch.nn.functional.cross_entropy(method.label_net.classify(features), batch.labels)
    alignment, separation = by_pairs(features, batch.labels.tolist(), batch.domains.tolist(), 2.0)
    parameters = list(method.parameters())
    expected = torch.autograd.grad(0.7 * label_loss + 0.3 * (alignment + separation), parameters)
    torch.testing.assert_close([p.grad for p in parameters], list(expected), rtol=1e-10, atol=1e-14)


def test_training_aligns_labels_across_domains_and_separates_others() -> None:
    torch.manual_seed(0)
    measured = {}
    for weight in (0.0, 0.5):
        method = CCSA(small_net(N_LABELS), alignment_weight=weight)
        torch.manual_seed(1)
        optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
        for i in range(150):
            optimizer.zero_grad()
            method.backward(toy_batch(32, seed=i))
            optimizer.step()
        batch = toy_batch(200, seed=999)
        features = method.label_net.features(batch.inputs).detach()
        scaled = features / features.norm(dim=1).mean()
        measured[weight] = contrast(scaled, batch.labels, batch.domains, margin=1.0)[0].item()
    assert measured[0.5] < 0.8 * measured[0.0]


@pytest.mark.parametrize(
    ("fields", "words"), [({"alignment_weight": 1.1}, "alignment_weight"), ({"margin": 0.0}, "margin is a finite")]
)
def test_values_out_of_range_are_refused(fields: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        CCSA(small_net(N_LABELS), **fields)


def test_a_net_without_features_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a label net with features"):
        CCSA(torch.nn.Linear(3, 2))
