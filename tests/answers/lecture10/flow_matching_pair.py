"""Answers to 10.flow_matching_pair."""

import torch


def axes(numbers, x):
    return numbers.view(-1, *[1] * (x.dim() - 1))


def straight(noise, data, t):
    t = axes(t, data)
    return (1 - t) * noise + t * data, data - noise


def by_velocity(noise, data, t):
    velocity = data - noise
    return noise + axes(t, data) * velocity, velocity


def by_lerp(noise, data, t):
    return torch.lerp(noise, data, axes(t, data).expand_as(data)), data.sub(noise)


def transposed(noise, data, t):
    a, b = noise.movedim(0, -1), data.movedim(0, -1)
    return (a + t * (b - a)).movedim(-1, 0), data - noise


def with_a_little_noise(noise, data, t):
    """sigma_min of the paper above 0: another path."""
    t = axes(t, data)
    return (1 - 0.99 * t) * noise + t * data, data - 0.99 * noise


def only_the_path(noise, data, t):
    return straight(noise, data, t)[:1]


def accelerated(noise, data, t):
    t = axes(t, data)
    return (1 - t**2) * noise + t**2 * data, 2 * t * (data - noise)


def in_place(noise, data, t):
    data -= noise
    return noise + axes(t, data) * data, data


def double_the_velocity(noise, data, t):
    x_t, velocity = straight(noise, data, t)
    return x_t, 2 * velocity


def way_over_time(noise, data, t):
    x_t, velocity = straight(noise, data, t)
    return x_t, t.mul(velocity.movedim(0, -1)).movedim(-1, 0) / axes(t, data)


def what_is_left(noise, data, t):
    x_t, _ = by_velocity(noise, data, t)
    return x_t, data - x_t


def what_is_done(noise, data, t):
    x_t = data - (1 - axes(t, data)) * (data - noise)
    return x_t, x_t - noise


def kept_from_zero(noise, data, t):
    x_t, _ = straight(noise, data, t)
    return x_t, (data - x_t) / (1 - axes(t, data)).clamp(min=1e-3)


def own_noise(noise, data, t):
    return straight(torch.randn_like(noise), data, t)


RIGHT = [straight, by_velocity, by_lerp, transposed]
WRONG = [
    ("wrong-ends", with_a_little_noise),
    ("wrong-type", only_the_path),
    ("not-straight", accelerated),
    ("changes-its-input", in_place),
    ("wrong-velocity", double_the_velocity),
    ("random", own_noise),
    ("zero-over-zero", way_over_time),
    ("velocity-at-ends", kept_from_zero),
    ("what-is-left", what_is_left),
    ("velocity-times-t", what_is_done),
]
