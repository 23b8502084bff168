"""Plain data over a socket, read strictly: what a submission sends is never trusted.

A message is a tuple of values, sent as its length and its bytes. A value is one byte for its
kind and then its content: None, bool, int, float, str, tensor, numpy array, tuple, list, or the
name of a type that is not carried. Nothing in it can be executed, and every size is compared
with its bound before anything is allocated. Both sides of the sandbox use this file.
"""

import math
import socket
import struct
import time

import numpy as np
import torch
from torch import Tensor

MAX_MESSAGE = 32 << 20  # bytes
MAX_ITEMS = 10_000  # values in one message
MAX_DEPTH = 6  # of tuples in tuples
MAX_DIMS = 8
MAX_DIGITS = 1000  # of a Python int
TOO_LONG = f"a message of more than {MAX_MESSAGE >> 20} MiB"
LENGTH = struct.Struct("<I")
FLOAT = struct.Struct("<d")
DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
    torch.complex64,
    torch.complex128,
)


class WireError(Exception):
    """Bytes that are not a message, or a message beyond its bounds."""


class Opaque:
    """Stands for a value that is not carried; its type bears the value's type's name."""


# --- one value --------------------------------------------------------------------------------


def encode(value: object, depth: int = 0) -> bytes:
    """The bytes of a value. What is not plain data is sent as the name of its type."""
    if value is None:
        return b"N"
    if type(value) is bool:
        return b"B" + bytes([value])
    if type(value) is int and value.bit_length() < 3 * MAX_DIGITS:
        return b"I" + _sized(str(value).encode())
    if type(value) is float:
        return b"F" + FLOAT.pack(value)
    if type(value) is str:
        return b"S" + _sized(value.encode(errors="replace"))
    if isinstance(value, Tensor) and _is_plain(value):
        return b"T" + _tensor(value)
    if isinstance(value, np.ndarray | np.generic) and (tensor := _from_array(value)) is not None:
        return b"A" + _tensor(tensor)
    if isinstance(value, tuple | list) and depth < MAX_DEPTH:
        kind = b"L" if isinstance(value, list) else b"U"
        items = [encode(item, depth + 1) for item in value[:MAX_ITEMS]]
        return kind + LENGTH.pack(len(items)) + b"".join(items)
    return b"O" + _sized(type(value).__name__.encode(errors="replace")[:80])


def _sized(content: bytes) -> bytes:
    return LENGTH.pack(len(content)) + content


def _is_plain(tensor: Tensor) -> bool:
    strided = tensor.layout is torch.strided and tensor.device.type == "cpu"
    return strided and tensor.dtype in DTYPES and tensor.ndim <= MAX_DIMS


def _from_array(array: np.ndarray | np.generic) -> Tensor | None:
    try:
        tensor = torch.from_numpy(np.array(array, order="C"))  # keeps a number's lack of axes
    except TypeError:  # of strings, or of objects
        return None
    return tensor if _is_plain(tensor) else None


def _tensor(tensor: Tensor) -> bytes:
    if tensor.numel() * tensor.itemsize > MAX_MESSAGE:
        raise WireError(TOO_LONG)
    plain = tensor.detach().resolve_conj().resolve_neg()
    plain = plain.clone(memory_format=torch.contiguous_format)  # one number may have any stride
    head = bytes([DTYPES.index(plain.dtype), plain.ndim])
    content = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return head + struct.pack(f"<{plain.ndim}I", *plain.shape) + content


class _Reader:
    """Takes values off the front of some bytes; refuses to read beyond them."""

    def __init__(self, content: bytes):
        self.content = memoryview(content)
        self.items = 0

    def take(self, count: int) -> memoryview:
        if count > len(self.content):
            raise WireError("a message ends too early")
        taken, self.content = self.content[:count], self.content[count:]
        return taken

    def length(self) -> int:
        return LENGTH.unpack(self.take(4))[0]

    def text(self) -> str:
        return bytes(self.take(self.length())).decode(errors="replace")

    def value(self, depth: int = 0) -> object:
        self.items += 1
        if self.items > MAX_ITEMS or depth > MAX_DEPTH:
            raise WireError("a message holds too many values, or nests them too deeply")
        match bytes(self.take(1)):
            case b"N":
                return None
            case b"B":
                return self.take(1)[0] != 0
            case b"I":
                return self.integer()
            case b"F":
                return FLOAT.unpack(self.take(8))[0]
            case b"S":
                return self.text()
            case b"T":
                return self.tensor()
            case b"A":
                return self.array()
            case b"U":
                return tuple(self.value(depth + 1) for _ in range(self.length()))
            case b"L":
                return [self.value(depth + 1) for _ in range(self.length())]
            case b"O":
                name = self.text()[:80]
                return type(name if name.isidentifier() else "object", (Opaque,), {})()
        raise WireError("a message holds an unknown kind of value")

    def integer(self) -> int:
        digits = self.text()
        if len(digits) > MAX_DIGITS + 1 or not digits.isascii():
            raise WireError("a whole number is too long")
        try:
            return int(digits)
        except ValueError:
            raise WireError("a whole number is none") from None

    def tensor(self) -> Tensor:
        code, dims = self.take(2)
        if code >= len(DTYPES) or dims > MAX_DIMS:
            raise WireError("a tensor has an unknown dtype or too many axes")
        dtype, shape = DTYPES[code], struct.unpack(f"<{dims}I", self.take(4 * dims))
        if math.prod(max(n, 1) for n in shape) > MAX_MESSAGE:  # empty ones too: strides overflow
            raise WireError("a tensor is too large")
        content = bytearray(self.take(math.prod(shape) * dtype.itemsize))
        if not content:
            return torch.empty(shape, dtype=dtype)
        if dtype == torch.bool:  # a byte that is neither 0 nor 1 would be no bool
            return torch.frombuffer(content, dtype=torch.uint8).ne(0).reshape(shape)
        return torch.frombuffer(content, dtype=dtype).reshape(shape)

    def array(self) -> np.ndarray:
        tensor = self.tensor()
        if tensor.dtype == torch.bfloat16:
            raise WireError("numpy has no bfloat16")
        return tensor.numpy()


def decode(content: bytes) -> tuple:
    """The message in these bytes.

    Raises:
        WireError: when they are anything else.
    """
    reader = _Reader(content)
    value = reader.value()
    if reader.content or not isinstance(value, tuple):
        raise WireError("bytes are left over after a message")
    return value


# --- over a socket ----------------------------------------------------------------------------


def send(channel: socket.socket, message: tuple, deadline: float | None = None) -> None:
    """Send one message.

    Raises:
        WireError: when it is too long.
        TimeoutError: when it is not taken before `deadline` (of `time.monotonic`).
        OSError: when the other side is gone.
    """
    content = encode(message)
    if len(content) > MAX_MESSAGE:
        raise WireError(TOO_LONG)
    _allow(channel, deadline)
    channel.sendall(LENGTH.pack(len(content)) + content)


def receive(channel: socket.socket, deadline: float | None = None) -> tuple:
    """The next message.

    Raises:
        WireError: when what comes is none, or too long.
        TimeoutError: when it is not there before `deadline` (of `time.monotonic`).
        EOFError: when the other side is gone.
    """
    length = LENGTH.unpack(_read(channel, LENGTH.size, deadline))[0]
    if length > MAX_MESSAGE:
        raise WireError(TOO_LONG)
    return decode(_read(channel, length, deadline))


def _read(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    content = bytearray()
    while len(content) < count:
        _allow(channel, deadline)
        piece = channel.recv(min(count - len(content), 1 << 20))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)


def _allow(channel: socket.socket, deadline: float | None) -> None:
    """Let the next operation last until the deadline."""
    if deadline is None:
        channel.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    channel.settimeout(left)
