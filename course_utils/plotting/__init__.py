"""Figures of the course: functions that take an Axes and plain tensors or arrays.

Importing this package applies `course.mplstyle`. A figure is made outside pyplot by `figure`, drawn
by the functions of its modules, and shown together with one sentence by `show`:

    fig, ax = figure()
    density(ax, c, collider.density(c))
    show(fig, "The density is smallest at cos θ = 0, where p = 0.375.")

The sentence carries the numbers: it is the caption under the figure and its alternative text, and
the tests of the notebooks compare it, which they cannot do with a picture. One colour means one
role in all lectures (`ROLE`). A new figure function goes into the module of its subject and is
named below.
"""

from .autoencoders import (
    bottleneck_drawing,
    bottleneck_sweep,
    dimension_curve,
    latent_draws,
    latent_map,
    spectrum,
)
from .base import (
    DENSITY_MAP,
    ROLE,
    STYLE,
    Array,
    array,
    bundle,
    encode,
    escape,
    figure,
    png,
    render,
    show,
    size_of,
    use_style,
)
from .densities import (
    collider_angles,
    density,
    fit_history,
    histogram,
    inverse_transform,
    learning_curves,
    log_likelihood,
    model_selection,
)
from .diagrams import two_networks
from .diffusion import along_chain, bound_gap, noising_chain, score_errors, score_field
from .inference import (
    ascent,
    efficiency,
    ellipse_of,
    gradient_spread,
    importance_bounds,
    line_and_noise,
    move_ellipse,
    nats_missed,
    posterior_map,
    second_guess,
    weight_areas,
    weighted_draws,
)
from .landscape import (
    drawn_rows,
    family_gallery,
    forger_and_critic,
    shape_counts,
    weight_map,
)
from .latents import bent_line, prior_and_posteriors, processes
from .models import (
    kept_features,
    latent_kinds,
    loss_curves,
    power_of_samples,
    training_terms,
    unit_rates,
)
from .outlook import (
    EVOLUTION,
    EVOLUTION_SHEET,
    FAMILIES,
    TIMELINE,
    evolution,
    families,
    timeline,
)
from .pictures import field, images, jet_images, tile
from .rate_distortion import (
    information,
    message_lengths,
    rd_plane,
    residual_spectra,
    shannon_limit,
    water_filling,
)
from .science import (
    boltzmann_map,
    density_bar,
    energy_contours,
    growth,
    half_grid,
    lund_plane,
    power_spectrum,
    radial_distribution,
    walkers,
)

__all__ = [
    "DENSITY_MAP",
    "EVOLUTION",
    "EVOLUTION_SHEET",
    "FAMILIES",
    "ROLE",
    "STYLE",
    "TIMELINE",
    "Array",
    "along_chain",
    "array",
    "ascent",
    "bent_line",
    "boltzmann_map",
    "bottleneck_drawing",
    "bottleneck_sweep",
    "bound_gap",
    "bundle",
    "collider_angles",
    "density",
    "density_bar",
    "dimension_curve",
    "drawn_rows",
    "efficiency",
    "ellipse_of",
    "encode",
    "energy_contours",
    "escape",
    "evolution",
    "families",
    "family_gallery",
    "field",
    "figure",
    "fit_history",
    "forger_and_critic",
    "gradient_spread",
    "growth",
    "half_grid",
    "histogram",
    "images",
    "importance_bounds",
    "information",
    "inverse_transform",
    "jet_images",
    "kept_features",
    "latent_draws",
    "latent_kinds",
    "latent_map",
    "learning_curves",
    "line_and_noise",
    "log_likelihood",
    "loss_curves",
    "lund_plane",
    "message_lengths",
    "model_selection",
    "move_ellipse",
    "nats_missed",
    "noising_chain",
    "png",
    "posterior_map",
    "power_of_samples",
    "power_spectrum",
    "prior_and_posteriors",
    "processes",
    "radial_distribution",
    "rd_plane",
    "render",
    "residual_spectra",
    "score_errors",
    "score_field",
    "second_guess",
    "shannon_limit",
    "shape_counts",
    "show",
    "size_of",
    "spectrum",
    "tile",
    "timeline",
    "training_terms",
    "two_networks",
    "unit_rates",
    "use_style",
    "walkers",
    "water_filling",
    "weight_areas",
    "weight_map",
    "weighted_draws",
]
