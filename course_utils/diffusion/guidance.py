"""A diffusion that is told what to draw: a network with a label, and classifier-free guidance."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .denoisers import level_waves
from .schedule import Denoiser

Conditional = Callable[[Tensor, Tensor, Tensor], Tensor]  # x (B, D), level (B,), label (B,)


class LabelledNetwork(nn.Module):
    """(x (B, D), alpha_bar (B,), label (B,)) -> (B, D): a velocity, or the noise in x.

    A network F predicts how fast x moves on a path between data and noise. On the curved path of
    diffusion, x = sqrt(alpha_bar) x_data + sqrt(1 - alpha_bar) eps, that is
    sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_data, so that

        eps_hat = sqrt(1 - alpha_bar) x + sqrt(alpha_bar) F(x, log-SNR, label),

    which is right for any F where all is noise (Salimans and Ho 2022, appendix D).

    Residual blocks, each of which is also shown the noise level and the label. One label more than
    there are classes, `nothing`, stands for "not told": a share of the training is done with it, so
    that one network is the conditional and the unconditional model.

    Args:
        data_dim: D.
        classes: labels 0 to classes - 1.
        width: of the residual stream.
        blocks: how many.
        frequencies: waves of the log-SNR, see `NoisePredictor`.
        predicts: "noise", or "velocity" for flow matching: F itself.
        generator: of the initial weights.

    Raises:
        ValueError: if predicts is neither.
    """

    def __init__(
        self,
        data_dim: int,
        classes: int,
        *,
        predicts: str = "noise",
        width: int = 192,
        blocks: int = 3,
        frequencies: int = 6,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if predicts not in ("noise", "velocity"):
            raise ValueError(f'predicts must be "noise" or "velocity", got {predicts!r}.')
        self.classes, self.frequencies, self.predicts = classes, frequencies, predicts

        def linear(inputs: int, outputs: int, scale: float = 1.0) -> nn.Linear:
            layer = nn.Linear(inputs, outputs, device=generator.device)
            bound = scale * inputs**-0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
            return layer

        self.read, self.write = linear(data_dim, width), linear(width, data_dim, 0.1)
        self.told = linear(2 * frequencies + classes + 1, width)
        self.inner = nn.ModuleList(linear(width, width) for _ in range(blocks))
        self.outer = nn.ModuleList(linear(width, width, 0.1) for _ in range(blocks))

    @property
    def nothing(self) -> int:
        """The label of "not told"."""
        return self.classes

    def forward(self, x: Tensor, alpha_bar: Tensor, label: Tensor) -> Tensor:
        waves = level_waves(alpha_bar, self.frequencies)
        told = self.told(torch.cat([waves, F.one_hot(label, self.classes + 1).to(x)], dim=1))
        h = self.read(x)
        for inner, outer in zip(self.inner, self.outer, strict=True):
            h = h + outer(F.silu(inner(F.silu(h + told))))
        velocity = self.write(F.silu(h))
        if self.predicts == "velocity":
            return velocity
        share = alpha_bar[:, None]
        return (1 - share).sqrt() * x + share.sqrt() * velocity


def guided_noise(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance: what the label changes in the predicted noise, `scale` times.

    eps = eps_unconditional + scale (eps_conditional - eps_unconditional): the score of
    log p(x) + scale log p(label | x). Scale 0 is the unconditional model and 1 the conditional one;
    the weight w of Ho and Salimans 2022, equation 6, is scale - 1.

    Args:
        eps_conditional, eps_unconditional: (B, ...).
        scale: any number.

    Returns:
        (B, ...).
    """
    return eps_unconditional + scale * (eps_conditional - eps_unconditional)


def guided(
    conditional: Conditional,
    unconditional: Denoiser,
    label: Tensor,
    scale: float,
    combine: Callable[[Tensor, Tensor, float], Tensor] = guided_noise,
) -> Denoiser:
    """A denoiser for samplers: it draws what it is told, as firmly as `scale` says.

    Args:
        conditional: (x, alpha_bar, label) -> eps_hat, or a velocity of flow matching.
        unconditional: (x, alpha_bar) -> the same.
        label: (B,), one for each sample.
        scale: see `guided_noise`.
        combine: of both predictions.
    """
    if not math.isfinite(scale):
        raise ValueError(f"scale must be a finite number, got {scale}.")

    def denoiser(x: Tensor, alpha_bar: Tensor) -> Tensor:
        told = conditional(x, alpha_bar, label)
        return told if scale == 1 else combine(told, unconditional(x, alpha_bar), scale)

    return denoiser


def forget_labels(label: Tensor, nothing: int, share: float, generator: torch.Generator) -> Tensor:
    """The labels (B,), a share of them replaced by `nothing`: training for guidance.

    Ho and Salimans 2022, algorithm 1.
    """
    u = torch.rand(label.shape, generator=generator, device=generator.device)
    return torch.where(u.to(label.device) < share, nothing, label)
