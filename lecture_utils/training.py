"""Training helpers: a quiet start, seeds, a progress bar for ``fit``, and what one asks of a history."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lecture_utils.errors import LectureError

if TYPE_CHECKING:
    import keras

_quiet_in_process: int | None = None


@contextlib.contextmanager
def _stderr_held_back() -> Iterator[None]:
    """Send what native code writes to standard error to a file; print it only if the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            if failed:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))


def quiet_tensorflow() -> None:
    """Start TensorFlow without its start-up messages.

    TensorFlow writes a page of notes about the processor to standard error when it is imported and when
    it runs its first operation, at any log level. This function lets both happen while standard error
    is held back. Python warnings and exceptions are shown as always; if TensorFlow does not start,
    everything it wrote is shown.

    Raises
    ------
    LectureError
        TensorFlow is not installed.
    """
    global _quiet_in_process
    if _quiet_in_process == os.getpid():
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _stderr_held_back():
            import tensorflow as tf

            tf.constant(0.0) + tf.constant(0.0)
            import keras  # noqa: F401
    except ModuleNotFoundError as error:
        raise LectureError(
            f"the package {error.name} is missing in this Python; `make lab` installs the packages "
            "in .venv and starts JupyterLab with them."
        ) from error
    _quiet_in_process = os.getpid()


def set_seeds(seed: int, deterministic: bool = True) -> None:
    """Seed Python, NumPy and TensorFlow, so that a run can be repeated.

    Parameters
    ----------
    seed : int
        Any whole number from 0 to 2**32 - 1. Another seed is another draw of the initial weights and of
        the order of the batches; a result that holds for one seed only is not a result.
    deterministic : bool
        Ask TensorFlow for operations that give the same bits each time. On a processor the cost is small.

    Notes
    -----
    Runs repeat on the same machine with the same packages. Another processor may round differently.
    """
    if not 0 <= seed < 2**32:
        raise LectureError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed}.")
    quiet_tensorflow()
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def progress(label: str = "training") -> Any:
    """Return a Keras callback that shows one progress bar for the whole of ``fit`` and times it.

    Use it with ``verbose=0``: ``model.fit(..., verbose=0, callbacks=[progress("64-64")])``. While training
    runs, the bar counts epochs and shows the newest metrics; afterwards one line is left that says how
    many epochs were trained, in what time, and with what result.

    Parameters
    ----------
    label : str
        What is being trained, for the bar and for the line.

    Returns
    -------
    keras.callbacks.Callback
        With two attributes to read after training: ``seconds`` (float, wall-clock time inside ``fit``)
        and ``epochs`` (int, epochs that were completed).
    """
    quiet_tensorflow()
    import keras
    from tqdm import tqdm

    class Progress(keras.callbacks.Callback):
        """One bar for one call of ``fit``."""

        def __init__(self) -> None:
            super().__init__()
            self.seconds = 0.0
            self.epochs = 0
            self._logs: dict[str, float] = {}

        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            self.epochs = 0
            self._logs = {}
            self._start = time.perf_counter()
            # Standard output: in a notebook, standard error looks like a fault.
            self._bar = tqdm(
                total=self.params.get("epochs"),
                desc=label,
                unit="epoch",
                file=sys.stdout,
                leave=False,
                ncols=100,
            )

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.epochs += 1
            self._logs = dict(logs or {})
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in self._logs.items()}, refresh=False)
            self._bar.update()

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            self.seconds = time.perf_counter() - self._start
            self._bar.close()
            unit = "epoch" if self.epochs == 1 else "epochs"
            results = ", ".join(f"{name} {value:.3f}" for name, value in self._logs.items())
            print(f"{label}: {self.epochs} {unit} in {self.seconds:.1f} s, {results}")

    return Progress()


def curves(history: keras.callbacks.History | Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return a history as a plain dictionary, one list per metric, one value per epoch.

    Parameters
    ----------
    history : keras.callbacks.History or mapping
        What ``fit`` returned, or a dictionary of the same shape from a loop of one's own.

    Returns
    -------
    dict of str to list of float

    Raises
    ------
    LectureError
        The history is empty: nothing was trained.
    """
    values = getattr(history, "history", history)
    result = {name: [float(value) for value in series] for name, series in values.items()}
    if not any(result.values()):
        raise LectureError("the history is empty: call fit with at least one epoch first.")
    return result


def best_epoch(
    history: keras.callbacks.History | Mapping[str, Sequence[float]], metric: str = "val_loss"
) -> int:
    """Return the epoch (counted from 1) in which a metric was best.

    Parameters
    ----------
    history : keras.callbacks.History or mapping
        What ``fit`` returned.
    metric : str
        A loss is best where it is smallest, every other metric where it is largest.

    Raises
    ------
    LectureError
        The history does not hold that metric; the message lists those it holds.
    """
    values = curves(history)
    if metric not in values:
        raise LectureError(
            f"the history holds no {metric!r}, only {', '.join(values)}. Was validation_data given?"
        )
    series = values[metric]
    pick = min if metric.endswith("loss") else max
    return series.index(pick(series)) + 1
