"""Draws the pictures of lecture 00, plotting/evolution.pbm: `python docs/make_evolution.py`.

Each family of the course learns the ledger's sprites; the first nine draws of each are kept, none
of them chosen. A few minutes on one thread. The picture is black and white, in text form.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from course_utils import datasets, diffusion, landscape, training, vae
from course_utils.datasets import Splits
from course_utils.plotting import EVOLUTION, EVOLUTION_SHEET
from course_utils.reproducible import begin
from course_utils.simulators.sprites import ENUMERATED_NAMES, enumerated_factors

SIDE, EACH = 14, 9  # pixels of a sprite along a side, sprites of each family
BETAS = diffusion.log_snr_betas(1000, 2.0, -6.0)


def drawings() -> Iterator[tuple[str, Tensor]]:
    """The name of each row of the picture, and its draws, (9, 196) of 0 and 1."""
    generator = begin(0)
    sprites = datasets.ledger_sprites()
    x, pixels = sprites.train, sprites.train.shape[1]
    yield "data", sprites.test[:EACH]

    def settings(steps: int, lr: float) -> dict:
        return dict(steps=steps, lr=training.cosine(lr, steps), generator=generator)

    coder = vae.mlp_vae(pixels, 8, hidden=(128, 128, 128), generator=generator)
    training.fit(coder, vae.loss(generator), x, **settings(2000, 1e-2))
    yield "VAE", coder.sample(EACH, generator)

    forger = landscape.Gan(pixels, 16, hidden=(256, 256), generator=generator)
    landscape.fit_gan(forger, 2 * x - 1, steps=3000, batch=64, generator=generator)
    yield "GAN", (forger.sample(EACH, generator=generator) > 0).float()

    reader = landscape.Made(pixels, generator=generator)
    training.fit(
        reader, lambda model, x: -model.log_prob(x).mean(), x, batch=128, **settings(2000, 2e-2)
    )
    yield "autoregressive", reader.sample(EACH, generator=generator)

    chain = diffusion.BinaryNoisePredictor(pixels, hidden=(256, 256, 256), generator=generator)
    loss = diffusion.simple_loss(diffusion.Schedule(BETAS), generator)
    training.fit(chain, loss, 2 * x - 1, **settings(4000, 5e-3))
    yield "diffusion", diffusion.binary_sample(chain, EACH, BETAS, generator=generator)

    yield "guided diffusion", hearts(sprites, generator)


def hearts(sprites: Splits, generator: torch.Generator) -> Tensor:
    """Nine draws of a diffusion that sees a label beside the pixels and is told "heart", twice."""
    x, templates = sprites.train, sprites.truth.templates.to(sprites.train)
    labels = enumerated_factors()["shape"].long()[torch.cdist(x, templates).argmin(1)]
    nothing, pixels = len(ENUMERATED_NAMES), x.shape[1]  # one label more, for "not told"
    settings = dict(hidden=(256, 256, 256), generator=generator)
    model = diffusion.BinaryNoisePredictor(pixels + nothing + 1, **settings)

    def told(x_t: Tensor, level: Tensor, label: Tensor) -> Tensor:
        beside = torch.nn.functional.one_hot(label, nothing + 1).to(x_t)
        return model(torch.cat([x_t, beside], dim=1), level)[:, :pixels]

    simple = diffusion.simple_loss(diffusion.Schedule(BETAS), generator)

    def loss(_model: torch.nn.Module, x: Tensor, label: Tensor) -> Tensor:
        label = diffusion.forget_labels(label, nothing, 0.15, generator)
        return simple(lambda x_t, level: told(x_t, level, label), x)

    steps = 4000
    fitting = dict(steps=steps, lr=training.cosine(5e-3, steps), generator=generator)
    training.fit(model, loss, (2 * x - 1, labels), **fitting)
    heart, free = (torch.full((EACH,), i) for i in (ENUMERATED_NAMES.index("heart"), nothing))
    firmly = diffusion.guided(told, lambda x_t, level: told(x_t, level, free), heart, scale=2.0)
    schedule = diffusion.Schedule(BETAS)
    with torch.no_grad():
        drawn = diffusion.ddpm_sample(firmly, EACH, pixels, schedule, generator=generator)
    return (drawn > 0).float()


def main() -> None:
    rows = dict(drawings())
    sheet = torch.stack([rows[name].reshape(EACH, SIDE, SIDE) for _, name in EVOLUTION])
    picture = sheet.permute(0, 2, 1, 3).reshape(len(EVOLUTION) * SIDE, EACH * SIDE).int().tolist()
    lines = ["P1", f"{EACH * SIDE} {len(EVOLUTION) * SIDE}"]
    lines += ["".join(map(str, row)) for row in picture]
    Path(EVOLUTION_SHEET).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
