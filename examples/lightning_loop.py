"""CrossGrad as a LightningModule with manual optimisation: Lightning has the loop, the method has `backward`."""

from itertools import islice
from typing import Any

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, IterableDataset

from crossgrad._types import Batch
from crossgrad.building import build_method
from crossgrad.data import open_dataset
from crossgrad.data.dataset import DomainDataset
from crossgrad.methods import Method
from crossgrad.training.sampling import batches


class CrossGradTraining(lightning.LightningModule):
    """A method whose gradients come from its own `backward`, so Lightning must not differentiate a loss."""

    def __init__(self, method: Method, *, max_steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method, self.max_steps = method, max_steps

    def training_step(self, batch: Any, batch_index: int) -> None:
        optimizer = self.optimizers()
        self.method.progress = batch_index / self.max_steps
        optimizer.zero_grad()
        losses = self.method.backward(Batch(*batch))
        optimizer.step()
        self.log_dict(losses)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.method.parameters(), lr=0.05)


class Order(IterableDataset):
    """The batches of `training.fit`, as many as there are steps."""

    def __init__(self, dataset: DomainDataset, *, max_steps: int, batch_size: int, seed: int) -> None:
        self.dataset, self.max_steps, self.batch_size, self.seed = dataset, max_steps, batch_size, seed

    def __iter__(self) -> Any:
        return islice(batches(self.dataset, batch_size=self.batch_size, seed=self.seed), self.max_steps)


def train(dataset: DomainDataset, *, max_steps: int, batch_size: int, seed: int, accelerator: str = "auto") -> Method:
    method = build_method(
        "crossgrad",
        net="mlp",
        input_shape=tuple(dataset.inputs.shape[1:]),
        n_labels=len(dataset.label_names),
        n_domains=len(dataset.domain_names),
        fields={},
        seed=seed,
    )
    order = Order(dataset, max_steps=max_steps, batch_size=batch_size, seed=seed)
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator=accelerator,
        devices=1,  # a step's four backward passes do not suit DistributedDataParallel
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(CrossGradTraining(method, max_steps=max_steps), DataLoader(order, batch_size=None))
    return method.eval()


if __name__ == "__main__":
    digits = open_dataset("digits")
    trained = train(digits, max_steps=300, batch_size=64, seed=0).cpu()
    with torch.no_grad():
        right = (trained(digits.inputs).argmax(1) == digits.labels).float().mean()
    print(f"accuracy on the training examples: {right:.3f}")
