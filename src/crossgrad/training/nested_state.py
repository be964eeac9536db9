"""The nested states of a training's parts, as JSON and as tensors by name; nothing that is read can run."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor


def separate(state: Any, path: str = "state") -> tuple[Any, dict[str, Tensor]]:
    """Part a nested state into JSON and tensors.

    Args:
        state: dicts (keys are text or whole numbers), lists, tuples, tensors, None, booleans, numbers and text.
        path: what its tensors' names begin with.

    Returns:
        JSON, in which {"dict": [[key, value], ...]}, {"tuple": [...]}, {"float": "inf"} and {"tensor": name} stand for
        what JSON does not have; and the tensors by name, as they are: no copies.

    Raises:
        TypeError: something else is in it; names where.

    Example:
        >>> separate({0: (1.5, None)})
        ({'dict': [[0, {'tuple': [1.5, None]}]]}, {})
    """
    tensors: dict[str, Tensor] = {}
    return _separate(state, path, tensors), tensors


def join(found: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The state that `separate` parted.

    Raises:
        LookupError, TypeError, ValueError: it is no such state.

    Example:
        >>> join(*separate({"running": [float("inf")], 0: (1.5, None)}))
        {'running': [inf], 0: (1.5, None)}
    """
    if isinstance(found, list):
        return [join(value, tensors) for value in found]
    if not isinstance(found, dict):
        return found
    ((kind, value),) = found.items()
    if kind == "dict":
        return {_key(key, "a state"): join(each, tensors) for key, each in value}
    if kind == "tuple":
        return tuple(join(each, tensors) for each in value)
    if kind == "float":
        return float(value)
    if kind == "tensor":
        return tensors[value]
    raise ValueError(f"no state has a {kind!r}")


def _key(key: Any, path: str) -> int | str:
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise TypeError(f"{path} has a key that is neither text nor a whole number: {key!r}")
    return key


def _separate(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        if path in tensors:
            raise TypeError(f"two tensors are called {path}")
        tensors[path] = value.detach()
        return {"tensor": path}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {"dict": [[_key(key, path), _separate(each, f"{path}/{key}", tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        values = [_separate(each, f"{path}/{place}", tensors) for place, each in enumerate(value)]
        return {"tuple": values} if isinstance(value, tuple) else values
    raise TypeError(f"{path} is a {type(value).__name__}, which no checkpoint can hold")
