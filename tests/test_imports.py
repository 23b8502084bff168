"""The import arrows of the package: downward only, and ipywidgets in one place."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "course_utils"
BELOW = {  # room: the rooms it may import. A new room needs a line here.
    "simulators": set(),
    "densities": set(),
    "autoencoders": set(),
    "compression": set(),
    "training": set(),
    "plotting": set(),
    "estimates": set(),
    "tables": set(),
    "lectures": set(),
    "reproducible": set(),
    "sandbox": set(),
    "version": set(),
    "ledger": {"estimates", "tables"},
    "datasets": {"simulators"},
    "inference": {"densities", "estimates"},
    "vae": {"densities", "autoencoders", "inference", "estimates"},
    "rate_distortion": {"densities", "autoencoders", "inference", "vae", "estimates"},
    "landscape": {"densities", "autoencoders", "inference", "vae", "estimates", "tables"},
    "diffusion": {"densities", "autoencoders", "inference"},
}
for below in BELOW.values():
    below.add("checks")  # the lowest room: what is refused at an entrance
BELOW["checks"] = set()
MODELS = BELOW.keys() - {"lectures", "sandbox", "version"}
BELOW["own_data"] = set(MODELS)  # the last lecture: your own data, with everything the course has
BELOW |= {
    "widgets": MODELS | {"own_data"},
    "exercises": MODELS | {"sandbox"},
    "authoring": MODELS | {"exercises", "lectures", "sandbox"},
    "grading": MODELS | {"exercises", "lectures", "sandbox", "version"},
    "cli": {"exercises", "lectures", "authoring", "grading", "version"},
}


def imported(module: str, source: str, is_package: bool) -> list[tuple[int, str]]:
    """(line, absolute dotted name) of each import in a module, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            # One dot means the package itself, each further dot one package up.
            upward = node.level - is_package
            base = parts[: len(parts) - upward] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{name}.{alias.name}") for alias in node.names]
    return found


def violations(module: str, source: str, is_package: bool = False) -> list[str]:
    """One sentence for each import of this module that the house forbids."""
    own = (module.split(".")[1:] or [""])[0]
    wrong = []
    for line, name in imported(module, source, is_package):
        top, room = (*name.split("."), "")[:2]
        if top == "ipywidgets" and own != "widgets":
            wrong.append(f"{module}:{line} imports ipywidgets, which only widgets may")
        if top == "course_utils" and room in BELOW.keys() - BELOW.get(own, set()) - {own}:
            wrong.append(f"{module}:{line} imports {room}, which is not below {own or 'it'}")
    return wrong


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("file", files(), ids=dotted)
def test_imports_run_downward(file: Path) -> None:
    is_package = file.name == "__init__.py"
    assert violations(dotted(file), file.read_text(encoding="utf-8"), is_package) == []


def test_every_room_has_its_arrows() -> None:
    rooms = {dotted(file).split(".")[1] for file in files() if file.parent != PACKAGE}
    rooms |= {file.stem for file in files() if file.parent == PACKAGE} - {"__init__"}
    assert rooms <= BELOW.keys(), f"say in BELOW what these may import: {rooms - BELOW.keys()}"


def test_the_arrows_have_no_circle() -> None:
    """Taking away rooms that need nothing more, again and again, leaves none."""
    left = {room: set(below) for room, below in BELOW.items()}
    while free := {room for room, below in left.items() if not below}:
        left = {room: below - free for room, below in left.items() if room not in free}
    assert left == {}


@pytest.mark.parametrize(
    ("module", "source", "blamed"),
    [
        ("course_utils.vae", "import ipywidgets.widgets", "ipywidgets"),
        ("course_utils.vae", "from course_utils.training import fit", "training"),
        ("course_utils.vae", "from course_utils import training", "training"),
        ("course_utils.vae", "from . import training", "training"),
        ("course_utils.vae", "from .training import fit", "training"),
        ("course_utils.plotting", "def f():\n    from .simulators import collider", "simulators"),
        ("course_utils.simulators.collider", "from ..densities import mixture", "densities"),
        ("course_utils.simulators.collider", "from .. import plotting", "plotting"),
        ("course_utils.widgets", "import course_utils.exercises.registry", "exercises"),
        ("course_utils.exercises.cards", "from ..grading import grade", "grading"),
        ("course_utils", "from .vae import VAE", "vae"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str, blamed: str) -> None:
    (sentence,) = violations(module, source, is_package=module == "course_utils")
    assert f"imports {blamed}" in sentence


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("course_utils.widgets", "import ipywidgets\nfrom .simulators import collider"),
        ("course_utils.grading.grade", "from ..exercises import registry\nfrom .. import vae"),
        ("course_utils.simulators.collider", "from .random import uniform"),
        ("course_utils.cli", "from . import __version__"),
        ("course_utils.vae", "import torch\nfrom .inference import elbo"),
    ],
)
def test_an_allowed_import_is_not(module: str, source: str) -> None:
    assert violations(module, source) == []
