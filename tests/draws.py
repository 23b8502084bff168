"""Random numbers for tests: the same ones for the same seed."""

import torch
from torch import Tensor


def seeded(seed: int = 0) -> torch.Generator:
    """A generator at the beginning of its stream."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal numbers, drawn in double precision whatever dtype they come in."""
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64).to(dtype)
