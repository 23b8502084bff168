"""A table of bad inputs: the call, and the sentence that it gets. None may pass in silence.

What `load` says of bad files has a table of its own in test_load.py.
"""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import (
    compression,
    datasets,
    densities,
    diffusion,
    estimates,
    inference,
    landscape,
    ledger,
    own_data,
    rate_distortion,
    training,
    vae,
)
from course_utils.simulators import collider, cosmology, molecular, sprites


def g() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=g())


NAN = float("nan")
INTS = torch.arange(12).reshape(4, 3)  # (12,) -> (4, 3)
EYE = torch.eye(3)
SKEW = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
ROW, COLUMN = torch.zeros(3), torch.zeros(3, 1)
COUNTS = torch.tensor([[0.0, 16.0, 3.0]])
POINTS = normal(50, 3)
HOLED = POINTS.clone()
HOLED[7, 1] = NAN
W, B = normal(3, 1), torch.zeros(3)
HALVES = torch.tensor([0.3, 0.3]).log()
BETAS = torch.linspace(0.01, 0.2, 5)
SCHEDULE = diffusion.Schedule(BETAS)
LATTICE = molecular.lattice(27, 6.0)
FLAT = torch.zeros(4, 6)


def holed(x: torch.Tensor) -> torch.Tensor:
    """The same with one NaN, in the first place."""
    x = x.clone()
    x.view(-1)[0] = NAN
    return x


def force(x: torch.Tensor) -> torch.Tensor:
    return -x


def model(d: int = 3, **options: object) -> vae.VAE:
    return vae.mlp_vae(d, 2, hidden=(4,), generator=g(), **options)


def fit(model: nn.Module, data: torch.Tensor, steps: int = 2) -> object:
    return training.fit(model, vae.loss(g()), data, steps=steps, batch=4, generator=g())


def lopsided(n: int = 8) -> torch.Tensor:
    """A power grid whose first column has P(k) != P(-k)."""
    power = torch.ones(n, n // 2 + 1)
    power[1, 0] = 5.0
    return power


def well(x: torch.Tensor) -> torch.Tensor:
    return 50 * x[..., 0] ** 2


def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return x


Case = tuple[str, Callable[[], object], str]
langevin = {"steps": 4, "dt": 0.1, "kT": 1.0, "generator": g()}

LIKELIHOODS: list[Case] = [
    (
        "a count and Bernoulli",
        lambda: vae.Bernoulli().log_prob(COUNTS, FLAT[:1, :3]),
        r"Binomial\(16\)",
    ),
    (
        "a count and its pairs",
        lambda: vae.Bernoulli().pairwise(COUNTS, FLAT[:2, :3]),
        r"0 to 16: for c",
    ),
    (
        "the function, too",
        lambda: vae.bernoulli_log_likelihood(COUNTS, 0 * COUNTS),
        r"Binomial\(16\)",
    ),
    (
        "negative pixels",
        lambda: vae.Bernoulli().log_prob(-COUNTS / 16, 0 * COUNTS),
        r"Gaussian\(\)",
    ),
    (
        "17 of 16",
        lambda: vae.Binomial(16).log_prob(COUNTS + 1, 0 * COUNTS),
        "whole numbers from 0 to 16",
    ),
    ("half a count", lambda: vae.Binomial(16).log_prob(COUNTS / 32, 0 * COUNTS), r"Bernoulli\(\)"),
    (
        "half a count, paired",
        lambda: vae.Binomial(4).pairwise(COUNTS / 32, 0 * COUNTS),
        "from 0 to 4",
    ),
    (
        "a count as a function",
        lambda: vae.binomial_log_likelihood(COUNTS, 0 * COUNTS, 8),
        "from 0 to 8",
    ),
    ("NaN pixels", lambda: vae.Bernoulli().log_prob(holed(COUNTS), 0 * COUNTS), "NaN or infinite"),
    (
        "infinite pixels",
        lambda: vae.Bernoulli().log_prob(COUNTS / 0, 0 * COUNTS),
        "NaN or infinite",
    ),
    ("a fit of counts", lambda: fit(model(), COUNTS.repeat(8, 1)), r"Binomial\(16\)"),
    ("a fit of holes", lambda: fit(model(), holed(torch.rand(8, 3))), "NaN or infin"),
    (
        "an evaluation of counts",
        lambda: vae.evaluate_elbo(model(), COUNTS, generator=g()),
        "Binomial",
    ),
    (
        "an IWAE of counts",
        lambda: vae.importance_weighted(model(), COUNTS, generator=g()),
        "Binomial",
    ),
    ("exact counts", lambda: vae.exact_log_evidence(model(), COUNTS), "Binomial"),
    (
        "rate-distortion of counts",
        lambda: rate_distortion.rd_of(model(), COUNTS, generator=g()),
        "Binom",
    ),
    ("float64 data", lambda: model().encode(POINTS.double()), "x is torch.float64 and the model"),
    ("float64 evaluated", lambda: vae.kl_per_unit(model(), POINTS.double()), "torch.float64"),
    (
        "float64 in a fit",
        lambda: fit(model(), POINTS.double()),
        "data are torch.float64 and the model",
    ),
    ("whole numbers encoded", lambda: model().encode(INTS), "x is torch.int64"),
    ("pictures not flat", lambda: model().encode(torch.zeros(2, 3, 3, 1)), "flatten"),
    ("half a trial", lambda: vae.Binomial(2.5), "whole number of trials"),
    ("no trial", lambda: vae.Binomial(0), "at least 1"),
    ("sigma 0", lambda: vae.Gaussian(0.0), "sigma must be positive"),
    ("sigma NaN", lambda: vae.Gaussian(NAN), "sigma must be positive"),
    ("sigma infinite", lambda: vae.Gaussian(math.inf), "sigma must be positive"),
    ("no such sigma", lambda: vae.Gaussian(1.0, "best"), "kind must be"),
    ("units of NaN", lambda: vae.active_units(holed(POINTS), 0.01), "mu holds NaN"),
    ("units of a vector", lambda: vae.active_units(ROW, 0.01), "N, K"),
    (
        "binary that is not",
        lambda: densities.fit_bernoulli_mixture(POINTS, 2, generator=g()),
        "0 and 1",
    ),
    (
        "coins for greys",
        lambda: densities.BernoulliMixture(
            HALVES * 0 - math.log(2), torch.full((2, 3), 0.5)
        ).log_prob(POINTS),
        "only 0 and 1",
    ),
    (
        "pixels of 0 and 1",
        lambda: diffusion.binary_elbo(predict, FLAT, BETAS, generator=g()),
        "-1 and 1",
    ),
]
LATENTS: list[Case] = [
    ("kl of a row and a column", lambda: inference.gaussian_kl(ROW, COLUMN), "do not fit together"),
    (
        "kl of other sizes",
        lambda: inference.gaussian_kl(ROW, torch.zeros(4)),
        "do not fit together",
    ),
    (
        "a draw of a row and a column",
        lambda: inference.reparameterize(ROW, COLUMN, ROW),
        "do not fit",
    ),
    (
        "eps of another size",
        lambda: inference.reparameterize(ROW, ROW, torch.zeros(4)),
        "do not fit",
    ),
    (
        "ppca of whole numbers",
        lambda: inference.fit_ppca(INTS, 1),
        "x must be a floating-point tensor",
    ),
    (
        "ppca evidence of them",
        lambda: inference.ppca_log_evidence(INTS, W, B, 1.0),
        "floating-point",
    ),
    ("ppca posterior of them", lambda: inference.ppca_posterior(INTS, W, B, 1.0), "floating-point"),
    ("ppca of a NaN", lambda: inference.fit_ppca(HOLED, 1), "NaN"),
    ("ppca with k 2.5", lambda: inference.fit_ppca(POINTS, 2.5), "k must be a whole number"),
    ("ppca with k 3", lambda: inference.fit_ppca(POINTS, 3), "between 1 and D - 1"),
    (
        "ppca without noise",
        lambda: inference.ppca_log_evidence(POINTS, W, B, 0.0),
        "positive standard",
    ),
    (
        "ppca with sigma NaN",
        lambda: inference.ppca_log_evidence(POINTS, W, B, NAN),
        "positive standard",
    ),
    (
        "ppca with W of NaN",
        lambda: inference.ppca_posterior(POINTS, holed(W), B, 1.0),
        "W holds NaN",
    ),
    (
        "ppca of other sizes",
        lambda: inference.ppca_log_evidence(POINTS, W[:2], B, 1.0),
        "do not fit",
    ),
    ("ppca em of other sizes", lambda: inference.ppca_em_step(POINTS, W, B[:2], 1.0), "do not fit"),
    ("a grid of 2.5", lambda: inference.latent_grid(1, 2.5), "n must be a whole number"),
    ("a grid of 1", lambda: inference.latent_grid(1, 1), "n must be at least 2"),
    ("a grid for 3 latents", lambda: inference.latent_grid(3), "1 or 2 latents"),
    ("a grid without end", lambda: inference.latent_grid(1, 5, math.inf), "half_width positive"),
    (
        "a grid too coarse for q",
        lambda: inference.quadrature_elbo(
            FLAT.double(),
            lambda x, z: torch.zeros(len(z), len(x)).double(),
            FLAT[:, :1].double(),
            FLAT[:, :1].double() - 9,
            inference.latent_grid(1, 11),
        ),
        "too coarse",
    ),
    (
        "a grid too narrow for q",
        lambda: inference.quadrature_elbo(
            FLAT.double(),
            lambda x, z: torch.zeros(len(z), len(x)).double(),
            FLAT[:, :1].double() + 5,
            FLAT[:, :1].double(),
            inference.latent_grid(1, 101),
        ),
        "too narrow",
    ),
    (
        "a grid too coarse for a posterior",
        lambda: inference.quadrature_log_evidence(
            FLAT.double(),
            lambda x, z: (-5e3 * (z - 0.1) ** 2).expand(-1, len(x)),
            inference.latent_grid(1, 101),
        ),
        "too coarse",
    ),
    (
        "a grid too narrow for a posterior",
        lambda: inference.quadrature_posterior(
            FLAT.double(),
            lambda x, z: (-((z - 9) ** 2)).expand(-1, len(x)),
            inference.latent_grid(1, 101, 3.0),
        ),
        "too narrow",
    ),
    (
        "a posterior between points",
        lambda: inference.quadrature_posterior_1d(lambda a: -5e5 * a.square(), -1.0, 1.0, 51),
        "between 51 points",
    ),
    (
        "an interval turned round",
        lambda: inference.quadrature_posterior_1d(well, 1.0, -1.0),
        "low < high",
    ),
    ("draws of a vector", lambda: inference.effective_sample_size(ROW), r"\(S, B\)"),
    ("one draw", lambda: inference.log_evidence_from_prior(COLUMN.T), "no standard error"),
    (
        "refine by 2.5 steps",
        lambda: inference.refine(POINTS, predict, POINTS, POINTS, steps=2.5, generator=g()),
        "steps must be a whole number",
    ),
    (
        "refine by no steps",
        lambda: inference.refine(POINTS, predict, POINTS, POINTS, steps=0, generator=g()),
        "at least 1",
    ),
    (
        "an unknown estimator",
        lambda: inference.gradient_samples(predict, ROW, ROW, POINTS, method="best"),
        "method must be",
    ),
    (
        "points that fall",
        lambda: inference.kl_on_grid(ROW, ROW, -torch.arange(3.0)),
        "points must rise",
    ),
    ("an angle beyond 1", lambda: inference.asymmetry_log_joint(torch.tensor([1.5])), "within"),
]
DENSITIES: list[Case] = [
    ("a Gaussian of whole numbers", lambda: densities.fit_gaussian(INTS), "floating-point"),
    ("a Gaussian of a NaN", lambda: densities.fit_gaussian(HOLED), "NaN or infinity"),
    ("a Gaussian of nothing", lambda: densities.fit_gaussian(POINTS[:0]), "empty"),
    (
        "a covariance not symmetric",
        lambda: densities.gaussian_log_prob(POINTS, ROW, SKEW),
        "cov is not symmetric, by up to 0.5",
    ),
    (
        "a covariance not positive",
        lambda: densities.gaussian_log_prob(POINTS, ROW, -EYE),
        "not positive definite",
    ),
    (
        "a covariance of NaN",
        lambda: densities.gaussian_log_prob(POINTS, ROW, NAN * EYE),
        "not positive definite",
    ),
    (
        "float64 meets float32",
        lambda: densities.gaussian_log_prob(POINTS, ROW.double(), EYE.double()),
        "x in torch.float32 and mean in torch.float64",
    ),
    (
        "draws of 2.5",
        lambda: densities.Gaussian(ROW, EYE).sample(2.5, generator=g()),
        "n must be a whole number",
    ),
    (
        "weights of 0.6",
        lambda: densities.mixture_log_prob(POINTS, HALVES, POINTS[:2], torch.ones(2)),
        "these sum to 0.6",
    ),
    (
        "a mixture of weights 0.6",
        lambda: densities.Mixture(HALVES, POINTS[:2], torch.ones(2)),
        "sum to 1",
    ),
    (
        "a full one",
        lambda: densities.FullMixture(HALVES, POINTS[:2], EYE.repeat(2, 1, 1)),
        "sum to 1",
    ),
    (
        "one of templates",
        lambda: densities.BernoulliMixture(HALVES, torch.full((2, 3), 0.5)),
        "sum to 1",
    ),
    (
        "weights of NaN",
        lambda: densities.Mixture(HALVES * NAN, POINTS[:2], torch.ones(2)),
        "sum to 1",
    ),
    (
        "a width of 0",
        lambda: densities.mixture_log_prob(
            POINTS, HALVES * 0 - math.log(2), POINTS[:2], torch.zeros(2)
        ),
        "sigmas must be positive",
    ),
    (
        "a mixture of 2.5",
        lambda: densities.fit_mixture(POINTS, 2.5, generator=g()),
        "m must be a whole number",
    ),
    (
        "more components than points",
        lambda: densities.fit_mixture(POINTS[:2], 3, generator=g()),
        "as many points",
    ),
    ("a mixture of a NaN", lambda: densities.fit_mixture(HOLED, 2, generator=g()), "NaN"),
    (
        "an estimate of NaN",
        lambda: densities.coverage(holed(ROW), ROW + 1, 0.0),
        "estimate holds NaN",
    ),
    ("an error of NaN", lambda: densities.coverage(ROW, holed(ROW), 0.0), "error holds NaN"),
    ("no event", lambda: densities.counting_error(0.1, 0), "n must be at least 1"),
    ("half an event", lambda: densities.counting_error(0.1, 2.5), "whole number"),
    ("an asymmetry of 2", lambda: densities.counting_error(2.0, 5), r"\[-1, 1\], and is 2"),
    ("angles for cosines", lambda: densities.fit_asymmetry(torch.tensor([3.0])), "pass cosines"),
    ("a cosine of NaN", lambda: densities.fit_asymmetry(torch.tensor([NAN])), "no NaN"),
    ("whole cosines", lambda: densities.fit_asymmetry(torch.tensor([1, 0])), "floating-point"),
    (
        "a bound of 1",
        lambda: densities.fit_asymmetry(torch.tensor([0.5]), bound=1.0),
        "between 0 and 3/4",
    ),
    (
        "noise narrower than data",
        lambda: landscape.wide_gaussian(POINTS, 0.5),
        "widen must be 1 or more",
    ),
    ("noise of no width", lambda: landscape.wide_gaussian(POINTS, NAN), "widen must be"),
    (
        "minus three parameters",
        lambda: ledger.Entry("02", "a", 1.0, 0.1, "exact", -3),
        "at least 0, got -3",
    ),
    ("nats of NaN", lambda: ledger.Entry("02", "a", NAN, 0.1, "exact"), "finite nats"),
    ("log p of NaN", lambda: ledger.nats_above_truth(ROW, holed(ROW)), "infinite or NaN"),
    ("the error of one", lambda: estimates.mean_and_error(ROW[:1]), "two or more"),
]
SIMULATORS: list[Case] = [
    (
        "a step of a row and a column",
        lambda: molecular.langevin_step(ROW, COLUMN, 0.1, 1.0, 1.0, ROW),
        r"one shape",
    ),
    (
        "a step with noise of one",
        lambda: molecular.langevin_step(POINTS, POINTS, 0.1, 1.0, 1.0, POINTS[:1]),
        "one shape",
    ),
    (
        "a step at negative kT",
        lambda: molecular.langevin_step(ROW, ROW, 0.1, -1.0, 1.0, ROW),
        "kT must not be negative",
    ),
    (
        "a step without friction",
        lambda: molecular.langevin_step(ROW, ROW, 0.1, 1.0, 0.0, ROW),
        "friction must be positive",
    ),
    ("a walker of NaN", lambda: molecular.langevin(HOLED, force, **langevin), "x holds NaN"),
    ("a molecule of NaN", lambda: molecular.baoab(HOLED, force, **langevin), "x holds NaN"),
    ("a walk of whole numbers", lambda: molecular.langevin(INTS, force, **langevin), "x.float"),
    (
        "a walk of 2.5 steps",
        lambda: molecular.langevin(POINTS, force, **{**langevin, "steps": 2.5}),
        "steps must be a whole number",
    ),
    (
        "a step far too large",
        lambda: molecular.langevin(
            POINTS, lambda x: -(x**3), **{**langevin, "steps": 50, "dt": 9.0}
        ),
        "blew up|not finite",
    ),
    (
        "dt NaN",
        lambda: molecular.langevin(POINTS, force, **{**langevin, "dt": NAN}),
        "dt must be positive",
    ),
    ("a basin of NaN", lambda: molecular.in_deep_basin(holed(POINTS[:, :2])), "x holds NaN"),
    ("a point of three", lambda: molecular.mueller_brown(POINTS), r"\(\.\.\., 2\)"),
    ("an energy of NaN", lambda: molecular.lennard_jones(holed(LATTICE), 6.0), "x holds NaN"),
    ("a force of NaN", lambda: molecular.lennard_jones_force(holed(LATTICE), 6.0), "x holds NaN"),
    ("pairs of NaN", lambda: molecular.radial_distribution(holed(LATTICE), 6.0), "x holds NaN"),
    (
        "2.5 shells",
        lambda: molecular.radial_distribution(LATTICE, 6.0, bins=2.5),
        "bins must be a whole number",
    ),
    ("a lattice of 2.5", lambda: molecular.lattice(2.5, 6.0), "n must be a whole number"),
    (
        "half a particle",
        lambda: molecular.fluid(30.5, 0.8, 1.0, steps=2, generator=g()),
        "whole number",
    ),
    ("a cutoff beyond the box", lambda: molecular.lennard_jones(LATTICE, 4.0), "half the box"),
    (
        "a grid too coarse for kT",
        lambda: molecular.boltzmann(well, 0.001, [(-3.0, 3.1)], n=20),
        "too coarse for kT = 0.001",
    ),
    (
        "a grid of 2.5 cells",
        lambda: molecular.boltzmann(well, 1.0, [(-3.0, 3.0)], n=2.5),
        "n must be a whole number",
    ),
    ("kT 0", lambda: molecular.boltzmann(kT=0.0), "kT must be positive"),
    ("a power not mirrored", lambda: cosmology.field_variance(lopsided()), r"P\(k\) = P\(-k\)"),
    (
        "a field of it",
        lambda: cosmology.sample_field(lopsided(), 2, generator=g()),
        r"P\(k\) = P\(-k\)",
    ),
    (
        "noise coloured by it",
        lambda: cosmology.gaussian_field(normal(8, 8), lopsided()),
        r"P\(k\) = P\(-k\)",
    ),
    (
        "a negative deviation",
        lambda: cosmology.with_std(torch.ones(8, 5), -1.0),
        "std must not be negative",
    ),
    ("a deviation of NaN", lambda: cosmology.with_std(torch.ones(8, 5), NAN), "std must not be"),
    ("wavenumbers of NaN", lambda: cosmology.power_law(holed(ROW), -1.0), "k holds NaN"),
    ("an amplitude of NaN", lambda: cosmology.power_law(ROW, -1.0, NAN), "cannot be negative"),
    ("half a grid point", lambda: cosmology.wavenumbers(8.5), "n must be a whole number"),
    (
        "half a field",
        lambda: cosmology.sample_field(torch.ones(8, 5), 2.5, generator=g()),
        "batch must be a whole",
    ),
    ("mass of NaN", lambda: cosmology.deposit(holed(normal(2, 9)), 4), "Positions hold NaN"),
    ("a mean not 0", lambda: cosmology.potential(torch.ones(4, 4)), "zero mean"),
    ("a universe of NaN", lambda: cosmology.zeldovich(holed(torch.zeros(4, 4)), 0.5), "NaN"),
    ("a at 0", lambda: cosmology.zeldovich(torch.zeros(4, 4), 0.0), "positive and finite"),
    (
        "whole numbers as a field",
        lambda: cosmology.power_spectrum(torch.ones(4, 4).long()),
        "floating-point",
    ),
    ("angles of 170 degrees", lambda: collider.ShowerSettings(theta_max=3.0), "small angles"),
    (
        "angles turned round",
        lambda: collider.ShowerSettings(theta_min=0.9),
        "theta_min < theta_max",
    ),
    ("coupling NaN", lambda: collider.ShowerSettings(alpha=NAN), "must be positive"),
    ("coupling infinite", lambda: collider.ShowerSettings(alpha=math.inf), "finite"),
    ("half a jet", lambda: collider.shower(2.5, generator=g()), "n must be a whole number"),
    ("three prongs", lambda: collider.shower(2, prongs=3, generator=g()), "1 or 2"),
    (
        "a jet of NaN",
        lambda: collider.jet_images(
            collider.Jets(torch.full((1, 1, 3), NAN), torch.ones(1, 1).bool())
        ),
        "particles holds NaN",
    ),
    (
        "the mass of NaN",
        lambda: collider.jet_mass(
            collider.Jets(torch.full((1, 1, 3), NAN), torch.ones(1, 1).bool())
        ),
        "particles holds NaN",
    ),
    (
        "an image of NaN",
        lambda: collider.jets_from_images(torch.full((1, 4, 4), NAN)),
        "must not be negative",
    ),
    (
        "a jet of negative pT",
        lambda: collider.jets_from_images(torch.ones(1, 4, 4), jet_pt=-1.0),
        "jet_pt must be positive",
    ),
    (
        "half a cell",
        lambda: collider.jet_images(collider.shower(2, generator=g()), size=2.5),
        "size must be a whole number",
    ),
    ("a cosine of 2", lambda: collider.density(torch.tensor([2.0])), r"\[-1, 1\]"),
    ("whole cosines drawn", lambda: collider.density(torch.tensor([1])), "floating-point"),
    ("an unknown sprite", lambda: sprites.image("star", 0.5, 0.0, 0.0, 0.0), "shape must be"),
    (
        "a sprite of size 0",
        lambda: sprites.image("heart", 0.0, 0.0, 0.0, 0.0),
        "scale must be positive",
    ),
]
INFORMATION: list[Case] = [
    (
        "a source of 0.9",
        lambda: rate_distortion.blahut_arimoto(torch.tensor([0.5, 0.4]), 1 - torch.eye(2), 1.0),
        "sum to 1",
    ),
    (
        "one step of it",
        lambda: rate_distortion.blahut_arimoto_step(
            torch.tensor([0.5, 0.4]), 1 - torch.eye(2), torch.tensor([0.5, 0.5]), 1.0
        ),
        "sum to 1",
    ),
    (
        "descriptions of 0.9",
        lambda: rate_distortion.blahut_arimoto_step(
            torch.tensor([0.5, 0.5]), 1 - torch.eye(2), torch.tensor([0.5, 0.4]), 1.0
        ),
        "q must be probabilities",
    ),
    (
        "a slope of 0",
        lambda: rate_distortion.blahut_arimoto_step(
            torch.tensor([0.5, 0.5]), 1 - torch.eye(2), torch.tensor([0.5, 0.5]), 0.0
        ),
        "slope positive",
    ),
    (
        "a negative eigenvalue",
        lambda: rate_distortion.reverse_water_filling(-ROW - 1, 1.0),
        "none negative",
    ),
    ("a NaN eigenvalue", lambda: rate_distortion.reverse_water_filling(holed(ROW), 1.0), "NaN"),
    (
        "water at 0",
        lambda: rate_distortion.reverse_water_filling(ROW + 1, 0.0),
        "water level must be positive",
    ),
    ("a covariance of nothing", lambda: rate_distortion.covariance_factor(SKEW), "symmetric"),
    ("a KL of it", lambda: rate_distortion.full_gaussian_kl(ROW, SKEW), "not symmetric"),
    ("information of NaN", lambda: rate_distortion.mutual_information(HOLED, POINTS), "finite"),
    (
        "a gap of NaN",
        lambda: rate_distortion.mutual_information_gap(HOLED, torch.ones(3)),
        "mi holds NaN",
    ),
    (
        "2.5 bins",
        lambda: rate_distortion.mutual_information(POINTS, POINTS, bins=2.5),
        "bins must be a whole number",
    ),
    (
        "rates of NaN",
        lambda: rate_distortion.rd_of(model(likelihood=vae.Gaussian()), HOLED, generator=g()),
        "x holds NaN",
    ),
    ("a table that falls", lambda: compression.ans_pop(9, [0, 3, 1, 4], 2), "starts must rise"),
    ("a table that ends early", lambda: compression.ans_pop(9, [0, 1, 3], 2), r"from 0 to 2\^2"),
    (
        "lengths of a table that falls",
        lambda: compression.code_length(torch.tensor([0]), torch.tensor([0, 3, 1, 4]), 2),
        "must rise",
    ),
    (
        "lengths of one that ends early",
        lambda: compression.code_length(torch.tensor([0]), torch.tensor([0, 3]), 2),
        "must rise from 0",
    ),
    (
        "precision 2.5",
        lambda: compression.quantise(ROW + 1, 2.5),
        "precision must be a whole number",
    ),
    ("probabilities of NaN", lambda: compression.quantise(holed(ROW + 1), 4), "finite"),
    ("an empty interval", lambda: compression.ans_push(5, 1, 0, 2), "at least one"),
    ("a negative message", lambda: compression.ans_push(-1, 0, 1, 2), "at least 0"),
]
CHAINS: list[Case] = [
    ("t of -1", lambda: diffusion.posterior(FLAT, FLAT, -1, BETAS), "t counts from 0.*is -1"),
    ("t of 5 in 5", lambda: diffusion.posterior(FLAT, FLAT, 5, BETAS), "below 5"),
    (
        "a step back from -1",
        lambda: diffusion.ddpm_step(FLAT, -1, FLAT, BETAS, FLAT),
        "t counts from 0",
    ),
    (
        "a loss at -1",
        lambda: diffusion.step_loss(predict, FLAT, torch.tensor([0, 1, 2, -1]), SCHEDULE, FLAT),
        "t counts from 0.*-1 to 2",
    ),
    (
        "a loss at 1.5",
        lambda: diffusion.step_loss(predict, FLAT, torch.full((4,), 1.5), SCHEDULE, FLAT),
        "whole numbers",
    ),
    (
        "eps of another shape",
        lambda: diffusion.diffuse(FLAT, torch.ones(4) / 2, FLAT[:1]),
        "one shape",
    ),
    (
        "alpha_bar of 1.5",
        lambda: diffusion.diffuse(FLAT, torch.full((4,), 1.5), FLAT),
        r"\[0, 1\], and is 1.5",
    ),
    (
        "alpha_bar of NaN",
        lambda: diffusion.diffuse(FLAT, torch.full((4,), NAN), FLAT),
        "NaN in places",
    ),
    (
        "alpha_bar of another batch",
        lambda: diffusion.diffuse(FLAT, torch.ones(3), FLAT),
        "one for each sample",
    ),
    (
        "x0 out of pure noise",
        lambda: diffusion.predict_x0(FLAT, torch.zeros(4), FLAT),
        "alpha_bar must lie",
    ),
    (
        "a score without noise",
        lambda: diffusion.score_from_noise(FLAT, torch.ones(4)),
        "no noise, and no score",
    ),
    (
        "betas of 1.5",
        lambda: diffusion.alpha_bars(torch.tensor([0.5, 1.5])),
        r"betas must lie in \[0, 1\]",
    ),
    (
        "a schedule of them",
        lambda: diffusion.Schedule(torch.tensor([0.5, 1.5])),
        "each between 0 and 1",
    ),
    (
        "a schedule of NaN",
        lambda: diffusion.Schedule(torch.tensor([0.5, NAN])),
        "each between 0 and 1",
    ),
    (
        "a path at t = 2",
        lambda: diffusion.flow_matching_pair(FLAT, FLAT, torch.full((4,), 2.0)),
        r"t must lie in \[0, 1\]",
    ),
    (
        "a path to another shape",
        lambda: diffusion.flow_matching_pair(FLAT[:1], FLAT, torch.ones(4)),
        "one shape",
    ),
    (
        "an ELBO of whole numbers",
        lambda: diffusion.elbo(predict, INTS, SCHEDULE, generator=g()),
        "floating point",
    ),
    (
        "half a draw",
        lambda: diffusion.elbo(predict, FLAT, SCHEDULE, draws=2.5, generator=g()),
        "draws must be a whole number",
    ),
]
OWN: list[Case] = [
    ("a fit of 2.5 steps", lambda: fit(model(), torch.rand(8, 3), 2.5), "must be whole numbers"),
    ("2.25 latents", lambda: vae.mlp_vae(3, 2.25, generator=g()), "width must be a whole number"),
    (
        "half a sprite",
        lambda: sprites.draw_factors(2.5, generator=g()),
        "n must be a whole number",
    ),
    (
        "half a pixel",
        lambda: sprites.image("heart", 0.5, 0.0, 0.0, 0.0, size=8.5),
        "size must be a whole number",
    ),
    (
        "groups too few",
        lambda: own_data.prepare(POINTS, groups=np.arange(50)[::1] > 20),
        "2 groups cannot be shared out",
    ),
    (
        "groups of another length",
        lambda: own_data.prepare(POINTS, groups=[1, 2]),
        "one entry for each of the 50",
    ),
    (
        "an unknown word for repeats",
        lambda: own_data.prepare(POINTS, repeats="no"),
        '"keep", "apart" or "drop"',
    ),
    (
        "an unknown axis",
        lambda: own_data.prepare(POINTS, channels="middle"),
        '"first", "last" or "none"',
    ),
    ("channels of a table", lambda: own_data.prepare(POINTS, channels="last"), "axis of"),
    ("a sample of 3", lambda: own_data.read(POINTS, sample=3), "from 20"),
    ("a dict", lambda: own_data.read({"a": POINTS}), "one of its entries, .'a'"),
    (
        "groups by a name in memory",
        lambda: own_data.read(torch.rand(50, 3), groups="patient"),
        "give groups as an array",
    ),
    ("a mask of complex", lambda: own_data.read(POINTS * 1j), "numpy.abs"),
    (
        "a size of 2.5",
        lambda: own_data.read(torch.rand(30, 4, 4), size=2.5),
        "positive number of pixels",
    ),
    (
        "a split of groups too few",
        lambda: datasets.split(POINTS, groups=torch.zeros(50).long()),
        "1 groups cannot",
    ),
]
CASES = [*LIKELIHOODS, *LATENTS, *DENSITIES, *SIMULATORS, *INFORMATION, *CHAINS, *OWN]


@pytest.mark.parametrize(("call", "words"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_each_gets_one_sentence(call: Callable[[], object], words: str) -> None:
    """A ValueError of one line that names the mistake; a fit may also have diverged."""
    with pytest.raises((ValueError, training.DivergedError)) as caught:
        call()
    said = str(caught.value)
    assert re.search(words, said), said
    assert "\n" not in said and said.endswith((".", ".)", '"'))


def test_the_table_is_long_and_has_no_case_twice() -> None:
    names = [case[0] for case in CASES]
    assert len(names) == len(set(names)) and len(names) >= 150
