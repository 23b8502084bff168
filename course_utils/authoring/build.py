"""`course build`: the students' notebooks, made from the lectures with their answers."""

import ast
import copy
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from ..lectures import (
    FILE_NAME,
    LectureError,
    is_code,
    lecture_of,
    normal_form,
    read,
    repeated_ids,
    sources,
    tags,
    to_text,
    where,
    write_all,
)

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = ("# Your answer here (delete the next line).", "return None")
INIT_STUB = ("# Your layers here.",)
MARKER = re.compile(r"#+\s*(begin|end)\s*solution", re.IGNORECASE)  # also misspelt: it would leak
CHECK = re.compile(r"^check\(\s*[\"']([^\"']*)[\"']\s*,\s*([^,)]*)", re.MULTILINE)
LEAK_LENGTH = 20  # characters without blanks: shorter expressions turn up by themselves


# --- one cell --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """The answer in an exercise cell: the lines of its markers, and what is written around them."""

    spans: tuple[tuple[int, int], ...]  # lines of the opening and the closing marker
    function: str  # the name of the top-level function or class

    @property
    def end(self) -> int:
        """The last closing marker."""
        return self.spans[-1][1]

    def lines(self, source: str) -> Iterator[str]:
        """The lines of the answer itself."""
        for begin, end in self.spans:
            yield from source.splitlines()[begin + 1 : end]


def find_answer(source: str) -> Answer | None:
    """The answer between the markers of one cell, or None where there are no markers.

    A function has one pair of markers, a class one pair in each method that is asked for.

    Raises:
        ValueError: when the cell cannot become a stub; the sentence says why.
    """
    lines = source.splitlines()
    marked = [i for i, line in enumerate(lines) if MARKER.search(line)]
    if not marked:
        return None
    for i in marked:
        if lines[i].strip() not in (BEGIN, END):
            raise ValueError(f"has a marker that is not exactly `{BEGIN}` or `{END}`")
    kinds = [lines[i].strip() for i in marked]
    for before, kind in zip([END, *kinds], [*kinds, BEGIN], strict=True):
        if before == kind == END:
            raise ValueError(f"has a stray `{END}`, without a `{BEGIN}` above it")
        if before == BEGIN and kind != END:
            last = len(kinds) % 2 and kinds.count(BEGIN) == kinds.count(END) + 1
            if last and kinds[-1] == BEGIN:
                raise ValueError(f"has an unclosed solution: `{END}` is missing")
            raise ValueError(f"has a nested solution: two `{BEGIN}` without `{END}` between them")
    spans = tuple(zip(marked[::2], marked[1::2], strict=True))
    top, stubs = _written_around(source, spans)
    try:
        compile("\n".join(_cut(lines, spans, stubs)), "<stub>", "exec")
    except SyntaxError as error:
        raise ValueError("has markers that are not indented like the answer") from error
    return Answer(spans, top)


def _written_around(source: str, spans: tuple[tuple[int, int], ...]) -> tuple[str, list]:
    """The name of the function or class around all spans, and the stub of each."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"is not Python: {error.msg} in its line {error.lineno}") from error
    first, last = spans[0], spans[-1]
    inside = _inside(body, first[0], last[1])
    match inside:
        case [ast.FunctionDef() as node] if node.lineno <= first[0]:
            if len(spans) > 1:
                raise ValueError("has more than one solution marker pair in a function")
            _require_docstring(node, first[0])
            return node.name, [STUB]
        case [ast.ClassDef() as node] if node.lineno <= first[0]:
            _require_docstring(node, first[0])
            return node.name, [_method_stub(node, begin, end) for begin, end in spans]
    raise ValueError("has a solution that is empty or not inside one function or class")


def _inside(body: list[ast.stmt], begin: int, end: int) -> list[ast.stmt]:
    """The statements that the lines touch; ast counts from 1, a closing marker is a comment."""
    return [n for n in body if (n.end_lineno or n.lineno) > begin + 1 and n.lineno <= end]


def _require_docstring(node: ast.FunctionDef | ast.ClassDef, begin: int) -> None:
    if not ast.get_docstring(node) or (node.body[0].end_lineno or 0) > begin:
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        raise ValueError(f"has a {kind} without a docstring above its solution")


def _method_stub(node: ast.ClassDef, begin: int, end: int) -> tuple[str, ...]:
    """`return None`; nothing in `__init__`, which has called that of `nn.Module` above."""
    match _inside(node.body, begin, end):
        case [ast.FunctionDef() as method] if method.lineno <= begin:
            return INIT_STUB if method.name == "__init__" else STUB
    raise ValueError("has a solution that is not inside one method of its class")


def _cut(lines: list[str], spans: tuple[tuple[int, int], ...], stubs: list) -> list[str]:
    """The lines with the marked ones replaced by stubs, indented like their first marker."""
    kept: list[str] = []
    after = 0
    for (begin, end), stub_lines in zip(spans, stubs, strict=True):
        indent = lines[begin][: -len(lines[begin].lstrip())]
        kept += [*lines[after:begin], *(indent + line for line in stub_lines)]
        after = end + 1
    return [*kept, *lines[after:]]


def stub(source: str) -> str:
    """The cell's source with the answer replaced by `return None`.

    Raises:
        ValueError: as `find_answer`.
    """
    answer = find_answer(source)
    if answer is None:
        return source
    _, stubs = _written_around(source, answer.spans)
    return "\n".join(_cut(source.splitlines(), answer.spans, stubs))


# --- one lecture -----------------------------------------------------------------------------


def build(source: NotebookNode, lecture: str) -> NotebookNode:
    """The student's notebook: stubs for answers, no outputs, no instructor's cells.

    Raises:
        LectureError: when an answer cannot be cut out; the cell is named.
    """
    cells = []
    for index, cell in _students_cells(source):
        cell = copy.deepcopy(cell)
        if is_code(cell):
            try:
                cell.source = stub(cell.source)
            except ValueError as error:
                raise LectureError(f"{where(source, index)} {error}.") from error
            cell.outputs, cell.execution_count = [], None
        cells.append(cell)
    return normal_form(cells, lecture)


def _students_cells(source: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    for index, cell in enumerate(source.cells):
        if "instructor" not in tags(cell):
            yield index, cell


def complaints(source: NotebookNode, lecture: str, names: Collection[str]) -> list[str]:
    """What is wrong with a lecture's source, one sentence for each fault, with the cell named.

    Args:
        source: the lecture with its answers.
        lecture: its two digits.
        names: all registered exercises, "NN.name".
    """
    faults, answers = _marker_faults(source)
    if not faults:  # where the markers are broken, what follows would only repeat it
        faults = _exercise_faults(source, lecture, names, answers) + leaks(source, lecture)
    return faults


def _marker_faults(source: NotebookNode) -> tuple[list[str], dict[int, Answer]]:
    """Faults of single cells, and the answers of the sound ones by cell index."""
    faults, answers = [], {}
    for index, cell in _students_cells(source):
        try:
            if not is_code(cell) and MARKER.search(cell.source):
                raise ValueError("has a stray solution marker in its text")
            if is_code(cell) and not cell.source.strip():
                raise ValueError("is an empty code cell: delete it")
            answer = find_answer(cell.source) if is_code(cell) else None
        except ValueError as error:
            faults.append(f"{where(source, index)} {error}.")
        else:
            if answer:
                answers[index] = answer
    return faults, answers


def _exercise_faults(
    source: NotebookNode, lecture: str, names: Collection[str], answers: dict[int, Answer]
) -> list[str]:
    """Exercises without checks, checks without exercises, and those in the wrong order."""
    faults = []
    written: dict[str, int] = {}
    checked: set[str] = set()
    for index, cell in _students_cells(source):
        place = where(source, index)
        answer = answers.get(index)
        if answer and answer.function in written:
            faults.append(f"{place} answers {answer.function} a second time.")
        if is_code(cell):
            for match in CHECK.finditer(cell.source):
                name, function = match[1], match[2].strip()
                line = cell.source[: match.start()].count("\n")
                here = answer is not None and answer.end < line and answer.function == function
                if name not in names:
                    faults.append(f"{place} checks the unknown exercise '{name}'.")
                elif fault := _check_fault(
                    name, function, lecture, here, here or function in written
                ):
                    faults.append(f"{place} {fault}.")
                checked.add(function)
        if answer:
            written.setdefault(answer.function, index)
    for function, index in written.items():
        if function not in checked:
            faults.append(f"{where(source, index)} has no check of {function} in or below it.")
    for name in names:
        number, function = name.split(".")
        if number == lecture and function not in written:
            faults.append(f"The exercise '{name}' is registered, but no cell asks for it.")
    return faults


def _check_fault(name: str, function: str, lecture: str, here: bool, is_written: bool) -> str:
    """What is wrong with the check of a known exercise; here: its answer is in the same cell."""
    number, expected = name.split(".")
    if number > lecture or (number < lecture and not here):
        return (
            f"checks '{name}', an exercise of another lecture: an earlier one may be asked for "
            "again, in its cell"
        )
    if expected != function:
        return f"gives the check of '{name}' the function {function}"
    return "" if is_written else f"checks {function} before its function is written"


def leaks(source: NotebookNode, lecture: str) -> list[str]:
    """Lines of answers that a student could read elsewhere in the notebook."""
    visible = [re.sub(r"\s", "", cell.source) for cell in build(source, lecture).cells]
    faults = []
    for index, cell in _students_cells(source):
        answer = find_answer(cell.source) if is_code(cell) else None
        for line in answer.lines(cell.source) if answer else []:
            telling = _telling(line)
            if telling and any(telling in text for text in visible):
                faults.append(
                    f"{where(source, index)} leaks its answer elsewhere: `{line.strip()}`."
                )
    return faults


def _telling(line: str) -> str:
    """What a line computes, without blanks, or "" where that is too little to betray an answer."""
    line = line.split("  #")[0].strip()
    if line.startswith(("#", "import ", "from ", '"""')):
        return ""
    line = re.sub(r"^(return\s+|[\w\s,.\[\]]+\s[-+*/@]?=\s)", "", line)
    text = re.sub(r"\s", "", line)
    return text if len(text) >= LEAK_LENGTH else ""


# --- the whole course ------------------------------------------------------------------------


def build_all(root: Path, names: Collection[str] | None = None) -> dict[Path, str]:
    """The text of every student's notebook by its path, without writing anything.

    Args:
        root: the course's folder.
        names: all registered exercises; by default the registry's.

    Raises:
        LectureError: one sentence per line, each with the file and the cell.
    """
    if names is None:
        from ..exercises import registry

        names = registry.names()
    texts, read_ones, faults = {}, {}, []
    for path in sources(root):
        if not FILE_NAME.fullmatch(path.name):
            faults.append(f"{path.name} is not called NN_name.ipynb (digits, small letters, _).")
            continue
        lecture = lecture_of(path)
        if any(lecture_of(Path(other)) == lecture for other in read_ones):
            faults.append(f"{path.name} is a second lecture {lecture}.")
            continue
        try:
            source = read_ones[path.name] = read(path)
        except LectureError as error:
            faults.append(str(error))
            continue
        found = complaints(source, lecture, names)
        faults += [f"{path.name}, {sentence}" for sentence in found]
        if not found:
            texts[root / "notebooks" / path.name] = to_text(build(source, lecture))
    faults += repeated_ids(read_ones)
    if faults:
        raise LectureError("\n".join(faults))
    return texts


def differences(root: Path, texts: dict[Path, str]) -> list[str]:
    """Where notebooks/ is not, byte for byte, what the sources make."""
    found = []
    for path, text in texts.items():
        if not path.exists():
            found.append(f"notebooks/{path.name} is missing: run `course build`.")
        elif path.read_bytes() != text.encode():
            found.append(f"notebooks/{path.name} differs from its source: run `course build`.")
    for path in stale(root, texts):
        found.append(f"notebooks/{path.name} has no source in solutions/: run `course build`.")
    return found


def stale(root: Path, texts: dict[Path, str]) -> list[Path]:
    """Notebooks that no source makes any more."""
    return [path for path in sorted((root / "notebooks").glob("*.ipynb")) if path not in texts]


def write(root: Path, texts: dict[Path, str]) -> None:
    """Write notebooks/, all or nothing, and remove stale ones."""
    write_all(texts, stale(root, texts))
