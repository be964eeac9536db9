"""The scikit-learn face: a classifier whose fit takes the domain of every sample."""

import dataclasses
from collections.abc import Mapping, Sequence
from os import fspath
from typing import Any, final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data
from torch import Tensor

from crossgrad.building import check_takes_unlabelled, known, method_fields, method_name, trunk_factory
from crossgrad.data import DomainDataset, Split, with_unlabelled
from crossgrad.data.naming import quoted
from crossgrad.data.unlabelled import UNLABELLED_DOMAIN
from crossgrad.defaults import default_net
from crossgrad.errors import DataError, SettingsError
from crossgrad.experiments.run_training import train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.trained_model import trained_model, warning
from crossgrad.global_state import cpu_by_default, torch_threads
from crossgrad.methods import METHODS
from crossgrad.model import Model
from crossgrad.samples import are_paths, read_labels, read_weights, samples_dataset
from crossgrad.training import Stretch

WITHOUT_DOMAINS = ("erm", "label_grad")
"""Methods that look at no domain; all others need the domains of what they train on."""

OF_THEIR_OWN = ("max_steps", "batch_size", "learning_rate", "weight_decay", "dropout", "balanced", "threads")
"""Settings that are parameters of the classifier."""

IN_DOMAIN_FRACTION = 0.0
"""All samples that are given train."""

LINES = 10
"""That `verbose` prints."""


@final
class CrossGradClassifier(ClassifierMixin, BaseEstimator):
    """A classifier for domains that it has never seen, trained on several that it has.

    Parameters are checked by `fit`. All are read anew by every `fit`, and by nothing else.

    Args:
        method: name in METHODS: "crossgrad", "erm", "dann", ...
        net: name in NETS, or the import path of one's own trunk; None: mlp for vectors, lenet for images, and conv1d is
            to be named.
        fields: of the method, such as {"label_weight": 0.25}; None for its defaults.
        max_steps: optimiser steps, at least 1.
        batch_size: samples a step, at least 1.
        learning_rate: of the optimiser, positive.
        weight_decay: the optimiser's L2 penalty, at least 0.
        dropout: probability of zeroing a unit of a net's last hidden layer, in [0, 1).
        balanced: whether batches take the domains in turn instead of all samples alike.
        settings: others by the names of `Settings`, such as {"optimizer": "sgd", "schedule": "cosine"}.
        threads: of torch in `fit` and `predict`, which results depend on by rounding; 1 goes with n_jobs.
        warm_start: begin with the weights of the fit before, and its scaling: fit(max_steps=100) ten times is a way to
            look at a training of 1,000 steps. The optimiser begins anew.
        random_state: seed of initial weights, batches and dropout; None or a RandomState draws one.
        verbose: above 0, `fit` prints ten lines.

    Attributes:
        classes_: labels, sorted, of whatever type y had.
        n_features_in_: of vectors; shape[1] of other arrays; not there for files.
        feature_names_in_: of a data frame whose columns have names.
        history_: {"steps": [...], "label_loss": [...], ...}: means over stretches of the training, None where a
            stretch had no such value.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> domains = np.repeat(["ward A", "ward B", "ward C"], 40)
        >>> y = np.tile(["ill", "well"], 60)
        >>> X = rng.normal(size=(120, 4)) + 3 * (y == "ill")[:, None]
        >>> classifier = CrossGradClassifier(max_steps=60, random_state=0).fit(X, y, domains)
        >>> classifier.predict(np.full((1, 4), 3.0)), classifier.score(X, y) > 0.95
        (array(['ill'], dtype='<U4'), True)

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018.
    """

    def __init__(
        self,
        method: str = "crossgrad",
        *,
        net: str | None = None,
        fields: Mapping[str, Any] | None = None,
        max_steps: int = 1000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        balanced: bool = False,
        settings: Mapping[str, Any] | None = None,
        threads: int = 1,
        warm_start: bool = False,
        random_state: int | np.integer[Any] | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.net = net
        self.fields = fields
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.balanced = balanced
        self.settings = settings
        self.threads = threads
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @cpu_by_default()
    def fit(
        self,
        X: Any,
        y: Any,
        domains: Any = None,
        *,
        sample_weight: ArrayLike | None = None,
        unlabelled: Any = None,
        unlabelled_domain: str = UNLABELLED_DOMAIN,
    ) -> "CrossGradClassifier":
        """Train on all samples.

        Args:
            X: n samples: vectors (n, features); images (n, height, width) or with channels first or last, as
                `DomainDataset.from_arrays` reads them (uint8 is divided by 255); signals (n, channels, time) where the
                net is conv1d; arrays, data frames or tensors. Or paths of n image or audio files.
            y: n labels: strings, whole numbers or booleans.
            domains: n strings or whole numbers, of two or more domains: where each sample comes from. None is for the
                methods "erm" and "label_grad" alone.
            sample_weight: n numbers, at least 0: how often each sample is drawn, relative to the others. A sample of
                weight 0 is as if it were not there; equal weights are as none; a sample of weight 2 is drawn as often
                as two copies.
            unlabelled: more samples, as X, whose labels nobody knows: they train as one more domain, for methods with a
                net that tells domains. None for none.
            unlabelled_domain: its name. Samples whose domain has that name are of the same domain.

        Raises:
            DataError: a ValueError: no domains or only one, one class, a label that is missing, or as
                `DomainDataset.from_arrays`.
            SettingsError: a ValueError: a parameter is unknown or out of range, or `warm_start` with other labels,
                domains, features or nets than before.
            NonFiniteLossError: a loss became NaN or infinite.
        """
        previous: Model | None = getattr(self, "_model", None) if self.warm_start else None
        method = method_name(self.method)
        settings = self._settings(method)
        if unlabelled is not None:
            check_takes_unlabelled(method)
        if previous is not None:
            self._check_features(X)
        dataset, classes = self._dataset(X, y, domains, sample_weight)
        if unlabelled is not None:
            dataset = with_unlabelled(dataset, self._new(unlabelled), domain=unlabelled_domain)
        if previous is not None:
            _check_goes_on(previous, dataset)
        run = Run(
            held_out=(), method=method, net=self.net or default_net(dataset), seed=self._seed(), settings=settings
        )
        if domains is None and settings.patience is not None:
            raise SettingsError(
                "patience needs samples that are kept from training, which are drawn from every domain, and no domains "
                "are given; fit(X, y, domains=...), or no patience"
            )
        parts = _everything(dataset) if domains is None else run.split(dataset)
        with torch_threads(settings.threads):
            trained = train_method(dataset, parts, run, warning(self._tell), initial=previous)
            self._model = trained_model(dataset, parts, run, trained)
        self.classes_ = classes
        self.history_ = {"steps": trained.history.steps, **trained.history.values}
        return self

    @cpu_by_default()
    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities of the labels, (n, len(classes_)), in the order of `classes_`; rows sum to 1.

        Args:
            X: as for `fit`, of the same shape.
        """
        check_is_fitted(self)
        inputs = self._new(X)
        with torch_threads(self.threads):
            return self._model.predict(inputs).probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each sample, (n,), of the type of `classes_`."""
        columns = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[columns]
        return labels

    def to_model(self) -> Model:
        """The trained model, to be kept by `crossgrad.save`: a folder of numbers and text, which can run no code.

        Its labels are text: 7 is "7".
        """
        check_is_fitted(self)
        return self._model

    @classmethod
    def from_model(cls, model: Model, *, classes: Sequence[Any] | NDArray[Any] | None = None) -> "CrossGradClassifier":
        """A fitted classifier of a model, such as one that `crossgrad.load` gave, with its parameters.

        It has no `history_`: a model does not keep the course of its training.

        Args:
            model: trained.
            classes: the labels of its columns, in their order; None: `model.label_names`, which are text.

        Raises:
            DataError: another number of classes than the model has, or one twice, or the model's in another order.

        Example:
            >>> X, y, domains = np.eye(4), [7, 8, 7, 8], [0, 0, 1, 1]
            >>> fitted = CrossGradClassifier(max_steps=1, random_state=0).fit(X, y, domains)
            >>> again = CrossGradClassifier.from_model(fitted.to_model(), classes=[7, 8])
            >>> (again.predict_proba(X) == fitted.predict_proba(X)).all(), again.classes_
            (np.True_, array([7, 8]))
        """
        building, card = model.building, model.card
        known_here = {each.name for each in dataclasses.fields(Settings)} - {"fields", "device"}  # here, not there
        given = {name: value for name, value in card.get("settings", {}).items() if name in known_here}
        # The nets are those that the model was built of: a card is for people, and `load` lets it name any code.
        given["domain_net"] = building.get("domain_net")
        own = {name: given.pop(name) for name in OF_THEIR_OWN if name in given}
        usual = {"in_domain_fraction": IN_DOMAIN_FRACTION}
        more = {name: value for name, value in given.items() if value != usual.get(name, getattr(Settings, name))}
        classifier = cls(
            building["method"],
            net=building["net"],
            fields=building["fields"],
            settings=more or None,
            random_state=card.get("seed"),
            **own,
        )
        classifier._model = model
        classifier.classes_ = np.asarray(model.label_names if classes is None else classes)
        n = len(model.label_names)
        if classifier.classes_.shape != (n,) or len(np.unique(classifier.classes_)) < n:
            raise DataError(f"{classes!r} are not the classes of a model of {n} labels, each another one")
        texts = list(map(_as_text, classifier.classes_.tolist()))
        if sorted(texts) == sorted(model.label_names) and texts != list(model.label_names):
            raise DataError(
                f"classes come in the order of the model's, {quoted(model.label_names)}, not in the order "
                f"{quoted(texts)}"
            )
        if len(model.input_shape) == 1:
            classifier.n_features_in_ = model.input_shape[0]
        return classifier

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _settings(self, method: str) -> Settings:
        fields = self.fields or {}
        for field in fields:
            known(f"field of {method}", field, list(method_fields(method)))
        more = dict(self.settings or {})
        if both := [name for name in OF_THEIR_OWN if name in more]:
            raise SettingsError(f"{both[0]} is a parameter of its own: set it there, not in settings")
        own = {name: getattr(self, name) for name in OF_THEIR_OWN}
        return Settings.of({"in_domain_fraction": IN_DOMAIN_FRACTION} | own | more).for_method(method, fields)

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _check_features(self, X: Any) -> None:
        """Before `n_features_in_` is set anew: where X is refused, the weights of the fit before stay in use."""
        if not hasattr(self, "n_features_in_") or are_paths(X):
            return
        for n in np.shape(_as_array(X))[1:2]:
            if n != self.n_features_in_:
                raise _other_than_before("features", str(self.n_features_in_), str(n))

    def _dataset(self, X: Any, y: Any, domains: Any, sample_weight: Any) -> tuple[DomainDataset, NDArray[Any]]:
        y = read_labels(y)
        if are_paths(X):
            values, labels = np.array(list(map(fspath, X)), dtype=object), column_or_1d(y, warn=True)
        else:
            values, labels = validate_data(self, _as_array(X), y, allow_nd=True, dtype="numeric")
        check_consistent_length(values, labels, domains, sample_weight)
        check_classification_targets(labels)
        weights = None if sample_weight is None else read_weights(sample_weight)
        if domains is None and method_name(self.method) not in WITHOUT_DOMAINS:
            raise DataError(
                f"{self.method} needs the domain of every sample: fit(X, y, domains=...), or "
                "set_fit_request(domains=True) where something else calls fit"
            )
        return samples_dataset(values, labels, domains, weights, signals=_takes_signals(self.net))

    def _new(self, X: Any) -> Any:
        """Samples of the shape that `fit` took, without labels."""
        if are_paths(X):
            return list(map(fspath, X))
        return validate_data(self, _as_array(X), allow_nd=True, dtype="numeric", reset=False)

    def _tell(self, stretch: Stretch) -> None:
        n_steps = METHODS[method_name(self.method)].N_PHASES * self.max_steps
        if self.verbose > 0 and stretch.step * LINES // n_steps > stretch.start * LINES // n_steps:
            losses = ", ".join(f"{name} {value:.4g}" for name, value in stretch.means.items() if name.endswith("_loss"))
            print(f"step {stretch.step} of {n_steps}: {losses}")


def _as_array(X: Any) -> Any:
    return X.detach().cpu().numpy() if isinstance(X, Tensor) else X


def _takes_signals(net: str | None) -> bool:
    factory: Any = trunk_factory(net) if net is not None else None
    return bool(getattr(getattr(factory, "func", factory), "TAKES_SIGNALS", False))


def _everything(dataset: DomainDataset) -> Split:
    nothing = torch.zeros(0, dtype=torch.int64)
    return Split((), train=torch.arange(len(dataset)), in_domain=nothing, out_of_domain=nothing)


def _as_text(label: Any) -> str:
    """As a dataset names it."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _check_goes_on(previous: Model, dataset: DomainDataset) -> None:
    """Refuse to go on with inputs that do not fit, or with outputs that would come to mean something else."""
    there = set(dataset.domains.tolist())
    names = [name for index, name in enumerate(dataset.domain_names) if index in there]
    if dataset.unlabelled is not None and dataset.unlabelled.domain not in names:
        names.append(dataset.unlabelled.domain)
    for what, before, now in (
        ("classes", list(previous.label_names), list(dataset.label_names)),
        ("domains", list(previous.card.get("training_domains", names)), names),
    ):
        if before != now:  # in another order, outputs would be taken for each other's
            raise _other_than_before(what, quoted(before), quoted(now))
    if (shape := tuple(dataset.inputs.shape[1:])) != previous.input_shape:
        raise _other_than_before("inputs", f"of shape {previous.input_shape}", f"of shape {shape}")


def _other_than_before(what: str, before: str, now: str) -> SettingsError:
    return SettingsError(
        f"warm_start goes on with the {what} of the fit before, {before}, not with {now}; "
        "set warm_start=False, or take a clone"
    )
