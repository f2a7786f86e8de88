"""Mutants of lecture 09."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "divided by the variance",
        "normalized = (x - mean) / np.sqrt(variance + epsilon)\n    return gamma",
        "normalized = (x - mean) / (variance + epsilon)\n    return gamma",
    ),
    Mutant("gamma and beta forgotten", "    return gamma * normalized + beta\n", "    return normalized\n"),
    Mutant(
        "the batch's statistics at inference",
        "return self.gamma * (x - self.mean) / np.sqrt(self.variance + self.epsilon) + self.beta",
        "return batch_norm(x, self.gamma, self.beta, self.epsilon)",
    ),
    Mutant("the averages never move", "        keep = self.momentum\n", "        keep = 1.0\n"),
    Mutant(
        "statistics over the features",
        "mean, variance = x.mean(axis=axes), x.var(axis=axes)\n    normalized =",
        "mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)\n    normalized =",
    ),
    Mutant("no way through the variance", "(g - through_mean - through_variance)", "(g - through_mean)"),
    Mutant(
        "normalization dropped from the network",
        "MaxPooling2D(2),\n            keras.layers.BatchNormalization(momentum=0.9),\n",
        "MaxPooling2D(2),\n",
    ),
    Mutant(
        "no activation",
        'keras.layers.Conv2D(64, 3, activation="relu"),',
        "keras.layers.Conv2D(64, 3),",
    ),
    Mutant(
        "labels shuffled while training",
        "    x_train,\n    y_train,\n    batch_size=BATCH_SIZE",
        "    x_train,\n    np.roll(y_train, 1),\n    batch_size=BATCH_SIZE",
    ),
]
