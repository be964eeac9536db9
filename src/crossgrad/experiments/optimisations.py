"""Named ways to optimise: those of the paper, of its code, and of Dassl, for all methods of a comparison alike."""

from collections.abc import Mapping
from typing import Any

from crossgrad.building import known

OPTIMISATIONS: dict[str, dict[str, Any]] = {
    "paper": {"optimizer": "rmsprop_tf", "learning_rate": 0.02},
    "paper-speech": {
        "optimizer": "sgd",
        "learning_rate": 0.001,
        "schedule": "step",
        "decay": 0.1,
        "decay_epochs": 15.0,
    },
    "authors-code": {
        "optimizer": "rmsprop_tf",
        "learning_rate": 0.02,
        "schedule": "step",
        "decay": 0.94,
        "decay_epochs": 2.0,
        "clip_value": 0.1,
        "weight_decay": 0.00004,
        "batch_size": 32,
        "max_steps": 50_000,
    },
    "dassl": {
        "optimizer": "sgd_momentum",
        "learning_rate": 0.05,
        "schedule": "step",
        "decay": 0.1,
        "decay_epochs": 20.0,
        "weight_decay": 0.0005,
        "batch_size": 128,
    },
}
"""Settings by the name of what they are of.

- "paper": RMSprop with a learning rate of 0.02 (fonts, handwriting, rotated MNIST). The paper names no epsilon, its
  code has one of 1 in TensorFlow's form, and so has this.
- "paper-speech": SGD with 0.001, "0.0001 after 15 iterations", read as passes over the training examples. The schedule
  step would go on to 0.00001 after 30.
- "authors-code": train_image_classifier.py and lenet_run.sh of github.com/vihari/crossgrad.
- "dassl": Dassl.pytorch's defaults with its configuration for Digits-DG (configs/trainers/dg/vanilla/digits_dg.yaml),
  but for its 50 epochs: give max_steps.
"""

SCHEDULED = ("schedule", "warmup_steps", "decay", "decay_epochs")
"""Settings that go together: another schedule goes before all of these."""


def with_optimisation(name: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a named way to optimise, under those that are given beside it.

    Args:
        name: in OPTIMISATIONS; None for what is given alone.
        given: go before; another schedule goes before all of the named one's.

    Raises:
        SettingsError: there is none of that name.

    Example:
        >>> with_optimisation("paper", {"learning_rate": 0.01})
        {'optimizer': 'rmsprop_tf', 'learning_rate': 0.01}
    """
    if name is None:
        return dict(given)
    settings = OPTIMISATIONS[known("optimisation", name, list(OPTIMISATIONS))]
    replaced = SCHEDULED if "schedule" in given else ()
    return {setting: value for setting, value in settings.items() if setting not in replaced} | dict(given)
