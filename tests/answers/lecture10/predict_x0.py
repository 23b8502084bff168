"""Answers to 10.predict_x0."""

import torch


def axes(alpha_bar, x):
    return alpha_bar.view(-1, *[1] * (x.dim() - 1))


def solved(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / a.sqrt()


def two_terms(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return x_t * a.rsqrt() - torch.sqrt(1 / a - 1) * eps_hat


def transposed(x_t, alpha_bar, eps_hat):
    left = x_t.movedim(0, -1) - torch.sqrt(1 - alpha_bar) * eps_hat.movedim(0, -1)
    return (left / torch.sqrt(alpha_bar)).movedim(-1, 0)


def in_a_loop(x_t, alpha_bar, eps_hat):
    rows = zip(x_t, alpha_bar, eps_hat, strict=True)
    return torch.stack([(x - (1 - a) ** 0.5 * e) / a**0.5 for x, a, e in rows])


def by_score(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    sigma = (1 - a).sqrt()
    # Tweedie, with sigma^2 score = -sigma eps_hat: no division by sigma, which may be 0.
    return (x_t + sigma * -eps_hat) / a.sqrt()


def biased(x_t, alpha_bar, eps_hat):
    return solved(x_t, alpha_bar, eps_hat) + 0.1 * eps_hat.abs()


def safe(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / (a.sqrt() + 1e-6)


def ends(x_t, alpha_bar, eps_hat):
    return solved(x_t, alpha_bar.clamp(max=0.95), eps_hat)


def detached(x_t, alpha_bar, eps_hat):
    return solved(x_t, alpha_bar, eps_hat.detach())


def no_slope(x_t, alpha_bar, eps_hat):
    """The right numbers, and gradients that are zero."""
    return solved(x_t, alpha_bar, eps_hat).detach() + 0 * x_t + 0 * eps_hat


def single(x_t, alpha_bar, eps_hat):
    return solved(x_t.float(), alpha_bar.float(), eps_hat.float())


def in_place(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    x_t -= (1 - a).sqrt() * eps_hat
    return x_t / a.sqrt()


RIGHT = [solved, two_terms, transposed, in_a_loop, by_score]
WRONG = [
    ("not-undone", biased),
    ("faint-signal", safe),
    ("wrong-end", ends),
    ("no-gradient", detached),
    ("wrong-gradient", no_slope),
    ("wrong-dtype", single),
    ("changes-its-input", in_place),
]
