import hashlib
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from crossgrad.building import (
    build_method,
    known,
    method_fields,
    method_name,
    parse_field,
    source_digest,
    trunk_factory,
)
from crossgrad.errors import SettingsError
from crossgrad.methods import METHODS, CrossGrad, Method
from crossgrad.nets import NETS, HeadedNet

OWN = """
from torch import nn

class Trunk(nn.Sequential):
    HIDDEN = (7, 5)
    def __init__(self, input_shape):
        super().__init__(nn.Flatten(), nn.Linear(input_shape[0], 6), nn.Tanh())

def plain(input_shape):
    return nn.Flatten()

NOT_CALLABLE = 3
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_trunks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_trunks", raising=False)
    return "own_trunks"


def build(method: str, *, net: str = "mlp", seed: int = 0, **options) -> Method:
    arguments = {"input_shape": (5,), "n_labels": 3, "n_domains": 4, "fields": {}, **options}
    return build_method(method, net=net, seed=seed, **arguments)


def label_net(method: Method) -> HeadedNet:
    net = method.label_net
    assert isinstance(net, HeadedNet)
    return net


def test_methods_with_one_seed_start_from_the_same_label_net_and_with_another_from_another() -> None:
    expected = label_net(build("erm")).state_dict()
    for name in METHODS:
        torch.testing.assert_close(label_net(build(name)).state_dict(), expected, rtol=0, atol=0)
        other = label_net(build(name, seed=1)).state_dict()
        assert not torch.equal(other["output.weight"], expected["output.weight"])


def test_building_leaves_torchs_generator_as_it_was_and_does_not_depend_on_it() -> None:
    expected = build("crossgrad").state_dict()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    torch.testing.assert_close(build("crossgrad").state_dict(), expected, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_built_with_every_net(method: str, net: str) -> None:
    input_shape = (8, 20) if net == "conv1d" else (1, 8, 20)
    built = build(method, net=net, input_shape=input_shape)
    assert built(torch.zeros(2, *input_shape)).shape == (2, 3)


def test_a_conditioned_label_net_takes_the_domain_features() -> None:
    built = build("crossgrad", fields={"condition": True})
    assert isinstance(built, CrossGrad)
    plain = label_net(build("crossgrad")).hidden[0]
    wide = label_net(built).hidden[0]
    assert isinstance(plain, nn.Linear)
    assert isinstance(wide, nn.Linear)
    assert wide.in_features - plain.in_features == built.domain_net.output.in_features
    assert built(torch.zeros(2, 5)).shape == (2, 3)


def test_a_narrower_domain_net_leaves_the_label_net_as_it_is() -> None:
    images = {"net": "lenet", "input_shape": (1, 16, 16), "fields": {"condition": True}}
    both, narrower = build("crossgrad", **images), build("crossgrad", **images, domain_net="lenet/4")
    assert isinstance(narrower, CrossGrad)
    torch.testing.assert_close(label_net(narrower).state_dict(), label_net(both).state_dict(), rtol=0, atol=0)
    widths = [m.out_channels for m in narrower.domain_net.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [8, 16, 32]
    assert [layer.out_features for layer in narrower.domain_net.hidden] == [256, 128]
    assert narrower(torch.zeros(2, 1, 16, 16)).shape == (2, 3)


def test_a_domain_net_of_another_architecture_gives_its_own_number_of_features() -> None:
    built = build("crossgrad", net="lenet", domain_net="conv2", input_shape=(1, 16, 16), fields={"condition": True})
    assert isinstance(built, CrossGrad)
    assert built.domain_net.output.in_features == 84
    assert built(torch.zeros(2, 1, 16, 16)).shape == (2, 3)


@pytest.mark.parametrize("net", ["lenet", "resnet", "conv2", "keyword"])
def test_a_net_with_its_channels_divided_has_that_much_less_of_them(net: str) -> None:
    def channels(name: str) -> list[int]:
        trunk = trunk_factory(name)((1, 40, 98))
        return [m.out_channels for m in trunk.modules() if isinstance(m, nn.Conv2d)]

    assert channels(f"{net}/2") == [n // 2 for n in channels(net)]


def test_dropout_reaches_every_net() -> None:
    built = build("crossgrad", dropout=0.3)
    assert isinstance(built, CrossGrad)
    assert (label_net(built).dropout.p, built.domain_net.dropout.p) == (0.3, 0.3)


def test_fields_reach_the_method_and_unnamed_ones_keep_their_defaults() -> None:
    built = build("crossgrad", fields={"label_weight": 0.25})
    assert isinstance(built, CrossGrad)
    assert (built.label_weight, built.domain_weight) == (0.25, method_fields("crossgrad")["domain_weight"])


def test_the_papers_name_of_domain_adversarial_training_is_known() -> None:
    assert method_name("dan") == "dann"
    assert type(build("dan")) is METHODS["dann"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "crosgrad"}, "no method 'crosgrad'; did you mean 'crossgrad'"),
        ({"method": "zzz"}, "no method 'zzz'; there are 'erm', "),
        ({"net": "lenett"}, "no net 'lenett'; did you mean 'lenet'"),
        ({"fields": {"label_wieght": 0.5}}, "no field of crossgrad 'label_wieght'; did you mean 'label_weight'"),
        ({"fields": {"label_weight": 1.5}}, r"label_weight is a share in \[0, 1\], not 1.5"),
        ({"fields": {"condition": "false"}}, "crossgrad.condition is true or false, not 'false'"),
        ({"fields": {"condition": 1}}, "crossgrad.condition is true or false, not 1"),
        ({"fields": {"label_weight": "0.5"}}, "crossgrad.label_weight is a number, not '0.5'"),
        ({"fields": {"label_weight": True}}, "crossgrad.label_weight is a number, not True"),
        ({"fields": {"clip": "0.1"}}, "crossgrad.clip is a number or none, not '0.1'"),
        ({"method": "mtae", "fields": {"fine_tune": "no"}}, "mtae.fine_tune is true or false, not 'no'"),
        ({"dropout": 1.0}, r"dropout is a probability in \[0, 1\), not 1.0"),
        ({"net": "lenet/x"}, "'lenet/x' is no net: those of convolutions are made narrower by a number, as in lenet/4"),
        ({"net": "mlp/2"}, "'mlp/2' is no net"),
        ({"net": "lenet/0", "input_shape": (1, 8, 8)}, "32 channels are divided by 1 to 32, not by 0"),
        ({"net": "lenet/33", "input_shape": (1, 8, 8)}, "32 channels are divided by 1 to 32, not by 33"),
        ({"domain_net": "lenett"}, "no net 'lenett'; did you mean 'lenet'"),
        ({"net": "no.such:thing"}, "no trunk at 'no.such:thing': No module named"),
        ({"net": "own_trunks:Missing"}, "no trunk at 'own_trunks:Missing': .*no attribute 'Missing'"),
        ({"net": ":Trunk"}, "no trunk at ':Trunk': Empty module name. Give package.module:factory"),
        ({"net": "own_trunks:NOT_CALLABLE"}, "'own_trunks:NOT_CALLABLE' is a int, not a factory"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_named_with_the_nearest_name(
    own_module: str, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        build(**{"method": "crossgrad", **wrong})


def test_ones_own_trunk_by_import_path_says_which_hidden_layers_it_wants(own_module: str) -> None:
    net = label_net(build("erm", net=f"{own_module}:Trunk"))
    assert [layer.out_features for layer in net.hidden] == [7, 5]
    assert label_net(build("erm", net=f"{own_module}:plain")).output.in_features == 128
    assert trunk_factory("lenet") is NETS["lenet"]


def test_known_names_pass() -> None:
    assert known("net", "mlp", list(NETS)) == "mlp"


@pytest.mark.parametrize(
    ("method", "field", "text", "value"),
    [
        ("crossgrad", "label_weight", " 0.25 ", 0.25),
        ("crossgrad", "clip", "None", None),
        ("crossgrad", "clip", "1e-1", 0.1),
        ("crossgrad", "condition", "True", True),
        ("crossgrad", "condition", "false", False),
        ("crossgrad", "norm", "l2", "l2"),
        ("crossgrad", "label_gradient_step", "2", 2.0),
        ("crossgrad", "label_gradient_step", "calibrated:0.1", "calibrated:0.1"),
        ("dann", "reversal", "0", 0.0),
    ],
)
def test_a_fields_text_is_read_by_the_type_that_its_method_declares(
    method: str, field: str, text: str, value: object
) -> None:
    found = parse_field(method, field, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("method", "field", "text", "message"),
    [
        ("crossgrad", "condition", "1", "crossgrad.condition is true or false, not '1'"),
        ("crossgrad", "label_weight", "half", "crossgrad.label_weight is a number, not 'half'"),
        ("dann", "reversal", "none", "dann.reversal is a number, not 'none'"),
        ("erm", "label_weight", "0.5", "no field of erm 'label_weight'"),
    ],
)
def test_text_that_is_not_of_a_fields_type_is_refused(method: str, field: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_field(method, field, text)


def test_a_factory_with_no_file_of_its_own_is_of_its_module_as_that_was_when_it_was_imported(own_module: str) -> None:
    file = Path(trunk_factory(f"{own_module}:plain").__code__.co_filename)  # type: ignore[attr-defined]
    file.write_text(f"{OWN}\nfrom functools import partial\nnamed = partial(plain)")
    assert source_digest(f"{own_module}:plain") == hashlib.sha256(OWN.encode()).hexdigest()[:16]
    del sys.modules[own_module]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    assert source_digest(f"{own_module}:named") == source_digest(f"{own_module}:plain") == digest


def test_a_factory_that_cannot_be_hashed_is_taken(own_module: str, tmp_path: Path) -> None:
    with (tmp_path / "own_trunks.py").open("a") as file:
        file.write(
            "\nimport dataclasses\n\n@dataclasses.dataclass\nclass Factory:\n    width: int\n\n"
            "    def __call__(self, input_shape):\n        return nn.Linear(input_shape[0], self.width)\n\n"
            "four = Factory(4)\n"
        )
    assert build("erm", net=f"{own_module}:four")(torch.zeros(2, 5)).shape == (2, 3)
    content = (tmp_path / "own_trunks.py").read_bytes()
    assert source_digest(f"{own_module}:four") == hashlib.sha256(content).hexdigest()[:16]
