"""Autoregressive models: p(x) = prod_d p(x_d | x_1 ... x_(d-1)), all factors from one network.

The network is masked: output d is connected to inputs before d and to no other, so that one pass
gives every factor (Germain, Gregor, Murray and Larochelle 2015). A draw needs D passes, one for
each coordinate.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..densities import standard_normal
from ..inference import normal_log_prob

MIN_LOG_SIGMA = -6.0  # a narrower component would sit on a single training point


def masked_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer in which entry d of the result sees x_1 ... x_(d-1), and no other.

    out_d = bias_d + sum_{k < d} weight_dk x_k. With a sigmoid it is the simplest autoregressive
    model, a logistic regression of every entry on those before it (Frey, Hinton and Dayan 1996).

    Args:
        x: (..., D).
        weight: [out, in], (D, D); the diagonal and all above it are not used.
        bias: (D,).

    Returns:
        (..., D).

    >>> x, weight = torch.tensor([[1.0, 2.0, 4.0]]), torch.ones(3, 3)
    >>> masked_linear(x, weight, torch.tensor([0.5, 0.0, 0.0]))
    tensor([[0.5000, 1.0000, 3.0000]])
    """
    return F.linear(x, weight.tril(-1), bias)


class MaskedLinear(nn.Module):
    """x -> (mask * W) x + b: a linear layer with some connections cut.

    Args:
        mask: (outputs, inputs), 1 where connected.
        generator: of the initial weights, uniform in +-1/sqrt(inputs).
    """

    mask: Tensor

    def __init__(self, mask: Tensor, *, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float())
        bound = mask.shape[1] ** -0.5
        self.weight = nn.Parameter(
            torch.empty(mask.shape).uniform_(-bound, bound, generator=generator)
        )
        self.bias = nn.Parameter(
            torch.empty(len(mask)).uniform_(-bound, bound, generator=generator)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return self.part(x, slice(None))

    def part(self, x: Tensor, outputs: slice) -> Tensor:
        """Some of the outputs, from the first k inputs (..., k); the others count as 0."""
        weight, mask = (w[outputs, : x.shape[-1]] for w in (self.weight, self.mask))
        return F.linear(x, weight * mask, self.bias[outputs])


class MaskedNetwork(nn.Module):
    """A multilayer perceptron whose outputs for coordinate d see x_1 ... x_(d-1) only.

    Each hidden unit carries a number m from 1 to D - 1 and sees x_1 ... x_m: it is connected to
    units of the layer below with numbers up to m, and to outputs of coordinates after m. Germain
    et al. 2015, equations 8 and 9. Inputs are connected to later outputs directly, too.

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        per_coordinate: P, outputs for each coordinate.
        generator: of the initial weights.
    """

    def __init__(
        self,
        data_dim: int,
        hidden: Sequence[int],
        per_coordinate: int = 1,
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if min(data_dim, per_coordinate, *hidden) < 1:
            raise ValueError(f"Dimensions and widths must be at least 1: {data_dim}, {hidden}.")
        inputs = torch.arange(1, data_dim + 1)
        outputs = inputs.repeat_interleave(per_coordinate)  # (D P,)
        units = [inputs, *(1 + torch.arange(h) % max(1, data_dim - 1) for h in hidden)]
        layers: list[nn.Module] = []
        for below, above in pairwise(units):
            layers += [MaskedLinear(above[:, None] >= below, generator=generator), nn.SiLU()]
        # Strictly: the output of coordinate d must not see x_d itself.
        layers.append(MaskedLinear(outputs[:, None] > units[-1], generator=generator))
        self.layers = nn.Sequential(*layers)
        self.direct = MaskedLinear(outputs[:, None] > inputs, generator=generator)
        self.data_dim, self.per_coordinate = data_dim, per_coordinate

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D, P)."""
        if x.shape[-1] != self.data_dim:
            raise ValueError(f"x must be (..., {self.data_dim}), got {tuple(x.shape)}.")
        return (self.layers(x) + self.direct(x)).unflatten(-1, (self.data_dim, -1))

    def at(self, x: Tensor, d: int) -> Tensor:
        """The outputs of one coordinate, (..., D) -> (..., P), without what it does not see."""
        layers: list[Any] = list(self.layers)
        before = hidden = x[..., :d]
        for layer in layers[:-1]:
            hidden = layer(hidden)
        own = slice(d * self.per_coordinate, (d + 1) * self.per_coordinate)
        return layers[-1].part(hidden, own) + self.direct.part(before, own)

    @property
    def n_parameters(self) -> int:
        """How many numbers are fitted; weights that the mask cuts do not count."""
        masked = [layer for layer in self.modules() if isinstance(layer, MaskedLinear)]
        return sum(int(layer.mask.sum()) + len(layer.bias) for layer in masked)


class CoinByCoin(nn.Module):
    """Binary x: p(x_d = 1 | x_1 ... x_(d-1)) = sigmoid(logit_d), exact log-probability.

    What the logits are, a subclass says: logit d a function of the coordinates before d.

    Args:
        data_dim: D.
    """

    def __init__(self, data_dim: int) -> None:
        super().__init__()
        self.data_dim = data_dim

    def logits(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        raise NotImplementedError

    def logit(self, x: Tensor, d: int) -> Tensor:
        """That of one coordinate, (B, D) -> (B,); a subclass may spare itself the others."""
        return self.logits(x)[:, d]

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_theta(x) = sum_d log p(x_d | x_1 ... x_(d-1)), in one pass.

        Args:
            x: 0 and 1, (..., D).

        Returns:
            nats, (...).
        """
        return -F.binary_cross_entropy_with_logits(self.logits(x), x, reduction="none").sum(dim=-1)

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw coordinate by coordinate, each given those before it: (n, D), 0 and 1."""
        x = _zeros(n, self)
        for d in tqdm(range(self.data_dim), desc="pixels", delay=2, leave=False):
            u = torch.rand(n, generator=generator, dtype=x.dtype, device=generator.device)
            x[:, d] = (u.to(x.device) < self.logit(x, d).sigmoid()).to(x.dtype)
        return x


class FullyVisible(CoinByCoin):
    """One logistic regression for every pixel, on the pixels before it: no hidden unit at all.

    Frey, Hinton and Dayan 1996: a fully visible sigmoid belief network.

    Args:
        data_dim: D.
        layer: (x (B, D), weight (D, D), bias (D,)) -> logits (B, D), as `masked_linear`.
    """

    def __init__(
        self, data_dim: int, layer: Callable[[Tensor, Tensor, Tensor], Tensor] = masked_linear
    ) -> None:
        super().__init__(data_dim)
        self.layer = layer
        self.weight = nn.Parameter(torch.zeros(data_dim, data_dim))
        self.bias = nn.Parameter(torch.zeros(data_dim))

    def logits(self, x: Tensor) -> Tensor:
        return self.layer(x, self.weight, self.bias)

    @property
    def n_parameters(self) -> int:
        """How many numbers are fitted; weights that the mask cuts do not count."""
        return self.data_dim * (self.data_dim - 1) // 2 + self.data_dim


class Made(CoinByCoin):
    """A masked network with hidden layers gives all logits in one pass (Germain et al. 2015).

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        generator: of the initial weights.
    """

    def __init__(
        self, data_dim: int, hidden: Sequence[int] = (512,), *, generator: torch.Generator
    ) -> None:
        super().__init__(data_dim)
        self.network = MaskedNetwork(data_dim, hidden, generator=generator)

    def logits(self, x: Tensor) -> Tensor:
        return self.network(x).squeeze(-1)  # (..., D, 1) -> (..., D)

    def logit(self, x: Tensor, d: int) -> Tensor:
        return self.network.at(x, d).squeeze(-1)

    @property
    def n_parameters(self) -> int:
        """How many numbers are fitted; weights that the mask cuts do not count."""
        return self.network.n_parameters


class MixtureMade(nn.Module):
    """Real x: each p(x_d | x_1 ... x_(d-1)) is a mixture of M Gaussians.

    p(x_d | before) = sum_m w_m N(x_d; mu_m, sigma_m^2), with w, mu, sigma from the network. Uria,
    Murray and Larochelle 2013.

    Args:
        data_dim: D.
        components: M.
        hidden: widths of the hidden layers.
        generator: of the initial weights.
    """

    def __init__(
        self,
        data_dim: int,
        components: int = 8,
        hidden: Sequence[int] = (64, 64),
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network = MaskedNetwork(data_dim, hidden, 3 * components, generator=generator)
        self.data_dim = data_dim
        # Components that start at one place would stay together.
        self.register_buffer("start", torch.linspace(-2, 2, components))

    def mixtures(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., D) -> log w, mu and log sigma of all conditionals, each (..., D, M)."""
        log_w, mu, log_sigma = self.network(x).chunk(3, dim=-1)
        log_sigma = MIN_LOG_SIGMA + F.softplus(log_sigma - MIN_LOG_SIGMA - 1)
        return log_w.log_softmax(dim=-1), self.start + mu, log_sigma

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_theta(x) = sum_d log p(x_d | x_1 ... x_(d-1)), in one pass.

        Args:
            x: data, (..., D).

        Returns:
            nats, (...).
        """
        log_w, mu, log_sigma = self.mixtures(x)
        log_joint = log_w + normal_log_prob(
            x[..., None, None], mu[..., None], 2 * log_sigma[..., None]
        )
        return log_joint.logsumexp(dim=-1).sum(dim=-1)

    @property
    def n_parameters(self) -> int:
        """How many numbers are fitted; weights that the mask cuts do not count."""
        return self.network.n_parameters

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw coordinate by coordinate, each given those before it: (n, D)."""
        x = _zeros(n, self)
        for d in range(self.data_dim):
            log_w, mu, log_sigma = (part[:, d] for part in self.mixtures(x))  # (n, M)
            m = torch.multinomial(log_w.exp(), 1, generator=generator)  # (n, 1)
            noise = standard_normal((n, 1), x, generator)
            x[:, d] = (mu.gather(1, m) + log_sigma.gather(1, m).exp() * noise)[:, 0]
        return x


def _zeros(n: int, model: Any) -> Tensor:
    """An empty batch (n, D): what is not drawn yet is not looked at."""
    return next(model.parameters()).new_zeros(n, model.data_dim)
