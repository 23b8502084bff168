"""Your own data, from a file to a one-page report: lecture 11.

- `data`: `read` it, `prepare` it: split, in units of its own;
- `steps`: what kind of numbers they are, and whose units differ;
- `fitting`: `fit_vae`, `score`, `rate_distortion_curve`, and `cautions` about all of them;
- `figures`: `draw_...`, each returns (figure, sentence) for `plotting.show` and the report;
- `report`: `write_report`, one HTML file with everything inside;
- `refusals`: a dozen bad files, and what is said about each;
- `molecule`: the worked example, pictures whose exact probability is known.

    data = prepare(read("photographs.npz"))
    fitted = fit_vae(data, generator=generator)
    scores = score(fitted, generator=generator)
"""

from . import molecule
from .data import Prepared, prepare, read
from .figures import draw_curve, draw_data, draw_history, draw_latents, draw_samples
from .fitting import (
    Curve,
    Fitted,
    Scores,
    cautions,
    fit_vae,
    loss,
    rate_distortion_curve,
    score,
)
from .refusals import Refusal, refusals, show_refusals
from .report import QUESTIONS, plus_minus, write_report
from .steps import kind_of, mixed_units, step_of

__all__ = [
    "QUESTIONS",
    "Curve",
    "Fitted",
    "Prepared",
    "Refusal",
    "Scores",
    "cautions",
    "draw_curve",
    "draw_data",
    "draw_history",
    "draw_latents",
    "draw_samples",
    "fit_vae",
    "kind_of",
    "loss",
    "mixed_units",
    "molecule",
    "plus_minus",
    "prepare",
    "rate_distortion_curve",
    "read",
    "refusals",
    "score",
    "show_refusals",
    "step_of",
    "write_report",
]
