"""A slider where somebody can move it, a still figure elsewhere."""

from typing import Any

import nbclient
import nbformat
import pytest
from matplotlib.figure import Figure

from lecture_utils import plots, widgets
from lecture_utils.errors import LectureError

ALT = "A line through the origin whose slope is the weight."


class Drawing:
    """Draws nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **values: Any) -> Figure:
        self.asked.append(values)
        return Figure()


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ((0, 10), 5),
        ((0.0, 1.0), 0.5),
        ((-3.0, 3.0, 0.25), 0.0),
        ((0.1, 5.0, 0.1), 2.5),
        ((1, 8, 2), 3),
        (["relu", "tanh"], "relu"),
        ([("half", 0.5), ("one", 1.0)], 0.5),
        ({"half": 0.5, "one": 1.0}, 0.5),
        (True, True),
        (7, 7),
    ],
)
def test_the_still_stands_in_the_middle_of_a_range_and_at_the_first_choice(
    control: Any, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = Drawing()
    widgets.explore(draw, ALT, weight=control)
    assert draw.asked == [{"weight": value}]
    assert type(draw.asked[0]["weight"]) is type(value)
    assert capsys.readouterr().out == ALT + "\n"


def test_the_still_takes_what_it_is_given_then_the_defaults_of_the_function() -> None:
    asked = []

    def draw(weight: float = 2.0, bias: float = 3.0, units: int = 4, color: str = "red") -> Figure:
        asked.append((weight, bias, units, color))
        return Figure()

    widgets.explore(draw, ALT, still={"weight": 1.0}, weight=(0.0, 8.0), bias=(0.0, 8.0), units=(0, 9))
    assert asked == [(1.0, 3.0, 4, "red")]


@pytest.mark.parametrize(
    ("controls", "still", "words"),
    [
        ({}, None, "at least one control"),
        ({"weight": (3, 1)}, None, "control weight: expected .low, high"),
        ({"weight": (1, 3, 0)}, None, "control weight: expected .low, high"),
        ({"weight": (1, 2, 3, 4)}, None, "control weight: expected .low, high"),
        ({"weight": []}, None, "control weight: expected at least one choice"),
        ({"weight": None}, None, "control weight: expected"),
        ({"weight": (0, 1)}, {"bias": 1}, "no control 'bias'; there are weight"),
        ({"weight": (0, 1)}, {"weight": 2}, "control weight starts at 2, outside 0 to 1"),
        ({"height": (0, 1)}, None, "do not fit the function that draws: .*height"),
    ],
)
def test_controls_that_cannot_work_are_named(controls: Any, still: Any, words: str) -> None:
    def draw(weight: float = 0.5) -> Figure:
        return Figure()

    with pytest.raises(LectureError, match=words):
        widgets.explore(draw, ALT, still, **controls)


def test_a_function_that_returns_no_figure_is_named() -> None:
    with pytest.raises(LectureError, match="must return a Figure, got NoneType"):
        widgets.explore(lambda weight: None, ALT, weight=(0, 1))  # type: ignore[arg-type, return-value]


def test_an_error_while_drawing_the_still_stops_the_notebook() -> None:
    def draw(weight: float) -> Figure:
        raise ZeroDivisionError("no slope")

    with pytest.raises(ZeroDivisionError, match="no slope"):
        widgets.explore(draw, ALT, weight=(0, 1))


SETUP = """
import matplotlib.pyplot as plt
from lecture_utils import widgets
kept = []

def draw(weight=1.0):
    if weight > 2:
        raise ValueError("the weight is <too large>")
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, weight])
    axes.set(xlabel="x", ylabel="y")
    return figure
"""
EXPLORE = f"widgets.explore(draw, {ALT!r}, weight=(-3.0, 3.0, 0.5))"
# what the browser does when a reader moves the slider, without the browser
MOVE = """
from ipywidgets.widgets.widget import _instances
slider = next(widget for widget in _instances.values() if hasattr(widget, "continuous_update"))
slider.value = {value}
print(slider.description, slider.min, slider.max, slider.step, slider.continuous_update)
"""


def executed(folder: Any, cells: list[str], allow_errors: bool = False) -> Any:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = nbclient.NotebookClient(
        notebook, timeout=60, allow_errors=allow_errors, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def in_output_widget(notebook: Any) -> list[Any]:
    """Return what stands in the notebook's one output widget."""
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    (state,) = [state["state"] for state in states if state["model_name"] == "OutputModel"]
    return state["outputs"]


def test_with_lecture_still_a_kernel_shows_one_picture_and_no_widget(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("LECTURE_STILL", "1")
    notebook = executed(tmp_path, [SETUP, EXPLORE])
    (output,) = notebook.cells[1].outputs
    assert sorted(output.data) == ["image/png", "text/plain"]
    assert output.metadata == {"image/png": {"alt": ALT}}
    assert "widgets" not in notebook.metadata


def test_with_a_kernel_the_figure_follows_its_slider_and_says_why_it_cannot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv("LECTURE_STILL", raising=False)
    first = executed(tmp_path, [SETUP, EXPLORE])
    (output,) = first.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    (shown,) = in_output_widget(first)
    assert shown["metadata"] == {"image/png": {"alt": ALT}}

    moved = executed(tmp_path, [SETUP, EXPLORE, MOVE.format(value=-3)])
    assert moved.cells[2].outputs[0].text.strip() == "weight -3.0 3.0 0.5 False"
    (again,) = in_output_widget(moved)
    assert again["data"]["image/png"] != shown["data"]["image/png"]

    broken = executed(tmp_path, [SETUP, EXPLORE, MOVE.format(value=3)])
    (message,) = in_output_widget(broken)
    assert "at weight = 3.0: ValueError: the weight is <too large>" in message["data"]["text/plain"]
    assert 'raise ValueError("the weight is <too large>")' in message["data"]["text/plain"]
    assert "&lt;too large&gt;" in message["data"]["text/html"]


def test_the_alt_text_of_a_still_is_held_to_the_rule_of_every_figure() -> None:
    assert len(ALT) >= plots.MIN_ALT
    with pytest.raises(LectureError, match="alt text"):
        widgets.explore(Drawing(), "a plot", weight=(0, 1))
