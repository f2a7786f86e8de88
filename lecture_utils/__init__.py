"""What two lectures or more need: data, plots, training helpers, checks, the scoreboard.

Nothing heavy is loaded here. ``from lecture_utils import datasets, plots`` loads what those need;
TensorFlow is loaded when a function needs it.
"""

__version__ = "0.1.0"
