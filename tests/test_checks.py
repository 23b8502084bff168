"""What is refused at an entrance: the checks themselves, and that NaN fails every one of them."""

import math

import pytest
import torch

from course_utils import checks

NAN = torch.tensor([0.5, math.nan])


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: checks.finite(x=NAN), "x holds NaN or infinite values in 1 of 2 places"),
        (lambda: checks.finite(x=torch.tensor([math.inf, -math.inf])), "in 2 of 2 places"),
        (lambda: checks.not_nan(x=NAN), "x holds NaN"),
        (lambda: checks.between(0, 1, x=NAN), r"\[0, 1\], and is NaN in places"),
        (lambda: checks.probabilities(p=NAN), "sum to 1"),
        (lambda: checks.weights(NAN), "sum to 1"),
        (lambda: checks.positive(a=math.nan), "a must be positive"),
        (lambda: checks.not_negative(a=math.nan), "a must not be negative"),
        (lambda: checks.domain(NAN), "NaN or infinite"),
        (lambda: checks.whole(n=2.5), "n must be a whole number, got 2.5"),
        (lambda: checks.whole(n=True), "whole number, got True"),
        (lambda: checks.whole(n=0), "at least 1, got 0"),
        (lambda: checks.index(3, t=-1), "t counts from 0, whole numbers below 3, and is -1"),
        (lambda: checks.index(3, t=torch.tensor([0, 3])), "is 0 to 3"),
        (lambda: checks.alike(a=torch.ones(3), b=torch.ones(3, 1)), r"a \(3,\) and b \(3, 1\)"),
        (
            lambda: checks.fits_into("a", a=torch.ones(3), b=torch.ones(3, 1)),
            "do not fit together",
        ),
        (lambda: checks.symmetric(c=torch.tensor([[1.0, 2.0], [0.0, 1.0]])), "up to 2"),
        (lambda: checks.same_dtype(x=NAN, y=NAN.double()), "x in torch.float32 and y in"),
        (lambda: checks.floating(x=torch.ones(2, dtype=torch.long)), "not torch.int64: try"),
    ],
)
def test_each_check_says_one_sentence(check, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        check()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_what_is_right_passes() -> None:
    x = torch.tensor([[0.25, 0.75]])
    checks.finite(x=x, large=torch.full((2,), 3e38), none=x[:0], whole=torch.arange(3))
    checks.not_nan(x=torch.tensor([-math.inf]))
    checks.between(0, 1, x=x)
    checks.probabilities(p=x)
    checks.weights(x.log())
    checks.index(3, t=torch.tensor([0, 2]))
    checks.whole(n=torch.tensor(3), m=4)
    checks.fits_into("a", a=torch.ones(2, 3), b=torch.ones(3))
    checks.symmetric(c=torch.eye(2))
    checks.domain(x)
    checks.domain(torch.tensor([0.0, 16.0]), 16, whole=True)
    assert checks.as_floats(torch.ones(2, dtype=torch.long)).dtype == torch.float32


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ([0.0, 16.0], r"for counts there is Binomial\(16\)"),
        ([0.0, -1.0], r"there is Gaussian\(\)"),
        ([0.5, 1.5], r"there is Gaussian\(\)"),
    ],
)
def test_the_likelihood_that_fits_is_named(data: list[float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        checks.domain(torch.tensor(data))
    with pytest.raises(ValueError, match=r"there is Bernoulli\(\)"):
        checks.domain(torch.tensor([0.5]), 16, whole=True)
