"""A hidden test and a student's answers keep out of each other's way."""

import json
from pathlib import Path
from typing import Any

import pytest

from lecture_utils.grading import inside, values


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Collect what is handed out, with {"x": [1, 2]} as the inputs of the task "double"."""
    import IPython.display

    file = tmp_path / "given.json"
    file.write_text(values.dumps({"double": {"x": [1, 2]}}), encoding="utf-8")
    monkeypatch.setenv(inside.GIVEN, str(file))
    collected: list[dict[str, Any]] = []
    monkeypatch.setattr(
        IPython.display, "publish_display_data", lambda data: collected.append(data[inside.MIME])
    )
    monkeypatch.setattr(inside, "_setup", {})
    return collected


TEST = """
data = given("double")
def helper(x):
    return double(x)
emit("double", "all", lambda: [helper(x) for x in data["x"]])
"""


def space(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "notebook", "factor": 2}
    inside.begin(names)
    exec(code, names)
    return names


def test_a_hidden_test_hands_out_what_the_answer_computes(told: Any) -> None:
    inside.test(TEST, space("def double(x): return factor * x"))
    assert told == [{"task": "double", "key": "all", "value": {"list": [2, 4]}}]
    json.dumps(told)


def test_helpers_of_a_student_may_have_any_name(told: Any) -> None:
    answer = "def data(x): return x + x\ndef helper(x): return data(x)\ndef double(x): return helper(x)"
    names = space(answer + "\ndef given(task): raise ValueError\ndef emit(*a): raise ValueError")
    inside.test(TEST, names)
    assert told[0]["value"] == {"list": [2, 4]}
    assert callable(names["data"])
    assert names["helper"](2) == 4


def test_what_one_answer_does_to_the_setup_does_not_reach_the_next_task(told: Any) -> None:
    names = space("factor = 100")
    inside.begin(names)
    exec("def double(x): return factor * x", names)
    inside.test(TEST, names)
    assert told[0]["value"] == {"list": [2, 4]}


def test_a_hidden_test_uses_the_names_of_the_setup_as_they_were(told: Any) -> None:
    names = space("factor = 100\ndef double(x): return 0")
    inside.test("emit('double', 'factor', lambda: factor)", names)
    assert told[0]["value"] == 2


def test_what_an_answer_raises_is_handed_out_and_the_next_value_has_its_chance(told: Any) -> None:
    names = space("def double(x): raise NotImplementedError")
    inside.test(TEST + "emit('double', 'odd', lambda: print)\nemit('double', 'one', lambda: 1)", names)
    assert told[0]["unanswered"] is True
    assert "NotImplementedError" in told[0]["failed"]
    assert told[1]["failed"].startswith("the answer cannot be used")
    assert told[2]["value"] == 1
