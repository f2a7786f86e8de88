"""Wrong answers to exercise 04 that students give: each loses points of its own task, and of no other."""

_NESTEROV = """
def nesterov(w, v, g, learning_rate, beta):
    {body}
"""

_SCHEDULE = """
def warm_rate(step, warmup, total, highest):
    if step < warmup:
        return {rising}
    {after}
    return {falling}
"""


def _schedule(
    rising: str = "highest * (step + 1) / warmup",
    after: str = "step = min(step, total)",
    falling: str = "highest / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))",
) -> str:
    return _SCHEDULE.format(rising=rising, after=after, falling=falling)


_LEAKY = """
def leaky_scale(n_in, slope):
    return {formula}
"""
_MEASURED = """
def scale_for(f, n_in):
    z = np.random.default_rng(1).normal(size=400_000)
    return {formula}
"""


def _scale(
    leaky: str = "(2 / ((1 + slope**2) * n_in)) ** 0.5", measured: str = "(n_in * np.mean(f(z) ** 2)) ** -0.5"
) -> dict[str, str]:
    return {"scale": _LEAKY.format(formula=leaky), "scale_2": _MEASURED.format(formula=measured)}


_DIAGNOSE = """
def diagnose(losses, sizes):
    growth = {growth}
    if growth > 100:
        return "exploding"
    if growth < 0.01:
        return "vanishing"
    if {leaps}:
        return "rate too large"
    return {rest}
"""


def _diagnose(
    growth: str = "sizes[0] / sizes[-1]",
    leaps: str = "not np.isfinite(losses).all() or max(losses) > 1.3 * losses[0]",
    rest: str = '"fine" if losses[-1] < 0.95 * losses[0] else "rate too small"',
) -> str:
    return _DIAGNOSE.format(growth=growth, leaps=leaps, rest=rest)


_RATE = """
def find_rate(train_step):
    rates, losses = {rates}, []
    for rate in rates:
        losses.append(train_step(rate))
        if {stop}:
            break
    return {answer}
"""


def _rate(
    rates: str = "np.geomspace(1e-6, 1e6, 150)",
    stop: str = "not losses[-1] < 1e6 * losses[0]",
    answer: str = "rates[int(np.nanargmin(losses))] / 3",
) -> str:
    return _RATE.format(rates=rates, stop=stop, answer=answer)


_DEEP = """
def deep_network(x_train, y_train):
    {data}
    hidden = [{layer} for _ in range({depth})]
    network = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam({rate}), loss=loss)
    network.fit(x_train, y_train, batch_size=32, epochs={epochs}, verbose=0)
    return {result}
"""


def _deep(
    data: str = "pass",
    layer: str = 'keras.layers.Dense(16, activation="relu", kernel_initializer="he_normal")',
    depth: int = 30,
    rate: float = 0.002,
    epochs: int = 3,
    result: str = "network",
) -> str:
    return _DEEP.format(data=data, layer=layer, depth=depth, rate=rate, epochs=epochs, result=result)


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "nesterov": {
        "plain momentum": _NESTEROV.format(
            body="v = beta * v - learning_rate * g\n    return w + v, v",
        ),
        "the old velocity in the second formula": _NESTEROV.format(
            body="new = beta * v - learning_rate * g\n    return w + beta * v - learning_rate * g, new",
        ),
        "velocity and weights exchanged": _NESTEROV.format(
            body="v = beta * v - learning_rate * g\n    return v, w + beta * v - learning_rate * g",
        ),
        "the velocity not returned": _NESTEROV.format(
            body="v = beta * v - learning_rate * g\n    return w + beta * v - learning_rate * g",
        ),
        "the slides' factor 1 - beta": _NESTEROV.format(
            body="v = beta * v - (1 - beta) * learning_rate * g\n    "
            "return w + beta * v - learning_rate * g, v",
        ),
        "arrays changed in place": _NESTEROV.format(
            body="v *= beta\n    v -= learning_rate * g\n    "
            "w += beta * v - learning_rate * g\n    return w, v",
        ),
        "uphill": _NESTEROV.format(
            body="v = beta * v + learning_rate * g\n    return w + beta * v + learning_rate * g, v",
        ),
    },
    "schedule": {
        "begins at zero": _schedule(rising="highest * step / warmup"),
        "rises again after the end": _schedule(after="pass"),
        "the cosine counts from step 0": _schedule(
            falling="highest / 2 * (1 + math.cos(math.pi * step / total))"
        ),
        "a quarter wave": _schedule(
            falling="highest * math.cos(math.pi / 2 * (step - warmup) / (total - warmup))"
        ),
        "linear instead of the cosine": _schedule(falling="highest * (total - step) / (total - warmup)"),
        "divided by zero without a warm-up": _schedule(
            after="step, scale = min(step, total), (step + 1) / warmup"
        ),
        "the last step counts one less": _schedule(
            falling="highest / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup - 1)))"
        ),
    },
    "scale": {
        "the variance": _scale("2 / ((1 + slope**2) * n_in)", "1 / (n_in * np.mean(f(z) ** 2))"),
        "the slope not squared": _scale("(2 / ((1 + slope) * n_in)) ** 0.5"),
        "He for everything": _scale("(2 / n_in) ** 0.5", "(2 / n_in) ** 0.5"),
        "half of a leaky unit forgotten": _scale("(1 / ((1 + slope**2) * n_in)) ** 0.5"),
        "the variance of f in place of its mean square": _scale(
            measured="(n_in * np.var(f(z))) ** -0.5",
        ),
        "the square of the mean": _scale(measured="(n_in * np.mean(np.abs(f(z))) ** 2) ** -0.5"),
        "too few numbers": _scale(measured="(n_in * np.mean(f(z[:30]) ** 2)) ** -0.5"),
        "n forgotten": _scale(measured="np.mean(f(z) ** 2) ** -0.5"),
    },
    "diagnose": {
        "always the same": '\ndef diagnose(losses, sizes):\n    return "fine"\n',
        "the layers the wrong way round": _diagnose(growth="sizes[-1] / sizes[0]"),
        "nan forgotten": _diagnose(leaps="losses[-1] > 1.3 * losses[0]"),
        "the last loss only": _diagnose(leaps="not losses[-1] < 2 * losses[0]", rest='"fine"'),
        "the loss asked first": """
def diagnose(losses, sizes):
    if not np.isfinite(losses).all() or losses[-1] > losses[0]:
        return "rate too large"
    if losses[-1] > 0.95 * losses[0]:
        return "rate too small"
    if sizes[0] < 0.01 * sizes[-1]:
        return "vanishing"
    return "exploding" if sizes[0] > 100 * sizes[-1] else "fine"
""",
        "the first size alone": _diagnose(growth="sizes[0]"),
        "names of its own": _diagnose(rest='"good" if losses[-1] < 0.95 * losses[0] else "too slow"'),
    },
    "rate": {
        "always the same": "\ndef find_rate(train_step):\n    return 0.01\n",
        "an even grid": _rate(rates="np.linspace(1e-6, 1e6, 150)"),
        "the largest that was tried": _rate(answer="rates[len(losses) - 1]"),
        "too many calls": _rate(rates="np.geomspace(1e-6, 1e6, 1000)"),
        "the lowest loss in place of its rate": _rate(answer="min(losses)"),
        "far too careful": _rate(answer="rates[int(np.nanargmin(losses))] / 1000"),
        "the list of all rates": _rate(answer="list(rates)"),
    },
    "deep": {
        "Keras' own first weights": _deep(layer='keras.layers.Dense(16, activation="relu")'),
        "weights at zero": _deep(
            layer='keras.layers.Dense(16, activation="relu", kernel_initializer="zeros")', epochs=2
        ),
        "three layers": _deep(depth=3, epochs=40),
        "no activation": _deep(layer="keras.layers.Dense(16)", epochs=2),
        "batch normalization": _deep(
            layer='keras.Sequential([keras.layers.Dense(16, activation="relu"), '
            "keras.layers.BatchNormalization()])",
            epochs=1,
        ),
        "wide layers": _deep(
            layer='keras.layers.Dense(32, activation="relu", kernel_initializer="he_normal")', epochs=1
        ),
        "shuffled labels": _deep(data="y_train = np.random.default_rng(0).permutation(y_train)", epochs=2),
        "the history": _deep(result="network.history", epochs=1),
        "far too large a rate": _deep(rate=1.0, epochs=2),
    },
}
