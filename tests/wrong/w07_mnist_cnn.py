"""Wrong answers to exercise 07 that students give: each loses points of its own task, and of no other."""

from typing import Any

_COST = """
def cost(shape, filters, size, stride=1, padding="valid"):
    height, width, channels = shape
    {places}
    return {parameters}, {work}
"""
_PLACES = (
    "places = math.prod(math.ceil(side / stride) if padding == 'same' else (side - size) // stride + 1 "
    "for side in (height, width))"
)


def _cost(
    places: str = _PLACES,
    parameters: str = "(size * size * channels + 1) * filters",
    work: str = "places * size * size * channels * filters",
) -> str:
    return _COST.format(places=places, parameters=parameters, work=work)


_SHAPES = """
def shapes(layers, shape):
    result = []
    for kind, *settings in layers:
        if kind == "flatten":
            shape = ({flat},)
        elif kind == "dense":
            shape = (settings[0],)
        else:
            size = settings[-1]
            height, width, channels = shape
            if {too_small}:
                {then}
            if kind == "conv":
                shape = {conv}
            else:
                shape = {pool}
        result.append(shape)
    return result
"""


def _shapes(
    flat: str = "math.prod(shape)",
    too_small: str = "size > min(height, width)",
    then: str = "return None",
    conv: str = "(height - size + 1, width - size + 1, settings[0])",
    pool: str = "(height // size, width // size, channels)",
) -> str:
    return _SHAPES.format(flat=flat, too_small=too_small, then=then, conv=conv, pool=pool)


_TO_CONV = """
def dense_to_conv(weights, shape):
    height, width, channels = shape
    return {result}
"""
_TO_DENSE = """
def conv_to_dense(filters, shape):
    size, _, channels, number = filters.shape
    height, width, _ = shape
    rows, columns = height - size + 1, width - size + 1
    matrix = np.zeros((height, width, channels, rows, columns, number))
    for i in range(rows):
        for j in range({columns}):
            matrix[i : i + size, j : j + size, :, i, j] = {filters}
    return {result}
"""
_RIGHT_ORDER = "matrix.reshape(height * width * channels, rows * columns * number)"


def _translate(
    first: str = "weights.reshape(height, width, channels, -1)",
    columns: str = "columns",
    filters: str = "filters",
    result: str = _RIGHT_ORDER,
) -> dict[str, str]:
    return {
        "translate": _TO_CONV.format(result=first),
        "translate_2": _TO_DENSE.format(columns=columns, filters=filters, result=result),
    }


_TOP_K = """
def top_k(logits, labels, k):
    best = np.argsort({key}, axis=1)[:, {columns}]
    return {scale}float(np.mean((best == labels[:, None]).any(axis=1)))
"""
_GUESSES = """
def guesses(logits, labels, share):
    k = {start}
    while top_k(logits, labels, {tried}) {enough} share:
        k += 1
    return k
"""


def _topk(
    key: str = "-logits",
    columns: str = ":k",
    scale: str = "",
    start: str = "1",
    tried: str = "k",
    enough: str = "<",
) -> dict[str, str]:
    return {
        "topk": _TOP_K.format(key=key, columns=columns, scale=scale),
        "topk_2": _GUESSES.format(start=start, tried=tried, enough=enough),
    }


_MOVED = """
def moved(before, after):
    moves = [(down, right) for down in range({first}, 5) for right in range({first}, 5)]
    best = min(moves, key=lambda move: {misfit})
    return {result}
"""


def _moved(
    first: str = "-4",
    misfit: str = "np.sum((np.roll(before, move, axis=(0, 1)) - after) ** 2)",
    result: str = "best",
) -> str:
    return _MOVED.format(first=first, misfit=misfit, result=result)


_NETWORK = """
def small_network(x_train, y_train, x_val, y_val):
    {data}
    model = keras.Sequential([keras.Input((28, 28, 1)), {layers}])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x_train, y_train, batch_size=64, epochs={epochs}, verbose=0)
    return {result}
"""


def _network(
    data: str = "pass",
    layers: str = 'keras.layers.Conv2D(8, 5, strides=2, activation="relu"), keras.layers.MaxPooling2D(2), '
    "keras.layers.Flatten(), keras.layers.Dense(10)",
    epochs: int = 2,
    result: str = "model",
) -> str:
    return _NETWORK.format(data=data, layers=layers, epochs=epochs, result=result)


WRONG: dict[str, dict[str, Any]] = {
    "cost": {
        "no bias": _cost(parameters="size * size * channels * filters"),
        "one bias for all filters": _cost(parameters="size * size * channels * filters + 1"),
        "channels forgotten": _cost(
            parameters="(size * size + 1) * filters", work="places * size**2 * filters"
        ),
        "the bias multiplied, too": _cost(work="places * (size * size * channels + 1) * filters"),
        "the stride ignored": _cost(
            places="places = height * width if padding == 'same' "
            "else (height - size + 1) * (width - size + 1)"
        ),
        "a square image": _cost(places=_PLACES.replace("(height, width))", "(height, height))")),
        "padding ignored": _cost(
            places="places = ((height - size) // stride + 1) * ((width - size) // stride + 1)"
        ),
        "same rounded down": _cost(
            places=_PLACES.replace("math.ceil(side / stride)", "max(1, side // stride)")
        ),
        "work of one output pixel": _cost(work="size * size * channels * filters"),
    },
    "shapes": {
        "padding": _shapes(conv="(height, width, settings[0])"),
        "one pixel too few": _shapes(conv="(height - size, width - size, settings[0])"),
        "pooling rounded up": _shapes(pool="(-(-height // size), -(-width // size), channels)"),
        "pooling in steps of one": _shapes(pool="(height - size + 1, width - size + 1, channels)"),
        "channels multiplied": _shapes(conv="(height - size + 1, width - size + 1, channels * settings[0])"),
        "flattened without the channels": _shapes(flat="shape[0] * shape[1]"),
        "only the height is checked": _shapes(too_small="size > height"),
        "an error instead of None": _shapes(then='raise ValueError("it does not fit")'),
        "what came before is returned": _shapes(then="return result"),
    },
    "translate": {
        "channels first": _translate("weights.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)"),
        "columns first": _translate("weights.reshape(width, height, channels, -1).transpose(1, 0, 2, 3)"),
        "units first": _translate("weights.T.reshape(-1, height, width, channels)"),
        "the filters turned, as in mathematics": _translate(filters="filters[::-1, ::-1]"),
        "the matrix lies on its side": _translate(result=_RIGHT_ORDER + ".T"),
        "filters first in the answer": _translate(
            result="matrix.transpose(0, 1, 2, 5, 3, 4).reshape(height * width * channels, -1)"
        ),
        "as many columns as rows": _translate(columns="min(rows, columns)"),
    },
    "topk": {
        "the smallest": _topk(key="logits"),
        "the k-th alone": _topk(columns="k - 1 : k"),
        "percent": _topk(scale="100 * "),
        "sorted by absolute value": _topk(key="-np.abs(logits)"),
        "one guess too many": _topk(columns=": k + 1"),
        "more than the share": _topk(enough="+ (k >= logits.shape[1]) <="),
        "counted from zero": _topk(start="0", tried="k + 1"),
        "always as many as there are classes": _topk(start="logits.shape[1]"),
    },
    "moved": {
        "the way back": _moved(result="(-best[0], -best[1])"),
        "right, then down": _moved(result="best[::-1]"),
        "never up or left": _moved(first="0"),
        "maps exactly equal": _moved(
            misfit="0 if np.array_equal(np.roll(before, move, axis=(0, 1)), after) else 1"
        ),
        "the first map alone": _moved(misfit="np.sum((np.roll(before, move, (0, 1)) - after)[..., 0] ** 2)"),
        "differences that cancel": _moved(misfit="abs(np.sum(np.roll(before, move, axis=(0, 1)) - after))"),
        "channels moved, too": _moved(misfit="np.sum((np.roll(before, move, axis=(1, 2)) - after) ** 2)"),
    },
    "budget": {
        "over the budget": _network(
            layers='keras.layers.Conv2D(32, 3, strides=2, activation="relu"), keras.layers.Flatten(), '
            "keras.layers.Dense(10)"
        ),
        "not trained": _network().replace("model.fit(", "(lambda *_, **__: None)("),
        "shuffled labels": _network(data="y_train = np.random.permutation(y_train)"),
        "no convolution": _network(
            layers='keras.layers.Flatten(), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(10)'
        ),
        "pooled to nothing": _network(
            layers="keras.layers.Conv2D(8, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(10)"
        ),
        "the history instead of the model": _network(result="model.history"),
        "a layer that is not allowed": _network(
            layers="keras.layers.SeparableConv2D(8, 5, strides=2), keras.layers.Flatten(), "
            "keras.layers.Dense(10)"
        ),
        "one number for each image": _network(
            layers="keras.layers.Conv2D(8, 5, strides=4), keras.layers.Flatten(), keras.layers.Dense(11)"
        ),
    },
}
