"""Judge a network from its weights alone, in NumPy: no model is loaded, no code of a student runs.

Dense networks, and convolutional ones on images of shape (height, width, channels). Shapes and sizes are
worked out for one example before anything is computed: what would take too much time or memory is refused.
What these limits let pass and is slow all the same is stopped after :data:`MAX_SECONDS`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lecture_utils.grading.judging import Failed, WrongAnswer

if TYPE_CHECKING:
    import numpy as np

DENSE = frozenset({"flatten", "reshape", "rescaling", "dense", "activation", "leaky_relu", "batchnorm"})
"""The kinds of layer that know nothing of neighbors, for exercises where convolution comes later."""
LAYERS = DENSE | {"conv2d", "maxpool2d", "averagepool2d", "globalmax2d", "globalaverage2d"}
"""All kinds of layer that can be judged."""

MAX_LAYERS = 200
MAX_UNITS = 4096  # of a dense layer
MAX_WIDTH = 131_072  # numbers that one layer gives for one example
MAX_WIDTHS = 400_000  # of all layers together: bounds the time, as do the next two
MAX_WORK = 30_000_000  # multiply-adds of all layers for one example
MAX_WINDOWS = 2_000_000  # numbers in all windows of all convolutions and poolings, for one example
MAX_SIDE = 64  # of a window, of the steps between windows
MAX_OUTPUTS = 1000  # of the network
MAX_SECONDS = 20.0  # of processor time for one call of predict; a network of the lectures takes one
_ROWS = 256  # examples at once, at most
_HELD = 2_000_000  # numbers held at once, about: bounds the memory
_AT_ONCE = 1_000_000_000  # multiply-adds between two looks at the clock


@dataclass(frozen=True)
class _Step:
    """One layer, ready to be computed, and what it costs for one example."""

    run: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]  # of its output
    work: int = 0  # multiply-adds
    windows: int = 0  # numbers that are gathered
    held: int = 0  # numbers that are held beside input and output


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
    """Return an array of a layer as it came, of the right number of dimensions and size."""
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
    return array


def _single(array: np.ndarray) -> np.ndarray:
    import numpy as np

    with np.errstate(all="ignore"):
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


def predict(
    layers: Any, x: np.ndarray, allowed: Collection[str] = LAYERS, outputs: int | None = None
) -> np.ndarray:
    """Return the outputs of a network.

    Parameters
    ----------
    layers : list of dict
        What :func:`lecture_utils.grading.inside.export` handed out; nothing in it is trusted.
    x : array, (examples, ...)
        Inputs as the network takes them, one example or more.
    allowed : collection of str
        The kinds of layer that this exercise allows: :data:`LAYERS`, or :data:`DENSE`.
    outputs : int, optional
        How many numbers the network must give for each example; by default any number up to
        :data:`MAX_OUTPUTS`.

    Returns
    -------
    array, (examples, outputs)
        Float32; nan and infinities where the network gives them.

    Raises
    ------
    WrongAnswer
        It is no network, takes other inputs, gives another number of outputs, has a layer that is not
        allowed, is larger than the limits at the head of this module (more than twice the convolutional
        networks of the lectures), or takes longer than :data:`MAX_SECONDS`.
    """
    import numpy as np
    import threadpoolctl  # type: ignore[import-untyped]

    begin = time.thread_time()
    x = np.asarray(x, np.float32)
    steps = _plan(_checked(layers), x.shape[1:], allowed)
    shape = steps[-1].shape if steps else x.shape[1:]
    if len(shape) != 1:
        raise WrongAnswer(f"the network gives an output of shape {('examples', *shape)} for each batch")
    if outputs is not None and shape[0] != outputs:
        raise WrongAnswer(
            f"the network gives {shape[0]:,} numbers for each example; {outputs} were asked for"
        )
    if shape[0] > MAX_OUTPUTS:
        raise WrongAnswer(f"the network gives {shape[0]:,} numbers for each example")
    sizes = [math.prod(x.shape[1:]), *(math.prod(step.shape) for step in steps)]
    held = max((size + step.held for size, step in zip(sizes, steps, strict=False)), default=0) + max(sizes)
    hardest = max((step.work for step in steps), default=0)
    rows = min(_ROWS, max(1, _HELD // held), max(1, _AT_ONCE // max(hardest, 1)))
    result = np.empty((len(x), *shape), np.float32)
    one_thread = threadpoolctl.threadpool_limits(1, user_api="blas")  # several wait for each other
    with np.errstate(all="ignore"), one_thread:
        for start in range(0, len(x), rows):
            z = x[start : start + rows]
            for step in steps:
                z = step.run(z)
                if time.thread_time() - begin > MAX_SECONDS:
                    raise WrongAnswer(
                        f"the network takes too long: over {MAX_SECONDS:g} seconds for {len(x):,} examples"
                    )
            result[start : start + rows] = z
    return result


def accuracy(
    network: Any,
    x: np.ndarray,
    y: np.ndarray,
    classes: int = 10,
    budget: int | None = None,
    allowed: Collection[str] = LAYERS,
) -> float:
    """Return the share of examples for which a network gives its largest output to the right class.

    Parameters
    ----------
    network : list of dict or Failed
        What :func:`lecture_utils.grading.inside.export` handed out; nothing in it is trusted.
    x : array, (examples, ...)
        Inputs as the network takes them.
    y : array of int, (examples,)
        The right classes.
    classes : int
        How many outputs the network must have.
    budget : int, optional
        The most numbers that it may hold, see :func:`parameters`.
    allowed : collection of str
        The kinds of layer that this exercise allows.

    Raises
    ------
    WrongAnswer
        There is no network, it is over the budget, it has other outputs or gives nan, or :func:`predict`
        refuses it.
    """
    import numpy as np

    if isinstance(network, Failed):
        raise WrongAnswer(network.words)
    count = parameters(network)
    if budget is not None and count > budget:
        raise WrongAnswer(f"the network has {count:,} parameters; the budget is {budget:,}")
    outputs = predict(network, x, allowed, classes)
    if np.isnan(outputs).any():
        raise WrongAnswer("the network gives nan: has its training exploded?")
    return float(np.mean(outputs.argmax(axis=1) == y))


def require_depth(
    layers: Any, shape: tuple[int, ...], least: int, units: int, allowed: Collection[str] = LAYERS
) -> int:
    """Refuse a network that is not deep and narrow: hidden dense layers that are all needed to get through.

    What counts is how many numbers leave a layer for one example: a dense layer of 24 units on the 28 rows of
    an image gives 672.

    Parameters
    ----------
    layers : list of dict
        A network that :func:`predict` accepts.
    shape : tuple of int
        The shape of one example.
    least, units : int
        How many hidden dense layers there must be, and the most numbers that one may give.
    allowed : collection of str
        The kinds of layer that this exercise allows.

    Returns
    -------
    int
        How many hidden dense layers there are.

    Raises
    ------
    WrongAnswer
        There are fewer, one is wider, or between two dense layers nothing bends, so that they are one.
    """
    known = _activations()
    widths: list[int] = []
    bent = True
    for entry in _checked(layers):
        shape = _layer(entry, shape, known, allowed).shape
        if entry["layer"] == "dense":
            if not bent:
                raise WrongAnswer("a hidden layer has no activation, so that it adds nothing to the depth")
            widths.append(math.prod(shape))
            bent = False
        bent = bent or _bends(entry)
    *hidden, _ = widths or [0]
    if len(hidden) < least:
        raise WrongAnswer(f"the network has {len(hidden)} hidden layers; at least {least} were asked for")
    if max(hidden) > units:
        raise WrongAnswer(
            f"a hidden layer gives {max(hidden):,} numbers for each example; at most {units} were asked for"
        )
    return len(hidden)


def _bends(entry: dict[str, Any]) -> bool:
    if entry["layer"] == "leaky_relu":
        return bool(abs(entry["slope"] - 1) > 1e-3)
    return bool(entry.get("activation", "linear") != "linear")


def _plan(entries: Sequence[dict[str, Any]], shape: tuple[int, ...], allowed: Collection[str]) -> list[_Step]:
    """Return the layers as functions; refuse a network that is too large before anything is computed."""
    known = _activations()
    steps: list[_Step] = []
    work = windows = widths = 0
    for entry in entries:
        step = _layer(entry, shape, known, allowed)
        shape = step.shape
        width = math.prod(shape)
        if not 0 < width <= MAX_WIDTH:
            raise WrongAnswer(f"a layer of the network gives {width:,} numbers for each example")
        work, windows, widths = work + step.work, windows + step.windows, widths + width
        for found, most, what in (
            (widths, MAX_WIDTHS, "the layers of the network give more than {} numbers for each example"),
            (work, MAX_WORK, "the network needs more than {} multiply-adds for each example"),
            (windows, MAX_WINDOWS, "the windows of the network hold more than {} numbers for each example"),
        ):
            if found > most:
                raise WrongAnswer(what.format(f"{most:,}"))
        steps.append(step)
    return [step for step in steps if step.run is not _same]


def _same(z: np.ndarray) -> np.ndarray:
    return z


def _layer(
    entry: dict[str, Any],
    shape: tuple[int, ...],
    known: dict[str, Callable[[np.ndarray], np.ndarray]],
    allowed: Collection[str],
) -> _Step:
    """Return one layer for inputs of a shape (without the batch) that is positive."""
    import numpy as np

    kind = entry.get("layer")
    if not isinstance(kind, str):  # an array would be compared entry by entry
        raise WrongAnswer("the network has a layer without a name")
    if kind not in allowed:
        raise WrongAnswer(f"the network has a layer that is not allowed: {kind[:40]!r}")
    if kind == "flatten":
        return _Step(lambda z: z.reshape(len(z), -1), (math.prod(shape),))
    if kind == "reshape":
        wanted = _new_shape(entry, math.prod(shape))
        return _Step(lambda z: z.reshape(len(z), *wanted), wanted)
    if kind == "rescaling" and all(type(entry.get(key)) is float for key in ("scale", "offset")):
        scale, offset = entry["scale"], entry["offset"]
        return _Step(lambda z: (z * scale + offset).astype(np.float32), shape)
    if kind == "dense":
        return _dense(entry, shape, known)
    if kind == "activation":
        return _Step(_activation(entry, known), shape)
    if kind == "leaky_relu" and type(entry.get("slope")) is float:
        with np.errstate(all="ignore"):
            slope = np.float32(entry["slope"])
        return _Step(lambda z: np.where(z > 0, z, slope * z), shape)
    if kind == "batchnorm" and type(entry.get("epsilon")) is float:
        return _Step(_normalization(entry, shape[-1:]), shape)
    if kind == "conv2d":
        return _convolution(entry, shape, known)
    if kind in ("maxpool2d", "averagepool2d"):
        return _pooling(entry, shape, kind == "maxpool2d")
    if kind in ("globalmax2d", "globalaverage2d") and type(entry.get("keepdims")) is bool:
        keep = entry["keepdims"]
        _, _, channels = _image(shape)
        reduced = (1, 1, channels) if keep else (channels,)
        if kind == "globalmax2d":
            return _Step(lambda z: z.max(axis=(1, 2), keepdims=keep), reduced)
        return _Step(lambda z: z.mean(axis=(1, 2), keepdims=keep), reduced)
    raise WrongAnswer(f"the network has a layer with a setting that is not allowed: {kind!r}")


def _new_shape(entry: dict[str, Any], size: int) -> tuple[int, ...]:
    shape = entry.get("shape")
    if not isinstance(shape, list | tuple) or not 0 < len(shape) <= 4:
        raise WrongAnswer("the network has a shape that is none")
    whole = all(type(side) is int and side > 0 for side in shape)
    if not whole or math.prod(shape) != size:
        raise WrongAnswer("the network reshapes to another number of values")
    return tuple(shape)


def _dense(
    entry: dict[str, Any], shape: tuple[int, ...], known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> _Step:
    kernel = _weights(entry, "kernel", (*shape[-1:], None))
    units, places = kernel.shape[1], math.prod(shape[:-1])
    if units > MAX_UNITS:  # before it takes the memory
        raise WrongAnswer(f"a layer of the network has {units:,} units")
    return _multiplied(entry, (*shape[:-1], units), known, lambda matrix: lambda z: z @ matrix, places)


def _multiplied(
    entry: dict[str, Any],
    shape: tuple[int, ...],
    known: dict[str, Callable[[np.ndarray], np.ndarray]],
    apply: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]],
    places: int,
    windows: int = 0,
    held: int = 0,
) -> _Step:
    """Return a layer that multiplies by its kernel at so many places, adds its bias, and activates."""
    kernel, units = entry["kernel"], shape[-1]
    work = places * kernel.size
    if work > MAX_WORK or not 0 < math.prod(shape) <= MAX_WIDTH:  # refused by the plan: nothing to prepare
        return _Step(_same, shape, work)
    product = apply(_single(kernel.reshape(-1, units)))
    bias = None if entry.get("bias") is None else _single(_weights(entry, "bias", (units,)))
    activate = _activation(entry, known)

    def run(z: np.ndarray) -> np.ndarray:
        z = product(z)
        return activate(z if bias is None else z + bias)

    return _Step(run, shape, work, windows, held + math.prod(shape))


def _normalization(entry: dict[str, Any], width: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    import numpy as np

    def array(name: str, without: float | None = None) -> np.ndarray:
        if entry.get(name) is None and without is not None:
            return np.full(width, without, np.float32)
        return _single(_weights(entry, name, width))

    mean, gamma, beta = array("mean"), array("gamma", 1), array("beta", 0)
    with np.errstate(all="ignore"):
        scale = 1 / np.sqrt(array("variance") + np.float32(entry["epsilon"]))
    return lambda z: (z - mean) * scale * gamma + beta


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise WrongAnswer(
            f"a layer for images got an input of shape {('examples', *shape)}; it takes (examples, height, "
            "width, channels)"
        )
    height, width, channels = shape
    return height, width, channels


def _windows(
    entry: dict[str, Any], sides: tuple[int, int], shape: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int], list[tuple[int, int]]]:
    """Return the steps between windows, how many there are along height and width, and the padding."""
    strides, padding = _pair(entry, "strides"), entry.get("padding")
    if not isinstance(padding, str) or padding not in ("valid", "same"):
        raise WrongAnswer("the network has a padding that is neither valid nor same")
    height, width, _ = _image(shape)
    counts, margins = [], []
    for side, size, stride in zip((height, width), sides, strides, strict=True):
        if padding == "valid":
            if size > side:
                raise WrongAnswer(f"the network has a window of {size} pixels on an image of {side}")
            count, missing = (side - size) // stride + 1, 0
        else:  # as TensorFlow does it: what is odd goes to the right and to the bottom
            count = -(-side // stride)
            missing = max((count - 1) * stride + size - side, 0)
        counts.append(count)
        margins.append((missing // 2, missing - missing // 2))
    return strides, (counts[0], counts[1]), margins


def _pair(entry: dict[str, Any], name: str) -> tuple[int, int]:
    pair = entry.get(name)
    if (
        not isinstance(pair, list | tuple)
        or len(pair) != 2
        or not all(type(size) is int and 0 < size <= MAX_SIDE for size in pair)
    ):
        raise WrongAnswer(f"the network's {name} are not two whole numbers from 1 to {MAX_SIDE}")
    return pair[0], pair[1]


def _padded(z: np.ndarray, margins: list[tuple[int, int]], value: float) -> np.ndarray:
    import numpy as np

    if not any(map(any, margins)):
        return z
    return np.pad(z, [(0, 0), *margins, (0, 0)], constant_values=value)


def _convolution(
    entry: dict[str, Any], shape: tuple[int, ...], known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> _Step:
    """Return a convolution: all windows as rows of one matrix, times the filters as columns of another."""
    import numpy as np

    channels = _image(shape)[2]
    kernel = _weights(entry, "kernel", (None, None, channels, None))
    sides = (kernel.shape[0], kernel.shape[1])
    if not all(0 < side <= MAX_SIDE for side in sides):
        raise WrongAnswer(f"the network has a filter of {sides[0]:,} × {sides[1]:,} pixels")
    if kernel.shape[3] > MAX_UNITS:
        raise WrongAnswer(f"a layer of the network has {kernel.shape[3]:,} filters")
    strides, counts, margins = _windows(entry, sides, shape)
    places = math.prod(counts)

    def apply(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        def run(z: np.ndarray) -> np.ndarray:
            views = np.lib.stride_tricks.sliding_window_view(_padded(z, margins, 0), sides, (1, 2))
            views = views[:, :: strides[0], :: strides[1]]  # (batch, rows, columns, channels, *sides)
            rows = views.transpose(0, 1, 2, 4, 5, 3).reshape(len(z) * places, -1)
            return (rows @ matrix).reshape(len(z), *counts, -1)

        return run

    gathered = places * math.prod(sides) * channels
    held = gathered + _size(shape, margins)
    return _multiplied(entry, (*counts, kernel.shape[3]), known, apply, places, gathered, held)


def _size(shape: tuple[int, ...], margins: list[tuple[int, int]]) -> int:
    """Return how many numbers a padded image holds."""
    return shape[-1] * math.prod(side + sum(margin) for side, margin in zip(shape[:2], margins, strict=True))


def _pooling(entry: dict[str, Any], shape: tuple[int, ...], largest: bool) -> _Step:
    """Return a pooling: first along the height, then along the width, one pass for each place in a side."""
    import numpy as np

    sides = _pair(entry, "pool")
    strides, counts, margins = _windows(entry, sides, shape)

    def along(z: np.ndarray, axis: int, combine: Any) -> np.ndarray:
        z = z.swapaxes(1, axis)
        count, stride = counts[axis - 1], strides[axis - 1]
        parts = (z[:, at : at + (count - 1) * stride + 1 : stride] for at in range(sides[axis - 1]))
        result = next(parts).copy()
        for each in parts:
            combine(result, each, out=result)
        return result.swapaxes(1, axis)

    def over(z: np.ndarray, value: float, combine: Any) -> np.ndarray:
        return along(along(_padded(z, margins, value), 1, combine), 2, combine)

    def run(z: np.ndarray) -> np.ndarray:
        return over(z, -np.inf, np.maximum) if largest else over(z, 0, np.add) / inside

    windows = counts[0] * sides[0] * (shape[1] + sum(margins[1])) + math.prod(counts) * sides[1]
    step = _Step(run, (*counts, shape[-1]), 0, windows * shape[-1], _size(shape, margins))
    if step.windows <= MAX_WINDOWS and not largest:  # else refused by the plan
        inside = over(np.ones((1, *shape[:2], 1), np.float32), 0, np.add)  # padding does not count
    return step


def _activation(
    entry: dict[str, Any], known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> Callable[[np.ndarray], np.ndarray]:
    name = entry.get("activation")
    if not isinstance(name, str) or name not in known:
        allowed = ", ".join(known)
        found = repr(name[:40]) if isinstance(name, str) else f"a {type(name).__name__}"
        raise WrongAnswer(f"the network has an activation that is not allowed: {found}; use {allowed}")
    return known[name]
