"""The console command `course`: build, execute, verify, release and grade the lectures."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .version import version

MAX_NOTES = 30  # on the terminal
PATTERNS = ("folder", "subfolder", "canvas", "moodle", "blackboard", "nbgrader")

# torch and Jupyter are imported by the subcommands that need them: `course --help` is instant.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand: 0 when all is well, 1 when something is refused, 2 for bad usage."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return _refuse(["stopped."])
    except (ValueError, OSError) as error:
        if options.traceback:
            raise
        return _refuse(str(error).splitlines() or [type(error).__name__])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    course = argparse.ArgumentParser(
        prog="course", description="Build, execute, verify, release and grade the course."
    )
    course.add_argument("--version", action="version", version=f"course {version()}")
    commands = course.add_subparsers(title="commands", required=True, metavar="COMMAND")

    build = _command(
        commands, "build", run_build, "make notebooks/ for students from solutions/, all or nothing"
    )
    build.add_argument("--check", action="store_true", help="write nothing, only compare")

    execute = _command(
        commands, "execute", run_execute, "run the lectures in solutions/ and store their outputs"
    )
    _add_lectures(execute)
    execute.add_argument(
        "--timeout", type=_positive, default=120, metavar="S", help="seconds per cell (120)"
    )

    verify = _command(
        commands, "verify", run_verify, "prove the course: solutions pass, mutants are named"
    )
    _add_lectures(verify)
    verify.add_argument(
        "--seeds", type=_positive, default=20, metavar="N", help="draws of fresh inputs (20)"
    )
    verify.add_argument(
        "--jobs", type=_positive, metavar="N", help="processes (as many as there are processors)"
    )
    verify.add_argument(
        "--lectures",
        action="store_true",
        dest="in_lectures",
        help="put every right answer into its lecture, and run the cells that use it",
    )

    grade = _command(
        commands, "grade", run_grade, "judge what students handed in, in a sandbox, and report"
    )
    grade.add_argument(
        "submissions", type=Path, help="a folder of student folders or of notebooks, or a zip"
    )
    grade.add_argument("--out", type=Path, default=Path("grades"), help="the report's folder")
    grade.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="submissions at a time (1)"
    )
    grade.add_argument("--scheduler", default="", metavar="tcp://...", help="a Dask cluster's")
    grade.add_argument("--points", type=Path, metavar="FILE", help="lines of `NN.name,points`")
    grade.add_argument(
        "--unsafe", action="store_true", help="run without a sandbox; the report says so"
    )
    grade.add_argument(
        "--students", choices=PATTERNS, default="", help="whose a file is, where names do not tell"
    )
    grade.add_argument(
        "--student", default="", metavar="NAME", help="judge this one anew, leave the others"
    )
    grade.add_argument(
        "--roster", type=Path, metavar="FILE", help="the class, as the learning platform exports it"
    )
    grade.add_argument(
        "--export", choices=("canvas", "moodle", "csv"), default="", help="a file for the gradebook"
    )
    grade.add_argument(
        "--due", default="", metavar="DATE", help="2026-02-03 or 2026-02-03T18:00; later is late"
    )
    grade.add_argument("--seed", type=_whole, metavar="N", help="repeat an earlier run's draws")

    for name, run, text in (
        ("page", run_page, "write a lecture as one page with moving widgets, answers left out"),
        ("slides", run_slides, "write a lecture as one deck of slides with speaker notes"),
    ):
        made = _command(commands, name, run, text)
        _add_lectures(made)
        made.add_argument("--out", type=Path, default=Path(), help="a folder (here)")
        made.add_argument("--answers", action="store_true", help="show the answers of exercises")
        made.add_argument("--stills", action="store_true", help="as stored: widgets do not move")
        if name == "slides":
            made.add_argument("--print", action="store_true", help="a PDF as well, by Chromium")

    site = _command(commands, "site", run_site, "write the course as a web site")
    site.add_argument("folder", type=Path, help="an empty or new folder")
    site.add_argument("--stills", action="store_true", help="as stored: widgets do not move")
    site.add_argument("--repository", metavar="URL", help="for links (pyproject.toml's)")

    new = _command(commands, "new", run_new, "write the stubs of an exercise or of a lecture")
    new.add_argument("what", choices=("exercise", "lecture"))
    new.add_argument("name", help="NN.function of an exercise, NN of a lecture")
    new.add_argument("text", help='the signature, "x (N, D) -> (N,)", or the lecture\'s file name')

    release = _command(commands, "release", run_release, "write the students' bundle, answer-free")
    release.add_argument("folder", type=Path, help="an empty or new folder")
    release.add_argument(
        "--format", choices=("bundle", "nbgrader"), default="bundle", help="bundle by default"
    )
    return course


def _command(commands: Any, name: str, run: object, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("--root", type=Path, help="the course's folder (found from here upward)")
    command.add_argument("--traceback", action="store_true", help="show where an error came from")
    command.set_defaults(run=run)
    return command


def _add_lectures(command: argparse.ArgumentParser) -> None:
    command.add_argument("lectures", nargs="*", metavar="NN", help="01 02 ..., all by default")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)


def _root(options: argparse.Namespace) -> Path:
    from .lectures import LectureError, find_root

    if options.root is None:
        return find_root()
    if not (options.root / "solutions").is_dir():
        raise LectureError(f"{options.root} holds no folder `solutions`.")
    return options.root.resolve()


def run_build(options: argparse.Namespace) -> int:
    from .authoring import build

    root = _root(options)
    texts = build.build_all(root)
    differences = build.differences(root, texts)
    if options.check:
        return _refuse(differences) if differences else _say("notebooks/ is up to date.")
    build.write(root, texts)
    return _say(f"{len(texts)} notebooks built, {len(differences)} of them changed or removed.")


def run_execute(options: argparse.Namespace) -> int:
    from .authoring.execute import execute_all
    from .lectures import sources

    root = _root(options)
    faults = execute_all(root, options.lectures, options.timeout)
    if faults:
        return _refuse(faults)
    return _say(f"{len(sources(root, options.lectures))} lectures executed and stored.")


def run_verify(options: argparse.Namespace) -> int:
    if options.in_lectures:
        return run_verify_in_lectures(options)
    from .authoring.verify import table, verify

    rows, faults = verify(_root(options), options.lectures, options.seeds, jobs=options.jobs)
    print(table(rows, options.seeds))
    faults = [*faults, *(fault for row in rows for fault in row.faults)]
    if faults:
        print()
        return _refuse([*faults, f"{len(faults)} faults."])
    return _say(f"\n{len(rows)} exercises verified.")


def run_verify_in_lectures(options: argparse.Namespace) -> int:
    from .authoring import in_lectures
    from .authoring.children import side_by_side
    from .lectures import sources

    answers = cells = 0
    faults: list[str] = []
    root = _root(options)
    given = in_lectures.answers_of(root)
    paths = sources(root, options.lectures)
    judged = side_by_side(partial(in_lectures.verify_lecture, answers=given), paths, options.jobs)
    for place, outcomes in judged:
        print(in_lectures.line(paths[place], outcomes), flush=True)
        here = [fault for outcome in outcomes for fault in outcome.faults]
        _refuse(here)
        faults += here
        answers += len(outcomes) - 1
        cells += sum(outcome.cells for outcome in outcomes[1:])
    if faults:
        return _refuse([f"{len(faults)} faults."])
    return _say(f"\n{answers} right answers hold in their lectures, in {cells} runs of cells.")


def run_grade(options: argparse.Namespace) -> int:
    from .exercises import registry
    from .grading import grade, report

    points = grade.read_points(options.points, registry.names()) if options.points else None
    asked = grade.Options(
        jobs=options.jobs,
        scheduler=options.scheduler,
        unsafe=options.unsafe,
        seed=options.seed,
        students=options.students,
        student=options.student,
        points=points,
        roster=options.roster,
        export=options.export,
        due=options.due,
    )
    graded = grade.grade(options.submissions, options.out, _root(options), asked)
    for note in graded.notes[:MAX_NOTES]:
        print(f"course: {note}", file=sys.stderr)
    if (more := len(graded.notes) - MAX_NOTES) > 0:
        print(f"course: {more} more notes are in {options.out / 'summary.html'}.", file=sys.stderr)
    print(f"{report.line(graded.rows)} See {options.out / 'summary.html'}.")
    if graded.faults:
        left = f"{len(graded.faults)} submissions are left: run it again."
        return _refuse([*graded.faults, left])
    return 0


def run_page(options: argparse.Namespace) -> int:
    from .authoring import pages

    settings = {"answers": options.answers, "stills": options.stills}
    written = pages.write_pages(_root(options), options.lectures, options.out, **settings)
    return _say("Written: " + ", ".join(map(str, written)))


def run_slides(options: argparse.Namespace) -> int:
    from .authoring import pages

    settings = {"answers": options.answers, "stills": options.stills}
    written = pages.write_decks(_root(options), options.lectures, options.out, **settings)
    if options.print:
        written += [pages.print_deck(path) for path in written]
    return _say("Written: " + ", ".join(map(str, written)))


def run_site(options: argparse.Namespace) -> int:
    from .authoring.site import site

    settings = {"stills": options.stills, "repository": options.repository}
    return _say(site(_root(options), options.folder, **settings, tell=_tell))


def _tell(sentence: str) -> None:
    print(sentence, flush=True)


def run_new(options: argparse.Namespace) -> int:
    from .authoring import new

    write = new.exercise if options.what == "exercise" else new.lecture
    return _say(write(_root(options), options.name, options.text))


def run_release(options: argparse.Namespace) -> int:
    from .authoring import release

    write = release.nbgrader if options.format == "nbgrader" else release.bundle
    return _say(write(_root(options), options.folder))


def _say(sentence: str) -> int:
    print(sentence)
    return 0


def _refuse(sentences: Sequence[str]) -> int:
    sys.stdout.flush()
    for sentence in sentences:
        print(f"course: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
