"""Answers to 10.guided_noise."""

import torch


def beyond(eps_conditional, eps_unconditional, scale):
    return eps_unconditional + scale * (eps_conditional - eps_unconditional)


def weighted(eps_conditional, eps_unconditional, scale):
    return scale * eps_conditional + (1 - scale) * eps_unconditional


def with_the_papers_weight(eps_conditional, eps_unconditional, scale):
    w = scale - 1
    return (1 + w) * eps_conditional - w * eps_unconditional


def by_lerp(eps_conditional, eps_unconditional, scale):
    return torch.lerp(eps_unconditional, eps_conditional, scale)


def stacked(eps_conditional, eps_unconditional, scale):
    both = torch.stack([eps_conditional, eps_unconditional])
    return torch.tensordot(both.new_tensor([scale, 1 - scale]), both, dims=1)


def in_place(eps_conditional, eps_unconditional, scale):
    eps_conditional -= eps_unconditional
    return eps_unconditional + scale * eps_conditional


def squared(eps_conditional, eps_unconditional, scale):
    return eps_unconditional + scale**2 * (eps_conditional - eps_unconditional)


def ends_only(eps_conditional, eps_unconditional, scale):
    return eps_conditional if scale >= 1 else eps_unconditional


def clipped(eps_conditional, eps_unconditional, scale):
    return beyond(eps_conditional, eps_unconditional, scale).clamp(-1, 1)


def clipped_far_out(eps_conditional, eps_unconditional, scale):
    return eps_unconditional + min(scale, 10.0) * (eps_conditional - eps_unconditional)


RIGHT = [beyond, weighted, with_the_papers_weight, by_lerp, stacked]
WRONG = [
    ("changes-its-input", in_place),
    ("not-on-the-line", squared),
    ("not-on-the-line", ends_only),
    ("wrong-at-0", clipped),
    ("not-on-the-line", clipped_far_out),
]
