"""Training helpers: a quiet start, repeatable runs, one bar per fit, honest histories."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lecture_utils import training
from lecture_utils.errors import LectureError

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("float32")


def small_model() -> Any:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


def weights_after(seed: int) -> np.ndarray:
    training.set_seeds(seed)
    model = small_model()
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    return np.concatenate([array.ravel() for array in model.get_weights()])


def test_tensorflow_starts_and_trains_without_a_word_on_standard_error() -> None:
    code = (
        "from lecture_utils import training\n"
        "training.set_seeds(0)\n"
        "import keras, numpy as np\n"
        "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
        "model.compile(optimizer='sgd', loss='mse')\n"
        "model.fit(np.ones((8, 3)), np.ones(8), verbose=0, callbacks=[training.progress('small')])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


def test_what_native_code_wrote_is_shown_if_the_start_fails(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    def start() -> None:
        with training._stderr_held_back():
            os.write(2, b"no such instruction")
            raise OSError("it does not start")

    with pytest.raises(OSError, match="does not start"):
        start()
    assert "no such instruction" in capfd.readouterr().err


def test_without_tensorflow_there_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_quiet_in_process", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(LectureError, match="tensorflow is missing in this Python; `make lab` installs"):
        training.quiet_tensorflow()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first = weights_after(1)
    assert np.array_equal(first, weights_after(1))
    assert not np.allclose(first, weights_after(2))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_an_impossible_seed_is_named(seed: int) -> None:
    with pytest.raises(LectureError, match=f"not {seed}"):
        training.set_seeds(seed)


def test_progress_leaves_one_line_and_counts_and_times_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    model = small_model()
    bar = training.progress("three epochs")
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[bar])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines()[-1].split("\r")[-1].startswith("three epochs: 3 epochs in ")
    assert "loss" in printed.out
    assert "mae" in printed.out
    assert bar.epochs == 3
    assert 0 < bar.seconds < 60
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[bar])
    assert bar.epochs == 1, "a second fit is counted anew"
    assert "1 epoch in" in capsys.readouterr().out


HISTORY = {"loss": [3.0, 1.0, 2.0], "accuracy": [0.1, 0.5, 0.9]}


def test_the_best_epoch_is_the_smallest_loss_or_the_largest_accuracy() -> None:
    assert training.best_epoch(HISTORY, "loss") == 2
    assert training.best_epoch(HISTORY, "accuracy") == 3


def test_a_keras_history_and_a_dictionary_are_read_alike() -> None:
    history = small_model().fit(X, Y, epochs=2, verbose=0)
    assert training.curves(history) == training.curves(history.history)
    assert {type(value) for value in training.curves(history)["loss"]} == {float}


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_an_empty_history_is_named(history: dict) -> None:
    with pytest.raises(LectureError, match="history is empty"):
        training.curves(history)


def test_a_missing_metric_is_named_with_those_that_are_there() -> None:
    with pytest.raises(LectureError, match="no 'val_loss', only loss, accuracy"):
        training.best_epoch(HISTORY)
