"""Wrong answers to exercise 14 that students give: each loses points of its own task, and of no other."""

_STEP = """
def lstm_step(x, h, c, W, U, b):
    {order} = np.split(x @ W + h @ U{bias}, 4, axis=1)
    old = c
    c = {cell}
    return {result}
"""
_LSTM = """
def lstm(x, W, U, b, backwards):
    h = c = np.zeros((len(x), len(U)))
    outputs = []
    for moment in {order}:
        h, c = {step}
        outputs.append(h)
    {after}
    return np.stack(outputs, axis=1)
"""


def _cell(
    order: str = "i, f, g, o",
    bias: str = " + b",
    cell: str = "special.expit(f) * c + special.expit(i) * np.tanh(g)",
    result: str = "special.expit(o) * np.tanh(c), c",
    moments: str = "(range(x.shape[1])[::-1] if backwards else range(x.shape[1]))",
    step: str = "lstm_step(x[:, moment], h, c, W, U, b)",
    after: str = "outputs = outputs[::-1] if backwards else outputs",
) -> dict[str, str]:
    return {
        "cell": _STEP.format(order=order, bias=bias, cell=cell, result=result),
        "cell_2": _LSTM.format(order=moments, step=step, after=after),
    }


_COUNT = """
def count(layers, inputs):
    total = 0
    for kind, units, both in layers:
        gates = {gates}[kind]
        total += gates * units * ({row}) * ({ways})
        inputs = {next}
    return total
"""
_LARGEST = """
def largest(kind, inputs, budget):
    gates = {{"simple": 1, "gru": 3, "gru before": 3, "lstm": 4}}[kind]
    biases = 2 if kind == "gru" else 1
    units = 0
    while gates * (units + 1) * (inputs + units + 1 + biases) {compare} budget:
        units += 1
    return {result}
"""


def _count(
    gates: str = '{"simple": 1, "gru": 3, "gru before": 3, "lstm": 4}',
    row: str = 'inputs + units + (2 if kind == "gru" else 1)',
    ways: str = "2 if both else 1",
    following: str = "units * (2 if both else 1)",
    compare: str = "<=",
    result: str = "units",
) -> dict[str, str]:
    return {
        "count": _COUNT.format(gates=gates, row=row, ways=ways, next=following),
        "count_2": _LARGEST.format(compare=compare, result=result),
    }


_PADDING = """
def last_and_mean(h, tokens):
    real = tokens != 0
    lengths = real.sum(axis=1)
    place = {place}
    last = h[np.arange(len(h)), place]{none}
    return last, {mean}
"""


def _padding(
    place: str = "(real * np.arange(1, 1 + tokens.shape[1])).max(axis=1) - 1",
    none: str = " * (lengths > 0)[:, None]",
    mean: str = "(h * real[:, :, None]).sum(axis=1) / np.maximum(lengths, 1)[:, None]",
) -> str:
    return _PADDING.format(place=place, none=none, mean=mean)


_BACK = """
def back(gradient, U, states):
    rows = [gradient]
    for h in {states}:
        rows.append({row})
    return np.array({result})
"""
_CLIP = """
def clip(gradients, limit):
    norm = math.sqrt(sum(np.sum(array**2) for array in gradients))
    with np.errstate(all="ignore"):
        {clipped}
    return clipped, {norm}
"""


def _lag(
    states: str = "states[:0:-1]",
    row: str = "(rows[-1] * (1 - h**2)) @ U.T",
    result: str = "rows[::-1]",
    clipped: str = "clipped = [array * (limit / norm if norm > limit else 1) for array in gradients]",
    norm: str = "norm",
) -> dict[str, str]:
    return {
        "lag": _BACK.format(states=states, row=row, result=result),
        "lag_2": _CLIP.format(clipped=clipped, norm=norm),
    }


_PROBABILITIES = """
def probabilities(logits, temperature):
    with np.errstate(all="ignore"):
        shifted = np.exp({exponent})
        return shifted / shifted.sum()
"""
_WHICH = """
def which_temperatures(logits, counts):
    choices = np.array([0.25, 0.5, 1.0, 2.0])
    p = special.softmax(np.asarray(logits) / choices[:, None], axis=1)
    counts = np.asarray(counts)
    {named}
"""
_LIKELY = "return choices[(counts @ np.log(p).T).argmax(axis=1)].tolist()"


def _temperature(
    exponent: str = "(logits - np.max(logits)) / temperature", named: str = _LIKELY
) -> dict[str, str]:
    return {
        "temperature": _PROBABILITIES.format(exponent=exponent),
        "temperature_2": _WHICH.format(named=named),
    }


_REMEMBER = """
def remembering_network(x_train, y_train):
    network = keras.Sequential([keras.Input((40,)), {layers}])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), loss=loss)
    network.fit({data}, batch_size={size}, epochs=1, verbose=0)
    return {result}
"""
_READ = "keras.layers.Embedding(9, 8, mask_zero=True), keras.layers.{}, keras.layers.Dense(8)"


def _remember(
    layers: str = _READ.format("LSTM(16)"),
    data: str = "x_train[:500], y_train[:500]",
    size: int = 100,
    result: str = "network",
) -> str:
    return _REMEMBER.format(layers=layers, data=data, size=size, result=result)


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "cell": {
        "the gates in another order": _cell(order="f, i, g, o"),
        "the output gate before the candidate": _cell(order="i, f, o, g"),
        "the bias forgotten": _cell(bias=""),
        "the candidate without its tanh": _cell(cell="special.expit(f) * c + special.expit(i) * g"),
        "the outputs from the old cell": _cell(result="special.expit(o) * np.tanh(old), c"),
        "the cell without its tanh": _cell(result="special.expit(o) * c, c"),
        "forgets what it does not take in": _cell(
            cell="special.expit(f) * c + (1 - special.expit(f)) * np.tanh(g)"
        ),
        "backwards in the order of reading": _cell(after=""),
        "reads forwards and turns the outputs": _cell(moments="range(x.shape[1])"),
        "a state that is never passed on": _cell(step="lstm_step(x[:, moment], 0 * h, 0 * c, W, U, b)"),
    },
    "count": {
        "an LSTM with three gates": _count(gates='{"simple": 1, "gru": 3, "gru before": 3, "lstm": 3}'),
        "one bias for every GRU": _count(row="inputs + units + 1"),
        "no bias": _count(row="inputs + units"),
        "the state forgotten": _count(row="inputs + 1"),
        "both ways counted once": _count(ways="1"),
        "one direction handed on": _count(following="units"),
        "every layer reads the inputs": _count(following="inputs"),
        "below the budget": _count(compare="<"),
        "the first one that is too large": _count(result="units + 1"),
    },
    "padding": {
        "the last column": _padding(place="tokens.shape[1] - 1"),
        "the length as the place": _padding(place="np.maximum(lengths, 1) - 1"),
        "the first padding": _padding(place="np.argmin(real, axis=1)"),
        "one step too late": _padding(place="np.minimum(lengths, tokens.shape[1] - 1)"),
        "padding averaged too": _padding(mean="h.mean(axis=1)"),
        "divided by all steps": _padding(mean="(h * real[:, :, None]).mean(axis=1)"),
        "one length for all": _padding(mean="(h * real[:, :, None]).sum(axis=1) / lengths.mean()"),
        "nan without a real step": _padding(mean="h.mean(axis=1, where=real[:, :, None])"),
        "some state without a real step": _padding(none=""),
        "the other way round": """
def last_and_mean(h, tokens):
    real = tokens != 0
    lengths = np.maximum(real.sum(axis=1), 1)
    place = (real * np.arange(1, 1 + tokens.shape[1])).max(axis=1) - 1
    return (h * real[:, :, None]).sum(axis=1) / lengths[:, None], h[np.arange(len(h)), place]
""",
    },
    "lag": {
        "the matrix as it goes forwards": _lag(row="(rows[-1] * (1 - h**2)) @ U"),
        "the slope forgotten": _lag(row="rows[-1] @ U.T"),
        "the slope after the matrix": _lag(row="(rows[-1] @ U.T) * (1 - h**2)"),
        "the last row first": _lag(result="rows"),
        "each number by itself": _lag(clipped="clipped = [np.clip(a, -limit, limit) for a in gradients]"),
        "each array by itself": _lag(
            clipped="clipped = [a * min(1, limit / max(np.linalg.norm(a), 1e-30)) for a in gradients]"
        ),
        "always to the limit": _lag(clipped="clipped = [np.nan_to_num(a * limit / norm) for a in gradients]"),
        "zeros become nan": _lag(
            clipped="clipped = [a / np.float64(norm) * min(norm, limit) for a in gradients]"
        ),
        "the norm afterwards": _lag(norm="min(norm, limit)"),
        "in place": _lag(
            clipped="clipped = gradients\n"
            "        for a in gradients:\n            a *= limit / norm if norm > limit else 1"
        ),
    },
    "temperature": {
        "exp overflows": _temperature(exponent="logits / temperature"),
        "multiplied by the temperature": _temperature(exponent="(logits - np.max(logits)) * temperature"),
        "the temperature of the probabilities": _temperature(exponent="logits - np.max(logits)")
        | {
            "temperature": """
def probabilities(logits, temperature):
    return special.softmax(logits) / temperature
"""
        },
        "shifted after the division": _temperature(exponent="logits / temperature - np.max(logits)"),
        "each temperature once": _temperature(
            named="places = np.argsort(np.argsort(-counts.max(axis=1) / counts.sum(axis=1)))\n"
            "    return (0.25 * 2.0**places).tolist()"
        ),
        "hot for cold": _temperature(
            named="return choices[::-1][(counts @ np.log(p).T).argmax(axis=1)].tolist()"
        ),
        "never below one": _temperature(
            named="return np.maximum(1, choices[(counts @ np.log(p).T).argmax(axis=1)]).tolist()"
        ),
        "without logarithms": _temperature(named="return choices[(counts @ p.T).argmax(axis=1)].tolist()"),
        "places instead of temperatures": _temperature(
            named="return (counts @ np.log(p).T).argmax(axis=1).tolist()"
        ),
    },
    "remember": {
        "not enough training": _remember(),
        "a gate that starts where Keras puts it": _remember(layers=_READ.format("GRU(16)")),
        "a simple cell": _remember(layers=_READ.format("SimpleRNN(16)")),
        "labels shuffled": _remember(data="x_train[:500], np.random.permutation(y_train[:500])"),
        "looks at all steps at once": _remember(
            layers="keras.layers.Embedding(9, 8), keras.layers.Flatten(), keras.layers.Dense(8)",
            data="x_train, y_train",
        ),
        "a dense layer on the bare symbols": """
def remembering_network(x_train, y_train):
    network = keras.Sequential([keras.Input((40,)), keras.layers.Dense(8)])
    kernel = np.zeros((40, 8))
    kernel[0] = 2 * np.arange(1, 9)
    network.set_weights([kernel, -(np.arange(1, 9) ** 2.0)])
    return network
""",
        "reads both ways": _remember(layers=_READ.format("Bidirectional(keras.layers.GRU(16))")),
        "reads backwards": _remember(layers=_READ.format("GRU(16, go_backwards=True)")),
        "too many parameters": _remember(layers=_READ.format("LSTM(80)")),
        "the history": _remember(data="x_train[:9], y_train[:9]", result="network.history"),
        "nothing returned": _remember(data="x_train[:9], y_train[:9]", result="None"),
        "a function in the place of a network": """
def remembering_network(x_train, y_train):
    return lambda x: x[:, 0] - 1
""",
    },
}
