"""Time `lecture grade`, sandbox included, against plain `nbgrader autograde` on the same submissions.

usage: python tools/bench_grading.py [--exercise 03] [--submissions 20] [--save]

Both grade the same notebooks on this machine, one after the other. Plain nbgrader runs them one at a time,
with the grader's own rights, in an ordinary kernel; what its test cells decide does not matter here. `--save`
keeps the figures, with date and kind of machine, in data/results/grading.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from lecture_utils.grading import judging, source

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "data" / "results" / "grading.json"
BIN = Path(sys.executable).parent


def hand_in(exercise: source.Exercise, folder: Path, count: int) -> None:
    """Write submissions: most are the solution, every fourth lacks the answer to one task."""
    for number in range(count):
        notebook = source.solution_notebook(exercise)
        if number % 4 == 3:
            blank = source.student_notebook(exercise)
            task = exercise.tasks[number // 4 % len(exercise.tasks)]
            for cell, empty in zip(notebook.cells, blank.cells, strict=True):
                if cell.metadata.get("nbgrader", {}).get("grade_id") in task.solutions:
                    cell.source = empty.source
        place = folder / f"student{number:02}" / exercise.slug
        place.mkdir(parents=True)
        nbformat.write(notebook, place / f"{exercise.slug}.ipynb")


def prepare_course(exercise: source.Exercise, folder: Path) -> dict[str, str]:
    """Make the course that plain nbgrader grades; return the environment of its test cells."""
    notebook = source.solution_notebook(exercise)
    tests = {task.test_id: task for task in exercise.tasks}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in tests:
            hidden = f"from lecture_utils.grading.inside import emit, given\n{tests[name].hidden}"
            cell.source += f"\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        cell.metadata.get("nbgrader", {}).pop("checksum", None)
    place = folder / "source" / exercise.slug
    place.mkdir(parents=True)
    nbformat.write(notebook, place / f"{exercise.slug}.ipynb")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        'c.CourseDirectory.course_id = "bench"\n'
        "c.ExecutePreprocessor.timeout = 600\n"
        "c.Execute.timeout = 600\n",
        encoding="utf-8",
    )
    given = folder / "given.json"
    given.write_bytes(judging.Judge(exercise.judge_code, exercise.points, "bench", exercise.slug).files())
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "LECTURE_GIVEN": str(given),
        "LECTURE_DATA": "embedded",
        "LECTURE_DATA_DIR": str(folder / "data"),
    }


def run(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command to its end; return its seconds."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return seconds


def main() -> None:
    """Run both, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exercise", default="03")
    parser.add_argument("--submissions", type=int, default=20)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    exercise = source.read(options.exercise)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        course = Path(temporary) / "course"
        course.mkdir()
        environment = prepare_course(exercise, course)
        hand_in(exercise, course / "submitted", options.submissions)
        nbgrader = str(BIN / "nbgrader")
        run([nbgrader, "generate_assignment", exercise.slug, "--create", "--force"], course, environment)
        ours = run(
            [
                str(BIN / "lecture"),
                "grade",
                str(course / "submitted"),
                "--exercise",
                exercise.slug,
                "--out",
                str(Path(temporary) / "results"),
            ],
            course,
            environment,
        )
        print(
            f"lecture grade:      {ours:7.1f} s, {60 * options.submissions / ours:.1f} a minute", flush=True
        )
        plain = run([nbgrader, "autograde", exercise.slug, "--create"], course, environment)
        print(f"nbgrader autograde: {plain:7.1f} s, {60 * options.submissions / plain:.1f} a minute")
        print(f"ratio:              {plain / ours:7.2f}")
    if options.save:
        entry = {
            "date": datetime.date.today().isoformat(),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "exercise": exercise.slug,
            "submissions": options.submissions,
            "lecture grade, seconds": round(ours, 1),
            "nbgrader autograde, seconds": round(plain, 1),
            "ratio": round(plain / ours, 2),
        }
        RESULTS.write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
