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
    words = " ".join(str(error).split())
    words = words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 3] + "..."
    return f"the code raised {type(error).__name__}" + (f": {words}" if words else "")


def export(model: Any) -> list[dict[str, Any]]:
    """Return a trained Keras model as plain data: its layers in order, with their weights.

    It can then be counted and judged on secret data without any of the student's code.

    Parameters
    ----------
    model : keras.Sequential
        Of the layers that :mod:`lecture_utils.grading.networks` knows.

    Returns
    -------
    list of dict
        For :func:`lecture_utils.grading.networks.predict`.

    Raises
    ------
    ValueError
        A layer of another kind.
    """
    result: list[dict[str, Any]] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("InputLayer", "Dropout", "GaussianNoise", "GaussianDropout", "SpatialDropout2D"):
            continue  # nothing at inference
        if kind == "Flatten":
            result.append({"layer": "flatten"})
        elif kind == "Rescaling":
            result.append({"layer": "rescaling", "scale": float(layer.scale), "offset": float(layer.offset)})
        elif kind == "Dense":
            kernel, *bias = layer.get_weights()
            result.append(
                {
                    "layer": "dense",
                    "kernel": kernel,
                    "bias": bias[0] if bias else None,
                    "activation": _activation(layer.activation),
                }
            )
        elif kind in ("Activation", "ReLU", "Softmax"):
            name = _activation(layer.activation) if kind == "Activation" else kind.lower()
            result.append({"layer": "activation", "activation": name})
        elif kind == "BatchNormalization":
            scale = layer.gamma.numpy() if layer.gamma is not None else None
            shift = layer.beta.numpy() if layer.beta is not None else None
            result.append(
                {
                    "layer": "batchnorm",
                    "gamma": scale,
                    "beta": shift,
                    "mean": layer.moving_mean.numpy(),
                    "variance": layer.moving_variance.numpy(),
                    "epsilon": float(layer.epsilon),
                }
            )
        else:
            raise ValueError(
                f"a layer of the kind {kind} is not allowed here; use Input, Rescaling, Flatten, Dense, "
                "Activation, Dropout, BatchNormalization"
            )
    return result


def _activation(function: Any) -> str:
    return str(getattr(function, "__name__", function))
