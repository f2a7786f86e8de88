"""Wrong answers to exercise 06 that students give: each loses points of its own task, and of no other."""

_PLAN = """
def plan(side, channels, layers):
    rows = []
    for layer in layers:
        if layer[0] == "conv":
            _, filters, size, stride, padding = layer
            count = {count}
            side = {side}
            channels = filters
        elif layer[0] == "pool":
            _, size, stride = layer
            count, side = 0, {pooled}
        else:
            count = {dense}
            side, channels = 1, layer[1]
        rows.append((side, channels, count))
    return rows
"""


def _plan(
    count: str = "filters * (size * size * channels + 1)",
    side: str = "(side + 2 * padding - size) // stride + 1",
    pooled: str = "(side - size) // stride + 1",
    dense: str = "layer[1] * (side * side * channels + 1)",
) -> str:
    return _PLAN.format(count=count, side=side, pooled=pooled, dense=dense)


_VIEW = """
def field_of_view(layers):
    view, jump = 1, 1
    for layer in layers:
        size, stride = (layer[2], layer[3]) if layer[0] == "conv" else (layer[1], layer[2])
        {step}
    return view
"""

_DILATED = """
def dilated(x, kernels, biases, dilation):
    n = len(kernels)
    reach = {reach}
    z = np.zeros((x.shape[0] - reach + 1, x.shape[1] - reach + 1, kernels.shape[3]))
    for i, j, k in np.ndindex(z.shape):
        for u in range(n):
            for v in range(n):
                for c in range(x.shape[2]):
                    z[i, j, k] += x[{row}, {column}, c] * kernels[{weight}, c, k]
    return z {biases}
"""


def _dilated(
    reach: str = "(n - 1) * dilation + 1",
    row: str = "i + u * dilation",
    column: str = "j + v * dilation",
    weight: str = "u, v",
    biases: str = "+ biases",
) -> str:
    return _DILATED.format(reach=reach, row=row, column=column, weight=weight, biases=biases)


_FIND = """
def find(image, template):
    h, w = template.shape
    scores = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(scores.shape):
        window = image[i : i + h, j : j + w]
        scores[i, j] = {score}
    i, j = np.unravel_index({best}, scores.shape)
    return {answer}
"""

_ALIKE = (
    "np.sum((window - window.mean()) * (template - template.mean()))"
    " / (np.sqrt(np.sum((window - window.mean()) ** 2)) + 1e-6)"
)


def _find(score: str = _ALIKE, best: str = "np.argmax(scores)", answer: str = "(i, j)") -> str:
    return _FIND.format(score=score, best=best, answer=answer)


_BACKWARD = """
def input_gradient(d_z, kernels, shape, stride, padding):
    n, (height, width, channels) = len(kernels), shape
    dx = np.zeros((height + 2 * padding, width + 2 * padding, channels))
    for i, j, k in np.ndindex(d_z.shape):
        top, left = {corner}
        dx[top : top + n, left : left + n] {gets} d_z[i, j, k] * {kernel}
    return {result}
"""


def _backward(
    corner: str = "i * stride, j * stride",
    gets: str = "+=",
    kernel: str = "kernels[..., k]",
    result: str = "dx[padding : padding + height, padding : padding + width]",
) -> str:
    return _BACKWARD.format(corner=corner, gets=gets, kernel=kernel, result=result)


_LEARN = """
def learn_filter(images, targets):
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    wanted = targets.reshape(-1)
    w, b = np.zeros(9), {start}
    for _ in range({steps}):
        z = patches @ w + b
        d_z = {d_z}
        w = w - {rate} * patches.T @ d_z
        {bias}
    return {result}
"""


def _learn(
    start: str = "0.1",
    steps: str = "300",
    d_z: str = "(np.maximum(z, 0) - wanted) * (z > 0) / len(wanted)",
    rate: str = "0.5",
    bias: str = "b = b - 0.5 * d_z.sum()",
    result: str = "w.reshape(3, 3), b",
) -> str:
    return _LEARN.format(start=start, steps=steps, d_z=d_z, rate=rate, bias=bias, result=result)


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "plan": {
        "no biases": _plan(
            count="filters * size * size * channels", dense="layer[1] * side * side * channels"
        ),
        "the channels of the input forgotten": _plan(count="filters * (size * size + 1)"),
        "the border on one side only": _plan(side="(side + padding - size) // stride + 1"),
        "the stride forgotten": _plan(side="side + 2 * padding - size + 1"),
        "rounded up": _plan(side="-(-(side + 2 * padding - size) // stride) + 1"),
        "pooling divides by the stride": _plan(pooled="side // stride"),
        "the dense layer sees one place": _plan(dense="layer[1] * (channels + 1)"),
        "the view adds up the sizes": {"plan_2": _VIEW.format(step="view += size - 1")},
        "the view counts the layer's own stride": {
            "plan_2": _VIEW.format(step="jump *= stride; view += (size - 1) * jump")
        },
        "the view as a product": {"plan_2": _VIEW.format(step="view *= size")},
    },
    "dilated": {
        "no holes": _dilated(row="i + u", column="j + v"),
        "a stride in place of holes": _dilated(
            row="(i * dilation + u) % len(x)", column="(j + v) % x.shape[1]"
        ),
        "kernel flipped": _dilated(weight="n - 1 - u, n - 1 - v"),
        "bias forgotten": _dilated(biases=""),
        "window of n times dilation": _dilated(reach="n * dilation"),
        "holes in the rows only": _dilated(column="j + v"),
        "bias added for each channel": _dilated(biases="+ x.shape[2] * biases"),
    },
    "template": {
        "brightness wins": _find("np.sum(window * template)"),
        "the template's mean only": _find("np.sum(window * (template - template.mean()))"),
        "squared differences": _find("-np.sum((window - template) ** 2)"),
        "squared differences without the means": _find(
            "-np.sum((window - window.mean() - template + template.mean()) ** 2)"
        ),
        "column first": _find(answer="(j, i)"),
        "the middle of the window": _find(answer="(i + h // 2, j + w // 2)"),
        "the largest in size, of either sign": _find("-abs(" + _ALIKE + ")"),
    },
    "shift": {
        "always equivariant": 'def effect(layer, side):\n    return "equivariant"',
        "by the shape alone": """
def effect(layer, side):
    shape = np.shape(layer(np.random.default_rng(0).normal(size=(side, side))))
    if len(shape) < 2:
        return "invariant"
    return "equivariant" if shape[1] == side else "stride"
""",
        "one shift, by two pixels": """
def effect(layer, side):
    x = np.random.default_rng(0).normal(size=(side, side))
    before, after = layer(x), layer(np.roll(x, 2, axis=1))
    if np.allclose(before, after):
        return "invariant"
    if np.ndim(before) == 2 and np.allclose(np.roll(before, 2, axis=1), after):
        return "equivariant"
    if np.ndim(before) == 2 and np.allclose(np.roll(before, 1, axis=1), after):
        return "stride"
    return "neither"
""",
        "an image of zeros": """
def effect(layer, side):
    x = np.zeros((side, side))
    before, after = layer(x), layer(np.roll(x, 1, axis=1))
    return "invariant" if np.allclose(before, after) else "neither"
""",
        "the two words mixed up": """
def effect(layer, side):
    x = np.random.default_rng(0).normal(size=(side, side))
    before, after = np.asarray(layer(x)), np.asarray(layer(np.roll(x, 1, axis=1)))
    if np.allclose(before, after):
        return "equivariant"
    if before.ndim == 2 and before.shape[1] == side and np.allclose(np.roll(before, 1, axis=1), after):
        return "invariant"
    return "stride" if before.ndim == 2 and before.shape[1] < side else "neither"
""",
    },
    "backward": {
        "the last window wins": _backward(gets="="),
        "kernel flipped": _backward(kernel="kernels[::-1, ::-1, :, k]"),
        "the stride forgotten": _backward(corner="i, j"),
        "the border not cut off": _backward(result="dx"),
        "the border cut off at one end": _backward(result="dx[:height, :width]"),
        "the border forgotten": """
def input_gradient(d_z, kernels, shape, stride, padding):
    n, dx = len(kernels), np.zeros(shape)
    for i, j, k in np.ndindex(d_z.shape):
        window = dx[i * stride : i * stride + n, j * stride : j * stride + n]
        window += (d_z[i, j, k] * kernels[..., k])[: window.shape[0], : window.shape[1]]
    return dx
""",
        "the first filter only": _backward(kernel="kernels[..., 0]"),
    },
    "learn": {
        "no ReLU": _learn(d_z="(z - wanted) / len(wanted)"),
        "kernel flipped": _learn(result="w[::-1].reshape(3, 3), b"),
        "no bias": _learn(
            start="0.0", d_z="(np.maximum(z, 0) - wanted) * (z >= 0) / len(wanted)", bias="pass"
        ),
        "five steps": _learn(steps="5"),
        "tiny steps": _learn(rate="0.0005", bias="b = b - 0.0005 * d_z.sum()"),
        "starts dead": _learn(start="-1.0"),
        "goes uphill": _learn(d_z="(wanted - np.maximum(z, 0)) * (z > 0) / len(wanted)", steps="20"),
        "transposed": _learn(result="w.reshape(3, 3).T, b"),
        "the kernel alone": _learn(result="w.reshape(3, 3)"),
    },
}
