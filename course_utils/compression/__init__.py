"""Lossless compression with a latent-variable model: bits-back coding, and what it is held against.

    ans         one step of asymmetric numeral systems, on whole numbers of any size
    lanes       the same step for many symbols at once, for real files
    bits_back   images through the posterior, the likelihood and the prior of a model
    files       a file on disk, verified when it is read
    contexts    an adaptive context coder without a network, the honest rival
    baselines   gzip, bz2, lzma and PNG on the same pixels, and the table beside them

Frey and Hinton 1997; Townsend, Bird and Barber 2019. The model comes in as plain functions.
"""

from .ans import ans_pop, ans_push, code_length, quantise
from .baselines import SizeTable, baselines, pack
from .bits_back import (
    LatentModel,
    bits_back_length,
    decode_images,
    encode_images,
    latent_model,
    negative_elbo_bits,
)
from .contexts import decode_contexts, encode_contexts
from .files import Report, read_file, write_file
from .lanes import PRECISION, GaussianBins, Lanes, Table, Uniform

__all__ = [
    "PRECISION",
    "GaussianBins",
    "Lanes",
    "LatentModel",
    "Report",
    "SizeTable",
    "Table",
    "Uniform",
    "ans_pop",
    "ans_push",
    "baselines",
    "bits_back_length",
    "code_length",
    "decode_contexts",
    "decode_images",
    "encode_contexts",
    "encode_images",
    "latent_model",
    "negative_elbo_bits",
    "pack",
    "quantise",
    "read_file",
    "write_file",
]
