"""From names to a method with its nets: what the command line, the engine and a saved model have in common."""

import functools
import hashlib
import importlib
import inspect
import math
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from crossgrad.data.naming import choices
from crossgrad.errors import SettingsError
from crossgrad.global_state import generators_alone
from crossgrad.methods import METHODS, Method
from crossgrad.nets import NETS, headed
from crossgrad.nets.heads import n_features
from crossgrad.nets.pretrained import is_pretrained, portable, pretrained, weights_digest
from crossgrad.parsing import check_argument, keyword_defaults, parse_argument

ALIASES = {"dan": "dann"}
"""The paper writes DAN for domain-adversarial training."""

DEFAULT_HIDDEN = (256, 128)
"""Hidden layers on a trunk that does not say which it wants (an attribute HIDDEN)."""


def known(kind: str, name: Any, names: Sequence[str]) -> str:
    """The name itself, or an error that names the nearest one.

    Example:
        >>> known("method", "crosgrad", ["erm", "crossgrad"])
        Traceback (most recent call last):
        crossgrad.errors.SettingsError: no method 'crosgrad'; did you mean 'crossgrad'? There are 'erm', 'crossgrad'
    """
    if isinstance(name, str) and name in names:
        return name
    raise SettingsError(f"no {kind} {name!r}{choices(str(name), names)}")


def method_name(name: str) -> str:
    """A method's name in METHODS, through its alias if it has one.

    Raises:
        SettingsError: unknown; the nearest name is given.
    """
    return known("method", ALIASES.get(name, name), list(METHODS))


def check_takes_unlabelled(method: str) -> None:
    """Refuse to train a method on unlabelled inputs that can learn nothing from them.

    Raises:
        SettingsError: names those that can.
    """
    takers = [name for name, each in METHODS.items() if each.TAKES_UNLABELLED]
    if method not in takers:
        raise SettingsError(
            f"{method} has no net that tells domains, so unlabelled inputs can teach it nothing; those that have one "
            f"are {', '.join(takers)}"
        )


def method_fields(method: str) -> dict[str, Any]:
    """The fields of a method (its keyword arguments) and their defaults.

    Example:
        >>> method_fields("dann")
        {'reversal': 1.0, 'schedule_rate': 10.0}
    """
    return keyword_defaults(METHODS[method].__init__)


def net_roles(method: str) -> list[str]:
    """The nets that a method takes: its arguments before its fields.

    Example:
        >>> net_roles("crossgrad")
        ['label_net', 'domain_net']
    """
    parameters = inspect.signature(METHODS[method].__init__).parameters.values()
    return [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "self"]


def parse_field(method: str, field: str, text: str) -> Any:
    """Read a field's value from text by the type that the method declares for it.

    Raises:
        SettingsError: no such field, or the text is not of its type.

    Example:
        >>> parse_field("crossgrad", "condition", "true"), parse_field("crossgrad", "clip", "none")
        (True, None)
        >>> parse_field("crossgrad", "label_weight", "0.25"), parse_field("crossgrad", "norm", "l2")
        (0.25, 'l2')
    """
    known(f"field of {method}", field, list(method_fields(method)))
    return parse_argument(METHODS[method].__init__, field, text, what=f"{method}.{field}")


def trunk_factory(net: str) -> Callable[[Sequence[int]], nn.Module]:
    """The factory of a trunk by its name in NETS, or by import path "package.module:factory".

    "lenet/4" is lenet with a quarter of the channels; "transformers:FOLDER" is a trained encoder, as
    `nets.pretrained` says.

    Raises:
        SettingsError: unknown name, a divisor where none is taken, or nothing callable at that path.
    """
    if is_pretrained(net):
        return partial(pretrained, net=net)
    if ":" not in net:
        name, slash, divisor = net.partition("/")
        named = NETS[known("net", name, list(NETS))]
        if not slash:
            return named
        if not divisor.isdecimal() or "divisor" not in inspect.signature(named).parameters:
            raise SettingsError(
                f"{net!r} is no net: those of convolutions are made narrower by a number, as in lenet/4"
            )
        return partial(named, divisor=int(divisor))  # type: ignore[call-arg]
    module_name, _, attribute = net.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise SettingsError(
            f"no trunk at {net!r}: {error}. Give package.module:factory, importable from here"
        ) from error
    if not callable(factory):
        raise SettingsError(
            f"{net!r} is a {type(factory).__name__}, not a factory: it is called with the input's shape"
        )
    _digest_of(sys.modules[module_name], attribute)  # before anybody changes the file
    return typing.cast("Callable[[Sequence[int]], nn.Module]", factory)


def _make_trunk(net: str, factory: Callable[[Sequence[int]], nn.Module], input_shape: Sequence[int]) -> nn.Module:
    """A trunk that takes such inputs; what goes wrong in somebody's own factory is told as theirs."""
    if ":" not in net:
        return factory(input_shape)
    try:
        trunk: Any = factory(input_shape)
        if not isinstance(trunk, nn.Module):
            raise TypeError(f"it made a {type(trunk).__name__}, not an nn.Module")
        n_features(trunk, input_shape)
    except Exception as error:
        raise SettingsError(f"net {net!r} fails for inputs of shape {tuple(input_shape)}: {error}") from error
    return trunk


def _hidden_widths(factory: Callable[[Sequence[int]], nn.Module]) -> Sequence[int]:
    widths: Sequence[int] = getattr(getattr(factory, "func", factory), "HIDDEN", DEFAULT_HIDDEN)
    return widths


def source_digest(net: str) -> str:
    """A hash of the files that one's own or a trained trunk comes from, "" for NETS: other files are another net."""
    if is_pretrained(net):
        return weights_digest(net)
    if ":" not in net:
        return ""
    trunk_factory(net)  # imports it
    module_name, _, attribute = net.partition(":")
    return _digest_of(sys.modules[module_name], attribute)


@functools.lru_cache
def _digest_of(module: ModuleType, attribute: str) -> str:
    """Taken once, as the code is: what is written into the file later is not what this process trains."""
    try:
        file = inspect.getsourcefile(getattr(module, attribute))
    except TypeError:  # an object that can be called, such as a partial, has no file of its own
        file = inspect.getsourcefile(module)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""


def is_own(net: str) -> bool:
    """Whether building a net imports code that its name chooses."""
    return ":" in net and not is_pretrained(net)


def without_folders(building: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `build_method` that build the same nets on another machine, weights aside."""
    nets = {role: portable(building[role]) for role in ("net", "domain_net") if building.get(role)}
    return {**building, **nets}


def build_method(
    method: str,
    *,
    net: str,
    input_shape: Sequence[int],
    n_labels: int,
    n_domains: int,
    fields: Mapping[str, Any],
    domain_net: str | None = None,
    dropout: float = 0.0,
    seed: int = 0,
) -> Method:
    """Build a method with freshly initialised nets; the same seed gives every method the same label net.

    A method's arguments before its fields say which nets it takes: `label_net`, `domain_net`, `domain_head` (from the
    label net's last hidden layer to domains). A method whose field `condition` is set gets a label net that takes the
    domain net's features too.

    Args:
        method: name in METHODS.
        net: name in NETS, such as "lenet", or "lenet/4" for a quarter of its channels; or the import path of a
            trunk's factory; or "transformers:FOLDER" for a trained encoder, of which each net gets a copy.
        input_shape: of one input.
        n_labels: labels.
        n_domains: training domains.
        fields: of the method; those not named keep their defaults.
        domain_net: likewise, the trunk of `domain_net`; None for that of the label net.
        dropout: before the logits of every net, in [0, 1).
        seed: of the initial weights; torch's global generator is left as it was.

    Raises:
        SettingsError: an unknown name or field, or a value out of range.

    Example:
        >>> method = build_method(
        ...     "crossgrad", net="lenet", input_shape=(1, 16, 16), n_labels=10, n_domains=5, fields={"condition": True}
        ... )
        >>> method(torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 10])
    """
    method = method_name(method)
    for field, value in fields.items():
        known(f"field of {method}", field, list(method_fields(method)))
        check_argument(METHODS[method].__init__, field, value, what=f"{method}.{field}")
    if not 0 <= dropout < 1:
        raise SettingsError(f"dropout is a probability in [0, 1), not {dropout!r}")
    of_domains = domain_net or net
    width = _hidden_widths(trunk_factory(net))[-1]
    n_domain_features = _hidden_widths(trunk_factory(of_domains))[-1] if fields.get("condition") else 0

    def headed_net(net: str, n_classes: int, n_domain_features: int = 0) -> nn.Module:
        factory = trunk_factory(net)
        return headed(
            _make_trunk(net, factory, input_shape),
            input_shape=input_shape,
            n_classes=n_classes,
            hidden=_hidden_widths(factory),
            n_domain_features=n_domain_features,
            dropout=dropout,
        )

    makers: dict[str, Callable[[], nn.Module]] = {
        "label_net": lambda: headed_net(net, n_labels, n_domain_features),
        "domain_net": lambda: headed_net(of_domains, n_domains),
        "domain_head": lambda: nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_domains)),
        "decoders": lambda: nn.Linear(width, n_domains * math.prod(input_shape)),
    }
    roles = net_roles(method)
    with generators_alone(torch.device("cpu"), seed=seed):
        nets = [makers[role]() for role in roles]
        built = METHODS[method](*nets, **fields)
    # Inputs are float32, whatever the caller has torch make where no type is named.
    return built if torch.get_default_dtype() == torch.float32 else built.float()
