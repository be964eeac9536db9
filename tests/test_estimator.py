"""CrossGradClassifier among scikit-learn's own: its checks, its tools, its manners; the same training as train()."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from crossgrad import CrossGradClassifier, DomainDataset, load, save, train
from crossgrad.errors import DataError, SettingsError
from small import images, vectors

# Inputs of scikit-learn's checks have no domains, and trainings here are short: nets that guess are no news.
pytestmark = pytest.mark.filterwarnings("ignore::crossgrad.errors.TrainingWarning")

SHORT: dict[str, Any] = {"max_steps": 40, "learning_rate": 0.01}


class InThreeDomains(CrossGradClassifier):
    """Given the domains that scikit-learn's checks do not give: every third sample is of the same one."""

    def fit(self, X, y, domains=None, *, sample_weight=None):
        n = 0 if y is None else len(np.asarray(y))
        return super().fit(X, y, np.arange(n) % 3, sample_weight=sample_weight)


NEEDS_DOMAINS = "fit needs domains, and the check gives none; passed by InThreeDomains"
IN_DISTRIBUTION = "batches are drawn in proportion to weights: like repetition in distribution, not draw by draw"
TYPES_ARE_CHECKED = "annotations are enforced in this test run alone; passed without in the test below"

FITTING = (
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_train",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
    "check_supervised_y_2d",
)
"""Checks that fit; those that see wrong X, y or weights refused pass without domains too."""


def expected_failed_checks(estimator: CrossGradClassifier) -> dict[str, str]:
    failed = {
        "check_do_not_raise_errors_in_init_or_set_params": TYPES_ARE_CHECKED,
        "check_sample_weight_equivalence_on_dense_data": IN_DISTRIBUTION,
    }
    is_given_domains = isinstance(estimator, InThreeDomains) or estimator.method == "erm"
    return failed if is_given_domains else failed | dict.fromkeys(FITTING, NEEDS_DOMAINS)


@parametrize_with_checks(
    [InThreeDomains(**SHORT), CrossGradClassifier("erm", **SHORT), CrossGradClassifier()],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learns_checks_pass_but_for_those_with_a_reason(
    estimator: CrossGradClassifier, check: Callable[[Any], None]
) -> None:
    check(estimator)


def test_the_page_names_every_check_that_is_not_passed() -> None:
    page = (Path(__file__).parents[1] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")
    for estimator in (CrossGradClassifier(), InThreeDomains()):
        for check in expected_failed_checks(estimator):
            assert f"`{check}`" in page


def test_without_checked_types_init_takes_anything_and_importing_the_package_loads_neither_sklearn_nor_torch() -> None:
    code = """
import sys
import crossgrad
assert not {"sklearn", "torch"} & sys.modules.keys()
from sklearn.utils.estimator_checks import check_do_not_raise_errors_in_init_or_set_params
check_do_not_raise_errors_in_init_or_set_params("CrossGradClassifier", crossgrad.CrossGradClassifier())
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def samples(n: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = vectors(n)
    return (
        data.inputs.numpy(),
        np.array(data.label_names)[data.labels.numpy()],
        np.array(data.domain_names)[data.domains.numpy()],
    )


def classifier(method: str = "crossgrad", **parameters: Any) -> CrossGradClassifier:
    return CrossGradClassifier(method, **({"random_state": 0, "max_steps": 5} | parameters))


@pytest.mark.parametrize("method", ["crossgrad", "erm", "mtae"])
def test_it_trains_the_weights_that_train_trains(method: str) -> None:
    dataset = vectors()
    X, y, domains = samples()
    model = train(dataset, method=method, seed=3, max_steps=5, in_domain_fraction=0.0)
    own = classifier(method, random_state=3).fit(X, y, domains).to_model()
    assert own.label_names == model.label_names
    assert own.card["training_domains"] == model.card["training_domains"]
    for mine, theirs in zip(own.method.state_dict().values(), model.method.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        (np.array(["eel", "cat", "dog"]), "U"),
        (np.array(["eel", "cat", "dog"], dtype=object), "O"),
        (np.array([10, -1, 9]), "i"),
        (np.array([3.0, 1.0, 2.0]), "f"),
        (np.array([False, True, True]), "b"),
    ],
)
def test_labels_of_any_type_come_back_as_they_are(classes: np.ndarray, kind: str) -> None:
    X, _, domains = samples()
    y = classes[np.arange(len(X)) % 3]
    fitted = classifier("erm", max_steps=300, learning_rate=0.01).fit(X, y, domains)
    assert fitted.classes_.dtype.kind == kind
    assert fitted.classes_.tolist() == sorted(set(classes.tolist()))
    predicted, probabilities = fitted.predict(X), fitted.predict_proba(X)
    assert predicted.dtype == y.dtype
    assert probabilities.shape == (len(X), len(fitted.classes_))
    np.testing.assert_array_equal(predicted, fitted.classes_[probabilities.argmax(1)])
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert fitted.score(X, y) == (predicted == y).mean() > 0.8


def test_labels_that_differ_in_type_alone_train_the_same_net() -> None:
    X, _, domains = samples()
    y = np.arange(len(X)) % 2
    as_numbers = classifier().fit(X, y, domains)
    as_booleans = classifier().fit(X, y == 1, domains)
    as_text = classifier().fit(X, np.array(["no", "yes"])[y], domains)
    for other in (as_booleans, as_text):
        np.testing.assert_array_equal(other.predict_proba(X), as_numbers.predict_proba(X))


@pytest.mark.parametrize(
    ("values", "pandas", "numpy"),
    [
        ([7, 8], "Int64", np.int64),
        ([7, 8], "UInt8", np.uint8),
        ([False, True], "boolean", np.bool_),
        (["a", "b"], "string", np.object_),
    ],
)
def test_labels_that_pandas_might_have_none_of_come_back_as_they_are(
    values: list[Any], pandas: str, numpy: Any
) -> None:
    X, _, domains = samples()
    y = pd.Series(values * (len(X) // 2), dtype=pandas)
    fitted = classifier().fit(X, y, pd.Series(domains, dtype="string"))
    assert fitted.classes_.tolist() == values
    assert fitted.predict(X).dtype == fitted.classes_.dtype == numpy
    plain = classifier().fit(X, np.array(values * (len(X) // 2)), domains)
    np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
    assert fitted.to_model().label_names == plain.to_model().label_names


@pytest.mark.parametrize(
    "y",
    [
        [7, 8, 7, 8, None, 7],
        np.array([7, 8, 7, 8, np.nan, 7]),
        np.array(["a", "b", "a", "b", None, "a"], dtype=object),
        pd.Series([7, 8, 7, 8, None, 7], dtype="Int64"),
        pd.Series([True, False, True, False, None, True], dtype="boolean"),
        pd.Series(["a", "b", "a", "b", None, "a"], dtype="string"),
    ],
)
def test_a_label_or_a_domain_that_is_missing_is_told_with_its_place(y: Any) -> None:
    with pytest.raises(DataError, match="y must have one entry for each input, but entry 4 is missing"):
        classifier().fit(np.eye(6), y, list("ababab"))
    with pytest.raises(DataError, match="domains must have one entry for each input, but entry 4 is missing"):
        classifier().fit(np.eye(6), list("ababab"), y)


def test_domains_are_required_where_the_method_looks_at_them() -> None:
    X, y, domains = samples()
    with pytest.raises(DataError, match=r"crossgrad needs the domain of every sample: fit\(X, y, domains=...\)"):
        classifier().fit(X, y)
    with pytest.raises(DataError, match="fewer than two domains"):
        classifier().fit(X, y, ["attic"] * len(X))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier().fit(X, y, domains[:-1])


@pytest.mark.parametrize("method", ["erm", "label_grad"])
def test_a_method_that_needs_no_domains_trains_the_same_without_them(method: str) -> None:
    X, y, domains = samples()
    without, within = classifier(method).fit(X, y), classifier(method).fit(X, y, domains)
    np.testing.assert_array_equal(without.predict_proba(X), within.predict_proba(X))


def test_one_class_is_refused() -> None:
    X, _, domains = samples()
    with pytest.raises(DataError, match="y has one class, 7"):
        classifier().fit(X, np.full(len(X), 7), domains)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "erm"),
        ("net", "test_estimator:one_layer"),
        ("fields", {"domain_gradient_step": 3.0}),
        ("max_steps", 6),
        ("batch_size", 16),
        ("learning_rate", 0.01),
        ("weight_decay", 0.5),
        ("dropout", 0.5),
        ("balanced", True),
        ("settings", {"optimizer": "sgd"}),
        ("random_state", 1),
    ],
)
def test_every_parameter_changes_what_is_trained(name: str, value: Any) -> None:
    X, y, domains = samples()
    base = {"fields": {"domain_gradient_step": 1.0}} if name != "method" else {}
    one = classifier(**base).fit(X, y, domains).predict_proba(X)
    assert not np.array_equal(classifier(**(base | {name: value})).fit(X, y, domains).predict_proba(X), one)
    assert np.array_equal(classifier(**base).fit(X, y, domains).predict_proba(X), one)


def one_layer(input_shape: tuple[int, ...]) -> torch.nn.Module:
    return torch.nn.Flatten()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "crosgrad"}, "did you mean 'crossgrad'"),
        ({"net": "lenett"}, "did you mean 'lenet'"),
        ({"fields": {"label_wieght": 0.5}}, "did you mean 'label_weight'"),
        ({"settings": {"optimiser": "adam"}}, "did you mean 'optimizer'"),
        ({"settings": {"max_steps": 3}}, "max_steps is a parameter of its own"),
        ({"max_steps": 0}, "max_steps is a whole number of at least 1, not 0"),
        ({"settings": {"patience": 3}}, "patience needs examples"),
    ],
)
def test_wrong_parameters_are_refused_by_fit_alone_and_before_anything_is_read(
    parameters: dict[str, Any], message: str
) -> None:
    X, y, domains = samples()
    wrong = classifier(**parameters)
    with pytest.raises(SettingsError, match=message):
        wrong.fit(X, y, domains)
    assert not hasattr(wrong, "classes_")


def test_early_stopping_goes_through_settings() -> None:
    X, y, domains = samples()
    stopped = classifier(
        "erm", max_steps=400, settings={"patience": 1, "score_every": 10, "in_domain_fraction": 0.25}
    ).fit(X, y, domains)
    assert stopped.history_["steps"][-1] < 400
    assert stopped.to_model().card["in_domain"]["n"] == 24


def test_a_random_state_that_is_no_number_draws_a_seed() -> None:
    X, y, domains = samples()

    def fitted(random_state: Any) -> np.ndarray:
        return classifier(random_state=random_state).fit(X, y, domains).predict_proba(X)

    assert not np.array_equal(fitted(None), fitted(None))
    assert np.array_equal(fitted(np.random.RandomState(0)), fitted(np.random.RandomState(0)))
    state = np.random.RandomState(0)
    assert not np.array_equal(fitted(state), fitted(state))
    assert np.array_equal(fitted(np.int64(3)), fitted(3))


def test_verbose_prints_ten_lines_and_nothing_else_prints(capsys: pytest.CaptureFixture[str]) -> None:
    X, y, domains = samples()
    classifier(max_steps=20).fit(X, y, domains)
    assert capsys.readouterr().out == ""
    classifier(max_steps=20, verbose=1).fit(X, y, domains)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"step {step} of 20" for step in range(2, 21, 2)]
    assert all("label_loss" in line for line in lines)


def test_history_holds_the_losses_of_every_stretch() -> None:
    X, y, domains = samples()
    history = classifier(max_steps=5).fit(X, y, domains).history_
    assert history["steps"] == [1, 2, 3, 4, 5]
    assert len(history["label_loss"]) == len(history["domain_loss"]) == 5


# What X may be


@pytest.mark.parametrize("kind", [np.float64, "list", "frame", "tensor"])
def test_arrays_lists_frames_and_tensors_train_the_same(kind: Any) -> None:
    X, y, domains = samples()
    expected = classifier().fit(X, y, domains).predict_proba(X)
    if kind == "tensor":
        data: Any = torch.from_numpy(X)
        y, domains = torch.arange(len(X)) % 3, torch.arange(len(X)) % 4
        expected = classifier().fit(X, y.numpy(), domains.numpy()).predict_proba(X)
    elif kind == "frame":
        data = pd.DataFrame(X, columns=list("abcde"))
        y, domains = pd.Series(y), pd.Series(domains)
    else:
        data = X.tolist() if kind == "list" else X.astype(kind)
    fitted = classifier().fit(data, y, domains)
    np.testing.assert_array_equal(fitted.predict_proba(data), expected)
    if kind == "frame":
        assert fitted.feature_names_in_.tolist() == list("abcde")
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(data[list("edcba")])


def test_images_are_read_as_everywhere_and_get_lenet() -> None:
    data = images(64)
    grey = (255 * data.inputs[:, 0]).round().to(torch.uint8).numpy()
    fitted = classifier("erm", max_steps=2).fit(grey, data.labels.numpy(), data.domains.numpy())
    assert (fitted.to_model().building["net"], fitted.to_model().input_shape) == ("lenet", (1, 8, 8))
    colour = np.repeat(grey[..., None], 3, axis=3)
    in_colour = classifier("erm", max_steps=2).fit(colour, data.labels.numpy(), data.domains.numpy())
    assert in_colour.to_model().input_shape == (3, 8, 8)
    assert in_colour.predict(colour).shape == (64,)
    with pytest.raises(ValueError, match=r"inputs have shape \(1, 8, 9\), the model takes \(1, 8, 8\)"):
        fitted.predict(np.zeros((2, 8, 9), dtype=np.uint8))


def test_signals_are_what_conv1d_is_named_for_and_channels_are_standardised_each() -> None:
    generator = np.random.default_rng(0)
    y, domains = np.arange(48) % 2, np.arange(48) // 16
    X = (
        generator.normal(size=(48, 3, 32)) * np.array([1.0, 10.0, 100.0])[:, None]
        + np.array([0.0, 50.0, -7.0])[:, None]
    )
    X[y == 1, 0] += np.sin(np.arange(32))
    fitted = classifier(net="conv1d", max_steps=80, batch_size=16).fit(X, y, domains)
    model = fitted.to_model()
    assert model.input_shape == (3, 32)
    np.testing.assert_allclose(model.scaling.std.numpy(), [1, 10, 100], rtol=0.15)
    assert fitted.score(X, y) > 0.9
    np.testing.assert_array_equal(fitted.predict_proba(torch.from_numpy(X)), model.predict(X).probabilities)
    as_images = classifier(max_steps=1, net="mlp").fit(X, y, domains)
    assert as_images.to_model().input_shape == (1, 3, 32)


def image_files(folder: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    data = images(24)
    pixels = (255 * data.inputs[:, 0]).round().to(torch.uint8).numpy()
    paths = [str(folder / f"{index}.png") for index in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths, data.labels.numpy(), data.domains.numpy()


def test_paths_of_images_are_samples_and_stay_so_through_cross_validation(tmp_path: Path) -> None:
    paths, y, domains = image_files(tmp_path)
    fitted = classifier("erm", max_steps=2).fit(paths, y, domains)
    assert fitted.to_model().decoding is not None
    as_objects = [Path(path) for path in paths]
    np.testing.assert_array_equal(fitted.predict_proba(as_objects), fitted.predict_proba(np.array(paths)))
    weights = (np.arange(24) < 16).astype(float)
    first = classifier("erm", max_steps=2).fit(paths[:16], y[:16], domains[:16])
    by_weight = classifier("erm", max_steps=2).fit(paths, y, domains, sample_weight=weights)
    np.testing.assert_array_equal(by_weight.predict_proba(paths), first.predict_proba(paths))
    scores = cross_val_score(
        classifier("erm", max_steps=2), paths, y, groups=domains, cv=LeaveOneGroupOut(), params={"domains": domains}
    )
    assert scores.shape == (4,)
    with pytest.raises(DataError, match="trained on arrays"):
        classifier("erm").fit(*samples()).predict(paths)
    os.truncate(paths[0], 10)
    with pytest.raises(DataError, match=r"0\.png"):
        fitted.predict(paths)


# Weights


def test_weight_zero_is_as_if_the_sample_were_absent() -> None:
    X, y, domains = samples()
    weights = np.arange(len(X)) % 3 != 0
    some = classifier().fit(X[weights], y[weights], domains[weights])
    all_of_them = classifier().fit(X, y, domains, sample_weight=weights)
    np.testing.assert_array_equal(all_of_them.predict_proba(X), some.predict_proba(X))


def test_a_class_or_a_domain_without_weight_is_absent_too() -> None:
    X, y, domains = samples()
    weights = (y != "eel") & (domains != "den")
    fitted = classifier().fit(X, y, domains, sample_weight=weights)
    assert fitted.classes_.tolist() == ["cat", "dog"]
    assert fitted.to_model().card["training_domains"].keys() == {"attic", "barn", "cellar"}


@settings(max_examples=5)
@given(st.sampled_from([0.25, 1.0, 3.7, 1e9]))
def test_equal_weights_are_as_none(weight: float) -> None:
    X, y, domains = samples(24)
    plain = classifier(max_steps=2).fit(X, y, domains)
    weighted = classifier(max_steps=2).fit(X, y, domains, sample_weight=np.full(24, weight))
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))


def test_weights_change_which_label_an_ambiguous_sample_gets() -> None:
    X, y = np.zeros((40, 2)), np.arange(40) % 2
    X[:, 1] = np.linspace(-1, 1, 40)
    weights = np.where(y == 1, 3.0, 1.0)
    parameters = {"max_steps": 300, "batch_size": 40, "learning_rate": 0.003, "weight_decay": 0.1}
    plain = classifier("erm", **parameters).fit(X, y)
    weighted = classifier("erm", **parameters).fit(X, y, sample_weight=weights)
    # Nothing tells the labels apart: the net gives their shares.
    assert plain.predict_proba(X)[:, 1].mean() == pytest.approx(0.5, abs=0.1)
    assert weighted.predict_proba(X)[:, 1].mean() == pytest.approx(0.75, abs=0.1)


def test_integer_weights_train_as_repetitions_do_in_the_mean_over_seeds() -> None:
    X, y, domains = samples(24)
    counts = np.where(np.arange(24) % 4 == 0, 4, 1)
    parameters: dict[str, Any] = {"max_steps": 30, "batch_size": 16, "learning_rate": 0.003}

    def over_seeds(*data: Any, **weights: Any) -> np.ndarray:
        return np.stack(
            [
                classifier("erm", random_state=seed, **parameters).fit(*data, **weights).predict_proba(X)
                for seed in range(20)
            ]
        )

    by_weight = over_seeds(X, y, domains, sample_weight=counts)
    by_copy = over_seeds(*(np.repeat(values, counts, axis=0) for values in (X, y, domains)))
    plain = over_seeds(X, y, domains)
    spread = by_copy.std(0).mean() * (2 / 20) ** 0.5
    assert np.abs(by_weight.mean(0) - by_copy.mean(0)).mean() < 2 * spread
    assert np.abs(plain.mean(0) - by_copy.mean(0)).mean() > 2 * spread


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(96), "every sample_weight is zero"),
        (-np.ones(96), "Negative values"),
        (np.full(96, np.nan), "NaN"),
        (np.ones((96, 2)), r"one number a sample, not the shape \(96, 2\)"),
        (np.ones(95), "inconsistent numbers"),
    ],
)
def test_weights_that_are_no_weights_are_refused(weights: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier().fit(*samples(), sample_weight=weights)


# Warm starts


def test_a_warm_start_begins_where_the_fit_before_ended() -> None:
    X, y, domains = samples()
    warm = classifier(warm_start=True).fit(X, y, domains)
    before = warm.predict_proba(X)
    np.testing.assert_array_equal(before, classifier().fit(X, y, domains).predict_proba(X))
    still = warm.set_params(max_steps=1, learning_rate=1e-30).fit(X, y, domains)
    np.testing.assert_array_equal(still.predict_proba(X), before)
    onward = warm.set_params(max_steps=5, learning_rate=1e-3).fit(X, y, domains)
    assert onward.history_["label_loss"][0] < classifier().fit(X, y, domains).history_["label_loss"][0]
    cold = warm.set_params(warm_start=False).fit(X, y, domains)
    np.testing.assert_array_equal(cold.predict_proba(X), before)


def test_a_warm_start_keeps_the_scaling_that_its_weights_are_for() -> None:
    X, y, domains = samples()
    warm = classifier(warm_start=True).fit(X, y, domains)
    before = warm.to_model().scaling
    warm.fit(X + 1000, y, domains)
    assert warm.to_model().scaling is before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": True}, "goes on with the classes of the fit before, 'cat', 'dog', 'eel', not with 'no', 'yes'"),
        ({"domains": True}, "goes on with the domains of the fit before"),
        ({"method": "erm"}, "other nets: method 'crossgrad', not 'erm'"),
        ({"fields": {"condition": True}}, "other nets: .*condition"),
        ({"net": "test_estimator:one_layer"}, "other nets: net 'mlp', not 'test_estimator:one_layer'"),
    ],
)
def test_a_warm_start_from_something_else_is_refused(change: dict[str, Any], message: str) -> None:
    X, y, domains = samples()
    warm = classifier(warm_start=True).fit(X, y, domains)
    before = warm.predict_proba(X)
    if change.pop("y", False):
        y = np.where(y == "cat", "yes", "no")
    if change.pop("domains", False):
        domains = np.char.add(domains, "!")
    with pytest.raises(SettingsError, match=message):
        warm.set_params(**change).fit(X, y, domains)
    np.testing.assert_array_equal(warm.predict_proba(X), before)


def test_a_warm_start_takes_no_output_for_another_s() -> None:
    """9 comes before 10, and "10" before "9"; domain B comes last while it has no labels."""
    X, _, domains = samples()
    y = np.array([9, 10])[np.arange(len(X)) % 2]
    warm = classifier(warm_start=True).fit(X, y, domains)
    with pytest.raises(
        SettingsError, match="goes on with the classes of the fit before, '9', '10', not with '10', '9'"
    ):
        warm.fit(X, y.astype(str), domains)
    where = np.array(["A", "B", "C"])[np.arange(len(X)) % 3]
    known = where != "B"
    warm = classifier(warm_start=True).fit(
        X[known], y[known], where[known], unlabelled=X[~known], unlabelled_domain="B"
    )
    with pytest.raises(SettingsError, match="the domains of the fit before, 'A', 'C', 'B', not with 'A', 'B', 'C'"):
        warm.fit(X, y, where)


def test_a_warm_start_takes_no_inputs_of_another_shape() -> None:
    X, y, domains = samples()
    warm = classifier(warm_start=True).fit(X, y, domains)
    before = warm.predict_proba(X)
    for other in (X[:, :4], X[:, :4].tolist(), pd.DataFrame(X[:, :4])):
        with pytest.raises(
            SettingsError, match="goes on with the features of the fit before, 5, not with 4; set warm_"
        ):
            warm.fit(other, y, domains)
    np.testing.assert_array_equal(warm.predict_proba(X), before)
    pictures = np.random.default_rng(0).random((len(X), 8, 16))
    warm = classifier("erm", warm_start=True).fit(pictures[..., :8], y)
    with pytest.raises(SettingsError, match=r"inputs of the fit before, of shape \(1, 8, 8\), not with of shape"):
        warm.fit(pictures, y)


# With scikit-learn's tools


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def never_trained_on_the_domain_held_out(fitted: list[CrossGradClassifier]) -> bool:
    trained = [set(each.to_model().card["training_domains"]) for each in fitted]
    return trained == [{"attic", "barn", "cellar", "den"} - {out} for out in ("attic", "barn", "cellar", "den")]


def test_cross_validation_leaves_each_domain_out_of_fit_too() -> None:
    X, y, domains = samples()
    done = cross_validate(
        classifier(),
        X,
        y,
        groups=domains,
        cv=LeaveOneGroupOut(),
        params={"domains": domains},
        return_estimator=True,
        error_score="raise",
    )
    assert never_trained_on_the_domain_held_out(done["estimator"])


@pytest.mark.usefixtures("routing")
def test_the_splitters_groups_are_the_domains_where_they_are_routed_as_such() -> None:
    X, y, domains = samples()
    done = cross_validate(
        classifier().set_fit_request(domains="groups"),
        X,
        y,
        cv=LeaveOneGroupOut(),
        params={"groups": domains},
        return_estimator=True,
        error_score="raise",
    )
    assert never_trained_on_the_domain_held_out(done["estimator"])


@pytest.mark.usefixtures("routing")
def test_a_grid_over_a_pipeline_routes_domains_and_weights_to_the_classifier() -> None:
    X, y, domains = samples()
    requesting = classifier("erm").set_fit_request(domains="groups", sample_weight=True)
    pipeline = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        requesting.set_score_request(sample_weight=True),
    )
    grid = {
        "crossgradclassifier__method": ["erm", "crossgrad"],
        "crossgradclassifier__max_steps": [1, 60],
    }
    search = GridSearchCV(pipeline, grid, cv=LeaveOneGroupOut(), error_score="raise")
    search.fit(X, y, groups=domains, sample_weight=np.ones(len(X)))
    assert search.best_params_["crossgradclassifier__max_steps"] == 60
    best = search.best_estimator_[-1]
    assert best.to_model().card["training_domains"] == {"attic": 24, "barn": 24, "cellar": 24, "den": 24}
    assert search.score(X, y) > 0.5


def test_without_routing_a_pipeline_and_a_grid_take_domains_by_name() -> None:
    X, y, domains = samples()
    pipeline = make_pipeline(StandardScaler(), classifier(max_steps=2))
    assert pipeline.fit(X, y, crossgradclassifier__domains=domains).predict(X).shape == (96,)
    grid = {"fields": [{"label_weight": 0.0}, {"label_weight": 0.5}]}
    search = GridSearchCV(classifier(max_steps=2), grid, cv=LeaveOneGroupOut(), error_score="raise")
    search.fit(X, y, groups=domains, domains=domains)
    assert search.best_params_ in [{"fields": fields} for fields in grid["fields"]]


def test_a_clone_has_the_parameters_and_not_the_weights() -> None:
    X, y, domains = samples()
    fitted = classifier(fields={"label_weight": 0.25}, settings={"optimizer": "sgd"}).fit(X, y, domains)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)
    np.testing.assert_array_equal(copy.fit(X, y, domains).predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("by", ["pickle", "joblib"])
def test_plain_pickle_keeps_the_probabilities_to_the_bit_and_holds_no_data(by: str, tmp_path: Path) -> None:
    X, y, domains = samples(960)
    fitted = classifier(max_steps=2).fit(X, y, domains)
    path = tmp_path / "classifier"
    if by == "joblib":
        joblib.dump(fitted, path)
        again = joblib.load(path)
    else:
        path.write_bytes(pickle.dumps(fitted))
        again = pickle.loads(path.read_bytes())
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(again.fit(X, y, domains).predict_proba(X), fitted.predict_proba(X))
    weights = sum(value.numel() * value.element_size() for value in fitted.to_model().method.state_dict().values())
    assert path.stat().st_size < 1.1 * weights + 20_000


@pytest.mark.parametrize("labels", [["cat", "dog", "eel"], [7, 8, 10]])
def test_a_saved_model_comes_back_as_a_classifier_with_its_classes(labels: list[Any], tmp_path: Path) -> None:
    X, _, domains = samples()
    y = np.array(labels)[np.arange(len(X)) % 3]
    fitted = classifier(fields={"condition": True}).fit(X, y, domains)
    save(fitted.to_model(), tmp_path / "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} == {"model.safetensors", "model.json"}
    model = load(tmp_path / "model")
    assert model.predict(X).labels == tuple(map(str, fitted.predict(X)))
    again = CrossGradClassifier.from_model(model, classes=fitted.classes_)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert CrossGradClassifier.from_model(model).predict(X).tolist() == list(model.predict(X).labels)
    assert (again.method, again.net, again.fields) == ("crossgrad", "mlp", model.building["fields"])
    theirs = fitted.get_params()
    assert {k: v for k, v in again.get_params().items() if k not in ("net", "fields")} == {
        k: v for k, v in theirs.items() if k not in ("net", "fields")
    }
    np.testing.assert_array_equal(clone(again).fit(X, y, domains).predict_proba(X), fitted.predict_proba(X))
    assert again.n_features_in_ == 5
    warm = again.set_params(warm_start=True, max_steps=1, learning_rate=1e-30).fit(X, y, domains)
    np.testing.assert_array_equal(warm.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(DataError, match="not the classes of a model of 3 labels"):
        CrossGradClassifier.from_model(model, classes=[1, 2])
    with pytest.raises(DataError, match="each another one"):
        CrossGradClassifier.from_model(model, classes=[1, 2, 2])


@pytest.mark.parametrize("kind", [int, float, str, "boolean"])
def test_classes_of_a_model_are_not_given_in_another_order(kind: Any) -> None:
    X, _, domains = samples()
    labels = np.array([False, True]) if kind == "boolean" else np.array([9, 10]).astype(kind)
    model = classifier(max_steps=1).fit(X, labels[np.arange(len(X)) % 2], domains).to_model()
    names = model.label_names
    in_order = [label for name in names for label in labels if str(label).removesuffix(".0") == name]
    assert CrossGradClassifier.from_model(model, classes=in_order).predict(X).dtype.kind == labels.dtype.kind
    with pytest.raises(DataError) as caught:
        CrossGradClassifier.from_model(model, classes=in_order[::-1])
    assert f"the model's, {names[0]!r}, {names[1]!r}, not in the order {names[1]!r}, {names[0]!r}" in str(caught.value)
    assert CrossGradClassifier.from_model(model, classes=["new", "names"]).classes_.tolist() == ["new", "names"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_jobs_give_what_one_gives(backend: str) -> None:
    X, y, domains = samples()

    def scores(n_jobs: int) -> list[float]:
        with joblib.parallel_backend(backend, n_jobs=n_jobs):
            done = cross_validate(
                classifier(max_steps=20),
                X,
                y,
                groups=domains,
                cv=LeaveOneGroupOut(),
                params={"domains": domains},
                n_jobs=n_jobs,
                scoring="neg_log_loss",
                error_score="raise",
            )
        return done["test_score"].tolist()

    assert scores(2) == scores(1)


def test_fit_and_predict_leave_torchs_threads_and_generator_as_they_were() -> None:
    X, y, domains = samples()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fitted = classifier(threads=2).fit(X, y, domains)
    fitted.predict(X)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_the_dataset_of_the_same_samples_predicts_the_same() -> None:
    """What `DomainDataset.from_arrays` names, `classes_` orders alike."""
    y = np.array([10, 9, 100, 9])
    dataset = DomainDataset.from_arrays(np.eye(4), y, [0, 1, 0, 1], name="numbers")
    fitted = classifier(max_steps=1).fit(np.eye(4), y, [0, 1, 0, 1])
    assert fitted.to_model().label_names == dataset.label_names == ("9", "10", "100")
    assert fitted.classes_.tolist() == [9, 10, 100]


def test_a_models_card_names_no_code_that_a_classifier_would_import(tmp_path: Path) -> None:
    X, y, domains = samples()
    fitted = classifier(max_steps=1, settings={"domain_net": "mlp"}).fit(X, y, domains)
    made = fitted.to_model()
    assert CrossGradClassifier.from_model(made).settings == {"domain_net": "mlp"}
    card = {**made.card, "settings": {**made.card["settings"], "domain_net": "evil:factory"}}
    save(replace(made, card=card), tmp_path / "model")
    again = CrossGradClassifier.from_model(load(tmp_path / "model"))
    assert again.settings == {"domain_net": "mlp"}
    again.fit(X, y, domains)


def test_early_stopping_without_domains_is_refused_with_a_way_out() -> None:
    X, y, _ = samples()
    stopping = {"patience": 2, "in_domain_fraction": 0.2}
    with pytest.raises(SettingsError, match=r"no domains are given; fit\(X, y, domains=\.\.\.\), or no patience"):
        classifier(method="erm", settings=stopping).fit(X, y)
