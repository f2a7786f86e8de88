"""Train the best recipe for MNIST that we know, and keep what it costs and what it brings.

usage: python tools/bench_recipe.py [--networks 1] [--epochs 20] [--precision mixed_bfloat16] [--save]

A network, or several, is trained on images that are moved, turned and stretched a little, each time anew;
the logarithms of probabilities are averaged over networks and over small shifts of the image. Everything
was chosen on the validation images of the lectures; the test images report once, at the end. Before that,
short trainings show step by step, on the validation images, what each part of the recipe brings. `--save`
keeps the result in data/results/recipe.json, which lecture 9 shows.

It needs the real MNIST (TFDS_DATA_DIR). Half precision (bfloat16) pays only where the processor has
instructions for it; elsewhere use `--precision float32`, and more time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lecture_utils import datasets, paths, scoreboard, training

WIDTHS = (32, 32, 64, 64, 128, 128)
BATCH_SIZE = 128
PEAK = 0.003
TURN, STRETCH, SHEAR, SHIFT = np.deg2rad(12.0), 0.12, 0.15, 2.5  # radians, shares, pixels


@dataclass(frozen=True)
class Recipe:
    """What is switched on."""

    deep: bool = True
    normalize: bool = True
    falling: bool = True
    augment: bool = True


def network(recipe: Recipe) -> Any:
    """Build six convolutions in three pairs, or the two convolutions of lecture 7."""
    import keras

    layers = keras.layers

    def convolution(filters: int, padding: str = "same") -> Any:
        return layers.Conv2D(filters, 3, padding=padding, activation="relu")

    stack: list[Any] = []
    if not recipe.deep:
        stack = [convolution(32, "valid"), convolution(64, "valid"), layers.MaxPooling2D(), layers.Flatten()]
        stack += [layers.Dense(128, activation="relu")]
    else:
        for first, second, padding in zip(WIDTHS[::2], WIDTHS[1::2], ("same", "same", "valid"), strict=True):
            stack += [convolution(first), convolution(second, padding)]
            stack += [layers.MaxPooling2D()] if padding == "same" else []
            if recipe.normalize:
                stack += [layers.BatchNormalization(momentum=0.95)]
                stack += [layers.Dropout(0.1 if padding == "same" else 0.4)]
        stack += [layers.Flatten()]
    return keras.Sequential([keras.Input((28, 28, 1)), *stack, layers.Dense(10, dtype="float32")])


def varied(images: Any, labels: Any) -> tuple[Any, Any]:
    """Turn, stretch, shear and move each image of a batch at random, about its middle."""
    import tensorflow as tf

    count = tf.shape(images)[0]

    def random(most: float) -> Any:
        return tf.random.uniform([count], -most, most)

    angle, wide = random(TURN), 1 + random(STRETCH)
    high, shear = wide * (1 + random(STRETCH / 2)), random(SHEAR)
    a, b = tf.cos(angle) * wide, (shear - tf.sin(angle)) * high
    c, d = tf.sin(angle) * wide, tf.cos(angle) * high
    middle, nothing = 13.5, tf.zeros([count])
    x = middle - middle * (a + b) + random(SHIFT)
    y = middle - middle * (c + d) + random(SHIFT)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, x, c, d, y, nothing, nothing], axis=1),
        output_shape=[28, 28],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved, labels


def trained(recipe: Recipe, x: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> Any:
    """Train one network."""
    import keras
    import tensorflow as tf

    training.set_seeds(seed, deterministic=False)
    model = network(recipe)
    steps = epochs * (len(x) // BATCH_SIZE)
    rate: Any = PEAK / 3
    if recipe.falling:
        rate = keras.optimizers.schedules.CosineDecay(
            PEAK / 10, steps - steps // 10, alpha=0.001, warmup_target=PEAK, warmup_steps=steps // 10
        )
    batches = (
        tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(BATCH_SIZE, drop_remainder=True)
    )
    if recipe.augment:
        batches = batches.map(varied)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.001),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(batches.prefetch(2), epochs=epochs, verbose=0)
    return model


def log_probabilities(models: list[Any], x: np.ndarray, moved: bool) -> np.ndarray:
    """Average over networks, and over the image in place and moved by a pixel in four directions."""
    places = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)] if moved else [(0, 0)]
    total = np.zeros((len(x), 10))
    for model in models:
        for place in places:
            logits = model.predict(np.roll(x, place, axis=(1, 2)), batch_size=500, verbose=0).astype(float)
            logits -= logits.max(axis=1, keepdims=True)
            total += logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return total / (len(models) * len(places))


def accuracy(models: list[Any], x: np.ndarray, y: np.ndarray, moved: bool = False) -> float:
    """Return the share of images that the average reads right."""
    return float(np.mean(log_probabilities(models, x, moved).argmax(axis=1) == y))


STEPS = [
    ("two convolutions, as in lecture 7", Recipe(False, False, False, False), "where we start"),
    ("six convolutions", Recipe(True, False, False, False), "deeper, with a quarter of the weights"),
    ("batch normalization, dropout", Recipe(True, True, False, False), "a calmer and a noisier training"),
    ("a falling learning rate", Recipe(True, True, True, False), "large steps first, small steps at the end"),
    ("varied images", Recipe(), "turned, stretched and moved: no image twice"),
]


def main() -> None:
    """Measure the steps on the validation images, then the recipe on the test images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--step-epochs", type=int, default=3, help="0: keep the steps of the last time")
    parser.add_argument("--precision", default="mixed_bfloat16", choices=["mixed_bfloat16", "float32"])
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    training.quiet_tensorflow()
    import keras

    keras.mixed_precision.set_global_policy(options.precision)
    digits = datasets.mnist()
    if digits.source.name != "mnist":
        sys.exit("this needs the real MNIST; name a prepared folder in TFDS_DATA_DIR.")

    def prepared(images: np.ndarray) -> np.ndarray:
        return (images / np.float32(255))[..., None]

    cut = len(digits.x_train) - digits.validation
    x, y = prepared(digits.x_train[:cut]), digits.y_train[:cut]
    x_val, y_val = prepared(digits.x_train[cut:]), digits.y_train[cut:]

    path = Path(paths.reference_scoreboard_path()).with_name("recipe.json")
    steps: list[dict[str, Any]] = []
    step_epochs = options.step_epochs
    if not step_epochs:
        before = scoreboard.benchmark("recipe")
        steps, step_epochs = before["steps"][: len(STEPS)], before["step_epochs"]
    for name, recipe, why in STEPS if options.step_epochs else []:
        start = time.perf_counter()
        model = trained(recipe, x, y, step_epochs, seed=0)
        right, seconds = accuracy([model], x_val, y_val), time.perf_counter() - start
        steps.append({"name": name, "accuracy": right, "why": why})
        print(f"{name}: {right:.2%} (validation, {seconds:.0f} s)", flush=True)

    start = time.perf_counter()
    models = []
    for seed in range(options.networks):
        models.append(trained(replace(Recipe()), x, y, options.epochs, seed))
        print(
            f"network {seed + 1}: {accuracy(models[-1:], x_val, y_val):.2%} "
            f"(validation, {time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    seconds = time.perf_counter() - start
    longer = f"{options.epochs} epochs in place of {step_epochs}"
    together = [("trained for longer", models[:1], False, longer)]
    if options.networks > 1:
        same = "their mistakes are not the same"
        together.append((f"{options.networks} networks averaged", models, False, same))
    together.append(("each image also moved by a pixel", models, True, "five looks at each image"))
    for name, some, moved, why in together:
        steps.append({"name": name, "accuracy": accuracy(some, x_val, y_val, moved), "why": why})
        print(f"{name}: {steps[-1]['accuracy']:.2%} (validation)", flush=True)
    x_test, y_test = prepared(digits.x_test), digits.y_test
    singles = [accuracy([model], x_test, y_test) for model in models]
    result = {
        "accuracy": accuracy(models, x_test, y_test, moved=True),
        "singles": singles,
        "seconds": round(seconds, 1),
        "epochs": options.epochs,
        "networks": options.networks,
        "parameters": models[0].count_params(),
        "precision": options.precision,
        "steps": steps,
        "step_epochs": step_epochs,
        "date": datetime.date.today().isoformat(),
        "machine": scoreboard.machine(),
    }
    error = scoreboard.standard_error(result["accuracy"])
    print(
        f"test: {result['accuracy']:.2%} ± {error:.2%} after {seconds:.0f} s of training; "
        f"alone {', '.join(f'{each:.2%}' for each in singles)}"
    )
    if options.save:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
