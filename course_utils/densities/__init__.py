"""Densities with a likelihood, and the parameters that make the data most probable (lecture 02).

- gaussians: full covariance, and what a Gaussian says about binary images;
- asymmetry: one number, measured from angles, with its error;
- mixtures: of Gaussians and of Bernoullis; em: their fits, by expectation-maximisation or a
  gradient;
- base: what they share, and seeded noise for every model of the course.

Each density has log p_theta(x) in nats, summed over the D dimensions of a point, and a fit by
maximum likelihood. All functions keep the dtype of their data.
"""

from .asymmetry import (
    ASYMMETRY_LIMIT,
    COVERAGE_OF_ONE_SIGMA,
    asymmetry_error,
    counting_error,
    coverage,
    expected_information,
    fit_asymmetry,
    forward_backward_count,
    newton_step,
)
from .base import LOG_2PI, Fit, climb, standard_normal
from .em import (
    em_round,
    em_step,
    fit_bernoulli_mixture,
    fit_em,
    fit_mixture,
)
from .gaussians import (
    Gaussian,
    dequantised_log_prob,
    fit_dequantised_gaussian,
    fit_gaussian,
    fit_gaussian_by_gradient,
    gaussian_log_prob,
    thresholded_log_prob,
)
from .mixtures import BernoulliMixture, FullMixture, Mixture, mixture_log_prob

__all__ = [
    "ASYMMETRY_LIMIT",
    "COVERAGE_OF_ONE_SIGMA",
    "LOG_2PI",
    "BernoulliMixture",
    "Fit",
    "FullMixture",
    "Gaussian",
    "Mixture",
    "asymmetry_error",
    "climb",
    "counting_error",
    "coverage",
    "dequantised_log_prob",
    "em_round",
    "em_step",
    "expected_information",
    "fit_asymmetry",
    "fit_bernoulli_mixture",
    "fit_dequantised_gaussian",
    "fit_em",
    "fit_gaussian",
    "fit_gaussian_by_gradient",
    "fit_mixture",
    "forward_backward_count",
    "gaussian_log_prob",
    "mixture_log_prob",
    "newton_step",
    "standard_normal",
    "thresholded_log_prob",
]
