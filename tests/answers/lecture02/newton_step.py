"""Answers to 02.newton_step."""

import math

import torch


def _p(c, a):
    return 3 / 8 * (1 + c**2) + a * c


def by_hand(cos_theta, a_fb):
    score = cos_theta / (3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta)
    return a_fb + score.sum() / (score**2).sum()


def with_the_weight(cos_theta, a_fb):
    u = cos_theta / (3 / 8 * (1 + cos_theta.square()))
    ratio = u / (1 + a_fb * u)
    return torch.add(a_fb, ratio.mean() / ratio.square().mean())


def by_autograd(cos_theta, a_fb):
    a = a_fb.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(torch.log(_p(cos_theta, a)).sum(), a, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, a)
    return (a - slope / curvature).detach()


def of_the_loss(cos_theta, a_fb):
    def loss(a):
        return -torch.log(_p(cos_theta, a)).mean()

    gradient = torch.autograd.functional.jacobian(loss, a_fb)
    return a_fb - gradient / torch.autograd.functional.hessian(loss, a_fb)


def with_loop(cos_theta, a_fb):
    slope = information = 0.0
    for c in cos_theta.tolist():
        score = c / _p(c, float(a_fb))
        slope += score
        information += score**2
    return float(a_fb) + slope / information


def small_steps(cos_theta, a_fb):
    score = cos_theta / _p(cos_theta, a_fb)
    return a_fb + 0.9 * score.sum() / (score**2).sum()


def secant(cos_theta, a_fb):
    def slope(a):
        return (cos_theta / _p(cos_theta, a)).sum()

    h = 0.05
    return a_fb - slope(a_fb) * h / (slope(a_fb + h) - slope(a_fb))


def clamped(cos_theta, a_fb):
    score = cos_theta / _p(cos_theta, a_fb)
    step = score.sum() / (score**2).sum()
    return a_fb + step.clamp(-0.001, 0.001)


def in_place(cos_theta, a_fb):
    score = cos_theta / _p(cos_theta, a_fb)
    a_fb += score.sum() / (score**2).sum()
    return a_fb


def for_each_event(cos_theta, a_fb):
    score = cos_theta / _p(cos_theta, a_fb)
    return a_fb + score / score.square().sum()


def undefined(cos_theta, a_fb):
    return a_fb + math.sqrt(-cos_theta.square().sum())


def by_nested_gradients(cos_theta, a_fb):
    def log_likelihood(a):
        return (3 / 8 * (1 + cos_theta**2) + a * cos_theta).log().sum()

    slope = torch.func.grad(log_likelihood)
    return a_fb - slope(a_fb) / torch.func.grad(slope)(a_fb)


def step_at_most_nine_tenths(cos_theta, a_fb):
    slopes = cos_theta / (3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta)
    return a_fb + (slopes.sum() / slopes.square().sum()).clamp(-0.9, 0.9)


def step_at_most_one(cos_theta, a_fb):
    slopes = cos_theta / (3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta)
    return (a_fb + slopes.sum() / slopes.square().sum()).clamp(-1, 1)


def step_with_a_density_from_a_fifth_on(cos_theta, a_fb):
    p = (3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta).clamp(min=0.2)
    return a_fb + (cos_theta / p).sum() / (cos_theta / p).square().sum()


RIGHT = [
    by_hand,
    with_the_weight,
    by_autograd,
    of_the_loss,
    with_loop,
    by_nested_gradients,
]

WRONG = [
    ("held-back", step_at_most_nine_tenths),
    ("held-back", step_at_most_one),
    ("held-back", step_with_a_density_from_a_fifth_on),
    ("wrong-step", small_steps),
    ("wrong-step", secant),
    ("wrong-step", clamped),
    ("changes-its-input", in_place),
    ("wrong-shape", for_each_event),
    ("raises", undefined),
]
