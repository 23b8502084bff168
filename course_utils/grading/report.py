"""What the instructor and the students read: grades.csv, grades.json, feedback pages, summary."""

import base64
import functools
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from .sheets import as_csv

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
    "by hand": ("✎", "#0072B2", "marked by hand"),
}
STATUSES = tuple(LOOK)


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
    """How it was graded, for grades.json and, but for the seeds, the foot of each page."""

    course: str
    python: str
    torch: str
    platform: str
    seeds: Mapping[str, Sequence[str]]  # by seed: whose draws it decided; never on a page
    sandbox: str
    unsafe: bool = False


@dataclass(frozen=True)
class HandIn:
    """What a feedback page says of a notebook as a whole.

    Attributes:
        title: of the lecture.
        when: it was handed in, in words, or "".
        late: whether it came late.
    """

    title: str = ""
    when: str = ""
    late: bool = False


def write(
    out: Path,
    rows: Sequence[Row],
    run: Run,
    remarks: Mapping[tuple[str, str], Sequence[str]],
    notes: Sequence[str] = (),
    hand_ins: Mapping[tuple[str, str], HandIn] | None = None,
) -> None:
    """Write all files of the report into `out`; what an earlier run wrote is replaced.

    Args:
        rows: one per student and exercise, in the order of the report.
        run: how it was graded.
        remarks: by (student, lecture), sentences about the notebook as a whole.
        notes: sentences for the instructor, such as hand-ins that do not count.
        hand_ins: by (student, lecture), what is known of the notebook.
    """
    hand_ins = hand_ins or {}
    pages = page_names(rows)
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    _remove_old_pages(out, set(pages.values()))
    for (student, lecture), name in pages.items():
        mine = [row for row in rows if (row.student, row.lecture) == (student, lecture)]
        who = student, lecture
        page = feedback(mine, run, remarks.get(who, ()), hand_ins.get(who, HandIn()))
        write_file(out / "feedback" / name, page)
    write_file(out / "grades.json", to_json(rows, run, remarks, notes))
    write_file(out / "summary.html", summary(rows, run, remarks, notes, hand_ins))
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
    table = [[_cell(getattr(row, column)) for column in COLUMNS] for row in rows]
    return as_csv([COLUMNS, *table])


def _cell(value: object) -> str:
    """A cell of the table: one line, numbers short."""
    return f"{value:g}" if isinstance(value, int | float) else " ".join(str(value).split())


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
        student, lecture = (_for_file(text) for text in who)
        stem = name = f"{student or 'student'}_{lecture or 'unknown'}"
        number = 1
        while name.casefold() in taken:  # also where capitals do not count
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        names[who] = f"{name}.html"
    return names


def _for_file(text: str) -> str:
    """The text as a part of a file's name, which has at most 255 bytes in all."""
    text = re.sub(r"[^\w.-]+", "-", text).strip("-.")[:80]
    return text.encode()[:160].decode(errors="ignore")


# --- pages -----------------------------------------------------------------------------------


@functools.cache
def _templates() -> jinja2.Environment:
    """The pages' templates. Whatever a student wrote is escaped; `code` sets it off."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__.rpartition(".")[0]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "short": lambda number: f"{number:g}"}
    environment.globals["look"] = {
        status: {"symbol": symbol, "colour": colour, "word": word}
        for status, (symbol, colour, word) in LOOK.items()
    }
    return environment


def _code(text: str) -> Markup:
    """Plain text as HTML; what stands between backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # a backtick without a partner is a character
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup().join(code.format(p) if i % 2 else escape(p) for i, p in enumerate(pieces))


def feedback(
    rows: Sequence[Row], run: Run, remarks: Sequence[str] = (), hand_in: HandIn = HandIn()
) -> str:
    """The page of one student and lecture."""
    reached, possible = _sum(rows)
    return (
        _templates()
        .get_template("feedback.html")
        .render(
            rows=rows,
            run=run,
            remarks=remarks,
            student=rows[0].student,
            lecture=_named(rows[0].lecture, hand_in),
            hand_in=hand_in,
            reached=reached,
            possible=possible,
        )
    )


def summary(
    rows: Sequence[Row],
    run: Run,
    remarks: Mapping[tuple[str, str], Sequence[str]],
    notes: Sequence[str],
    hand_ins: Mapping[tuple[str, str], HandIn] | None = None,
) -> str:
    """The page of the class: which exercises, which misconceptions, which students."""
    reached, possible = _sum(rows)
    exercises = _by_exercise(rows)
    told = [
        f"{who}, lecture {lecture or '?'}: {s}"
        for (who, lecture), ss in remarks.items()
        for s in ss
    ]
    return (
        _templates()
        .get_template("summary.html")
        .render(
            run=run,
            line=line(rows),
            reached=reached,
            possible=possible,
            exercises=exercises,
            hardest=_hardest(exercises),
            picture=base64.b64encode(_picture(exercises)).decode() if exercises else "",
            misconceptions=_misconceptions(rows),
            students=_students(rows, hand_ins or {}),
            remarks=[*notes, *told],
        )
    )


def line(rows: Sequence[Row]) -> str:
    """One line of counts."""
    found = ", ".join(f"{count} {status}" for status, count in counts(rows).items())
    notebooks = len({(row.student, row.lecture) for row in rows})
    return f"{notebooks} submissions of {len({row.student for row in rows})} students: {found}."


def _by_exercise(rows: Iterable[Row]) -> dict[str, Counter[str]]:
    """How many students each exercise has in each status, lecture by lecture."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.exercise:
            found[row.exercise][row.status] += 1
    return dict(sorted(found.items(), key=lambda pair: pair[0][:2]))


def _hardest(found: Mapping[str, Counter[str]]) -> str:
    """Which exercise was passed least often, in a sentence."""
    if not found:
        return ""
    passed = {name: count["ok"] / count.total() for name, count in found.items()}
    least = min(passed.values())
    hardest, *others = (name for name, share in passed.items() if share == least)
    share = f"by {found[hardest]['ok']} of {found[hardest].total()}"
    if others:
        return f"{len(others) + 1} of {len(found)} exercises were passed least often, {share}."
    return f"Of {len(found)} exercises, {hardest} was passed least often, {share}."


def _picture(found: Mapping[str, Counter[str]]) -> bytes:
    """A bar for each exercise, divided by status."""
    from .. import plotting

    height = 1.6 + 0.32 * len(found)
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
    ax.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    return plotting.png(fig)


def _misconceptions(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The named mistakes, the most common first, each with what most were told."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.misconception:
            found[row.exercise, row.misconception].append(row.message)
    order = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        {
            "students": len(messages),
            "exercise": exercise,
            "slug": slug,
            "message": Counter(messages).most_common(1)[0][0],
        }
        for (exercise, slug), messages in order[:20]
    ]


def _named(lecture: str, hand_in: HandIn) -> str:
    if not lecture:
        return "Unknown lecture"
    return f"Lecture {lecture}, {hand_in.title}" if hand_in.title else f"Lecture {lecture}"


def _students(
    rows: Sequence[Row], hand_ins: Mapping[tuple[str, str], HandIn]
) -> list[dict[str, object]]:
    """Each student and lecture: points, rows, and the name of the page of feedback."""
    mine: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        mine[row.student, row.lecture].append(row)
    pages = page_names(rows)
    found = []
    for (student, lecture), block in mine.items():
        reached, possible = _sum(block)
        hand_in = hand_ins.get((student, lecture), HandIn())
        one = {"student": student, "lecture": lecture, "page": pages[student, lecture]}
        one |= {"hand_in": hand_in}
        found.append(one | {"reached": reached, "possible": possible, "rows": block})
    return found


def _sum(rows: Iterable[Row]) -> tuple[float, float]:
    rows = list(rows)
    return sum(row.points for row in rows), sum(row.max_points for row in rows)
