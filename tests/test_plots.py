"""The figures: what they hold, that their words can be read, and that show() gives each its alt text."""

import base64
import dataclasses
import io
import itertools
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from PIL import Image

from lecture_utils import plots
from lecture_utils.errors import LectureError

RNG = np.random.default_rng(0)
W_HIDDEN = np.array([[1.0, -2, 2], [2, 1, -4], [1, -1, 0]]).T
W_OUTPUT = np.array([[-3.0, 1, -3], [0, 1, 2]]).T
POINTS = RNG.normal(size=(60, 2)).astype(np.float32)
VALUES = [[0.5, 0.9, -0.3], [0.13, 0.958, 0.401], [0.35, 0.85]]
TEN = np.arange(10_000) % 10
CLASSES = (POINTS[:, 0] > 0).astype(int)
EPOCHS = {
    "loss": [2.0, 1, 0.5],
    "val_loss": [2.1, 1.2, 0.9],
    "accuracy": [0.3, 0.6, 0.8],
    "val_accuracy": [0.3, 0.5, 0.7],
}
NODES = {"x": (0, 1, "input\n$x$"), "w": (0, 0, "$w$"), "z": (1.3, 0.5, "×"), "loss": (2.6, 0.5, "loss")}
EDGES = [("x", "z", "0.5", "0.12"), ("w", "z", "−3.0", "0.02"), ("z", "loss", "−1.5", "0.04")]
STEPS: list[tuple[str, Callable[[np.ndarray], Any]]] = [
    ("plane", lambda p: p),
    ("shifted", lambda p: p + np.array([1, 0])),
    ("squeezed", lambda p: 0.1 * p),
    ("in space", lambda p: np.tanh(p @ W_HIDDEN[:2])),
]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def first_input(points: np.ndarray) -> np.ndarray:
    return sigmoid(points[:, 0])


FIGURES: dict[str, Callable[[], Figure]] = {
    "image_grid": lambda: plots.image_grid(
        RNG.random((12, 28, 28)), [f"is {i}, says 9\n99 %" for i in range(12)], title="Digits"
    ),
    "image_grid with long titles": lambda: plots.image_grid(
        np.ones((3, 8, 8)), ["a title of many words"] * 3
    ),
    "image_grid of many": lambda: plots.image_grid(RNG.random((100, 8, 8)), columns=20),
    "image_grid of photographs": lambda: plots.image_grid(np.ones((2, 90, 120, 3)), ["one", "two"]),
    "training_curves": lambda: plots.training_curves(EPOCHS, title="64-64"),
    "training_curves of several": lambda: plots.training_curves({"64-64": EPOCHS, "512-512-512": EPOCHS}),
    "training_curves of one metric": lambda: plots.training_curves({"loss": [1.0, 0.5]}, ["loss"]),
    "confusion_matrix": lambda: plots.confusion_matrix(CLASSES, CLASSES[::-1], ["ankle boot", "trouser"]),
    "confusion_matrix of ten": lambda: plots.confusion_matrix(TEN, TEN[::-1], range(10), title="Ten"),
    "confusion_matrix of many": lambda: plots.confusion_matrix(range(46), range(46), range(46)),
    "decision_regions": lambda: plots.decision_regions(first_input, POINTS, CLASSES, ["left", "right"]),
    "decision_regions of three": lambda: plots.decision_regions(lambda p: p @ np.eye(2, 3), POINTS, CLASSES),
    "scatter": lambda: plots.scatter(POINTS, np.arange(60) % 10, title="ten classes"),
    "scatter in space": lambda: plots.scatter(np.tanh(POINTS @ W_HIDDEN[:2]), CLASSES, title="three units"),
    "weights": lambda: plots.weights([W_HIDDEN, W_OUTPUT], ["hidden", "output, and more"], title="All"),
    "weights of a wide layer": lambda: plots.weights(RNG.normal(size=(784, 64))),
    "weights as images": lambda: plots.weights(RNG.normal(size=(20, 28, 28)), range(20)),
    "feature_maps": lambda: plots.feature_maps(RNG.random((26, 26, 32))),
    "histograms": lambda: plots.histograms({f"layer {i}": RNG.normal(size=99) for i in range(7)}),
    "histograms overlaid": lambda: plots.histograms({"a": [0.0, 1], "b": [1.0, 2]}, overlay=True),
    "transform_grid": lambda: plots.transform_grid(STEPS, POINTS, CLASSES, title="Steps"),
    "network": lambda: plots.network([W_HIDDEN, W_OUTPUT], VALUES, title="A network"),
    "network with all": lambda: plots.network(
        [W_HIDDEN, W_OUTPUT],
        biases=[[0.1] * 3, [0, 0]],
        node_names=[["a", "b", "c"], ["d", "e", "f"], ["g", "h"]],
    ),
    "network 2-8-1": lambda: plots.network([RNG.normal(size=(2, 8)), RNG.normal(size=(8, 1))]),
    "network 5-5-4": lambda: plots.network([RNG.normal(size=(5, 5)), RNG.normal(size=(5, 4))]),
    "computation_graph": lambda: plots.computation_graph(NODES, EDGES, title="One neuron"),
}


def words(figure: Figure) -> list[Text]:
    """Draw a figure and return every text that was drawn."""
    drawn: dict[int, Text] = {}
    draw = Text.draw

    def record(self: Text, *args: Any, **kwargs: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            drawn[id(self)] = self
        draw(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        FigureCanvasAgg(figure).draw()
    return list(drawn.values())


def points_of(line: Any) -> np.ndarray:
    """Return the points of a line, shape (n, 2)."""
    return np.asarray(line.get_xydata())


@dataclasses.dataclass
class Drawn:
    figure: Figure
    words: list[Text]
    png: bytes
    warnings: list[str]


@pytest.fixture(params=FIGURES, scope="module")
def drawn(request: pytest.FixtureRequest) -> Drawn:
    figure = FIGURES[request.param]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return Drawn(figure, words(figure), plots.png(figure), [str(warning.message) for warning in caught])


# --- every figure ----------------------------------------------------------------------------------


def test_letters_are_large_enough_to_read_on_screen(drawn: Drawn) -> None:
    assert drawn.words or not drawn.figure.axes[0].axison
    # a point of the figure is DPI / 96 points on a screen
    small = [
        text.get_text() for text in drawn.words if float(text.get_fontsize()) * drawn.figure.dpi / 96 < 9
    ]
    assert small == []


def test_no_text_covers_another(drawn: Drawn) -> None:
    boxes = [
        (text.get_text(), text.get_window_extent()) for text in drawn.words if text.get_rotation() in (0, 90)
    ]
    covered = []
    for (one, a), (two, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        up = min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 1 and up > 2.5:  # the box of a text has a margin above and below
            covered.append((one, two))
    assert covered == []


def test_figures_are_modest_in_width_and_bytes_and_nothing_is_cut_off(drawn: Drawn) -> None:
    assert len(drawn.png) < 60_000
    image = Image.open(io.BytesIO(drawn.png))
    assert image.width <= 9.1 * plots.DPI
    pixels = np.asarray(image.convert("RGB"))
    for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert (edge == 255).all()


def test_axes_are_labelled(drawn: Drawn) -> None:
    figure = drawn.figure
    for axes in figure.axes:
        if axes.axison and axes.get_visible() and not hasattr(axes, "_colorbar"):
            assert axes.get_xlabel() or figure.get_supxlabel()
            assert axes.get_ylabel() or figure.get_supylabel() or figure.axes[0].get_ylabel()


def test_drawing_warns_of_nothing(drawn: Drawn) -> None:
    assert drawn.warnings == []


# --- style -----------------------------------------------------------------------------------------


def test_colors_differ_for_the_color_blind() -> None:
    # Viénot, Brettel, Mollon: Digital Video Colourmaps for Checking the Legibility of Displays by
    # Dichromats (1999): what is left of a color without red-, and without green-sensitive cones
    linear = np.array([to_rgb(color) for color in plots.PALETTE]) ** 2.2
    protanope = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deuteranope = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    for eye in (np.eye(3), protanope, deuteranope):
        seen = np.clip(linear @ eye.T, 0, 1) ** (1 / 2.2)
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert distance[np.triu_indices(len(seen), 1)].min() > 0.14


def test_lines_differ_without_color() -> None:
    cycle = list(matplotlib.rcParams["axes.prop_cycle"])
    assert len({str(entry["linestyle"]) for entry in cycle}) == len(cycle) == len(plots.PALETTE)


# --- what the figures say --------------------------------------------------------------------------


def test_image_grid_draws_each_image_with_its_own_pixels_and_title() -> None:
    images = np.zeros((3, 4, 4), dtype=np.uint8)
    images[1] = 255
    images[2, 0, 0] = 128
    figure = plots.image_grid(images, ["zero", "one", "two"], columns=2)
    drawn = [np.asarray(image.get_array())[..., :3] for image in figure.axes[0].images]
    assert (drawn[0] == 0).all()
    assert (drawn[1] == 1).all()
    assert drawn[2][0, 0] == pytest.approx(128 / 255, abs=0.01)
    assert [text.get_text() for text in figure.axes[0].texts] == ["zero", "one", "two"]
    boxes = [image.get_extent() for image in figure.axes[0].images]
    assert boxes[0][2] == boxes[1][2]  # side by side
    assert boxes[2][3] >= boxes[0][2]  # in the next row
    for box, text in zip(boxes, figure.axes[0].texts, strict=True):
        assert text.get_position()[0] == pytest.approx((box[0] + box[1]) / 2)


def test_image_grid_shows_all_images_on_one_scale() -> None:
    images = np.stack([np.full((4, 4), 0.2), np.full((4, 4), 0.4)])

    def grays(figure: Figure) -> list[float]:
        return [np.asarray(image.get_array())[0, 0, 0] for image in figure.axes[0].images]

    assert grays(plots.image_grid(images)) == pytest.approx([0, 1])
    assert grays(plots.image_grid(images, vmin=0, vmax=1)) == pytest.approx([0.2, 0.4], abs=0.01)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28)), r"expected shape \(n, h, w\).*got \(28, 28\)"),
        (np.zeros((2, 28, 28, 2)), r"1, 3 or 4 channels.*\(2, 28, 28, 2\)"),
        (np.full((2, 8, 8, 3), 200.0), r"0..1, got 200 to 200. Divide by 255"),
        (np.full((2, 8, 8), np.nan), "128 values are nan"),
        (np.zeros((401, 8, 8)), "at most 400 images.*got 401"),
        (["not", "numbers"], "expected numbers"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "unequal shape"),
    ],
)
def test_image_grid_names_what_is_wrong_with_images(images: Any, message: str) -> None:
    with pytest.raises(LectureError, match=message):
        plots.image_grid(images)


def test_image_grid_wants_a_title_for_each_image() -> None:
    with pytest.raises(LectureError, match=r"titles: expected 3.*got 2"):
        plots.image_grid(np.zeros((3, 8, 8)), ["a", "b"])


def test_training_is_solid_and_validation_dashed() -> None:
    figure = plots.training_curves(EPOCHS)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    for axes, metric in zip(figure.axes, ("loss", "accuracy"), strict=True):
        train, validation = axes.lines
        assert (train.get_linestyle(), validation.get_linestyle()) == ("-", "--")
        assert points_of(train).tolist() == [[i + 1, value] for i, value in enumerate(EPOCHS[metric])]
        assert points_of(validation)[:, 1].tolist() == EPOCHS[f"val_{metric}"]
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]


def test_training_curves_take_a_keras_history_and_several() -> None:
    class History:
        history = EPOCHS

    assert len(plots.training_curves(History()).axes[0].lines) == 2
    figure = plots.training_curves({"small": History(), "large": EPOCHS}, labels=("training", "test"))
    assert len(figure.axes[0].lines) == 4
    colors = [to_hex(line.get_color()) for line in figure.axes[0].lines]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["small", "large", "training", "test"]


def test_training_curves_say_where_a_run_broke() -> None:
    figure = plots.training_curves({"loss": [1.0, 2.0, float("nan"), float("inf")]}, ["loss"])
    assert "not finite from epoch 3" in figure.axes[0].get_title()


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"loss": [1.0]}, "no 'accuracy' in the history; it holds loss"),
        ({"a": EPOCHS, "b": {"loss": [1.0]}}, "no 'accuracy' in the history of b"),
        ([1.0, 2.0], "expected a History or a dict of lists, got list"),
        ({"loss": 3.0, "accuracy": [1.0]}, r"expected shape \(epochs,\), got \(\)"),
    ],
)
def test_training_curves_name_what_is_missing(history: Any, message: str) -> None:
    with pytest.raises(LectureError, match=message):
        plots.training_curves(history)


def test_confusion_matrix_has_true_classes_as_rows() -> None:
    figure = plots.confusion_matrix([0, 0, 0, 1], [0, 1, 1, 1], ["cat", "dog"])
    axes = figure.axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "1", (1, 0): "2", (1, 1): "1"}  # (column, row)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert np.asarray(axes.images[0].get_array()).tolist() == [[0, 2], [0, 0]]  # the diagonal is not colored


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([0, 1], np.eye(2), r"expected labels of shape \(n,\), got \(2, 2\).*argmax"),
        ([0, 1], [0], r"got \(2,\) and \(1,\)"),
        ([0, 2], [0, 1], "y_true: expected whole numbers from 0 to 1, got 0 to 2"),
        ([0, 1], [0.5, 1], "y_pred: expected whole numbers"),
        ([], [], "y_true: expected shape"),
    ],
)
def test_confusion_matrix_names_bad_labels(true: Any, predicted: Any, message: str) -> None:
    with pytest.raises(LectureError, match=message):
        plots.confusion_matrix(true, predicted, ["a", "b"])


def test_the_line_between_two_classes_lies_where_the_probability_is_one_half() -> None:
    figure = plots.decision_regions(lambda p: sigmoid(4 * (p[:, 0] - 0.3)), POINTS, CLASSES)
    edges = {
        c: [to_hex(tuple(e)) for e in np.reshape(c.get_edgecolor(), (-1, 4)).tolist()]
        for c in figure.axes[0].collections
    }
    (line,) = (collection for collection, colors in edges.items() if colors == ["#222222"])
    (path,) = line.get_paths()
    assert np.asarray(path.vertices)[:, 0] == pytest.approx(0.3, abs=0.02)


def test_decision_regions_ask_in_the_dtype_of_the_points_and_take_tensors_and_columns() -> None:
    asked: list[np.dtype] = []

    class Tensor:
        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        def numpy(self) -> np.ndarray:
            return self.values

    def predict(places: np.ndarray) -> Tensor:
        asked.append(places.dtype)
        return Tensor(sigmoid(places[:, :1]))

    plots.decision_regions(predict, POINTS, CLASSES, resolution=20, extent=(-1.0, 1.0, -1.0, 1.0))
    assert asked == [np.dtype(np.float32)]


def test_decision_regions_without_classes_draw_no_points() -> None:
    def points(figure: Figure) -> int:
        return sum(
            np.size(c.get_offsets()) // 2 for c in figure.axes[0].collections if isinstance(c, PathCollection)
        )

    with_points = plots.decision_regions(first_input, POINTS, CLASSES, resolution=20)
    without = plots.decision_regions(first_input, POINTS, None, resolution=20)
    assert (points(with_points), points(without)) == (60, 0)


@pytest.mark.parametrize(
    ("predict", "points", "message"),
    [
        (lambda p: 5 * p[:, 0], POINTS, "expected probabilities, 0..1, got.*sigmoid"),
        (lambda p: np.ones(3), POINTS, "expected 400 answers.*got"),
        (lambda p: np.full(len(p), np.nan), POINTS, "400 values are nan"),
        (lambda p: p[:, 0], np.zeros((4, 3)), r"points_x: expected shape \(n, 2\), got \(4, 3\)"),
        (lambda p: p[:, 0], np.zeros((4, 2)), r"points_y: expected shape \(4,\), got \(60,\)"),
    ],
)
def test_decision_regions_name_bad_shapes(predict: Any, points: np.ndarray, message: str) -> None:
    with pytest.raises(LectureError, match=message):
        plots.decision_regions(predict, points, CLASSES, resolution=20)


def test_points_in_space_need_axes_in_space() -> None:
    points = np.zeros((4, 3))
    assert plots.scatter(points).axes[0].name == "3d"
    with pytest.raises(LectureError, match=r'shape \(4, 3\) need axes made with projection="3d"'):
        plots.scatter(points, axes=Figure().subplots())
    with pytest.raises(LectureError, match=r"expected shape \(n, 2\) or \(n, 3\), got \(4, 5\)"):
        plots.scatter(np.zeros((4, 5)))


def test_figures_side_by_side_share_the_figure_that_was_given() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plots.decision_regions(first_input, POINTS, CLASSES, axes=left, resolution=20) is figure
    assert plots.scatter(POINTS, CLASSES, axes=right) is figure
    assert left.child_axes == []  # no color bar where several stand side by side


def test_weights_are_centered_on_zero_and_written_in_their_cells() -> None:
    figure = plots.weights([np.array([[4.0, -1.0]]), np.array([[2.0]])])
    first, second = figure.axes[:2]
    assert first.images[0].get_clim() == second.images[0].get_clim() == (-4, 4)
    assert [text.get_text() for text in first.texts] == ["4", "−1"]
    assert (first.get_xlabel(), first.get_ylabel()) == ("unit", "input")
    assert "weight" in [text.get_text() for text in words(figure)]


def test_weights_take_one_matrix_as_array_or_as_list_of_rows() -> None:
    for given in (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], [np.array([1, 2]), np.array([3, 4])]):
        assert np.asarray(plots.weights(given).axes[0].images[0].get_array()).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 2, 2)), [np.zeros(3), np.zeros(2)], [], [np.zeros((0, 2))]])
def test_weights_name_bad_shapes(bad: Any) -> None:
    with pytest.raises(LectureError, match="weights"):
        plots.weights(bad)


def test_feature_maps_split_the_last_axis() -> None:
    maps = np.zeros((5, 4, 3))
    maps[..., 2] = 1
    figure = plots.feature_maps(maps)
    drawn = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert [image.shape[:2] for image in drawn] == [(5, 4)] * 3
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    with pytest.raises(LectureError, match=r"without the batch, got \(1, 5, 4, 3\)"):
        plots.feature_maps(maps[None])


def test_histograms_share_their_bins_and_say_what_they_left_out() -> None:
    figure = plots.histograms({"a": [0.0, 1.0], "b": [[3.0, np.nan], [4.0, np.inf]]}, bins=4)
    a, b = figure.axes
    assert b.get_title() == "b\n(2 not finite)"
    heights = [[patch.get_height() for patch in axes.patches] for axes in (a, b)]  # type: ignore[attr-defined]
    assert heights == [[1, 1, 0, 0], [0, 0, 0, 2]]
    for bad in ({}, {"a": [np.nan]}, [1.0, 2.0]):
        with pytest.raises(LectureError, match="histograms"):
            plots.histograms(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("overlay", [True, False])
def test_a_layer_without_any_finite_value_is_named_and_draws_nothing(overlay: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plots.histograms({"a": [np.nan], "b": [1.0, 2.0]}, density=True, overlay=overlay)
        assert "(1 not finite)" in " ".join(text.get_text() for text in words(figure))


def test_transform_grid_passes_the_plane_through_each_function() -> None:
    figure = plots.transform_grid(
        [("moved", lambda p: p + np.array([10, 0])), ("same", lambda p: p)], extent=(-1, 1)
    )

    def corners(axes: Axes) -> list[float]:
        points = np.concatenate(
            [np.asarray(path.vertices) for c in axes.collections for path in c.get_paths()]
        )
        return [*points.min(axis=0), *points.max(axis=0)]

    moved, same = figure.axes
    assert corners(same) == pytest.approx([-1, -1, 1, 1])
    assert corners(moved) == pytest.approx([9, -1, 11, 1])  # each function starts from the plane
    assert same.get_title() == "same"
    with pytest.raises(LectureError, match=r"step 'bad': expected shape .*got \(2662, 4\)"):
        plots.transform_grid([("bad", lambda p: np.ones((len(p), 4)))])


def test_transform_grid_keeps_the_scale_so_that_a_shift_is_seen() -> None:
    steps = [STEPS[0], STEPS[1], STEPS[2]]
    plane, shifted, squeezed = plots.transform_grid(steps).axes
    assert plane.get_xlim() == shifted.get_xlim()
    assert squeezed.get_xlim()[1] < 0.5


def test_network_writes_every_weight_on_its_own_edge() -> None:
    figure = plots.network([W_HIDDEN, W_OUTPUT], VALUES)
    axes = figure.axes[0]
    edges = [line for line in axes.lines if len(points_of(line)) == 2]
    numbers = [text for text in axes.texts if text.get_bbox_patch() is not None]
    expected = [f"{w:.0f}".replace("-", "−") for w in np.concatenate([W_HIDDEN.ravel(), W_OUTPUT.ravel()])]
    assert [text.get_text() for text in numbers] == expected
    for line, text in zip(edges, numbers, strict=True):
        (x0, y0), (x1, y1) = points_of(line)
        x, y = text.get_position()
        assert y == pytest.approx(y0 + (x - x0) / (x1 - x0) * (y1 - y0))  # it stands on the line
        assert line.get_linestyle() == ("--" if text.get_text().startswith("−") else "-")
    assert {"0.5", "0.9", "−0.3", "0.13", "0.96", "0.40", "0.35", "0.85", "input", "hidden", "output"} <= {
        text.get_text() for text in axes.texts
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: plots.network([W_HIDDEN, W_OUTPUT.T]),
            r"weights\[1\]: expected shape \(3, n_out\), got \(2, 3\)",
        ),
        (lambda: plots.network([W_OUTPUT], [[1, 2, 3]]), "values: expected 2 arrays, got 1"),
        (
            lambda: plots.network([W_OUTPUT], [[1, 2], [1, 2]]),
            r"values\[0\]: expected shape \(3,\), got \(2,\)",
        ),
        (lambda: plots.network([np.zeros((784, 10))]), "up to 24 units.*got 784"),
        (lambda: plots.network([W_OUTPUT], names=["input"]), "names: expected 2"),
        (lambda: plots.network([]), "at least one array"),
        (lambda: plots.computation_graph(NODES, [("x", "y", "1")]), "no node 'y'; there are x, w, z, loss"),
        (lambda: plots.computation_graph(NODES, [("x",)]), "expected .from, to, above"),
        (lambda: plots.computation_graph({}, []), "nodes: expected at least one"),
    ],
)
def test_graphs_name_what_does_not_fit(call: Callable[[], Figure], message: str) -> None:
    with pytest.raises(LectureError, match=message):
        call()


def test_boxes_of_a_computation_graph_hold_their_words() -> None:
    figure = plots.computation_graph(
        {"a": (0, 0, "three\nshort\nlines"), "b": (2, 0, "a longer label")}, [("a", "b")], legend=False
    )
    drawn = words(figure)
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    for box, text in zip(boxes, drawn, strict=True):
        outside, inside = box.get_window_extent(), text.get_window_extent()
        assert outside.x0 < inside.x0 < inside.x1 < outside.x1
        assert outside.y0 < inside.y0 < inside.y1 < outside.y1


def test_computation_graph_writes_values_above_and_derivatives_below_their_edge() -> None:
    axes = plots.computation_graph(NODES, EDGES).axes[0]
    at = {text.get_text(): text.get_position() for text in axes.texts}
    for start, end, above, below in EDGES:
        (x0, y0), (x1, y1) = at[NODES[start][2]], at[NODES[end][2]]
        for text, side in ((above, 1), (below, -1)):
            x, y = at[text]
            assert side * (y - (y0 + (x - x0) / (x1 - x0) * (y1 - y0))) > 0


# --- show ------------------------------------------------------------------------------------------

ALT = "A black square above a white one."


def test_show_wants_a_figure_and_an_alt_text_that_says_something() -> None:
    for alt in ("", "a plot", " " * 40, None):
        with pytest.raises(LectureError, match="alt text"):
            plots.show(Figure(), alt)  # type: ignore[arg-type]
    with pytest.raises(LectureError, match="needs a matplotlib Figure, got Axes"):
        plots.show(Figure().subplots(), ALT)  # type: ignore[arg-type]


def test_show_outside_a_notebook_prints_the_alt_text_and_closes_the_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"backend": "agg"}):
        figure = plt.figure()
        plots.show(figure, "A black square\n    above a white one.")
        assert not plt.fignum_exists(figure.number)
    assert capsys.readouterr().out == ALT + "\n"


PYPLOT = """import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2])
axes.set(xlabel="x", ylabel="y")
"""
CELLS = [
    "from lecture_utils import plots",
    f"plots.show(plots.image_grid([[[0, 1]], [[1, 0]]]), alt={ALT!r})",
    f"{PYPLOT}plots.show(figure, {ALT!r})",
    "plots.scatter([[0, 1], [1, 0]], [0, 1], axes=plt.subplots()[1])\nplt.close('all')",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = str(tmp_path_factory.mktemp("notebook"))
    return nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}}).execute()


@pytest.mark.parametrize("cell", [1, 2])
def test_a_shown_figure_is_stored_once_with_its_alt_text_and_without_noise(executed: Any, cell: int) -> None:
    outputs = executed.cells[cell].outputs
    assert [output.output_type for output in outputs] == ["display_data"]
    assert sorted(outputs[0].data) == ["image/png", "text/plain"]
    assert outputs[0].metadata == {"image/png": {"alt": ALT}}
    assert outputs[0].data["text/plain"] == ALT
    image = Image.open(io.BytesIO(base64.b64decode(outputs[0].data["image/png"])))
    assert len(np.unique(np.asarray(image.convert("L")))) > 1
    assert not [o for c in executed.cells for o in c.outputs if o.get("name") == "stderr"]


def test_a_notebook_with_figures_passes_nbval(executed: Any, tmp_path: Any) -> None:
    path = tmp_path / "figures.ipynb"
    nbformat.write(executed, path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CELLS)} passed" in done.stdout


def test_importing_plots_loads_neither_tensorflow_nor_pyplot() -> None:
    heavy = {"tensorflow", "matplotlib.pyplot", "sklearn", "IPython"}
    code = f"import sys, lecture_utils.plots; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_figure_whose_axis_has_numbers_and_no_label_is_refused() -> None:
    figure, axes = plt.subplots(1, 2, sharey=True)
    axes[0].set(xlabel="epoch", ylabel="loss")
    with pytest.raises(LectureError, match="x axis of panel 2 has numbers and no label"):
        plots.show(figure, alt="Two panels of which the second says too little.")
    assert not plt.fignum_exists(figure.number)
    axes[1].set(xlabel="epoch")
    plots.show(figure, alt="Two panels that share their vertical axis.")
