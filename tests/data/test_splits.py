import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.held_out import default_protocol, held_out_folds, validation_folds
from crossgrad.data.split_checks import check_dataset, check_split
from crossgrad.data.splits import random_split, split, training_subset
from crossgrad.errors import DataError, DataWarning, SettingsError

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5).filter(str.strip)
fractions = st.floats(0, 0.99)
seeds = st.integers(0, 2**32 - 1)


def dataset_of(labels, domains):
    return DomainDataset.from_arrays(np.arange(len(labels))[:, None], labels, domains, name="example")


@st.composite
def columns(draw):
    """Labels and domains; the dataset is made in the test, where checked types may draw random numbers."""
    domain_names = draw(st.lists(names, min_size=3, max_size=6, unique=True))
    label_names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    more = draw(st.lists(st.tuples(st.sampled_from(label_names), st.sampled_from(domain_names)), max_size=60))
    rows = draw(st.permutations([(label_names[0], name) for name in domain_names] + more))
    return [label for label, _ in rows], [domain for _, domain in rows]


@given(columns(), fractions, seeds, st.data())
def test_every_example_is_in_one_place_and_no_held_out_domain_in_training(rows, fraction, seed, data):
    dataset = dataset_of(*rows)
    held_out = data.draw(
        st.lists(st.sampled_from(dataset.domain_names), min_size=1, unique=True)
        .filter(lambda chosen: len(chosen) <= len(dataset.domain_names) - 2)
    )  # fmt: skip
    parts = split(dataset, held_out, in_domain_fraction=fraction, seed=seed)
    together = torch.cat([parts.train, parts.in_domain, parts.out_of_domain])
    assert sorted(together.tolist()) == list(range(len(dataset)))
    for indices in (parts.train, parts.in_domain, parts.out_of_domain):
        assert indices.dtype == torch.int64
        assert indices.tolist() == sorted(indices.tolist())
    outside = {dataset.domain_names.index(name) for name in held_out}
    assert set(dataset.domains[parts.out_of_domain].tolist()) == outside
    assert not outside & set(dataset.domains[torch.cat([parts.train, parts.in_domain])].tolist())
    assert set(parts.held_out) == set(held_out)
    assert set(dataset.labels[parts.in_domain].tolist()) <= set(dataset.labels[parts.train].tolist())

    again = split(dataset, held_out[::-1], in_domain_fraction=fraction, seed=seed)
    assert again.held_out == parts.held_out
    assert torch.equal(again.in_domain, parts.in_domain)

    train = training_subset(dataset, parts)
    assert train.domain_names == tuple(name for name in dataset.domain_names if name not in held_out)
    assert train.label_names == dataset.label_names
    assert [train.domain_names[index] for index in train.domains] == [
        dataset.domain_names[index] for index in dataset.domains[parts.train]
    ]
    assert torch.equal(train.inputs, dataset.inputs[parts.train])


@given(st.lists(st.lists(st.integers(2, 30), min_size=3, max_size=3), min_size=2, max_size=4), fractions, seeds)
def test_the_fraction_is_kept_in_each_domain_and_in_each_of_its_labels(sizes, fraction, seed):
    rows = [(label, d) for d, counts in enumerate(sizes) for label, n in enumerate(counts) for _ in range(n)]
    dataset = dataset_of([label for label, _ in rows], [domain for _, domain in rows])
    parts = random_split(dataset, in_domain_fraction=fraction, seed=seed)
    labels, domains = dataset.labels[parts.in_domain], dataset.domains[parts.in_domain]
    assume(set(dataset.labels.tolist()) == set(dataset.labels[parts.train].tolist()))
    for domain, counts in enumerate(sizes):
        n, kept = sum(counts), int((domains == domain).sum())
        expected = 0 if fraction == 0 else min(max(round(fraction * n), 1), n - 1)
        assert kept <= n - 1
        if fraction < 0.9:  # above, a label's last training examples may be given back
            assert kept == expected
            for label, count in enumerate(counts):
                share = count * kept / n
                found = int(((domains == domain) & (labels == label)).sum())
                assert math.floor(share) - 1e-9 <= found <= math.ceil(share) + 1e-9


def test_seeds_give_different_splits_and_one_seed_the_same():
    dataset = dataset_of([0, 1] * 50, np.repeat([0, 1, 2, 3], 25))
    first, same, other = (split(dataset, ["3"], in_domain_fraction=0.2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.in_domain, same.in_domain)
    assert not torch.equal(first.in_domain, other.in_domain)


def test_what_is_kept_of_a_domain_does_not_depend_on_what_is_held_out():
    dataset = dataset_of([0, 1] * 50, np.repeat([0, 1, 2, 3], 25))
    kept = [split(dataset, [name], in_domain_fraction=0.2, seed=0).in_domain for name in ("2", "3")]
    first_two = [indices[indices < 50].tolist() for indices in kept]
    assert first_two[0] == first_two[1] != []


def test_a_domain_of_one_example_trains_with_it():
    dataset = dataset_of([0] * 7, [0, 1, 1, 1, 2, 2, 2])
    assert 0 in split(dataset, ["2"], in_domain_fraction=0.9, seed=0).train


def test_a_labels_only_training_example_stays_in_training():
    dataset = dataset_of([1] + [0] * 9, np.repeat([0, 1], 5))
    for seed in range(20):
        assert 0 in random_split(dataset, in_domain_fraction=0.5, seed=seed).train


def test_a_random_split_holds_no_domain_out():
    parts = random_split(dataset_of([0] * 20, np.repeat([0, 1], 10)), in_domain_fraction=0.1, seed=0)
    assert (parts.held_out, len(parts.out_of_domain), len(parts.in_domain)) == ((), 0, 2)


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (["pathi"], r"unknown domain 'pathi'; did you mean 'patho'\? There are 'anna', 'otto', 'patho', 'zoe'"),
        (["anna", "anna"], "a domain is named twice: 'anna', 'anna'"),
        ([], r"no domain to hold out was named; random_split\(\)"),
        (
            ["zoe", "anna", "otto"],
            r"fewer than two domains are left to train on: the domains are .*, held out are 'anna', 'otto', 'zoe'",
        ),
    ],
)
def test_domains_that_cannot_be_held_out_are_refused(held_out, message):
    dataset = dataset_of([0] * 8, ["anna", "otto", "patho", "zoe"] * 2)
    with pytest.raises(DataError, match=message):
        split(dataset, held_out, in_domain_fraction=0.1, seed=0)


def test_one_domain_is_too_few_to_train_on():
    with pytest.raises(DataError, match=r"fewer than two domains .* 'anna', held out are none"):
        random_split(dataset_of([0] * 2, ["anna"] * 2), in_domain_fraction=0, seed=0)


def test_a_domain_that_has_no_examples_cannot_be_held_out():
    dataset = dataset_of([0] * 4, ["a", "b", "c", "d"]).subset([0, 1, 2])
    with pytest.raises(DataError, match="no examples of the held-out domain 'd'"):
        split(dataset, ["d"], in_domain_fraction=0, seed=0)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(SettingsError, match=f"at least 0 and below 1, but is {fraction}"):
        random_split(dataset_of([0] * 4, [0, 1, 2, 3]), in_domain_fraction=fraction, seed=0)


def test_a_label_of_one_domain_only_is_warned_of_with_what_it_may_do():
    dataset = dataset_of(["a", "a", "odd", "a"], [0, 1, 1, 2])
    with pytest.warns(DataWarning, match=r"seen in one domain only: label 'odd'.*tell such a label by its domain"):
        check_dataset(dataset)


@pytest.mark.parametrize("shape", [(2, 48), (48, 7)])
def test_a_thin_grey_image_may_be_a_signal(shape):
    dataset = DomainDataset.from_arrays(np.zeros((4, *shape)), [0, 1, 0, 1], [0, 0, 1, 1], name="thin")
    with pytest.warns(DataWarning, match=rf"inputs of shape \({shape[0]}, {shape[1]}\) .* signals=\.\.\. instead"):
        check_dataset(dataset)


@pytest.mark.parametrize(("shape", "signals"), [((2, 48), True), ((8, 8), False), ((5, 5), False), ((3, 9, 2), False)])
def test_signals_and_images_of_other_shapes_are_not_asked_about(shape, signals):
    inputs = np.zeros((4, *shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_dataset(DomainDataset.from_arrays(inputs, [0, 1, 0, 1], [0, 0, 1, 1], name="plain", signals=signals))


def test_a_held_out_label_never_trained_on_is_warned_of_and_counted():
    dataset = dataset_of(["a", "a", "odd", "a", "a"], [0, 1, 2, 2, 0])
    parts = split(dataset, ["2"], in_domain_fraction=0, seed=0)
    with pytest.warns(DataWarning, match=r"with '2' held out: label 'odd'\. Its 1 of 2 held-out examples can only"):
        check_split(dataset, parts)


def test_sound_data_raises_no_warning():
    dataset = dataset_of(["a", "b"] * 6, np.repeat([0, 1, 2], 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_dataset(dataset)
        check_split(dataset, split(dataset, ["1"], in_domain_fraction=0.5, seed=0))


@given(st.lists(names, min_size=2, max_size=40, unique=True), st.data())
def test_folds_hold_every_domain_out_once_and_are_of_nearly_equal_size(domains, data):
    n_folds = data.draw(st.integers(2, len(domains)))
    groups = held_out_folds(domains, str(n_folds))
    sizes = [len(group) for group in groups]
    assert len(groups) == n_folds
    assert max(sizes) - min(sizes) <= 1
    assert sorted(name for group in groups for name in group) == sorted(domains)
    assert groups == held_out_folds(domains, str(n_folds))


@given(st.lists(names, min_size=1, unique=True))
def test_each_holds_out_one_domain_at_a_time(domains):
    assert held_out_folds(domains, "each") == [(name,) for name in domains]


@pytest.mark.parametrize(
    ("domains", "protocol", "groups"),
    [
        (["a", "b", "c"], "b", [("b",)]),
        (["a", "b", "c"], "c, a", [("a", "c")]),
        (["Smith, J.", "b"], "Smith, J.", [("Smith, J.",)]),
        (["Smith, J.", "b"], '"Smith, J.",b', [("Smith, J.", "b")]),
        (["0", "15", "30"], "15", [("15",)]),
        (["1", "2", "3", "4"], "2,", [("2",)]),
        (["each", "b"], "each,", [("each",)]),
    ],
)
def test_names_with_commas_between_are_one_group_in_the_datasets_order(domains, protocol, groups):
    assert held_out_folds(domains, protocol) == groups


def test_a_number_of_folds_goes_before_a_domain_of_that_name():
    domains = [str(n) for n in range(8)]
    with pytest.warns(
        DataWarning, match="'5' is taken as a number of folds; to hold out the domain of that name, write '5,'"
    ):
        assert len(held_out_folds(domains, "5")) == 5
    assert held_out_folds(domains, "5,") == [("5",)]


def test_digits_too_many_for_any_number_are_a_name_and_no_traceback():
    with pytest.raises(DataError, match=r"unknown domain '999.*; there are 'a', 'b', 'c'"):
        held_out_folds(["a", "b", "c"], "9" * 5000)
    assert held_out_folds(["a", "b", "9" * 5000], "9" * 5000) == [("9" * 5000,)]


@pytest.mark.parametrize(("share", "count"), [("25%", 2), ("50%", 4), ("12.5%", 1), ("90%", 7)])
def test_a_share_of_the_domains_is_drawn_the_same_every_time(share, count):
    domains = [f"writer {n}" for n in range(8)]
    (fold,) = held_out_folds(domains, share)
    assert len(fold) == len(set(fold)) == count
    assert held_out_folds(domains, share) == [fold]
    assert list(fold) == sorted(fold)


@pytest.mark.parametrize("share", ["0%", "100%", "5%", "nan%", "some%", "%", "inf%", "-10%"])
def test_a_share_of_none_or_all_domains_is_refused(share):
    with pytest.raises(SettingsError, match=f"cannot hold out '{share}' of 8 domains: that is none or all of them"):
        held_out_folds([f"writer {n}" for n in range(8)], share)


def test_validation_folds_are_of_the_domains_that_are_left():
    domains = ["a", "b", "c", "d", "e"]
    assert validation_folds(domains, ["b", "d"]) == [("a",), ("c",), ("e",)]
    folds = validation_folds(domains, ["b"], "2")
    assert sorted(name for fold in folds for name in fold) == ["a", "c", "d", "e"]
    with pytest.raises(DataError, match="unknown domain 'z'"):
        validation_folds(domains, ["z"])


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_outside_its_range_is_refused(seed):
    with pytest.raises(SettingsError, match=f"a seed is a whole number from 0 to 4294967295, not {seed}"):
        random_split(dataset_of([0, 0, 1, 1], ["x", "y", "x", "y"]), in_domain_fraction=0.5, seed=seed)


def test_a_dataset_stands_for_its_domain_names():
    assert held_out_folds(dataset_of([0, 0], ["x", "y"]), "each") == [("x",), ("y",)]


@pytest.mark.parametrize(
    ("protocol", "error", "message"),
    [
        ("anne", DataError, "unknown domain 'anne'; did you mean 'anna'?"),
        ("anna,anna", DataError, "named twice"),
        ("7", SettingsError, "cannot hold out '7': .* number of folds it must be from 2 to 3"),
        ("1", SettingsError, "cannot hold out '1'"),
        (" ", SettingsError, "nothing to hold out in ' '"),
    ],
)
def test_protocols_that_mean_nothing_are_refused(protocol, error, message):
    with pytest.raises(error, match=message):
        held_out_folds(["anna", "otto", "zoe"], protocol)


def test_up_to_ten_domains_are_held_out_each_and_more_in_five_folds():
    assert [default_protocol(["x"] * n) for n in (3, 10, 11)] == ["each", "each", "5"]
