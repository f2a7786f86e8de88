"""Wrong answers to exercise 08 that students give: each loses points of its own task, and of no other."""

_LAYER = """
def dropout(x, draws, rate, training):
    return {forward} if training else {still}
"""
_GRADIENT = """
def dropout_gradient(upstream, draws, rate, training):
    return {backward} if training else {still_back}
"""


def _layer(
    forward: str = "x * (draws >= rate) / (1 - rate)",
    still: str = "x",
    backward: str = "upstream * (draws >= rate) / (1 - rate)",
    still_back: str = "upstream",
) -> dict[str, str]:
    return {
        "layer": _LAYER.format(forward=forward, still=still),
        "layer_2": _GRADIENT.format(backward=backward, still_back=still_back),
    }


_NOISE = """
def noise_of(x, w, rate):
    return {mean}, {deviation}
"""
_RATE = """
def rate_for(x, w, deviation):
    total = np.sum((x * w) ** 2)
    return {rate}
"""


def _noise(
    mean: str = "x @ w",
    deviation: str = "np.sqrt(rate / (1 - rate) * np.sum((x * w) ** 2))",
    rate: str = "deviation**2 / (deviation**2 + total)",
) -> dict[str, str]:
    return {
        "noise": _NOISE.format(mean=mean, deviation=deviation),
        "noise_2": _RATE.format(rate=rate),
    }


_CROWD = """
def crowd(x, W, b, rate):
    masks = np.array(list(itertools.product([0, 1], repeat=len(x))))
    weight = {weight}
    log_p = special.log_softmax((masks * x{scale}) @ W{bias}, axis=1)
    return {arithmetic}, {geometric}
"""


def _crowd(
    weight: str = "rate ** (masks == 0).sum(axis=1) * (1 - rate) ** (masks == 1).sum(axis=1)",
    scale: str = " / (1 - rate)",
    bias: str = " + b",
    arithmetic: str = "weight @ np.exp(log_p)",
    geometric: str = "special.softmax(weight @ log_p)",
) -> str:
    return _CROWD.format(weight=weight, scale=scale, bias=bias, arithmetic=arithmetic, geometric=geometric)


_REFEREE = """
def referee(without, with_dropout):
    difference = {difference}
    half = {half}
    if abs(difference.mean()) <= half:
        return "not decided"
    return "{better}" if difference.mean() > 0 else "{worse}"
"""


def _referee(
    difference: str = "np.asarray(with_dropout) - np.asarray(without)",
    half: str = "stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)",
    better: str = "helps",
    worse: str = "hurts",
) -> str:
    return _REFEREE.format(difference=difference, half=half, better=better, worse=worse)


_LETTERS = """
def careful_network(x_train, y_train, x_val, y_val):
    {data}
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), {layers}])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss)
    network.fit(x_train, y_train, batch_size=32, epochs={epochs}, verbose=0)
    return {result}
"""


def _letters(
    layers: str = 'keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)',
    epochs: int = 1,
    data: str = "pass",
    result: str = "network",
) -> str:
    return _LETTERS.format(layers=layers, epochs=epochs, data=data, result=result)


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "layer": {
        "rate taken for the keep probability": _layer(
            forward="x * (draws < rate) / rate", backward="upstream * (draws < rate) / rate"
        ),
        "no scaling in training": _layer(
            forward="x * (draws >= rate)", backward="upstream * (draws >= rate)"
        ),
        "original form": _layer(
            forward="x * (draws >= rate)",
            still="(1 - rate) * x",
            backward="upstream * (draws >= rate)",
            still_back="(1 - rate) * upstream",
        ),
        "divided by the rate": _layer(forward="x * (draws >= rate) / rate"),
        "also drops in inference": _layer(still="x * (draws >= rate) / (1 - rate)"),
        "the gradient not scaled": _layer(backward="upstream * (draws >= rate)"),
        "the gradient passes everywhere": _layer(backward="upstream / (1 - rate)"),
    },
    "noise": {
        "the variance for the deviation": _noise(deviation="rate / (1 - rate) * np.sum((x * w) ** 2)"),
        "the factor turned over": _noise(deviation="np.sqrt((1 - rate) / rate * np.sum((x * w) ** 2))"),
        "the original form": _noise(
            mean="(1 - rate) * (x @ w)", deviation="np.sqrt(rate * (1 - rate) * np.sum((x * w) ** 2))"
        ),
        "deviations added up": _noise(deviation="np.sqrt(rate / (1 - rate)) * np.sum(np.abs(x * w))"),
        "the inputs forgotten": _noise(deviation="np.sqrt(rate / (1 - rate) * np.sum(w**2))"),
        "the rate not squared": _noise(rate="deviation / (deviation + total)"),
        "the keep probability": _noise(rate="total / (deviation**2 + total)"),
    },
    "crowd": {
        "all equally likely": _crowd(weight="np.full(len(masks), 1 / len(masks))"),
        "rate and keep swapped": _crowd(
            weight="(1 - rate) ** (masks == 0).sum(axis=1) * rate ** (masks == 1).sum(axis=1)"
        ),
        "not scaled": _crowd(scale=""),
        "no bias": _crowd(bias=""),
        "the same mean twice": _crowd(arithmetic="special.softmax(weight @ log_p)"),
        "geometric mean not scaled to one": _crowd(geometric="np.exp(weight @ log_p)"),
        "the other way round": _crowd(
            arithmetic="special.softmax(weight @ log_p)", geometric="weight @ np.exp(log_p)"
        ),
    },
    "doubt": {
        "the mean of the entropies": """
def doubt(probabilities):
    single = special.entr(probabilities).sum(axis=-1).mean(axis=0)
    return single, special.entr(probabilities.mean(axis=0)).sum(axis=-1) - single
""",
        "nan where sure": """
def doubt(probabilities):
    with np.errstate(all="ignore"):
        center = probabilities.mean(axis=0)
        predictive = -np.sum(center * np.log(center), axis=-1)
        single = -np.sum(probabilities * np.log(probabilities), axis=-1)
    return predictive, predictive - single.mean(axis=0)
""",
        "bits": """
def doubt(probabilities):
    predictive = special.entr(probabilities.mean(axis=0)).sum(axis=-1) / np.log(2)
    return predictive, predictive - special.entr(probabilities).sum(axis=-1).mean(axis=0) / np.log(2)
""",
        "the sign of the information": """
def doubt(probabilities):
    predictive = special.entr(probabilities.mean(axis=0)).sum(axis=-1)
    return predictive, special.entr(probabilities).sum(axis=-1).mean(axis=0) - predictive
""",
        "the variance for the information": """
def doubt(probabilities):
    predictive = special.entr(probabilities.mean(axis=0)).sum(axis=-1)
    return predictive, probabilities.var(axis=0).sum(axis=-1)
""",
        "passes and images mixed up": """
def doubt(probabilities):
    predictive = special.entr(probabilities.mean(axis=1)).sum(axis=-1)
    return predictive, predictive - special.entr(probabilities).sum(axis=-1).mean(axis=1)
""",
    },
    "referee": {
        "whoever has the higher mean": _referee(half="0"),
        "not paired": _referee(
            half="stats.t.ppf(0.975, 2 * len(difference) - 2)"
            " * np.hypot(stats.sem(without), stats.sem(with_dropout))"
        ),
        "two for t": _referee(half="2 * stats.sem(difference)"),
        "the deviation for the standard error": _referee(
            half="stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1)"
        ),
        "the wrong way round": _referee(better="hurts", worse="helps"),
        "never decided": """
def referee(without, with_dropout):
    return "not decided"
""",
    },
    "letters": {
        "no care at all": _letters(epochs=30),
        "not enough training": _letters(),
        "dropout behind the logits": _letters(
            layers='keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10), '
            "keras.layers.Dropout(0.6)",
            epochs=30,
        ),
        "nearly everything dropped": _letters(
            layers='keras.layers.Dense(256, activation="relu"), keras.layers.Dropout(0.99), '
            "keras.layers.Dense(10)",
            epochs=10,
        ),
        "labels shuffled": _letters(
            layers='keras.layers.Dense(64, activation="relu"), keras.layers.Dropout(0.6), '
            "keras.layers.Dense(10)",
            data="y_train = np.random.permutation(y_train)",
            epochs=5,
        ),
        "trained on the validation letters": _letters(data="x_train, y_train = x_val, y_val", epochs=30),
        "a convolution": _letters(
            layers="keras.layers.Reshape((28, 28, 1)), "
            'keras.layers.Conv2D(8, 5, strides=2, activation="relu"), keras.layers.Flatten(), '
            "keras.layers.Dropout(0.5), keras.layers.Dense(10)",
        ),
        "too many parameters": _letters(
            layers='keras.layers.Dense(600, activation="relu"), keras.layers.Dropout(0.6), '
            "keras.layers.Dense(10)",
        ),
        "the history": _letters(result="network.history"),
        "nothing returned": _letters(result="None"),
    },
}
