"""Figures in one style: labelled, readable in print and for the color-blind, with alt text.

Every function returns a matplotlib ``Figure`` and shows nothing; :func:`show` puts it into the notebook
together with the sentence that stands for it where it cannot be seen.

The colors are those of "Color Universal Design" (Masataka Okabe and Kei Ito, 2008).
"""

import io
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator

from lecture_utils.errors import LectureError

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colors of lines and classes, in this order: blue, vermilion, green, purple, orange, sky blue, black."""
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
"""Markers that go with the colors, so that a gray print can be read."""
LINE_STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (2, 1)))

DPI = 90
MAX_WIDTH = 9.0  # inches
MIN_ALT = 20  # characters
_SMALL, _NORMAL, _LARGE = 10.0, 11.0, 12.0  # points; 10 points at 90 dots per inch are 9.4 on a screen of 96
_INK = "#222222"
_FORWARD, _BACKWARD = "#005A8C", "#B04A00"  # the palette's blue and vermilion, darker: they color letters


def _mixed(color: str, white: float) -> tuple[float, float, float]:
    """Return the color with a part of white in 0..1 mixed in."""
    red, green, blue = (channel + (1 - channel) * white for channel in to_rgb(color))
    return red, green, blue


def _blend(name: str, *colors: Any) -> LinearSegmentedColormap:
    """Return a color map that passes through the colors."""
    return LinearSegmentedColormap.from_list(name, colors)


DIVERGING = _blend("lecture_diverging", "#7A3000", PALETTE[1], "#F7F7F7", PALETTE[0], "#00324F")
"""Negative vermilion, zero almost white, positive blue."""
_TWO_CLASSES = _blend("lecture_two_classes", _mixed(PALETTE[0], 0.45), "white", _mixed(PALETTE[1], 0.45))
_ERRORS = _blend("lecture_errors", "white", _mixed(PALETTE[1], 0.5), "#A34700")


def use_style() -> None:
    """Set matplotlib's defaults to the workbook's style. Importing this module does it already."""
    matplotlib.rcParams.update(
        {
            "figure.dpi": DPI,
            "savefig.dpi": "figure",
            "figure.figsize": (6.4, 3.6),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": _NORMAL,
            "axes.titlesize": _NORMAL,
            "axes.labelsize": _NORMAL,
            "figure.titlesize": _LARGE,
            "xtick.labelsize": _SMALL,
            "ytick.labelsize": _SMALL,
            "legend.fontsize": _SMALL,
            "legend.frameon": True,
            "legend.framealpha": 0.85,
            "legend.edgecolor": "none",
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "axes.edgecolor": "#555555",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.7,
            "lines.linewidth": 1.8,
            "lines.markersize": 5.0,
            "image.cmap": "viridis",
            "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=LINE_STYLES),
        }
    )


use_style()


# --- showing -------------------------------------------------------------------------------------


def show(figure: Figure, alt: str) -> None:
    """Show a figure as a PNG with a text that stands for it, then close it.

    In a notebook the output holds the image, the text as its metadata (``alt``) and the text as plain
    text, for screen readers and terminals. Outside IPython the text is printed and nothing is drawn.

    Parameters
    ----------
    figure : Figure
        What a function of this module, or ``plt.subplots``, gave.
    alt : str
        One or two sentences that say what the figure shows, 20 characters or more.

    Raises
    ------
    LectureError
        ``figure`` is no matplotlib figure, an axis with numbers has no label, or ``alt`` is too short to say
        anything.
    """
    if not isinstance(figure, Figure):
        raise LectureError(
            f"show() needs a matplotlib Figure, got {type(figure).__name__}. Pass what a function of plots "
            "returned, or axes.figure."
        )
    text = " ".join(alt.split()) if isinstance(alt, str) else ""
    if len(text) < MIN_ALT:
        raise LectureError(
            f"the alt text {text!r} is too short. Say in a sentence ({MIN_ALT} characters or more) what "
            "the figure shows."
        )
    unlabelled = _unlabelled(figure)
    if unlabelled:
        close(figure)
        raise LectureError(
            f"the {unlabelled} has numbers and no label. Say what they count, with the unit: "
            f'axes.set({unlabelled[0]}label="...").'
        )
    try:
        if _in_ipython():
            from IPython.display import display

            display(
                {"image/png": png(figure), "text/plain": text},
                raw=True,
                metadata={"image/png": {"alt": text}},
            )
        else:
            print(text)
    finally:
        close(figure)


def _unlabelled(figure: Figure) -> str:
    """Return the first axis that has numbers and no label, as in "x axis of panel 2", or ""."""
    for number, axes in enumerate(figure.axes, start=1):
        for letter in "xyz" if axes.axison and axes.get_visible() else "":
            axis = getattr(axes, f"{letter}axis", None)
            if axis is None or not axis.get_visible() or axis.get_label_text():
                continue
            shared = getattr(figure, f"get_sup{letter}label", lambda: "")()
            numbered = any(
                name.startswith("label") and on is True for name, on in axis.get_tick_params().items()
            )
            if numbered and len(axis.get_ticklocs()) and not shared:
                return f"{letter} axis" + (f" of panel {number}" if len(figure.axes) > 1 else "")
    return ""


def close(figure: Figure) -> None:
    """Take a figure from pyplot's list, so that the notebook does not draw it a second time."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG, in 256 colors where the eye cannot tell: a third of the bytes.

    Photographs keep all their colors: there the difference (root mean square) is more than 3 of 255.
    """
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", pad_inches=0.08, facecolor="white")
    image = Image.open(drawn).convert("RGB")
    fewer = image.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    difference = np.asarray(fewer.convert("RGB"), dtype=np.int16) - np.asarray(image, dtype=np.int16)
    packed = io.BytesIO()
    (fewer if np.sqrt(np.square(difference, dtype=float).mean()) < 3 else image).save(
        packed, "png", optimize=True
    )
    return packed.getvalue()


def _in_ipython() -> bool:
    """Tell whether the code runs in a notebook or an IPython shell."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


# --- small things shared by the figures ------------------------------------------------------------


def _array(values: Any, what: str, shape: str, dimensions: tuple[int, ...]) -> np.ndarray:
    """Return numbers as an array of one of the wanted numbers of dimensions, all finite."""
    try:
        array = np.asarray(values.numpy() if hasattr(values, "numpy") else values)
    except ValueError as error:
        raise LectureError(
            f"{what}: expected an array of shape {shape}, got parts of unequal shape"
        ) from error
    if array.dtype.kind not in "buif":
        raise LectureError(f"{what}: expected numbers of shape {shape}, got {type(values).__name__}")
    if array.ndim not in dimensions or array.size == 0:
        raise LectureError(f"{what}: expected shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise LectureError(f"{what}: {np.count_nonzero(~np.isfinite(array))} values are nan or infinite")
    return array


def _names(names: Iterable[Any] | None, count: int, what: str) -> list[str] | None:
    if names is None:
        return None
    texts = [str(name) for name in names]
    if len(texts) != count:
        raise LectureError(f"{what}: expected {count} (one for each), got {len(texts)}")
    return texts


def _on(axes: Axes | None, width: float, height: float, projection: str | None = None) -> tuple[Figure, Axes]:
    """Return the axes to draw on, and its figure; a new figure (inches) where none is given."""
    if axes is None:
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot(projection=projection)
    return cast(Figure, axes.get_figure(root=True)), axes


def _numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers as texts, all with the same decimals: as few as they need, at most two."""
    decimals = next((d for d in (0, 1) if np.allclose(values, np.round(values, d), rtol=0, atol=1e-9)), 2)
    texts = [f"{value:.{decimals}f}" for value in np.ravel(values)]
    texts = [text[1:] if text.startswith("-") and not text.strip("-0.") else text for text in texts]
    return np.array([text.replace("-", "\N{MINUS SIGN}") for text in texts], dtype=object).reshape(
        values.shape
    )


@lru_cache(maxsize=4096)
def _width(text: str, size: float) -> float:
    """Return the width in inches of the longest line of a text that is set in so many points."""
    lines = [line for line in text.split("\n") if line.strip()]
    return (
        max((float(TextPath((0, 0), line, size=size).get_extents().width) for line in lines), default=0.0)
        / 72
    )


def _text_on(color: Sequence[float]) -> str:
    """Return black or white, whichever can be read on the color."""
    return _INK if float(np.dot(color[:3], (0.299, 0.587, 0.114))) > 0.55 else "white"


def _labels(values: Any, what: str, classes: int | None = None) -> np.ndarray:
    """Return class labels as an integer array of shape (n,), each in 0..classes-1."""
    array = _array(values, what, "(n,)", (1, 2))
    if array.ndim == 2:
        raise LectureError(
            f"{what}: expected labels of shape (n,), got {array.shape}. Take the most probable class first: "
            "probabilities.argmax(axis=1)."
        )
    if (
        (array != np.floor(array)).any()
        or array.min() < 0
        or (classes is not None and array.max() >= classes)
    ):
        limit = "whole numbers from 0" if classes is None else f"whole numbers from 0 to {classes - 1}"
        raise LectureError(f"{what}: expected {limit}, got {array.min()} to {array.max()}")
    return array.astype(np.int64)


# --- images ----------------------------------------------------------------------------------------


def image_grid(
    images: Any,
    titles: Iterable[Any] | None = None,
    columns: int = 10,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str | None = None,
    cmap: str = "gray",
    size: float | None = None,
) -> Figure:
    """Draw images side by side, each with its title, all on one scale of brightness.

    Parameters
    ----------
    images : array, shape (n, h, w), (n, h, w, 1), (n, h, w, 3) or (n, h, w, 4)
        Gray values of any range, or colors: uint8, or floats in 0..1.
    titles : iterable of n, optional
        One above each image: a label, or a few words.
    columns : int
        At most so many in a row; fewer where the titles need the width.
    vmin, vmax : float, optional
        The gray values drawn black and white. Without them 0 and 255 for uint8, else the smallest and the
        largest value of all images.
    title : str, optional
        A line above all.
    cmap : str
        Color map of gray images; ``"gray_r"`` draws ink on paper.
    size : float, optional
        Width of one image in inches.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        The shape is another, there are more than 400 images, or a color is outside 0..1.
    """
    array = _array(images, "images", "(n, h, w) or (n, h, w, channels)", (3, 4))
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4):
        raise LectureError(f"images: expected 1, 3 or 4 channels (n, h, w, channels), got {array.shape}")
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 4:
        colors = array / 255.0 if array.dtype == np.uint8 else array.astype(float)
        if colors.min() < 0 or colors.max() > 1:
            raise LectureError(
                f"images: colors lie in 0..1, got {array.min():g} to {array.max():g}. Divide by 255."
            )
        return _tiles(colors, None, titles, columns, size, title)
    full = (0.0, 255.0) if array.dtype == np.uint8 else (float(array.min()), float(array.max()))
    norm = Normalize(full[0] if vmin is None else vmin, full[1] if vmax is None else vmax)
    colors = matplotlib.colormaps[cmap](norm(array.astype(float)))
    return _tiles(colors, None, titles, columns, size, title, frame=cmap.endswith("_r"))


def feature_maps(
    maps: Any,
    columns: int = 8,
    *,
    titles: Iterable[Any] | None = None,
    title: str | None = None,
    size: float | None = None,
) -> Figure:
    """Draw what the channels of a layer answer to one image, on one scale.

    Parameters
    ----------
    maps : array, shape (h, w, channels)
        The layer's output for one image.
    columns : int
        At most so many maps in a row.
    titles : iterable of channels, optional
        One above each map; without it the channel's number.
    title : str, optional
        A line above all.
    size : float, optional
        Width of one map in inches.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        The shape is another (a batch is still in front, say).
    """
    array = _array(maps, "feature maps", "(h, w, channels), without the batch", (3,)).astype(float)
    array = np.moveaxis(array, -1, 0)
    norm = Normalize(min(0.0, float(array.min())), float(array.max()))
    scale = (norm, matplotlib.colormaps["viridis"], "activation")
    names = range(len(array)) if titles is None else titles
    return _tiles(scale[1](norm(array)), scale, names, columns, size, title)


def weights(
    matrices: Any,
    titles: Iterable[Any] | None = None,
    *,
    columns: int = 8,
    title: str | None = None,
    xlabel: str = "unit",
    ylabel: str = "input",
    label: str = "weight",
    size: float | None = None,
) -> Figure:
    """Draw weights as heat maps: zero white, positive blue, negative vermilion, one scale for all.

    Parameters
    ----------
    matrices : array (n_in, n_out), list of such arrays, or array (n, h, w)
        Matrices are drawn with labelled axes, and with the numbers where they are few. A stack (n, h, w),
        such as the first layer's weights reshaped, is drawn as n images.
    titles : iterable, optional
        One above each.
    columns : int
        At most so many in a row (images only).
    title : str, optional
        A line above all.
    xlabel, ylabel : str
        What the columns and the rows of a matrix are.
    label : str
        What the color bar measures.
    size : float, optional
        Width of one image in inches (images only).

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        A part has another shape.
    """
    stack = not isinstance(matrices, list | tuple) and getattr(matrices, "ndim", len(np.shape(matrices))) == 3
    if stack:
        images = _array(matrices, "weights", "(n, h, w)", (3,)).astype(float)
        norm = _around_zero([images])
        return _tiles(DIVERGING(norm(images)), (norm, DIVERGING, label), titles, columns, size, title)
    parts = list(matrices) if isinstance(matrices, list | tuple) else [matrices]
    if parts and np.ndim(parts[0]) == 1:  # one matrix, written as a list of rows
        parts = [matrices]
    arrays = [
        _array(part, f"weights[{i}]", "(n_in, n_out)", (2,)).astype(float) for i, part in enumerate(parts)
    ]
    if not arrays:
        raise LectureError("weights: expected at least one matrix, got an empty list")
    names = _names(titles, len(arrays), "titles")
    norm = _around_zero(arrays)
    few = max(a.shape[0] for a in arrays) <= 8 and max(a.shape[1] for a in arrays) <= 8
    cell = 0.5 if few else min(0.35, 3.2 / max(max(a.shape) for a in arrays))
    inner = [max(1.0, min(3.4, cell * a.shape[1])) for a in arrays]
    widths = [
        max(w + 0.75, _width(n, _NORMAL) + 0.2)
        for w, n in zip(inner, names or [""] * len(inner), strict=True)
    ]
    width = min(MAX_WIDTH, sum(widths) + 0.9)
    height = max(1.3, min(3.6, max(cell * a.shape[0] for a in arrays))) + 0.9 + (0.3 if title else 0.0)
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(1, len(arrays), squeeze=False, width_ratios=widths)[0]
    for i, (axes, array) in enumerate(zip(panels, arrays, strict=True)):
        axes.imshow(
            array, norm=norm, cmap=DIVERGING, aspect="equal" if few else "auto", interpolation="nearest"
        )
        axes.grid(False)
        axes.set(xlabel=xlabel, ylabel=ylabel if i == 0 else "", title=names[i] if names else "")
        for axis, count, room in (
            (axes.xaxis, array.shape[1], int(inner[i] / 0.4)),
            (axes.yaxis, array.shape[0], 8),
        ):
            axis.set_major_locator(MaxNLocator(max(1, min(count, room)), integer=True))
            if few:
                axis.set_ticks(range(count))
        if few:
            for (row, column), text in np.ndenumerate(_numbers(array)):
                color = _text_on(DIVERGING(norm(array[row, column])))
                axes.text(column, row, text, ha="center", va="center", color=color, size=_SMALL)
    bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, DIVERGING), ax=list(panels), label=label)
    bar.ax.grid(False)
    if title:
        figure.suptitle(title)
    return figure


def _around_zero(arrays: Sequence[np.ndarray]) -> Normalize:
    largest = max(float(np.abs(array).max()) for array in arrays) or 1.0
    return Normalize(-largest, largest)


def _tiles(
    colors: np.ndarray,
    scale: tuple[Normalize, Colormap, str] | None,
    titles: Iterable[Any] | None,
    columns: int,
    size: float | None,
    title: str | None,
    frame: bool = True,
) -> Figure:
    """Draw (n, h, w, 3 or 4) colors on one pair of axes: an axes for each image would take seconds."""
    count, height, width = colors.shape[:3]
    if count > 400:
        raise LectureError(f"at most 400 images in one figure, got {count}: draw images[:400]")
    if columns < 1:
        raise LectureError(f"columns: expected 1 or more, got {columns}")
    names = _names(titles, count, "titles")
    lines = max((name.count("\n") + 1 for name in names), default=0) if names else 0
    gap, bar_width = 0.05, 0.78 if scale else 0.0
    room = MAX_WIDTH - 0.3 - bar_width
    needed = max((_width(name, _SMALL) for name in names or []), default=0.0) + 0.16
    columns = max(1, min(columns, count, int(room / (needed + gap)) if names else columns))
    size = size or (0.95 if max(width, height) <= 64 else 2.8)
    size = min(size, room / columns - gap)
    pixels = int(size * DPI / width)  # a whole number of dots for each pixel keeps small images crisp
    if pixels >= 1:
        size = pixels * width / DPI
    tile_height = size * height / width
    step_x = max(size, needed if names else 0.0) + gap
    step_y = tile_height + gap + (0.18 * lines + 0.06 if lines else 0.0)
    rows = math.ceil(count / columns)
    inner, outer = (columns * step_x, rows * step_y), (0.1, 0.34 if title else 0.06)
    total = (inner[0] + 2 * outer[0] + bar_width, inner[1] + outer[1] + 0.06)
    figure = Figure(figsize=total)
    figure.set_layout_engine("none")  # everything has its place in inches
    axes = figure.add_axes((outer[0] / total[0], 0.06 / total[1], inner[0] / total[0], inner[1] / total[1]))
    axes.set(xlim=(0, inner[0]), ylim=(inner[1], 0))
    axes.set_axis_off()
    for i in range(count):
        left = (i % columns) * step_x + (step_x - size) / 2
        bottom = (i // columns + 1) * step_y - gap
        box = (left, left + size, bottom, bottom - tile_height)
        axes.imshow(
            colors[i], extent=box, interpolation="nearest" if pixels >= 1 else "antialiased", aspect="auto"
        )
        if frame:
            edge = ([box[0], box[1], box[1], box[0], box[0]], [box[2], box[2], box[3], box[3], box[2]])
            axes.plot(*edge, color="#AAAAAA", linewidth=0.6, linestyle="-", clip_on=False)
        if names:
            axes.text(
                left + size / 2,
                box[3] - 0.06,
                names[i],
                ha="center",
                va="baseline",
                size=_SMALL,
                linespacing=1.05,
            )
    axes.set(xlim=(0, inner[0]), ylim=(inner[1], 0))
    if scale:
        bar_height = min(inner[1] - gap, 3.0)
        place = (
            (outer[0] + inner[0] + 0.1) / total[0],
            (0.06 + (inner[1] - bar_height) / 2) / total[1],
            0.13 / total[0],
            bar_height / total[1],
        )
        bar_axes = figure.add_axes(place)
        figure.colorbar(
            matplotlib.cm.ScalarMappable(scale[0], scale[1]),
            cax=bar_axes,
            label=scale[2],
            ticks=MaxNLocator(3 if bar_height < 1.5 else 5),
        )
        bar_axes.grid(False)
    if title:
        figure.text(
            (outer[0] + inner[0] / 2) / total[0],
            1 - 0.05 / total[1],
            title,
            ha="center",
            va="top",
            size=_LARGE,
        )
    return figure


# --- training and its results ----------------------------------------------------------------------


def training_curves(
    histories: Any,
    metrics: Sequence[str] = ("loss", "accuracy"),
    *,
    labels: tuple[str, str] = ("training", "validation"),
    title: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw the metrics of one training, or of several, epoch by epoch: training solid, validation dashed.

    Parameters
    ----------
    histories : keras.callbacks.History, dict of lists, or dict name -> one of these
        ``{"loss": [...], "val_loss": [...]}`` as Keras keeps it.
    metrics : sequence of str
        A panel for each; ``val_`` and the name is drawn beside it where it is there.
    labels : (str, str)
        What the two data sets are called, ``("training", "test")`` for instance.
    title : str, optional
        A line above all.
    axes : sequence of Axes, one for each metric, optional
        Where to draw; without it a new figure is made.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        A metric is not in a history; the message lists those that are.
    """
    runs = _runs(histories)
    if isinstance(metrics, str):
        metrics = (metrics,)
    for name, run in runs.items():
        for metric in metrics:
            if metric not in run:
                known = ", ".join(key for key in run if not key.startswith("val_")) or "nothing"
                raise LectureError(
                    f"no {metric!r} in the history{f' of {name}' if name else ''}; it holds {known}"
                )
    if axes is None:
        width = min(MAX_WIDTH, 4.2 * len(metrics) if len(metrics) > 1 else 5.6)
        figure = Figure(figsize=(width, 3.3 if len(runs) == 1 else 3.6), layout="constrained")
        panels = list(figure.subplots(1, len(metrics), squeeze=False)[0])
    else:
        panels = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(panels) != len(metrics):
            raise LectureError(f"axes: expected {len(metrics)}, one for each metric, got {len(panels)}")
        figure = cast(Figure, panels[0].get_figure(root=True))
    for panel, metric in zip(panels, metrics, strict=True):
        both, notes = False, []
        for i, (name, run) in enumerate(runs.items()):
            style: dict[str, Any] = {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)]}
            for key, line, label in ((metric, "-", labels[0]), (f"val_{metric}", "--", labels[1])):
                if key not in run:
                    continue
                both = both or line == "--"
                values = run[key]
                if not name and line == "--":
                    style = {"color": PALETTE[1], "marker": MARKERS[1]}
                broken = np.flatnonzero(~np.isfinite(values))
                if broken.size:
                    notes.append(f"{name or label}: not finite from epoch {broken[0] + 1}")
                text = (label if not name else name if line == "-" else "") or None
                panel.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    linestyle=line,
                    label=text,
                    markevery=max(1, len(values) // 12),
                    markersize=4.5,
                    markerfacecolor=style["color"] if line == "-" else "white",
                    **style,
                )
        panel.set(xlabel="epoch", ylabel=metric.replace("_", " "))
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if notes:
            panel.set_title("\n".join(dict.fromkeys(notes)), size=_SMALL)
        handles = panel.get_legend_handles_labels()[0]
        if both and "" not in runs:
            handles += [
                Line2D([], [], color=_INK, linestyle="solid", label=labels[0]),
                Line2D([], [], color=_INK, linestyle="dashed", label=labels[1]),
            ]
        if "" in runs or axes is not None:
            panel.legend(handles=handles, loc="best")
    if "" not in runs and axes is None:  # beside the curves, never over them
        figure.legend(handles=handles, loc="outside right upper")
    if title:
        figure.suptitle(title)
    return figure


def _runs(histories: Any) -> dict[str, dict[str, np.ndarray]]:
    """Return name -> metric -> values; a single history has the name ""."""

    def one(history: Any, name: str) -> dict[str, np.ndarray]:
        record = getattr(history, "history", history)
        if not isinstance(record, Mapping):
            raise LectureError(
                f"{name or 'history'}: expected a History or a dict of lists, got {type(record).__name__}"
            )
        values = {str(key): np.asarray(value, dtype=float) for key, value in record.items()}
        for key, value in values.items():
            if value.ndim != 1 or value.size == 0:
                raise LectureError(
                    f"{name or 'history'}[{key!r}]: expected shape (epochs,), got {value.shape}"
                )
        return values

    if isinstance(histories, Mapping) and histories:
        parts = list(histories.values())
        if all(isinstance(part, Mapping) or hasattr(part, "history") for part in parts):
            return {str(name): one(part, str(name)) for name, part in histories.items()}
    return {"": one(histories, "")}


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[Any],
    *,
    title: str | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw how often each class was taken for each other; the errors are colored, the diagonal is gray.

    Parameters
    ----------
    y_true, y_pred : array of int, shape (n,)
        Classes, true and predicted.
    class_names : sequence
        The name of class 0, 1, ...
    title : str, optional
        Above the figure.
    axes : Axes, optional
        Where to draw.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        The shapes differ, or a label has no name.
    """
    from sklearn.metrics import confusion_matrix as count

    names = [str(name) for name in class_names]
    true, predicted = _labels(y_true, "y_true", len(names)), _labels(y_pred, "y_pred", len(names))
    if true.shape != predicted.shape:
        raise LectureError(f"y_true and y_pred: expected one shape, got {true.shape} and {predicted.shape}")
    table = np.asarray(count(true, predicted, labels=range(len(names))))
    size = len(names)
    written = size <= 20
    errors = np.where(np.eye(size, dtype=bool), 0, table)
    digits = len(str(table.max()))
    cell = max(0.42, 0.09 * digits + 0.14) if written else 0.16
    longest = max(len(name) for name in names)
    side = max(2.0, cell * size)
    margin = 0.7 + (0.085 * longest if longest > 1 else 0.1)
    width, height = (
        min(MAX_WIDTH, side + margin + (0.0 if written else 0.9)),
        min(MAX_WIDTH, side + margin + 0.35),
    )
    figure, axes = _on(axes, width, height)
    norm = Normalize(0, max(1, int(errors.max())))
    axes.imshow(errors, norm=norm, cmap=_ERRORS, interpolation="nearest")
    diagonal = np.ma.masked_where(~np.eye(size, dtype=bool), np.ones((size, size)))
    axes.imshow(diagonal, cmap=ListedColormap(["#E4E4E4"]), interpolation="nearest")
    step = 1 if size <= 24 else 2
    ticks = list(range(0, size, step))
    turned = longest > max(2, int(cell * step / 0.1))
    axes.set_xticks(ticks, [names[i] for i in ticks], rotation=45 if turned else 0)
    if turned:
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, [names[i] for i in ticks])
    axes.set(xlabel="predicted class", ylabel="true class", title=title or "")
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#AAAAAA")
    if written:
        for (row, column), value in np.ndenumerate(table):
            if value:
                color = "#555555" if row == column else _text_on(_ERRORS(norm(value)))
                axes.text(column, row, str(value), ha="center", va="center", color=color, size=_SMALL)
    else:
        bar = figure.colorbar(
            matplotlib.cm.ScalarMappable(norm, _ERRORS), ax=axes, label="errors", shrink=0.8
        )
        bar.ax.grid(False)
    return figure


def histograms(
    values: Mapping[str, Any],
    bins: int | Sequence[float] = 40,
    xlabel: str = "value",
    *,
    ylabel: str = "count",
    density: bool = False,
    overlay: bool = False,
    log: bool = False,
    title: str | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw how values are spread: a panel for each name, or all in one.

    Parameters
    ----------
    values : dict name -> array of any shape
        What to count. Values that are nan or infinite are left out, and the figure says how many.
    bins : int or edges
        The same for all.
    xlabel, ylabel : str
        What is measured, with its unit. ``ylabel`` becomes "density" with ``density=True``.
    density : bool
        Scale each to area 1.
    overlay : bool
        Outlines in one panel instead of a panel each.
    log : bool
        Logarithmic counts.
    title : str, optional
        A line above all.
    axes : Axes, optional
        Where to draw; all in one panel then.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        There is nothing to count.
    """
    if not isinstance(values, Mapping) or not values:
        raise LectureError("histograms: expected a dict name -> values that is not empty")
    parts: dict[str, np.ndarray] = {}
    for name, given in values.items():
        array = np.ravel(np.asarray(given.numpy() if hasattr(given, "numpy") else given, dtype=float))
        finite = array[np.isfinite(array)]
        lost = array.size - finite.size
        parts[f"{name}\n({lost:,} not finite)" if lost else str(name)] = finite
    if not any(part.size for part in parts.values()):
        raise LectureError("histograms: no finite value to count")
    everything = np.concatenate(list(parts.values()))
    edges = np.histogram_bin_edges(everything, bins).tolist()
    ylabel = "density" if density and ylabel == "count" else ylabel
    if overlay or axes is not None:
        figure, axes = _on(axes, 6.0, 3.3)
        for i, (name, part) in enumerate(parts.items()):
            if not part.size:
                axes.plot([], label=name.replace("\n", " "))
                continue
            color, style = PALETTE[i % len(PALETTE)], LINE_STYLES[i % len(LINE_STYLES)]
            axes.hist(part, edges, density=density, log=log, histtype="stepfilled", color=color, alpha=0.12)
            axes.hist(
                part,
                edges,
                density=density,
                log=log,
                histtype="step",
                color=color,
                linestyle=style,
                linewidth=1.8,
                label=name.replace("\n", " "),
            )
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.legend(loc="best")
    else:
        columns = min(len(parts), 5)
        rows = math.ceil(len(parts) / columns)
        figure = Figure(
            figsize=(min(MAX_WIDTH, max(3.6, 2.0 * columns)), 2.3 * rows + 0.3), layout="constrained"
        )
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for i, panel in enumerate(panels.flat):
            if i >= len(parts):
                panel.set_visible(False)
                continue
            name = list(parts)[i]
            if parts[name].size:
                panel.hist(parts[name], edges, density=density, log=log, color=PALETTE[0], edgecolor="none")
            panel.set_title(name)
            panel.xaxis.set_major_locator(MaxNLocator(3))
            panel.tick_params(labelbottom=i + columns >= len(parts))  # where no other panel is below
            if not density and not log:
                panel.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        figure.supxlabel(xlabel, size=_NORMAL)
        figure.supylabel(ylabel, size=_NORMAL)
    if title:
        figure.suptitle(title)
    return figure


# --- points in the plane ---------------------------------------------------------------------------


def scatter(
    points_x: Any,
    points_y: Any = None,
    class_names: Sequence[Any] | None = None,
    axes: Axes | None = None,
    *,
    title: str | None = None,
    xlabel: str = "$x_1$",
    ylabel: str = "$x_2$",
    zlabel: str = "$x_3$",
    legend: bool = True,
) -> Figure:
    """Draw points in the plane or in space, each class with its color and its marker.

    Parameters
    ----------
    points_x : array, shape (n, 2) or (n, 3)
        Where the points are.
    points_y : array of int, shape (n,), optional
        Their classes.
    class_names : sequence, optional
        Names for the legend; without it the class's number.
    axes : Axes, optional
        Where to draw; for points in space made with ``projection="3d"``.
    title, xlabel, ylabel, zlabel : str
        What stands around it.
    legend : bool
        Whether the classes are named.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        A shape is another.
    """
    x, y, names = _points(points_x, points_y, class_names, (2, 3))
    legend = legend and points_y is not None
    size = (4.6 if not legend else 5.6, 4.0)
    if x.shape[1] == 2:
        figure, axes = _on(axes, *size)
        axes.set_aspect("equal", adjustable="datalim")
    else:
        figure, axes = _on(axes, *size, projection="3d")
        if not hasattr(axes, "zaxis"):
            raise LectureError(f'axes: points of shape {x.shape} need axes made with projection="3d"')
        _calm_space(axes, zlabel)
    _draw_points(axes, x, y, names)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    if legend:
        aside = 1.0 if x.shape[1] == 2 else 1.12
        axes.legend(
            handles=_class_handles(y, names),
            loc="center left",
            bbox_to_anchor=(aside, 0.5),
            handletextpad=0.1,
        )
    return figure


def decision_regions(
    predict: Callable[[np.ndarray], Any],
    points_x: Any,
    points_y: Any = None,
    class_names: Sequence[Any] | None = None,
    axes: Axes | None = None,
    resolution: int = 200,
    *,
    title: str | None = None,
    extent: tuple[float, float, float, float] | None = None,
    colorbar: bool | None = None,
    xlabel: str = "$x_1$",
    ylabel: str = "$x_2$",
) -> Figure:
    """Draw which class a model gives to each place of the plane, and the points it was made for.

    Parameters
    ----------
    predict : callable
        Gets points (n, 2) in the dtype of ``points_x``; returns the probability of class 1, shape (n,) or
        (n, 1), or a score for each class, shape (n, classes).
    points_x : array, shape (n, 2)
        Points to draw; they also set the region, with a margin.
    points_y : array of int, shape (n,), optional
        Their classes. Without it the points set the region and are not drawn.
    class_names : sequence, optional
        Names for the legend.
    axes : Axes, optional
        Where to draw.
    resolution : int
        So many places along each side are asked.
    title, xlabel, ylabel : str
        What stands around it.
    extent : (left, right, bottom, top), optional
        The region, where the points shall not set it.
    colorbar : bool, optional
        Whether the probability's color bar is drawn; without it, only where no ``axes`` is given.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        A shape is another, or a probability is outside 0..1 (logits without the sigmoid, say).
    """
    x, y, names = _points(points_x, points_y, class_names)
    own = axes is None
    if extent is None:
        low, high = x.min(axis=0), x.max(axis=0)
        margin = 0.12 * np.maximum(high - low, 1e-3)
        extent = (low[0] - margin[0], high[0] + margin[0], low[1] - margin[1], high[1] + margin[1])
    across, up = np.linspace(extent[0], extent[1], resolution), np.linspace(extent[2], extent[3], resolution)
    places = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(x.dtype)
    answer = _array(predict(places), "predict", f"({len(places)},) or ({len(places)}, classes)", (1, 2))
    if len(answer) != len(places):
        raise LectureError(f"predict: expected {len(places)} answers, one for each point, got {answer.shape}")
    if answer.ndim == 2 and answer.shape[1] == 1:
        answer = answer[:, 0]
    shape = (extent[3] - extent[2]) / (extent[1] - extent[0])
    figure, axes = _on(
        axes, *((5.4, max(2.2, 4.0 * shape + 0.8)) if shape < 0.9 else (3.4 / shape + 1.6, 4.2))
    )
    axes.grid(False)
    if answer.ndim == 1:
        if answer.min() < -1e-6 or answer.max() > 1 + 1e-6:
            raise LectureError(
                f"predict: expected probabilities, 0..1, got {answer.min():.3g} to {answer.max():.3g}. "
                "Apply the sigmoid to logits first."
            )
        surface = np.clip(answer.astype(float), 0, 1).reshape(resolution, resolution)
        axes.contourf(across, up, surface, levels=np.linspace(0, 1, 11), cmap=_TWO_CLASSES, vmin=0, vmax=1)
        if surface.min() < 0.5 < surface.max():
            axes.contour(across, up, surface, levels=[0.5], colors=[_INK], linewidths=1.6)
        if own if colorbar is None else colorbar:
            mappable = matplotlib.cm.ScalarMappable(Normalize(0, 1), _TWO_CLASSES)
            name = names[1] if len(names) > 1 else "1"
            beside = axes.inset_axes((1.04, 0.0, 0.05, 1.0))  # as high as the region, whatever its shape
            figure.colorbar(mappable, cax=beside, label=f"probability of {name}", ticks=[0, 0.5, 1])
            beside.grid(False)
    else:
        classes = answer.shape[1]
        winner = answer.argmax(axis=1).reshape(resolution, resolution)
        tints = ListedColormap([_mixed(PALETTE[i % len(PALETTE)], 0.65) for i in range(classes)])
        axes.pcolormesh(across, up, winner, cmap=tints, vmin=-0.5, vmax=classes - 0.5, rasterized=True)
        for i in range(classes):
            if 0 < (winner == i).mean() < 1:
                axes.contour(across, up, winner == i, levels=[0.5], colors=[_INK], linewidths=0.8)
    if points_y is not None:
        _draw_points(axes, x, y, names)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "", xlim=extent[:2], ylim=extent[2:])
    axes.set_aspect("equal", adjustable="box")
    if points_y is not None and (class_names is not None or (answer.ndim == 2 and own)):
        axes.legend(handles=_class_handles(y, names), loc="best", handletextpad=0.1)
    return figure


def _points(
    points_x: Any, points_y: Any, class_names: Sequence[Any] | None, dimensions: tuple[int, ...] = (2,)
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    shape = " or ".join(f"(n, {count})" for count in dimensions)
    x = _array(points_x, "points_x", shape, (2,))
    if x.shape[1] not in dimensions:
        raise LectureError(f"points_x: expected shape {shape}, got {x.shape}")
    if x.dtype.kind != "f":
        x = x.astype(np.float32)
    if points_y is None:
        y = np.zeros(len(x), dtype=np.int64)
    else:
        y = _labels(points_y, "points_y", len(class_names) if class_names is not None else None)
    if len(y) != len(x):
        raise LectureError(f"points_y: expected shape ({len(x)},), got {y.shape}")
    numbers = range(int(y.max()) + 1)
    names = [f"class {i}" for i in numbers] if class_names is None else [str(name) for name in class_names]
    return x, y, names


def _draw_points(axes: Any, x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> None:
    area = float(np.clip(9000 / len(x), 9, 42 if len(x) > 20 else 90))
    space: dict[str, Any] = {"depthshade": False} if hasattr(axes, "zaxis") else {}
    for i, name in enumerate(names):
        chosen = x[y == i]
        if len(chosen):
            axes.scatter(
                *chosen.T,
                **space,
                s=area,
                color=PALETTE[i % len(PALETTE)],
                marker=MARKERS[i % len(MARKERS)],
                edgecolor="white",
                linewidth=0.5 if area > 15 else 0.2,
                label=name,
                zorder=3,
            )


def _class_handles(y: np.ndarray, names: Sequence[str]) -> list[Line2D]:
    """Return what a legend shows for the classes that occur, in a size that can be seen."""
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=MARKERS[i % len(MARKERS)],
            color=PALETTE[i % len(PALETTE)],
            label=name,
            ms=6.5,
        )
        for i, name in enumerate(names)
        if (y == i).any()
    ]


def transform_grid(
    steps: Sequence[tuple[str, Callable[[np.ndarray], Any]]],
    points_x: Any = None,
    points_y: Any = None,
    extent: tuple[float, float] | tuple[float, float, float, float] | None = None,
    *,
    lines: int = 11,
    same_scale: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw what becomes of a square grid in the plane, step by step, side by side.

    Every function starts from the same plane: to show a layer's steps, pass ``p``, ``p @ w``, ``p @ w + b``,
    ``tanh(p @ w + b)``.

    Parameters
    ----------
    steps : list of (title, function)
        Each function maps points (n, 2) to points (n, 2), or (n, 3), which is drawn in space.
    points_x : array, shape (n, 2), optional
        Points to carry along.
    points_y : array of int, shape (n,), optional
        Their classes.
    extent : (low, high) or (left, right, bottom, top), optional
        The square that the grid covers; without it that of the points, or -2 to 2.
    lines : int
        Grid lines in each direction.
    same_scale : bool
        Draw the planes on one scale, so that a shift can be seen; one that is filled by a third or
        less is drawn on its own.
    title : str, optional
        A line above all.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        A step returns another shape.
    """
    if not steps:
        raise LectureError("steps: expected at least one (title, function), got none")
    x = y = None
    names: list[str] = []
    if points_x is not None:
        x, y, names = _points(points_x, points_y, None)
    box = _box(extent, x)
    dtype = np.float32 if x is None else x.dtype
    across, up = np.linspace(box[0], box[1], lines), np.linspace(box[2], box[3], lines)
    fine_x, fine_y = np.linspace(box[0], box[1], 121), np.linspace(box[2], box[3], 121)
    upright = [np.stack([np.full_like(fine_y, value), fine_y], axis=1) for value in across]
    level = [np.stack([fine_x, np.full_like(fine_x, value)], axis=1) for value in up]
    grid = np.concatenate(upright + level).astype(dtype)

    side = min(3.0, (MAX_WIDTH - 0.4) / len(steps))
    columns = len(steps) if side >= 2.1 else math.ceil(len(steps) / math.ceil(len(steps) / 4))
    rows = math.ceil(len(steps) / columns)
    side = min(3.0, (MAX_WIDTH - 0.4) / columns)
    figure = Figure(
        figsize=(side * columns + 0.2, (side + 0.25) * rows + (0.3 if title else 0)), layout="constrained"
    )
    planes: list[Axes] = []
    for i, (name, function) in enumerate(steps):
        moved = _array(
            function(grid), f"step {name!r}", f"({len(grid)}, 2) or ({len(grid)}, 3)", (2,)
        ).astype(float)
        if moved.shape[0] != len(grid) or moved.shape[1] not in (2, 3):
            raise LectureError(
                f"step {name!r}: expected shape ({len(grid)}, 2) or ({len(grid)}, 3), got {moved.shape}"
            )
        carried = None if x is None else _array(function(x), f"step {name!r}", "(n, 2)", (2,)).astype(float)
        pieces = np.split(moved, 2 * lines)
        if moved.shape[1] == 2:
            axes = figure.add_subplot(rows, columns, i + 1)
            _draw_plane_grid(axes, pieces, lines)
            if carried is not None and y is not None:
                _draw_points(axes, carried, y, names)
            axes.set_aspect("equal", adjustable="box")
            planes.append(axes)
            axes.set(xlabel="$x_1$" if i == 0 else "$h_1$", ylabel="$x_2$" if i == 0 else "$h_2$", title=name)
        else:
            _draw_space_grid(
                figure.add_subplot(rows, columns, i + 1, projection="3d"),
                pieces,
                lines,
                carried,
                y,
                names,
                name,
            )
    _square(planes, same_scale)
    if title:
        figure.suptitle(title)
    return figure


def _square(planes: Sequence[Axes], same_scale: bool) -> None:
    """Give each plane, or all of them, square limits that hold what is drawn, and mark the origin."""
    limits = np.array([[axes.get_xlim(), axes.get_ylim()] for axes in planes]).reshape(-1, 2, 2)
    for axes, own in zip(planes, limits, strict=True):
        low, high = limits[..., 0].min(axis=0), limits[..., 1].max(axis=0)
        if not same_scale or (own[:, 1] - own[:, 0]).max() < 0.35 * (high - low).max():
            low, high = own[:, 0], own[:, 1]
        middle, half = (low + high) / 2, float((high - low).max()) / 2
        axes.axhline(0, color="#888888", linewidth=0.8, linestyle="-", zorder=1)
        axes.axvline(0, color="#888888", linewidth=0.8, linestyle="-", zorder=1)
        axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=half > 1.5))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=half > 1.5))


def _box(extent: Sequence[float] | None, x: np.ndarray | None) -> tuple[float, float, float, float]:
    if extent is None:
        if x is None:
            return -2.0, 2.0, -2.0, 2.0
        reach = 1.1 * float(np.abs(x).max()) or 1.0
        return -reach, reach, -reach, reach
    if len(extent) == 2:
        return float(extent[0]), float(extent[1]), float(extent[0]), float(extent[1])
    if len(extent) == 4:
        return float(extent[0]), float(extent[1]), float(extent[2]), float(extent[3])
    raise LectureError(
        f"extent: expected (low, high) or (left, right, bottom, top), got {len(extent)} numbers"
    )


def _grid_style(lines: int) -> tuple[list[str], list[float]]:
    """Return color and width of each line: upright blue, level vermilion, the middle one of each thick."""
    colors = [PALETTE[0]] * lines + [PALETTE[1]] * lines
    widths = [2.2 if i == lines // 2 and lines % 2 else 0.9 for i in range(lines)] * 2
    return colors, widths


def _draw_plane_grid(axes: Axes, pieces: Sequence[np.ndarray], lines: int) -> None:
    colors, widths = _grid_style(lines)
    styles: list[Any] = ["solid"] * lines + [(0, (4, 1.5))] * lines
    axes.add_collection(
        LineCollection(list(pieces), colors=colors, linewidths=widths, linestyles=styles, alpha=0.75)
    )
    axes.autoscale_view()


def _draw_space_grid(
    axes: Any,
    pieces: Sequence[np.ndarray],
    lines: int,
    carried: np.ndarray | None,
    y: np.ndarray | None,
    names: Sequence[str],
    title: str,
) -> None:
    colors, widths = _grid_style(lines)
    for piece, color, width in zip(pieces, colors, widths, strict=True):
        style = "-" if color == PALETTE[0] else "--"
        axes.plot(*piece.T, color=color, linewidth=width, linestyle=style, alpha=0.6)
    if carried is not None and y is not None:
        _draw_points(axes, carried, y, names)
    axes.set(xlabel="$h_1$", ylabel="$h_2$", title=title)
    _calm_space(axes, "$h_3$")


def _calm_space(axes: Any, zlabel: str) -> None:
    """Give axes in space few numbers, and none where two axes meet, so that none covers another."""
    axes.set_zlabel(zlabel)
    axes.set_box_aspect((1, 1, 1), zoom=0.82)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        prune = None if axis is axes.xaxis else "lower"
        axis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10], prune=prune))
    axes.tick_params(pad=-2, labelsize=_SMALL)
    axes.xaxis.labelpad, axes.yaxis.labelpad, axes.zaxis.labelpad = -4, -4, -4


# --- graphs ----------------------------------------------------------------------------------------


def network(
    weights: Sequence[Any],
    values: Sequence[Any] | None = None,
    *,
    biases: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    node_names: Sequence[Sequence[str]] | None = None,
    title: str | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw a small dense network: a number on every edge, and one in every node.

    Positive weights are blue and solid, negative ones vermilion and dashed; the heavier, the thicker.

    Parameters
    ----------
    weights : list of arrays (n_in, n_out)
        One for each layer, as Keras keeps them.
    values : list of arrays (n,), optional
        What the nodes hold, inputs first: one array more than there are weights.
    biases : list of arrays (n_out,), optional
        One for each layer; written below its nodes.
    names : list of str, optional
        Of the layers, inputs first. Written below the columns; without it input, hidden, output.
    node_names : list of lists of str, optional
        Written above the nodes.
    title : str, optional
        A line above all.
    axes : Axes, optional
        Where to draw.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        Shapes that do not fit together, or a layer of more than 24 units.
    """
    matrices = [
        _array(w, f"weights[{i}]", "(n_in, n_out)", (2,)).astype(float) for i, w in enumerate(weights)
    ]
    if not matrices:
        raise LectureError("weights: expected at least one array (n_in, n_out), got none")
    sizes = [matrices[0].shape[0]]
    for i, matrix in enumerate(matrices):
        if matrix.shape[0] != sizes[-1]:
            raise LectureError(f"weights[{i}]: expected shape ({sizes[-1]}, n_out), got {matrix.shape}")
        sizes.append(matrix.shape[1])
    if max(sizes) > 24:
        raise LectureError(f"network: layers of up to 24 units can be drawn, got {max(sizes)}: use weights()")
    held = _per_layer(values, sizes, "values")
    added = _per_layer(biases, sizes[1:], "biases")
    columns = list(names) if names else ["input", *["hidden"] * (len(sizes) - 2), "output"]
    if len(columns) != len(sizes):
        raise LectureError(f"names: expected {len(sizes)}, one for each layer, got {len(columns)}")
    if node_names is not None and [len(part) for part in node_names] != sizes:
        raise LectureError(f"node_names: expected {sizes} names, got {[len(part) for part in node_names]}")

    apart = min(2.6, (MAX_WIDTH - 1.2) / max(1, len(sizes) - 1))
    parts, crowds = zip(
        *(_label_place(matrix.shape[0], matrix.shape[1], apart) for matrix in matrices), strict=True
    )
    spacing = max(
        1.0 if node_names or biases is not None else 0.8, 0.215 * max(crowds)
    )  # inches between nodes
    numbered = spacing * max(sizes) <= 8.5
    if not numbered:
        spacing = min(0.8, 6.5 / max(sizes))
    radius = min(0.27, 0.4 * spacing)
    extra = (0.12 if node_names else 0.0) + (0.12 if biases is not None else 0.0)
    width = apart * (len(sizes) - 1) + 1.1
    height = spacing * (max(sizes) - 1) + 2 * radius + 0.75 + extra + (0.35 if title else 0)
    figure, axes = _on(axes, width, height)
    places = [
        [(column * apart, (n - 1) * spacing / 2 - i * spacing) for i in range(n)]
        for column, n in enumerate(sizes)
    ]
    heaviest = max(float(np.abs(m).max()) for m in matrices) or 1.0
    for column, matrix in enumerate(matrices):
        texts, part = _numbers(matrix), parts[column]
        for (i, j), weight in np.ndenumerate(matrix):
            (x0, y0), (x1, y1) = places[column][i], places[column + 1][j]
            color, style = (PALETTE[0], "-") if weight >= 0 else (PALETTE[1], (0, (5, 2)))
            color = "#BBBBBB" if weight == 0 else color
            line_width = 0.7 + 2.3 * abs(weight) / heaviest
            axes.plot(
                [x0, x1], [y0, y1], color=color, linestyle=style, linewidth=line_width, zorder=1, alpha=0.8
            )
            if numbered:
                axes.text(
                    x0 + part * (x1 - x0),
                    y0 + part * (y1 - y0),
                    str(texts[i, j]),
                    ha="center",
                    va="center",
                    size=_SMALL,
                    color=_FORWARD if weight > 0 else _BACKWARD if weight < 0 else "#555555",
                    bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
                    zorder=2,
                )
    for column, layer in enumerate(places):
        value_texts = None if held is None else _numbers(held[column])
        bias_texts = None if added is None or column == 0 else _numbers(added[column - 1])
        for i, (x, y) in enumerate(layer):
            axes.add_patch(
                Circle((x, y), radius, facecolor="#FFF6E0", edgecolor=_INK, linewidth=1.1, zorder=3)
            )
            if value_texts is not None:
                axes.text(x, y, value_texts[i], ha="center", va="center", size=_SMALL, zorder=4)
            if node_names is not None:
                axes.text(
                    x,
                    y + radius + 0.03,
                    node_names[column][i],
                    ha="center",
                    va="bottom",
                    size=_SMALL,
                    zorder=4,
                )
            if bias_texts is not None:
                axes.text(
                    x,
                    y - radius - 0.03,
                    f"bias {bias_texts[i]}",
                    ha="center",
                    va="top",
                    size=_SMALL,
                    zorder=4,
                )
    top, bottom = (max(sizes) - 1) * spacing / 2 + radius, -(max(sizes) - 1) * spacing / 2 - radius
    low = bottom - 0.08 - (0.2 if added is not None else 0.0)
    for column, name in enumerate(columns):
        axes.text(column * apart, low, name, ha="center", va="top", size=_NORMAL)
    axes.set(
        xlim=(-0.5, apart * (len(sizes) - 1) + 0.5),
        ylim=(low - 0.28, top + 0.08 + (0.2 if node_names else 0.0)),
        title=title or "",
    )
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure


def _label_place(n_in: int, n_out: int, apart: float) -> tuple[float, int]:
    """Return where on its way each edge carries its number, and how many stand between two nodes there.

    At the part p / (m + p) of the way, with m the smaller layer and p prime to m, no two numbers meet, and
    m + p of them fit between one node and the next.
    """
    m = min(n_in, n_out)
    p = next(p for p in range(1, 2 * m + 2) if math.gcd(p, m) == 1 and apart * p / (m + p) >= 0.5)
    part = p / (m + p)
    return (part if n_out <= n_in else 1 - part), m + p


def _per_layer(parts: Sequence[Any] | None, sizes: Sequence[int], what: str) -> list[np.ndarray] | None:
    if parts is None:
        return None
    if len(parts) != len(sizes):
        raise LectureError(f"{what}: expected {len(sizes)} arrays, got {len(parts)}")
    arrays = [
        _array(part, f"{what}[{i}]", f"({sizes[i]},)", (1,)).astype(float) for i, part in enumerate(parts)
    ]
    for i, array in enumerate(arrays):
        if len(array) != sizes[i]:
            raise LectureError(f"{what}[{i}]: expected shape ({sizes[i]},), got {array.shape}")
    return arrays


def computation_graph(
    nodes: Mapping[str, tuple[float, float, str]],
    edges: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    unit: tuple[float, float] = (1.35, 1.0),
    legend: bool = True,
    axes: Axes | None = None,
) -> Figure:
    """Draw a computation as a graph: what flows forward above each edge, its derivative below.

    Parameters
    ----------
    nodes : dict name -> (x, y, label)
        Where each node stands, in units of ``unit``, and what is written in it.
    edges : list of (from, to, above) or (from, to, above, below)
        ``above`` is the number that flows forward (blue), ``below`` the derivative of the loss with respect
        to it, which flows backward (vermilion). An empty text draws nothing, for the reader to fill in.
    title : str, optional
        A line above all.
    unit : (float, float)
        Inches from one x, and one y, to the next.
    legend : bool
        Whether the two colors are explained.
    axes : Axes, optional
        Where to draw.

    Returns
    -------
    Figure

    Raises
    ------
    LectureError
        An edge names an unknown node or has another length.
    """
    if not nodes:
        raise LectureError("nodes: expected at least one name -> (x, y, label), got none")
    for edge in edges:
        if len(edge) not in (2, 3, 4):
            raise LectureError(f"edge {tuple(edge)}: expected (from, to, above) or (from, to, above, below)")
        for name in edge[:2]:
            if name not in nodes:
                raise LectureError(f"edge {tuple(edge)}: no node {name!r}; there are {', '.join(nodes)}")
    x = [place[0] for place in nodes.values()]
    y = [place[1] for place in nodes.values()]
    scale = min(unit[0], (MAX_WIDTH - 1.2) / max(max(x) - min(x), 1e-9))
    extra = 0.1 * max(place[2].count("\n") for place in nodes.values())
    width, height = (max(x) - min(x)) * scale + 1.2, (max(y) - min(y)) * unit[1] + 0.8 + 2 * extra
    below = any(len(edge) == 4 and edge[3] for edge in edges)
    figure, axes = _on(axes, max(width, 3.0), height + (0.35 if title else 0) + (0.3 if legend else 0))
    places = {name: (place[0] * scale, place[1] * unit[1]) for name, place in nodes.items()}
    boxes = {}
    for name, (px, py) in places.items():
        half_width = max(0.19, _width(nodes[name][2], _NORMAL) / 2 + 0.1)
        half_height = 0.19 + 0.1 * nodes[name][2].count("\n")
        boxes[name] = FancyBboxPatch(
            (px - half_width, py - half_height),
            2 * half_width,
            2 * half_height,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="#FFF6E0",
            edgecolor=_INK,
            linewidth=1.1,
            zorder=3,
        )
        axes.add_patch(boxes[name])
        axes.text(px, py, nodes[name][2], ha="center", va="center", size=_NORMAL, zorder=4)
    left = min(places[name][0] - _width(nodes[name][2], _NORMAL) / 2 for name in nodes) - 0.25
    right = max(places[name][0] + _width(nodes[name][2], _NORMAL) / 2 for name in nodes) + 0.25
    axes.set(xlim=(left, right), ylim=(min(y) * unit[1] - 0.4 - extra, max(y) * unit[1] + 0.4 + extra))
    axes.set_aspect("equal")
    for edge in edges:
        start, end = np.array(places[edge[0]]), np.array(places[edge[1]])
        axes.add_patch(
            FancyArrowPatch(
                tuple(start),
                tuple(end),
                arrowstyle="-|>",
                mutation_scale=13,
                color="#666666",
                linewidth=1.2,
                patchA=boxes[edge[0]],
                patchB=boxes[edge[1]],
                shrinkA=1,
                shrinkB=1,
                zorder=1,
            )
        )
        direction = (end - start) / (np.linalg.norm(end - start) or 1.0)
        normal = np.array([-direction[1], direction[0]])
        if normal[1] < 0 or (normal[1] == 0 and normal[0] > 0):
            normal = -normal
        part = 0.5 if abs(direction[1]) < 0.1 else 0.42  # edges that meet are further apart near their start
        middle = start + part * (end - start)
        for text, sign, color in zip(edge[2:], (1, -1), (_FORWARD, _BACKWARD), strict=False):
            if not text:
                continue
            text = re.sub(r"^-(?=[\d.])", "\N{MINUS SIGN}", text)
            # text boxes are wider than high: move out by half the box in the direction of the normal
            half = np.array([_width(text, _SMALL) / 2, 0.085])
            offset = sign * normal * (0.05 + float(np.abs(normal) @ half))
            axes.text(
                middle[0] + offset[0],
                middle[1] + offset[1],
                text,
                ha="center",
                va="center",
                size=_SMALL,
                color=color,
                zorder=4,
            )
    if legend:
        handles = [Line2D([], [], color=_FORWARD, linewidth=3, linestyle="-", label="value (forward)")]
        if below:
            handles.append(
                Line2D(
                    [],
                    [],
                    color=_BACKWARD,
                    linewidth=3,
                    linestyle="-",
                    label="derivative of the loss (backward)",
                )
            )
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, frameon=False)
    axes.set_title(title or "")
    axes.set_axis_off()
    return figure


__all__ = [
    "DIVERGING",
    "LINE_STYLES",
    "MARKERS",
    "PALETTE",
    "computation_graph",
    "confusion_matrix",
    "decision_regions",
    "feature_maps",
    "histograms",
    "image_grid",
    "network",
    "scatter",
    "show",
    "training_curves",
    "transform_grid",
    "use_style",
    "weights",
]
