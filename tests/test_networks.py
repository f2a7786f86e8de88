"""Tests of networks as plain data: they compute what Keras computes, and hostile ones do no harm."""

import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lecture_utils.grading import networks, values
from lecture_utils.grading.inside import _MAX_WORDS, export
from lecture_utils.grading.judging import Failed, WrongAnswer, steps

X = np.random.default_rng(0).uniform(0, 1, (300, 6, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def keras() -> Any:
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    import keras

    return keras


def built(keras: Any, *layers: Any, x: Any = X) -> Any:
    """Return a network with weights that are not those of the start."""
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    rng = np.random.default_rng(1)
    for weight in model.weights:
        drawn = rng.normal(0, 0.7, weight.shape)
        weight.assign(np.abs(drawn) + 0.1 if "variance" in weight.path else drawn)
    return model


def crossed(model: Any) -> Any:
    """Return what is left of a network behind the border."""
    return values.loads(values.dumps(export(model)))


def assert_same(model: Any, x: Any = X, allowed: Any = networks.LAYERS) -> None:
    expected = model.predict(x, verbose=0)
    given = networks.predict(crossed(model), x, allowed)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=2e-5)


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
    "convolution": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.Conv2D(5, (2, 3), use_bias=False, activation=layers.LeakyReLU(negative_slope=0.15)),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "padding of odd and even windows": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 3, padding="same"),
        layers.Conv2D(3, (2, 4), padding="same", strides=(2, 1), activation="tanh"),
        layers.Conv2D(3, 5, padding="same", strides=3),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "steps between windows": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, (3, 2), strides=(2, 3)),
        layers.Conv2D(4, 1, strides=2),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "largest of each window": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 2, padding="same"),
        layers.MaxPooling2D(2, strides=1),
        layers.MaxPooling2D((2, 3), padding="same"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "average of each window": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 2, padding="same"),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.AveragePooling2D((2, 3), strides=1),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "steps larger than the windows that are averaged": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 1),
        layers.AveragePooling2D((1, 2), strides=(2, 3), padding="same"),
        layers.AveragePooling2D((5, 4), strides=1, padding="same"),
        layers.MaxPooling2D((4, 3), strides=(1, 2), padding="same"),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "average of all pixels": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 2),
        layers.SpatialDropout2D(0.5),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    ],
    "largest of all pixels": lambda layers: [
        layers.Reshape((3, 5, 2)),
        layers.GlobalMaxPooling2D(keepdims=True),
        layers.Conv2D(3, 1),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Flatten(),
    ],
    "normalized channels": lambda layers: [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(4, 2, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dense(6, activation="softmax"),
        layers.BatchNormalization(axis=3, scale=False),
        layers.Reshape((2, 2, 30)),
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


def padded_sequences() -> Any:
    """Return sequences of symbols, with zeros after them, before them, on both sides, among them."""
    rng = np.random.default_rng(2)
    tokens = rng.integers(1, 9, (60, 7))
    for row, sequence in enumerate(tokens):
        empty = int(rng.integers(0, 7))  # at least one symbol stays
        sequence[[slice(7 - empty, 7), slice(0, empty)][row % 2]] = 0
    tokens[0] = [0, 0, 3, 4, 0, 0, 0]
    tokens[1] = [5, 0, 0, 2, 0, 7, 0]
    return tokens.astype(np.float32)


TOKENS = padded_sequences()
STEPS = np.where(TOKENS[:, :, np.newaxis] == 0, 0, X[:60, :1].repeat(7, 1) * TOKENS[:, :, np.newaxis])
STEPS = STEPS.astype(np.float32)
RECURRENT: dict[str, Callable[..., Callable[[Any], Any]]] = {
    "simple": lambda **more: lambda layers: layers.SimpleRNN(4, **more),
    "GRU": lambda **more: lambda layers: layers.GRU(4, **more),
    "GRU that resets before": lambda **more: lambda layers: layers.GRU(4, reset_after=False, **more),
    "LSTM": lambda **more: lambda layers: layers.LSTM(4, **more),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "the last state": {},
    "all states": {"return_sequences": True},
    "without bias": {"use_bias": False},
    "zeros at masked steps": {"return_sequences": True, "zero_output_for_mask": True},
    "dropout": {"dropout": 0.3, "recurrent_dropout": 0.3},
    "unrolled": {"unroll": True},
    "another activation": {"activation": "softmax"},
}


LOSES = "ignore:Layer .* was passed an input with a mask:UserWarning"


@pytest.mark.filterwarnings(LOSES)
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers_compute_what_keras_computes(
    keras: Any, kind: str, settings: str, masked: bool
) -> None:
    layers = keras.layers
    recurrent = RECURRENT[kind](**SETTINGS[settings])(layers)
    flat = [layers.Flatten()] if recurrent.return_sequences else []
    symbols = [layers.Embedding(9, 3, mask_zero=masked), recurrent, *flat, layers.Dense(2)]
    assert_same(built(keras, *symbols, x=TOKENS), TOKENS, networks.SEQUENCES)
    vectors = [*([layers.Masking()] if masked else []), type(recurrent).from_config(recurrent.get_config())]
    assert_same(built(keras, *vectors, *flat, x=STEPS), STEPS, networks.SEQUENCES)


def test_gates_have_activations_of_their_own(keras: Any) -> None:
    layers = keras.layers
    for gate in ("hard_sigmoid", "softmax"):
        for kind in ("GRU", "GRU that resets before", "LSTM"):
            recurrent = RECURRENT[kind](recurrent_activation=gate)(layers)
            assert_same(built(keras, layers.Masking(), recurrent, x=STEPS), STEPS, networks.SEQUENCES)


SEQUENCES: dict[str, Callable[[Any], list[Any]]] = {
    "stacked": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.SpatialDropout1D(0.3),
        layers.LSTM(4, return_sequences=True),
        layers.Dropout(0.3),
        layers.GRU(3, return_sequences=True),
        layers.SimpleRNN(5),
        layers.Dense(2, "softmax"),
    ],
    "layers that keep the mask": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.Rescaling(2.0, 0.5),
        layers.Dense(4),
        layers.BatchNormalization(),
        layers.Activation("tanh"),
        layers.LeakyReLU(),
        layers.LSTM(4),
    ],
    "a reshape loses the mask": lambda layers: [
        layers.Embedding(9, 4, mask_zero=True),
        layers.Reshape((14, 2)),
        layers.GRU(4),
    ],
    "a layer that returns one state loses the mask": lambda layers: [
        layers.Embedding(9, 4, mask_zero=True),
        layers.GRU(4),
        layers.Reshape((2, 2)),
        layers.GRU(4),
    ],
    "a second mask": lambda layers: [
        layers.Embedding(9, 4, mask_zero=True),
        layers.Activation("relu"),
        layers.Masking(0.0),
        layers.GRU(4),
    ],
    "both ways": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.Bidirectional(layers.GRU(3)),
        layers.Dense(2),
    ],
    "both ways without a mask": lambda layers: [
        layers.Embedding(9, 3),
        layers.Bidirectional(layers.GRU(4, return_sequences=True, reset_after=False)),
        layers.Bidirectional(layers.SimpleRNN(3)),
    ],
    "two sorts of layers": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.Bidirectional(layers.LSTM(4), backward_layer=layers.GRU(2, go_backwards=True)),
    ],
    **{
        merge: lambda layers, merge=merge: [  # type: ignore[misc]
            layers.Embedding(9, 3, mask_zero=True),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode=merge),
            layers.Bidirectional(layers.LSTM(4), merge_mode=merge),
        ]
        for merge in ("sum", "mul", "ave")
    },
    "the average of the real steps": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.GRU(4, return_sequences=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2),
    ],
    "the average of all steps": lambda layers: [
        layers.Embedding(9, 3),
        layers.GlobalAveragePooling1D(keepdims=True),
        layers.GRU(4),
    ],
    "the largest of all steps": lambda layers: [
        layers.Embedding(9, 3, mask_zero=True),
        layers.GlobalMaxPooling1D(keepdims=True),
        layers.Flatten(),
    ],
    "the largest of all steps, alone": lambda layers: [
        layers.Embedding(9, 3),
        layers.GlobalMaxPooling1D(),
    ],
}


@pytest.mark.filterwarnings(LOSES)
@pytest.mark.parametrize("name", SEQUENCES)
def test_every_kind_of_layer_for_sequences_computes_what_keras_computes(keras: Any, name: str) -> None:
    model = built(keras, *SEQUENCES[name](keras.layers), x=TOKENS)
    assert_same(model, TOKENS, networks.SEQUENCES)
    dropped = sum(layer.count_params() for layer in model.layers if "Dropout" in type(layer).__name__)
    assert networks.parameters(crossed(model)) == model.count_params() - dropped


def test_a_mask_may_be_another_number_than_zero(keras: Any) -> None:
    layers, x = keras.layers, STEPS - 1
    assert_same(built(keras, layers.Masking(-1.0), layers.GRU(4), x=x), x, networks.SEQUENCES)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_trained_recurrent_network_computes_what_keras_computes(keras: Any, kind: str) -> None:
    layers = keras.layers
    recurrent = layers.Bidirectional(RECURRENT[kind]()(layers))
    model = built(keras, layers.Embedding(9, 3, mask_zero=True), recurrent, layers.Dense(9), x=TOKENS)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(TOKENS, TOKENS.max(axis=1), epochs=2, verbose=0)
    assert_same(model, TOKENS, networks.SEQUENCES)


def test_a_sequence_without_any_real_step_ends_in_the_first_state(keras: Any) -> None:
    layers, nothing = keras.layers, np.zeros((2, 7), np.float32)
    for kind in RECURRENT:
        network = [layers.Embedding(9, 3, mask_zero=True), RECURRENT[kind]()(layers)]
        assert_same(built(keras, *network, x=nothing), nothing, networks.SEQUENCES)


def test_sequences_of_a_thousand_steps_take_seconds_and_little_memory() -> None:
    import tracemalloc

    layers = [embedding(9, 32), recurrent_layer("lstm", 32, 40)]
    x = np.ones((100, 1000), np.float32)
    tracemalloc.start()
    try:
        start = time.process_time()
        assert networks.predict(layers, x, networks.SEQUENCES).shape == (100, 40)
        seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6
    assert seconds < 10  # one


def test_recurrent_networks_that_are_too_large_are_refused_before_anything_is_computed() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        for layers, steps, words in (
            ([embedding(9, 4), recurrent_layer("gru", 4, 4)], 1001, "reads 1,001 steps"),
            ([embedding(9, 4), recurrent_layer("gru", 4, 300)], 1000, "multiply-adds"),
            ([embedding(9, 4), *[recurrent_layer("lstm", 4, 4, sequences=True)] * 100], 1000, "hold more"),
            ([embedding(9, 1000), recurrent_layer("gru", 1000, 1)], 1000, "gives 1,000,000 numbers"),
        ):
            with pytest.raises(WrongAnswer, match=words):
                networks.predict(layers, np.ones((10_000, steps), np.float32), networks.SEQUENCES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6  # the inputs


@pytest.mark.filterwarnings("error")
def test_numbers_without_end_give_no_error_in_a_recurrent_network() -> None:
    for kind in networks._BLOCKS:
        for value in (np.nan, np.inf, -1e30, 1e30):
            layers = [embedding(9, 2), recurrent_layer(kind, 2, 3, value=value)]
            assert networks.predict(layers, TOKENS, networks.SEQUENCES).shape == (60, 3)


def test_layers_for_sequences_can_be_kept_for_later() -> None:
    layers = [embedding(9, 2), recurrent_layer("gru", 2, 3)]
    both = {"layer": "bidirectional", "forward": layers[1], "backward": layers[1], "merge": "concat"}
    assert networks.predict([layers[0], both], TOKENS, networks.SEQUENCES).shape == (60, 6)
    with pytest.raises(WrongAnswer, match="not allowed: 'embedding'"):
        networks.predict(layers, TOKENS)
    with pytest.raises(WrongAnswer, match="not allowed: 'bidirectional'"):
        networks.predict([layers[0], both], TOKENS, networks.SEQUENCES - {"bidirectional"})
    with pytest.raises(WrongAnswer, match="both ways with a layer that is not allowed"):
        networks.predict([layers[0], both], TOKENS, networks.SEQUENCES - {"gru"})
    assert networks.parameters([layers[0], both]) == 9 * 2 + 2 * (2 * 9 + 3 * 9 + 2 * 9)


def over_images(layers: Any, layer: Any) -> Any:
    """Return a network inside the network, which sees an image with two channels."""
    import keras

    return keras.Sequential([keras.Input(X.shape[1:]), layers.Reshape((3, 5, 2)), layer])


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda layers: layers.Conv1D(3, 2), "Conv1D"),
        (lambda layers: layers.LayerNormalization(), "LayerNormalization"),
        (lambda layers: layers.ReLU(max_value=6), "ReLU"),
        (lambda layers: layers.ReLU(threshold=0.1), "ReLU"),
        (lambda layers: layers.Softmax(axis=1), "Softmax"),
        (lambda layers: layers.BatchNormalization(axis=1), "BatchNormalization"),
        (lambda layers: over_images(layers, layers.Conv2D(2, 2, dilation_rate=2)), "Conv2D"),
        (lambda layers: over_images(layers, layers.Conv2D(2, 2, groups=2)), "Conv2D"),
        (lambda layers: over_images(layers, layers.Flatten(data_format="channels_first")), "Flatten"),
        (
            lambda layers: over_images(
                layers, layers.MaxPooling2D(data_format="channels_first", padding="same")
            ),
            "MaxPooling2D",
        ),
        (lambda layers: over_images(layers, layers.DepthwiseConv2D(2)), "DepthwiseConv2D"),
        (lambda layers: over_images(layers, layers.SeparableConv2D(2, 2)), "SeparableConv2D"),
        (lambda layers: layers.Lambda(lambda z: z), "Lambda"),
        (lambda layers: layers.GRU(3, go_backwards=True), "GRU"),
        (lambda layers: layers.LSTM(3, zero_output_for_mask=True), "LSTM"),
        (lambda layers: layers.RNN(layers.SimpleRNNCell(3)), "RNN"),
        (lambda layers: layers.TimeDistributed(layers.Dense(3)), "TimeDistributed"),
        (
            lambda layers: layers.GlobalAveragePooling1D(data_format="channels_first"),
            "GlobalAveragePooling1D",
        ),
        (
            lambda layers: layers.Bidirectional(
                layers.GRU(3, go_backwards=True), backward_layer=layers.GRU(3)
            ),
            "Bidirectional",
        ),
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


def conv(kernel: Any, **more: Any) -> dict[str, Any]:
    return {**dense(kernel), "layer": "conv2d", "strides": [1, 1], "padding": "same", **more}


def pool(size: Any, kind: str = "maxpool2d", **more: Any) -> dict[str, Any]:
    return {"layer": kind, "pool": size, "strides": size, "padding": "valid", **more}


def filters(height: int, width: int, channels: int, count: int) -> Any:
    return np.full((height, width, channels, count), 0.01, np.float32)


def embedding(symbols: int, features: int, **more: Any) -> dict[str, Any]:
    table = np.full((symbols, features), 0.1, np.float32)
    return {"layer": "embedding", "embeddings": table, "mask_zero": True, **more}


def recurrent_layer(kind: str, inputs: int, units: int, value: float = 0.01, **more: Any) -> dict[str, Any]:
    width = networks._BLOCKS[kind] * units
    return {
        "layer": kind,
        "kernel": np.full((inputs, width), value, np.float32),
        "recurrent": np.full((units, width), value, np.float32),
        "bias": np.full((2, width) if kind == "gru" else width, value, np.float32),
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "reset_after": True,
        "sequences": False,
        "zeros": False,
        **more,
    }


def both(forward: Any, backward: Any, merge: Any = "concat") -> dict[str, Any]:
    return {"layer": "bidirectional", "forward": forward, "backward": backward, "merge": merge}


IMAGE = {"layer": "reshape", "shape": [6, 5, 1]}
MEAN = {"layer": "globalaverage2d", "keepdims": False}
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
    "too many layers": [FLAT] * 201 + [GOOD],
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
    "a layer that is wide in all": [IMAGE, dense(np.ones((1, 4096), np.float32)), FLAT, dense(ZERO)],
    "a layer of many channels": [
        IMAGE,
        conv(filters(1, 1, 1, 4000)),
        conv(filters(1, 1, 4000, 4097)),
        MEAN,
    ],
    "filters without end": [IMAGE, conv(filters(1, 1, 1, 50_000)), MEAN],
    "a filter of three dimensions": [IMAGE, conv(filters(3, 3, 1, 2)[0]), MEAN],
    "a filter for other channels": [IMAGE, conv(filters(3, 3, 2, 2)), MEAN],
    "a filter of no size": [IMAGE, conv(filters(0, 3, 1, 2)), MEAN],
    "a filter of many pixels": [IMAGE, conv(filters(1, 10_000, 1, 1)), MEAN],
    "no filters": [IMAGE, conv(filters(3, 3, 1, 0)), MEAN],
    "filters that are a list": [IMAGE, conv(filters(3, 3, 1, 2).tolist()), MEAN],
    "a filter larger than the image": [IMAGE, conv(filters(7, 3, 1, 2), padding="valid"), MEAN],
    "a convolution of no image": [conv(filters(3, 3, 1, 2)), MEAN],
    "a convolution of numbers": [FLAT, conv(filters(3, 3, 1, 2)), MEAN],
    "a convolution's bias of another shape": [
        IMAGE,
        conv(filters(3, 3, 1, 2), bias=np.ones(3, np.float32)),
        MEAN,
    ],
    "an unknown activation of a convolution": [IMAGE, conv(filters(3, 3, 1, 2), activation="exec"), MEAN],
    "a padding that is a number": [IMAGE, conv(filters(3, 3, 1, 2), padding=10**9), MEAN],
    "a padding that is an array": [IMAGE, conv(filters(3, 3, 1, 2), padding=np.ones(2)), MEAN],
    "an unknown padding": [IMAGE, conv(filters(3, 3, 1, 2), padding="causal"), MEAN],
    "a pooling without padding": [IMAGE, {"layer": "maxpool2d", "pool": [2, 2], "strides": [2, 2]}, MEAN],
    "a pooling of numbers": [FLAT, pool([2, 2]), GOOD],
    "a pooling larger than the image": [IMAGE, pool([7, 2]), MEAN],
    "an endless pooling": [IMAGE, pool([10**9, 10**9], padding="same"), MEAN],
    "a pooling of size zero": [IMAGE, pool([0, 2]), MEAN],
    "a pooling of truth": [IMAGE, pool([True, 2]), MEAN],
    "a pooling of one side": [IMAGE, pool([2]), MEAN],
    "a pooling of halves": [IMAGE, pool([2.0, 2.0]), MEAN],
    "a global pooling of numbers": [FLAT, MEAN],
    "a global pooling that keeps who knows what": [IMAGE, {"layer": "globalmax2d", "keepdims": 1}],
    "a global pooling without a setting": [IMAGE, {"layer": "globalmax2d"}],
    "a global pooling that keeps the sides": [IMAGE, {"layer": "globalmax2d", "keepdims": True}],
    **{
        f"strides that are {strides!r:.40}": [IMAGE, conv(filters(3, 3, 1, 2), strides=strides), MEAN]
        for strides in (None, 1, [0, 1], [-1, 1], [1, 10**9], [1], [1, 1, 1], [1.0, 1.0], [True, True], "11")
    },
    "strides that are an array": [IMAGE, conv(filters(3, 3, 1, 2), strides=np.ones(2, int)), MEAN],
    "too many multiply-adds": [IMAGE, *[conv(filters(3, 3, c, 600)) for c in (1, 600)], MEAN],
    "too many windows": [IMAGE, conv(filters(1, 1, 1, 100)), *[conv(filters(25, 25, 100, 1))] * 2, MEAN],
    "too many windows to pool": [
        IMAGE,
        conv(filters(1, 1, 1, 4000)),
        pool([64, 64], strides=[1, 1], padding="same"),
        MEAN,
    ],
    "an activation that is a list of arrays": [FLAT, {**GOOD, "activation": [np.ones((4, 4))] * 3}],
    "a thousand and one outputs": [FLAT, dense(np.ones((30, 1001), np.float32))],
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


GRU = recurrent_layer("gru", 5, 3)
LSTM = recurrent_layer("lstm", 5, 3)
HOSTILE_SEQUENCES: dict[str, Any] = {
    "an embedding of fractions below zero": [
        {"layer": "rescaling", "scale": -1.0, "offset": 0.0},
        embedding(9, 1),
        FLAT,
    ],
    "an embedding of infinity": [
        {"layer": "rescaling", "scale": float("inf"), "offset": 1.0},
        embedding(9, 1),
        FLAT,
    ],
    "an embedding of nan": [
        {"layer": "rescaling", "scale": 1.0, "offset": float("nan")},
        embedding(9, 1),
        FLAT,
    ],
    "an embedding that is too small": [
        {"layer": "rescaling", "scale": 0.0, "offset": 9.0},
        embedding(9, 1),
        FLAT,
    ],
    "an embedding without rows": [embedding(0, 2), FLAT],
    "an embedding without columns": [embedding(9, 0), FLAT],
    "an embedding with many columns": [FLAT, embedding(1, 5000), FLAT],
    "an embedding that is a list": [FLAT, embedding(1, 1, embeddings=[[1.0]]), FLAT],
    "an embedding of whole numbers": [FLAT, embedding(1, 1, embeddings=np.ones((9, 1), int)), FLAT],
    "an embedding without a setting": [FLAT, embedding(9, 1, mask_zero=None), FLAT],
    "an embedding that masks an array": [FLAT, embedding(9, 1, mask_zero=np.ones(3)), FLAT],
    "a mask that is a text": [{"layer": "masking", "value": "0"}, GRU],
    "a mask of numbers": [FLAT, {"layer": "masking", "value": 0.0}],
    "a recurrent layer for numbers": [FLAT, GRU],
    "a recurrent layer for images": [IMAGE, GRU],
    "a recurrent layer for other features": [recurrent_layer("gru", 4, 3)],
    "a recurrent layer without units": [recurrent_layer("gru", 5, 0)],
    "a recurrent layer of many units": [recurrent_layer("simple_rnn", 5, 5000)],
    "a recurrent layer without a kernel": [{**GRU, "kernel": None}],
    "a kernel that is no multiple of three": [{**GRU, "kernel": np.ones((5, 10), np.float32)}],
    "a recurrent kernel of another shape": [{**GRU, "recurrent": np.ones((4, 9), np.float32)}],
    "a recurrent kernel that is missing": [{**LSTM, "recurrent": None}],
    "an LSTM's bias of another shape": [{**LSTM, "bias": np.ones((2, 12), np.float32)}],
    "a GRU's bias of another shape": [{**GRU, "bias": np.ones(9, np.float32)}],
    "a GRU's bias for another order": [{**GRU, "reset_after": False}],
    "an order that is a number": [{**GRU, "reset_after": 1}],
    "an order that is an array": [{**GRU, "reset_after": np.ones(2)}],
    "sequences of a text": [{**GRU, "sequences": "yes"}],
    "no sequences": [{key: value for key, value in GRU.items() if key != "sequences"}],
    "zeros of nothing": [{**LSTM, "zeros": None}],
    "an unknown activation of a state": [{**LSTM, "activation": "exec"}],
    "an unknown activation of a gate": [{**LSTM, "recurrent_activation": "exec"}],
    "a gate that is a list": [{**LSTM, "recurrent_activation": ["sigmoid"]}],
    "a sequence at the end": [{**GRU, "sequences": True}],
    "both ways with nothing": [{"layer": "bidirectional"}],
    "both ways with texts": [both("gru", "gru")],
    "both ways with a dense layer": [both(GRU, GOOD)],
    "both ways with an array for a kind": [both(GRU, {**GRU, "layer": np.ones(3)})],
    "both ways with both ways": [both(GRU, both(GRU, GRU))],
    "both ways with sequences and without": [both(GRU, {**GRU, "sequences": True})],
    "both ways with different sizes added": [both(GRU, recurrent_layer("gru", 5, 4), "sum")],
    "both ways put together as a list": [both(GRU, GRU, ["concat"])],
    "both ways put together somehow": [both(GRU, GRU, "max")],
    "both ways with a wrong kernel": [both(GRU, {**GRU, "kernel": np.ones((4, 9), np.float32)})],
    "an average of numbers": [FLAT, {"layer": "globalaverage1d", "keepdims": False}],
    "an average without a setting": [{"layer": "globalaverage1d"}],
    "an average that keeps an array": [{"layer": "globalmax1d", "keepdims": np.ones(2)}],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", HOSTILE_SEQUENCES)
def test_hostile_recurrent_networks_are_wrong_answers_and_nothing_else(name: str) -> None:
    with contextlib.suppress(WrongAnswer):
        networks.parameters(HOSTILE_SEQUENCES[name])
    with pytest.raises(WrongAnswer) as caught:
        networks.predict(HOSTILE_SEQUENCES[name], X, networks.SEQUENCES)
    assert 0 < len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


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


@pytest.mark.filterwarnings("error")
def test_a_slope_out_of_all_bounds_is_no_warning() -> None:
    leaky = {"layer": "leaky_relu", "slope": -1e308}
    assert np.isinf(networks.predict([FLAT, leaky], -1 - X)).all()


def test_values_that_are_no_text_are_not_shown() -> None:
    class Slow(list[Any]):
        def __str__(self) -> str:
            raise AssertionError("shown")

        __repr__ = __str__

    with pytest.raises(WrongAnswer, match="not allowed: a Slow; use linear, relu"):
        networks.predict([FLAT, {**GOOD, "activation": Slow()}], X)


def test_thirty_layers_with_activations_of_their_own_are_judged(keras: Any) -> None:
    layers = keras.layers
    hidden = [each for _ in range(30) for each in (layers.Dense(4), layers.Activation("tanh"))]
    model = built(keras, layers.Flatten(), *hidden, layers.Dense(3))
    assert len(export(model)) == 62
    assert_same(model)


def test_a_network_that_takes_too_long_is_stopped_between_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MAX_SECONDS", 0.2)
    gelu = {"layer": "activation", "activation": "gelu"}
    calls = []

    def slow(z: Any) -> Any:
        calls.append(len(z))
        begin = time.thread_time()
        while time.thread_time() - begin < 0.15:
            pass
        return z

    monkeypatch.setattr(networks, "_activations", lambda: {"gelu": slow})
    assert networks.predict([FLAT, gelu], X[:10]).shape == (10, 30)
    for layers, count in (([FLAT, *[gelu] * 5], 10), ([FLAT, gelu], 300 * 5)):  # layers; batches
        calls.clear()
        with pytest.raises(WrongAnswer, match=rf"takes too long: over 0\.2 seconds for {count:,} examples"):
            networks.predict(layers, np.ones((count, 6, 5), np.float32))
        assert len(calls) == 2


def test_hard_layers_are_computed_for_few_examples_at_a_time_and_by_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the clock is looked at often enough, and means the same on a machine that is busy."""
    import threadpoolctl  # type: ignore[import-untyped]

    seen: list[int] = []
    threads: set[int] = set()

    def linear(z: Any) -> Any:
        seen.append(len(z))
        threads.update(
            each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"
        )
        return z

    monkeypatch.setattr(networks, "_activations", lambda: {"linear": linear})
    kernel = np.full((4000, 4000), 1e-3, np.float32)
    layers = [FLAT, dense(kernel[:30]), dense(kernel), dense(kernel[:, :3])]
    assert networks.predict(layers, X).shape == (300, 3)
    assert max(seen) * kernel.size <= 1e9
    assert threads == {1}


def test_the_largest_windows_are_pooled_in_few_passes() -> None:
    image = {"layer": "reshape", "shape": [2, 2, 1]}
    for kind in ("maxpool2d", "averagepool2d"):
        layers = [image, *[pool([64, 64], kind, strides=[1, 1], padding="same")] * 150, FLAT]
        begin = time.thread_time()
        found = networks.predict(layers, np.ones((1, 4), np.float32))
        assert time.thread_time() - begin < 1  # a tenth; with a pass for each pixel of a window four
        np.testing.assert_allclose(found, np.ones((1, 4)))


def test_many_outputs_are_refused_before_they_take_the_memory() -> None:
    import tracemalloc

    wide = [IMAGE, dense(np.ones((1, 4000), np.float32)), FLAT]
    x, y = np.ones((2000, 6, 5), np.float32), np.zeros(2000, int)
    tracemalloc.start()
    try:
        with pytest.raises(WrongAnswer, match=r"gives 120,000 numbers for each example$"):
            networks.predict(wide, x)
        with pytest.raises(WrongAnswer, match="gives 120,000 numbers for each example; 10 were asked for"):
            networks.accuracy(wide, x, y)
        with pytest.raises(WrongAnswer, match="gives 10 numbers for each example; 3 were asked for"):
            networks.predict([FLAT, GOOD], x, outputs=3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6
    assert networks.predict([FLAT, GOOD], X, outputs=10).shape == (300, 10)


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
    wide = conv(filters(1, 1, 1, 4096))
    gelu = {"layer": "activation", "activation": "gelu"}
    last = dense(np.ones((4096, 10), np.float32))
    assert networks.predict([IMAGE, wide, gelu, MEAN, last], X[:20]).shape == (20, 10)
    with pytest.raises(WrongAnswer, match="more than 400,000 numbers"):
        networks.predict([IMAGE, wide, gelu, gelu, gelu, MEAN], X)


def test_convolution_can_be_kept_for_later() -> None:
    layers = [IMAGE, conv(filters(3, 3, 1, 2)), FLAT, dense(np.ones((60, 3), np.float32))]
    assert networks.predict(layers, X).shape == (300, 3)
    with pytest.raises(WrongAnswer, match="a layer that is not allowed: 'conv2d'"):
        networks.predict(layers, X, networks.DENSE)
    assert networks.predict([FLAT, GOOD], X, networks.DENSE).shape == (300, 10)
    assert networks.DENSE < networks.LAYERS


@pytest.mark.parametrize("kind", sorted({"maxpool2d", "averagepool2d"}))
@pytest.mark.filterwarnings("error")
def test_pooling_looks_at_each_window_and_not_at_the_padding(kind: str) -> None:
    x = -1 - np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)  # all negative: a padding of 0 would win
    combine = np.max if kind == "maxpool2d" else np.mean
    corners = [[x[0, r : r + 2, c : c + 2].reshape(-1) for c in (0, 2)] for r in (0, 2)]
    expected = [[combine(corner) for corner in row] for row in corners]
    found = networks.predict([pool([2, 2], kind, padding="same"), FLAT], x)
    np.testing.assert_allclose(found, np.reshape(expected, (1, 4)))


def test_two_convolutions_over_thousands_of_images_take_seconds_and_little_memory() -> None:
    import tracemalloc

    layers = [
        conv(filters(3, 3, 1, 32), padding="valid", activation="relu"),
        conv(filters(3, 3, 32, 64), padding="valid", activation="relu"),
        pool([2, 2]),
        FLAT,
        dense(np.full((9216, 128), 0.01, np.float32), activation="relu"),
        dense(np.full((128, 10), 0.01, np.float32)),
    ]
    assert networks.parameters(layers) == 1_199_882 - 32 - 64 - 128 - 10  # without biases
    x = np.ones((500, 28, 28, 1), np.float32)
    tracemalloc.start()
    try:
        start = time.process_time()
        assert networks.predict(layers, x).shape == (500, 10)
        seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6
    assert seconds < 5  # a quarter of a second on one core


def test_networks_that_are_too_large_are_refused_before_anything_is_computed() -> None:
    import tracemalloc

    x = np.ones((1000, 28, 28, 1), np.float32)
    tracemalloc.start()
    try:
        for layers in (
            [conv(filters(3, 3, 1, 200)), FLAT],
            [conv(filters(1, 1, 1, 150)), conv(filters(1, 1, 150, 600)), MEAN],
            [conv(filters(64, 64, 1, 1)), MEAN],
            [conv(filters(1, 1, 1, 20)), pool([64, 64], strides=[1, 1], padding="same"), MEAN],
            [*[conv(filters(1, 1, 1, 1))] * 200, MEAN],
            [dense(np.ones((1, 1000), np.float32)), MEAN],
        ):
            with pytest.raises(WrongAnswer):
                networks.predict(layers, x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6


def test_a_kind_that_is_an_array_is_a_wrong_answer() -> None:
    with pytest.raises(WrongAnswer, match="without a name"):
        networks.predict([{"layer": np.ones(3)}], X)


def test_accuracy_counts_the_examples_that_are_right() -> None:
    scores = np.eye(4, dtype=np.float32)  # a network that repeats its input
    network = [dense(scores)]
    x = np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]], np.float32)
    assert networks.accuracy(network, x, np.array([0, 1, 2, 0]), classes=4, budget=16) == 0.75
    cases: list[tuple[dict[str, Any], str]] = [
        ({"budget": 15}, "16 parameters; the budget is 15"),
        ({"classes": 10}, "4 numbers for each example; 10 were asked for"),
        ({"allowed": {"flatten"}}, "not allowed"),
    ]
    for arguments, words in cases:
        with pytest.raises(WrongAnswer, match=words):
            networks.accuracy(network, x, np.zeros(4, int), **{"classes": 4, **arguments})
    with pytest.raises(WrongAnswer, match="nan"):
        networks.accuracy([dense(scores * np.float32("nan"))], x, np.zeros(4, int), classes=4)
    with pytest.raises(WrongAnswer, match="gave no value"):
        networks.accuracy(Failed("the code gave no value here"), x, np.zeros(4, int))


def test_an_accuracy_earns_a_point_for_each_band_it_reaches() -> None:
    for accuracy, share, words in (
        (0.3, 0, "30.0% are right; the next point is at 50.0%"),
        (0.5, 0.5, "50.0% are right; the next point is at 97.5%"),
        (0.99, 1, ""),
    ):
        entry = steps("letters", accuracy, (0.5, 0.975))
        assert (entry.points, entry.share, entry.problem, entry.score) == (2, share, words, accuracy)


def test_a_deep_and_narrow_network_is_one_whose_layers_are_all_needed() -> None:
    def layer(units: int, inputs: int, activation: str = "relu") -> dict[str, Any]:
        return dense(np.ones((inputs, units), np.float32), activation=activation)

    def leaky(slope: float) -> dict[str, Any]:
        return {"layer": "leaky_relu", "slope": slope}

    first, last = layer(3, 6 * 5), layer(2, 3, "linear")
    for good in (
        [FLAT, first, layer(3, 3), last],
        [{"layer": "reshape", "shape": [30]}, first, layer(3, 3), last],
        [FLAT, layer(3, 30, "linear"), leaky(0.2), layer(3, 3, "tanh"), last],
    ):
        assert networks.require_depth(good, (6, 5), least=2, units=3) == 2
    for bad, words in (
        ([FLAT, first, last], "1 hidden layers; at least 2"),
        ([FLAT], "0 hidden layers"),
        ([], "0 hidden layers"),
        ([FLAT, layer(4, 30), layer(3, 4), last], "gives 4 numbers"),
        ([FLAT, first, layer(3, 3, "linear"), last], "no activation"),
        ([FLAT, layer(3, 30, "linear"), leaky(1.0), layer(3, 3), last], "no activation"),
        ([layer(3, 5), layer(3, 3), FLAT, layer(2, 18, "linear")], "gives 18 numbers"),
        (
            [FLAT, first, {"layer": "reshape", "shape": [3, 1]}, layer(3, 1), FLAT, layer(2, 9)],
            "gives 9 numbers",
        ),
    ):
        with pytest.raises(WrongAnswer, match=words):
            networks.require_depth(bad, (6, 5), least=2, units=3)
