"""Answers to 10.diffuse."""

import torch


def axes(alpha_bar, x):
    return alpha_bar.view(-1, *[1] * (x.dim() - 1))


def by_shape(x0, alpha_bar, eps):
    a = alpha_bar.reshape(alpha_bar.shape + (1,) * (x0.ndim - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def transposed(x0, alpha_bar, eps):
    rows = x0.movedim(0, -1), eps.movedim(0, -1)  # the batch last, where it broadcasts by itself
    return (torch.sqrt(alpha_bar) * rows[0] + torch.sqrt(1 - alpha_bar) * rows[1]).movedim(-1, 0)


def by_einsum(x0, alpha_bar, eps):
    signal = torch.einsum("b,b...->b...", alpha_bar**0.5, x0)
    return signal + torch.einsum("b,b...->b...", (1 - alpha_bar) ** 0.5, eps)


def in_a_loop(x0, alpha_bar, eps):
    rows = zip(x0, alpha_bar, eps, strict=True)
    return torch.stack([x * a.sqrt() + e * (1 - a).sqrt() for x, a, e in rows])


def flattened_and_back(x0, alpha_bar, eps):
    a = alpha_bar[:, None]
    x_t = a.sqrt() * x0.reshape(len(x0), -1) + (1 - a).sqrt() * eps.reshape(len(x0), -1)
    return x_t.reshape(x0.shape)


def by_angle(x0, alpha_bar, eps):
    angle = torch.atan2((1 - alpha_bar).sqrt(), alpha_bar.sqrt())
    return axes(angle, x0).cos() * x0 + axes(angle, x0).sin() * eps


def unsqueezed(x0, alpha_bar, eps):
    a = alpha_bar
    while a.ndim < x0.ndim:
        a = a.unsqueeze(-1)
    return torch.lerp(torch.zeros_like(x0), x0, a.sqrt()) + eps * torch.sqrt(1 - a)


def own_noise(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, torch.randn_like(eps))


def own_noise_as_well(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, eps) + 0.1 * torch.randn_like(eps)


def half_signal(x0, alpha_bar, eps):
    return by_shape(0.5 * x0, alpha_bar, eps)


def half_noise(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, 0.5 * eps)


def product(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, eps) + 0.1 * axes(alpha_bar, x0) * x0 * eps


def safe(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar.clamp(0.05, 0.95), eps)


def detached(x0, alpha_bar, eps):
    with torch.no_grad():
        return by_shape(x0, alpha_bar, eps)


def no_slope(x0, alpha_bar, eps):
    """The right numbers, and gradients that are zero."""
    return by_shape(x0, alpha_bar, eps).detach() + 0 * x0 + 0 * eps


def half_the_slope(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, eps.detach()) + 0 * eps


def single(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, eps).float()


def in_place(x0, alpha_bar, eps):
    x0 *= axes(alpha_bar, x0).sqrt()
    return x0 + (1 - axes(alpha_bar, x0)).sqrt() * eps


def flat(x0, alpha_bar, eps):
    return by_shape(x0, alpha_bar, eps).flatten()


def by_keyword(x0, alpha_bar, eps):
    return torch.normal(mean=axes(alpha_bar, x0).sqrt() * x0, std=(1 - alpha_bar) + "eps")


RIGHT = [
    by_shape,
    transposed,
    by_einsum,
    in_a_loop,
    flattened_and_back,
    by_angle,
    unsqueezed,
]
WRONG = [
    ("own-noise", own_noise),
    ("own-noise", own_noise_as_well),
    ("wrong-signal", half_signal),
    ("wrong-noise", half_noise),
    ("not-added", product),
    ("wrong-ends", safe),
    ("no-gradient", detached),
    ("wrong-gradient", no_slope),
    ("wrong-gradient", half_the_slope),
    ("wrong-dtype", single),
    ("changes-its-input", in_place),
    ("wrong-shape", flat),
    ("raises", by_keyword),
]
