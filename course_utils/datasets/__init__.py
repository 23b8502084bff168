"""Data sets as tensors: training, validation and test samples that never mix.

Three kinds:

- simulated: each part has its own stream of random numbers, all derived from one seed;
- real: scikit-learn's handwritten digits, and MNIST where it was downloaded;
- your own: `load` an .npz, .npy or folder of images, then `split`; `read_own` brings labels and
  a split of the file's own along.

A seed names a data set: the same call gives the same tensors wherever it stands in a notebook.
Nothing here needs the network except `mnist(download=True)`, and nothing is written outside the
cache folder.
"""

from .handwritten import cache_folder, digits, mnist
from .own import Loaded, load, read_own
from .parts import Parts, Splits, overlap, split, streams
from .simulated import (
    collider_angles,
    density_fields,
    jet_images,
    ledger_sprites,
    mueller_brown,
    soft_sprites,
)

__all__ = [
    "Loaded",
    "Parts",
    "Splits",
    "cache_folder",
    "collider_angles",
    "density_fields",
    "digits",
    "jet_images",
    "ledger_sprites",
    "load",
    "mnist",
    "mueller_brown",
    "overlap",
    "read_own",
    "soft_sprites",
    "split",
    "streams",
]
