"""Tests of networks as plain data: they compute what Keras computes, and hostile ones do no harm."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lecture_utils.grading import networks, values
from lecture_utils.grading.inside import _MAX_WORDS, export
from lecture_utils.grading.judging import WrongAnswer

X = np.random.default_rng(0).uniform(0, 1, (300, 6, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def keras() -> Any:
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    import keras

    return keras


def built(keras: Any, *layers: Any) -> Any:
    """Return a network with weights that are not those of the start."""
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
    rng = np.random.default_rng(1)
    for weight in model.weights:
        drawn = rng.normal(0, 0.7, weight.shape)
        weight.assign(np.abs(drawn) + 0.1 if "variance" in weight.path else drawn)
    return model


def crossed(model: Any) -> Any:
    """Return what is left of a network behind the border."""
    return values.loads(values.dumps(export(model)))


def assert_same(model: Any) -> None:
    expected = model.predict(X, verbose=0)
    given = networks.predict(crossed(model), X)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", sorted(networks._activations()))
def test_every_allowed_activation_computes_what_keras_computes(keras: Any, activation: str) -> None:
    dense = keras.layers.Dense
    assert_same(built(keras, keras.layers.Flatten(), dense(7, activation=activation), dense(4)))
    own_layer = keras.layers.Activation(activation)
    assert_same(built(keras, keras.layers.Flatten(), dense(4), own_layer))


LAYERS: dict[str, Callable[[Any], list[Any]]] = {
    "linear": lambda layers: [layers.Flatten(), layers.Dense(3)],
    "without bias": lambda layers: [layers.Flatten(), layers.Dense(3, use_bias=False, activation="tanh")],
    "rescaled": lambda layers: [layers.Rescaling(2.5, -0.5), layers.Flatten(), layers.Dense(3)],
    "dense before flatten": lambda layers: [
        layers.Dense(4, activation="relu"),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "dropout": lambda layers: [
        layers.GaussianNoise(0.5),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(3),
    ],
    "batch normalization": lambda layers: [
        layers.Flatten(),
        layers.Dense(8),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dense(3),
    ],
    "batch normalization without scale and center": lambda layers: [
        layers.BatchNormalization(scale=False, epsilon=0.1),
        layers.Flatten(),
        layers.BatchNormalization(axis=1, center=False),
        layers.Dense(3),
    ],
    "leaky": lambda layers: [
        layers.Flatten(),
        layers.Dense(8),
        layers.LeakyReLU(),
        layers.Dense(8),
        layers.LeakyReLU(negative_slope=0.05),
        layers.Dense(8, activation="leaky_relu"),
        layers.Dense(8),
        layers.ReLU(negative_slope=0.4),
        layers.Dense(3),
    ],
    "activation as layer": lambda layers: [
        layers.Flatten(),
        layers.Dense(8, activation=layers.LeakyReLU(negative_slope=0.15)),
        layers.Dense(3),
        layers.Softmax(),
    ],
    "random shifts": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.RandomTranslation(0.3, 0.3),
        layers.RandomRotation(0.1),
        layers.Flatten(),
        layers.Dense(3),
    ],
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_layer_computes_what_keras_computes(keras: Any, name: str) -> None:
    assert_same(built(keras, *LAYERS[name](keras.layers)))


def test_nested_networks_are_read_in_order(keras: Any) -> None:
    inner = keras.Sequential([keras.Input((30,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(4)])
    assert_same(built(keras, keras.layers.Flatten(), inner, keras.layers.Dense(3)))


def test_functional_networks_in_a_row_are_read_as_sequential_ones(keras: Any) -> None:
    inputs = keras.Input(X.shape[1:])
    hidden = keras.layers.Dense(5, "relu")(keras.layers.Flatten()(inputs))
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh")])
    assert_same(keras.Model(inputs, keras.layers.Dense(3)(inner(hidden))))


def test_networks_that_are_not_in_a_row_are_refused(keras: Any) -> None:
    inputs = keras.Input((4,))
    square, last = keras.layers.Dense(4, "relu"), keras.layers.Dense(3)

    class Twice(keras.Sequential):
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(super().call(inputs))

    for model in (
        keras.Model(inputs, last(square(square(inputs)))),
        keras.Model(inputs, [square(inputs), last(square(inputs))]),
        keras.Model(inputs, [last(inputs), square(inputs)]),
        Twice([keras.Input((4,)), square]),
    ):
        with pytest.raises(ValueError, match="must stand in one row"):
            export(model)
    with pytest.raises(ValueError, match="a layer of the kind Add"):
        export(keras.Model(inputs, last(keras.layers.Add()([square(inputs), inputs]))))


def test_a_trained_network_computes_what_keras_computes(keras: Any) -> None:
    model = built(
        keras,
        keras.layers.Flatten(),
        keras.layers.Dense(16, "gelu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(2, "softmax"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, (X.mean(axis=(1, 2)) > 0.5).astype(int), epochs=3, verbose=0)
    assert_same(model)


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_counted_as_keras_counts_them(keras: Any, name: str) -> None:
    model = built(keras, *LAYERS[name](keras.layers))
    random = sum(
        int(np.prod(weight.shape))
        for layer in model.layers
        if type(layer).__name__.startswith(("Random", "Dropout", "Gaussian"))
        for weight in layer.weights
    )
    assert networks.parameters(crossed(model)) == model.count_params() - random


def test_no_number_that_is_sent_along_goes_uncounted(keras: Any) -> None:
    layers = export(built(keras, keras.layers.Flatten(), keras.layers.Dense(3)))
    layers[0]["more"] = np.zeros((10, 10))
    assert networks.parameters(layers) == 30 * 3 + 3 + 100


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda layers: layers.Conv1D(3, 2), "Conv1D"),
        (lambda layers: layers.LayerNormalization(), "LayerNormalization"),
        (lambda layers: layers.ReLU(max_value=6), "ReLU"),
        (lambda layers: layers.ReLU(threshold=0.1), "ReLU"),
        (lambda layers: layers.Softmax(axis=1), "Softmax"),
        (lambda layers: layers.BatchNormalization(axis=1), "BatchNormalization"),
        (lambda layers: layers.Lambda(lambda z: z), "Lambda"),
    ],
)
def test_what_cannot_be_computed_outside_is_said_inside(
    keras: Any, make: Callable[[Any], Any], kind: str
) -> None:
    with pytest.raises(
        ValueError, match=rf"a layer of the kind {kind}, .* is not allowed here; use Input"
    ) as caught:
        export(built(keras, make(keras.layers), keras.layers.Flatten(), keras.layers.Dense(3)))
    assert len(str(caught.value)) <= _MAX_WORDS  # else the end is cut off


@pytest.mark.parametrize("answer", [None, "model", [], 3])
def test_what_is_no_model_is_said_inside(answer: Any) -> None:
    with pytest.raises(TypeError, match="a Keras model was expected, not a"):
        export(answer)


def test_own_functions_as_activation_are_not_believed(keras: Any) -> None:
    model = built(keras, keras.layers.Flatten(), keras.layers.Dense(3, activation=lambda z: z * 2))
    with pytest.raises(WrongAnswer, match="an activation that is not allowed: '<lambda>'"):
        networks.predict(crossed(model), X)


def dense(kernel: Any, **more: Any) -> dict[str, Any]:
    return {"layer": "dense", "kernel": kernel, "bias": None, "activation": "linear", **more}


FLAT = {"layer": "flatten"}
GOOD = dense(np.ones((30, 10), np.float32))
ZERO = np.zeros((30, 0), np.float32)
HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a text": "network",
    "a dict": {"layer": "flatten"},
    "a list of texts": ["flatten"],
    "a layer without kind": [FLAT, {}],
    "a kind that is no text": [FLAT, {"layer": ["dense"]}],
    "an unknown kind": [FLAT, {"layer": "lambda", "code": "print(1)"}],
    "too many layers": [FLAT] * 61 + [GOOD],
    "a kernel that is a list": [FLAT, dense([[1.0] * 10] * 30)],
    "a kernel that is missing": [FLAT, {"layer": "dense", "activation": "linear"}],
    "a kernel of whole numbers": [FLAT, dense(np.ones((30, 10), np.int64))],
    "a kernel of complex numbers": [FLAT, dense(np.ones((30, 10), np.complex64))],
    "a kernel of another shape": [FLAT, dense(np.ones((31, 10), np.float32))],
    "a kernel of three dimensions": [FLAT, dense(np.ones((30, 10, 1), np.float32))],
    "a bias of another shape": [FLAT, dense(np.ones((30, 10), np.float32), bias=np.ones(9, np.float32))],
    "a bias that is true": [FLAT, dense(np.ones((30, 10), np.float32), bias=True)],
    "an activation that is no text": [FLAT, dense(np.ones((30, 10), np.float32), activation=["relu"])],
    "an unknown activation": [FLAT, dense(np.ones((30, 10), np.float32), activation="__import__")],
    "no activation": [FLAT, {"layer": "activation"}],
    "no units": [FLAT, dense(ZERO), {"layer": "activation", "activation": "softmax"}],
    "a very wide layer": [
        FLAT,
        dense(np.ones((30, 1), np.float32)),
        dense(np.ones((1, 300_000), np.float32)),
    ],
    "a wide layer on every row": [dense(np.ones((5, 1000), np.float32)), FLAT],
    "a slope that is a text": [FLAT, {"layer": "leaky_relu", "slope": "0.1"}],
    "a scale that is an array": [{"layer": "rescaling", "scale": np.ones(10**6), "offset": 0.0}],
    "a scale that is true": [{"layer": "rescaling", "scale": True, "offset": 0.0}],
    "a shape that does not fit": [{"layer": "reshape", "shape": [7, 5]}, FLAT, GOOD],
    "a shape below zero": [{"layer": "reshape", "shape": [-6, -5]}, FLAT, GOOD],
    "a shape that is true": [{"layer": "reshape", "shape": [True, 30]}, FLAT, GOOD],
    "a shape that is a number": [{"layer": "reshape", "shape": 30}, FLAT, GOOD],
    "a shape of many dimensions": [{"layer": "reshape", "shape": [1] * 80 + [30]}, FLAT, GOOD],
    "statistics of another shape": [
        FLAT,
        {"layer": "batchnorm", "mean": np.ones(3), "variance": np.ones(3), "epsilon": 0.1},
    ],
    "no statistics": [FLAT, {"layer": "batchnorm", "epsilon": 0.1}],
    "an epsilon that is a text": [
        FLAT,
        {"layer": "batchnorm", "mean": np.ones(30), "variance": np.ones(30), "epsilon": "0"},
    ],
    "no layers": [],
    "no flattening": [dense(np.ones((5, 10), np.float32))],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_networks_are_wrong_answers_and_nothing_else(name: str) -> None:
    with contextlib.suppress(WrongAnswer):
        networks.parameters(HOSTILE[name])
    with pytest.raises(WrongAnswer) as caught:
        networks.predict(HOSTILE[name], X)
    assert 0 < len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_numbers_out_of_all_bounds_give_nan_or_infinity_and_no_error() -> None:
    huge = np.full((30, 10), 1e300)
    nan = np.full(10, np.nan, np.float32)
    for name in networks._activations():
        for layer in (
            dense(huge, activation=name),
            dense(-huge, activation=name),
            dense(huge, bias=nan, activation=name),
        ):
            assert networks.predict([FLAT, layer], X).shape == (300, 10)
    negative = {"layer": "batchnorm", "mean": nan, "variance": -np.ones(10), "epsilon": float("inf")}
    far = {"layer": "rescaling", "scale": float("inf"), "offset": 1e308}
    assert not np.isfinite(networks.predict([far, FLAT, GOOD, negative], X)).any()


def test_memory_stays_small_however_many_examples() -> None:
    import tracemalloc

    layers = [FLAT, dense(np.ones((30, 4000), np.float32)), dense(np.ones((4000, 10), np.float32))]
    x = np.ones((20_000, 6, 5), np.float32)
    tracemalloc.start()
    try:
        assert networks.predict(layers, x).shape == (20_000, 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6


def test_a_wide_layer_is_refused_before_it_takes_the_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(WrongAnswer, match="300,000 units"):
            networks.predict(HOSTILE["a very wide layer"], X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6


def test_the_last_examples_are_not_lost() -> None:
    layers = [FLAT, GOOD]
    whole = networks.predict(layers, X)
    for count in (1, 255, 256, 257):
        np.testing.assert_allclose(networks.predict(layers, X[:count]), whole[:count], rtol=1e-6)


def test_the_module_says_nothing_of_keras() -> None:
    """It runs outside the sandbox, where no code that loads models belongs."""
    import inspect

    code = re.sub(r'""".*?"""', "", inspect.getsource(networks), flags=re.DOTALL)
    assert "keras" not in code
    assert "tensorflow" not in code


def test_layers_that_are_wide_in_all_are_refused() -> None:
    wide = dense(np.ones((30, 4096), np.float32))
    gelu = {"layer": "activation", "activation": "gelu"}
    assert networks.predict([FLAT, wide, gelu, gelu], X).shape == (300, 4096)
    with pytest.raises(WrongAnswer, match="more than 20,000 numbers"):
        networks.predict([FLAT, wide, *[gelu] * 54], X)


def test_a_kind_that_is_an_array_is_a_wrong_answer() -> None:
    with pytest.raises(WrongAnswer, match="without a name"):
        networks.predict([{"layer": np.ones(3)}], X)
