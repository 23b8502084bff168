"""The exercise machinery: signatures, checks, messages for every way to go wrong, progress."""

import concurrent.futures
import contextlib
import functools
import importlib
import inspect
import json
import linecache
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from attacks import classes, forging

from course_utils import exercises, inference
from course_utils.authoring import children, verify
from course_utils.densities import gaussians
from course_utils.exercises import (
    check,
    contract,
    hint,
    judging,
    leaning,
    progress,
    record,
    registry,
    yours_or_ours,
)
from course_utils.exercises.draw import Draw
from course_utils.exercises.laws import agree, law, near
from course_utils.exercises.signature import parse
from course_utils.exercises.subject import Subject
from course_utils.lectures import find_root, read
from course_utils.sandbox import script, wire
from course_utils.sandbox.functions import LocalFunction, is_students
from course_utils.simulators import collider
from course_utils.vae import model

SEEDS = range(3)
# The public contract: names and arguments, to the letter. A new exercise is entered here.
CONTRACT = {
    "00.mean_and_std": "(x)",
    "01.inverse_cdf": "(u)",
    "01.gaussian_field": "(white, power)",
    "01.zeldovich_displacement": "(delta)",
    "01.langevin_step": "(x, force, dt, kT, friction, noise)",
    "02.gaussian_log_prob": "(x, mean, cov)",
    "02.fit_gaussian": "(x)",
    "02.mixture_log_prob": "(x, log_weights, means, sigmas)",
    "02.em_step": "(x, log_weights, means, sigmas)",
    "02.asymmetry_error": "(cos_theta, a_fb)",
    "02.newton_step": "(cos_theta, a_fb)",
    "03.pca": "(x, k)",
    "03.discarded_variance": "(eigenvalues, k)",
    "03.two_nn_dimension": "(x)",
    "03.reconstruction_loss": "(x, x_hat)",
    "03.Autoencoder": "(data_dim, latent_dim)",
    "03.train": "(model, loss, x, steps, lr, generator)",
    "03.interpolate": "(z0, z1, steps)",
    "04.effective_sample_size": "(log_w)",
    "04.gaussian_kl": "(mu, log_var)",
    "04.elbo": "(log_likelihood, mu, log_var)",
    "04.ppca_log_evidence": "(x, W, b, sigma)",
    "04.ppca_posterior": "(x, W, b, sigma)",
    "05.gaussian_score": "(z, mu, log_var)",
    "05.reparameterize": "(mu, log_var, eps)",
    "05.score_function_gradient": "(f, score, baseline)",
    "05.ppca_em_step": "(x, W, b, sigma)",
    "05.importance_weighted_bound": "(log_w)",
    "06.bernoulli_log_likelihood": "(x, logits)",
    "06.VAE": "(data_dim, latent_dim)",
    "07.gaussian_log_likelihood": "(x, mean, sigma)",
    "06.negative_elbo": "(x, logits, mu, log_var)",
    "07.optimal_sigma": "(x, x_hat)",
    "07.implied_beta": "(kl_weight, data_dim, latent_dim, sigma)",
    "07.active_units": "(mu, threshold)",
    "08.reverse_water_filling": "(eigenvalues, level)",
    "08.water_level": "(eigenvalues, rate)",
    "08.blahut_arimoto_step": "(p, cost, q, slope)",
    "08.equivalent_beta": "(beta, sigma, new_sigma)",
    "08.bits_back_length": "(log_likelihood, log_prior, log_posterior)",
    "08.ans_push": "(state, start, freq, precision)",
    "08.ans_pop": "(state, starts, precision)",
    "08.mutual_information_gap": "(mi, entropies)",
    "09.masked_linear": "(x, weight, bias)",
    "09.affine_coupling": "(x, log_scale, shift)",
    "09.gan_losses": "(real_logits, fake_logits)",
    "09.contrastive_loss": "(log_ratio_data, log_ratio_noise)",
    "10.alpha_bars": "(betas)",
    "10.diffuse": "(x0, alpha_bar, eps)",
    "10.predict_x0": "(x_t, alpha_bar, eps_hat)",
    "10.score_from_noise": "(eps_hat, alpha_bar)",
    "10.ddpm_step": "(x_t, t, eps_hat, betas, noise)",
    "10.denoising_loss": "(predict, x0, alpha_bars, t, eps)",
    "10.guided_noise": "(eps_conditional, eps_unconditional, scale)",
    "10.flow_matching_pair": "(noise, data, t)",
}


def right(x):
    return x.mean(), x.std(correction=0)


# --- the contract and the answers -----------------------------------------------------------


def test_names_and_arguments_are_the_contract():
    assert {name: registry.get(name).signature.call for name in registry.names()} == CONTRACT


@pytest.fixture(scope="module")
def cases() -> dict[str, verify.Case]:
    names = registry.names()
    found, faults = verify.cases(find_root(), (), names, verify.known_mistakes)
    assert faults == []
    return {case.exercise: case for case in found}


@pytest.mark.parametrize("name", registry.names())
def test_right_answers_pass_and_mistakes_are_told_their_own_sentence(name, cases):
    """`course verify` under fewer seeds: solution, stub, right and wrong answers, mistakes."""
    assert verify.judge_case(cases[name], judging.judge, SEEDS).faults == []


def without_return(solution):
    """(who forgets to return, the solution so changed): a function, or a method of a class."""

    def forgetful(function):
        def forgets(*args):
            function(*args)

        return forgets

    if not isinstance(solution, type):
        return [("The function", forgetful(solution))]
    methods = [name for name, value in vars(solution).items() if callable(value)]
    return [
        (f"`{name}`", type("Mine", (solution,), {name: forgetful(vars(solution)[name])}))
        for name in methods
        if name != "__init__"
    ]


@pytest.mark.parametrize("name", registry.names())
def test_a_forgotten_return_is_no_stub(name, cases):
    broken = without_return(cases[name].solution)
    assert broken
    for who, function in broken:
        result = judging.judge(name, function, seed=1)
        assert (result.status, result.misconception) == ("wrong", "returns-none"), result
        assert result.message.startswith(who) and "is the `return` missing" in result.message


def documented(x):
    """The mean and the deviation."""


def only_dots(x): ...


@pytest.mark.parametrize(
    ("function", "status"),
    [
        (documented, "not attempted"),
        (only_dots, "not attempted"),
        (functools.partial(only_dots), "not attempted"),
        (torch.no_grad()(only_dots), "not attempted"),
        (lambda x: print(x), "wrong"),
        (lambda x: only_dots(x), "wrong"),
        (lambda x: (print(x), x.std()), "wrong"),
    ],
)
def test_a_stub_is_told_from_a_body_by_what_it_does(function, status):
    result = judging.judge("00.mean_and_std", function, seed=0)
    assert (result.status, "None" in result.message) == (status, True), result


@pytest.fixture(scope="module")
def texts():
    """What each exercise asks for, by its name: the paragraph above it and the stub's docstring."""
    found = {}
    for path in sorted((find_root() / "notebooks").glob("*.ipynb")):
        for cell in read(path).cells:
            for name in re.findall(r"\*\*Exercise `([\w.]+)`\.\*\*", cell.source):
                found[name] = cell.source[cell.source.index(f"`{name}`") :]
    return found


class Asked(LocalFunction):
    """Knows by which arguments gradients were asked for, and whether by a module's parameters."""

    def __init__(self, function, arguments):
        super().__init__(function)
        self.arguments, self.names = arguments, set()

    def vjp(self, args, wrt, cotangent):
        self.names |= {self.arguments[i].name for i in wrt}
        return super().vjp(args, wrt, cotangent)

    def run(self, steps):
        if any(step[0] == "gradients" for step in steps):
            self.names |= {slot.name for slot in self.arguments if slot.kind == "function"}
        return super().run(steps)


GRADIENTS = re.compile(
    r"gradients?\s+(?:matter|(?:(?:must|should|have\s+to)[\s>]+reach|through\s+to)([^.]*))", re.I
)


# Of what trains in its check, the whole text says that it learns.
@pytest.mark.parametrize(
    "name", sorted({*registry.names()} - {"03.Autoencoder", "03.train", "06.VAE"})
)
def test_the_text_asks_for_gradients_exactly_where_the_laws_do(name, cases, texts):
    arguments = registry.get(name).signature.arguments
    asked = Asked(cases[name].solution, arguments)
    assert judging.judge(name, asked, seed=1).passed
    said = GRADIENTS.search(f"{texts[name]} {cases[name].stub.__doc__}")
    assert bool(said) == bool(asked.names), (asked.names, said)
    if said and said[1]:
        every = re.search("all|both", said[1])
        named = {a.name for a in arguments if every or re.search(rf"\b{a.name}\b", said[1])}
        assert named == asked.names


@pytest.mark.parametrize("name", registry.names())
def test_every_exercise_has_two_hints(name):
    assert len(registry.get(name).hints) >= 2


@pytest.mark.parametrize("name", registry.names())
def test_the_package_twin_passes_and_takes_the_same_arguments(name):
    exercise = registry.get(name)
    if exercise.twin is None:
        pytest.skip("this exercise has no version in the package")
    module, attribute = exercise.twin.split(":")
    twin = getattr(importlib.import_module(module), attribute)
    parameters = [
        p.name for p in inspect.signature(twin).parameters.values() if p.default is p.empty
    ]
    assert parameters == [slot.name for slot in exercise.signature.arguments]
    assert judging.judge(name, twin, seed=1).passed


# --- one message for each way to go wrong ---------------------------------------------------


def loops(x):
    while True:
        pass


def catches_everything(x):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def exits(x):
    raise SystemExit


WHY = "it stops."


def stops(x):
    raise ValueError(WHY)


def divides(x):
    return x.mean() / 0.0, 1 / 0


def nan(x):
    return x.mean(), x.std(correction=0) * float("nan")


def in_place(x):
    mean = x.mean()
    x.sub_(mean)
    return mean, x.square().mean().sqrt()


def half(x):
    return x.half().mean(), x.half().std(correction=0)


@pytest.mark.parametrize(
    ("function", "status", "slug", "words"),
    [
        (lambda x: None, "not attempted", None, "return"),
        (lambda x: (None, None), "not attempted", None, "return"),
        (lambda x: x.mean(), "wrong", "wrong-type", "Two values are expected"),
        (lambda x: (x.mean(),), "wrong", "wrong-type", "a tuple of 1"),
        (lambda x: [x.mean()], "wrong", "wrong-type", "a list of 1"),
        (lambda x: (1.0, 2.0), "wrong", "wrong-mean", "not the mean"),
        (lambda x: ("a", "b"), "wrong", "wrong-type", "a str came back"),
        (lambda x: (x.mean() > 0, x.std()), "wrong", "wrong-dtype", "the result bool"),
        (lambda x: (x, x), "wrong", "wrong-shape", "one number is expected, shape ()"),
        (half, "wrong", "wrong-dtype", "float16"),
        (
            lambda x: (x.mean() + 1j, x.std()),
            "wrong",
            "wrong-dtype",
            "Value 1 of 2: complex numbers",
        ),
        (nan, "wrong", "not-finite", "contains nan, although every input is finite: look for zero"),
        (
            lambda x: (x.mean() / 0, x.std()),
            "wrong",
            "not-finite",
            "contains infinity, although every input is finite: look for a division by zero",
        ),
        (in_place, "wrong", "changes-its-input", "`x`"),
        (lambda: 1, "error", "wrong-arguments", "`mean_and_std(x)`"),
        (lambda x, y: 1, "error", "wrong-arguments", "'y'"),
        (
            divides,
            "error",
            "raises",
            "ZeroDivisionError in the line `return x.mean() / 0.0, 1 / 0`",
        ),
        (stops, "error", "raises", "in the line `raise ValueError(WHY)`: it stops."),
        (lambda x: x.requires_grad_().numpy(), "error", "leaves-torch", "stay in torch"),
        (exits, "error", "raises", "SystemExit"),
        (3, "error", "not-a-function", "without calling it"),
        (None, "error", "not-a-function", "without calling it"),
    ],
)
def test_each_fault_has_its_own_message(function, status, slug, words):
    result = judging.judge("00.mean_and_std", function, seed=0)
    assert (result.status, result.misconception) == (status, slug)
    assert words in result.message
    assert result.message[0].isupper() and result.message.endswith((".", "?"))
    assert not result.message.endswith("..")


def negative_sigma(x):
    normal = torch.distributions.Normal(x.mean(), -1.0)  # raises in a file of torch
    return normal.mean, normal.stddev


class Layer(torch.nn.Module):
    """Called by way of torch's own `__call__`, and defined in another cell than its use."""

    def forward(self, x):
        return torch.cat([x, 3])


def by_module(x):
    return Layer()(x)


CELL = """\
def helper(x):
    return torch.linalg.cholesky(x - x)

def by_helper(x):
    return helper(torch.outer(x, x)), 1
"""


def by_helper(x):
    """As a kernel runs it: a cell's code has a file of its own, which only linecache knows."""
    file = os.path.join(tempfile.gettempdir(), "ipykernel_12", "345.py")
    linecache.cache[file] = (len(CELL), None, CELL.splitlines(keepends=True), file)
    cell = {"torch": torch}
    exec(compile(CELL, file, "exec"), cell)
    return cell["by_helper"](x)


def test_an_object_in_the_place_of_its_class_is_called_that():
    result = judging.judge("06.VAE", torch.nn.Linear(2, 2), seed=1)
    assert result.misconception == "not-a-function" and "the class itself" in result.message


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (negative_sigma, "normal = torch.distributions.Normal(x.mean(), -1.0)"),
        (by_module, "return torch.cat([x, 3])"),
        (by_helper, "return torch.linalg.cholesky(x - x)"),
        (lambda x: functools.reduce(lambda a, b: a / 0, x.tolist()), "functools.reduce"),
    ],
)
def test_an_error_quotes_the_students_own_last_line(function, line):
    message = judging.judge("00.mean_and_std", function, seed=0).message
    assert re.search(rf"in the line `[^`]*{re.escape(line)}[^`]*`: ", message), message


def test_the_libraries_and_the_package_are_not_the_students():
    files = (torch.__file__, np.__file__, json.__file__, judging.__file__, "<frozen importlib>")
    assert [is_students(file) for file in files] == [False] * 5
    assert is_students(__file__) and is_students("<ipython-input-3-ab>")


def floats(x):
    return x.mean().item(), x.double().std(correction=0).item()


def numbers_of_numpy(x):
    return np.mean(x.numpy()), np.std(x.numpy(), dtype=np.float64)


def double(x):
    return x.double().mean(), x.double().std(correction=0)


def listed(x):
    return [*right(x)]


def stacked(x):
    return torch.stack(right(x))


def arrays(x):
    return np.array([np.mean(x.numpy()), np.std(x.numpy())])


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (right, None),
        (floats, "Value 1 of 2: A float came back where a tensor is expected: leave out `.item()`"),
        (numbers_of_numpy, "`x.new_tensor(...)` instead"),
        (double, "The result is float64 where the input is float32"),
        (listed, "A list of 2 came back; write `return a, b` instead"),
        (stacked, "A tensor of shape (2,)"),
        (arrays, "A numpy array came back; write `return a, b` instead"),
    ],
)
def test_right_numbers_in_another_type_pass_with_a_remark(function, words):
    result = judging.judge("00.mean_and_std", function, seed=0)
    assert result.passed, result.message
    if words is None:
        assert result.remark is None and "Remark" not in str(result)
    else:
        assert words in result.remark and "goes on with the converted value" in result.remark
        assert result.remark in str(result) and "Remark: " in result._repr_html_()


@pytest.mark.parametrize(
    ("text", "value", "settled"),
    [
        ("x (N,) -> (N,)", [1, 2.5, torch.tensor(3.0)], torch.tensor([1, 2.5, 3])),
        ("x (N,) -> (N,)", (1.0, 2.5, 3.0), torch.tensor([1, 2.5, 3])),
        ("x (N,) -> (2, N)", [torch.ones(3), torch.zeros(3)], torch.tensor([[1.0] * 3, [0.0] * 3])),
        ("x (N,) -> (N,)", np.array([1, 2.5, 3])[::-1], torch.tensor([3, 2.5, 1])),
        ("x (N,) -> (N,) bool", [True, False, True], torch.tensor([True, False, True])),
        ("x (N,) -> (N,) bool", np.array([True, False, True]), torch.tensor([True, False, True])),
        ("x (N,) -> float", torch.tensor(0.5), 0.5),
        ("x (N,) -> float", np.float32(0.5), 0.5),
        ("x (N,) -> float", np.float64(0.5), 0.5),
        ("x (N,) -> int", torch.tensor(2**40), 2**40),
        ("x (N,) -> int", np.int64(7), 7),
    ],
)
def test_what_is_converted(text, value, settled):
    found, remark = contract.settle(value, parse(text), (torch.zeros(3),))
    assert type(found) is type(settled) and remark.endswith(contract.GOES_ON)
    assert getattr(found, "dtype", None) == getattr(settled, "dtype", None)
    assert np.array_equal(found, settled)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x (N,) -> ()", torch.tensor(1.0).half()),  # fewer digits than the input
        ("x (N,) -> ()", np.float16(1.0)),
        ("x (N,) -> ()", torch.tensor(1)),  # whole numbers
        ("x (N,) -> ()", torch.tensor(1j)),
        ("x (N,) -> ()", True),
        ("x (N,) -> ()", (torch.ones(()), torch.ones(()))),  # two results for one
        ("x (N,) -> (N,)", (torch.ones(3), torch.ones(3))),
        ("x (N,) -> (N,) bool", torch.ones(3)),
        ("x (N,) -> float", torch.ones(1)),
        ("x (N,) -> int", 3.0),
        ("x (N,) -> int", torch.tensor(3.0)),
        ("x (N,) -> ()", "1.0"),
        ("x (N,) -> ()", []),
    ],
)
def test_what_would_lose_something_is_not(text, value):
    found, remark = contract.settle(value, parse(text), (torch.zeros(3),))
    assert remark is None
    with pytest.raises(contract.Wrong):
        contract.conform(found, parse(text), (torch.zeros(3),))


def test_the_grader_meets_the_same_numbers():
    """What the wire carries keeps its kind: a number of numpy without axes, too."""
    values = (np.float32(0.1), np.array(0.1), 0.1, [0.1, torch.tensor(0.5)], np.array([0.1]))
    (sent,) = wire.decode(wire.encode((values,)))
    for value, other in zip(values, sent, strict=True):
        slots = parse("x (N,) -> ()" if np.ndim(other) == 0 else "x (N,) -> (M,)")
        pair = [contract.settle(v, slots, (torch.zeros(3),)) for v in (value, other)]
        assert torch.equal(pair[0][0], pair[1][0]) and pair[0][0].dtype == torch.float32


def test_gradients_of_several_values_are_summed():
    subject = Subject(LocalFunction(lambda x: (x.sum(), x.square())), parse("x (N,) -> (), (N,)"))
    x, c = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    (gradient,) = subject.vjp((x,), (0,), (torch.tensor(7.0), c))
    assert torch.equal(gradient, 7 + 2 * c * x)
    half = Subject(LocalFunction(lambda x: (x.sum().detach(), x)), subject.signature)
    assert torch.equal(half.vjp((x,), (0,), (torch.tensor(7.0), c))[0], c)
    none = Subject(LocalFunction(lambda x: x.detach()), subject.signature)
    assert none.vjp((x,), (0,), (torch.tensor(7.0), c)) == [None]


def test_gradients_that_are_lost_stay_wrong():
    def kl(mu, log_var):
        return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(-1)

    listed = judging.judge("04.gaussian_kl", lambda mu, log_var: list(kl(mu, log_var)), seed=0)
    assert listed.passed and "A list of" in listed.remark
    numbers = judging.judge("04.gaussian_kl", lambda mu, lv: kl(mu, lv).tolist(), seed=0)
    assert numbers.misconception == "no-gradient" and numbers.remark is None


@pytest.mark.parametrize("function", [loops, catches_everything])
def test_a_loop_is_stopped(function):
    result = judging.judge("00.mean_and_std", function, time_limit=0.3)
    assert (result.status, result.misconception) == ("error", "too-slow")
    assert "never ends" in result.message


def test_prints_and_warnings_cost_nothing_and_stay_out_of_the_way(capsys):
    def chatty(x):
        print("debugging")
        warnings.warn("careful", stacklevel=2)
        return right(x)

    assert judging.judge("00.mean_and_std", chatty).passed
    assert "debugging" not in capsys.readouterr().out


def test_a_function_under_no_grad_or_with_gradients_is_the_same():
    with torch.no_grad():
        assert judging.judge("00.mean_and_std", right).passed
    weight = torch.nn.Parameter(torch.ones(()))
    assert judging.judge(
        "00.mean_and_std", lambda x: right(x.double().mul(weight).to(x.dtype))
    ).passed


# --- seeds ----------------------------------------------------------------------------------


def recording(into: list):
    def function(x):
        into.append(x.clone())
        return right(x)

    return function


def test_inputs_are_fresh_and_repeat_with_the_seed():
    first, again, fresh = [], [], []
    result = judging.judge("00.mean_and_std", recording(first))
    judging.judge("00.mean_and_std", recording(again), seed=result.seed)
    judging.judge("00.mean_and_std", recording(fresh))
    assert len(first) == len(again)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, fresh, strict=False)
    )


def test_a_check_leaves_the_students_random_stream_alone():
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    judging.judge(
        "00.mean_and_std", lambda x: (x.mean() + torch.randn(()) * 0, x.std(correction=0))
    )
    assert torch.equal(torch.randn(3), expected)


def test_a_check_computes_on_one_thread_and_gives_the_others_back():
    seen, before = set(), torch.get_num_threads()

    def looks(x):
        seen.add(torch.get_num_threads())
        return x.mean(), x.std(correction=0)

    torch.set_num_threads(2)
    try:
        assert judging.judge("00.mean_and_std", looks).passed
        assert seen == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_check_takes_torch_as_it_comes_and_leaves_it_as_it_was():
    """An answer, or a cell above it, that makes float64 the default harms no other answer."""

    def sets_double(x):
        torch.set_default_dtype(torch.float64)
        return x.mean(), x.std(correction=0)

    right = verify.answers(find_root(), "03")["03.train"].right[0]
    assert check("00.mean_and_std", sets_double).passed
    assert torch.get_default_dtype() == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert check("03.train", right).passed
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_sizes_are_different_and_above_one():
    for seed in range(50):
        sizes = Draw(seed).sizes(4)
        assert len(set(sizes)) == 4 and min(sizes) > 1


def test_agree_accepts_rounding_and_nothing_more():
    x = torch.tensor([1.0, 1000.0])
    assert agree(x + 1e-4, x) and not agree(x + 1.0, x)
    assert agree(x.double() + 1e-6, x.double()) and not agree(x.double() + 1e-4, x.double())
    assert agree(torch.tensor([torch.nan]), torch.tensor([torch.nan]))
    assert not agree(torch.tensor([torch.nan]), torch.tensor([1.0]))


@pytest.mark.parametrize(
    ("off", "alike", "repeats"), [(1e-14, True, True), (1e-9, True, False), (1e-3, False, False)]
)
def test_answers_are_the_same_by_one_rule_and_repeated_ones_to_rounding(off, alike, repeats):
    x = torch.tensor([1.0, -2.0, torch.inf], dtype=torch.float64)
    one, other = (x, 3, x.sum()), (x + off, 3, x.sum())
    assert judging._same(one, other, judging._closely) == alike
    assert judging._same(one, other, judging._to_rounding) == repeats
    for different in (other[:2], (x, 4, x.sum()), (x[:2], 3, x.sum()), (x.float(), 3, x.sum())):
        assert not judging._same(different, one, judging._closely)
        assert not judging._same(different, one, judging._to_rounding)


def test_what_fails_narrowly_is_no_mistake_that_is_right_so_far():
    """log(det) of a few dimensions is right, and a jitter that just fails is not to be named so."""

    def with_jitter(x, mean, cov):
        more = cov + 1e-3 * torch.eye(len(cov), dtype=cov.dtype)
        return torch.distributions.MultivariateNormal(mean, more).log_prob(x)

    told = {check("02.gaussian_log_prob", with_jitter, seed).misconception for seed in range(20)}
    assert told <= {"wrong-shape-of-peak", "small-variances"}


def test_a_law_that_fails_by_rounding_in_single_precision_says_so():
    """Not that the formula is wrong. A difference ten times larger is the formula's."""
    x = torch.tensor([3.0, 700.0], dtype=torch.float64)
    root = torch.sqrt(torch.tensor(2.0))  # in single precision
    law(near(x * root, x * 2**0.5), "The factor is not the root of 2.")
    for off, slug in ((x * root, "single-precision"), (x * 2**0.5 + 2e-2, "the-law's-own")):
        with pytest.raises(contract.Wrong) as wrong:
            law(agree(off, x * 2**0.5), "The factor is not the root of 2.", "the-law's-own")
        assert wrong.value.slug == slug
    law(agree(x.float() * root, (x * 2**0.5).float()), "In single precision this is rounding.")


@pytest.mark.parametrize(
    ("name", "answer"), [("01.langevin_step", "kick"), ("02.fit_gaussian", "cov")]
)
def test_no_law_accuses_a_formula_of_what_rounding_did(name, answer):
    """Whatever the law, under any seed: an answer in single precision is told that, or passes."""

    def langevin_step(x, force, dt, kT, friction, noise):
        amplitude = torch.sqrt(torch.tensor(2 * kT * dt / friction))
        return x + force * dt / friction + amplitude * noise

    def fit_gaussian(x):
        x32 = x.float()
        mean = x32.mean(0)
        centred = x32 - mean
        return mean.to(x.dtype), (centred.T @ centred / len(x)).to(x.dtype)

    function = {"01": langevin_step, "02": fit_gaussian}[name[:2]]
    for seed in range(12):
        result = judging.judge(name, function, seed)
        assert result.passed or result.misconception == "single-precision", result.message


# --- signatures -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "args", "shapes"),
    [
        ("x (N, D) -> (N,)", (torch.zeros(3, 2),), [(3,)]),
        ("z (S, K) -> (S, 2K)", (torch.zeros(3, 2),), [(3, 4)]),
        ("x (N, D), k int -> (D,), (k, D)", (torch.zeros(5, 4), 2), [(4,), (2, 4)]),
        ("x (B, ...), m (B, ...) -> (B,)", (torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)), [(3,)]),
        ("e (..., B, K) -> (..., B, K)", (torch.zeros(7, 6, 3, 2),), [(7, 6, 3, 2)]),
        ("delta (n, n) -> (2, n, n)", (torch.zeros(4, 4),), [(2, 4, 4)]),
        ("mu (N, K), t float -> (K,) bool", (torch.zeros(3, 2), 0.1), [(2,)]),
        ("state int, start int -> int", (5, 3), [()]),
        ("predict function, x0 (B, ...) -> ()", (abs, torch.zeros(3, 2)), [()]),
    ],
)
def test_signatures_give_the_shapes(text, args, shapes):
    assert parse(text).expected_shapes(args) == shapes


def test_signatures_refuse_nonsense():
    with pytest.raises(ValueError, match="cannot read"):
        parse("x (N, D)")
    with pytest.raises(ValueError, match="axis n"):
        parse("x (n, n) -> (n,)").expected_shapes((torch.zeros(3, 2),))


# --- check, hint, progress, yours_or_ours ---------------------------------------------------


@pytest.fixture
def own_progress(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS_FILE", str(path))
    return path


def test_check_shows_and_returns_the_result(own_progress, capsys):
    result = check("01.inverse_cdf", lambda u: 2 * u - 1)
    assert not result.passed and result.misconception == "flat-density"
    assert str(result) in capsys.readouterr().out
    assert "flat density" in result.message


def test_a_card_is_escaped_and_never_holds_the_seed():
    def markup(x):
        raise ValueError("<script>alert(1)</script>")

    result = judging.judge("00.mean_and_std", markup, seed=123456)
    assert "<script>" not in result._repr_html_()
    assert "123456" not in result._repr_html_() + str(result)


SCRIPT = """\
from course_utils.exercises import check, hint, progress
check("00.mean_and_std", lambda x: (x.mean(), x.std(correction=0)))
print(check("00.mean_and_std", lambda x: (x.mean(), x.std())))
check("00.mean_and_std", lambda x: None)
check("00.mean_and_std", lambda x: open("\\u221a"))
hint("00.mean_and_std")
print(progress())
"""


@pytest.mark.parametrize(
    ("encoding", "marks"), [("utf-8", ("✓ ", "✗ ")), ("cp1252", ("", "")), ("ascii", ("", ""))]
)
def test_output_without_check_marks_is_printed_without_them(encoding, marks, tmp_path):
    """A script whose output is redirected on a machine with an old code page."""
    progress_file = str(tmp_path / "progress.json")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        env={
            **os.environ,
            "PYTHONIOENCODING": encoding,
            "PYTHONUTF8": "0",
            "COURSE_PROGRESS_FILE": progress_file,
        },
    )
    assert done.returncode == 0, done.stderr.decode(encoding)
    lines = done.stdout.decode(encoding).splitlines()
    assert lines[0].startswith(f"{marks[0]}00.mean_and_std: passed.")
    assert lines[2].startswith(f"{marks[1]}00.mean_and_std: not yet.")
    (row,) = [line for line in lines if line.startswith("00  ")]
    assert row == ("00  ✓ mean_and_std" if marks[0] else "00  mean_and_std (passed)")


def test_unknown_names_are_refused_with_an_offer(own_progress):
    for call in (lambda n: check(n, right), hint, lambda n: yours_or_ours(n, right)):
        with pytest.raises(ValueError, match=r"Did you mean 01\.inverse_cdf"):
            call("01.inverse_cfd")


def test_hints_come_one_after_the_other_and_the_first_again_says_so(capsys, monkeypatch):
    monkeypatch.setattr(exercises, "_hints_given", {})
    hints = registry.get("01.langevin_step").hints
    count = len(hints)
    for _ in range(2 * count + 1):
        hint("01.langevin_step")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * count + 1
    for i, line in enumerate(lines):
        assert line.startswith(f"Hint {i % count + 1} of {count} ") and hints[i % count] in line
        assert ("That was the last hint" in line) == (i in (count, 2 * count))


def test_progress_keeps_what_was_passed(own_progress, capsys):
    assert progress().passed == 0 and progress().total == len(registry.names())
    check("00.mean_and_std", right)
    check("00.mean_and_std", lambda x: None)
    check("01.inverse_cdf", lambda u: 2 * u - 1)
    now = progress()
    assert now.passed == 1
    assert now.lectures["00"]["00.mean_and_std"] == "passed"
    assert now.lectures["01"]["01.inverse_cdf"] == "wrong"
    assert json.loads(own_progress.read_text())["00.mean_and_std"]["attempts"] == 1
    assert "1 of" in repr(now) and "1 of" in now._repr_html_()


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"00.mean_and_std": 3}', "\x00\x01"])
def test_a_damaged_progress_file_is_no_obstacle(own_progress, content, capsys):
    own_progress.write_text(content)
    assert progress().passed == 0
    check("00.mean_and_std", right)
    assert progress().passed == 1


def test_nothing_is_written_outside_a_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("COURSE_PROGRESS_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    check("00.mean_and_std", right)
    assert record.progress_file() is None and list(tmp_path.iterdir()) == []


# --- what the grader refuses, a notebook refuses ----------------------------------------------


def in_a_notebook(sources, folder):
    """The names that cells leave behind. What looks for the grader's code looks for this one's."""
    names = {"__name__": "__main__", "torch": torch}
    for i, source in enumerate(sources):
        source = source.replace("/tmp/", f"{folder}/").replace("course_worker", "course_utils")
        exec(compile(source, f"<cell {i}>", "exec"), names)
    return names


def judged_apart(exercise, sources, folder, seeds):
    """In a child, since some of them change what every check uses."""

    def inside():
        answer = in_a_notebook(sources, folder)[exercise[3:]]
        return [check(exercise, answer, seed) for seed in range(seeds)]

    return children.forked(inside, 100)


FORKS = pytest.mark.skipif(not children.can_fork(), reason="needs a system that can fork")


@FORKS
@pytest.mark.parametrize("name", [n for n in classes.ATTACKS if n not in classes.ON_THE_PROCESS])
def test_a_trick_of_a_class_or_a_loop_is_told_in_the_notebook_too(name, own_progress, tmp_path):
    exercise, source, _ = classes.ATTACKS[name]
    for result in judged_apart(exercise, [source], tmp_path, 1 if exercise == "06.VAE" else 3):
        assert result.status in ("wrong", "error"), result


@FORKS
@pytest.mark.parametrize("name", forging.ANSWERS)
def test_a_forged_answer_is_told_in_the_notebook_too(name, own_progress, tmp_path):
    for result in judged_apart("00.mean_and_std", forging.ATTACKS[name], tmp_path, 3):
        assert result.status in ("wrong", "error"), result


# --- answers stand on torch, numpy and themselves ---------------------------------------------


def by_its_name(mu, log_var):
    return inference.gaussian_kl(mu, log_var)


def imported_inside(mu, log_var):
    from course_utils.inference import gaussian_kl as something_else

    return something_else(mu, log_var)


def in_a_thread(mu, log_var):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(inference.gaussian_kl, mu, log_var).result()


def by_a_method(mu, log_var):
    gaussian = gaussians.Gaussian(torch.zeros(2), torch.eye(2))
    return own_kl(mu, log_var) + 0 * gaussian.mean.sum()


class Called:
    kl = functools.partial(inference.gaussian_kl)

    def __call__(self, mu, log_var):
        return self.kl(mu, log_var)


def own_kl(mu, log_var):
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(-1)


def with_a_constant(mu, log_var):
    return own_kl(mu, log_var) + 0 * model.LOG_VAR_RANGE[0]


@pytest.mark.parametrize(
    ("function", "called"),
    [
        (by_its_name, "gaussian_kl"),
        (imported_inside, "gaussian_kl"),
        (in_a_thread, "gaussian_kl"),
        (by_a_method, "densities.gaussians"),
        (Called(), "gaussian_kl"),
    ],
)
def test_an_answer_that_calls_the_package_is_told(function, called):
    result = judging.judge("04.gaussian_kl", function, seed=0)
    assert (result.status, result.misconception) == ("error", leaning.LEANS), result.message
    assert re.search(rf"calls `course_utils\.[a-z.]*{called}", result.message)
    assert result.message.endswith("(constants may be used).")


def test_a_class_that_inherits_from_the_package_is_told():
    class Mine(model.Decoder):
        pass

    watch = leaning.Watch()
    LocalFunction(lambda: Mine(torch.nn.Identity()), watch).run((script.make("model"),))
    assert watch.called == "course_utils.vae.model.Decoder.__init__"


def test_what_calls_nothing_is_not(own_progress, capsys):
    assert judging.judge("04.gaussian_kl", with_a_constant, seed=0).passed
    assert check("04.gaussian_kl", own_kl).passed
    through = yours_or_ours("04.gaussian_kl", own_kl)  # converts, and computes nothing
    assert judging.judge("04.gaussian_kl", lambda mu, lv: through(mu, lv), seed=0).passed
    assert sys.getprofile() is None and threading.getprofile() is None


@pytest.mark.parametrize("wrap", [lambda f: f, functools.partial])
def test_the_courses_own_version_is_no_answer(wrap, own_progress, capsys):
    theirs = wrap(inference.gaussian_kl)
    result = check("04.gaussian_kl", theirs)
    assert (result.status, result.misconception) == ("error", leaning.LEANS)
    assert yours_or_ours("04.gaussian_kl", theirs) is inference.gaussian_kl


def test_yours_or_ours_trusts_only_what_has_passed(own_progress, capsys):
    def mine(u):
        half = 4 * u - 2
        root = (half.square() + 1).sqrt()
        a = half.abs() + root  # cancels for neither sign
        return half.sign() * (a ** (1 / 3) - a ** (-1 / 3))

    assert yours_or_ours("01.inverse_cdf", mine) is collider.inverse_cdf
    check("01.inverse_cdf", mine)
    assert yours_or_ours("01.inverse_cdf", mine).__wrapped__ is mine
    assert yours_or_ours("01.inverse_cdf", lambda u: 2 * u - 1) is collider.inverse_cdf


def test_yours_is_handed_on_in_the_types_of_the_exercise(own_progress, capsys):
    def mine(eigenvalues, k):
        return float(eigenvalues.double().sort().values[: len(eigenvalues) - k].sum())

    assert check("03.discarded_variance", mine).passed
    handed_on = yours_or_ours("03.discarded_variance", mine)
    for dtype in (torch.float32, torch.float64):
        value = handed_on(torch.tensor([1.0, 2.0, 4.0], dtype=dtype), k=1)
        assert value.dtype == dtype and value.shape == () and value == 3
