"""How many nats a picture is worth: Shannon's limit, beta-VAEs on it, disentangled latents.

- `limits`: reverse water-filling for a Gaussian source, Blahut-Arimoto for a discrete one;
- `linear`: the linear beta-VAE with its exact loss, which reaches the Gaussian limit;
- `disentanglement`: mutual information gap, its controls, and latents turned at equal ELBO;
- `measured`: distortion and rate of any VAE on held-out data.

Rates are in nats. A loss is distortion + beta rate.
"""

from .disentanglement import (
    RotatedVAE,
    factor_entropies,
    full_gaussian_kl,
    mutual_information,
    mutual_information_gap,
    plane_rotation,
    rotate_latents,
)
from .limits import (
    BlahutArimoto,
    blahut_arimoto,
    blahut_arimoto_step,
    equivalent_beta,
    reverse_water_filling,
    water_level,
)
from .linear import (
    FilterBetaVAE,
    LinearBetaVAE,
    covariance_factor,
    covariance_from_power,
    filter_loss,
    full_plane,
    linear_loss,
    linear_mse_and_rate,
)
from .measured import RDPoint, rd_of

__all__ = [
    "BlahutArimoto",
    "FilterBetaVAE",
    "LinearBetaVAE",
    "RDPoint",
    "RotatedVAE",
    "blahut_arimoto",
    "blahut_arimoto_step",
    "covariance_factor",
    "covariance_from_power",
    "equivalent_beta",
    "factor_entropies",
    "filter_loss",
    "full_gaussian_kl",
    "full_plane",
    "linear_loss",
    "linear_mse_and_rate",
    "mutual_information",
    "mutual_information_gap",
    "plane_rotation",
    "rd_of",
    "reverse_water_filling",
    "rotate_latents",
    "water_level",
]
