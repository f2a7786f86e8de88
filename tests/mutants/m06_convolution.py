"""Mutants of lecture 06."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "padding ignored",
        "    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])\n    n, _, channels",
        "    n, _, channels",
    ),
    Mutant(
        "kernel flipped",
        "x[i * stride + u, j * stride + v, c] * kernels[u, v, c, k]",
        "x[i * stride + u, j * stride + v, c] * kernels[n - 1 - u, n - 1 - v, c, k]",
    ),
    Mutant(
        "stride forgotten",
        "x[i * stride + u, j * stride + v, c] * kernels[u, v, c, k]",
        "x[i + u, j + v, c] * kernels[u, v, c, k]",
    ),
    Mutant("bias forgotten", "z[i, j, k] = biases[k]", "z[i, j, k] = 0"),
    Mutant(
        "pooling without the stride",
        "window = x[i * stride : i * stride + size, j * stride : j * stride + size]",
        "window = x[i : i + size, j : j + size]",
    ),
    Mutant(
        "no pooling in the networks",
        'MaxPooling2D(2),\n        keras.layers.Conv2D(32, 3, activation="relu"),\n    ]',
        'Activation(None),\n        keras.layers.Conv2D(32, 3, activation="relu"),\n    ]',
    ),
    Mutant(
        "no activation in a convolution",
        'keras.layers.Conv2D(16, 3, activation="relu")',
        "keras.layers.Conv2D(16, 3)",
    ),
    Mutant(
        "expanded, pooled, not bent",
        '"""Cut off what is negative."""\n    return np.maximum(z, 0)',
        '"""Cut off what is negative."""\n    return z',
    ),
    Mutant(
        "the gradient of a shared weight overwritten",
        "d_kernels[..., k] += d_z[i, j, k] * x[rows, columns]",
        "d_kernels[..., k] = d_z[i, j, k] * x[rows, columns]",
    ),
    Mutant(
        "labels shuffled while training",
        "model.fit(images, y_train, batch_size",
        "model.fit(images, np.random.default_rng(seed).permutation(y_train), batch_size",
    ),
    Mutant("pixels keep their places", "np.random.default_rng(0).permutation(784)", "np.arange(784)"),
    Mutant(
        "output size without the border", "return (W - N + 2 * P) // S + 1", "return (W - N + P) // S + 1"
    ),
]
