"""Wrong answers to exercise 01, as students give them: each loses points of its task."""

# Behind each name stands what it must lose.
WRONG: dict[str, dict[str, str]] = {
    "parameters": {
        # all
        "no biases": """
def count_parameters(sizes):
    return sum(a * b for a, b in zip(sizes, sizes[1:]))
""",
        # all: the slides' mistake
        "one bias per layer": """
def count_parameters(sizes):
    return sum(a * b + 1 for a, b in zip(sizes, sizes[1:]))
""",
        # all
        "a bias for each input, too": """
def count_parameters(sizes):
    return sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes)
""",
        # deeper networks
        "the last layer forgotten": """
def count_parameters(sizes):
    total = 0
    for i in range(max(1, len(sizes) - 2)):
        total += sizes[i] * sizes[i + 1] + sizes[i + 1]
    return total
""",
        # all
        "printed, not returned": """
def count_parameters(sizes):
    print(sum((a + 1) * b for a, b in zip(sizes, sizes[1:])))
""",
    },
    "graph": {
        # all
        "rows of A instead of columns": """
def forward_graph(X, A, bias):
    values = np.zeros((len(X), len(A)))
    values[:, : X.shape[1]] = X
    for j in range(X.shape[1], len(A)):
        values[:, j] = sigmoid(values @ A[j] + bias[j])
    return values
""",
        # all
        "the inputs sent through the sigmoid": """
def forward_graph(X, A, bias):
    values = np.zeros((len(X), len(A)))
    values[:, : X.shape[1]] = X
    for j in range(len(A)):
        values[:, j] = sigmoid(values @ A[:, j] + bias[j])
    return values
""",
        # all: hidden nodes are used before they are filled in
        "all nodes at once": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)))
    values[:, :n] = X
    values[:, n:] = sigmoid(values @ A + bias)[:, n:]
    return values
""",
        # whole numbers
        "an array of whole numbers": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)), dtype=X.dtype)
    values[:, :n] = X
    for j in range(n, len(A)):
        values[:, j] = sigmoid(values @ A[:, j] + bias[j])
    return values
""",
        # all but the layers without bias
        "the bias forgotten": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)))
    values[:, :n] = X
    for j in range(n, len(A)):
        values[:, j] = sigmoid(values @ A[:, j])
    return values
""",
        # all but the layers without bias
        "the bias off by the inputs": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)))
    values[:, :n] = X
    for j in range(n, len(A)):
        values[:, j] = sigmoid(values @ A[:, j] + bias[j - n])
    return values
""",
        # all but the layers: a second layer that does not see the inputs
        "no shortcuts": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)))
    values[:, :n] = X
    for j in range(n, len(A)):
        start = 0 if j < 2 * n else n
        values[:, j] = sigmoid(values[:, start:j] @ A[start:j, j] + bias[j])
    return values
""",
        # all
        "only the outputs": """
def forward_graph(X, A, bias):
    n = X.shape[1]
    values = np.zeros((len(X), len(A)))
    values[:, :n] = X
    for j in range(n, len(A)):
        values[:, j] = sigmoid(values @ A[:, j] + bias[j])
    return values[:, -2:]
""",
    },
    "log_softmax": {
        # large logits, impossible classes
        "without the shift": """
def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
""",
        # impossible classes
        "the logarithm of a safe softmax": """
def log_softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.log(e / e.sum(axis=-1, keepdims=True))
""",
        # impossible classes
        "clipped": """
def log_softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.log(np.clip(e / e.sum(axis=-1, keepdims=True), 1e-15, 1))
""",
        # the batch, the stack, large
        "summed over the examples": """
def log_softmax(z):
    s = z - z.max(axis=0, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=0, keepdims=True))
""",
        # impossible classes, in rows of different size
        "one shift for all rows": """
def log_softmax(z):
    s = z - z.max()
    return s - np.log(np.exp(s).sum(axis=-1, keepdims=True))
""",
        # whole numbers, and the argument that is changed
        "shifted in place": """
def log_softmax(z):
    z -= z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
""",
        # all
        "the shift taken off once only": """
def log_softmax(z):
    s = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(s).sum(axis=-1, keepdims=True))
""",
        # all
        "the softmax itself": """
def log_softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
""",
        # all but the argument
        "bits instead of nats": """
def log_softmax(z):
    s = z - z.max(axis=-1, keepdims=True)
    return s - np.log2(np.exp(s).sum(axis=-1, keepdims=True))
""",
    },
    "random_layer": {
        # the rings: tanh without a bias is odd, the rings are even
        "no bias in the hidden layer": """
def random_layer(x, y, units, rng):
    kernel = rng.normal(scale=3, size=(2, units))
    hidden = np.hstack([np.tanh(x @ kernel), np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(hidden, y, rcond=None)[0]
    return kernel, np.zeros(units), fitted[:-1], fitted[-1]
""",
        # the last layer
        "fitted to minus one and one": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units)
    hidden = np.hstack([np.tanh(x @ kernel + bias), np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(hidden, 2 * y - 1, rcond=None)[0]
    return kernel, bias, fitted[:-1], fitted[-1]
""",
        # all
        "the bend forgotten in the fit": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units)
    hidden = np.hstack([x @ kernel + bias, np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(hidden, y, rcond=None)[0]
    return kernel, bias, fitted[:-1], fitted[-1]
""",
        # the last layer, and more
        "one half added afterwards": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units)
    fitted = np.linalg.lstsq(np.tanh(x @ kernel + bias), y, rcond=None)[0]
    return kernel, bias, fitted, 0.5
""",
        # the last layer
        "no output bias": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units)
    fitted = np.linalg.lstsq(np.tanh(x @ kernel + bias), y, rcond=None)[0]
    return kernel, bias, fitted, 0.0
""",
        # the last layer
        "one half taken off and added again": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units)
    fitted = np.linalg.lstsq(np.tanh(x @ kernel + bias), y - 0.5, rcond=None)[0]
    return kernel, bias, fitted, 0.5
""",
        # all: another layer than the one that was fitted
        "drawn anew for the answer": """
def random_layer(x, y, units, rng):
    hidden = np.tanh(x @ rng.normal(scale=3, size=(2, units)) + rng.normal(scale=2, size=units))
    fitted = np.linalg.lstsq(np.hstack([hidden, np.ones((len(x), 1))]), y, rcond=None)[0]
    return rng.normal(scale=3, size=(2, units)), rng.normal(scale=2, size=units), fitted[:-1], fitted[-1]
""",
        # all
        "output weights at random, too": """
def random_layer(x, y, units, rng):
    return rng.normal(size=(2, units)), rng.normal(size=units), rng.normal(size=units), 0.0
""",
        # all: the shape
        "the kernel transposed": """
def random_layer(x, y, units, rng):
    kernel, bias = rng.normal(scale=3, size=(units, 2)), rng.normal(scale=2, size=units)
    hidden = np.hstack([np.tanh(x @ kernel.T + bias), np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(hidden, y, rcond=None)[0]
    return kernel, bias, fitted[:-1], fitted[-1]
""",
    },
    "parity": {
        # three inputs and more
        "the lecture's two units": """
def parity_network(n):
    bias = np.zeros(n)
    output = np.zeros(n)
    output[0] = 1
    if n > 1:
        bias[1], output[1] = -1, -2
    return np.ones((n, n)), bias, output, 0.0
""",
        # all but n = 1
        "slopes of one": """
def parity_network(n):
    return np.ones((n, n)), -np.arange(n), (-1.0) ** np.arange(n), 0.0
""",
        # all
        "kinks off by one": """
def parity_network(n):
    return np.ones((n, n)), -np.arange(1, n + 1), np.r_[1, 2 * (-1.0) ** np.arange(1, n)], 0.0
""",
        # all
        "even instead of odd": """
def parity_network(n):
    return np.ones((n, n)), -np.arange(n), -np.r_[1, 2 * (-1.0) ** np.arange(1, n)], 1.0
""",
        # three inputs and more
        "the sign does not alternate": """
def parity_network(n):
    return np.ones((n, n)), -np.arange(n), np.r_[1.0, -2 * np.ones(n - 1)], 0.0
""",
        # the number of units: a unit for each combination of inputs
        "a table": """
def parity_network(n):
    rows = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return (2.0 * rows - 1).T, 1.0 - rows.sum(axis=1), rows.sum(axis=1) % 2.0, 0.0
""",
    },
    "price": {
        # steep targets
        "a factor of four, as in the lecture": """
def units_needed(error, tolerance):
    return 1000 * np.sqrt(error(1000) / tolerance)
""",
        # smooth targets
        "measured with a few units": """
def units_needed(error, tolerance):
    n = np.array([1, 2, 4, 8])
    slope, start = np.polyfit(np.log(n), np.log([error(i) for i in n]), 1)
    return np.exp((np.log(tolerance) - start) / slope)
""",
        # smooth targets: ten units cannot see that the target winds
        "one of the two measurements with few units": """
def units_needed(error, tolerance):
    r = np.log(error(2) / error(1000)) / np.log(500)
    return 1000 * (error(1000) / tolerance) ** (1 / r)
""",
        # all
        "a straight line without logarithms": """
def units_needed(error, tolerance):
    n = np.array([250, 500, 1000])
    slope, start = np.polyfit(n, [error(i) for i in n], 1)
    return (tolerance - start) / slope
""",
        # all
        "the logarithm returned": """
def units_needed(error, tolerance):
    n = np.array([250, 500, 1000])
    slope, start = np.polyfit(np.log(n), np.log([error(i) for i in n]), 1)
    return (np.log(tolerance) - start) / slope
""",
        # all: more units than the machine builds
        "doubled until it is enough": """
def units_needed(error, tolerance):
    n = 1
    while error(n) > tolerance:
        n *= 2
    return n
""",
        # all
        "halved error, doubled units": """
def units_needed(error, tolerance):
    return 1000 * error(1000) / tolerance
""",
    },
}
