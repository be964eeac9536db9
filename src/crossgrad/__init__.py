"""Train classifiers that work on domains they have never seen, by cross-gradient training.

Names are resolved when they are first used (PEP 562), so that what needs no torch loads none.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from crossgrad._types import UNLABELLED, Batch
    from crossgrad.building import build_method
    from crossgrad.comparison import Comparison, compare
    from crossgrad.data import DomainDataset, open_dataset
    from crossgrad.deployment import train
    from crossgrad.diagnosis import Diagnosis, diagnose
    from crossgrad.errors import CrossGradError
    from crossgrad.estimator import CrossGradClassifier
    from crossgrad.methods import (
        CCSA,
        DANN,
        ERM,
        METHODS,
        MTAE,
        PRESETS,
        CrossGrad,
        CrossGradSeparate,
        Hybrid,
        LabelGrad,
        Method,
        RandomDirection,
        Repeat,
    )
    from crossgrad.model import Model, Predictions
    from crossgrad.model_folder import load, save
    from crossgrad.nets import NETS, headed
    from crossgrad.perturb import Step
    from crossgrad.sweeping import sweep
    from crossgrad.training import fit

_HOME = {
    "compare": "comparison",
    "sweep": "sweeping",
    "Comparison": "comparison",
    "diagnose": "diagnosis",
    "Diagnosis": "diagnosis",
    "train": "deployment",
    "save": "model_folder",
    "load": "model_folder",
    "Model": "model",
    "Predictions": "model",
    "CrossGradClassifier": "estimator",
    "DomainDataset": "data",
    "open_dataset": "data",
    "Batch": "_types",
    "UNLABELLED": "_types",
    "CrossGrad": "methods",
    "CrossGradSeparate": "methods",
    "LabelGrad": "methods",
    "DANN": "methods",
    "CCSA": "methods",
    "MTAE": "methods",
    "Hybrid": "methods",
    "RandomDirection": "methods",
    "Repeat": "methods",
    "ERM": "methods",
    "Method": "methods",
    "METHODS": "methods",
    "PRESETS": "methods",
    "Step": "perturb",
    "NETS": "nets",
    "headed": "nets",
    "build_method": "building",
    "fit": "training",
    "CrossGradError": "errors",
}

__all__ = [
    "CCSA",
    "DANN",
    "ERM",
    "METHODS",
    "MTAE",
    "NETS",
    "PRESETS",
    "UNLABELLED",
    "Batch",
    "Comparison",
    "CrossGrad",
    "CrossGradClassifier",
    "CrossGradError",
    "CrossGradSeparate",
    "Diagnosis",
    "DomainDataset",
    "Hybrid",
    "LabelGrad",
    "Method",
    "Model",
    "Predictions",
    "RandomDirection",
    "Repeat",
    "Step",
    "build_method",
    "compare",
    "diagnose",
    "fit",
    "headed",
    "load",
    "open_dataset",
    "save",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'crossgrad' has no attribute {name!r}")
    return getattr(importlib.import_module(f"crossgrad.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
