"""What the hidden tests call, inside the sandbox: take the inputs, hand out what the student's code gives.

Nothing here is secret, and nothing here decides. A student who replaces these functions can hand out values
of their own, which are compared with the right ones like any others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lecture_utils.grading import values

MIME = "application/vnd.lecture.answer+json"
GIVEN = "LECTURE_GIVEN"  # names the file with the inputs
_MAX_WORDS = 300


_setup: dict[str, Any] = {}


def begin(space: dict[str, Any]) -> None:
    """Begin a task: give it the names of the setup as they were, whatever an answer before it did to them.

    Parameters
    ----------
    space : dict
        The names of the notebook. At the first call, which comes right after the setup, they are noted.
    """
    if _setup:
        space.update(_setup)
    else:
        _setup.update({name: value for name, value in space.items() if not name.startswith("_")})


def test(code: str, space: dict[str, Any]) -> None:
    """Run a task's hidden test beside the student's names, so that neither overwrites the other's.

    Parameters
    ----------
    code : str
        The hidden test.
    space : dict
        The names of the notebook, after the answer cells of the task were run.
    """
    names = {**space, **_setup, "given": given, "emit": emit}
    exec(compile(code, "<hidden test>", "exec"), names)


def given(task: str) -> dict[str, Any]:
    """Return fresh copies of the inputs that a task's hidden test works on.

    Parameters
    ----------
    task : str
        The task's name.

    Returns
    -------
    dict of str to value
        Arrays may be written to.
    """
    everything = values.loads(Path(os.environ[GIVEN]).read_text(encoding="utf-8"))
    return values.copied(everything[task])


def emit(task: str, key: str, compute: Callable[[], Any]) -> None:
    """Compute one value with the student's code, and hand it out of the sandbox.

    Parameters
    ----------
    task : str
        The task's name.
    key : str
        What this value is called among those of the task. Each key may be handed out once.
    compute : callable without arguments
        Where it raises, that is handed out instead, and the values that follow still have their chance.
    """
    from IPython.display import publish_display_data

    answer: dict[str, Any] = {"task": task, "key": key}
    try:
        answer["value"] = values.encode(compute())
    except values.NotPlain as error:
        answer["failed"] = f"the answer cannot be used: {error}"
    except Exception as error:  # whatever the student's code raises
        answer["failed"] = _raised(error)
        answer["unanswered"] = isinstance(error, NotImplementedError)
    publish_display_data({MIME: answer})


def _raised(error: Exception) -> str:
    words = " ".join(
        str(error).encode("utf-8", "replace").decode().split()
    )  # half a character cannot be sent
    words = words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 3] + "..."
    return f"the code raised {type(error).__name__}" + (f": {words}" if words else "")


def export(model: Any) -> list[dict[str, Any]]:
    """Return a trained Keras model as plain data: its layers in order, with their weights.

    It can then be counted and judged on secret data without any of the student's code.

    Parameters
    ----------
    model : keras.Sequential, or a functional keras.Model
        Layers one after the other, of the kinds that :mod:`lecture_utils.grading.networks` knows. What does
        nothing after the training, such as dropout and random shifts, is left out.

    Returns
    -------
    list of dict
        For :func:`lecture_utils.grading.networks.predict`.

    Raises
    ------
    ValueError
        A layer of another kind, or with a setting that is not known there, or layers that do not stand in
        one row.
    TypeError
        It is no model.
    """
    if not hasattr(model, "layers"):
        raise TypeError(f"a Keras model was expected, not a {type(model).__name__}: is a return missing?")
    kind = type(model).__name__
    if kind not in ("Sequential", "Functional") or (kind == "Functional" and not _in_a_row(model)):
        raise ValueError("the layers of the network must stand in one row: use keras.Sequential")
    result: list[dict[str, Any]] = []
    for layer in model.layers:
        result.extend(_exported(layer))
    return result


def _in_a_row(model: Any) -> bool:
    """Say whether the layers of a functional model follow each other, each used once, to one output."""
    steps = [step for depth in model._nodes_by_depth.values() for step in depth]
    alone = all(len(depth) == 1 for depth in model._nodes_by_depth.values())
    return alone and len(steps) == len(model.layers) and len(model.inputs) == len(model.outputs) == 1


_ONLY_IN_TRAINING = {
    *("InputLayer", "Dropout", "AlphaDropout", "SpatialDropout1D", "SpatialDropout2D"),
    *("GaussianNoise", "GaussianDropout", "ActivityRegularization"),
    *("RandomTranslation", "RandomRotation", "RandomZoom", "RandomShear", "RandomFlip"),
    *("RandomBrightness", "RandomContrast", "RandomErasing"),
}


def _exported(layer: Any) -> list[dict[str, Any]]:
    """Return one layer as plain data: none, one or several entries."""
    kind = type(layer).__name__
    if kind in _ONLY_IN_TRAINING:
        return []
    if kind in ("Sequential", "Functional"):
        return export(layer)
    if kind == "Flatten" and _last(layer):
        return [{"layer": "flatten"}]
    if kind == "Reshape" and -1 not in layer.target_shape:
        return [{"layer": "reshape", "shape": [int(size) for size in layer.target_shape]}]
    if kind == "Rescaling":
        return [{"layer": "rescaling", "scale": float(layer.scale), "offset": float(layer.offset)}]
    if kind == "Dense":
        return _with_kernel({"layer": "dense"}, layer)
    if kind == "Conv2D" and layer.groups == 1 and set(layer.dilation_rate) == {1} and _last(layer):
        strides = [int(step) for step in layer.strides]
        return _with_kernel({"layer": "conv2d", "strides": strides, "padding": layer.padding}, layer)
    if kind in ("MaxPooling2D", "AveragePooling2D") and _last(layer):
        pairs = {"pool": layer.pool_size, "strides": layer.strides}
        pooling = {name: [int(size) for size in pair] for name, pair in pairs.items()}
        name = "maxpool2d" if kind.startswith("Max") else "averagepool2d"
        return [{"layer": name, "padding": layer.padding, **pooling}]
    if kind in ("GlobalMaxPooling2D", "GlobalAveragePooling2D") and _last(layer):
        name = "globalmax2d" if kind.startswith("GlobalMax") else "globalaverage2d"
        return [{"layer": name, "keepdims": bool(layer.keepdims)}]
    if kind == "Activation":
        return [{"layer": "activation", "activation": _activation(layer.activation)}]
    if kind == "Softmax" and layer.axis in (-1, [-1]):
        return [{"layer": "activation", "activation": "softmax"}]
    if kind == "ReLU" and not layer.threshold and layer.max_value is None:
        return [{"layer": "leaky_relu", "slope": float(layer.negative_slope)}]
    if kind == "LeakyReLU":
        return [{"layer": "leaky_relu", "slope": float(layer.negative_slope)}]
    if kind == "BatchNormalization" and layer.axis in (-1, layer.input_spec.ndim - 1):
        names = {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "variance": "moving_variance"}
        weights_of = {name: _plain(getattr(layer, attribute)) for name, attribute in names.items()}
        return [{"layer": "batchnorm", "epsilon": float(layer.epsilon), **weights_of}]
    if kind in ("GlobalMaxPooling1D", "GlobalAveragePooling1D") and _last(layer):
        name = "globalmax1d" if kind.startswith("GlobalMax") else "globalaverage1d"
        return [{"layer": name, "keepdims": bool(layer.keepdims)}]
    if kind == "Embedding":
        mask_zero = bool(layer.mask_zero)
        return [{"layer": "embedding", "embeddings": _plain(layer.embeddings), "mask_zero": mask_zero}]
    if kind == "Masking":
        return [{"layer": "masking", "value": float(layer.mask_value)}]
    if kind in _RECURRENT and _reads(layer, backwards=False):
        return [_recurrence(layer)]
    if kind == "Bidirectional" and layer.merge_mode is not None:
        there, back = layer.forward_layer, layer.backward_layer
        if _reads(there, backwards=False) and _reads(back, backwards=True):
            both = {"forward": _recurrence(there), "backward": _recurrence(back)}
            return [{"layer": "bidirectional", "merge": str(layer.merge_mode), **both}]
    raise ValueError(
        f"a layer of the kind {kind}, or with these settings, is not allowed here; use Input, Rescaling, "
        "Reshape, Flatten, Dense, Conv2D, pooling, Embedding, Masking, SimpleRNN, GRU, LSTM, Bidirectional, "
        "Activation, ReLU, LeakyReLU, Softmax, BatchNormalization, dropout, noise, random shifts"
    )


_RECURRENT = {"SimpleRNN": "simple_rnn", "GRU": "gru", "LSTM": "lstm"}


def _reads(layer: Any, backwards: bool) -> bool:
    """Say whether a layer is recurrent, reads in this direction, and starts from zero each time."""
    return (
        type(layer).__name__ in _RECURRENT
        and bool(layer.go_backwards) == backwards
        and not (layer.stateful or layer.return_state)
        and (bool(layer.return_sequences) or not layer.zero_output_for_mask)
    )


def _recurrence(layer: Any) -> dict[str, Any]:
    """Return a recurrent layer as plain data."""
    cell, kind = layer.cell, type(layer).__name__
    entry = {
        "layer": _RECURRENT[kind],
        "kernel": _plain(cell.kernel),
        "recurrent": _plain(cell.recurrent_kernel),
        "bias": _plain(cell.bias),
        "activation": _activation(cell.activation),
        "sequences": bool(layer.return_sequences),
        "zeros": bool(layer.zero_output_for_mask),
    }
    if kind != "SimpleRNN":
        entry["recurrent_activation"] = _activation(cell.recurrent_activation)
    if kind == "GRU":
        entry["reset_after"] = bool(cell.reset_after)
    return entry


def _last(layer: Any) -> bool:
    """Say whether a layer takes images with the channels last."""
    return bool(layer.data_format == "channels_last")


def _with_kernel(entry: dict[str, Any], layer: Any) -> list[dict[str, Any]]:
    """Return a layer that multiplies by a kernel, adds a bias, and activates."""
    weights = [_plain(weight) for weight in (layer.kernel, layer.bias)]
    entry |= {"kernel": weights[0], "bias": weights[1], "activation": "linear"}
    if hasattr(layer.activation, "call"):  # a layer in the place of a function
        return [entry, *_exported(layer.activation)]
    return [entry | {"activation": _activation(layer.activation)}]


def _plain(weight: Any) -> Any:
    return None if weight is None else weight.numpy()


def _activation(function: Any) -> str:
    return str(getattr(function, "__name__", function))
