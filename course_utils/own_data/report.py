"""One page that says what was done with one's own data: HTML with everything inside."""

import base64
import html
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from .. import plotting
from ..estimates import mean_and_error
from .data import Prepared
from .figures import Shown
from .fitting import Curve, Fitted, Scores, cautions

QUESTIONS = (
    "What is one sample, and what would a good model of these data be good for?",
    "Which number or figure shows best what the model gets wrong?",
    "What would you measure or change next, and what do you expect to see?",
)
NO_ANSWER = "(not answered yet)"
KINDS = {
    "binary": "two",
    "stepped": "steps of {step:.4g}",
    "real": "real numbers",
}
Measured = Mapping[str, Sequence[tuple[float, float]]]  # by name: data, draws, means

STYLE = """
@page { size: A4; margin: 11mm; }
* { box-sizing: border-box; }
body { font: 13px/1.4 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff;
  max-width: 56rem; margin: 1rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
h2 { font-size: 1rem; margin: .7rem 0 .2rem; border-bottom: 1px solid #c9d3dd; }
p { margin: .2rem 0; }
ul { margin: .2rem 0; padding-left: 1.2rem; }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .92em; }
th { text-align: left; font-weight: normal; color: #555; padding: .08rem .6rem .08rem 0;
  vertical-align: top; }
td { text-align: right; padding: .08rem 0; overflow-wrap: anywhere; }
thead th { border-bottom: 1px solid #c9d3dd; }
thead th + th { text-align: right; }
figure { margin: .4rem 0; break-inside: avoid; }
figure img { width: 100%; height: auto; max-height: 15rem; object-fit: contain; display: block; }
figcaption { font-size: .85em; color: #333; }
dt { font-weight: 600; margin-top: .35rem; }
dd { margin: 0; white-space: pre-line; overflow-wrap: anywhere; }
footer { color: #555; font-size: .85em; margin-top: .6rem; border-top: 1px solid #c9d3dd; }
@media (max-width: 40rem) { .columns { grid-template-columns: 1fr; } }
@media print {
  body { font-size: 7.8pt; line-height: 1.25; margin: 0; padding: 0; max-width: none; }
  figure { margin: .8mm 0; }
  figure img { max-height: 36mm; }
  h1 { font-size: 13pt; margin: 0; }
  h2 { margin: 1.2mm 0 .3mm; font-size: 9pt; }
  dt { margin-top: .8mm; }
}
"""


def write_report(
    path: str | Path,
    fitted: Fitted,
    scores: Scores,
    curve: Curve,
    figures: Sequence[Shown],
    *,
    title: str,
    answers: Sequence[str] = (),
    measured: Measured | None = None,
) -> Path:
    """Write one HTML page with data, settings, numbers, figures and the student's answers.

    Pictures are inside as data URIs with their sentences as alternative text. The page holds no
    script and no link, and asks the browser to load nothing; all text is escaped. It prints on
    one page A4 unless the answers are long.

    Args:
        path: where to; a file that is there is replaced.
        fitted, scores, curve: of one model.
        figures: pairs (figure, sentence), such as the functions `draw_...` return; four fit.
        title: the heading.
        answers: to the three `QUESTIONS`, in their order; missing ones are marked.
        measured: your own statistics: by name, mean and error for held-out data, draws and means.

    Returns:
        The path.

    Raises:
        ValueError: for more than three answers, or a folder that is not there.
    """
    path = Path(path)
    if len(answers) > len(QUESTIONS):
        raise ValueError(f"There are {len(QUESTIONS)} questions, and {len(answers)} answers.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {str(path.parent)!r} is not there: make it, or name another.")
    notes = cautions(fitted, scores) or ["Nothing that would make one doubt the numbers."]
    tables = [
        ("The data", _table(_data_rows(fitted.data))),
        ("The model", _table(fitted.settings.items())),
        ("Numbers on held-out samples", _table(_score_rows(fitted.data, scores))),
        ("Rate and distortion", _curve_table(curve)),
    ]
    if measured:
        tables.append(("Measured", _measured_table(measured)))
    asked = zip(QUESTIONS, [*answers, *[""] * (len(QUESTIONS) - len(answers))], strict=True)
    body = [
        f"<h1>{_text(title)}</h1>",
        '<div class="columns">',
        *(f"<section><h2>{_text(head)}</h2>{content}</section>" for head, content in tables),
        f"<section><h2>To bear in mind</h2>{_list(notes)}</section>",
        "</div>",
        '<h2>Figures</h2><div class="columns">',
        *(_figure(fig, sentence) for fig, sentence in figures),
        "</div>",
        "<h2>Three questions</h2><dl>",
        *(
            f"<dt>{_text(question)}</dt><dd>{_text(answer.strip() or NO_ANSWER)}</dd>"
            for question, answer in asked
        ),
        "</dl>",
        f"<footer>{_text(_versions())}</footer>",
    ]
    path.write_text(PAGE.format(title=_text(title), style=STYLE, body="\n".join(body)), "utf-8")
    return path


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


# ---------------------------------------------------------------------- parts of the page


def _data_rows(data: Prepared) -> list[tuple[str, str]]:
    parts = (data.train, data.validation, data.test)
    low, high = min(float(p.min()) for p in parts), max(float(p.max()) for p in parts)
    return [
        ("one sample", " × ".join(map(str, data.shape))),
        ("values", KINDS[data.kind].format(step=data.step) + f", {low:.4g} to {high:.4g}"),
        ("train, validation, test", ", ".join(f"{len(p)}" for p in parts)),
        ("samples equal to another", f"{data.repeats}"),
        *([("classes", ", ".join(data.classes))] if data.classes else []),
    ]


def _score_rows(data: Prepared, scores: Scores) -> list[tuple[str, str]]:
    unit = "bits per number" + (", a density" if data.kind == "real" else "")
    rows = [
        ("negative ELBO, nats", plus_minus(scores.negative_elbo)),
        (f"the same, {unit}", plus_minus(scores.bits_per_dim)),
        ("on training samples, nats", plus_minus(scores.train_negative_elbo)),
    ]
    for name, nats in scores.simple.items():
        saved = nats - scores.per_sample
        rows.append((f"gain on {name}, nats", plus_minus(mean_and_error(saved))))
    rows.append(("rate, nats", f"{scores.rate:.2f}"))
    rates = ", ".join(f"{rate:.2f}" for rate in scores.rates.clamp_min(0).tolist())
    rows.append(("of each latent", rates))
    if scores.sigma is not None:
        one = data.scale.numel() == 1  # columns and channels have one each
        unit, scale = ("the data's units", float(data.scale)) if one else ("deviations", 1.0)
        rows.append((f"sigma, in {unit}", f"{scale * scores.sigma:.3g}"))
    return rows


def _curve_table(curve: Curve) -> str:
    head = ("beta", "rate, nats", "distortion, nats", "rms error")
    columns = (curve.betas, curve.rate, curve.distortion, curve.rms)
    rows = [
        (f"{beta:g}", f"{rate:.2f}", f"{distortion:.1f}", f"{rms:.3f}")
        for beta, rate, distortion, rms in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return _wide_table(head, rows)


def _measured_table(measured: Measured) -> str:
    rows = [(name, *map(plus_minus, values)) for name, values in measured.items()]
    return _wide_table(("", "held-out data", "draws", "means of p(x|z)"), rows)


def _table(rows: Iterable[tuple[str, object]]) -> str:
    cells = (
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tbody>{''.join(cells)}</tbody></table>"


def _wide_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heading = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    cells = (
        f'<tr><th scope="row">{_text(name)}</th>'
        + "".join(f"<td>{_text(value)}</td>" for value in values)
        + "</tr>"
        for name, *values in rows
    )
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{''.join(cells)}</tbody></table>"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(sentence)}</li>' for sentence in sentences)}</ul>"


def _figure(fig: Figure, sentence: str) -> str:
    data = base64.b64encode(plotting.png(fig)).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{_text(sentence)}">'
        f"<figcaption>{_text(sentence)}</figcaption></figure>"
    )


def _versions() -> str:
    versions = {"Python": platform.python_version(), "PyTorch": torch.__version__}
    versions |= {"NumPy": np.__version__, "course_utils": version("course-utils")}
    return ", ".join(f"{name} {number}" for name, number in versions.items()) + "."


def plus_minus(value: tuple[float, float]) -> str:
    """A mean with its standard error, as many digits as the error has sense for.

    >>> plus_minus((1592.4412, 0.837)), plus_minus((0.80179, 0.0053))
    ('1592.4 ± 0.8', '0.802 ± 0.005')
    """
    mean, error = value
    if not error > 0 or not math.isfinite(error):
        return f"{mean:.4g}"
    digits = max(0, -math.floor(math.log10(error)))
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def _text(value: object) -> str:
    return html.escape(str(value))
