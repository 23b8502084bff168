"""Answers to 02.asymmetry_error."""

import math

import torch
from torch.distributions import MultivariateNormal


def loss(x, mean, cov):
    return -MultivariateNormal(mean, cov).log_prob(x)


def _p(c, a):
    return 3 / 8 * (1 + c**2) + a * c


def error_by_hand(cos_theta, a_fb):
    p = 3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta
    return 1 / torch.sqrt((cos_theta**2 / p**2).sum())


def error_of_scores(cos_theta, a_fb):
    return torch.linalg.vector_norm(cos_theta / _p(cos_theta, a_fb)).reciprocal()


def error_by_autograd(cos_theta, a_fb):
    a = torch.tensor(float(a_fb), dtype=cos_theta.dtype, requires_grad=True)
    log_likelihood = torch.log(_p(cos_theta, a)).sum()
    (slope,) = torch.autograd.grad(log_likelihood, a, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, a)
    return (-curvature) ** -0.5


def error_by_hessian(cos_theta, a_fb):
    def loss(a):
        return -torch.log(_p(cos_theta, a)).sum()

    return torch.autograd.functional.hessian(loss, a_fb).rsqrt()


def error_with_loop(cos_theta, a_fb):
    information = 0.0
    for c in cos_theta.tolist():
        information += (c / _p(c, float(a_fb))) ** 2
    return torch.tensor(1 / math.sqrt(information), dtype=cos_theta.dtype)


def error_expected(cos_theta, a_fb):
    c = torch.linspace(-1, 1, 200_001, dtype=torch.float64)
    information = torch.trapezoid(c**2 / _p(c, float(a_fb)), c)
    return (len(cos_theta) * information).rsqrt().to(cos_theta.dtype)


def error_negative(cos_theta, a_fb):
    return -error_by_hand(cos_theta, a_fb)


def error_at_the_maximum(cos_theta, a_fb):
    a = a_fb.double()
    c = cos_theta.double()
    for _ in range(3):
        score = c / _p(c, a)
        a = (a + score.sum() / score.square().sum()).clamp(-0.5, 0.5)
    return error_by_hand(c, a).to(cos_theta.dtype)


def error_each(cos_theta, a_fb):
    return _p(cos_theta, a_fb) / cos_theta.abs()


def error_float(cos_theta, a_fb):
    return float(error_by_hand(cos_theta, a_fb))


def error_single(cos_theta, a_fb):
    return error_by_hand(cos_theta.float(), a_fb.float())


def error_in_place(cos_theta, a_fb):
    p = _p(cos_theta, a_fb)
    return cos_theta.div_(p).square().sum().rsqrt()


def error_missing_argument(cos_theta):
    return error_by_hand(cos_theta, 0.0)


def error_undefined(cos_theta, a_fb):
    return 1 / math.sqrt(-sum(cos_theta**2))


def error_by_bootstrap(cos_theta, a_fb):
    estimates = []
    for _ in range(50):
        c = cos_theta[torch.randint(len(cos_theta), cos_theta.shape)]
        slopes = c / _p(c, a_fb)
        estimates.append(a_fb + slopes.sum() / slopes.square().sum())
    return torch.stack(estimates).std()


def error_of_a_resample(cos_theta, a_fb):
    c = cos_theta[torch.randint(len(cos_theta), (4 * len(cos_theta),))]
    return 1 / (len(cos_theta) * (c / _p(c, a_fb)).square().mean()).sqrt()


RIGHT = [
    error_by_hand,
    error_of_scores,
    error_by_autograd,
    error_by_hessian,
    error_with_loop,
    error_float,
]

WRONG = [
    ("sign", error_negative),
    ("expected-information", error_expected),
    ("wrong-curvature", error_at_the_maximum),
    ("random", error_by_bootstrap),
    ("wrong-shape", error_each),
    ("wrong-dtype", error_single),
    ("changes-its-input", error_in_place),
    ("wrong-arguments", error_missing_argument),
    ("raises", error_undefined),
    ("random", error_of_a_resample),
]
