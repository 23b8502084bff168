"""Averages and their errors, against numbers done by hand and by repetition."""

import math

import pytest
import torch

from course_utils.estimates import mean_and_error, mean_and_std


def test_by_hand():
    mean, std = mean_and_std(torch.tensor([1.0, 3.0, 5.0]))
    assert float(mean) == 3.0 and float(std) == pytest.approx(math.sqrt(8 / 3))
    assert mean_and_error(torch.tensor([1, 3])) == (
        2.0,
        1.0,
    )  # std sqrt(2), error sqrt(2) / sqrt(2)
    assert mean_and_error(torch.tensor([True, False]))[0] == 0.5


def test_the_error_is_the_spread_of_means():
    x = torch.randn(4000, 25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    means, errors = torch.tensor([mean_and_error(row) for row in x], dtype=torch.float64).T
    # <error^2> is 1/25 exactly; its relative standard error is sqrt(2 / 24 / 4000) = 0.0046, and
    # five of them are a false alarm in two million. The spread of the means has 0.011.
    assert float((errors**2).mean()) == pytest.approx(1 / 25, rel=5 * 0.0046)
    assert float(means.std()) == pytest.approx(1 / 5, rel=5 * 0.011)


@pytest.mark.parametrize("x", [torch.zeros(1), torch.zeros(2, 2), torch.zeros(())])
def test_refuses_what_has_no_error(x):
    with pytest.raises(ValueError, match="two or more draws"):
        mean_and_error(x)
