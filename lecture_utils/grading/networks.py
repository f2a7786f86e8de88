"""Judge a network from its weights alone, in NumPy: no model is loaded, no code of a student runs.

Dense networks, convolutional ones on images of shape (height, width, channels), and recurrent ones on
sequences of symbols, (steps,), or of vectors, (steps, features). Shapes and sizes are worked out for one
example before anything is computed: what would take too much time or memory is refused. What these limits
let pass and is slow all the same is stopped after :data:`MAX_SECONDS`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lecture_utils.grading.judging import Failed, WrongAnswer

if TYPE_CHECKING:
    import numpy as np

DENSE = frozenset({"flatten", "reshape", "rescaling", "dense", "activation", "leaky_relu", "batchnorm"})
"""The kinds of layer that know nothing of neighbors, for exercises where convolution comes later."""
LAYERS = DENSE | {"conv2d", "maxpool2d", "averagepool2d", "globalmax2d", "globalaverage2d"}
"""All kinds of layer for images that can be judged."""
SEQUENCES = DENSE | {"embedding", "masking", "simple_rnn", "gru", "lstm", "bidirectional"}
SEQUENCES |= {"globalmax1d", "globalaverage1d"}
"""All kinds of layer for sequences that can be judged."""

MAX_LAYERS = 200
MAX_UNITS = 4096  # of a dense layer
MAX_WIDTH = 131_072  # numbers that one layer gives for one example
MAX_WIDTHS = 400_000  # of all layers together: bounds the time, as do the next two
MAX_WORK = 30_000_000  # multiply-adds of all layers for one example
MAX_WINDOWS = 2_000_000  # numbers in all windows of all convolutions and poolings, for one example
MAX_SIDE = 64  # of a window, of the steps between windows
MAX_STEPS = 1000  # of a sequence that a recurrent layer reads
MAX_OUTPUTS = 1000  # of the network
MAX_SECONDS = 20.0  # of processor time for one call of predict; a network of the lectures takes one
_ROWS = 256  # examples at once, at most
_HELD = 2_000_000  # numbers held at once, about: bounds the memory
_AT_ONCE = 1_000_000_000  # multiply-adds between two looks at the clock
_BLOCKS = {"simple_rnn": 1, "gru": 3, "lstm": 4}  # weight matrices of the recurrent layers
_KEEP_MASK = {"rescaling", "dense", "activation", "leaky_relu", "batchnorm"}  # as the others do not


@dataclass(frozen=True)
class _Step:
    """One layer, ready to be computed, and what it costs for one example."""

    run: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]  # of its output
    work: int = 0  # multiply-adds
    windows: int = 0  # numbers that are gathered
    held: int = 0  # numbers that are held beside input and output
    read: Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray | None]] | None = None
    """In place of ``run``, for layers that know of masks: (examples, steps), true where a step is real."""
    keeps_mask: bool = False


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
    return sum(map(_count, _checked(layers)))


def _count(value: Any) -> int:
    """Return how many numbers stand in the arrays of a layer, those of layers inside it included."""
    import numpy as np

    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return value.size if isinstance(value, np.ndarray) else 0


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
        The kinds of layer that this exercise allows: :data:`LAYERS`, :data:`DENSE`, or :data:`SEQUENCES`.
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
            z, mask = x[start : start + rows], None
            for step in steps:
                if step.read is not None:
                    z, mask = step.read(z, mask)
                else:
                    z, mask = step.run(z), mask if step.keeps_mask else None
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
        steps.append(replace(step, keeps_mask=entry["layer"] in _KEEP_MASK))
    return steps


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
    if kind == "embedding" and type(entry.get("mask_zero")) is bool:
        return _embedding(entry, shape)
    if kind == "masking" and type(entry.get("value")) is float:
        return _masking(entry["value"], shape)
    if kind in _BLOCKS:
        return _recurrent(entry, shape, known)
    if kind == "bidirectional":
        return _both_ways(entry, shape, known, allowed)
    if kind in ("globalmax1d", "globalaverage1d") and type(entry.get("keepdims")) is bool:
        return _over_time(shape, kind == "globalmax1d", entry["keepdims"])
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


def _sequence(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2:
        raise WrongAnswer(
            f"a layer for sequences got an input of shape {('examples', *shape)}; it takes (examples, steps, "
            "features)"
        )
    return shape[0], shape[1]


def _embedding(entry: dict[str, Any], shape: tuple[int, ...]) -> _Step:
    """Return a layer that looks up a row for each symbol; where the symbol is 0 there may be a mask."""
    import numpy as np

    table = _weights(entry, "embeddings", (None, None))
    symbols, features = table.shape
    if features > MAX_UNITS:
        raise WrongAnswer(f"the network's embedding has {features:,} numbers for each symbol")
    table = _single(table)

    def read(z: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        if not ((z >= 0) & (z < symbols)).all():
            raise WrongAnswer(
                f"the network's embedding is for the symbols from 0 to {symbols - 1:,}; it got others"
            )
        return table[z.astype(np.int64)], z != 0 if entry["mask_zero"] else None

    return _Step(_same, (*shape, features), read=read)


def _masking(value: float, shape: tuple[int, ...]) -> _Step:
    """Return a layer that hides the steps at which all features have a certain value."""
    import numpy as np

    _sequence(shape)
    with np.errstate(all="ignore"):
        hidden = np.float32(value)

    def read(z: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        real = (z != hidden).any(axis=2)
        return z * real[:, :, np.newaxis], real

    return _Step(_same, shape, read=read)


def _recurrent(
    entry: dict[str, Any],
    shape: tuple[int, ...],
    known: dict[str, Callable[[np.ndarray], np.ndarray]],
    backwards: bool = False,
) -> _Step:
    """Return a layer that goes from step to step; at a step that is masked its state stays as it is.

    A sequence that is read backwards gives its outputs in the order of time all the same.
    """
    import numpy as np

    steps, features = _sequence(shape)
    sequences, zeros = (entry.get(name) for name in ("sequences", "zeros"))
    if type(sequences) is not bool or type(zeros) is not bool:
        raise WrongAnswer("the network has a recurrent layer without settings")
    if steps > MAX_STEPS:
        raise WrongAnswer(f"a recurrent layer of the network reads {steps:,} steps")
    blocks = _BLOCKS[entry["layer"]]
    kernel = _weights(entry, "kernel", (features, None))
    units = kernel.shape[1] // blocks
    if not 0 < units <= MAX_UNITS:  # before it takes the memory
        raise WrongAnswer(f"a layer of the network has {units:,} units")
    recurrent = _weights(entry, "recurrent", (units, blocks * units))
    if kernel.shape[1] != blocks * units:
        raise WrongAnswer("the network's kernel is not an array of the right shape")
    result = (steps, units) if sequences else (units,)
    work, gates = steps * (kernel.size + recurrent.size), steps * units * (blocks + 3)
    if work > MAX_WORK or gates > MAX_WINDOWS:  # refused by the plan: nothing to prepare
        return _Step(_same, result, work, gates)
    cell, inputs, bias = _cell(entry, _single(recurrent), known), _single(kernel), _input_bias(entry, units)
    states = 2 if entry["layer"] == "lstm" else 1

    def read(z: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        state = [np.zeros((len(z), units), np.float32)] * states
        outputs = np.zeros((len(z), *result), np.float32)
        for step in reversed(range(steps)) if backwards else range(steps):
            after = cell(z[:, step] @ inputs + bias, *state)
            if mask is not None:
                real = mask[:, step, np.newaxis]
                after = [np.where(real, new, old) for new, old in zip(after, state, strict=True)]
            state = after
            if sequences:
                hidden = zeros and mask is not None
                outputs[:, step] = np.where(real, state[0], 0) if hidden else state[0]
        return (outputs, mask) if sequences else (state[0], None)

    return _Step(_same, result, work, gates, gates, read)


def _input_bias(entry: dict[str, Any], units: int) -> np.ndarray | float:
    """Return what is added to the inputs; where resetting comes last, there is a second row for the state."""
    width = _BLOCKS[entry["layer"]] * units
    if entry.get("bias") is None:
        return 0.0
    if entry["layer"] == "gru" and entry.get("reset_after") is True:
        return _single(_weights(entry, "bias", (2, width)))[0]
    return _single(_weights(entry, "bias", (width,)))


def _cell(
    entry: dict[str, Any], recurrent: np.ndarray, known: dict[str, Callable[[np.ndarray], np.ndarray]]
) -> Callable[..., list[np.ndarray]]:
    """Return one step of a recurrent layer: from what the inputs give, and the state, to the new state."""
    import numpy as np

    kind, units = entry["layer"], len(recurrent)
    activate = _activation(entry, known)
    if kind == "simple_rnn":
        return lambda given, h: [activate(given + h @ recurrent)]
    gate = _activation(entry, known, "recurrent_activation")
    if kind == "lstm":

        def lstm(given: np.ndarray, h: np.ndarray, c: np.ndarray) -> list[np.ndarray]:
            enter, forget, candidate, leave = np.split(given + h @ recurrent, 4, axis=1)
            c = gate(forget) * c + gate(enter) * activate(candidate)
            return [gate(leave) * activate(c), c]

        return lstm
    if type(entry.get("reset_after")) is not bool:
        raise WrongAnswer("the network has a recurrent layer without settings")
    if not entry["reset_after"]:
        gates, last = recurrent[:, : 2 * units], recurrent[:, 2 * units :]

        def gru_before(given: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
            keep, reset = np.split(given[:, : 2 * units] + h @ gates, 2, axis=1)
            keep = gate(keep)
            return [keep * h + (1 - keep) * activate(given[:, 2 * units :] + (gate(reset) * h) @ last)]

        return gru_before
    bias: np.ndarray | float = 0.0
    if entry.get("bias") is not None:
        bias = _single(_weights(entry, "bias", (2, 3 * units)))[1]

    def gru(given: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
        keep, reset, new = np.split(given, 3, axis=1)
        keep_h, reset_h, new_h = np.split(h @ recurrent + bias, 3, axis=1)
        keep = gate(keep + keep_h)
        return [keep * h + (1 - keep) * activate(new + gate(reset + reset_h) * new_h)]

    return gru


def _both_ways(
    entry: dict[str, Any],
    shape: tuple[int, ...],
    known: dict[str, Callable[[np.ndarray], np.ndarray]],
    allowed: Collection[str],
) -> _Step:
    """Return two recurrent layers, one of which reads backwards, with their outputs put together."""
    import numpy as np

    inner = [entry.get(name) for name in ("forward", "backward")]
    kinds = [layer.get("layer") if isinstance(layer, dict) else None for layer in inner]
    if not all(isinstance(kind, str) and kind in _BLOCKS and kind in allowed for kind in kinds):
        raise WrongAnswer("the network reads both ways with a layer that is not allowed")
    one, other = (_recurrent(layer, shape, known, bool(at)) for at, layer in enumerate(inner) if layer)
    merge = entry.get("merge")
    if not isinstance(merge, str) or merge not in ("concat", "sum", "mul", "ave"):
        raise WrongAnswer("the network puts the outputs of two layers together in a way that is not allowed")
    alike = one.shape[:-1] == other.shape[:-1]
    if not alike or (merge != "concat" and one.shape != other.shape):
        raise WrongAnswer("the network reads both ways with layers whose outputs do not fit")
    costs = one.work + other.work, one.windows + other.windows, one.held + other.held
    units = one.shape[-1] + other.shape[-1] if merge == "concat" else one.shape[-1]
    there, back = one.read, other.read
    result = (*one.shape[:-1], units)
    if there is None or back is None:
        return _Step(_same, result, *costs)

    def read(z: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        first, after = there(z, mask)
        second, _ = back(z, mask)
        if merge == "concat":
            return np.concatenate([first, second], axis=-1), after
        if merge == "mul":
            return first * second, after
        return (first + second) / (2 if merge == "ave" else 1), after

    return _Step(_same, result, *costs, read)


def _over_time(shape: tuple[int, ...], largest: bool, keep: bool) -> _Step:
    """Return a pooling over all steps; the average, and not the largest, leaves masked steps out."""
    import numpy as np

    _, features = _sequence(shape)

    def read(z: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        if largest:
            return z.max(axis=1, keepdims=keep), None
        if mask is None:
            return z.mean(axis=1, keepdims=keep), None
        real = mask[:, :, np.newaxis]
        sums = np.where(real, z, 0).sum(axis=1, keepdims=keep)
        return (sums / real.sum(axis=1, keepdims=keep)).astype(np.float32), None

    return _Step(_same, (1, features) if keep else (features,), read=read)


def _activation(
    entry: dict[str, Any],
    known: dict[str, Callable[[np.ndarray], np.ndarray]],
    which: str = "activation",
) -> Callable[[np.ndarray], np.ndarray]:
    name = entry.get(which)
    if not isinstance(name, str) or name not in known:
        allowed = ", ".join(known)
        found = repr(name[:40]) if isinstance(name, str) else f"a {type(name).__name__}"
        raise WrongAnswer(f"the network has an activation that is not allowed: {found}; use {allowed}")
    return known[name]
