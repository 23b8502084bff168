"""One small fit loop for the whole course, and a whole sweep as one fit.

- `loop`: `fit` minimises the loss of a model, `evaluate` averages it over data;
- `stacking`: `stack` turns K models of one architecture into one module, `unstack` back;
- `sweeps`: `sweep` fits a row of models at once.
"""

from .loop import Data, DivergedError, History, Loss, cosine, evaluate, fit, train, with_bar
from .stacking import StackedLinear, stack, unstack
from .sweeps import Sweep, sweep

__all__ = [
    "Data",
    "DivergedError",
    "History",
    "Loss",
    "StackedLinear",
    "Sweep",
    "cosine",
    "evaluate",
    "fit",
    "stack",
    "sweep",
    "train",
    "unstack",
    "with_bar",
]
