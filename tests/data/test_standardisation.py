import json

import pytest
import torch

from crossgrad.data.standardisation import Standardisation


@pytest.mark.parametrize("shape", [(50, 3), (50, 3, 4, 5), (50, 3, 7)])
def test_training_inputs_come_to_mean_zero_and_std_one_per_feature_or_channel(shape):
    inputs = torch.randn(shape) * torch.tensor([1.0, 10, 100]).view(-1, *[1] * (len(shape) - 2)) + 5
    standard = Standardisation.fit(inputs)
    applied = standard.apply(inputs)
    others = [axis for axis in range(len(shape)) if axis != 1]
    assert standard.mean.shape == standard.std.shape == (3,)
    torch.testing.assert_close(applied.mean(others), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(applied.std(others, correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_a_constant_feature_keeps_its_scale_even_where_rounding_blurs_it():
    inputs = torch.full((1000, 1), 0.1)
    standard = Standardisation.fit(inputs)
    assert standard.std.tolist() == [1]
    torch.testing.assert_close(standard.apply(inputs), torch.zeros(1000, 1))


def test_the_identity_changes_nothing():
    inputs = torch.rand(3, 2, 4, 4)
    assert torch.equal(Standardisation.identity().apply(inputs), inputs)


def test_a_standardisation_comes_back_from_json_to_the_bit():
    standard = Standardisation.fit(torch.randn(20, 4))
    again = Standardisation.from_json(json.loads(json.dumps(standard.to_json())))
    assert torch.equal(again.mean, standard.mean)
    assert torch.equal(again.std, standard.std)


def test_inputs_keep_their_precision():
    assert Standardisation.identity().apply(torch.ones(2, 2, dtype=torch.float64)).dtype == torch.float64
