"""Compressed images on disk, and back, verified.

    8 bytes   magic
    2 bytes   version of the format
    4 bytes   length of the header
              header: JSON; what was coded, with which model, versions and machine
              payload: the heads of 64 bits, then the words of 32 bits
    32 bytes  SHA-256 of all that stands before

Decoding is promised on the machine and with the versions that encoded; the file says which.
"""

import hashlib
import json
import math
import platform
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .bits_back import LatentModel, decode_images, encode_images, pixels
from .lanes import PRECISION, Lanes, initial_words

MAGIC = b"BITSBACK"
VERSION = 1
START = struct.Struct("<8sHI")  # magic, version, length of the header
DIGEST = 32  # bytes
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
    )
}


@dataclass(frozen=True)
class Report:
    """Where the bytes of a file are, and those of the weights that the receiver also needs."""

    images: int  # N
    pixels: int  # D, in each image
    payload: int  # bytes of the message, the initial bits among them
    initial: int  # bytes of random bits that were there before the first image
    header: int  # bytes of everything else in the file
    encoder_weights: int  # bytes; not in the file. The receiver needs them to give the bits back
    decoder_weights: int  # bytes; not in the file

    @property
    def file(self) -> int:
        """Bytes on disk."""
        return self.header + self.payload

    @property
    def net(self) -> int:
        """Bytes that the images added to the message: compare with the negative ELBO."""
        return self.payload - self.initial

    @property
    def bits_per_image(self) -> float:
        """Net bits."""
        return 8 * self.net / self.images


@dataclass(frozen=True)
class _Header:
    shape: list[int]
    dtype: str
    levels: int
    latent_dim: int
    bits: int
    precision: int
    batch: int
    lanes: int
    seed: int
    initial: int  # words
    words: int
    model: str  # fingerprint
    images: str  # SHA-256
    written_with: dict[str, str]


def write_file(
    path: str | Path,
    images: Tensor,
    model: LatentModel,
    *,
    generator: torch.Generator,
    bits: int = 14,
    batch: int = 8,
    lanes: int = 16,
) -> Report:
    """Write images to a file by bits-back coding.

    Args:
        path: of the file; an old one is replaced.
        images: whole numbers 0 .. levels - 1, (N, ...), of any dtype.
        model: see `latent_model`.
        generator: draws the seed of the initial bits.
        bits: of each latent, 1 to 20: 2^bits bins of equal prior mass.
        batch: images that go through the networks together.
        lanes: of the coder; each adds about 2 bytes to the file, fewer are slower.

    Returns:
        Report.

    Raises:
        ValueError: if a pixel is not one of the levels, a setting makes no sense, or the model's
            answers do not fit.
    """
    dtype = str(images.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise ValueError(f"Images of dtype {images.dtype} cannot be written; convert them first.")
    x = pixels(images, model.levels)
    seed = int(torch.randint(1 << 62, (), generator=generator, device=generator.device))
    message, latent_dim = encode_images(x, model, seed=seed, bits=bits, batch=batch, lanes=lanes)
    header = _Header(
        shape=list(images.shape),
        dtype=dtype,
        levels=model.levels,
        latent_dim=latent_dim,
        bits=bits,
        precision=PRECISION,
        batch=batch,
        lanes=lanes,
        seed=seed,
        initial=message.initial,
        words=len(message.words),
        model=model.fingerprint(),
        images=_hash(x),
        written_with=environment(),
    )
    text = json.dumps(asdict(header), separators=(",", ":")).encode()
    payload = message.heads.astype("<u8").tobytes() + np.array(message.words, "<u4").tobytes()
    data = START.pack(MAGIC, VERSION, len(text)) + text + payload
    Path(path).write_bytes(data + hashlib.sha256(data).digest())
    return Report(
        images=len(x),
        pixels=x.shape[1],
        payload=len(payload),
        initial=4 * message.initial,
        header=START.size + len(text) + DIGEST,
        encoder_weights=sum(w.nbytes for w in model.encoder_weights),
        decoder_weights=sum(w.nbytes for w in model.decoder_weights),
    )


def read_file(path: str | Path, model: LatentModel, *, force: bool = False) -> Tensor:
    """Read images back, every pixel as it was written, or raise.

    Args:
        path: of a file by `write_file`.
        model: the one that wrote it.
        force: try even if the file was written with other versions or on another machine. The
            result is verified all the same.

    Returns:
        Images of the shape and dtype that were written.

    Raises:
        ValueError: if this is no such file, it is damaged or cut off, the model is another one,
            it was written elsewhere (without `force`), or the images do not come out as written.
    """
    header, message = _parse(Path(path))
    if (header.model, header.levels) != (model.fingerprint(), model.levels):
        raise ValueError(
            f"{path} was written with another model: its fingerprint is {header.model[:12]}, this "
            f"one's is {model.fingerprint()[:12]}. Only the very same weights can read it."
        )
    here = environment()
    if header.written_with != here and not force:
        names = sorted(header.written_with.keys() | here.keys())
        differences = ", ".join(
            f"{name} {header.written_with.get(name)} (here {here.get(name)})"
            for name in names
            if header.written_with.get(name) != here.get(name)
        )
        raise ValueError(
            f"{path} was written with {differences}. Networks may differ in their last digits "
            "there, and decoding is not promised; force=True tries, and verifies every pixel."
        )
    seed, n = header.seed, header.shape[0]
    try:
        x = decode_images(
            message,
            (n, math.prod(header.shape[1:])),
            model,
            latent_dim=header.latent_dim,
            seed=seed,
            bits=header.bits,
            batch=header.batch,
        )
    except ValueError as error:
        raise ValueError(_undecodable(path)) from error
    start = Lanes.fresh(header.lanes, seed)
    bottom = initial_words(seed, header.initial)[header.lanes :]
    if (
        not np.array_equal(message.heads, start.heads)
        or message.words != bottom[::-1]
        or _hash(x) != header.images
    ):
        raise ValueError(_undecodable(path))
    return torch.from_numpy(x.astype(np.int64)).reshape(header.shape).to(DTYPES[header.dtype])


def environment() -> dict[str, str]:
    """What the last digits of a network may depend on."""
    return {
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "libc": "-".join(platform.libc_ver()),
    }


# ---------------------------------------------------------------------- parts of a file


def _parse(path: Path) -> tuple[_Header, Lanes]:
    """Header and message of an undamaged file."""
    data = path.read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path} is not a file of bits-back coded images.")
    if len(data) < START.size + DIGEST:
        raise ValueError(f"{path} is cut off: only {len(data)} bytes are left.")
    _, version, length = START.unpack_from(data)
    if version != VERSION:
        raise ValueError(
            f"{path} has version {version} of the format or is damaged; version {VERSION} can be "
            "read here."
        )
    if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
        raise ValueError(f"{path} is damaged or cut off: its checksum does not agree.")
    try:
        header = _Header(**json.loads(data[START.size : START.size + length]))
        payload = data[START.size + length : -DIGEST]
        heads = np.frombuffer(payload, "<u8", header.lanes).astype(np.uint64)
        words = np.frombuffer(payload, "<u4", header.words, offset=heads.nbytes).tolist()
        fits = len(payload) == heads.nbytes + 4 * header.words and header.precision == PRECISION
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} has a header that this program cannot read.") from error
    if not fits:
        raise ValueError(f"{path} has a header that does not fit what follows it.")
    return header, Lanes(heads, words)


def _hash(x: np.ndarray) -> str:
    return hashlib.sha256(x.astype("<u2").tobytes()).hexdigest()


def _undecodable(path: str | Path) -> str:
    return (
        f"{path} is undamaged and has the weights of this model, but other images come out than "
        "were written: the model computes other numbers here. Read it with the program, the "
        "versions and the machine that wrote it."
    )
