"""What the server process of the mutation tests imports once, for all its children."""

from lecture_utils.training import _stderr_held_back

with _stderr_held_back():
    import matplotlib

    matplotlib.use("Agg")
    import keras  # noqa: F401
    import matplotlib.pyplot
    import scipy.ndimage  # noqa: F401
    import sklearn.linear_model
    import sklearn.neural_network  # noqa: F401
    import tensorflow  # noqa: F401
    from IPython import display  # noqa: F401

    from lecture_utils import checks, datasets, plots, scoreboard, training, widgets  # noqa: F401
