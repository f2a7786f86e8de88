"""Judge a dense network from its weights alone, in NumPy: no model is loaded, no code of a student runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lecture_utils.grading.judging import WrongAnswer

if TYPE_CHECKING:
    import numpy as np

MAX_LAYERS = 60
MAX_WIDTH = 4096  # numbers that one layer gives for one example
MAX_WIDTHS = 20_000  # of all layers together: bounds the time
_ROWS = 256  # examples at once: bounds the memory


def _activations() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    import numpy as np
    from scipy import special

    return {
        "linear": lambda z: z,
        "relu": lambda z: np.maximum(z, 0),
        "relu6": lambda z: np.clip(z, 0, 6),
        "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
        "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        "selu": lambda z: (
            1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))
        ),
        "gelu": lambda z: z * special.ndtr(z),
        "silu": lambda z: z * special.expit(z),
        "mish": lambda z: z * np.tanh(np.logaddexp(z, 0)),
        "sigmoid": special.expit,
        "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
        "tanh": np.tanh,
        "softsign": lambda z: z / (1 + np.abs(z)),
        "softplus": lambda z: np.logaddexp(z, 0),
        "exponential": np.exp,
        "softmax": lambda z: special.softmax(z, axis=-1),
        "log_softmax": lambda z: special.log_softmax(z, axis=-1),
    }


def _weights(entry: dict[str, Any], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    import numpy as np

    array = entry.get(name)
    fits = (
        isinstance(array, np.ndarray)
        and array.dtype.kind == "f"
        and array.ndim == len(shape)
        and all(size in (None, have) for size, have in zip(shape, array.shape, strict=True))
    )
    if not fits or array is None:
        raise WrongAnswer(f"the network's {name} is not an array of the right shape")
    return array.astype(np.float32)


def parameters(layers: Any) -> int:
    """Return how many numbers a network holds, the statistics of batch normalization included.

    Parameters
    ----------
    layers : list of dict
        What :func:`lecture_utils.grading.inside.export` handed out; nothing in it is trusted.

    Raises
    ------
    WrongAnswer
        It is no network.
    """
    import numpy as np

    return sum(
        value.size for entry in _checked(layers) for value in entry.values() if isinstance(value, np.ndarray)
    )


def _checked(layers: Any) -> Sequence[dict[str, Any]]:
    if not isinstance(layers, list) or not all(isinstance(entry, dict) for entry in layers):
        raise WrongAnswer("the answer is not a network")
    if len(layers) > MAX_LAYERS:
        raise WrongAnswer(f"the network has more than {MAX_LAYERS} layers")
    return layers


def predict(layers: Any, x: np.ndarray) -> np.ndarray:
    """Return the outputs of a network.

    Parameters
    ----------
    layers : list of dict
        What :func:`lecture_utils.grading.inside.export` handed out; nothing in it is trusted.
    x : array, (examples, ...)
        Inputs as the network takes them, one example or more.

    Returns
    -------
    array, (examples, outputs)
        Float32; nan and infinities where the network gives them.

    Raises
    ------
    WrongAnswer
        It is no network, takes other inputs, or has a layer wider than ``MAX_WIDTH`` or layers wider than
        ``MAX_WIDTHS`` in all.
    """
    import numpy as np

    known, entries = _activations(), _checked(layers)
    x = np.asarray(x, np.float32)
    outputs = []
    with np.errstate(all="ignore"):
        for start in range(0, len(x), _ROWS):
            z = x[start : start + _ROWS]
            widths = 0
            for entry in entries:
                z = _layer(z, entry, known)
                width = z.size // len(z)
                if not 0 < width <= MAX_WIDTH:
                    raise WrongAnswer(f"a layer of the network gives {width:,} numbers for each example")
                widths += width
                if widths > MAX_WIDTHS:
                    raise WrongAnswer(
                        f"the layers of the network give more than {MAX_WIDTHS:,} numbers for each example"
                    )
            outputs.append(z)
    if outputs[0].ndim != 2:
        shape = ("examples", *outputs[0].shape[1:])
        raise WrongAnswer(f"the network gives an output of shape {shape} for each batch")
    return np.concatenate(outputs)


def _layer(
    z: np.ndarray, entry: dict[str, Any], known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> np.ndarray:
    import numpy as np

    kind = entry.get("layer")
    if not isinstance(kind, str):  # an array would be compared entry by entry
        raise WrongAnswer("the network has a layer without a name")
    if kind == "flatten":
        return z.reshape(len(z), -1)
    if kind == "reshape":
        shape = entry.get("shape")
        if not isinstance(shape, list | tuple) or not 0 < len(shape) <= 4:
            raise WrongAnswer("the network has a shape that is none")
        whole = all(type(size) is int and size > 0 for size in shape)
        if not whole or math.prod(shape) != z.size // len(z):
            raise WrongAnswer("the network reshapes to another number of values")
        return z.reshape(len(z), *shape)
    if kind == "rescaling" and all(type(entry.get(key)) is float for key in ("scale", "offset")):
        return (z * entry["scale"] + entry["offset"]).astype(np.float32)
    if kind == "dense":
        kernel = _weights(entry, "kernel", (z.shape[-1], None))
        if kernel.shape[1] * (z.size // z.shape[-1] // len(z)) > MAX_WIDTH:  # before it takes the memory
            raise WrongAnswer(f"a layer of the network has {kernel.shape[1]:,} units")
        z = z @ kernel
        if entry.get("bias") is not None:
            z = z + _weights(entry, "bias", (kernel.shape[1],))
        return _activate(z, entry, known)
    if kind == "activation":
        return _activate(z, entry, known)
    if kind == "leaky_relu" and type(entry.get("slope")) is float:
        return np.where(z > 0, z, np.float32(entry["slope"]) * z)
    if kind == "batchnorm" and type(entry.get("epsilon")) is float:
        width = (z.shape[-1],)
        scale = 1 / np.sqrt(_weights(entry, "variance", width) + np.float32(entry["epsilon"]))
        z = (z - _weights(entry, "mean", width)) * scale
        if entry.get("gamma") is not None:
            z = z * _weights(entry, "gamma", width)
        if entry.get("beta") is not None:
            z = z + _weights(entry, "beta", width)
        return z
    raise WrongAnswer(f"the network has a layer that is not allowed: {str(kind)[:40]!r}")


def _activate(
    z: np.ndarray, entry: dict[str, Any], known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> np.ndarray:
    name = entry.get("activation")
    if not isinstance(name, str) or name not in known:
        allowed = ", ".join(known)
        raise WrongAnswer(
            f"the network has an activation that is not allowed: {str(name)[:40]!r}; use {allowed}"
        )
    return known[name](z)
