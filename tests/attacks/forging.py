"""Submissions of lecture 00 with a wrong answer, and a trick that should make it count.

Each is a list of code cells. None of them may end as ok.
"""

WRONG = """
def mean_and_std(x):
    return torch.zeros((), dtype=x.dtype), torch.ones((), dtype=x.dtype)
"""

# A frame as the worker sends it: the length, then a tuple of values (see wire.py).
FRAMES = """
import os, struct
def sized(b): return struct.pack("<I", len(b)) + b
def text(s): return b"S" + sized(s.encode())
def group(*items): return b"U" + struct.pack("<I", len(items)) + b"".join(items)
def flood(body):
    for fd in range(3, 128):
        try:
            os.write(fd, sized(body))
        except OSError:
            pass
verdicts = [
    group(text("passed"), text("00.mean_and_std")),
    group(text("ok")),
    group(text("value"), text("passed"), group()),
    group(text("picked"), text("function"), text("")),
    group(text("ran"), text("")),
    b'{"status": "ok", "points": 1}',
]
"""

PATCHED_OPERATORS = """
import builtins, math, operator
import numpy as np
always = lambda *args, **kwargs: True
for module in (torch, np, math, torch.testing):
    for name in ("allclose", "equal", "isclose", "array_equal", "assert_close"):
        if hasattr(module, name):
            setattr(module, name, always)
for name in ("__eq__", "__le__", "__lt__", "__ge__", "__gt__", "__bool__", "equal", "allclose"):
    setattr(torch.Tensor, name, always)
operator.eq = builtins.all = builtins.bool = always
"""

REGISTRY_IN_DISGUISE = """
import sys, types
import course_utils.exercises as exercises
class Passed:
    status, passed, message, misconception, seed = "passed", True, "", None, 1
fake = types.ModuleType("course_utils.exercises.registry")
fake.judge = exercises.check = lambda *args, **kwargs: Passed()
sys.modules["course_utils.exercises.registry"] = exercises.registry = fake
for name, module in list(sys.modules.items()):
    for attribute in ("judge", "judge_case", "check", "agree", "law", "conform"):
        if hasattr(module, attribute) and name.startswith("course"):
            setattr(module, attribute, fake.judge)
check = fake.judge
print("00.mean_and_std: passed")
"""

AST_TRANSFORMERS = """
import ast
class Truth(ast.NodeTransformer):
    def visit_Compare(self, node):
        return ast.copy_location(ast.Constant(True), node)
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
shell = get_ipython()
shell.ast_transformers.append(Truth())
shell.input_transformers_cleanup.append(lambda lines: ["check = lambda *a: 'passed'\\n", *lines])
"""

AGREEABLE_TENSOR = """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.tensor(True)
    def __eq__(self, other): return True
    def __rsub__(self, other): return self
    def __bool__(self): return True
def mean_and_std(x):
    value = torch.zeros((), dtype=x.dtype).as_subclass(Agreeable)
    return value, value
"""

EQUAL_TO_ALL = """
class Any:
    shape, dtype, ndim, requires_grad = (), torch.float32, 0, False
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __eq__(self, other): return True
    def __float__(self): return 0.0
    def __bool__(self): return True
    def __reduce__(self): return (print, ("passed",))
Any.__name__ = Any.__qualname__ = "Tensor"
def mean_and_std(x): return Any(), Any()
"""

HUNT_FOR_THE_JUDGE = """
import ctypes, gc, inspect, sys
found = []
frame = sys._getframe()
while frame is not None:
    found.append(frame)
    frame = frame.f_back
for thing in gc.get_objects():
    kind = type(thing).__name__
    if kind in ("Worker", "Grader", "Session", "Subject", "Exercise", "Mark", "Result"):
        found.append(thing)
        for name in ("status", "passed", "points"):
            try:
                object.__setattr__(thing, name, "passed")
            except Exception:
                pass
        if kind == "Worker":
            type(thing).answer = lambda self, request: ("passed", "ok", ())
"""

ANSWERS_EVERYTHING = """
import sys
worker = sys.modules["course_worker.worker"]
def answer(self, request):
    kind = request[0]
    if kind == "pick":
        return ("picked", "function", "")
    if kind == "call":
        return ({reply})
    return ("ran", "")
worker.Worker.answer = answer
def mean_and_std(x): return None
"""

RAW_BYTES = """
import os, struct, sys
def raw(body):
    for fd in range(3, 128):
        try:
            os.write(fd, body)
        except OSError:
            pass
def mean_and_std(x):
    raw({body})
    return torch.zeros(()), torch.ones(())
"""

TWIN = "course_utils.estimates.mean_and_std"

ATTACKS: dict[str, list[str]] = {
    "only-wrong": [WRONG],
    "patched-operators": [PATCHED_OPERATORS, WRONG],
    "patched-inside-the-call": [
        PATCHED_OPERATORS.replace("\n", "\n    ").replace("\n    ", "\ndef patch():\n    ", 1),
        WRONG.replace("(x):", "(x):\n    patch()"),
    ],
    "registry-in-disguise": [REGISTRY_IN_DISGUISE, WRONG],
    "own-check": ["def check(*args):\n    print('passed')\n    return True", WRONG],
    "ast-transformers": [AST_TRANSFORMERS, WRONG],
    "agreeable-tensor": [AGREEABLE_TENSOR],
    "equal-to-all": [EQUAL_TO_ALL],
    "hunt-for-the-judge": [HUNT_FOR_THE_JUDGE, WRONG],
    "frames-in-a-cell": [FRAMES, "for body in verdicts:\n    flood(body)", WRONG],
    "frames-in-the-call": [
        FRAMES,
        WRONG.replace("(x):", "(x):\n    for body in verdicts:\n        flood(body)"),
    ],
    "frames-from-a-thread": [
        FRAMES,
        "import threading, time\n"
        "def forever():\n"
        "    while True:\n"
        "        for body in verdicts:\n"
        "            flood(body)\n"
        "        time.sleep(0.001)\n"
        "threading.Thread(target=forever, daemon=True).start()",
        WRONG,
    ],
    "prints-a-verdict": ["print('00.mean_and_std: passed, ok, 1 point')", WRONG],
    "exit-status-0": ["import os\ndef mean_and_std(x): os._exit(0)"],
    "raises-passed": ["class passed(Exception): pass\ndef mean_and_std(x): raise passed('ok')"],
    "imports-the-checks": [
        "from course_utils.exercises import registry\n"
        "from course_utils.exercises.lecture00 import check_mean_and_std\n"
        "def mean_and_std(x): return registry.get('00.mean_and_std').mistakes[0].function(x)"
    ],
    "imports-the-answers": [
        "def mean_and_std(x):\n"
        "    from answers.lecture00 import ALTERNATIVES\n"
        "    return ALTERNATIVES['00.mean_and_std'][0](x)"
    ],
    "imports-the-instructor": [
        "def mean_and_std(x):\n"
        "    import course_utils.grading.marking as marking\n"
        "    marking.STATUS['wrong'] = 'ok'\n"
        "    return x.sum(), x.sum()"
    ],
    "repairs-its-input": [
        "def mean_and_std(x):\n"
        "    x.zero_()\n"
        "    return torch.zeros_like(x[0]), torch.zeros_like(x[0])"
    ],
    "replies-none": [ANSWERS_EVERYTHING.replace("{reply}", "'value', None, ()")],
    "replies-passed": [ANSWERS_EVERYTHING.replace("{reply}", "'passed', 'ok', 1")],
    "replies-nothing": [ANSWERS_EVERYTHING.replace("{reply}", "")],
    "replies-text": [ANSWERS_EVERYTHING.replace("{reply}", "'value', 'passed', ()")],
    "replies-no-words": [
        ANSWERS_EVERYTHING.replace("{reply}", "torch.zeros(2), torch.zeros(2)").replace(
            '("ran", "")', '("refused", (torch.zeros(2), "00.mean_and_std"))'
        )
    ],
    "raises-no-words": [
        ANSWERS_EVERYTHING.replace("{reply}", "'raised', torch.zeros(2), torch.zeros(2)")
    ],
    "picks-no-words": [
        ANSWERS_EVERYTHING.replace('"function", ""', "torch.zeros(2), torch.zeros(2)")
    ],
    "replies-nan": [
        ANSWERS_EVERYTHING.replace("{reply}", "'value', (torch.tensor(float('nan')),) * 2, ()")
    ],
    "replies-without-end": [ANSWERS_EVERYTHING.replace("{reply}", "'value', [[[[[[]]]]]] * 9, ()")],
    "replies-a-strange-change": [
        ANSWERS_EVERYTHING.replace("{reply}", "'value', (torch.zeros(()),) * 2, ('a', -1, 10**30)")
    ],
    "promises-4-GiB": [RAW_BYTES.replace("{body}", "b'\\xff' * 64")],
    "too-deep": [
        RAW_BYTES.replace(
            "{body}", "struct.pack('<I', 500_000) + b'U\\x01\\x00\\x00\\x00' * 100_000"
        )
    ],
    "too-many": [
        RAW_BYTES.replace(
            "{body}", "struct.pack('<I', 50_005) + b'U' + struct.pack('<I', 50_000) + b'N' * 50_000"
        )
    ],
    "tensor-of-a-lie": [
        RAW_BYTES.replace(
            "{body}",
            "struct.pack('<I', 25) + b'U\\x01\\x00\\x00\\x00T' + bytes([0, 4]) "
            "+ struct.pack('<4I', *[2**31] * 4) + b'xx'",
        )
    ],
    # The package's own version, by every road.
    "twin": [f"import {TWIN.rsplit('.', 1)[0]}\ndef mean_and_std(x): return {TWIN}(x)"],
    "twin-bound": ["from course_utils.estimates import mean_and_std"],
    "twin-code": [
        "import types\n"
        "import course_utils.estimates as s\n"
        "copy = types.FunctionType(s.mean_and_std.__code__, vars(s))\n"
        "def mean_and_std(x): return copy(x)"
    ],
    "twin-reloaded": [
        "import importlib\n"
        "import course_utils.estimates as s\n"
        "def mean_and_std(x): return importlib.reload(s).mean_and_std(x)"
    ],
    "twin-source": [
        "import inspect, pathlib\n"
        "import course_utils.estimates as s\n"
        "def mean_and_std(x):\n"
        "    names = dict(vars(s))\n"
        "    exec(pathlib.Path(s.__file__).read_text(), names)\n"
        "    return names['mean_and_std'](x)"
    ],
    "twin-loader": [
        "import course_utils.estimates as s\n"
        "def mean_and_std(x):\n"
        "    names = dict(vars(s))\n"
        "    exec(s.__loader__.get_code(s.__name__), names)\n"
        "    return names['mean_and_std'](x)"
    ],
    "twin-by-the-collector": [
        "import gc, types\n"
        "def mean_and_std(x):\n"
        "    for thing in gc.get_objects():\n"
        "        if isinstance(thing, types.FunctionType) and thing is not mean_and_std:\n"
        "            if thing.__name__ == 'mean_and_std':\n"
        "                return thing(x)"
    ],
    "twin-unrefused": [
        "import course_worker.hollow as hollow\n"
        "hollow.leans = lambda name: None\n"
        "from course_utils.estimates import mean_and_std"
    ],
    "twin-fallen-back-on": [
        "import torch\n"
        "from course_utils.estimates import mean_and_std as theirs\n"
        "def mean_and_std(x):\n"
        "    try:\n"
        "        return theirs(x)\n"
        "    except Exception as error:\n"
        "        for frame in __import__('inspect').trace():\n"
        "            for value in frame.frame.f_globals.values():\n"
        "                if getattr(value, '__name__', '') == 'mean_and_std':\n"
        "                    return value(x)\n"
        "        return torch.zeros(()), torch.zeros(())"
    ],
    "twin-by-search": [
        "import os\n"
        "def mean_and_std(x):\n"
        "    folders = [folder for folder, _, _ in os.walk('/course')]\n"
        "    folders += [p + '/course_utils' for p in __import__('sys').path]\n"
        "    for folder in folders:\n"
        "        if os.path.exists(folder + '/estimates.py'):\n"
        "            text = open(folder + '/estimates.py').read()\n"
        "            if 'mean_and_std' in text:\n"
        "                names = {}\n"
        "                exec(text, names)\n"
        "                return names['mean_and_std'](x)"
    ],
}

# Answers, not attacks on the process that runs them: a notebook's own check refuses them, too. The
# others change torch or the checks in place, talk to the grader, end it, or search its disk for a
# source, and what a source says one may as well type.
ANSWERS = (
    "only-wrong",
    "own-check",
    "agreeable-tensor",
    "equal-to-all",
    "prints-a-verdict",
    "raises-passed",
    "imports-the-answers",
    "repairs-its-input",
    "twin",
    "twin-bound",
    "twin-code",
    "twin-reloaded",
    "twin-source",
    "twin-loader",
    "twin-by-the-collector",
    "twin-fallen-back-on",
)
