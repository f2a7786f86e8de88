"""Mutants of lecture 02."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "entropy without its sign", "entropy = -np.sum(p * np.log2(p))", "entropy = np.sum(p * np.log2(p))"
    ),
    Mutant(
        "the squared error loses its saturation",
        "steps_to_change_mind(lambda a: (a - 1) * a * (1 - a))",
        "steps_to_change_mind(lambda a: (a - 1))",
    ),
    Mutant(
        "uphill instead of downhill",
        "visited.append(visited[-1] - learning_rate * gradient)",
        "visited.append(visited[-1] + learning_rate * gradient)",
    ),
    Mutant("a sign in the gradient", "d_z2 = (p - t) / len(X)", "d_z2 = (t - p) / len(X)"),
    Mutant("the mean forgotten", "d_z2 = (p - t) / len(X)", "d_z2 = (p - t)"),
    Mutant("no derivative of tanh", "d_z1 = d_hidden * (1 - hidden**2)", "d_z1 = d_hidden"),
    Mutant("a weight for the squared-error formula", "I * (O - T) * O * (1 - O)", "I * (O - T) * O"),
    Mutant(
        "another loss in the network by hand",
        "return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))",
        "return np.mean((t - p) ** 2)",
    ),
    Mutant(
        "another loss in Keras",
        "loss_function = keras.losses.BinaryCrossentropy()",
        "loss_function = keras.losses.MeanSquaredError()",
    ),
    Mutant(
        "the optimizer takes no step",
        "    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))  # 5\n",
        "",
    ),
    Mutant("one width for all", "+ log_width)", "+ 0 * log_width)"),
]
