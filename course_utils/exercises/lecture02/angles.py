"""Events of the collider to judge by: p(c) = 3/8 (1 + c^2) + A_FB c on [-1, 1]."""

import torch
from torch import Tensor

from ..draw import Draw


def density(c: Tensor, a_fb: Tensor | float) -> Tensor:
    return 3 / 8 * (1 + c**2) + a_fb * c


def slope(c: Tensor, a_fb: Tensor) -> Tensor:
    """The derivative of the log-likelihood with respect to A_FB, 0-d."""
    return (c / density(c, a_fb)).sum()


def information(c: Tensor, a_fb: Tensor) -> Tensor:
    """Minus its second derivative, 0-d."""
    return (c / density(c, a_fb)).square().sum()


def derivatives(c: Tensor, a_fb: Tensor) -> tuple[Tensor, Tensor]:
    """First and minus second derivative by autograd, in double precision."""
    c, a = c.double(), a_fb.detach().double().requires_grad_()
    (first,) = torch.autograd.grad(density(c, a).log().sum(), a, create_graph=True)
    (second,) = torch.autograd.grad(first, a)
    return first.detach(), -second


def expected_information(a_fb: Tensor) -> Tensor:
    """integral of c^2 / p(c) over [-1, 1], of one event, by the midpoint rule."""
    edges = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    c = (edges[1:] + edges[:-1]) / 2
    return (c**2 / density(c, a_fb.double())).mean() * 2


def events(n: int, a_fb: float, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """n cosines from p(c), by rejection: p is at most 3/2."""
    c, height = (draw.uniform(low, high, 4 * n + 200) for low, high in ((-1, 1), (0, 1.5)))
    return c[height < density(c, a_fb)][:n].to(dtype)
