"""Diffusion models: a hierarchical VAE whose encoder is fixed, and the ODE that it becomes.

The encoder is a chain that adds a little noise in each of T steps, and has nothing to learn:

    q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I).

The T latents x_t are as large as the data. The decoder walks back, p_theta(x_{t-1} | x_t), and all
of it is one function, `Denoiser`: the noise that is expected in x_t. It is told how much of the
signal is left, alpha_bar, rather than t, so that one network serves chains of any length and the
ODE. Three of them are at hand: `NoisePredictor` and, with labels, `LabelledNetwork`, to be learned;
and `DiffusedMixture.eps`, exact.

- schedule, denoisers, bound, sampling: the chain, its network and loss, its ELBO, its draws;
- flow, straight: the ODE of the chain with its density, and straight paths (flow matching);
- guidance, recognition: what is drawn is asked for, and whether it is that;
- exact: a mixture of Gaussians, whose score is known; binary: the chain on pixels of 0 and 1.

Python counts from 0: `t` is an index into betas, x_t the state after t + 1 steps. `x0` are the
data, which formulas call x_data.
"""

from .binary import BinaryNoisePredictor, binary_elbo, binary_sample
from .bound import (
    best_variances,
    elbo,
    elbo_terms,
    elbo_weights,
    prior_kl,
    step_loss,
)
from .denoisers import NoisePredictor, denoising_loss, simple_loss
from .exact import DiffusedMixture, diffused, score_error
from .flow import flow_velocity, probability_flow, probability_flow_log_prob, probability_flow_path
from .guidance import LabelledNetwork, forget_labels, guided, guided_noise
from .recognition import different_neighbours, recognised, spread_within
from .sampling import ddim_path, ddpm_path, ddpm_sample, ddpm_step
from .schedule import (
    Denoiser,
    Schedule,
    alpha_bars,
    cosine_betas,
    diffuse,
    log_snr_betas,
    posterior,
    predict_x0,
    score_from_noise,
)
from .straight import flow_matching_pair, signal_share, straight_path

__all__ = [
    "BinaryNoisePredictor",
    "Denoiser",
    "DiffusedMixture",
    "LabelledNetwork",
    "NoisePredictor",
    "Schedule",
    "alpha_bars",
    "best_variances",
    "binary_elbo",
    "binary_sample",
    "cosine_betas",
    "ddim_path",
    "ddpm_path",
    "ddpm_sample",
    "ddpm_step",
    "denoising_loss",
    "different_neighbours",
    "diffuse",
    "diffused",
    "elbo",
    "elbo_terms",
    "elbo_weights",
    "flow_matching_pair",
    "flow_velocity",
    "forget_labels",
    "guided",
    "guided_noise",
    "log_snr_betas",
    "posterior",
    "predict_x0",
    "prior_kl",
    "probability_flow",
    "probability_flow_log_prob",
    "probability_flow_path",
    "recognised",
    "score_error",
    "score_from_noise",
    "signal_share",
    "simple_loss",
    "spread_within",
    "step_loss",
    "straight_path",
]
