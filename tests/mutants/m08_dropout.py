"""Mutants of lecture 08."""

from mutation import Mutant

_FIRST = "            keras.layers.Dropout(0.25),\n            keras.layers.Flatten(),\n"
_SECOND = '            keras.layers.Dense(128, activation="relu"),\n            keras.layers.Dropout(0.5),\n'

MUTANTS = [
    Mutant(
        "both dropout layers dropped",
        _FIRST + _SECOND,
        "            keras.layers.Flatten(),\n" + '            keras.layers.Dense(128, activation="relu"),\n',
    ),
    Mutant("the rate of a layer swapped with keep", _FIRST, _FIRST.replace("0.25", "0.75")),
    Mutant("rate taken for keep by hand", "rng.random(shape) >= rate", "rng.random(shape) < rate"),
    Mutant("no scaling", "    return x * mask / (1 - rate)", "    return x * mask"),
    Mutant(
        "no scaling in the backward pass",
        "    return gradient * mask / (1 - rate)",
        "    return gradient * mask",
    ),
    Mutant(
        "dropout on in inference",
        "    return model.predict(images, batch_size=500, verbose=0)",
        "    return through(model.layers, images, training=True).numpy()",
    ),
    Mutant(
        "dropout off in the passes",
        "drawn = [through(model.layers[3:], still, training=True).numpy()",
        "drawn = [through(model.layers[3:], still, training=False).numpy()",
    ),
    Mutant(
        "labels shuffled while training",
        "    x_train,\n    y_train,\n    batch_size=BATCH_SIZE",
        "    x_train,\n    np.roll(y_train, 1),\n    batch_size=BATCH_SIZE",
    ),
    Mutant(
        "a convolution without its non-linearity",
        'keras.layers.Conv2D(64, 3, activation="relu")',
        "keras.layers.Conv2D(64, 3)",
    ),
    Mutant(
        "the ensemble not weighted",
        "weight_of = rate ** np.sum(masks == 0, axis=1) * (1 - rate) ** np.sum(masks == 1, axis=1)",
        "weight_of = np.full(len(masks), 1 / len(masks))",
    ),
]
