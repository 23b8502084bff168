"""A VAE for data that nobody has seen before: sensible sizes, honest numbers, plain warnings."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import rate_distortion, training, vae
from ..estimates import mean_and_error
from ..rate_distortion import reverse_water_filling
from .data import FEW, Prepared

SECONDS = 10.0  # that a fit, or a curve, may take on one thread of a laptop, roughly
MULTIPLICATIONS = 8e9  # per second there, forwards and backwards counted
MOST_STEPS, FEWEST_STEPS = 1500, 150
BATCH, LEARNING_RATE = 128, 4e-3
FLAT_DIM = 1024  # up to this many numbers per sample, fully connected layers are faster
DRAWS = 8  # of z, and of the noise within a step, for each held-out sample
ACTIVE = 0.05  # nats: a latent with a lower rate is silent
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
STANDARD_ERRORS = 4  # a difference of fewer is called chance: once in 30,000


# ---------------------------------------------------------------------- the fit


@dataclass(frozen=True)
class Fitted:
    """A model, the data it was fitted to, and how."""

    model: vae.VAE
    data: Prepared
    history: training.History
    settings: dict[str, Any]  # for the report, by name


def fit_vae(
    data: Prepared,
    *,
    latents: int | None = None,
    steps: int | None = None,
    convolutional: bool | None = None,
    periodic: bool = False,
    generator: torch.Generator,
) -> Fitted:
    """Fit a VAE, with a progress bar; what is not given is chosen from the size of the data.

    Binary data get a Bernoulli likelihood, others a Gaussian whose sigma follows the errors.
    Two hidden layers, or three convolutions for grey square images of more than 1024 pixels. The
    rate is warmed up over a fifth of the steps, and the parameters with the lowest validation
    loss are kept.

    Args:
        data: from `prepare`.
        latents: K; sqrt(D) but at most 8 if None.
        steps: batches of 128; if None, as many as take a laptop about ten seconds.
        convolutional: True or False instead of the choice by size.
        periodic: convolutions go round the edges, for pictures of a periodic box.
        generator: of weights, order and noise.

    Returns:
        Fitted.

    Raises:
        ValueError: if latents or steps is below 1, or convolutions are asked for and the
            samples are not square grey images.
    """
    k = min(8, max(2, round(math.sqrt(data.data_dim)))) if latents is None else latents
    if k < 1 or (steps is not None and steps < 1):
        raise ValueError(f"latents and steps must be at least 1, got {k} and {steps}.")
    square = len(data.shape) == 2 and data.shape[0] == data.shape[1]
    if convolutional and not square:
        raise ValueError(
            f"Convolutions here need square grey images, and a sample has the shape {data.shape}: "
            "load it with size=..., without colour, or leave convolutional=True out."
        )
    if convolutional is None:
        convolutional = square and data.data_dim > FLAT_DIM
    head = vae.Bernoulli() if data.kind == "binary" else vae.Gaussian(1.0, "optimal")
    if convolutional:
        channels = (8, 16, 32)
        model = vae.conv_vae(
            data.shape[0],
            k,
            channels=channels,
            periodic=periodic,
            likelihood=head,
            generator=generator,
        )
        network = f"convolutions with {', '.join(map(str, channels))} channels"
    else:
        model = _flat_vae(data, k, head, generator)
        network = f"fully connected, twice {_width(data)} units"
    steps = _steps(model) if steps is None else steps
    per_epoch = math.ceil(len(data.train) / BATCH)
    warm_up = max(1, steps // 5)
    history = training.fit(
        model,
        loss(data, generator),
        data.train,
        steps=steps,
        batch=BATCH,
        lr=training.cosine(LEARNING_RATE, steps),
        weights=vae.kl_warm_up(warm_up),
        validation=data.validation,
        # At least until the warm-up is over; an epoch of few data has few steps.
        patience=math.ceil(max(300, 1.5 * warm_up) / per_epoch),
        generator=generator,
    )
    settings = {
        "network": network,
        "likelihood": "Bernoulli" if data.kind == "binary" else "Gaussian, sigma adapted",
        "latents": k,
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
        "steps": f"{len(history.loss)}, best at {history.best_step}",
        "batch": BATCH,
        "learning rate": LEARNING_RATE,
        "seed": f"{generator.initial_seed()}, of the split {data.seed}",
    }
    return Fitted(model, data, history, settings)


def loss(data: Prepared, generator: torch.Generator) -> training.Loss:
    """Distortion and rate of a batch in the data's units, with fresh noise within each step.

    Returns: `loss(model, x)` for `training.fit`, in nats of the model's units.
    """
    return lambda model, x: model.terms(data.to_model(x, generator), generator=generator)


def _flat_vae(
    data: Prepared, k: int, head: vae.Bernoulli | vae.Gaussian, generator: torch.Generator
) -> vae.VAE:
    hidden = (_width(data),) * 2
    return vae.mlp_vae(data.data_dim, k, hidden=hidden, likelihood=head, generator=generator)


def _width(data: Prepared) -> int:
    return 128 if data.data_dim <= FLAT_DIM else 256


def _steps(model: vae.VAE, models: int = 1) -> int:
    """A budget that takes about `SECONDS`, the same on every machine."""
    work = 3 * models * BATCH * _multiplications(model)  # backwards costs twice as much
    return int(min(MOST_STEPS, max(FEWEST_STEPS, SECONDS * MULTIPLICATIONS / work)))


@torch.no_grad()
def _multiplications(model: vae.VAE) -> int:
    """Of one sample on its way through encoder and decoder."""
    count = 0

    def add(layer: Any, _: object, out: Tensor) -> None:
        nonlocal count
        count += out[0].numel() * layer.weight[0].numel()

    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    model.decode(model.encode(torch.zeros(1, model.data_dim))[0])
    for hook in hooks:
        hook.remove()
    return count


# ---------------------------------------------------------------------- the numbers


@dataclass(frozen=True)
class Scores:
    """How good a model is on samples it has not seen: means with standard errors, nats per sample.

    For binary and stepped data they are lengths of a file; for real numbers they are densities.
    """

    negative_elbo: tuple[float, float]  # on test data
    train_negative_elbo: tuple[float, float]  # on as many training samples
    per_sample: Tensor  # (N,), the negative ELBO of each test sample
    simple: dict[str, Tensor]  # (N,), of simpler models on the same samples, by name
    rate: float
    rates: Tensor  # (K,), falling
    order: Tensor  # (K,), which latent has which of these rates
    bits_per_dim: tuple[float, float]
    sigma: float | None  # of the Gaussian decoder, as a share of the data's deviation

    @property
    def used(self) -> int:
        """Latents with a rate of at least 0.05 nats."""
        return int((self.rates >= ACTIVE).sum())


@torch.no_grad()
def score(fitted: Fitted, *, generator: torch.Generator) -> Scores:
    """Held-out negative ELBO, beside the training data's and that of simpler models.

    The simpler models: every number by itself, a Gaussian or a coin each; and, where the training
    data are at least four times as many as their dimensions, one Gaussian with all covariances.

    Args:
        fitted: from `fit_vae`.
        generator: of z and of the noise within a step.
    """
    data, model = fitted.data, fitted.model
    nats = _negative_elbo(fitted, data.test, generator)
    train_nats = _negative_elbo(fitted, data.train[: max(200, len(data.test))], generator)
    rates = vae.kl_per_unit(model, data.to_model(data.test, generator))
    mean, error = mean_and_error(nats)
    to_bits = 1 / (data.data_dim * math.log(2))
    falling = rates.sort(descending=True)
    return Scores(
        (mean, error),
        mean_and_error(train_nats),
        nats,
        _simple_models(data, generator),
        float(rates.sum()),
        falling.values,
        falling.indices,
        (mean * to_bits, error * to_bits),
        None if data.kind == "binary" else sigma_of(model),
    )


def _negative_elbo(fitted: Fitted, x: Tensor, generator: torch.Generator) -> Tensor:
    """Nats of each sample, (N,), over fresh noise within each step."""
    data = fitted.data
    draws = [
        vae.evaluate_elbo(fitted.model, data.to_model(x, generator), generator=generator)
        for _ in range(DRAWS)
    ]
    return data.constant_nats - torch.stack(draws).mean(dim=0)


def _simple_models(data: Prepared, generator: torch.Generator) -> dict[str, Tensor]:
    """-log p of each test sample, (N,), by the name of the model."""
    n, d = data.train.shape
    if data.kind == "binary":
        ones = data.to_model(data.train, generator).sum(dim=0)
        logits = ((ones + 1) / (n + 2)).logit()  # one more of each: no zeros
        test = data.to_model(data.test, generator)
        log_p = vae.bernoulli_log_likelihood(test, logits.expand_as(test))
        return {"a coin per number": -log_p}
    y = data.to_model(data.train, generator).double()
    y_test = data.to_model(data.test, generator).double()
    deviation = y.std(dim=0).clamp_min(1e-3)  # as low as the decoder's
    alone = torch.distributions.Normal(y.mean(dim=0), deviation)
    log_p = {"a Gaussian per number": alone.log_prob(y_test).sum(dim=1)}
    if n >= 4 * d:
        cov = y.T.cov() if d > 1 else y.T.cov().reshape(1, 1)  # () -> (1, 1)
        floor = 1e-6 * torch.eye(d, dtype=y.dtype)
        joint = torch.distributions.MultivariateNormal(y.mean(dim=0), cov + floor)
        log_p["one Gaussian for all"] = joint.log_prob(y_test)
    return {name: (data.constant_nats - values).float() for name, values in log_p.items()}


def cautions(fitted: Fitted, scores: Scores) -> list[str]:
    """What a careful reader of the numbers has to know, one sentence each; often none.

    Too few data, repeats, columns that never change, a model that is better on its training data
    or worse than a simpler one, silent latents, numbers that are no file sizes.
    """
    data, found = fitted.data, list[str]()
    n, k = len(data.train), len(scores.rates)
    found += data.notes
    if n < FEW:
        found.append(f"Only {n} training samples: expect another result with another seed.")
    constant = int((data.train == data.train[:1]).all(dim=0).sum())
    if constant:
        found.append(
            f"{constant} of {data.data_dim} numbers of a sample never change: they cost nothing "
            "to predict and flatter every number per dimension."
        )
    gap = scores.negative_elbo[0] - scores.train_negative_elbo[0]
    chance = math.hypot(scores.negative_elbo[1], scores.train_negative_elbo[1])
    if gap > max(1.0, STANDARD_ERRORS * chance):
        found.append(
            f"The model is {gap:.3g} nats better on training samples than on new ones: it learns "
            "them by heart; more data, fewer latents or fewer steps would help."
        )
    for name, simple in scores.simple.items():
        worse, chance = mean_and_error(scores.per_sample - simple)  # what both find hard cancels
        if worse > STANDARD_ERRORS * chance:
            why = ""
            if name == "a Gaussian per number":
                why = ": it has a deviation for each number, and the VAE one for all"
            found.append(
                f"A simpler model, {name}, is better by {worse:.3g} nats per sample{why}; more "
                "steps, or more data, may change that."
            )
    if scores.used == 0:
        found.append("No latent is used: the decoder ignores the code, and all samples are alike.")
    elif scores.used < k:
        found.append(
            f"{k - scores.used} of {k} latents are silent (a rate below {ACTIVE} nats): "
            f"{scores.used} suffice here."
        )
    elif data.data_dim > k:
        found.append(f"All {k} latents are used: more of them may be better.")
    with_steps = int(data.stepped.expand(1, data.data_dim).sum())
    if data.kind == "real" and with_steps:
        found.append(f"{with_steps} of {data.data_dim} numbers have a step, the others none.")
    if data.kind == "real":
        found.append(
            "Real numbers have densities: their nats and bits change with the units, and only "
            "differences between models on these same data mean something."
        )
    return found


# ---------------------------------------------------------------------- the curve


@dataclass(frozen=True)
class Curve:
    """Rate and error of VAEs with different betas on test data, and what a Gaussian source allows.

    Errors are root mean squares per number, as a share of the test data's deviation: 1 is
    "nothing was told".
    """

    betas: Tensor  # (M,)
    rate: Tensor  # (M,), nats per sample
    distortion: Tensor  # (M,), nats per sample
    rms: Tensor  # (M,)
    models: list[vae.VAE]
    limit: tuple[Tensor, Tensor] | None  # rate and rms (L,) of a Gaussian with this covariance


def rate_distortion_curve(
    fitted: Fitted,
    betas: tuple[float, ...] = BETAS,
    *,
    steps: int | None = None,
    generator: torch.Generator,
) -> Curve:
    """VAEs for a range of betas, fitted all at once by `training.sweep`.

    They are fully connected with as many latents as `fitted`, start from its weights where these
    are fully connected, too, and share its sigma: with a Gaussian decoder beta sigma^2 is what
    counts. The limit is Shannon's for a Gaussian source
    with the covariance of the training data, drawn where these are at least four times as many
    as their dimensions: of all sources with this covariance the Gaussian one is the most
    expensive, so a good model of other data lies below it.

    Args:
        fitted: from `fit_vae`.
        betas: of the models.
        steps: as in `fit_vae`.
        generator: of weights, order and noise.

    Raises:
        ValueError: as `training.sweep`.
    """
    data, k = fitted.data, fitted.model.latent_dim
    sigma = 1.0 if data.kind == "binary" else sigma_of(fitted.model)

    flat = not any(isinstance(part, nn.Conv2d) for part in fitted.model.modules())

    def start() -> vae.VAE:
        head = vae.Bernoulli() if data.kind == "binary" else vae.Gaussian(sigma)
        model = copy.deepcopy(fitted.model) if flat else _flat_vae(data, k, head, generator)
        model.likelihood = head
        return model

    models = [start() for _ in betas]
    steps = _steps(models[0], len(betas)) if steps is None else steps
    swept = training.sweep(
        models,
        loss(data, generator),
        data.train,
        betas,
        held_out=data.test,
        steps=steps,
        lr=training.cosine(LEARNING_RATE, steps),
        batch=BATCH,
        samples=2,
        generator=generator,
    )
    y = data.to_model(data.test, generator)
    # Of these very numbers: who is told nothing errs by 1 at least, whatever the training data's
    # spread is, and no curve begins below the limit by a difference of two variances.
    variance = float(y.double().var(dim=0, correction=0).sum())
    fine: list[Any] = list(swept.models)
    points = [rate_distortion.rd_of(m, y, samples=2, generator=generator) for m in fine]
    rms = torch.stack([(point.mse_sum / variance).sqrt() for point in points])
    rate = torch.stack([point.rate for point in points])
    distortion = torch.stack([point.distortion for point in points]) + data.constant_nats
    limit = _gaussian_limit(data, rate, generator)
    return Curve(swept.betas, rate, distortion, rms, fine, limit)


def sigma_of(model: vae.VAE) -> float:
    """The deviation of a model's Gaussian decoder."""
    likelihood: Any = model.likelihood
    return float(likelihood.sigma)


def _gaussian_limit(
    data: Prepared, rate: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor] | None:
    """Shannon's curve for a Gaussian source with the training covariance, up to these rates."""
    n, d = data.train.shape
    if n < 4 * d or data.kind == "binary":
        return None
    y = data.to_model(data.train, generator).double()  # with the noise that the models see
    eigenvalues = torch.linalg.eigvalsh(y.T.cov().reshape(d, d)).clamp_min(1e-9)  # () -> (1, 1)
    levels = torch.logspace(-4, 0, 400, dtype=torch.float64) * eigenvalues.max()
    limit_rate, squared = reverse_water_filling(eigenvalues, levels)
    shown = limit_rate <= 1.3 * float(rate.max()) + 0.1
    return limit_rate[shown], (squared[shown] / eigenvalues.sum()).sqrt()
