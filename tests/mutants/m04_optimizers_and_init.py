"""Mutants of lecture 04."""

from mutation import Mutant

MUTANTS = [
    Mutant("He's scale forgotten", "    return np.sqrt(2 / n_in)", "    return 1.0"),
    Mutant("He without the 2", "    return np.sqrt(2 / n_in)", "    return np.sqrt(1 / n_in)"),
    Mutant("no activation", '    """The positive part."""\n    return np.maximum(z, 0)', "    return z"),
    Mutant(
        "momentum missing",
        '    state["v"] = beta * state.get("v", 0) - learning_rate * g\n',
        '    state["v"] = -learning_rate * g\n',
    ),
    Mutant(
        "bias correction forgotten",
        "    rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)\n",
        "    rate = learning_rate\n",
    ),
    Mutant(
        "Adam's epsilon inside the root",
        'return w - rate * state["m"] / (np.sqrt(state["s"]) + epsilon)',
        'return w - rate * state["m"] / np.sqrt(state["s"] + epsilon)',
    ),
    Mutant(
        "RMSProp's epsilon outside the root",
        'return w - learning_rate * g / np.sqrt(state["s"] + epsilon)',
        'return w - learning_rate * g / (np.sqrt(state["s"]) + epsilon)',
    ),
    Mutant(
        "the patient's labels not shuffled",
        "np.random.default_rng(5).permutation(y_moons)",
        "y_moons",
    ),
    Mutant(
        "labels shuffled while training",
        "model.fit(x_train, y_train, batch_size=128",
        "model.fit(x_train, np.roll(y_train, 1), batch_size=128",
    ),
    Mutant("clipping forgotten", "return [g * min(1, most / length) for g in gradients]", "return gradients"),
]
