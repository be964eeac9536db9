"""The own split of a benchmark: shares, and that the parts are disjoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data import DomainDataset, held_out_folds, left_out_domains, random_domain_split, split
from crossgrad.data.held_out import default_protocol
from crossgrad.errors import DataError, SettingsError


def names(n: int) -> list[str]:
    return [f"writer {i}" for i in range(n)]


def dataset_with_split(n: int = 8) -> DomainDataset:
    labels, domains = [0, 1] * (3 * n), [name for name in names(n) for _ in range(6)]
    dataset = DomainDataset.from_arrays([[float(i)] for i in range(6 * n)], labels, domains, name="split")
    own = random_domain_split(dataset.domain_names, validation=0.25, test=0.25)
    return DomainDataset(
        dataset.inputs, dataset.labels, dataset.domains, dataset.label_names, dataset.domain_names, "split",
        domain_split=own,
    )  # fmt: skip


@given(st.integers(8, 200), st.floats(0.05, 0.3), st.floats(0.05, 0.3), st.integers(0, 99))
def test_parts_are_disjoint_ordered_and_of_the_size_asked_for(
    n: int, validation: float, test: float, seed: int
) -> None:
    found = random_domain_split(names(n), validation=validation, test=test, seed=seed)
    assert not set(found.validation) & set(found.test)
    assert len(found.validation) == max(1, round(validation * n))
    assert len(found.test) == max(1, round(test * n))
    assert list(found.test) == [name for name in names(n) if name in found.test]
    assert found == random_domain_split(names(n), validation=validation, test=test, seed=seed)


def test_109_fonts_are_71_11_and_27() -> None:
    found = random_domain_split(names(109), validation=0.10, test=0.25)
    assert (len(found.validation), len(found.test)) == (11, 27)


def test_another_seed_draws_others_and_no_validation_is_none() -> None:
    assert random_domain_split(names(50), validation=0.1, test=0.2, seed=1) != random_domain_split(
        names(50), validation=0.1, test=0.2
    )
    assert random_domain_split(names(5), validation=0, test=0.2).validation == ()


def test_too_few_domains_are_refused_with_their_numbers() -> None:
    with pytest.raises(SettingsError, match="of 3 domains, 1 would validate and 1 test"):
        random_domain_split(names(3), validation=0.1, test=0.25)


def test_the_own_split_is_the_default_protocol_and_leaves_validation_out() -> None:
    dataset = dataset_with_split()
    assert dataset.domain_split is not None
    assert default_protocol(dataset) == "protocol"
    assert held_out_folds(dataset, "protocol") == [dataset.domain_split.test]
    assert left_out_domains(dataset, "protocol") == dataset.domain_split.validation
    assert left_out_domains(dataset, "each") == ()


def test_data_without_a_split_of_its_own_is_told_so() -> None:
    dataset = DomainDataset.from_arrays([[0.0]] * 3, [0, 1, 0], ["a", "b", "c"], name="plain")
    with pytest.raises(SettingsError, match="this data has none"):
        held_out_folds(dataset, "protocol")


def test_left_out_domains_are_in_no_part_of_a_split() -> None:
    dataset = dataset_with_split()
    own = dataset.domain_split
    assert own is not None
    parts = split(dataset, own.test, in_domain_fraction=0.3, seed=0, left_out=own.validation)
    seen = {dataset.domain_names[d] for part in (parts.train, parts.in_domain) for d in dataset.domains[part].tolist()}
    assert seen == set(dataset.domain_names) - set(own.test) - set(own.validation)
    assert {dataset.domain_names[d] for d in dataset.domains[parts.out_of_domain].tolist()} == set(own.test)
    whole = split(dataset, own.test, in_domain_fraction=0.3, seed=0)
    assert set(parts.train.tolist()) < set(whole.train.tolist())


def test_a_domain_cannot_be_held_out_and_left_out() -> None:
    with pytest.raises(DataError, match="held out and left out at once: 'writer 1'"):
        split(dataset_with_split(), ["writer 1"], in_domain_fraction=0.2, seed=0, left_out=["writer 1", "writer 2"])
