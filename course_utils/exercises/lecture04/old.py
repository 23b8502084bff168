"""The exercises of lecture 04, the evidence: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..gaussian_latents import (
    Model,
    in_units_of,
    log_joint_curvature,
    posterior_truth,
    random_data,
    random_loadings,
    random_posterior,
)
from ..laws import agree, law
from ..lecture02.old import LOG_2PI, near
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


def check_gradients(
    f: Subject, args: tuple, names: dict[int, str], truth: Callable[..., Tensor], c: Tensor
) -> None:
    """The gradients of sum(c * f(*args)) for the arguments `names` are those of `truth`.

    `truth` is called in double precision; `names` gives each position its name in messages.
    """
    exact = tuple(a.double().requires_grad_() if isinstance(a, Tensor) else a for a in args)
    wanted = torch.autograd.grad(truth(*exact), [exact[i] for i in names], c.double())
    for name, got, want in zip(names.values(), f.vjp(args, tuple(names), c), wanted, strict=True):
        law(
            got is not None,
            f"No gradient reaches `{name}`, so nothing behind it can be trained: look for "
            "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
        law(
            near(got, want),
            f"The gradient with respect to `{name}` is wrong, although the values are right: "
            "something is cut out of the graph.",
            "wrong-gradient",
        )


# --- 04.effective_sample_size ---------------------------------------------------------------


def squared_spread(log_w: Tensor) -> Tensor:
    """Variance over squared mean of the weights of each column (B,), in double precision."""
    w = (log_w.double() - log_w.double().max(0).values).exp()
    return w.var(0, correction=0) / w.mean(0) ** 2


def _share(log_w: Tensor) -> Tensor:
    """Weights that add up to one in each column."""
    return torch.softmax(log_w, 0)


def _ess(log_w: Tensor) -> Tensor:
    return 1 / _share(log_w).square().sum(0)


def _of_weights(rule: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A rule for the weights as they are, overflow included."""
    return lambda log_w: rule(log_w.exp())


def _kish(w: Tensor) -> Tensor:
    return w.sum(0) ** 2 / w.square().sum(0)


def _with_s_minus_one(log_w: Tensor) -> Tensor:
    s = len(log_w)
    return s / (1 + (s / _ess(log_w) - 1) * s / (s - 1))


def _by_global_maximum(log_w: Tensor) -> Tensor:
    return _kish((log_w - log_w.max()).exp())


@exercise(
    "04.effective_sample_size",
    "log_w (S, B) -> (B,)",
    proves="The number of draws over the effective one is one plus the squared relative spread of "
    "the weights, column by column: for fresh weights, one draw, one column, double precision, "
    "and log-weights near +10000 and -10000 side by side.",
    hints=(
        "The weights of one column are exp(log_w). Equal weights count fully: S draws are worth S. "
        "One weight that towers over the others is worth one draw.",
        "(sum w)^2 / sum w^2, both sums over the S draws, axis 0. A factor common to all weights "
        "of a column cancels, so you may choose one that keeps exp from overflowing.",
        "`torch.softmax(log_w, dim=0)` gives weights that add up to one, without overflow. What is "
        "left of the formula then?",
    ),
    twin="course_utils.inference:effective_sample_size",
    mistakes=(
        Mistake(
            "overflow",
            "exp(log_w) overflows for large log-weights and is 0 for very negative ones: subtract "
            "each column's largest first, it cancels in the ratio.",
            _of_weights(_kish),
        ),
        Mistake(
            "overflow",
            "The weights are divided by their sum after the exponential, which has overflowed or "
            "is 0 by then: subtract each column's largest log-weight first.",
            lambda log_w: 1 / (log_w.exp() / log_w.exp().sum(0)).square().sum(0),
        ),
        Mistake(
            "overflow",
            "The small number below the fraction hides a division of 0 by 0: exp(log_w) overflows "
            "or is 0 all the same. Subtract each column's largest log-weight first.",
            _of_weights(lambda w: w.sum(0) ** 2 / (w.square().sum(0) + 1e-30)),
        ),
        Mistake(
            "global-maximum",
            "One maximum over all columns is subtracted: where a column lies far below it, all its "
            "weights are 0. Each column has its own maximum, axis 0.",
            _by_global_maximum,
        ),
        Mistake(
            "inverse",
            "This is one over the effective sample size: numerator and denominator are exchanged.",
            lambda log_w: 1 / _ess(log_w),
        ),
        Mistake(
            "fraction",
            "This is the effective fraction, as when means stand where sums belong: the number of "
            "draws itself is wanted.",
            lambda log_w: _ess(log_w) / len(log_w),
        ),
        Mistake(
            "largest-weight",
            "This is one over the largest normalised weight, another measure: all weights enter, "
            "through their squares.",
            lambda log_w: 1 / _share(log_w).max(0).values,
        ),
        Mistake(
            "perplexity",
            "This is the exponential of the weights' entropy, another measure of how many count: "
            "the sum of squares is wanted.",
            lambda log_w: torch.special.entr(_share(log_w)).sum(0).exp(),
        ),
        Mistake(
            "logarithm",
            "This is the logarithm of the effective sample size: take its exponential.",
            lambda log_w: _ess(log_w).log(),
        ),
        Mistake(
            "sum-not-squared",
            "The sum of the weights is not squared: the result then depends on a common factor of "
            "the weights, which says nothing about how many count.",
            _of_weights(lambda w: w.sum(0) / w.square().sum(0)),
        ),
        Mistake(
            "weights-not-squared",
            "The weights are not squared in the denominator: the result is their sum.",
            _of_weights(lambda w: w.sum(0)),
        ),
        Mistake(
            "weights-not-squared",
            "The normalised weights are summed without their squares, which is 1 whatever they "
            "are.",
            lambda log_w: 1 / _share(log_w).sum(0),
        ),
        Mistake(
            "mean-weight",
            "This is the mean of the weights, an estimate of the evidence: how many draws count is "
            "another question.",
            _of_weights(lambda w: w.mean(0)),
        ),
        Mistake(
            "not-exponentiated",
            "The log-weights are used as if they were the weights.",
            lambda log_w: _kish(log_w),
        ),
        Mistake(
            "square-root",
            "This is the root of the effective sample size.",
            lambda log_w: _ess(log_w).sqrt(),
        ),
        Mistake(
            "not-normalised",
            "The variance of the weights is not divided by their squared mean, so a common factor "
            "changes the result.",
            _of_weights(lambda w: len(w) / (1 + w.var(0, correction=0))),
        ),
        Mistake(
            "n-minus-one",
            "The variance of the weights is taken with S - 1, as `var` does: the formula is "
            "exact with S.",
            _with_s_minus_one,
        ),
        Mistake(
            "normalised-over-batch",
            "The weights are normalised over the batch: each column's weights add up to one, over "
            "axis 0.",
            lambda log_w: _kish(torch.softmax(log_w, 1)),
        ),
        Mistake(
            "wrong-axis",
            "The sums run over the batch, axis 1: draws stand along axis 0.",
            lambda log_w: _ess(log_w.T),
        ),
        Mistake(
            "all-together",
            "One number came back for all columns together: each column of the batch has weights "
            "and an effective sample size of its own.",
            lambda log_w: _ess(log_w.flatten()),
        ),
    ),
)
def check_effective_sample_size(f: Subject, draw: Draw) -> None:
    s, b, many = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [0.3 + draw.normal(s, b, dtype=torch.float64), 1.5 * draw.normal(many, 1) - 0.4]
    for log_w, value in [(log_w, f(log_w)) for log_w in cases]:
        law(
            agree(len(log_w) / value, 1 + squared_spread(log_w)),
            "The number of draws over your effective one should be 1 + the weights' variance over "
            "their squared mean, in each column.",
            "wrong-size",
        )
    log_w = draw.normal(s, b, dtype=torch.float64)  # near 10000 float32 is spaced by 1e-3
    moved = log_w + torch.where(torch.arange(b) % 2 == 0, 10_000.0, -10_000.0)
    moved[0, 0] += 200  # beside it the other draws of the first column weigh nothing
    law(
        agree(len(moved) / f(moved), 1 + squared_spread(moved)),
        "For log-weights near +10000 and -10000 the result is off, although only differences "
        "within a column count: subtract each column's largest log-weight before the exponential.",
        "overflow",
    )
    law(
        agree(f(10 * draw.normal(1, b)), torch.ones(b)),
        "With a single draw the effective sample size is 1.",
        "one-draw",
    )


# --- 04.gaussian_kl -------------------------------------------------------------------------


def kl_by_two_points(mu: Tensor, log_var: Tensor) -> Tensor:
    """<log q(z) - log p(z)>_q as the average over z = mu - sigma and mu + sigma, in each latent.

    Exact, because both logarithms are quadratic in z. Double precision.
    """
    mu, log_var = mu.double(), log_var.double()
    standard, eps = Normal(0.0, 1.0), torch.tensor([-1.0, 1.0]).double()[:, None, None]
    z = mu + eps * (log_var / 2).exp()  # (2, B, K)
    log_q = standard.log_prob(eps) - log_var / 2
    return (log_q - standard.log_prob(z)).mean(0).sum(1)


def _kl_terms(mu: Tensor, log_var: Tensor) -> Tensor:
    return (mu**2 + log_var.exp() - 1 - log_var) / 2


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return _kl_terms(mu, log_var).sum(1)


def _summed(terms: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Half the sum over the latents of terms that may be wrong."""
    return lambda mu, log_var: terms(mu, log_var).sum(1) / 2


# The mistakes that an ELBO with its own KL can hold as well.
KL_MISTAKES = (
    Mistake(
        "log-std",
        "`log_var` is read as the logarithm of the standard deviation throughout: it is that of "
        "the variance, so nothing is to be doubled or squared.",
        lambda mu, log_var: _kl(mu, 2 * log_var),
    ),
    Mistake(
        "sigma-for-variance",
        "The standard deviation stands where the variance belongs: both are exponentials of "
        "`log_var`, one of half of it.",
        _summed(lambda mu, log_var: mu**2 + (log_var / 2).exp() - 1 - log_var),
    ),
    Mistake(
        "variance-squared",
        "exp(log_var) is squared: it is the variance already.",
        _summed(lambda mu, log_var: mu**2 + (2 * log_var).exp() - 1 - log_var),
    ),
    Mistake(
        "log-sigma",
        "The logarithm of the standard deviation stands where that of the variance belongs: a "
        "factor 1/2 too many on one term.",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() - 1 - log_var / 2),
    ),
    Mistake(
        "log-sigma",
        "The logarithm of the variance is doubled: one of its terms has twice the weight it should "
        "have.",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() - 1 - 2 * log_var),
    ),
    Mistake(
        "mean-over-latents",
        "Averaged over the latent dimension, where the sum is wanted: each latent brings nats of "
        "its own.",
        lambda mu, log_var: _kl_terms(mu, log_var).mean(1),
    ),
    Mistake(
        "no-half",
        "The factor 1/2 is missing.",
        lambda mu, log_var: 2 * _kl(mu, log_var),
    ),
    Mistake(
        "half-twice",
        "The factor 1/2 is there twice.",
        lambda mu, log_var: _kl(mu, log_var) / 2,
    ),
    Mistake(
        "no-one",
        "The -1 of each latent is missing: at mu = 0 and log_var = 0 the KL is zero.",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() - log_var),
    ),
    Mistake(
        "one-sign",
        "The 1 of each latent has the wrong sign: at mu = 0 and log_var = 0 the KL is zero.",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() + 1 - log_var),
    ),
    Mistake(
        "one-once",
        "The 1 is counted once for all latents: each of the K brings its own.",
        lambda mu, log_var: ((mu**2 + log_var.exp() - log_var).sum(1) - 1) / 2,
    ),
    Mistake(
        "reversed",
        "This is the KL in the other direction, of N(0, I) from q: the average goes over q.",
        _summed(lambda mu, log_var: (1 + mu**2) * (-log_var).exp() - 1 + log_var),
    ),
    Mistake(
        "no-mean",
        "`mu` does not enter: a q away from zero is farther from N(0, I).",
        _summed(lambda mu, log_var: log_var.exp() - 1 - log_var),
    ),
    Mistake(
        "mean-not-squared",
        "`mu` is not squared: a shift to the left counts as much as one to the right.",
        _summed(lambda mu, log_var: mu + log_var.exp() - 1 - log_var),
    ),
    Mistake(
        "mean-sign",
        "The term with `mu` has the wrong sign: the farther q is from zero, the larger the KL.",
        _summed(lambda mu, log_var: log_var.exp() - mu**2 - 1 - log_var),
    ),
    Mistake(
        "variance-sign",
        "The term with the variance has the wrong sign: a very wide q is far from N(0, I).",
        _summed(lambda mu, log_var: mu**2 - log_var.exp() - 1 - log_var),
    ),
    Mistake(
        "variance-sign",
        "The term with the variance has the wrong sign, and the 1 with it.",
        _summed(lambda mu, log_var: mu**2 - log_var.exp() + 1 - log_var),
    ),
    Mistake(
        "log-var-sign",
        "The term with `log_var` itself has the wrong sign: a very narrow q is far from N(0, I).",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() - 1 + log_var),
    ),
    Mistake(
        "no-log-var",
        "The term with `log_var` itself is missing, which comes from the entropy of q: a very "
        "narrow q is far from N(0, I).",
        _summed(lambda mu, log_var: mu**2 + log_var.exp() - 1),
    ),
    Mistake(
        "not-exponentiated",
        "`log_var` stands where the variance belongs: take its exponential.",
        _summed(lambda mu, log_var: mu**2 - 1 + 0 * log_var),
    ),
    Mistake(
        "log-of-log",
        "`log_var` is used as the variance itself, and the logarithm of it taken once more: where "
        "it is negative that is nan.",
        _summed(lambda mu, log_var: mu**2 + log_var - 1 - log_var.log()),
    ),
    Mistake(
        "negative",
        "The sign is turned around: a KL is never negative.",
        lambda mu, log_var: -_kl(mu, log_var),
    ),
    Mistake(
        "negative",
        "The sign is turned around, and the factor 1/2 is missing: a KL is never negative.",
        lambda mu, log_var: -2 * _kl(mu, log_var),
    ),
    Mistake(
        "base-two",
        "This is in bits: nats are wanted, by the natural logarithm.",
        lambda mu, log_var: _kl(mu, log_var) / math.log(2),
    ),
)


@exercise(
    "04.gaussian_kl",
    "mu (B, K), log_var (B, K) -> (B,)",
    proves="The KL is the average of log q - log p over q for fresh Gaussians, one sample, "
    "variances from exp(-40) to exp(40) and, in double precision, q close to the prior; gradients "
    "reach mu and log_var.",
    hints=(
        "q is a product over the K latents, so the KL is a sum over them: solve one latent first.",
        "Average log q(z) - log p(z) over q: <(z - mu)^2> is the variance, <z^2> is the variance "
        "plus mu squared, and the constants with 2 pi cancel.",
        "Each latent brings half of four terms: mu squared, the variance exp(log_var), -1, and "
        "minus its logarithm. Sum over axis 1.",
    ),
    twin="course_utils.inference:gaussian_kl",
    mistakes=(
        *KL_MISTAKES,
        Mistake(
            "entropy-only",
            "This is minus the entropy of q, the average of log q: the average of log p has to be "
            "subtracted.",
            _summed(lambda mu, log_var: -(LOG_2PI + 1 + log_var)),
        ),
        Mistake(
            "cross-entropy",
            "This is the average of -log p over q: the average of log q has to be added.",
            _summed(lambda mu, log_var: LOG_2PI + mu**2 + log_var.exp()),
        ),
        Mistake(
            "sum-over-batch",
            "One number came back, summed over the batch too: one KL per sample is wanted, summed "
            "over the latents only.",
            lambda mu, log_var: _kl(mu, log_var).sum(),
        ),
        Mistake(
            "mean-over-batch",
            "One number came back, averaged over the batch: one KL per sample is wanted.",
            lambda mu, log_var: _kl(mu, log_var).mean(),
        ),
        Mistake(
            "mean-over-all",
            "One number came back, averaged over batch and latents: one KL per sample is wanted, "
            "summed over its latents.",
            lambda mu, log_var: _kl_terms(mu, log_var).mean(),
        ),
        Mistake(
            "wrong-axis",
            "The sum runs over the batch: sum over the latents, axis 1.",
            lambda mu, log_var: _kl_terms(mu, log_var).sum(0),
        ),
        Mistake(
            "not-summed",
            "A matrix (B, K) came back, one number per latent: sum over the latents.",
            _kl_terms,
        ),
    ),
)
def check_gaussian_kl(f: Subject, draw: Draw) -> None:
    b, k, more = draw.sizes(3, 2, 7)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [random_posterior(b, k, draw), random_posterior(1, more, draw)]
    for case, value in [(case, f(*case)) for case in cases]:
        law(
            agree(value, kl_by_two_points(*case)),
            "Your KL is not the average of log q(z) - log p(z) over q. Try one latent first, and "
            "put it beside `torch.distributions.kl_divergence`.",
            "wrong-kl",
        )
    mu = draw.normal(b, k)
    for extreme in (torch.full((b, k), -40.0), torch.full((b, k), 40.0)):
        law(
            agree(f(mu, extreme), kl_by_two_points(mu, extreme)),
            "For log_var = -40 or 40 the KL is off: is something added to the variance, or "
            "`log_var` cut off?",
            "extreme-variance",
        )
    close = [0.001 * t for t in random_posterior(b, k, draw, torch.float64)]
    law(
        agree(f(*close), kl_by_two_points(*close)),
        "For q very close to the prior, in double precision, the small KL that is left is off: is "
        "float32 used on the way?",
        "close-to-prior",
    )
    check_gradients(
        f, random_posterior(b, k, draw), {0: "mu", 1: "log_var"}, kl_by_two_points, draw.normal(b)
    )


# --- 04.elbo --------------------------------------------------------------------------------


def elbo_truth(log_likelihood: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """Each draw counts 1/S, in double precision."""
    return log_likelihood.double().mean(0) - kl_by_two_points(mu, log_var)


def _without(kl: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right reconstruction term less a KL that may be wrong."""
    return lambda log_likelihood, mu, log_var: log_likelihood.mean(0) - kl(mu, log_var)


def _less_kl(over_draws: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A combination of the draws that may be wrong less the right KL."""
    return lambda log_likelihood, mu, log_var: over_draws(log_likelihood) - _kl(mu, log_var)


def _log_mean_exp(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


@exercise(
    "04.elbo",
    "log_likelihood (S, B), mu (B, K), log_var (B, K) -> (B,)",
    proves="Reconstruction and KL are both right for fresh inputs, one draw, one sample, double "
    "precision and log-likelihoods near -10000; gradients reach log_likelihood, mu and log_var.",
    hints=(
        "Two terms: how well draws of q explain x, and how far q is from the prior.",
        "The first is an average over q: average the S draws, axis 0. The second is known exactly, "
        "once for each x, and makes the bound smaller.",
        "`log_likelihood.mean(0) - gaussian_kl(mu, log_var)`, with the KL of the exercise before.",
    ),
    twin="course_utils.inference:elbo",
    mistakes=(
        Mistake(
            "importance-weighted",
            "The draws are combined by a log-mean-exp, which is an importance-weighted bound and "
            "needs other weights: the ELBO averages the logarithms themselves.",
            _less_kl(_log_mean_exp),
        ),
        Mistake(
            "importance-weighted",
            "The draws are combined by a log-mean-exp, and the KL is missing: the ELBO averages "
            "the logarithms themselves.",
            lambda log_likelihood, mu, log_var: _log_mean_exp(log_likelihood),
        ),
        Mistake(
            "logsumexp",
            "The draws are combined by a log-sum-exp: the ELBO averages the logarithms themselves.",
            _less_kl(lambda log_likelihood: torch.logsumexp(log_likelihood, 0)),
        ),
        Mistake(
            "sum-over-draws",
            "The log-likelihood is summed over the S draws: an average over q is estimated by "
            "their mean.",
            _less_kl(lambda log_likelihood: log_likelihood.sum(0)),
        ),
        Mistake(
            "sum-over-draws",
            "Log-likelihood less KL is summed over the S draws: an average over q is estimated by "
            "their mean.",
            lambda log_likelihood, mu, log_var: (log_likelihood - _kl(mu, log_var)).sum(0),
        ),
        Mistake(
            "kl-per-draw",
            "The KL is subtracted once for each of the S draws: it belongs to q, once for each x.",
            lambda log_likelihood, mu, log_var: (
                log_likelihood.mean(0) - len(log_likelihood) * _kl(mu, log_var)
            ),
        ),
        Mistake(
            "kl-divided",
            "The KL is divided by the number of draws: it is not an average over them.",
            lambda log_likelihood, mu, log_var: (
                log_likelihood.mean(0) - _kl(mu, log_var) / len(log_likelihood)
            ),
        ),
        Mistake(
            "kl-added",
            "The KL is added: a q far from the prior makes the bound smaller.",
            _without(lambda mu, log_var: -_kl(mu, log_var)),
        ),
        Mistake(
            "no-kl",
            "The KL to the prior is missing: this is the reconstruction term alone.",
            _without(lambda mu, log_var: 0.0),
        ),
        Mistake(
            "kl-only",
            "This is minus the KL alone: the reconstruction term is missing.",
            lambda log_likelihood, mu, log_var: -_kl(mu, log_var),
        ),
        Mistake(
            "kl-sum-over-batch",
            "The KL of the whole batch is subtracted from each x: each has a KL of its own, summed "
            "over the latents only.",
            _without(lambda mu, log_var: _kl(mu, log_var).sum()),
        ),
        Mistake(
            "kl-mean-over-batch",
            "The batch's mean KL is subtracted from each x: each has a KL of its own.",
            _without(lambda mu, log_var: _kl(mu, log_var).mean()),
        ),
        Mistake(
            "kl-mean-over-latents",
            "The KL is averaged over the latents where the sum is wanted: the log-likelihood is a "
            "sum too, and the two must be in the same units.",
            _without(lambda mu, log_var: _kl_terms(mu, log_var).mean(1)),
        ),
        *(
            Mistake(f"kl-{m.slug}", f"The KL is the wrong part. {m.message}", _without(m.function))
            for m in KL_MISTAKES
            if m.slug in ("log-std", "sigma-for-variance", "no-half", "no-one", "reversed")
        ),
        Mistake(
            "negative",
            "This is the negative ELBO, a loss: the bound itself is wanted.",
            lambda *args: _kl(*args[1:]) - args[0].mean(0),
        ),
        Mistake(
            "best-draw",
            "Only the best draw counts in yours: average over all of them.",
            _less_kl(lambda log_likelihood: log_likelihood.max(0).values),
        ),
        Mistake(
            "first-draw",
            "Only the first draw counts in yours: average over all of them.",
            _less_kl(lambda log_likelihood: log_likelihood[0]),
        ),
        Mistake(
            "not-averaged",
            "A matrix (S, B) came back, one number per draw: average over the draws.",
            _less_kl(lambda log_likelihood: log_likelihood),
        ),
        Mistake(
            "mean-over-batch",
            "One number came back, averaged over the batch, as a loss is: one bound per x is "
            "wanted.",
            lambda *args: (args[0].mean(0) - _kl(*args[1:])).mean(),
        ),
        Mistake(
            "sum-over-batch",
            "One number came back, summed over the batch: one bound per x is wanted.",
            lambda *args: (args[0].mean(0) - _kl(*args[1:])).sum(),
        ),
        Mistake(
            "exponentiated",
            "This is the exponential of the bound: a bound on the logarithm is wanted.",
            lambda *args: (args[0].mean(0) - _kl(*args[1:])).exp(),
        ),
        Mistake(
            "base-two",
            "This is in bits: nats are wanted.",
            lambda *args: (args[0].mean(0) - _kl(*args[1:])) / math.log(2),
        ),
    ),
)
def check_elbo(f: Subject, draw: Draw) -> None:
    s, b, k = draw.sizes(3, 3, 8)  # with two draws, S times the KL is the KL without its 1/2
    other_s, other_k = draw.sizes(2, 3, 8)
    cases = [random_bound(s, b, k, draw, torch.float64), random_bound(other_s, 1, other_k, draw)]
    # With q = p nothing but the reconstruction is left. All is asked before anything is judged:
    # on several draws no two mistakes agree by chance.
    values = [f(*case) for case in cases]
    log_likelihood, zero = cases[0][0], torch.zeros(b, k, dtype=torch.float64)
    law(
        agree(f(log_likelihood, zero, zero), log_likelihood.mean(0)),
        "Where q is the prior itself, the bound should be the average of the log-likelihood over "
        "the draws.",
        "wrong-reconstruction",
    )
    for case, value in zip(cases, values, strict=True):
        law(
            agree(value, elbo_truth(*case)),
            "Where q is the prior the bound is right, and elsewhere it is not: look at the KL.",
            "wrong-kl",
        )
    alone = random_bound(1, b, k, draw)
    law(
        agree(f(*alone), elbo_truth(*alone)),
        "With a single draw the bound is wrong.",
        "one-draw",
    )
    log_likelihood, mu, log_var = random_bound(s, b, k, draw)
    low = log_likelihood - 10_000
    law(
        agree(f(low, mu, log_var), elbo_truth(low, mu, log_var)),
        "For log-likelihoods near -10000, as of an image, the bound is wrong: stay in logs.",
        "underflow",
    )
    names = {0: "log_likelihood", 1: "mu", 2: "log_var"}
    check_gradients(f, (log_likelihood, mu, log_var), names, elbo_truth, draw.normal(b))


def random_bound(
    s: int, b: int, k: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(log_likelihood (S, B), mu (B, K), log_var (B, K))."""
    return (1.5 * draw.normal(s, b, dtype=dtype) - 3, *random_posterior(b, k, draw, dtype))


# --- 04.ppca_log_evidence -------------------------------------------------------------------


def evidence_truth(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    """The library's Gaussian with the covariance of Wz + noise, in double precision."""
    x, W, b = x.double(), W.double(), b.double()
    cov = W @ W.T + sigma**2 * torch.eye(len(W), dtype=torch.float64)
    return MultivariateNormal(b, cov).log_prob(x)


def _eye(n: int, like: Tensor) -> Tensor:
    return torch.eye(n, dtype=like.dtype)


def _covariance(W: Tensor, sigma: float) -> Tensor:
    return W @ W.T + sigma**2 * _eye(len(W), W)


def _quadratic(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    precision = torch.linalg.inv(_covariance(W, sigma))
    return ((x - b) @ precision * (x - b)).sum(1)


def _log_det(W: Tensor, sigma: float) -> Tensor:
    return torch.logdet(_covariance(W, sigma))


def _gaussian(x: Tensor, b: Tensor, cov: Tensor) -> Tensor:
    quadratic = ((x - b) @ torch.linalg.inv(cov) * (x - b)).sum(1)
    return -(quadratic + torch.logdet(cov) + len(b) * LOG_2PI) / 2


def _with_cov(cov: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """The Gaussian around b with a covariance that may be wrong."""
    return lambda x, W, b, sigma: _gaussian(x, b, cov(W, sigma))


def _with_normaliser(
    normaliser: Callable[[Tensor, float], Tensor | float],
) -> Callable[..., Tensor]:
    """-1/2 (right quadratic form + a normaliser that may be wrong)."""
    return lambda x, W, b, sigma: -(_quadratic(x, W, b, sigma) + normaliser(W, sigma)) / 2


def _evidence(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    return _gaussian(x, b, _covariance(W, sigma))


def _latent_precision(W: Tensor, sigma: float) -> Tensor:
    """M = W^T W + sigma^2 I, (K, K)."""
    return W.T @ W + sigma**2 * _eye(W.shape[1], W)


def _latent_mean(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    return (x - b) @ W @ torch.linalg.inv(_latent_precision(W, sigma))


def _noise(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """log N(x; mean, sigma^2 I)."""
    return Normal(0.0, 1.0).log_prob((x - mean) / sigma).sum(1) - x.shape[1] * math.log(sigma)


def _at_posterior_mean(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    return _noise(x, _latent_mean(x, W, b, sigma) @ W.T + b, sigma)


def _joint_at_posterior_mean(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    prior = Normal(0.0, 1.0).log_prob(_latent_mean(x, W, b, sigma)).sum(1)
    return _at_posterior_mean(x, W, b, sigma) + prior


def _average_of_logs(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    return _noise(x, b, sigma) - W.square().sum() / (2 * sigma**2)


def _all_pairs(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    d = x - b
    quadratic = d @ torch.linalg.inv(_covariance(W, sigma)) @ d.T
    return -(quadratic + _log_det(W, sigma) + len(W) * LOG_2PI) / 2


EVIDENCE_MISTAKES = (
    Mistake(
        "sigma-for-variance",
        "sigma stands on the diagonal where sigma squared belongs: the noise adds its variance to "
        "the covariance.",
        _with_cov(lambda W, sigma: W @ W.T + sigma * _eye(len(W), W)),
    ),
    Mistake(
        "identity-missing",
        "sigma^2 is added to every element of W W^T: the noise of different dimensions is "
        "independent, so it belongs on the diagonal only (`torch.eye`).",
        _with_cov(lambda W, sigma: W @ W.T + sigma**2),
    ),
    Mistake(
        "unit-noise",
        "The noise enters with variance one: sigma^2 multiplies the identity.",
        _with_cov(lambda W, sigma: W @ W.T + _eye(len(W), W)),
    ),
    Mistake(
        "diagonal-only",
        "Only the diagonal of the covariance is used: the dimensions of x share the latents and "
        "are correlated.",
        _with_cov(lambda W, sigma: torch.diag(_covariance(W, sigma).diagonal())),
    ),
    Mistake(
        "covariance-as-root",
        "The covariance is handed over where a standard deviation or a Cholesky factor is "
        "expected, and squared.",
        _with_cov(lambda W, sigma: _covariance(W, sigma) @ _covariance(W, sigma)),
    ),
    Mistake(
        "precision-for-covariance",
        "This is the Gaussian whose precision matrix is W W^T + sigma^2 I: that is the covariance.",
        _with_cov(lambda W, sigma: torch.linalg.inv(_covariance(W, sigma))),
    ),
    Mistake(
        "precision-for-covariance",
        "The covariance stands in the quadratic form where its inverse belongs.",
        lambda x, W, b, sigma: (
            -(
                ((x - b) @ _covariance(W, sigma) * (x - b)).sum(1)
                + _log_det(W, sigma)
                + len(W) * LOG_2PI
            )
            / 2
        ),
    ),
    Mistake(
        "at-z-zero",
        "This is the likelihood at z = 0: the evidence averages the likelihood over all z of the "
        "prior, which widens the covariance along the columns of W.",
        lambda x, W, b, sigma: _noise(x, b, sigma),
    ),
    Mistake(
        "at-posterior-mean",
        "This is the likelihood at the posterior mean, the best z: the evidence averages over all "
        "z of the prior.",
        _at_posterior_mean,
    ),
    Mistake(
        "joint-at-posterior-mean",
        "This is the joint density p(x, z) at the posterior mean: the evidence integrates it over "
        "z.",
        _joint_at_posterior_mean,
    ),
    Mistake(
        "average-of-logs",
        "This is the prior's average of log p(x | z): the evidence is the logarithm of the average "
        "instead, which is larger.",
        _average_of_logs,
    ),
    Mistake(
        "not-centred",
        "b is not subtracted from `x`.",
        lambda x, W, b, sigma: _evidence(x, W, torch.zeros_like(b), sigma),
    ),
    Mistake(
        "no-two-pi",
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
        _with_normaliser(_log_det),
    ),
    Mistake(
        "two-pi-once",
        "log 2 pi is counted once for the whole vector: each of the D dimensions brings its own.",
        _with_normaliser(lambda W, sigma: _log_det(W, sigma) + LOG_2PI),
    ),
    Mistake(
        "two-pi-of-latents",
        "log 2 pi is counted K times: x has D dimensions, and each brings its own.",
        _with_normaliser(lambda W, sigma: _log_det(W, sigma) + W.shape[1] * LOG_2PI),
    ),
    Mistake(
        "two-pi-squared",
        "log 2 pi is counted D times D: a term that holds the factor D already was summed over the "
        "D dimensions again.",
        _with_normaliser(lambda W, sigma: _log_det(W, sigma) + len(W) ** 2 * LOG_2PI),
    ),
    Mistake(
        "two-pi-not-halved",
        "The constant is D log 2 pi where half of it belongs: the density has a square root of "
        "2 pi in each dimension.",
        _with_normaliser(lambda W, sigma: _log_det(W, sigma) + 2 * len(W) * LOG_2PI),
    ),
    Mistake(
        "no-log-det",
        "The determinant of the covariance is missing: a wide Gaussian is lower than a narrow one.",
        _with_normaliser(lambda W, sigma: len(W) * LOG_2PI),
    ),
    Mistake(
        "no-normaliser",
        "This is the exponent alone: without the normaliser it is not the log of a density.",
        _with_normaliser(lambda W, sigma: 0.0),
    ),
    Mistake(
        "log-det-not-halved",
        "log det of the covariance is not halved: the density is divided by the square root of "
        "the determinant.",
        _with_normaliser(lambda W, sigma: 2 * _log_det(W, sigma) + len(W) * LOG_2PI),
    ),
    Mistake(
        "log-det-sign",
        "log det of the covariance has the wrong sign: a wide Gaussian is lower than a narrow one.",
        _with_normaliser(lambda W, sigma: len(W) * LOG_2PI - _log_det(W, sigma)),
    ),
    Mistake(
        "log-det-of-latents",
        "The determinant is that of the K by K matrix W^T W + sigma^2 I alone: the D - K "
        "directions without signal bring noise of their own.",
        _with_normaliser(
            lambda W, sigma: torch.logdet(_latent_precision(W, sigma)) + len(W) * LOG_2PI
        ),
    ),
    Mistake(
        "log-det-of-latents",
        "In the determinant the noise is counted for all D directions beside the K by K matrix "
        "W^T W + sigma^2 I, which holds K of them already.",
        _with_normaliser(
            lambda W, sigma: (
                torch.logdet(_latent_precision(W, sigma)) + len(W) * (2 * math.log(sigma) + LOG_2PI)
            )
        ),
    ),
    Mistake(
        "no-half-in-exponent",
        "The quadratic form is not halved.",
        lambda x, W, b, sigma: _evidence(x, W, b, sigma) - _quadratic(x, W, b, sigma) / 2,
    ),
    Mistake(
        "exponent-sign",
        "The quadratic form has the wrong sign: the density falls with the distance from b.",
        lambda x, W, b, sigma: _evidence(x, W, b, sigma) + _quadratic(x, W, b, sigma),
    ),
    Mistake(
        "no-half",
        "The factor 1/2 is missing everywhere: each term of your sum is twice too large.",
        lambda *args: 2 * _evidence(*args),
    ),
    Mistake(
        "exponentiated",
        "This is the evidence itself: its logarithm is wanted.",
        lambda *args: _evidence(*args).exp(),
    ),
    Mistake(
        "negative",
        "This is the negative log-evidence, a loss: the log-evidence itself is wanted.",
        lambda *args: -_evidence(*args),
    ),
    Mistake(
        "base-two",
        "This is in bits: nats are wanted, by the natural logarithm.",
        lambda *args: _evidence(*args) / math.log(2),
    ),
    Mistake(
        "per-dimension",
        "This is divided by D: the log-evidence of the whole vector is wanted.",
        lambda x, W, b, sigma: _evidence(x, W, b, sigma) / len(W),
    ),
    Mistake(
        "sum-over-data",
        "One number came back, summed over the data: one log-evidence per point is wanted.",
        lambda *args: _evidence(*args).sum(),
    ),
    Mistake(
        "mean-over-data",
        "One number came back, averaged over the data: one log-evidence per point is wanted.",
        lambda *args: _evidence(*args).mean(),
    ),
    Mistake(
        "all-pairs",
        "A matrix (N, N) came back: it pairs each point with every other in the quadratic form. "
        "Multiply row by row and sum over D.",
        _all_pairs,
    ),
    Mistake(
        "log-of-det",
        "The determinant of many small variances underflows to 0 before its logarithm is taken: "
        "take both at once (`torch.logdet`).",
        _with_normaliser(
            lambda W, sigma: torch.det(_covariance(W, sigma)).log() + len(W) * LOG_2PI
        ),
    ),
)


@exercise(
    "04.ppca_log_evidence",
    "x (N, D), W (D, K), b (D,), sigma float -> (N,)",
    proves="Height and shape are those of the Gaussian that W z + b + noise has, for fresh models, "
    "one point, a hundred dimensions with little noise, small units and points far from zero; "
    "gradients reach x and W.",
    hints=(
        "x = W z + b + noise is a sum of Gaussians, so it is a Gaussian itself. What are its mean "
        "and its covariance?",
        "z has mean 0 and covariance I, and is independent of the noise: covariances add, "
        "W I W^T + sigma^2 I.",
        "`torch.distributions.MultivariateNormal(b, cov).log_prob(x)` with a D by D `cov`. For "
        "many dimensions, a K by K matrix is enough: look up Woodbury and the matrix determinant "
        "lemma.",
    ),
    twin="course_utils.inference:ppca_log_evidence",
    mistakes=EVIDENCE_MISTAKES,
)
def check_ppca_log_evidence(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.3, 0.5)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    first = random_data(n + 4, random_loadings(k, draw), sigma, draw)
    lone = random_data(1, random_loadings(other_k, draw), sigma + 0.2, draw)
    value, lone_value = f(*first), f(*lone)
    truth = evidence_truth(*first)
    law(
        near(value[0] - value, truth[0] - truth, float(truth.abs().max())),
        "Measured from its value at x = b, the log-evidence does not fall as it should: which "
        "covariance does W z + noise have?",
        "wrong-shape-of-peak",
    )
    law(
        near(value, truth),
        "The log-evidence falls correctly away from b, and its height is wrong: look at the terms "
        "that do not hold `x`.",
        "wrong-height",
    )
    law(
        near(lone_value, evidence_truth(*lone)),
        "For one point alone the log-evidence is wrong.",
        "one-point",
    )
    x, W, b, sigma = random_data(n, draw.normal(k + 3, k, dtype=torch.float64), 0.5, draw)
    small = f(*in_units_of(32, x, W, b, sigma))
    law(
        near(small, evidence_truth(x, W, b, sigma) + len(W) * math.log(32)),
        "In larger units, x, W, b and sigma together, only D times the logarithm of the unit "
        "should be added to the log-evidence: is something added to a diagonal?",
        "depends-on-units",
    )
    d = draw.integer(100, 120)  # det near 1e-360: only its logarithm fits into a float
    many = random_data(n, 5 * draw.normal(d, k, dtype=torch.float64), 0.01, draw)
    law(
        near(f(*many), evidence_truth(*many)),
        "For a hundred dimensions and sigma = 0.01 the log-evidence is off: take the logarithm of "
        "the determinant directly, and stay in double precision where the input is.",
        "many-dimensions",
    )
    # Near 3000 float32 is spaced by 2e-4 and x - b is exact; squares near 1e7 are spaced by 1.
    x, W, b, sigma = first
    far, centre = x + 3000, b + 3000
    law(
        near(f(far, W, centre, sigma), evidence_truth(far, W, centre, sigma)),
        "For points near 3000 with a spread near 1 the log-evidence is far off: rounding errors. "
        "Subtract b from `x` first, then square.",
        "cancellation",
    )
    check_gradients(f, first, {0: "x", 1: "W"}, evidence_truth, draw.normal(len(x)))


# --- 04.ppca_posterior ----------------------------------------------------------------------


Moments = tuple[Tensor, Tensor]


def _posterior(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Moments:
    return _latent_mean(x, W, b, sigma), sigma**2 * torch.linalg.inv(_latent_precision(W, sigma))


def _right_mean(cov: Callable[[Tensor, float], Tensor]) -> Callable[..., Moments]:
    """The right mean with a covariance that may be wrong."""
    return lambda x, W, b, sigma: (_latent_mean(x, W, b, sigma), cov(W, sigma))


def _right_cov(mean: Callable[..., Tensor]) -> Callable[..., Moments]:
    """A mean that may be wrong with the right covariance."""
    return lambda *args: (mean(*args), _posterior(*args)[1])


def _from_precision(precision: Callable[[Tensor, float], Tensor]) -> Callable[..., Moments]:
    """Mean and covariance from a matrix in the place of M = W^T W + sigma^2 I."""

    def posterior(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Moments:
        inverse = torch.linalg.inv(precision(W, sigma))
        return (x - b) @ W @ inverse, sigma**2 * inverse

    return posterior


def _with_plain_sigma(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Moments:
    return _posterior(x, W, b, math.sqrt(sigma))


def _inverse_precision(W: Tensor, sigma: float) -> Tensor:
    return torch.linalg.inv(_latent_precision(W, sigma))


def _least_squares(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    return (x - b) @ W @ torch.linalg.inv(W.T @ W)


POSTERIOR_MISTAKES = (
    Mistake(
        "covariance-not-scaled",
        "The covariance is the inverse of W^T W + sigma^2 I: sigma^2 times it is missing, and "
        "without it noise and signal have no common scale.",
        _right_mean(_inverse_precision),
    ),
    Mistake(
        "precision-for-covariance",
        "The second value is the inverse of the covariance, the precision.",
        _right_mean(lambda W, sigma: _latent_precision(W, sigma) / sigma**2),
    ),
    Mistake(
        "precision-for-covariance",
        "The second value is W^T W + sigma^2 I itself: more signal makes a covariance smaller, so "
        "an inverse is wanted.",
        _right_mean(_latent_precision),
    ),
    Mistake(
        "sigma-for-variance",
        "sigma stands where sigma squared belongs, in W^T W + sigma^2 I and before its inverse.",
        _with_plain_sigma,
    ),
    Mistake(
        "sigma-for-variance",
        "sigma stands where sigma squared belongs in W^T W + sigma^2 I.",
        _from_precision(lambda W, sigma: W.T @ W + sigma * _eye(W.shape[1], W)),
    ),
    Mistake(
        "sigma-for-variance",
        "The covariance is multiplied by sigma where sigma squared belongs.",
        _right_mean(lambda W, sigma: sigma * _inverse_precision(W, sigma)),
    ),
    Mistake(
        "identity-missing",
        "sigma^2 is added to every element of W^T W: it belongs on the diagonal only "
        "(`torch.eye`).",
        _from_precision(lambda W, sigma: W.T @ W + sigma**2),
    ),
    Mistake(
        "unit-noise",
        "The noise enters with variance one: sigma^2 multiplies the identity.",
        _from_precision(lambda W, sigma: W.T @ W + _eye(W.shape[1], W)),
    ),
    Mistake(
        "not-centred",
        "b is not subtracted from `x` in the mean.",
        lambda x, W, b, sigma: _posterior(x, W, torch.zeros_like(b), sigma),
    ),
    Mistake(
        "prior-forgotten",
        "This is the least-squares z with its error: the prior N(0, I), which pulls z towards "
        "zero, is forgotten.",
        lambda x, W, b, sigma: (
            _least_squares(x, W, b, sigma),
            sigma**2 * torch.linalg.inv(W.T @ W),
        ),
    ),
    Mistake(
        "prior-forgotten",
        "The mean is the least-squares z: the prior N(0, I) pulls it towards zero.",
        _right_cov(_least_squares),
    ),
    Mistake(
        "prior-forgotten",
        "The covariance is the error of least squares: the prior N(0, I) makes it smaller.",
        _right_mean(lambda W, sigma: sigma**2 * torch.linalg.inv(W.T @ W)),
    ),
    Mistake(
        "no-inverse",
        "The mean is (x - b) W, as if the columns of W were orthonormal and free of noise: it has "
        "to be divided by W^T W + sigma^2 I.",
        _right_cov(lambda x, W, b, sigma: (x - b) @ W),
    ),
    Mistake(
        "mean-not-scaled",
        "The mean is the covariance times W^T (x - b), where a division by sigma^2 is missing: "
        "precise data pull harder.",
        _right_cov(lambda *args: args[3] ** 2 * _latent_mean(*args)),
    ),
    Mistake(
        "mean-scaled-twice",
        "The mean is divided by sigma^2 once too often.",
        _right_cov(lambda *args: _latent_mean(*args) / args[3] ** 2),
    ),
    Mistake(
        "mean-zero",
        "The mean is zero whatever `x` is: that is the prior's.",
        _right_cov(lambda *args: 0 * _latent_mean(*args)),
    ),
    Mistake(
        "prior-covariance",
        "The covariance is the prior's, the identity: seeing `x` narrows it.",
        _right_mean(lambda W, sigma: _eye(W.shape[1], W)),
    ),
    Mistake(
        "prior-subtracted",
        "The covariance is what the prior's lost by seeing `x`: subtract it from the identity.",
        _right_mean(
            lambda W, sigma: (
                _eye(W.shape[1], W) - sigma**2 * torch.linalg.inv(_latent_precision(W, sigma))
            )
        ),
    ),
    Mistake(
        "diagonal-only",
        "The covariance is zero off the diagonal: latents that explain the same `x` are "
        "correlated once it is seen.",
        _right_mean(
            lambda W, sigma: torch.diag(sigma**2 * _inverse_precision(W, sigma).diagonal())
        ),
    ),
    Mistake(
        "diagonal-only",
        "This inverts the diagonal of the precision only, which is the best factorised q and not "
        "the posterior: invert the whole matrix.",
        _right_mean(lambda W, sigma: torch.diag(sigma**2 / _latent_precision(W, sigma).diagonal())),
    ),
    Mistake(
        "factor-for-covariance",
        "The second value is the Cholesky factor of the covariance: the covariance is it times "
        "its transpose.",
        _right_mean(
            lambda W, sigma: torch.linalg.cholesky(sigma**2 * _inverse_precision(W, sigma))
        ),
    ),
    Mistake(
        "covariance-of-x",
        "The second value is the D by D covariance of x: that of z has K by K elements.",
        _right_mean(_covariance),
    ),
    Mistake(
        "one-per-point",
        "There is one covariance for each point: all are the same, so one (K, K) is wanted.",
        lambda x, W, b, sigma: (
            _latent_mean(x, W, b, sigma),
            _posterior(x, W, b, sigma)[1].expand(len(x), -1, -1),
        ),
    ),
    Mistake(
        "transposed",
        "The mean is (K, N): one row per point is wanted.",
        _right_cov(lambda *args: _latent_mean(*args).T),
    ),
    Mistake(
        "reconstruction",
        "The mean is (N, D), a reconstruction of x: the latents' own is wanted.",
        _right_cov(lambda *args: _latent_mean(*args) @ args[1].T + args[2]),
    ),
    Mistake(
        "swapped",
        "The two values are in the wrong order: the mean comes first.",
        lambda *args: _posterior(*args)[::-1],
    ),
)


@exercise(
    "04.ppca_posterior",
    "x (N, D), W (D, K), b (D,), sigma float -> (N, K), (K, K)",
    proves="The mean is where log p(z) + log p(x | z) peaks and the covariance undoes its "
    "curvature, for fresh models, one point, double precision, and small units with little "
    "noise.",
    hints=(
        "log p(z) + log p(x | z) is quadratic in z, so the posterior is Gaussian: its mean is the "
        "peak, its covariance the inverse of minus the curvature.",
        "The curvature has two parts, I from the prior and W^T W / sigma^2 from the likelihood. At "
        "the peak the pull of the data, W^T (x - b - W z) / sigma^2, is z.",
        "With M = W^T W + sigma^2 I the peak solves M z = W^T (x - b), and the covariance is "
        "M's inverse times sigma^2. For all points at once `(x - b) @ W` has shape (N, K).",
    ),
    twin="course_utils.inference:ppca_posterior",
    mistakes=POSTERIOR_MISTAKES,
)
def check_ppca_posterior(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.5, 0.7)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    cases = [
        random_data(n + 4, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw),
        random_data(1, draw.normal(other_k + 2, other_k), sigma + 0.2, draw),
    ]
    answers = [f(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        _check_moments(answer, case, near)
    small = f(*in_units_of(32, *cases[0]))
    law(
        all(agree(*pair) for pair in zip(small, answers[0], strict=True)),
        "In other units, x, W, b and sigma together, the posterior of z changes, although nothing "
        "about z did: is something added to a diagonal?",
        "depends-on-units",
    )
    _check_moments(answers[0], cases[0], agree, "To the digits of float64: ")


def _check_moments(
    answer: Moments, case: Model, same: Callable[[Tensor, Tensor], bool], where: str = ""
) -> None:
    mean, cov = answer
    peak, _ = posterior_truth(*case)
    law(
        same(mean, peak),
        f"{where}At your mean log p(z) + log p(x | z) is not at its peak: a small step of z raises "
        "it.",
        "wrong-mean",
    )
    law(
        same(cov @ log_joint_curvature(case[1], case[3]).to(cov.dtype), _eye(len(cov), cov)),
        f"{where}The mean is right, and the covariance is not: it is the inverse of minus the "
        "curvature of log p(z) + log p(x | z).",
        "wrong-covariance",
    )
