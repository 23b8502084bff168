"""The pieces of the sandbox: messages, the filter of system calls, what is shown, the self-test."""

import ast
import math
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import as_user
import numpy as np
import pytest
import torch

from course_utils.exercises.signature import parse
from course_utils.exercises.subject import Subject, Wrong
from course_utils.sandbox import proxy, seccomp, twin, warm, wire
from course_utils.sandbox import walls as sandbox
from course_utils.sandbox.functions import Raised
from course_utils.sandbox.proxy import Lost, RemoteFunction, Session
from course_utils.sandbox.walls import SandboxError, SandboxReport

KIND = "root" if os.geteuid() == 0 else "user"


@pytest.fixture(scope="module")
def works() -> None:
    """Tests that need a sandbox are skipped where there is none, but under CI they fail."""
    report = sandbox.self_test()
    if report.kind == "none" and os.environ.get("CI") == "true":
        pytest.fail(report.sentence)
    if report.kind == "none":
        pytest.skip(report.sentence)


# --- messages -----------------------------------------------------------------------------------


def same(a: object, b: object) -> bool:
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and (a == b or (a != a and b != b))


VALUES = [
    None,
    True,
    0,
    -(10**40),
    1.5,
    float("nan"),
    float("-inf"),
    "naïve\n",
    (1, (2.0, [])),
    torch.ones(1, 4)[:, 0],  # one number with a stride of four
    torch.zeros(()),
    torch.zeros(0, 3),
    torch.tensor([True, False]),
    np.arange(6.0).reshape(2, 3)[:, ::2],
    *(torch.ones(2, 3).to(dtype) for dtype in wire.DTYPES),
    torch.arange(6.0).reshape(2, 3).T,
    torch.arange(10.0).reshape(2, 5)[:1, 0],  # one number, and the next would be five away
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_data_survives(value: object) -> None:
    (back,) = wire.decode(wire.encode((value,)))
    assert same(value, back)


def test_a_tensor_comes_back_as_a_copy_that_may_be_changed() -> None:
    x = torch.ones(3, requires_grad=True)
    (back,) = wire.decode(wire.encode((x,)))
    back += 1
    assert not back.requires_grad and torch.equal(x, torch.ones(3))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({}, "dict"),
        (object(), "object"),
        (10**4000, "int"),
        (torch.eye(3).to_sparse(), "Tensor"),
        (torch.ones(2, device="meta"), "Tensor"),
        (np.array(["a"]), "ndarray"),
        (type("a b", (), {})(), "object"),
    ],
)
def test_what_is_not_plain_data_is_only_a_name(value: object, name: str) -> None:
    (back,) = wire.decode(wire.encode((value,)))
    assert isinstance(back, wire.Opaque) and type(back).__name__ == name


def message(*items: bytes) -> bytes:
    return b"U" + struct.pack("<I", len(items)) + b"".join(items)


def tensor(code: int, shape: tuple[int, ...], content: bytes, kind: bytes = b"T") -> bytes:
    return kind + bytes([code, len(shape)]) + struct.pack(f"<{len(shape)}I", *shape) + content


REFUSED = {
    "empty": b"",
    "no tuple": b"N",
    "left over": message(b"N") + b"N",
    "too short": message(b"F1234"),
    "unknown kind": message(b"P"),
    "a pickle": b"\x80\x04\x95.",
    "too deep": b"U\x01\x00\x00\x00" * (wire.MAX_DEPTH + 1) + b"N",
    "very deep": b"U\x01\x00\x00\x00" * 100_000,
    "too many": message(*[b"N"] * wire.MAX_ITEMS),
    "promises many": b"U\xff\xff\xff\xff",
    "long text": b"U\x01\x00\x00\x00S\xff\xff\xff\x7fa",
    "long number": message(b"I" + struct.pack("<I", 5000) + b"9" * 5000),
    "no number": message(b"I\x02\x00\x00\x00ab"),
    "unknown dtype": message(tensor(200, (), b"0000")),
    "many axes": message(tensor(0, (1,) * 9, b"0000")),
    "large": message(tensor(0, (2**31, 2**31), b"0000")),
    "large and empty": message(tensor(0, (0, 2**31, 2**31, 2**31), b"")),
    "cut tensor": message(tensor(0, (3,), b"0000")),
    "bfloat16 array": message(tensor(3, (1,), b"00", b"A")),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(content)


def test_random_bytes_never_do_more_than_be_refused() -> None:
    generator = np.random.default_rng(0)
    good = wire.encode((torch.ones(2, 3), "text", [1, 2.0], None))
    for _ in range(2000):
        bad = bytearray(good)
        for at in generator.integers(len(bad), size=3):
            bad[at] = generator.integers(256)
        try:
            value = wire.decode(bytes(bad))
        except wire.WireError:
            continue
        assert isinstance(value, tuple)


def test_a_bool_that_is_none_becomes_one() -> None:
    (back,) = wire.decode(message(tensor(wire.DTYPES.index(torch.bool), (3,), b"\x00\x07\xff")))
    assert back.tolist() == [False, True, True]
    assert back.view(torch.uint8).tolist() == [0, 1, 1]


# --- requests -----------------------------------------------------------------------------------


@pytest.fixture
def pair() -> tuple[Session, socket.socket, socket.socket]:
    talk, theirs = socket.socketpair()
    leash, keeper = socket.socketpair()
    return Session(talk, leash), theirs, keeper


def test_a_reply_too_large_is_not_read(pair: tuple) -> None:
    session, theirs, _ = pair
    theirs.sendall(struct.pack("<I", wire.MAX_MESSAGE + 1))
    with pytest.raises(Lost, match="more than 32 MiB") as lost:
        session.ask(("call",), "value", 5)
    assert lost.value.status == "crashed" and not session.open


def test_a_dripping_reply_does_not_extend_the_time(pair: tuple) -> None:
    session, theirs, _ = pair

    def drip() -> None:
        try:
            theirs.sendall(struct.pack("<I", 1000))
            while True:
                theirs.sendall(b"N")
                time.sleep(0.02)
        except OSError:
            return

    threading.Thread(target=drip, daemon=True).start()
    with pytest.raises(Lost) as lost:
        session.ask(("call",), "value", 0.03)
    assert lost.value.status == "timeout"


def test_a_request_that_nobody_reads_ends_in_time(pair: tuple) -> None:
    session, theirs, _ = pair
    with pytest.raises(Lost) as lost:
        session.ask(("call", torch.zeros(4 << 20)), "value", 0.03)
    assert lost.value.status == "timeout" and theirs


@pytest.mark.parametrize(
    ("report", "status", "words"),
    [
        ((warm.EXITED, 3), "crashed", "itself with status 3"),
        ((warm.EXITED, -11), "crashed", "SIGSEGV"),
        ((warm.EXITED, -24), "timeout", "processor time"),
        ((warm.OUT_OF_MEMORY, -9), "crashed", "more memory"),
        ((warm.UNMEASURED, -9), "crashed", "hid how much"),
        ((warm.OUT_OF_TIME, -9), "timeout", "5 s of computing"),
        ((warm.NOT_STARTED, 1), "crashed", "could not be started"),
    ],
)
def test_the_keeper_says_how_it_ended(
    pair: tuple, report: tuple[int, int], status: str, words: str
) -> None:
    session, theirs, keeper = pair
    keeper.sendall(warm.STATUS.pack(*report))
    theirs.close()
    with pytest.raises(Lost, match=words) as lost:
        session.ask(("call",), "value", 5)
    assert lost.value.status == status


def answered(pair: tuple, reply: tuple) -> RemoteFunction:
    session, theirs, _ = pair
    wire.send(theirs, reply)
    return RemoteFunction(session, 1, 1)


def test_texts_are_cleaned(pair: tuple) -> None:
    text = "a\x1b[31m\u202e b\n" + "c" * 10_000
    with pytest.raises(Raised) as raised:
        answered(pair, ("raised", "passed", text)).call(())
    assert raised.value.slug == "raises"
    assert raised.value.message.startswith("a [31m b ccc")
    assert raised.value.message.isprintable() and len(raised.value.message) == proxy.MAX_TEXT


def test_tensors_are_no_words(pair: tuple) -> None:
    with pytest.raises(Raised) as raised:
        answered(pair, ("raised", torch.zeros(2), torch.zeros(2))).call(())
    assert (raised.value.slug, raised.value.message) == ("raises", proxy.WITHOUT_WORDS)
    with pytest.raises(Lost):
        answered(pair, (torch.zeros(2), 1)).call(())


@pytest.mark.parametrize(
    "gradient", [torch.zeros(2), torch.zeros(3, dtype=torch.float64), 1.0, "none"], ids=repr
)
def test_a_gradient_of_another_kind_is_wrong(pair: tuple, gradient: object) -> None:
    subject = Subject(answered(pair, ("gradients", [gradient])), parse("x (N,) -> ()"))
    with pytest.raises(Wrong):
        subject.vjp((torch.zeros(3),), (0,), torch.ones(()))


@pytest.mark.parametrize("gradients", [[], [None, None], (None,), None])
def test_a_list_of_gradients_of_another_length_is_a_crash(pair: tuple, gradients: object) -> None:
    function = answered(pair, ("gradients", gradients))
    with pytest.raises(Lost):
        function.vjp((torch.zeros(3),), (0,), torch.ones(()))


# --- what is shown inside -----------------------------------------------------------------------


def test_the_twin_has_all_names_and_none_of_the_code(tmp_path: Path) -> None:
    sandbox.copy_package(tmp_path / "course")
    package = tmp_path / "course" / "course_utils"
    exercises = {p.name for p in (package / "exercises").iterdir()}
    assert exercises == {"__init__.py"} and not (package / "grading").exists()
    names = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    modules = {p.relative_to(sandbox.PACKAGE) for p in sandbox.PACKAGE.rglob("*.py")}
    modules = {p for p in modules if p.parts[0].removesuffix(".py") not in twin.WITHOUT_TWIN}
    assert names - {"exercises/__init__.py"} == {path.as_posix() for path in modules}
    for name in names - {"exercises/__init__.py", *twin.AS_IT_IS}:
        for node in ast.walk(ast.parse((package / name).read_text("utf-8"))):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For), name
    sandbox.remove_sources(tmp_path / "course")
    assert not list(package.rglob("*.py"))


def test_constants_keep_their_values() -> None:
    text = twin.texts()["densities/base.py"]
    assert f"LOG_2PI = {math.log(2 * math.pi)!r}\n" in text
    text = twin.texts()["plotting/base.py"]
    assert re.search(r"^INK = '#\w{6}'$", text, re.MULTILINE)
    assert re.search(r"^DENSITY_MAP = _hollow.Value\(", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("A = (1, -2.5, 'x', None)", (1, -2.5, "x", None)),
        ("A = {'a': [2**3, 7 // 2]}", {"a": [8, 3]}),
        ("import math\nA = math.sqrt(2) * math.pi", math.sqrt(2) * math.pi),
        ("B = 3\nA = B + 1", 4),
        ("B, A = 1, 2", 2),
        ("A: int = 5", 5),
        ("A = 10**10**10", None),
        ("A = 2**10**7", None),
        ("A = f(3)", None),
        ("A = [x for x in (1, 2)]", None),
        ("A = lambda x: x", None),
        ("A = 1 / 0", None),
        ("A = __import__('os').getpid()", None),
        ("A = 1\nA = f(A)", None),
    ],
)
def test_plain_arithmetic_is_worked_out_and_nothing_else(source: str, value: object) -> None:
    path = Path("m.py")
    found = twin._constants(path, {path: source}, {}).get("A")
    assert found == value


def test_the_stub_has_what_notebooks_import() -> None:
    from course_utils import exercises
    from course_utils.sandbox import stub_exercises

    assert set(exercises.__all__) - {"Progress"} <= set(vars(stub_exercises))


def test_folders_to_hide_are_masked_where_their_parent_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, python = tmp_path / "usr" / "src" / "course", tmp_path / "usr"
    course.mkdir(parents=True)
    monkeypatch.setattr(sandbox, "python_folders", lambda: [str(python), str(course / ".venv")])
    (course / ".venv").mkdir()
    words = sandbox.mounts(tmp_path, [course, tmp_path / "elsewhere"])
    order = [words.index(str(p)) for p in (python, course, course / ".venv")]
    assert order == sorted(order)
    assert words[words.index(str(course)) - 1] == "--tmpfs"
    assert str(tmp_path / "elsewhere") not in words


# --- the self-test ------------------------------------------------------------------------------


@pytest.mark.usefixtures("works")
def test_a_sandbox_works_here_and_starts_warm() -> None:
    report = sandbox.self_test()
    assert (report.kind, report.failures) == (KIND, ())
    assert "bubblewrap" in report.sentence


@pytest.mark.usefixtures("works")
def test_a_fresh_sandbox_is_as_closed() -> None:
    assert sandbox.probe(SandboxReport(KIND, False, "")) == []


# A course that lies below /tmp could not be seen there even by mistake: each child's is empty.
SEEN = [path for path in (str(sandbox.PACKAGE), "/etc/passwd") if not path.startswith("/tmp/")]


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize("path", SEEN)
def test_the_self_test_sees_a_wrong_mount(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    original = sandbox.mounts
    parents = [word for p in reversed(Path(path).parents[:-1]) for word in ("--dir", str(p))]
    more = [*parents, "--ro-bind", path, path]
    monkeypatch.setattr(sandbox, "mounts", lambda *args, **kw: [*original(*args, **kw), *more])
    found = sandbox.probe(SandboxReport(KIND, True, ""))
    assert found == [f"Student code could read {path}."]


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--remount-ro", "/"], "could write to /."),
        (["--unshare-all"], "network|did not start|ended early"),
    ],
)
def test_the_self_test_misses_no_option(
    monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    original = sandbox.command

    def command(*args: object) -> list[str]:
        whole = original(*args)
        at = len(whole) - whole[::-1].index(words[0]) - 1  # of the inner stage
        assert whole[at : at + len(words)] == words
        return [*whole[:at], *whole[at + len(words) :]]

    monkeypatch.setattr(sandbox, "command", command)
    found = sandbox.probe(SandboxReport(KIND, True, ""))
    assert any(re.search(said, sentence) for sentence in found), found


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        (" drop_capabilities()\n", " pass\n", "hold capabilities"),
        (" seccomp.install()\n", " pass\n", "not filtered"),
        ('write_text("0")', "exists()", "user namespaces of its own"),
        # Told by the attempt itself, or by the keeper where it was faster.
        ("resource.RLIMIT_AS:", "resource.RLIMIT_RSS:", "memory"),
        ("resource.RLIMIT_NPROC:", "resource.RLIMIT_RSS:", "no limit on processes"),
        ('(_libc().mount(b"proc", b"/proc"', '(_libc().mount(b"proc", b"/tmp"', "other processes"),
    ],
)
def test_the_self_test_misses_no_line_inside(
    monkeypatch: pytest.MonkeyPatch, line: str, instead: str, said: str
) -> None:
    """Each protection is taken out of the copy that runs inside."""
    original = sandbox.copy_package

    def copy(folder: Path) -> None:
        original(folder)
        path = folder / "course_worker" / "warm.py"
        text = path.read_text("utf-8")
        assert text.count(line) == 1
        path.write_text(text.replace(line, instead), "utf-8")
        if "namespaces" in said:  # the filter stands before it
            (folder / "course_worker" / "seccomp.py").write_text("MACHINES = {}\ninstall = list")

    monkeypatch.setattr(sandbox, "copy_package", copy)
    found = sandbox.probe(SandboxReport(KIND, True, ""))
    assert any(said in sentence for sentence in found), found


def test_without_bubblewrap_the_self_test_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    report = sandbox.self_test.__wrapped__()
    assert report.kind == "none" and "`bwrap` is not installed" in report.sentence


@pytest.mark.usefixtures("works")
def test_a_sandbox_that_dies_at_the_start_is_one_sentence() -> None:
    broken = sandbox.Sandbox(
        sandbox.self_test(), warm.Quotas(), program="course_worker.no_such_program"
    )
    with pytest.raises(SandboxError, match=r"did not start: .*no_such_program"):
        broken.wait_until_ready(20)
    assert not broken.folder.exists()


def test_the_filter_covers_what_the_kernel_offers() -> None:
    """A step is 8 bytes; a jump must land inside the program."""
    for machine in seccomp.MACHINES:
        code = seccomp.program(machine)
        steps = [struct.unpack("=HBBI", code[i : i + 8]) for i in range(0, len(code), 8)]
        for i, (kind, yes, no, _) in enumerate(steps):
            assert kind == seccomp.RETURN or i + 1 + max(yes, no) < len(steps)
        assert steps[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)


@pytest.mark.usefixtures("works")
@pytest.mark.skipif(KIND != "root", reason="the tests run as an ordinary user already")
def test_as_an_ordinary_user() -> None:
    program = "from course_utils.sandbox.walls import self_test; print(self_test())"
    done = subprocess.run(
        as_user.command(sys.executable, "-c", program),
        cwd=as_user.ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "kind='user', warm=True" in done.stdout and "failures=()" in done.stdout, done
