"""How far a step moves digits, and what the nets still tell of them: the pictures and numbers of docs/how-it-works.md.

    python benchmarks/step_pictures.py --json results/benchmarks/step_pictures.json   # trains, draws docs/images
    python benchmarks/step_pictures.py --show results/benchmarks/step_pictures.json   # docs/figures/step-size.html

CrossGrad is trained on the digits at five of their six angles, with the settings that `crossgrad compare digits` takes
where 75 degrees are held out, one thread and the seed 0. Then unseen digits of the five angles are moved along both
gradients, by one step after another.
"""

import argparse
import html
import io
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from crossgrad import Batch, CrossGrad, DomainDataset, Step, build_method, fit, open_dataset
from crossgrad.data import split, training_subset
from crossgrad.folders import write_whole
from crossgrad.perturb import example_norms
from machine import machine

HELD_OUT, SEED = "75", 0
TRAINED_STEP, LEARNING_RATE, MAX_STEPS, BATCH_SIZE = 0.3, 0.003, 250, 32
"""The settings that validation angles chose where 75 is held out (digits_chosen.json)."""

STEPS = (0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
DIRECTIONS = {"domain": "domain_perturbed", "label": "label_perturbed"}
"""Whose loss the input follows, and what `perturbed` calls the result."""

SHOWN = ("2", "3", "4", "5", "7")
"""A label for each training angle, in their order."""

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CAPTIONS = {"domain": "Along the domain gradient", "label": "Along the label gradient"}


def trained() -> tuple[CrossGrad, DomainDataset]:
    """A CrossGrad, and digits of its angles that it has not seen; 75 is the last domain, so their indices stay."""
    digits = open_dataset("digits")
    parts = split(digits, [HELD_OUT], in_domain_fraction=0.2, seed=SEED)
    train = training_subset(digits, parts)
    steps = {"domain_gradient_step": TRAINED_STEP, "label_gradient_step": TRAINED_STEP}
    method = build_method(
        "crossgrad",
        net="conv2",
        input_shape=digits.inputs.shape[1:],
        n_labels=len(digits.label_names),
        n_domains=len(train.domain_names),
        fields=steps,
        seed=SEED,
    )
    assert isinstance(method, CrossGrad)
    optimizer = torch.optim.Adam(method.parameters(), lr=LEARNING_RATE)
    fit(method, train, optimizer=optimizer, max_steps=MAX_STEPS, batch_size=BATCH_SIZE, seed=SEED)
    return method.eval(), digits.subset(parts.in_domain)


def moved(method: CrossGrad, unseen: DomainDataset, step: float) -> dict[str, Float[Tensor, "n 1 16 16"]]:
    """The unseen digits, moved by one step along each loss's gradient."""
    method.domain_gradient_step = method.label_gradient_step = Step(step)
    results = method.perturbed(Batch(unseen.inputs[:], unseen.labels, unseen.domains))
    return {direction: results[name] for direction, name in DIRECTIONS.items()}


@torch.no_grad()
def told(method: CrossGrad, unseen: DomainDataset, inputs: Float[Tensor, "n 1 16 16"]) -> dict[str, float]:
    """How far inputs were moved, and the shares of them of which each net tells what it is to tell."""
    return {
        "largest_change": float(example_norms(inputs - unseen.inputs[:], "linf").mean()),
        "label_told": float((method(inputs).argmax(1) == unseen.labels).double().mean()),
        "domain_told": float((method.domain_net(inputs).argmax(1) == unseen.domains).double().mean()),
    }


def shown(unseen: DomainDataset) -> list[int]:
    """The first unseen digit of each angle that has the label wanted there."""
    return [
        int(((unseen.domains == domain) & (unseen.labels == unseen.label_names.index(label))).nonzero()[0])
        for domain, label in enumerate(SHOWN)
    ]


def draw(rows: list[Float[Tensor, "digits 1 16 16"]], file: Path) -> None:
    """A row a step, a column a digit; values below 0 are black, above 1 white."""
    values = torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows])
    picture = Image.fromarray((255 * values.clamp(0, 1)).round().byte().numpy())
    content = io.BytesIO()
    picture.save(content, "png", optimize=True)
    write_whole(file, content.getvalue(), overwrite=True)


def measure(command: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    method, unseen = trained()
    chosen = shown(unseen)
    pictures: dict[str, list[Tensor]] = {direction: [] for direction in DIRECTIONS}
    rows = []
    for step in STEPS:
        found = moved(method, unseen, step)
        for direction, inputs in found.items():
            pictures[direction].append(inputs[chosen])
        rows.append({"step": step} | {direction: told(method, unseen, inputs) for direction, inputs in found.items()})
    for direction, drawn in pictures.items():
        draw(drawn, IMAGES / f"step-size-{direction}.png")
    return {
        "rows": rows,
        "shown": [
            {"label": label, "domain": domain} for label, domain in zip(SHOWN, unseen.domain_names, strict=False)
        ],
        "unseen_digits": len(unseen),
        "net": "conv2",
        "held_out": HELD_OUT,
        "trained_step": TRAINED_STEP,
        "learning_rate": LEARNING_RATE,
        "max_steps": MAX_STEPS,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "threads": 1,
        "machine": machine(),
        "command": command,
    }


def figure(record: dict[str, Any], row: int, direction: str) -> str:
    """One strip of digits and what is told of it, as HTML."""
    found = record["rows"][row]
    digits = ", ".join(f"{each['label']} at {each['domain']}" for each in record["shown"])
    words = (
        f"largest change {found[direction]['largest_change']:.2f}; digit told "
        f"{100 * found[direction]['label_told']:.0f} %, angle told {100 * found[direction]['domain_told']:.0f} %"
    )
    alternative = f"The digits {digits} degrees, moved by a step of {found['step']:g} {CAPTIONS[direction].lower()}"
    return (
        f'<figure><img src="../images/step-size-{direction}.png" alt="{html.escape(alternative)}" '
        f'style="object-position: 0 {100 * row / (len(record["rows"]) - 1):.3f}%">'
        f"<figcaption><b>{CAPTIONS[direction]}:</b> {words}</figcaption></figure>"
    )


def show(record: dict[str, Any]) -> str:
    """The list of steps, an item a step: without a script all of them are seen, one under another."""
    items = [
        f'<li data-step="{found["step"]:g}"><p>Step {found["step"]:g}</p>\n'
        + "\n".join(figure(record, row, direction) for direction in DIRECTIONS)
        + "</li>"
        for row, found in enumerate(record["rows"])
    ]
    return "\n".join(["<ol>", *items, "</ol>"])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the record is written")
    parser.add_argument("--show", type=Path, help="print the HTML of a record and measure nothing")
    options = parser.parse_args(arguments)
    if options.show:
        print(show(json.loads(options.show.read_text(encoding="utf-8"))))
        return
    record = measure(shlex.join(["python", "benchmarks/step_pictures.py", *arguments]))
    if options.json:
        write_whole(options.json, f"{json.dumps(record, indent=2)}\n".encode(), overwrite=True)
    print(show(record))


if __name__ == "__main__":
    main(sys.argv[1:])
