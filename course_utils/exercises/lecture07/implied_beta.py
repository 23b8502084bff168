"""The beta that a published loss, made of means, really has."""

import math

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

exercise = Exercise(
    "07.implied_beta",
    "kl_weight float, data_dim int, latent_dim int, sigma float -> float",
    place=3,
    proves="Both forms of the loss are proportional, whatever the squared error and the KL are: "
    "for random sizes, one pixel or latent, KL weights from tiny to large, and sigma from 0.01 to "
    "30.",
    hints=(
        "A mean is a sum divided by its number of terms: write both means of the published loss as "
        "sums over D pixels and K latents.",
        "Multiplying a loss by a constant changes no minimum: choose the constant that turns the "
        "factor of the summed squared error into 1 / (2 sigma^2).",
        "The KL, with its weight and its 1 / K, is multiplied by that constant too, and what then "
        "stands before the summed KL is beta.",
    ),
    twin="course_utils.vae:implied_beta",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    d, k = draw.integer(100, 900), draw.integer(3, 40)
    d += d % k == 0  # no multiple: `//` differs from `/`
    settings = (
        (draw.number(0.02, 0.8), d, k, draw.number(0.1, 0.7)),
        (draw.number(2, 10), k, d, draw.number(1.5, 4)),
        (draw.number(0.02, 0.8), 1, k, 0.01),
        (1e-4, d, 1, 30.0),
        (1.0, d, k, 1.0),
    )
    asked = [(setting, f(*setting)) for setting in settings]
    for (w, d, k, sigma), beta in asked:
        law(beta > 0, "A positive weight of the KL should give a positive beta.", "not-positive")
        ratios = []
        for _ in range(2):
            square_sum, kl_sum = draw.number(1, 9), draw.number(1, 9)
            published = square_sum / d + w * kl_sum / k
            ratios.append((square_sum / (2 * sigma**2) + beta * kl_sum) / published)
        # With the right beta both are the same constant, D / (2 sigma^2).
        law(
            math.isclose(*ratios, rel_tol=1e-5)
            and math.isclose(ratios[0], d / (2 * sigma**2), rel_tol=1e-4),
            "With your beta the two forms of the loss are not proportional, so they have different "
            "minima. Start at sigma = 1 with one pixel and one latent.",
            "not-proportional",
        )


@exercise.mistake("missing-two")
def _(kl_weight, data_dim, latent_dim, sigma):
    """The 2 of 2 sigma squared is missing."""
    return kl_weight * data_dim / (latent_dim * sigma**2)


@exercise.mistake("two-inverted")
def _(kl_weight, data_dim, latent_dim, sigma):
    """The 2 multiplies where it divides: the squared error has the factor 1 / (2 sigma squared)."""
    return 2 * kl_weight * data_dim / (latent_dim * sigma**2)


@exercise.mistake("inverted")
def _(kl_weight, data_dim, latent_dim, sigma):
    """This is one over beta: the weight of the KL relative to the squared error is wanted, not the
    other way round.
    """
    return 2 * sigma**2 * latent_dim / (kl_weight * data_dim)


@exercise.mistake("dimensions-exchanged")
def _(kl_weight, data_dim, latent_dim, sigma):
    """data_dim and latent_dim are exchanged: a mean over many pixels makes the squared error small,
    so that the KL weighs more.
    """
    return kl_weight * latent_dim / (2 * sigma**2 * data_dim)


@exercise.mistake("sigma-not-squared")
def _(kl_weight, data_dim, latent_dim, sigma):
    """sigma stands where sigma squared belongs."""
    return kl_weight * data_dim / (2 * latent_dim * sigma)


@exercise.mistake("sigma-multiplies")
def _(kl_weight, data_dim, latent_dim, sigma):
    """sigma squared multiplies where it divides: `a / 2 * b` is a half times b, so put parentheses
    around what divides.
    """
    return kl_weight * data_dim * sigma**2 / (2 * latent_dim)


@exercise.mistake("sigma-multiplies")
def _(kl_weight, data_dim, latent_dim, sigma):
    """2 sigma squared multiplies where it divides."""
    return kl_weight * data_dim * 2 * sigma**2 / latent_dim


@exercise.mistake("sigma-ignored")
def _(kl_weight, data_dim, latent_dim, sigma):
    """This is the beta at sigma = 1, which is beta sigma squared: at another sigma the same loss
    has another beta.
    """
    return kl_weight * data_dim / (2 * latent_dim)


@exercise.mistake("sigma-ignored")
def _(kl_weight, data_dim, latent_dim, sigma):
    """sigma and its 2 are missing: the squared error has the factor 1 / (2 sigma squared)."""
    return kl_weight * data_dim / latent_dim


@exercise.mistake("no-data-dim")
def _(kl_weight, data_dim, latent_dim, sigma):
    """data_dim is missing: the published loss averages the squared error over the pixels."""
    return kl_weight / (2 * latent_dim * sigma**2)


@exercise.mistake("no-latent-dim")
def _(kl_weight, data_dim, latent_dim, sigma):
    """latent_dim is missing: the published loss averages the KL over the latents."""
    return kl_weight * data_dim / (2 * sigma**2)


@exercise.mistake("no-dimensions")
def _(kl_weight, data_dim, latent_dim, sigma):
    """Both dimensions are missing: the published loss takes means, the other one sums."""
    return kl_weight / (2 * sigma**2)


@exercise.mistake("dimensions-multiplied")
def _(kl_weight, data_dim, latent_dim, sigma):
    """latent_dim multiplies where it divides: the published KL is a mean over latents."""
    return kl_weight * data_dim * latent_dim / (2 * sigma**2)


@exercise.mistake("dimensions-divided")
def _(kl_weight, data_dim, latent_dim, sigma):
    """data_dim divides where it multiplies: a mean over the pixels makes the squared error small,
    so that the KL weighs more.
    """
    return kl_weight / (2 * data_dim * latent_dim * sigma**2)


@exercise.mistake("no-kl-weight")
def _(kl_weight, data_dim, latent_dim, sigma):
    """kl_weight is missing."""
    return data_dim / (2 * latent_dim * sigma**2)


@exercise.mistake("kl-weight-only")
def _(kl_weight, data_dim, latent_dim, sigma):
    """This is kl_weight itself: means for sums, and sigma, change its meaning."""
    return kl_weight


@exercise.mistake("integer-division")
def _(kl_weight, data_dim, latent_dim, sigma):
    """`//` rounds the ratio of the dimensions down: divide by `/`."""
    return kl_weight * (data_dim // latent_dim) / (2 * sigma**2)


@exercise.mistake("precedence")
def _(kl_weight, data_dim, latent_dim, sigma):
    """`a / b * c` multiplies by c: put parentheses around what divides."""
    return kl_weight * data_dim / 2 * sigma**2 * latent_dim
