"""CrossGrad in a loop of one's own: `backward` leaves the gradients of one step, the optimiser takes it."""

import torch

from crossgrad.building import build_method
from crossgrad.data import open_dataset
from crossgrad.data.dataset import DomainDataset
from crossgrad.methods import Method
from crossgrad.training.sampling import batches


def train(dataset: DomainDataset, *, max_steps: int, batch_size: int, seed: int) -> Method:
    method = build_method(
        "crossgrad",
        net="mlp",
        input_shape=tuple(dataset.inputs.shape[1:]),
        n_labels=len(dataset.label_names),
        n_domains=len(dataset.domain_names),
        fields={},
        seed=seed,
    )
    optimizer = torch.optim.SGD(method.parameters(), lr=0.05)
    order = batches(dataset, batch_size=batch_size, seed=seed)
    method.train()
    for step in range(max_steps):
        method.progress = step / max_steps  # methods with a schedule, such as DANN, read it
        optimizer.zero_grad()
        method.backward(next(order))
        optimizer.step()
    return method.eval()


if __name__ == "__main__":
    digits = open_dataset("digits")
    trained = train(digits, max_steps=300, batch_size=64, seed=0)
    with torch.no_grad():
        right = (trained(digits.inputs).argmax(1) == digits.labels).float().mean()
    print(f"accuracy on the training examples: {right:.3f}")
