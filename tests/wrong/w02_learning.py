"""Wrong answers to exercise 02, as students give them: each loses points of its task."""

# Behind each name stands what it must lose.
WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "graph": {
        # w
        "one of two edges forgotten": """
def graph_gradient(w, x, b, t, decay):
    a = np.tanh(w * x + b)
    d_a = a - t
    d_z = d_a * (1 - a**2)
    return {"a": d_a, "z": d_z, "w": d_z * x, "x": d_z * w, "b": d_z}
""",
        # all
        "the sign of the error": """
def graph_gradient(w, x, b, t, decay):
    a = np.tanh(w * x + b)
    d_a = t - a
    d_z = d_a * (1 - a**2)
    return {"a": d_a, "z": d_z, "w": d_z * x + decay * w, "x": d_z * w, "b": d_z}
""",
        # all but a
        "the derivative of the sigmoid": """
def graph_gradient(w, x, b, t, decay):
    a = np.tanh(w * x + b)
    d_a = a - t
    d_z = d_a * a * (1 - a)
    return {"a": d_a, "z": d_z, "w": d_z * x + decay * w, "x": d_z * w, "b": d_z}
""",
        # x and b, w
        "w and x exchanged": """
def graph_gradient(w, x, b, t, decay):
    a = np.tanh(w * x + b)
    d_a = a - t
    d_z = d_a * (1 - a**2)
    return {"a": d_a, "z": d_z, "w": d_z * w + decay * w, "x": d_z * x, "b": d_z}
""",
        # all
        "the derivative at z instead of a": """
def graph_gradient(w, x, b, t, decay):
    z = w * x + b
    d_a = np.tanh(z) - t
    d_z = d_a * (1 - z**2)
    return {"a": d_a, "z": d_z, "w": d_z * x + decay * w, "x": d_z * w, "b": d_z}
""",
        # w
        "the two edges multiplied": """
def graph_gradient(w, x, b, t, decay):
    a = np.tanh(w * x + b)
    d_a = a - t
    d_z = d_a * (1 - a**2)
    return {"a": d_a, "z": d_z, "w": d_z * x * decay * w, "x": d_z * w, "b": d_z}
""",
    },
    "bakery": {
        # the losses
        "the sum in place of the mean": {
            "bakery": """
def bakery_loss(demand, baked, short, left):
    return np.where(baked > demand, left * (baked - demand), short * (demand - baked)).sum()
"""
        },
        # the losses
        "the prices exchanged": {
            "bakery": """
def bakery_loss(demand, baked, short, left):
    return np.where(baked > demand, short * (baked - demand), left * (demand - baked)).mean()
"""
        },
        # the losses
        "leftovers bring money": {
            "bakery": """
def bakery_loss(demand, baked, short, left):
    return np.mean(short * np.maximum(demand - baked, 0) + left * (baked - demand))
"""
        },
        # the losses
        "the mean demand in place of the days": {
            "bakery": """
def bakery_loss(demand, baked, short, left):
    y = np.mean(demand)
    return left * (baked - y) if baked > y else short * (y - baked)
"""
        },
        # the best number
        "the mean": {
            "bakery_2": """
def best_number(demand, short, left):
    return np.mean(demand)
"""
        },
        # the best number
        "the median": {
            "bakery_2": """
def best_number(demand, short, left):
    return np.median(demand)
"""
        },
        # the best number
        "the other quantile": {
            "bakery_2": """
def best_number(demand, short, left):
    return np.quantile(demand, left / (short + left))
"""
        },
        # the best number
        "the loss in place of the number": {
            "bakery_2": """
def best_number(demand, short, left):
    c = np.arange(0, 1000)[:, None]
    losses = np.maximum(left * (c - demand), short * (demand - c)).mean(axis=1)
    return losses.min()
"""
        },
    },
    "from_logits": {
        # very sure, twice
        "through the probability": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), (p - t) / len(z)
""",
        # very sure and wrong
        "clipped": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return -np.mean(t * np.log(q) + (1 - t) * np.log(1 - q)), (p - t) / len(z)
""",
        # everything with a target of 0, and the sure ones
        "only the targets of 1": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(t * np.logaddexp(0, -z)), t * (p - 1) / len(z)
""",
        # the gradient
        "the mean forgotten in the gradient": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(np.logaddexp(0, z) - t * z), p - t
""",
        # the gradient
        "uphill and downhill": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(np.logaddexp(0, z) - t * z), (t - p) / len(z)
""",
        # the gradient
        "the gradient of the squared error": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(np.logaddexp(0, z) - t * z), (p - t) * p * (1 - p) / len(z)
""",
        # the gradient
        "the gradient averaged": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(np.logaddexp(0, z) - t * z), np.mean(p - t)
""",
        # very sure
        "the first half of the trick": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.mean(np.log(1 + np.exp(z)) - t * z), (p - t) / len(z)
""",
        # the loss
        "a sum of losses": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.sum(np.logaddexp(0, z) - t * z), (p - t) / len(z)
""",
        # targets between 0 and 1
        "targets rounded": """
def bce_from_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    return np.where(t > 0.5, np.logaddexp(0, -z), np.logaddexp(0, z)).mean(), (p - (t > 0.5)) / len(z)
""",
    },
    "backward": {
        # one, three and two hidden layers
        "the ReLU forgotten": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, values[i].T @ d)
        db.insert(0, d.sum(axis=0))
        d = d @ kernels[i].T
    return dk, db
""",
        # all but the single example
        "the mean forgotten": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = values[-1] - np.eye(values[-1].shape[1])[labels]
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, values[i].T @ d)
        db.insert(0, d.sum(axis=0))
        d = (d @ kernels[i].T) * (values[i] > 0)
    return dk, db
""",
        # all: the biases, but for the single example
        "the biases averaged": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, values[i].T @ d)
        db.insert(0, d.mean(axis=0))
        d = (d @ kernels[i].T) * (values[i] > 0)
    return dk, db
""",
        # one, three and two hidden layers
        "the derivative of tanh, as in the lecture": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, values[i].T @ d)
        db.insert(0, d.sum(axis=0))
        d = (d @ kernels[i].T) * (1 - values[i] ** 2)
    return dk, db
""",
        # one, three and two hidden layers
        "from the last layer to the first": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.append(values[i].T @ d)
        db.append(d.sum(axis=0))
        d = (d @ kernels[i].T) * (values[i] > 0)
    return dk, db
""",
        # three and two hidden layers
        "one hidden layer only": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    if len(kernels) == 1:
        return [X.T @ d], [d.sum(axis=0)]
    d1 = (d @ kernels[-1].T) * (values[-2] > 0)
    return [X.T @ d1, values[-2].T @ d], [d1.sum(axis=0), d.sum(axis=0)]
""",
        # all
        "the labels as numbers": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - labels[:, None]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, values[i].T @ d)
        db.insert(0, d.sum(axis=0))
        d = (d @ kernels[i].T) * (values[i] > 0)
    return dk, db
""",
        # all
        "the kernels transposed": """
def backward(kernels, biases, X, labels):
    values = network_values(kernels, biases, X)
    d = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    dk, db = [], []
    for i in reversed(range(len(kernels))):
        dk.insert(0, d.T @ values[i])
        db.insert(0, d.sum(axis=0))
        d = (d @ kernels[i].T) * (values[i] > 0)
    return dk, db
""",
    },
    "budget": {
        # rings, moons
        "the lecture's settings": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(budget // n):
        order = rng.permutation(n)
        for i in range(0, n, 16):
            for array, slope in zip(parameters, gradient(parameters, order[i : i + 16])):
                array -= 0.1 * slope
    return parameters
""",
        # rings, moons
        "full batches": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(budget // n):
        for array, slope in zip(parameters, gradient(parameters, np.arange(n))):
            array -= 0.5 * slope
    return parameters
""",
        # all
        "uphill": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(budget // n):
        order = rng.permutation(n)
        for i in range(0, n, 4):
            for array, slope in zip(parameters, gradient(parameters, order[i : i + 4])):
                array += 0.3 * slope
    return parameters
""",
        # rings, moons: one class after the other
        "not shuffled": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(budget // n):
        for i in range(0, n, 4):
            for array, slope in zip(parameters, gradient(parameters, np.arange(i, i + 4))):
                array -= 0.3 * slope
    return parameters
""",
        # the start
        "trained in place": """
def learn(gradient, start, n, budget, rng):
    for _ in range(budget // n):
        order = rng.permutation(n)
        for i in range(0, n, 4):
            for array, slope in zip(start, gradient(start, order[i : i + 4])):
                array -= 0.3 * slope
    return start
""",
        # the start: a copy of the list is not a copy of the arrays
        "only the list copied": """
def learn(gradient, start, n, budget, rng):
    parameters = list(start)
    for _ in range(budget // n):
        order = rng.permutation(n)
        for i in range(0, n, 4):
            for array, slope in zip(parameters, gradient(parameters, order[i : i + 4])):
                array -= 0.3 * slope
    return parameters
""",
        # all
        "more than the budget": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(300):
        order = rng.permutation(n)
        for i in range(0, n, 16):
            for array, slope in zip(parameters, gradient(parameters, order[i : i + 16])):
                array -= 0.1 * slope
    return parameters
""",
        # all
        "the start returned": """
def learn(gradient, start, n, budget, rng):
    parameters = [array.copy() for array in start]
    for _ in range(budget // n):
        order = rng.permutation(n)
        for i in range(0, n, 4):
            slopes = gradient(parameters, order[i : i + 4])
            parameters = [array - 0.3 * slope for array, slope in zip(parameters, slopes)]
    return start
""",
    },
    "diagnose": {
        # "right" and what is taken for what is left over
        "equal to the last digit": """
def diagnose(computed, measured, n):
    if all((c == m).all() for c, m in zip(computed, measured)):
        return "right"
    if all(np.allclose(c, -m, atol=1e-7) for c, m in zip(computed, measured)):
        return "sign"
    if all(np.allclose(c, n * m, atol=1e-7) for c, m in zip(computed, measured)):
        return "mean"
    return "bias" if np.allclose(computed[0], measured[0], atol=1e-7) else "tanh"
""",
        # "right", "bias": the kernels alone do not show it
        "only the kernels": """
def diagnose(computed, measured, n):
    for word, factor in [("right", 1), ("sign", -1), ("mean", n)]:
        if np.allclose(computed[0], factor * measured[0], 1e-4, 1e-7):
            return word
    return "tanh"
""",
        # "sign", and "right" or "mean" with it
        "sizes only": """
def diagnose(computed, measured, n):
    ratio = [np.linalg.norm(c) / np.linalg.norm(m) for c, m in zip(computed, measured)]
    if np.allclose(ratio, 1, atol=1e-4):
        return "right"
    if np.allclose(ratio, n, rtol=1e-4):
        return "mean"
    return "tanh" if np.allclose(ratio[2:], 1, atol=1e-4) else "bias"
""",
        # all
        "always the same word": """
def diagnose(computed, measured, n):
    return "right"
""",
        # "tanh", "bias"
        "two words exchanged": """
def diagnose(computed, measured, n):
    same = [np.allclose(c, m, 1e-4, 1e-7) for c, m in zip(computed, measured)]
    if all(same):
        return "right"
    if all(np.allclose(c, -m, 1e-4, 1e-7) for c, m in zip(computed, measured)):
        return "sign"
    if all(np.allclose(c, n * m, 1e-4, 1e-7) for c, m in zip(computed, measured)):
        return "mean"
    return "bias" if same[2] and same[3] else "tanh"
""",
        # "mean": the number of examples of the check
        "n taken for 12": """
def diagnose(computed, measured, n):
    for word, factor in [("right", 1), ("sign", -1), ("mean", 12)]:
        if all(np.allclose(c, factor * m, 1e-4, 1e-7) for c, m in zip(computed, measured)):
            return word
    return "tanh" if np.allclose(computed[3], measured[3], 1e-4, 1e-7) else "bias"
""",
    },
}
