"""Answers to 03.reconstruction_loss."""

import torch
from torch.nn import functional


def loss_flat(x, x_hat):
    return (x - x_hat).square().flatten(1).sum(1).mean()


def loss_divided(x, x_hat):
    return ((x - x_hat) ** 2).sum() / x.shape[0]


def loss_functional(x, x_hat):
    return functional.mse_loss(x_hat, x, reduction="sum") / len(x)


def loss_norms(x, x_hat):
    return torch.linalg.vector_norm((x_hat - x).reshape(len(x), -1), dim=1).pow(2).mean()


def loss_axes(x, x_hat):
    return torch.sum((x - x_hat) ** 2, dim=tuple(range(1, x.ndim))).mean()


def loss_loop(x, x_hat):
    return sum(((a - b) ** 2).sum() for a, b in zip(x, x_hat, strict=True)) / len(x)


def loss_scaled_mean(x, x_hat):
    return functional.mse_loss(x, x_hat) * x[0].numel()


def loss_huber(x, x_hat):
    return functional.smooth_l1_loss(x_hat, x, reduction="sum") / len(x)


def loss_expanded(x, x_hat):
    return (x**2 - 2 * x * x_hat + x_hat**2).sum() / len(x)


def loss_of_numbers(x, x_hat):
    return torch.tensor(loss_divided(x, x_hat).item(), dtype=x.dtype)


def loss_no_grad(x, x_hat):
    with torch.no_grad():
        return loss_divided(x, x_hat)


def loss_half_detached(x, x_hat):
    return ((x - x_hat) * (x - x_hat.detach())).sum() / len(x)


def loss_single(x, x_hat):
    return loss_divided(x.float(), x_hat.float())


def loss_with_axis(x, x_hat):
    return loss_divided(x, x_hat).reshape(1)


def loss_elements(x, x_hat):
    return (x - x_hat) ** 2


def loss_in_place(x, x_hat):
    x_hat -= x
    return x_hat.square().sum() / len(x)


def loss_images_only(x, x_hat):
    _, channels, height, width = x.shape
    return functional.mse_loss(x, x_hat) * channels * height * width


def loss_squared_norm(x, x_hat):
    return torch.linalg.vector_norm(x - x_hat) ** 2 / len(x)


def loss_einsum(x, x_hat):
    d = (x - x_hat).reshape(x.shape[0], -1)
    return torch.einsum("bi,bi->b", d, d).mean()


def loss_unreduced(x, x_hat):
    return torch.nn.MSELoss(reduction="none")(x_hat, x).flatten(start_dim=1).sum(dim=1).mean()


def loss_of_first(x, x_hat):
    return (x[0] - x_hat[0]).square().sum()


def loss_per_pixel_and_batch_size(x, x_hat):
    return (x - x_hat).square().mean() / len(x)


def loss_by_roots(x, x_hat):
    return (x - x_hat).square().flatten(1).sum(1).sqrt().square().mean()


def loss_by_norms(x, x_hat):
    return (x - x_hat).flatten(1).norm(dim=1).square().mean()


def loss_by_one_root(x, x_hat):
    return (x - x_hat).square().sum().sqrt() ** 2 / len(x)


RIGHT = [
    loss_by_norms,
    loss_squared_norm,
    loss_einsum,
    loss_unreduced,
    loss_flat,
    loss_divided,
    loss_functional,
    loss_norms,
    loss_axes,
    loss_loop,
    loss_scaled_mean,
]

WRONG = [
    ("root-of-zero", loss_by_roots),
    ("root-of-zero", loss_by_one_root),
    ("wrong-loss", loss_of_first),
    ("wrong-loss", loss_per_pixel_and_batch_size),
    ("wrong-loss", loss_huber),
    ("cancellation", loss_expanded),
    ("no-gradient", loss_of_numbers),
    ("no-gradient", loss_no_grad),
    ("wrong-gradient", loss_half_detached),
    ("wrong-dtype", loss_single),
    ("wrong-shape", loss_with_axis),
    ("wrong-shape", loss_elements),
    ("changes-its-input", loss_in_place),
    ("raises", loss_images_only),
]
