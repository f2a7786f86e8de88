"""Sliders where a kernel is live, a still figure for who only reads."""

import html
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lecture_utils.errors import LectureError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def explore(
    draw: Callable[..., "Figure"], alt: str, still: Mapping[str, Any] | None = None, **controls: Any
) -> None:
    """Show a figure that follows its sliders; where no kernel is live, or with ``LECTURE_STILL=1``, a still.

    Parameters
    ----------
    draw : callable
        Gets one argument for each control, by name, and returns a Figure.
    alt : str
        What the figure shows, wherever the sliders stand.
    still : dict name -> value, optional
        What the still figure shows, and where the sliders start. What it does not name starts at the default
        that ``draw`` gives it, else in the middle.
    **controls : (low, high), (low, high, step), list, bool, number, text or widget
        As ``ipywidgets.interactive`` takes them.

    Raises
    ------
    LectureError
        A control that ``draw`` does not know, a value for a control that there is not, or an empty range.
    Exception
        Whatever ``draw`` raises at the start. Later errors are shown where the figure was.
    """
    if not controls:
        raise LectureError("explore() needs at least one control, such as weight=(-3.0, 3.0, 0.1)")
    start = _start(draw, dict(still or {}), controls)
    figure = draw(**start)
    if not _live():
        _show(figure, alt)
        return

    import ipywidgets
    from IPython.display import clear_output, display

    widgets = {name: _widget(name, control, start[name]) for name, control in controls.items()}
    output = ipywidgets.Output()

    def redraw(_: Any = None) -> None:
        values = {name: widget.value for name, widget in widgets.items()}
        with output:
            clear_output(wait=True)
            try:
                _show(draw(**values), alt)
            except Exception as error:
                display(
                    {"text/html": _error_html(error, values), "text/plain": _error_text(error, values)},
                    raw=True,
                )

    for widget in widgets.values():
        widget.observe(redraw, names="value")
    display(ipywidgets.VBox([*widgets.values(), output]))
    with output:
        _show(figure, alt)


def _live() -> bool:
    """Tell whether somebody can move a slider: a notebook's kernel runs, and no still was asked for."""
    if os.environ.get("LECTURE_STILL", "") not in ("", "0"):
        return False
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _show(figure: Any, alt: str) -> None:
    from matplotlib.figure import Figure

    from lecture_utils import plots

    if not isinstance(figure, Figure):
        raise LectureError(
            f"the function given to explore() must return a Figure, got {type(figure).__name__}"
        )
    plots.show(figure, alt)


def _start(draw: Callable[..., Any], still: dict[str, Any], controls: dict[str, Any]) -> dict[str, Any]:
    """Return where each control starts."""
    unknown = [name for name in still if name not in controls]
    if unknown:
        raise LectureError(f"still: there is no control {unknown[0]!r}; there are {', '.join(controls)}")
    parameters = inspect.signature(draw).parameters
    start = {}
    for name, control in controls.items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        middle = _middle(name, control)
        start[name] = still.get(name, middle if default is inspect.Parameter.empty else default)
        if isinstance(control, tuple) and not control[0] <= start[name] <= control[1]:
            raise LectureError(
                f"control {name} starts at {start[name]}, outside {control[0]} to {control[1]}"
            )
    try:
        inspect.signature(draw).bind(**start)
    except TypeError as error:
        raise LectureError(
            f"explore(): the controls ({', '.join(controls)}) do not fit the function that draws: {error}"
        ) from error
    return start


def _middle(name: str, control: Any) -> Any:
    """Return where a control starts if nobody says: in the middle of a range, at the first of a list."""
    if isinstance(control, tuple):
        if (
            len(control) not in (2, 3)
            or not control[0] < control[1]
            or (len(control) == 3 and control[2] <= 0)
        ):
            raise LectureError(f"control {name}: expected (low, high) or (low, high, step), got {control}")
        low, high = control[:2]
        step = (
            control[2] if len(control) == 3 else 1 if all(isinstance(end, int) for end in control) else None
        )
        half = (high - low) / 2
        return low + half if step is None else round(low + int(half / step) * step, 12)
    if isinstance(control, Mapping | list):
        if not control:
            raise LectureError(f"control {name}: expected at least one choice, got none")
        first = next(iter(control.values() if isinstance(control, Mapping) else control))
        return first[1] if isinstance(first, tuple) and len(first) == 2 else first
    if isinstance(control, bool | int | float | str):
        return control
    if hasattr(control, "value"):
        return control.value
    raise LectureError(
        f"control {name}: expected (low, high, step), a list, a bool or a widget, got {control!r}"
    )


def _widget(name: str, control: Any, value: Any) -> Any:
    """Return the widget for a control, at its start."""
    import ipywidgets

    widget = control
    if not isinstance(control, ipywidgets.Widget):
        widget = ipywidgets.interactive.widget_from_abbrev(control)
        if widget is None:
            raise LectureError(f"control {name}: ipywidgets makes nothing of {control!r}")
        widget.description = name.replace("_", " ")
        widget.style.description_width = "initial"
    if hasattr(widget, "continuous_update"):
        widget.continuous_update = False
    widget.value = value
    return widget


def _error_text(error: Exception, values: Mapping[str, Any]) -> str:
    """Return an error of the drawing function in words: what, where the sliders stood, which line."""
    place = ", ".join(f"{name} = {value!r}" for name, value in values.items())
    words = f"The figure cannot be drawn at {place}: {type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)[1:] if frame.line]
    return words + (f"\nin {frames[0].name}, line {frames[0].lineno}: {frames[0].line}" if frames else "")


def _error_html(error: Exception, values: Mapping[str, Any]) -> str:
    style = "border-left: 0.4em solid #D55E00; padding: 0.3em 0.8em; white-space: pre-wrap;"
    return f'<div style="{style}">{html.escape(_error_text(error, values))}</div>'
