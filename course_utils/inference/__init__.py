"""Scoring and inverting models with latent variables (lectures 04 and 05).

- bounds: what log p_theta(x) is worth, from draws; closed-form KL, ELBO, importance weights;
- ppca: probabilistic PCA, where evidence, posterior and maximum likelihood are exact;
- quadrature: exact sums over a grid of one or two latents, for any decoder;
- variational: the q closest to a posterior, found by gradients.
"""

from .bounds import (
    LikelihoodFunction,
    effective_sample_size,
    elbo,
    gaussian_kl,
    importance_weighted_bound,
    importance_weighted_bounds,
    log_evidence_from_prior,
    normal_log_prob,
)
from .ppca import (
    PPCA,
    JointKL,
    fit_ppca,
    fit_ppca_by_gradient,
    fit_ppca_em,
    forward_joint,
    joint_kl,
    ppca_em_step,
    ppca_log_evidence,
    ppca_posterior,
    reverse_joint,
)
from .quadrature import (
    LatentGrid,
    latent_grid,
    quadrature_elbo,
    quadrature_kl,
    quadrature_log_evidence,
    quadrature_posterior,
)
from .variational import (
    GaussianQ,
    PosteriorCurve,
    asymmetry_log_joint,
    fit_gaussian_q,
    fit_q_on_grid,
    gaussian_score,
    gradient_samples,
    kl_on_grid,
    quadrature_posterior_1d,
    refine,
    reparameterize,
    score_function_gradient,
)

__all__ = [
    "PPCA",
    "GaussianQ",
    "JointKL",
    "LatentGrid",
    "LikelihoodFunction",
    "PosteriorCurve",
    "asymmetry_log_joint",
    "effective_sample_size",
    "elbo",
    "fit_gaussian_q",
    "fit_ppca",
    "fit_ppca_by_gradient",
    "fit_ppca_em",
    "fit_q_on_grid",
    "forward_joint",
    "gaussian_kl",
    "gaussian_score",
    "gradient_samples",
    "importance_weighted_bound",
    "importance_weighted_bounds",
    "joint_kl",
    "kl_on_grid",
    "latent_grid",
    "log_evidence_from_prior",
    "normal_log_prob",
    "ppca_em_step",
    "ppca_log_evidence",
    "ppca_posterior",
    "quadrature_elbo",
    "quadrature_kl",
    "quadrature_log_evidence",
    "quadrature_posterior",
    "quadrature_posterior_1d",
    "refine",
    "reparameterize",
    "reverse_joint",
    "score_function_gradient",
]
