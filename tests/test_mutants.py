"""Each lecture notices when what it teaches is destroyed."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import mutation

MUTANTS = {
    path.stem[1:]: importlib.import_module(f"mutants.{path.stem}").MUTANTS
    for path in sorted(Path(__file__).parent.glob("mutants/m[0-9]*.py"))
}


class OfALecture:
    """Tests of the mutants of one lecture; a class each, so that lectures run side by side."""

    slug = ""

    def test_each_mutant_turns_a_check_red(self, mutant: mutation.Mutant) -> None:
        control = mutation.control_of(self.slug)
        cells = mutation.code_cells(mutant.apply(mutation.source_of(self.slug)))
        run = mutation.in_process(cells, mutant.name, control)
        assert not run.crash, f"mutant {mutant.name!r} crashes, so that it proves nothing:\n{run.crash}"
        assert run.caught, f"mutant {mutant.name!r} survives: no cell of {self.slug} noticed"


for _slug in MUTANTS:
    globals()[f"TestMutantsOf{_slug[:2]}"] = type(f"TestMutantsOf{_slug[:2]}", (OfALecture,), {"slug": _slug})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mutant" in metafunc.fixturenames:
        mutants = MUTANTS[metafunc.cls.slug]
        metafunc.parametrize("mutant", mutants, ids=[mutant.name for mutant in mutants])


def test_every_lecture_has_mutants() -> None:
    lectures = {path.stem for path in mutation.SOURCES.glob("[0-9]*.py")}
    assert lectures == set(MUTANTS)
    assert all(len(mutants) >= 4 for mutants in MUTANTS.values())


PROBE = [
    "x = 2",
    "# NBVAL_CHECK_OUTPUT\nprint(x + 1)",
    "from lecture_utils.checks import expect\nexpect(x, 'x', always=2)",
]


def test_the_harness_catches_a_changed_output_a_failed_expectation_and_a_failed_assertion() -> None:
    control = mutation.execute(PROBE, "probe", None)
    assert control.outputs[1] == "3\n"
    assert "compared output" in mutation.execute(["x = 1", *PROBE[1:]], "probe", control).caught
    assert (
        "expect: x" in mutation.execute([PROBE[0], "print(x + 1)\nx = 1", PROBE[2]], "probe", control).caught
    )
    assert "cell 1" in mutation.execute([PROBE[0], "assert x == 1"], "probe", control).caught


def test_the_harness_does_not_take_a_crash_or_a_harmless_change_for_a_catch() -> None:
    control = mutation.execute(PROBE, "probe", None)
    crash = mutation.execute(["x = 2", "print(y)"], "probe", control)
    assert "NameError" in crash.crash
    assert not crash.caught
    same = mutation.execute(["x = 1 + 1", *PROBE[1:]], "probe", control)
    assert not same.caught
    assert not same.crash


def test_a_band_that_a_small_budget_cannot_reach_is_left_out() -> None:
    cells = ["from lecture_utils.checks import expect", "expect(0, 'accuracy', always=0.9)"]
    control = mutation.execute(cells, "probe", None)
    assert control.expectations == [(1, "accuracy", False)]
    assert not mutation.execute(cells, "probe", control).caught


def test_a_mutant_whose_text_is_gone_is_reported() -> None:
    with pytest.raises(ValueError, match="occurs 0 times"):
        mutation.Mutant("lost", "no such text", "x").apply("x = 1")
