"""Wrong answers to exercise 09 that students give: each loses points of its own task, and of no other."""

_MODES = """
def batch_norm(x, gamma, beta, mean, variance, momentum, epsilon, training):
    over = {over}
    center, width = mean, variance
    if training:
        center, width = x.mean(axis=over), {width}
        mean, variance = {averages}
    {use}
    return gamma * (x - center) / {divisor} + beta, mean, variance
"""
_KEEP = "momentum * mean + (1 - momentum) * center, momentum * variance + (1 - momentum) * width"


def _modes(
    over: str = "tuple(range(x.ndim - 1))",
    width: str = "x.var(axis=over)",
    averages: str = _KEEP,
    use: str = "pass",
    divisor: str = "np.sqrt(width + epsilon)",
) -> str:
    return _MODES.format(over=over, width=width, averages=averages, use=use, divisor=divisor)


_BACKWARD = """
def gradients(x, gamma, g, epsilon):
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    hat = (x - x.mean(axis=0)) / deviation
    return {by_gamma}, {by_beta}, {by_x}
"""


def _backward(
    by_gamma: str = "(g * hat).sum(axis=0)",
    by_beta: str = "g.sum(axis=0)",
    by_x: str = "gamma / deviation * (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0))",
) -> str:
    return _BACKWARD.format(by_gamma=by_gamma, by_beta=by_beta, by_x=by_x)


_REMEMBERED = """
def remembered(start, value, momentum, batches):
    return {}
"""
_NEEDED = """
def batches_needed(momentum, share):
    return {}
"""


def _memory(
    average: str = "value + (start - value) * momentum**batches",
    needed: str = "math.ceil(math.log(share) / math.log(momentum) - 1e-9)",
) -> dict[str, str]:
    return {"memory": _REMEMBERED.format(average), "memory_2": _NEEDED.format(needed)}


_FOLD = """
def fold(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = {scale}
    {none}
    return {kernel}, {bias}
"""


def _fold(
    scale: str = "gamma / np.sqrt(variance + epsilon)",
    none: str = "bias = 0 if bias is None else bias",
    kernel: str = "kernel * scale",
    bias: str = "beta + (bias - mean) * scale",
) -> str:
    return _FOLD.format(scale=scale, none=none, kernel=kernel, bias=bias)


_WHICH = """
def which(y):
    for name, over in {order}:
        if {gone}:
            return name
    return "none"
"""
_ORDER = '(("instance", (1, 2)), ("batch", (0, 1, 2)), ("layer", (1, 2, 3)))'

_DEEP = """
def deep_network(x_train, y_train):
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    for _ in range({depth}):
        network.add(keras.layers.Dense({width}, use_bias=False))
        {norm}
        network.add(keras.layers.Activation("{activation}"))
    network.add(keras.layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam({rate}), loss=loss)
    network.fit(x_train, {labels}, batch_size=64, epochs={epochs}, verbose=0)
    return {result}
"""


def _deep(
    depth: int = 12,
    width: int = 24,
    norm: str = "network.add(keras.layers.BatchNormalization(momentum=0.9))",
    activation: str = "relu",
    rate: float = 0.01,
    labels: str = "y_train",
    epochs: int = 1,
    result: str = "network",
) -> str:
    return _DEEP.format(
        depth=depth,
        width=width,
        norm=norm,
        activation=activation,
        rate=rate,
        labels=labels,
        epochs=epochs,
        result=result,
    )


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "modes": {
        "divided by the variance": _modes(divisor="(width + epsilon)"),
        "the unbiased variance": _modes(width="x.var(axis=over, ddof=1)"),
        "over the batch only": _modes(over="0"),
        "over the features": _modes(over="x.ndim - 1"),
        "momentum the wrong way round": _modes(
            averages="(1 - momentum) * mean + momentum * center, (1 - momentum) * variance + momentum * width"
        ),
        "averages never moved": _modes(averages="mean, variance"),
        "the averages used in training": _modes(use="center, width = mean, variance"),
        "the batch used at inference": _modes(use="center, width = x.mean(axis=over), x.var(axis=over)"),
        "epsilon outside of the root": _modes(divisor="(np.sqrt(width) + epsilon)"),
        "averages that move at inference": _modes().replace("if training:", "if True:"),
    },
    "backward": {
        "statistics taken for constants": _backward(by_x="gamma / deviation * g"),
        "the way through the variance forgotten": _backward(by_x="gamma / deviation * (g - g.mean(axis=0))"),
        "means instead of sums": _backward("(g * hat).mean(axis=0)", "g.mean(axis=0)"),
        "the raw x for gamma": _backward(by_gamma="(g * x).sum(axis=0)"),
        "gamma forgotten": _backward(
            by_x="1 / deviation * (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0))"
        ),
        "sums where means belong": _backward(
            by_x="gamma / deviation * (g - g.sum(axis=0) - hat * (g * hat).sum(axis=0))"
        ),
        "the order of the answers": _backward("g.sum(axis=0)", "(g * hat).sum(axis=0)"),
    },
    "memory": {
        "momentum of the new": _memory(average="start + (value - start) * momentum**batches"),
        "a straight line": _memory(average="start + (value - start) * (1 - momentum) * batches"),
        "the start taken for zero": _memory(average="value * (1 - momentum**batches)"),
        "rounded down": _memory(needed="int(math.log(share) / math.log(momentum))"),
        "not rounded": _memory(needed="math.log(share) / math.log(momentum)"),
        "the share of the new": _memory(needed="math.ceil(math.log(1 - share) / math.log(momentum))"),
        "one more to be safe": _memory(needed="math.floor(math.log(share) / math.log(momentum) + 1e-9) + 1"),
    },
    "fold": {
        "epsilon forgotten": _fold(scale="gamma / np.sqrt(variance)"),
        "divided by the variance": _fold(scale="gamma / (variance + epsilon)"),
        "the bias not scaled": _fold(bias="beta + bias - mean * scale"),
        "the mean forgotten": _fold(bias="beta + bias * scale"),
        "the kernel left alone": _fold(kernel="kernel"),
        "rows scaled for columns": _fold(
            kernel="(kernel.T * scale[:, None]).T if kernel.ndim == 2 else kernel"
        ),
        "no answer for None": _fold(none="pass"),
        "gamma forgotten": _fold(scale="1 / np.sqrt(variance + epsilon)"),
    },
    "kinds": {
        "instance asked last": _WHICH.format(
            order='(("batch", (0, 1, 2)), ("layer", (1, 2, 3)), ("instance", (1, 2)))',
            gone="np.abs(y.mean(axis=over)).max() < 1e-3",
        ),
        "always the same": 'def which(y):\n    return "batch"\n',
        "the mean of the means": _WHICH.format(order=_ORDER, gone="abs(y.mean(axis=over).mean()) < 1e-3"),
        "exactly zero": _WHICH.format(order=_ORDER, gone="(y.mean(axis=over) == 0).all()"),
        "layer and batch exchanged": _WHICH.format(
            order='(("instance", (1, 2)), ("layer", (0, 1, 2)), ("batch", (1, 2, 3)))',
            gone="np.abs(y.mean(axis=over)).max() < 1e-3",
        ),
        "any instead of all": _WHICH.format(order=_ORDER, gone="np.abs(y.mean(axis=over)).min() < 1e-3"),
        "no none": _WHICH.format(
            order='(("instance", (1, 2)), ("batch", (0, 1, 2)))',
            gone="np.abs(y.mean(axis=over)).max() < 1e-3",
        ).replace('"none"', '"layer"'),
    },
    "deep": {
        "no normalization": _deep(norm="pass", epochs=3),
        "averages too young": _deep(norm="network.add(keras.layers.BatchNormalization(momentum=0.999))"),
        "not deep enough": _deep(depth=4),
        "too wide": _deep(width=48),
        "sigmoid and nothing else": _deep(norm="pass", activation="sigmoid"),
        "shuffled labels": _deep(labels="np.random.permutation(y_train)"),
        "the history instead of the model": _deep(result="network.history"),
        "no activation": _deep(activation="linear"),
        "a convolution": _deep().replace(
            "keras.layers.Flatten()]",
            "keras.layers.Reshape((28, 28, 1)), keras.layers.Conv2D(8, 5, strides=4, activation='relu'), "
            "keras.layers.Flatten()]",
        ),
        "row by row": _deep()
        .replace(", keras.layers.Flatten()]", "]")
        .replace(
            "network.add(keras.layers.Dense(10))",
            "network.add(keras.layers.Flatten())\n    network.add(keras.layers.Dense(10))",
        ),
        "layer normalization": _deep(norm="network.add(keras.layers.LayerNormalization())"),
        "not trained": _deep(epochs=0),
    },
}
