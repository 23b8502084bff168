"""Averages of random numbers, with the error that every Monte Carlo estimate carries."""

from torch import Tensor


def mean_and_std(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of numbers, the deviation with 1/N.

    Args:
        x: (N,).

    Returns:
        Two 0-d tensors.
    """
    return x.mean(), x.std(correction=0)


def mean_and_error(x: Tensor) -> tuple[float, float]:
    """Mean of independent draws and its standard error, sqrt(sum (x - mean)^2 / (N (N - 1))).

    Args:
        x: independent draws, (N,), N >= 2; bool and integers count as numbers.

    Returns:
        Two Python floats, computed in float64.

    Raises:
        ValueError: for fewer than two draws, whose error is unknown.
    """
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(
            f"mean_and_error needs a vector of two or more draws, got {tuple(x.shape)}."
        )
    x = x.double()
    return float(x.mean()), float(x.std() / len(x) ** 0.5)
