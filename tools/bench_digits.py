"""Measure the digit networks of lectures 07 to 09 with more seeds than a lecture has time for.

usage: python tools/bench_digits.py [--seeds 3] [--lectures 07,08,09] [--save]

The code is the lectures' own: their cells are executed up to the one that records the last result, in a
process for each lecture and seed, with another seed. It needs the real MNIST (TFDS_DATA_DIR) and, on two
cores, five to ten minutes for each lecture and seed. `--save` keeps each run, as soon as it is there, in
data/results/seeds.json; runs of the same code that are there already are not made again.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import io
import json
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from lecture_utils import fingerprint, lectures, scoreboard

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "data" / "results" / "seeds.json"


def cells_to_record(slug: str) -> list[str]:
    """Return a lecture's code cells, up to the last that records a result."""
    import jupytext

    notebook = jupytext.read(ROOT / "notebooks" / "source" / "lectures" / f"{slug}.py", fmt="py:percent")
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    last = max(number for number, cell in enumerate(cells) if "scoreboard.record(" in cell)
    return cells[: last + 1]


def run(cells: list[str], slug: str, seed: int, connection: Any) -> None:
    """Execute cells with other seeds, and send what they record on MNIST."""
    import matplotlib as mpl

    mpl.use("agg")
    from lecture_utils import checks, plots, training

    found: list[dict[str, Any]] = []
    set_seeds = training.set_seeds

    def record(network: str, data: Any, **values: Any) -> None:
        source = getattr(data, "source", data).name
        kept = {name: values[name] for name in ("parameters", "epochs", "seconds", "accuracy")}
        found.append({"network": network, "data": source, "lecture": slug, "seed": seed, **kept})

    training.set_seeds = lambda value, *others, **named: set_seeds(value + 1000 * seed, *others, **named)
    scoreboard.record = record
    scoreboard.table = lambda *_, **__: [None] * 100  # type: ignore[assignment]
    checks.expect = lambda value, *_, **__: value  # the bands are for seed 0
    plots.show = lambda figure, alt: plots.close(figure)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, cell in enumerate(cells):
            exec(compile(cell, f"<{slug} cell {number}>", "exec"), namespace)
    connection.send(found)


def measure(slug: str, cells: list[str], seed: int) -> list[dict[str, Any]]:
    """Run a lecture's training with one seed in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(cells, slug, seed, theirs))
    process.start()
    theirs.close()
    try:
        found: list[dict[str, Any]] = ours.recv()
    except EOFError:
        sys.exit(f"{slug} with seed {seed} failed; what it said stands above.")
    finally:
        process.join()
    if not found or any(result["data"] != "mnist" for result in found):
        sys.exit("this needs the real MNIST; name a prepared folder in TFDS_DATA_DIR.")
    return found


def load() -> dict[str, Any]:
    """Return what was kept so far."""
    if RESULTS.exists():
        kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
        return kept
    return {"runs": []}


def main() -> None:
    """Run each lecture with each seed that is not there yet, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lectures", default="07,08,09")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    kept = load()
    for lecture in lectures.select(options.lectures.split(",")):
        cells = cells_to_record(lecture.slug)
        code = hashlib.sha256(fingerprint.canonical("\n".join(cells)).encode()).hexdigest()[:12]
        kept["runs"] = [
            each for each in kept["runs"] if each["lecture"] != lecture.slug or each["code"] == code
        ]
        for seed in range(1, options.seeds + 1):
            if any((each["lecture"], each["seed"]) == (lecture.slug, seed) for each in kept["runs"]):
                continue
            start = time.perf_counter()
            for result in measure(lecture.slug, cells, seed):
                entry = {
                    **result,
                    "code": code,
                    "date": datetime.date.today().isoformat(),
                    "machine": scoreboard.machine(),
                }
                kept["runs"].append(entry)
                print(
                    f"{lecture.slug}, seed {seed}: {result['network']} {100 * result['accuracy']:.2f} % "
                    f"({time.perf_counter() - start:.0f} s)",
                    flush=True,
                )
            if options.save:
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    by_network: dict[str, list[float]] = {}
    for each in kept["runs"]:
        by_network.setdefault(each["network"], []).append(each["accuracy"])
    for network, accuracies in by_network.items():
        middle = statistics.median(accuracies)
        error = scoreboard.standard_error(middle)
        shown = ", ".join(f"{100 * accuracy:.2f}" for accuracy in sorted(accuracies))
        print(f"{network}: median {100 * middle:.2f} ± {100 * error:.2f} of {shown}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
