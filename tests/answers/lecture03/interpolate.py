"""Answers to 03.interpolate."""

import numpy as np
import torch
from torch.nn import functional


def walk_weights(z0, z1, steps):
    t = torch.linspace(0, 1, steps)[:, None]  # float32, whatever z0 is
    return (1 - t) * z0 + t * z1


def walk_lerp(z0, z1, steps):
    return torch.lerp(z0, z1, torch.linspace(0, 1, steps, dtype=z0.dtype).unsqueeze(1))


def walk_loop(z0, z1, steps):
    return torch.stack([z0 + i / (steps - 1) * (z1 - z0) for i in range(steps)])


def walk_outer(z0, z1, steps):
    return z0 + torch.outer(torch.arange(steps, dtype=z0.dtype) / (steps - 1), z1 - z0)


def walk_cumulative(z0, z1, steps):
    jumps = ((z1 - z0) / (steps - 1)).expand(steps - 1, -1)
    return torch.cat([z0[None], z0 + jumps.cumsum(0)])


def walk_resampled(z0, z1, steps):
    ends = torch.stack([z0, z1], dim=1)[None]  # (1, K, 2)
    path = functional.interpolate(ends, size=steps, mode="linear", align_corners=True)
    return path[0].T


def walk_numpy(z0, z1, steps):
    return torch.from_numpy(np.linspace(z0.numpy(), z1.numpy(), steps))


def walk_squared(z0, z1, steps):
    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] ** 2
    return z0 + t * (z1 - z0)


def walk_normalised(z0, z1, steps):
    path = walk_lerp(z0, z1, steps)
    return path / path.norm(dim=1, keepdim=True)


def walk_columns(z0, z1, steps):
    return walk_lerp(z0, z1, steps).T


def walk_list(z0, z1, steps):
    return [z0 + i / (steps - 1) * (z1 - z0) for i in range(steps)]


def walk_unsqueezed_wrong(z0, z1, steps):
    return z0 + torch.linspace(0, 1, steps, dtype=z0.dtype) * (z1 - z0)


def walk_single(z0, z1, steps):
    return walk_lerp(z0.float(), z1.float(), steps)


def walk_in_place(z0, z1, steps):
    z1 -= z0
    return z0 + torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None] * z1


def walk_flat(z0, z1, steps):
    return walk_lerp(z0, z1, steps).flatten()


def walk_without_steps(z0, z1):
    return walk_lerp(z0, z1, 10)


def walk_nested_lists(z0, z1, steps):
    share = [i / (steps - 1) for i in range(steps)]
    return [[float(a + t * (b - a)) for a, b in zip(z0, z1, strict=True)] for t in share]


def walk_columns_of_linspace(z0, z1, steps):
    ends = zip(z0.tolist(), z1.tolist(), strict=True)
    columns = [torch.linspace(a, b, steps, dtype=z0.dtype) for a, b in ends]
    return torch.stack(columns, dim=1)


RIGHT = [
    walk_nested_lists,
    walk_columns_of_linspace,
    walk_weights,
    walk_lerp,
    walk_loop,
    walk_outer,
    walk_cumulative,
    walk_resampled,
    walk_numpy,
    walk_list,
]

WRONG = [
    ("uneven", walk_squared),
    ("wrong-ends", walk_normalised),
    ("wrong-shape", walk_columns),
    ("wrong-shape", walk_flat),
    ("wrong-dtype", walk_single),
    ("changes-its-input", walk_in_place),
    ("raises", walk_unsqueezed_wrong),
    ("wrong-arguments", walk_without_steps),
]
