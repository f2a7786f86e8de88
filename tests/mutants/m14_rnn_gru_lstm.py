"""Mutants of lecture 14."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "no recurrence",
        "        a = np.tanh(x[:, t] @ W + a @ U + b)\n        states.append(a)",
        "        a = np.tanh(x[:, t] @ W + b)\n        states.append(a)",
    ),
    Mutant(
        "the backward reader reads forward",
        "simple_rnn(batch[:, ::-1], *weights[3:])[:, ::-1]",
        "simple_rnn(batch, *weights[3:])",
    ),
    Mutant("back-propagation forgets the way through time", "        g = dz @ U.T\n", "        g = 0 * g\n"),
    Mutant("back-propagation without the slope of tanh", "dz = g * (1 - states[:, t] ** 2)", "dz = g"),
    Mutant("clipping forgotten", "[gradient * min(1, 1 / length) for gradient in gradients]", "gradients"),
    Mutant("no reset gate", "old = reset * a_new if reset_after else", "old = a_new if reset_after else"),
    Mutant("the update gate turned round", "a = keep * a + (1 - keep) *", "a = (1 - keep) * a + keep *"),
    Mutant("no forget gate", "c = sigmoid(forget) * c + sigmoid(update)", "c = c + sigmoid(update)"),
    Mutant(
        "the forget bias given to another gate",
        "[0.0, float(value), 0.0, 0.0]",
        "[float(value), 0.0, 0.0, 0.0]",
    ),
    Mutant("no mask", "        a = np.where(mask[:, t, None], new, a)", "        a = new"),
]
