"""Other ways to learn p(x), beside the VAE, on one density that is known (lecture 09).

- autoregressive: one coordinate after another; exact density, a draw takes D passes;
- flow: an invertible network and its Jacobian; exact density, one pass;
- gan: a sampler trained against a critic; no density;
- energy: any network, once somebody divides by Z; a draw is a random walk;
- comparison: all of them in one table, against the truth.
"""

from .autoregressive import Made, MaskedLinear, MaskedNetwork, MixtureMade
from .comparison import (
    Family,
    Landscape,
    Standardised,
    energy_distance,
    seconds_per_draw,
    standardise,
)
from .energy import EnergyModel, langevin, log_Z, noise_contrastive_loss, wide_gaussian
from .flow import (
    AffineCoupling,
    Flow,
    SplineCoupling,
    affine_flow,
    rational_quadratic_inverse,
    rational_quadratic_spline,
    spline_flow,
)
from .gan import (
    Gan,
    GanHistory,
    discriminator_loss,
    fit_gan,
    generator_loss,
    gradient_penalty,
)

__all__ = [
    "AffineCoupling",
    "EnergyModel",
    "Family",
    "Flow",
    "Gan",
    "GanHistory",
    "Landscape",
    "Made",
    "MaskedLinear",
    "MaskedNetwork",
    "MixtureMade",
    "SplineCoupling",
    "Standardised",
    "affine_flow",
    "discriminator_loss",
    "energy_distance",
    "fit_gan",
    "generator_loss",
    "gradient_penalty",
    "langevin",
    "log_Z",
    "noise_contrastive_loss",
    "rational_quadratic_inverse",
    "rational_quadratic_spline",
    "seconds_per_draw",
    "spline_flow",
    "standardise",
    "wide_gaussian",
]
