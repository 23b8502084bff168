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

from .autoencoders import bottleneck_sweep, dimension_curve, latent_draws, latent_map, spectrum
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
    histogram,
    inverse_transform,
    learning_curves,
    log_likelihood,
    model_selection,
)
from .outlook import FAMILIES, TIMELINE, families, timeline
from .pictures import field, images, jet_images, tile
from .science import (
    boltzmann_map,
    energy_contours,
    growth,
    lund_plane,
    power_spectrum,
    radial_distribution,
    walkers,
)

__all__ = [
    "DENSITY_MAP",
    "FAMILIES",
    "ROLE",
    "STYLE",
    "TIMELINE",
    "Array",
    "array",
    "boltzmann_map",
    "bottleneck_sweep",
    "bundle",
    "collider_angles",
    "density",
    "dimension_curve",
    "encode",
    "energy_contours",
    "escape",
    "families",
    "field",
    "figure",
    "growth",
    "histogram",
    "images",
    "inverse_transform",
    "jet_images",
    "latent_draws",
    "latent_map",
    "learning_curves",
    "log_likelihood",
    "lund_plane",
    "model_selection",
    "png",
    "power_spectrum",
    "radial_distribution",
    "render",
    "show",
    "size_of",
    "spectrum",
    "tile",
    "timeline",
    "use_style",
    "walkers",
]
