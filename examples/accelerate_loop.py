"""CrossGrad with Accelerate, in one process: it chooses the device; `backward` is the method's own.

Accelerate's `prepare` would wrap the method for several processes, where gradients are sent in every backward pass.
CrossGrad has four a step, so it trains in several processes with `training.fit` instead.
"""

import torch
from accelerate import Accelerator

from crossgrad._types import Batch
from crossgrad.building import build_method
from crossgrad.data import open_dataset
from crossgrad.data.dataset import DomainDataset
from crossgrad.methods import Method
from crossgrad.training.sampling import batches


def train(dataset: DomainDataset, *, max_steps: int, batch_size: int, seed: int, cpu: bool = False) -> Method:
    accelerator = Accelerator(cpu=cpu)
    if accelerator.num_processes > 1:
        raise RuntimeError(f"this loop is for one process, not {accelerator.num_processes}: use training.fit")
    method = build_method(
        "crossgrad",
        net="mlp",
        input_shape=tuple(dataset.inputs.shape[1:]),
        n_labels=len(dataset.label_names),
        n_domains=len(dataset.domain_names),
        fields={},
        seed=seed,
    ).to(accelerator.device)
    optimizer = accelerator.prepare(torch.optim.SGD(method.parameters(), lr=0.05))
    order = batches(dataset, batch_size=batch_size, seed=seed)
    method.train()
    for step in range(max_steps):
        method.progress = step / max_steps
        optimizer.zero_grad()
        with accelerator.autocast():
            method.backward(Batch(*(part.to(accelerator.device) for part in next(order))))
        optimizer.step()
    return method.eval()


if __name__ == "__main__":
    digits = open_dataset("digits")
    trained = train(digits, max_steps=300, batch_size=64, seed=0).cpu()
    with torch.no_grad():
        right = (trained(digits.inputs).argmax(1) == digits.labels).float().mean()
    print(f"accuracy on the training examples: {right:.3f}")
