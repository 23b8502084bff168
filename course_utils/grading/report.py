"""What the instructor and the students read: grades.csv, grades.json, feedback pages, summary."""

import base64
import csv
import html
import io
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

COLUMNS = (
    "student",
    "lecture",
    "exercise",
    "status",
    "points",
    "max_points",
    "misconception",
    "message",
)
# By status: symbol, colour (the cards' own, safe for colour-blind readers), the word for students.
LOOK = {
    "ok": ("✓", "#009E73", "passed"),
    "wrong": ("✗", "#D55E00", "not yet right"),
    "error": ("!", "#CC79A7", "stopped with an error"),
    "timeout": ("…", "#E69F00", "ran too long"),
    "crashed": ("†", "#56B4E9", "ended its process"),
    "not attempted": ("○", "#7F7F7F", "not attempted"),
}
STATUSES = tuple(LOOK)
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # what a spreadsheet would compute

STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:62em;margin:2em auto;
padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin-top:2em}
table{border-collapse:collapse;width:100%;margin:.5em 0}caption{text-align:left;color:#555}
th,td{padding:.3em .7em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%}
code{background:#f1f1f3;padding:0 .25em;border-radius:3px;overflow-wrap:anywhere}
.card{border-left:6px solid;padding:.5em 1em;margin:.8em 0;background:#f6f6f7;
border-radius:0 6px 6px 0}.mark{border-bottom:4px solid;padding:0 .3em}
.card h2{font-size:1em;margin:0}.card p{margin:.3em 0 0;
overflow-wrap:anywhere}.stamp{border:2px solid #B00020;color:#B00020;padding:.5em 1em}
a{color:#0B5CAD}th code,.name{white-space:nowrap}
@media(max-width:40em){table{display:block;overflow-x:auto}}
@media print{body{margin:0}}
"""


@dataclass(frozen=True)
class Row:
    """One exercise of one student, a line of grades.csv."""

    student: str
    lecture: str
    exercise: str
    status: str
    points: float
    max_points: float
    misconception: str = ""
    message: str = ""


@dataclass(frozen=True)
class Run:
    """How it was graded, for grades.json and the foot of each page."""

    course: str
    python: str
    torch: str
    platform: str
    seed: int
    sandbox: str
    unsafe: bool = False
    full: bool = False


def write(
    out: Path,
    rows: Sequence[Row],
    run: Run,
    remarks: Mapping[tuple[str, str], Sequence[str]],
    notes: Sequence[str] = (),
) -> None:
    """Write all files of the report into `out`; what an earlier run wrote is replaced.

    Args:
        rows: one per student and exercise, in the order of the report.
        run: how it was graded.
        remarks: by (student, lecture), sentences about the notebook as a whole.
        notes: sentences for the instructor, such as hand-ins that do not count.
    """
    pages = page_names(rows)
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    _remove_old_pages(out, set(pages.values()))
    for (student, lecture), name in pages.items():
        mine = [row for row in rows if (row.student, row.lecture) == (student, lecture)]
        page = feedback(mine, run, remarks.get((student, lecture), ()))
        write_file(out / "feedback" / name, page)
    write_file(out / "grades.json", to_json(rows, run, remarks, notes))
    write_file(out / "summary.html", summary(rows, run, remarks, notes))
    write_file(out / "grades.csv", to_csv(rows))  # last: whoever finds it finds all the rest


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8", newline="")
    os.replace(temporary, path)


def _remove_old_pages(out: Path, names: set[str]) -> None:
    """Remove the pages that an earlier run wrote and this one does not; nothing else."""
    listed = out / ".parts" / "pages.json"
    listed.parent.mkdir(parents=True, exist_ok=True)
    try:
        earlier = set(json.loads(listed.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        earlier = set()
    for name in earlier - names:
        (out / "feedback" / Path(name).name).unlink(missing_ok=True)
    write_file(listed, json.dumps(sorted(names)))


# --- files for programs ----------------------------------------------------------------------


def to_csv(rows: Iterable[Row]) -> str:
    """grades.csv: a line per student and exercise; no cell begins a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in COLUMNS])
    return file.getvalue()


def _cell(value: object) -> str:
    """A cell of the table: one line, numbers short, and an apostrophe before a formula."""
    if isinstance(value, int | float):
        return f"{value:g}"
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(FORMULA) else text


def to_json(
    rows: Sequence[Row],
    run: Run,
    remarks: Mapping[tuple[str, str], Sequence[str]],
    notes: Sequence[str],
) -> str:
    """grades.json: how it was graded, and the rows with every text as it is."""
    content = {
        **asdict(run),
        "counts": counts(rows),
        "rows": [asdict(row) for row in rows],
        "remarks": [
            {"student": student, "lecture": lecture, "remarks": list(sentences)}
            for (student, lecture), sentences in remarks.items()
            if sentences
        ],
        "notes": list(notes),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def counts(rows: Iterable[Row]) -> dict[str, int]:
    """How many exercises ended in each status."""
    found = Counter(row.status for row in rows)
    return {status: found[status] for status in STATUSES}


def page_names(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """A file name for each student and lecture: readable, safe everywhere, never the same twice."""
    names: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for row in rows:
        who = row.student, row.lecture
        if who in names:
            continue
        student, lecture = (re.sub(r"[^\w.-]+", "-", text).strip("-.")[:80] for text in who)
        stem = name = f"{student or 'student'}_{lecture or 'unknown'}"
        number = 1
        while name.casefold() in taken:  # also where capitals do not count
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        names[who] = f"{name}.html"
    return names


# --- pages -----------------------------------------------------------------------------------


def feedback(rows: Sequence[Row], run: Run, remarks: Sequence[str] = ()) -> str:
    """The page of one student and lecture."""
    first = rows[0]
    lecture = f"Lecture {first.lecture}" if first.lecture else "Unknown lecture"
    reached, possible = _sum(rows)
    cards = []
    for row in rows:
        symbol, colour, word = LOOK[row.status]
        title = f"<code>{_e(row.exercise)}</code>: " if row.exercise else ""
        hint = ""
        if row.exercise and row.status in ("wrong", "error", "not attempted"):
            hint = (
                f"<p>In the notebook, <code>hint(&quot;{_e(row.exercise)}&quot;)</code> helps.</p>"
            )
        cards.append(
            f'<section class="card" style="border-color:{colour}"><h2>'
            f'<span aria-hidden="true">{symbol}</span> {title}{word}, '
            f"{row.points:g} of {row.max_points:g}</h2><p>{_inline(row.message)}</p>{hint}"
            "</section>"
        )
    body = [
        f"<h1>{_e(lecture)}: feedback for {_e(first.student)}</h1>",
        f"<p><strong>{reached:g} of {possible:g} points.</strong></p>",
        _list(remarks),
        *cards,
    ]
    return _page(f"{lecture}: {first.student}", body, run)


def summary(
    rows: Sequence[Row],
    run: Run,
    remarks: Mapping[tuple[str, str], Sequence[str]],
    notes: Sequence[str],
) -> str:
    """The page of the class: which exercises, which misconceptions, which students."""
    reached, possible = _sum(rows)
    share = f" {100 * reached / possible:.0f} % of all points were reached." if possible else ""
    body = [
        "<h1>The class at a glance</h1>",
        f"<p>{line(rows)}{share}</p>",
        _exercises(rows),
        _misconceptions(rows),
        _students(rows),
    ]
    told = [
        f"{who}, lecture {lecture or '?'}: {s}"
        for (who, lecture), ss in remarks.items()
        for s in ss
    ]
    if told or notes:
        body += ["<h2>Remarks</h2>", _list([*notes, *told])]
    return _page("The class at a glance", body, run)


def line(rows: Sequence[Row]) -> str:
    """One line of counts."""
    found = ", ".join(f"{count} {status}" for status, count in counts(rows).items())
    notebooks = len({(row.student, row.lecture) for row in rows})
    return f"{notebooks} submissions of {len({row.student for row in rows})} students: {found}."


def _exercises(rows: Sequence[Row]) -> str:
    """The picture of exercises and statuses, and the same numbers as a table."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.exercise:
            found[row.exercise][row.status] += 1
    if not found:
        return ""
    found = dict(sorted(found.items(), key=lambda pair: pair[0][:2]))
    passed = {name: count["ok"] / count.total() for name, count in found.items()}
    least = min(passed.values())
    hardest, *others = (name for name, share in passed.items() if share == least)
    share = f"by {found[hardest]['ok']} of {found[hardest].total()}"
    sentence = f"Of {len(found)} exercises, {hardest} was passed least often, {share}."
    if others:
        sentence = f"{len(others) + 1} of {len(found)} exercises were passed least often, {share}."
    picture = base64.b64encode(_picture(found)).decode()
    head = "".join(f'<th scope="col" class="n">{status}</th>' for status in STATUSES)
    lines = "".join(
        f'<tr><th scope="row"><code>{_e(name)}</code></th>'
        + "".join(f'<td class="n">{count[status] or ""}</td>' for status in STATUSES)
        + "</tr>"
        for name, count in found.items()
    )
    return (
        f'<h2>Exercises</h2><figure style="margin:0"><img alt="{_e(sentence)}" '
        f'src="data:image/png;base64,{picture}"><figcaption>{_e(sentence)}</figcaption></figure>'
        f'<table><caption>Students by status</caption><tr><th scope="col">exercise</th>{head}</tr>'
        f"{lines}</table>"
    )


def _picture(found: Mapping[str, Counter[str]]) -> bytes:
    """A bar for each exercise, divided by status."""
    from .. import plotting

    height = 1.1 + 0.32 * len(found)
    fig, ax = plotting.figure(width=8.5, height=height)
    names = list(found)
    left = [0] * len(names)
    for status, (_, colour, _) in LOOK.items():
        widths = [found[name][status] for name in names]
        if not any(widths):
            continue
        bars = ax.barh(names, widths, left=left, color=colour, label=status, height=0.75)
        texts = [str(width) if width else "" for width in widths]
        ax.bar_label(bars, texts, label_type="center", fontsize=9, weight="bold")
        left = [a + b for a, b in zip(left, widths, strict=True)]
    ax.invert_yaxis()
    ax.set_xlabel("students")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.margins(x=0.01)
    ax.legend(ncols=len(LOOK), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return plotting.png(fig)


def _misconceptions(rows: Sequence[Row]) -> str:
    """The named mistakes, the most common first, each with what its student was told."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.misconception:
            found[row.exercise, row.misconception].append(row.message)
    if not found:
        return ""
    order = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    lines = "".join(
        f'<tr><td class="n">{len(messages)}</td>'
        f'<td class="name"><code>{_e(exercise)}</code></td>'
        f"<td>{_e(slug)}</td><td>{_inline(Counter(messages).most_common(1)[0][0])}</td></tr>"
        for (exercise, slug), messages in order[:20]
    )
    return (
        "<h2>Misconceptions</h2><table><caption>The most common mistakes</caption>"
        '<tr><th scope="col" class="n">students</th><th scope="col">exercise</th>'
        f'<th scope="col">mistake</th><th scope="col">what it is</th></tr>{lines}</table>'
    )


def _students(rows: Sequence[Row]) -> str:
    """Each student and lecture: points, statuses, and a link to the feedback."""
    pages = page_names(rows)
    legend = ", ".join(f"{symbol} {status}" for status, (symbol, _, _) in LOOK.items())
    mine: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        mine[row.student, row.lecture].append(row)
    lines = []
    for (student, lecture), block in mine.items():
        reached, possible = _sum(block)
        marks = " ".join(
            f'<span class="mark" style="border-color:{LOOK[row.status][1]}" role="img" '
            f'title="{_e(row.exercise)}: {row.status}" '
            f'aria-label="{_e(row.exercise)}: {row.status}">{LOOK[row.status][0]}</span>'
            for row in block
        )
        lines.append(
            f'<tr><th scope="row"><a href="feedback/{_e(_url(pages[student, lecture]))}">'
            f"{_e(student)}</a></th><td>{_e(lecture or 'unknown')}</td>"
            f'<td class="n">{reached:g}</td><td class="n">{possible:g}</td><td>{marks}</td></tr>'
        )
    return (
        f"<h2>Students</h2><table><caption>Each with a page of feedback; {legend}</caption><tr>"
        '<th scope="col">student</th><th scope="col">lecture</th><th scope="col" class="n">points'
        '</th><th scope="col" class="n">of</th><th scope="col">exercises</th></tr>'
        f"{''.join(lines)}</table>"
    )


def _page(title: str, body: Sequence[str], run: Run) -> str:
    """A page that needs nothing else, and on which no script can run."""
    stamp = ""
    if run.unsafe:
        stamp = (
            '<p class="stamp" role="note"><strong>Graded without a sandbox.</strong> The code that '
            "was graded could read and change what the instructor can.</p>"
        )
    foot = (
        f"Course {run.course}, Python {run.python}, PyTorch {run.torch}, {run.platform}; "
        f"seed {run.seed}; sandbox: {run.sandbox.rstrip('.')}."
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_e(title)}</title><style>{STYLE}</style></head>\n<body><main>{stamp}"
        + "\n".join(part for part in body if part)
        + f"</main>\n<footer><p><small>{_e(foot)}</small></p></footer></body></html>\n"
    )


def _list(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{_inline(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _sum(rows: Iterable[Row]) -> tuple[float, float]:
    rows = list(rows)
    return sum(row.points for row in rows), sum(row.max_points for row in rows)


def _e(text: str) -> str:
    return html.escape(text, quote=True)


def _inline(text: str) -> str:
    """Plain text as HTML; what stands between backticks is code."""
    pieces = _e(text).split("`")
    if len(pieces) % 2 == 0:  # a backtick without a partner is a character
        return _e(text)
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


def _url(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
