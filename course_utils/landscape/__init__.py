"""Other ways to learn p(x), beside the VAE, on one density that is known (lecture 09).

- autoregressive: one coordinate after another; exact density, a draw takes D passes;
- flow: an invertible network and its Jacobian; exact density, one pass;
- gan: a sampler trained against a critic; no density;
- energy: any network, once somebody divides by Z; a draw is a random walk;
- boltzmann: the same for binary pixels, whose walkers redraw all pixels at once;
- comparison: all of them in one table, against the truth.
"""

from .autoregressive import (
    CoinByCoin,
    FullyVisible,
    Made,
    MaskedLinear,
    MaskedNetwork,
    MixtureMade,
    masked_linear,
)
from .boltzmann import BoltzmannMachine, persistent_contrastive_loss
from .comparison import (
    Family,
    Landscape,
    Standardised,
    energy_distance,
    seconds_per_draw,
    shape_counts,
    standardise,
)
from .energy import (
    EnergyModel,
    contrastive_loss,
    langevin,
    log_Z,
    noise_contrastive_loss,
    wide_gaussian,
)
from .flow import (
    AffineCoupling,
    Flow,
    SplineCoupling,
    affine_coupling,
    affine_flow,
    rational_quadratic_inverse,
    rational_quadratic_spline,
    spline_flow,
)
from .gan import (
    Gan,
    GanHistory,
    fit_gan,
    gan_losses,
    gradient_penalty,
)

__all__ = [
    "AffineCoupling",
    "BoltzmannMachine",
    "CoinByCoin",
    "EnergyModel",
    "Family",
    "Flow",
    "FullyVisible",
    "Gan",
    "GanHistory",
    "Landscape",
    "Made",
    "MaskedLinear",
    "MaskedNetwork",
    "MixtureMade",
    "SplineCoupling",
    "Standardised",
    "affine_coupling",
    "affine_flow",
    "contrastive_loss",
    "energy_distance",
    "fit_gan",
    "gan_losses",
    "gradient_penalty",
    "langevin",
    "log_Z",
    "masked_linear",
    "noise_contrastive_loss",
    "persistent_contrastive_loss",
    "rational_quadratic_inverse",
    "rational_quadratic_spline",
    "seconds_per_draw",
    "shape_counts",
    "spline_flow",
    "standardise",
    "wide_gaussian",
]
