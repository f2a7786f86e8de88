"""Mutants of lecture 03."""

from mutation import Mutant

MUTANTS = [
    Mutant("pixels not scaled", 'return images.astype("float32") / 255', 'return images.astype("float32")'),
    Mutant("no activation", 'keras.layers.Dense(width, activation="relu")', "keras.layers.Dense(width)"),
    Mutant(
        "a layer too many",
        "*hidden, keras.layers.Dense(10)]",
        "*hidden, keras.layers.Dense(units[-1]), keras.layers.Dense(10)]",
    ),
    Mutant(
        "softmax twice",
        "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False)",
    ),
    Mutant(
        "labels shuffled while training",
        "        y_train,\n        batch_size=BATCH_SIZE",
        "        np.roll(y_train, 1),\n        batch_size=BATCH_SIZE",
    ),
    Mutant(
        "the control keeps its labels",
        "np.random.default_rng(0).permutation(y_train[:1000])",
        "y_train[:1000]",
    ),
    Mutant(
        "validation images also train",
        "x_train, y_train = scaled(digits.x_train[: -digits.validation])",
        "x_train, y_train = scaled(digits.x_train)",
    ),
    Mutant("another number of units", '"64-64": (64, 64)', '"64-64": (64, 32)'),
]
