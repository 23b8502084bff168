"""After `begin`, a lecture draws the same numbers again."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from course_utils.reproducible import begin


@pytest.fixture(autouse=True)
def threads_and_draws_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


def draws(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a lecture draws with its generator, and the first weights of a layer."""
    generator = begin(seed)
    return torch.randn(5, generator=generator), nn.Linear(4, 3).weight.detach()


def test_a_second_run_draws_the_same() -> None:
    for first, second in zip(draws(3), draws(3), strict=True):
        assert torch.equal(first, second)
    for first, other in zip(draws(3), draws(4), strict=True):
        assert not torch.equal(first, other)


def test_one_thread() -> None:
    torch.set_num_threads(2)
    begin(0)
    assert torch.get_num_threads() == 1


def test_what_draws_without_the_generator_leaves_it_alone() -> None:
    quiet = torch.randn(5, generator=begin(3))
    generator = begin(3)
    free = torch.randn(5)
    assert torch.equal(torch.randn(5, generator=generator), quiet)
    assert not torch.equal(free, quiet)
