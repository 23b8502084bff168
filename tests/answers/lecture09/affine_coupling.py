"""Answers to 09.affine_coupling."""

import torch


def by_slices(x, log_scale, shift):
    half = x.shape[1] // 2
    z_b = (x[:, half:] - shift) / torch.exp(log_scale)
    return torch.cat((x[:, :half], z_b), dim=1), -log_scale.sum(dim=1)


def by_hstack(x, log_scale, shift):
    a, b = torch.tensor_split(x, 2, dim=-1)
    inverse = torch.exp(-log_scale)
    return torch.hstack([a, b * inverse - shift * inverse]), torch.log(inverse).sum(-1)


def in_a_copy(x, log_scale, shift):
    z = x.clone()
    half = shift.shape[-1]
    z[:, half:] = (x[:, half:] - shift) * torch.exp(-log_scale)
    return z, (-log_scale) @ torch.ones_like(log_scale[0])


def with_zeros(x, log_scale, shift):
    """The unchanged half as a stretch by 1 and a shift by 0."""
    s = torch.cat([torch.zeros_like(log_scale), log_scale], 1)
    t = torch.cat([torch.zeros_like(shift), shift], 1)
    return (x - t) * torch.exp(-s), -s.sum(1)


def as_a_list(x, log_scale, shift):
    return list(by_slices(x, log_scale, shift))


def squashed(x, log_scale, shift):
    """A stretch that stops growing, as some flows have it: another layer than the one asked for."""
    return by_slices(x, torch.tanh(log_scale), shift)


def only_z(x, log_scale, shift):
    return by_slices(x, log_scale, shift)[0]


def determinant_as_a_column(x, log_scale, shift):
    z, log_det = by_slices(x, log_scale, shift)
    return z, log_det[:, None]


def detached(x, log_scale, shift):
    z, log_det = by_slices(x, log_scale, shift)
    return z, log_det.detach()


def in_place(x, log_scale, shift):
    x[:, shift.shape[1] :] -= shift
    return by_slices(x, log_scale, 0 * shift)


RIGHT = [by_slices, by_hstack, in_a_copy, with_zeros, as_a_list]
WRONG = [
    ("not-inverted", squashed),
    ("wrong-type", only_z),
    ("wrong-shape", determinant_as_a_column),
    ("wrong-gradient", detached),
    ("changes-its-input", in_place),
]
