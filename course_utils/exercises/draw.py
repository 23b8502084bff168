"""Fresh random inputs for a check, repeatable by a seed."""

import torch
from torch import Tensor


class Draw:
    """Fresh random inputs for a check, repeatable by the seed."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number between low and high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def sizes(self, count: int, low: int = 2, high: int = 9) -> list[int]:
        """Different whole numbers, so that no two axes can be confused."""
        order = torch.randperm(high - low + 1, generator=self.generator)
        return [low + int(i) for i in order[:count]]

    def number(self, low: float, high: float) -> float:
        """A Python float, uniform between low and high."""
        return float(self.uniform(low, high, dtype=torch.float64))

    def uniform(
        self, low: float, high: float, *shape: int, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Uniform numbers of the given shape."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, dtype=dtype)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal numbers of the given shape."""
        return torch.randn(shape, generator=self.generator, dtype=dtype)
