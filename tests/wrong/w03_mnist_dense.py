"""Wrong answers to exercise 03 that students give: each loses points of its own task, and of no other."""

_TRAINED = """
def letter_network(x_train, y_train, x_val, y_val):
    {data}
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), {layers}])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits={logits}))
    model.fit(x_train, y_train, batch_size=128, epochs={epochs}, verbose=0)
    return {result}
"""


def _network(
    data: str = "pass",
    layers: str = 'keras.layers.Dense(48, activation="relu"), keras.layers.Dense(10)',
    logits: bool = True,
    epochs: int = 3,
    result: str = "model",
) -> str:
    return _TRAINED.format(data=data, layers=layers, logits=logits, epochs=epochs, result=result)


_STOP = """
def train_until(model, x_train, y_train, x_val, y_val, patience, most_epochs):
    losses, best, since = [], model.get_weights(), 0
    for epoch in range(most_epochs):
        history = model.fit(
            x_train, y_train, batch_size=32, epochs=1, validation_data=(x_val, y_val), verbose=0
        ).history
        losses.append(history[{watched}][0])
        if {better}:
            best, since = model.get_weights(), 0
        else:
            since += 1
        if since {enough}:
            {restore}
            break
    {at_end}
    return losses
"""


def _stop(
    watched: str = '"val_loss"',
    better: str = "losses.index(min(losses)) == epoch",
    enough: str = ">= patience",
    restore: str = "pass",
    at_end: str = "model.set_weights(best)",
) -> str:
    return _STOP.format(watched=watched, better=better, enough=enough, restore=restore, at_end=at_end)


WRONG: dict[str, dict[str, str]] = {
    "standardize": {
        "the test images' own figures": """
def standardized(train, other):
    def scale(images):
        deviation = images.std(axis=0)
        return (images - images.mean(axis=0)) / np.where(deviation > 0, deviation, 1)

    return scale(train), scale(other)
""",
        "figures of all images together": """
def standardized(train, other):
    everything = np.concatenate([train, other])
    mean, deviation = everything.mean(axis=0), everything.std(axis=0)
    deviation[deviation == 0] = 1
    return (train - mean) / deviation, (other - mean) / deviation
""",
        "one mean for all pixels": """
def standardized(train, other):
    return (train - train.mean()) / train.std(), (other - train.mean()) / train.std()
""",
        "one mean for each image": """
def standardized(train, other):
    def scale(images):
        deviation = images.std(axis=(1, 2), keepdims=True)
        return (images - images.mean(axis=(1, 2), keepdims=True)) / np.where(deviation > 0, deviation, 1)

    return scale(train), scale(other)
""",
        "divided by zero": """
def standardized(train, other):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (other - mean) / deviation
""",
        "divided by almost zero": """
def standardized(train, other):
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-8
    return (train - mean) / deviation, (other - mean) / deviation
""",
        "divided by the variance": """
def standardized(train, other):
    mean, variance = train.mean(axis=0), train.var(axis=0)
    variance = np.where(variance > 0, variance, 1)
    return (train - mean) / variance, (other - mean) / variance
""",
    },
    "writers": {
        "images dealt at random": """
def split_by_writer(writers, share, seed):
    order = np.random.default_rng(seed).permutation(len(writers))
    count = int(np.ceil(share * len(writers)))
    return order[count:], order[:count]
""",
        "cut at a share of the sorted images": """
def split_by_writer(writers, share, seed):
    order = np.argsort(writers, kind="stable")
    count = int(np.ceil(share * len(writers)))
    return order[:-count], order[-count:]
""",
        "a share of the writers": """
def split_by_writer(writers, share, seed):
    order = np.random.default_rng(seed).permutation(np.unique(writers))
    chosen = np.isin(writers, order[: round(share * len(order))])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
""",
        "always the same writers": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.unique(writers):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
""",
        "the seed forgotten": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.permutation(np.unique(writers)):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
""",
        "writers numbered from 0 without gaps": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.default_rng(seed).permutation(len(np.unique(writers))):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
""",
        "the parts exchanged": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.default_rng(seed).permutation(np.unique(writers)):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)
""",
        "one writer too many where the share is met exactly": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.default_rng(seed).permutation(np.unique(writers)):
        if chosen.sum() > share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
""",
        "the training part alone": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.default_rng(seed).permutation(np.unique(writers)):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return np.flatnonzero(~chosen)
""",
        "masks": """
def split_by_writer(writers, share, seed):
    chosen = np.zeros(len(writers), bool)
    for writer in np.random.default_rng(seed).permutation(np.unique(writers)):
        if chosen.sum() >= share * len(writers):
            break
        chosen |= writers == writer
    return ~chosen, chosen
""",
    },
    "luck": {
        "the error of one accuracy": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return math.ceil(errors**2 * p * (1 - p) / (p - q) ** 2)
""",
        "standard errors added up": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return math.ceil((errors * (np.sqrt(p * (1 - p)) + np.sqrt(q * (1 - q))) / (p - q)) ** 2)
""",
        "rounded down": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return int(errors**2 * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2)
""",
        "not rounded": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return errors**2 * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2
""",
        "always two errors": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return math.ceil(4 * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2)
""",
        "errors not squared": """
def images_needed(p, q, errors):
    if p == q:
        return math.inf
    return math.ceil(errors * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2)
""",
        "divided by zero": """
def images_needed(p, q, errors):
    return math.ceil(errors**2 * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2)
""",
    },
    "curves": {
        "always the same": """
def diagnose(history):
    return "memorizing"
""",
        "memorizing asked first": """
def diagnose(history):
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "memorizing"
    if history["accuracy"][-1] < 0.8:
        return "underfitting"
    if np.mean(np.diff(history["loss"]) > 0) > 0.2:
        return "learning rate too large"
    return "fine"
""",
        "the gap taken for the turn": """
def diagnose(history):
    if not np.isfinite(history["loss"]).all() or max(history["loss"]) > 5:
        return "learning rate too large"
    if history["accuracy"][-1] < 0.8:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * history["loss"][-1]:
        return "memorizing"
    return "fine"
""",
        "nan forgotten": """
def diagnose(history):
    if max(history["loss"]) > 5:
        return "learning rate too large"
    if history["accuracy"][-1] < 0.8:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "memorizing"
    return "fine"
""",
        "every step up a leap": """
def diagnose(history):
    if not np.isfinite(history["loss"]).all() or (np.diff(history["loss"]) > 0).any():
        return "learning rate too large"
    if history["accuracy"][-1] < 0.8:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "memorizing"
    return "fine"
""",
        "one large step up a leap": """
def diagnose(history):
    loss = np.array(history["loss"])
    if not np.isfinite(loss).all() or (loss[1:] > 1.1 * loss[:-1]).any():
        return "learning rate too large"
    if history["accuracy"][-1] < 0.8:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "memorizing"
    return "fine"
""",
        "names of its own": """
def diagnose(history):
    if not np.isfinite(history["loss"]).all() or max(history["loss"]) > 5:
        return "diverging"
    if history["accuracy"][-1] < 0.8:
        return "underfit"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "overfitting"
    return "good"
""",
    },
    "stop": {
        "the last weights": _stop(at_end="pass"),
        "the best weights only where patience ran out": _stop(
            restore="model.set_weights(best)", at_end="pass"
        ),
        "one epoch too late": _stop(enough="> patience"),
        "the training loss watched": _stop(watched='"loss"'),
        "compared with the epoch before": _stop(better="len(losses) < 2 or losses[-1] < losses[-2]"),
        "an equal loss taken for a new lowest": _stop(better="losses[-1] == min(losses)"),
        "a list of lists": _stop().replace("[0])", ")"),
        "patience ignored": _stop(enough="> most_epochs"),
        "Keras' callback without its best weights": """
def train_until(model, x_train, y_train, x_val, y_val, patience, most_epochs):
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience)
    fitted = model.fit(
        x_train, y_train, batch_size=32, epochs=most_epochs, validation_data=(x_val, y_val),
        callbacks=[stop], verbose=0,
    )
    return fitted.history["val_loss"]
""",
    },
    "scoreboard": {
        "over the budget": _network(
            layers='keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)'
        ),
        "not trained": _network(epochs=0).replace("model.fit", "lambda: model.fit"),
        "shuffled labels": _network(data="y_train = np.random.permutation(y_train)"),
        "the test letters, too": _network(
            data="x_train = np.concatenate([x_train, letters.x_test / 255]); "
            "y_train = np.concatenate([y_train, letters.y_test])"
        ),
        "no hidden layer": _network(layers="keras.layers.Dense(10)"),
        "softmax twice": _network(
            layers='keras.layers.Dense(8, activation="relu"), keras.layers.Dense(10, activation="softmax")'
        ),
        "the history instead of the model": _network(result="model.history"),
        "an activation that is not allowed": _network(
            layers='keras.layers.Dense(48, activation="celu"), keras.layers.Dense(10)'
        ),
        "convolution": _network(
            layers="keras.layers.Reshape((28, 28, 1)), keras.layers.Conv2D(4, 5, strides=3), "
            "keras.layers.Flatten(), keras.layers.Dense(10)"
        ),
    },
}
