"""Loops of others' making train to the weights that training.fit trains to; every example runs."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crossgrad.building import build_method
from crossgrad.data import DomainDataset
from crossgrad.methods import Method
from crossgrad.training import fit

EXAMPLES = Path(__file__).parent.parent / "examples"
BUDGET = {"max_steps": 12, "batch_size": 8, "seed": 3}
LOOPS = {"plain_loop": {}, "accelerate_loop": {"cpu": True}, "lightning_loop": {"accelerator": "cpu"}}


@pytest.fixture(scope="module")
def dataset() -> DomainDataset:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(30) % 3
    inputs = torch.randn(30, 4, generator=generator) + labels[:, None]
    return DomainDataset.from_arrays(inputs, labels, torch.arange(30) // 15, name="small")


def initial(dataset: DomainDataset) -> Method:
    return build_method(
        "crossgrad", net="mlp", input_shape=(4,), n_labels=3, n_domains=2, fields={}, seed=BUDGET["seed"]
    )


@pytest.mark.filterwarnings("default")  # what Lightning warns of is its own: few workers, a GPU that is not used
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_of_ones_own_trains_to_the_bits_of_fit(name: str, dataset: DomainDataset) -> None:
    pytest.importorskip({"lightning_loop": "pytorch_lightning", "accelerate_loop": "accelerate"}.get(name, "torch"))
    fitted = initial(dataset)
    fit(fitted, dataset, optimizer=torch.optim.SGD(fitted.parameters(), lr=0.05), **BUDGET)
    trained = runpy.run_path(str(EXAMPLES / f"{name}.py"))["train"](dataset, **BUDGET, **LOOPS[name]).state_dict()
    untrained = initial(dataset).state_dict()
    for key, value in fitted.state_dict().items():
        assert torch.equal(trained[key], value), key
    assert any(not torch.equal(trained[key], untrained[key]) for key in trained)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_runs_and_tells_an_accuracy(example: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
