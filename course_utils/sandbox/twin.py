"""The course's package as it stands inside the sandbox: all of its names, none of its code.

Made from the sources, by reading them only: functions and classes become hollow ones (hollow.py),
constants that can be worked out keep their values, imports of other libraries stay. Whatever else
is at the top of a module becomes a hollow value. So there is nothing to steal, and no list of
what must not be stolen. Exercises, grading and the course's own making have no twin at all.
"""

import ast
import builtins
import math
import operator
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
WITHOUT_TWIN = {"exercises", "authoring", "grading", "sandbox", "cli", "lectures"}
AS_IT_IS = {"reproducible.py"}  # a lecture's first call: it sets the seed, and answers nothing
HEAD = "from math import inf, nan\nfrom course_worker import hollow as _hollow\n"

OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
MAX_EXPONENT = 64
Names = dict[str, object]


@cache
def texts() -> dict[str, str]:
    """The source of every module of the twin, by its path below `course_utils`."""
    found = {}
    modules: dict[str, Names] = {}
    sources = {
        path.relative_to(PACKAGE): path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    for path, source in sources.items():
        if path.parts[0].removesuffix(".py") in WITHOUT_TWIN:
            continue
        as_it_is = path.as_posix() in AS_IT_IS
        found[path.as_posix()] = source if as_it_is else _module(path, sources, modules)
    return found


def _dotted(path: Path) -> str:
    parts = ("course_utils", *path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(path: Path, sources: dict[Path, str], modules: dict[str, Names]) -> str:
    """The twin of one module."""
    module = _dotted(path)
    known = _constants(path, sources, modules)
    lines = [HEAD]
    for node in _statements(ast.parse(sources[path])):
        match node:
            case ast.Import() | ast.ImportFrom():
                lines += _import(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                lines.append(f"{node.name} = _hollow.function({f'{module}.{node.name}'!r})")
            case ast.ClassDef():
                lines.append(_class(node, module, known))
            case _:
                for name in _targets(node):
                    value = f"_hollow.Value({f'{module}.{name}'!r})"
                    lines.append(
                        f"{name} = {known[name]!r}" if name in known else f"{name} = {value}"
                    )
    return "\n".join(lines) + "\n"


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those under a condition or an attempt too."""
    todo = list(reversed(tree.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If | ast.Try | ast.With):
            inner = [*node.body, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            todo += reversed(inner)
        else:
            yield node


def _import(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The import as it was; a library that is missing here, or has no twin, costs one name."""
    names = [f"{a.name} as {a.asname}" if a.asname else a.name for a in node.names]
    if isinstance(node, ast.Import):
        words = [f"import {name}" for name in names]
    elif node.module == "__future__":
        return []
    else:
        start = "." * node.level + (node.module or "")
        words = [f"from {start} import {name}" for name in names]
    return [f"try:\n    {word}\nexcept ImportError:\n    pass" for word in words]


def _class(node: ast.ClassDef, module: str, known: Names) -> str:
    methods = [
        n.name
        for n in node.body
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        and n.name not in ("__new__", "__init_subclass__", "__class_getitem__", "__set_name__")
    ]
    constants = {}
    for inner in node.body:
        for name in _targets(inner):
            if (value := getattr(inner, "value", None)) is not None:
                try:
                    constants[name] = _value(value, known)
                except ValueError:
                    continue
    bases = [b.id for b in node.bases if isinstance(b, ast.Name)]
    errors = [
        b
        for b in bases
        if isinstance(getattr(builtins, b, None), type)
        and issubclass(getattr(builtins, b), Exception)
    ]
    # A base may be a name that is not there: then it is passed over.
    given = ", ".join(f"globals().get({b!r})" for b in bases if b not in errors)
    error = errors[0] if errors else "None"
    return (
        f"{node.name} = _hollow.made_class({module!r}, {node.name!r}, [{given}], {methods!r}, "
        f"{constants!r}, {error})"
    )


# --- constants ----------------------------------------------------------------------------------


def _targets(node: ast.stmt) -> list[str]:
    """The plain names that a statement sets."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
        targets = [node.target]
    else:
        return []
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def _constants(path: Path, sources: dict[Path, str], modules: dict[str, Names]) -> Names:
    """The constants of a module that plain arithmetic gives, those it imports included."""
    module = _dotted(path)
    if module in modules:
        return modules[module]
    known: Names = {}
    modules[module] = known  # before the imports, which may lead back here
    by_name = {_dotted(p): p for p in sources}
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(ast.parse(sources[path])):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            source = ".".join([*above, *([node.module] if node.module else [])])
            if source in by_name:
                theirs = _constants(by_name[source], sources, modules)
                known |= {
                    a.asname or a.name: theirs[a.name] for a in node.names if a.name in theirs
                }
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            names = _targets(node)
            try:
                value = _value(node.value, known)
            except ValueError:
                for name in names:
                    known.pop(name, None)
                continue
            values = [value] if len(names) == 1 else value
            if isinstance(values, list | tuple) and len(values) == len(names):
                known |= dict(zip(names, values, strict=True))
    return known


def _value(node: ast.expr, known: Names) -> object:  # noqa: C901  # a line for each kind of node
    """What an expression of numbers, texts and `math` amounts to.

    Raises:
        ValueError: when there is anything else in it.
    """
    match node:
        case ast.Constant(value):
            if value is not ...:
                return value
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Tuple(elts=items):
            return tuple(_value(item, known) for item in items)
        case ast.List(elts=items):
            return [_value(item, known) for item in items]
        case ast.Set(elts=items):
            return {_value(item, known) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_value(k, known): _value(v, known) for k, v in pairs if k is not None}
        case ast.UnaryOp(op=sign, operand=inner) if type(sign) in OPERATORS:
            return _number(OPERATORS[type(sign)], _value(inner, known))
        case ast.BinOp(left=a, op=sign, right=b) if type(sign) in OPERATORS:
            return _number(OPERATORS[type(sign)], _value(a, known), _value(b, known))
        case ast.Attribute(value=ast.Name(id="math"), attr=name) if hasattr(math, name):
            value = getattr(math, name)
            if isinstance(value, float):
                return value
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name), args=args):
            if not node.keywords and hasattr(math, name):
                return _number(getattr(math, name), *(_value(a, known) for a in args))
    raise ValueError("not plain arithmetic")


def _number(work: Callable, *values: Any) -> object:
    """Plain arithmetic on plain numbers, of a size that is at home in a source."""
    if work in (operator.pow, operator.lshift) and values[-1] > MAX_EXPONENT:
        raise ValueError("not a number of a source")
    try:
        found = work(*values)
    except Exception:
        raise ValueError("not plain arithmetic") from None
    if not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError("not a number")
    return found
