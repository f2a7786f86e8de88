"""Mutants of lecture 01."""

from mutation import Mutant

MUTANTS = [
    Mutant("sigmoid becomes tanh", "return 1 / (1 + np.exp(-z))", "return np.tanh(z)"),
    Mutant("a weight of the first neuron", "[1, -2, 2],  # first neuron", "[1, 2, 2],  # first neuron"),
    Mutant("the output weights in another order", "[[-3, 1, -3], [0, 1, 2]]", "[[-3, 1, -3], [2, 1, 0]]"),
    Mutant("no bias", "b_hidden = np.full(3, 0.1)", "b_hidden = np.zeros(3)"),
    Mutant(
        "the kernel not transposed", "kernels = [W_hidden.T, W_output.T]", "kernels = [W_hidden, W_output.T]"
    ),
    Mutant(
        "another activation in Keras",
        'keras.layers.Dense(3, activation="sigmoid")',
        'keras.layers.Dense(3, activation="tanh")',
    ),
    Mutant("the derivative of tanh", "lambda z: 1 - np.tanh(z) ** 2", "lambda z: 1 - np.tanh(z)"),
    Mutant(
        "softmax over the wrong axis of numbers",
        "return exponentials / exponentials.sum(axis=-1, keepdims=True)",
        "return exponentials / exponentials.max(axis=-1, keepdims=True)",
    ),
    Mutant(
        "softmax without the shift",
        "scaled = (z - z.max(axis=-1, keepdims=True)) / temperature",
        "scaled = z / temperature",
    ),
    Mutant("no bend in the XOR network", 'relu = activations["ReLU"][0]', "relu = lambda z: z"),
    Mutant("rings solved by linear units", '[units], activation="tanh"', '[units], activation="identity"'),
    Mutant(
        "a tent that does not fold",
        "return 2 * relu(x) - 4 * relu(x - 0.5)",
        "return 2 * relu(x) - 2 * relu(x - 0.5)",
    ),
]
