import pytest
import torch
from torch import nn

from crossgrad.data import DomainDataset
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.methods import ERM
from small import DOMAINS, LABELS, vectors


def test_probabilities_are_of_evaluation_mode_and_leave_modes_and_gradients_alone() -> None:
    method = ERM(nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)))
    inputs = vectors().inputs
    method.eval()
    expected = method(inputs).softmax(1)
    method.train()
    method.label_net[1].eval()  # frozen batch statistics
    modes = [module.training for module in method.modules()]
    buffers = [buffer.clone() for buffer in method.buffers()]

    found = probabilities(method, inputs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(1), torch.ones(len(inputs)))
    assert [module.training for module in method.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(method.buffers(), buffers, strict=True))
    assert all(parameter.grad is None for parameter in method.parameters())
    assert not found.requires_grad


@pytest.mark.parametrize("size", [1, 7, 96, 1000])
def test_the_batch_size_of_evaluation_changes_nothing_but_rounding(size: int) -> None:
    method = ERM(nn.Linear(5, 3))
    inputs = vectors().inputs
    torch.testing.assert_close(probabilities(method, inputs, batch_size=size), probabilities(method, inputs))


def test_accuracies_are_those_counted_by_hand() -> None:
    dataset = DomainDataset(
        torch.zeros(5, 1),
        torch.tensor([0, 1, 2, 0, 1]),
        torch.tensor([0, 0, 0, 2, 2]),
        LABELS,
        DOMAINS,
        "five",
    )
    logits = torch.tensor([[3.0, 1, 1], [0, 2, 1], [5, 1, 1], [0, 2, 1], [0, 2, 1]])
    found = accuracies(logits, dataset)
    assert found == {"accuracy": 3 / 5, "n": 5, "by_domain": {"attic": 2 / 3, "cellar": 1 / 2}}
    assert list(found["by_domain"]) == ["attic", "cellar"]
