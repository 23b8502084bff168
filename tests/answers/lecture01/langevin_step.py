"""Answers to 01.langevin_step."""

import math

import numpy as np
import torch


def in_one_line(x, force, dt, kT, friction, noise):
    return x + force * (dt / friction) + noise * (2 * kT * dt / friction) ** 0.5


def with_mobility(x, force, dt, kT, friction, noise):
    diffusion = kT / friction
    return x + diffusion * dt / kT * force + math.sqrt(2 * diffusion * dt) * noise


def with_tensor_root(x, force, dt, kT, friction, noise):
    sigma = torch.sqrt(torch.tensor(2 * kT * dt / friction, dtype=x.dtype))
    return torch.add(x, force, alpha=dt / friction) + sigma * noise


def on_a_copy(x, force, dt, kT, friction, noise):
    x = x.clone()
    x += force * dt / friction
    x += np.sqrt(2 * kT * dt / friction) * noise
    return x


def diffusion(x, force, dt, kT, friction, noise):
    return x + math.sqrt(2 * kT * dt / friction) * noise


def draws_its_own(x, force, dt, kT, friction, noise):
    return in_one_line(x, force, dt, kT, friction, torch.randn_like(x))


def minus_noise(x, force, dt, kT, friction, noise):
    return x + force * dt / friction - math.sqrt(2 * kT * dt / friction) * noise


def in_place(x, force, dt, kT, friction, noise):
    x += force * dt / friction + math.sqrt(2 * kT * dt / friction) * noise
    return x


def first_walker(x, force, dt, kT, friction, noise):
    return in_one_line(x, force, dt, kT, friction, noise)[0]


def single_precision_root(x, force, dt, kT, friction, noise):
    return x + force * dt / friction + torch.sqrt(torch.tensor(2 * kT * dt / friction)) * noise


def friction_squared(x, force, dt, kT, friction, noise):
    return x + force * dt / friction**2 + math.sqrt(2 * kT * dt / friction) * noise


def uniform_kick(x, force, dt, kT, friction, noise):
    kick = math.sqrt(6 * kT * dt / friction) * torch.erf(noise / math.sqrt(2))
    return x + force * dt / friction + kick


def all_in_numpy(x, force, dt, kT, friction, noise):
    kick = np.sqrt(2 * kT * dt / friction) * noise.numpy()
    return x.numpy() + force.numpy() * dt / friction + kick


RIGHT = [
    in_one_line,
    with_mobility,
    with_tensor_root,
    single_precision_root,
    on_a_copy,
    all_in_numpy,
]

WRONG = [
    ("wrong-drift", friction_squared),
    ("wrong-kick", uniform_kick),
    ("noise-subtracted", minus_noise),
    ("own-noise", draws_its_own),
    ("changes-its-input", in_place),
    ("wrong-shape", first_walker),
]
