"""Mutants of lecture 07."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "pixels not scaled",
        'return images[..., np.newaxis].astype("float32") / 255',
        'return images[..., np.newaxis].astype("float32")',
    ),
    Mutant("channel axis in front", "return images[..., np.newaxis]", "return images[:, np.newaxis]"),
    Mutant(
        "no non-linearity after the convolutions",
        'keras.layers.Conv2D(count, 3, activation="relu") for count',
        "keras.layers.Conv2D(count, 3) for count",
    ),
    Mutant(
        "padding",
        'keras.layers.Conv2D(count, 3, activation="relu") for count',
        'keras.layers.Conv2D(count, 3, activation="relu", padding="same") for count',
    ),
    Mutant(
        "pooling dropped",
        "            keras.layers.MaxPooling2D(2),\n            keras.layers.Flatten(),",
        "            keras.layers.MaxPooling2D(1),\n            keras.layers.Flatten(),",
    ),
    Mutant(
        "average instead of largest",
        "            keras.layers.MaxPooling2D(2),\n            keras.layers.Flatten(),",
        "            keras.layers.AveragePooling2D(2),\n            keras.layers.Flatten(),",
    ),
    Mutant(
        "second convolution dropped",
        "two = compiled(convolutional(32, 64, units=128))",
        "two = compiled(convolutional(32, units=128))",
    ),
    Mutant(
        "second convolution dropped where it is trained",
        '"two convolutions": lambda: convolutional(32, 64, units=128)',
        '"two convolutions": lambda: convolutional(64, units=128)',
    ),
    Mutant(
        "labels shuffled while training",
        "model.fit(x_train, y_train, batch_size=BATCH_SIZE",
        "model.fit(x_train, np.roll(y_train, 1), batch_size=BATCH_SIZE",
    ),
    Mutant(
        "validation images also train",
        "x_train, y_train = prepared(digits.x_train[: -digits.validation])",
        "x_train, y_train = prepared(digits.x_train)",
    ),
]
