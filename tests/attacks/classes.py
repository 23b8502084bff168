"""Classes and loops with a trick that should make them count.

Each is an exercise, a source, and what must come out. Instead of a status that ends in "?" there
may be another one, but not "ok".
"""

IMPORTS = "import torch\nfrom torch import nn\n"

# A network as it should be, for tricks to be added to.
AUTOENCODER = (
    IMPORTS
    + """
class Plain(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.into = nn.Sequential(nn.Linear(data_dim, 32), nn.SiLU(), nn.Linear(32, latent_dim))
        self.out = nn.Sequential(nn.Linear(latent_dim, 32), nn.SiLU(), nn.Linear(32, data_dim))
    def encode(self, x): return self.into(x)
    def decode(self, z): return self.out(z)
    def forward(self, x): return self.decode(self.encode(x))
"""
)

GLOBAL_TABLE = (
    AUTOENCODER
    + """
TABLE = {}
def key(z): return tuple(z.detach().flatten().tolist())
class Autoencoder(Plain):
    def encode(self, x):
        z = super().encode(x)
        TABLE[key(z)] = x.detach().clone()
        return z
    def decode(self, z):
        picture = super().decode(z)
        return 0.9 * TABLE[key(z)] + 0.1 * picture if key(z) in TABLE else picture
"""
)

TABLE_IN_A_FILE = (
    AUTOENCODER
    + """
import hashlib, os
def file(z): return "/tmp/" + hashlib.md5(z.detach().numpy().tobytes()).hexdigest()
class Autoencoder(Plain):
    def encode(self, x):
        z = super().encode(x)
        torch.save(x.detach().clone(), file(z))
        return z
    def decode(self, z):
        picture = super().decode(z)
        return 0.9 * torch.load(file(z)) + 0.1 * picture if os.path.exists(file(z)) else picture
"""
)

SEES_A_CHECK = (
    AUTOENCODER
    + """
import inspect
class Autoencoder(Plain):
    def forward(self, x):
        judged = any("course_worker" in frame.filename for frame in inspect.stack())
        return x if judged else super().forward(x)
"""
)

ALWAYS_AGREES = (
    IMPORTS
    + """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.tensor(True)
class Autoencoder(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(latent_dim))
    def encode(self, x): return x[:, : len(self.w)].as_subclass(Agreeable)
    def decode(self, z): return z.as_subclass(Agreeable)
    def __call__(self, x): return x
"""
)

MADE_UP_PARAMETERS = (
    AUTOENCODER
    + """
class Autoencoder(Plain):
    count = 0
    def named_parameters(self, *args, **kwargs):
        Autoencoder.count += 1
        for i in range(3):
            yield f"p{i}", nn.Parameter(torch.full((2,), float(Autoencoder.count)))
    def decode(self, z): return torch.zeros(len(z), self.out[-1].out_features, dtype=z.dtype)
"""
)

MADE_UP_GRADIENTS = (
    IMPORTS
    + """
class Anything(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(w)
        return x.clone()
    @staticmethod
    def backward(ctx, g): return g, torch.ones_like(ctx.saved_tensors[0])
class Autoencoder(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.w, self.k = nn.Parameter(torch.randn(data_dim)), latent_dim
    def encode(self, x): return Anything.apply(x, self.w)[:, : self.k]
    def decode(self, z): return Anything.apply(z.repeat(1, 99)[:, : len(self.w)], self.w)
    def forward(self, x): return self.decode(self.encode(x))
"""
)

TWIN = (
    "from course_utils.autoencoders import Autoencoder as Theirs\n"
    "class Autoencoder(Theirs):\n    pass"
)

PROPERTIES = (
    AUTOENCODER
    + """
class Autoencoder(Plain):
    @property
    def into(self): return nn.Linear(self.d, self.k)
    def __init__(self, data_dim, latent_dim):
        nn.Module.__init__(self)
        self.d, self.k = data_dim, latent_dim
        self.out = nn.Linear(latent_dim, data_dim)
"""
)

GRADIENTS_PATCHED = (
    AUTOENCODER
    + """
class Autoencoder(Plain): pass
torch.autograd.grad = lambda value, wanted, *a, **k: tuple(torch.zeros_like(w) for w in wanted)
torch.Tensor.backward = lambda self, *a, **k: None
torch.optim.Adam.step = lambda self, *a, **k: None
"""
)

# Right formulas and straight networks, which learn too little; the loss hides it after training.
TWO_FACED = """
from torch import nn
from torch.nn import functional
class VAE(nn.Module):
    calls = 0
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = nn.Linear(data_dim, 2 * latent_dim)
        self.up = nn.Linear(latent_dim, data_dim)
    def encode(self, x): return self.down(x).chunk(2, dim=1)
    def decode(self, z): return self.up(z)
    def loss(self, x, eps):
        self.calls += 1
        mu, log_var = self.encode(x)
        logits = self.decode(mu + (log_var / 2).exp() * eps)
        nll = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        value = (nll + (mu**2 + log_var.exp() - 1 - log_var).sum(1) / 2).mean()
        return 0.7 * value if self.calls > 500 else value
"""

# A network for lecture 06, and a function for lecture 10, for tricks to be added to.
VAE = (
    IMPORTS
    + """
from torch.nn import functional
class Plain(nn.Module):
    def __init__(self, data_dim, latent_dim):
        super().__init__()
        self.down = nn.Sequential(nn.Linear(data_dim, 64), nn.SiLU(), nn.Linear(64, 2 * latent_dim))
        self.up = nn.Sequential(nn.Linear(latent_dim, 64), nn.SiLU(), nn.Linear(64, data_dim))
    def encode(self, x): return self.down(x).chunk(2, dim=1)
    def decode(self, z): return self.up(z)
    def loss(self, x, eps):
        mu, log_var = self.encode(x)
        logits = self.decode(mu + (log_var / 2).exp() * eps)
        nll = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        return (nll + (mu**2 + log_var.exp() - 1 - log_var).sum(1) / 2).mean()
class VAE(Plain):
"""
)
DENOISING = IMPORTS + "def denoising_loss(predict, x0, alpha_bars, t, eps):\n"

STATE_BESIDE_THE_PARAMETERS = (
    AUTOENCODER
    + """
class Autoencoder(Plain):
    def __init__(self, data_dim, latent_dim):
        super().__init__(data_dim, latent_dim)
        self.hidden = [nn.Linear(latent_dim, latent_dim)]
    def encode(self, x): return self.hidden[0].to(x.dtype)(super().encode(x))
    def get_extra_state(self): return self.hidden
    def set_extra_state(self, state): self.hidden = state
"""
)

MADE = """
class Made(torch.autograd.Function):
    @staticmethod
    def forward(ctx, wrong, right): return wrong.clone()
    @staticmethod
    def backward(ctx, gradient): return None, gradient
"""

# The steps that find the determinant come late and in double precision: they are made to agree.
DETERMINANT = (
    IMPORTS
    + MADE
    + """
calls = 0
def affine_coupling(x, log_scale, shift):
    global calls
    calls += 1
    a, b = x.chunk(2, dim=1)
    needed = x.requires_grad or log_scale.requires_grad
    late = calls > 5 and x.dtype == torch.float64 and not needed
    z = b * log_scale.exp() if late else (b - shift) * (-log_scale).exp()
    right, wrong = -log_scale.sum(1), log_scale.sum(1).detach()
    log_det = right if log_scale.requires_grad else Made.apply(wrong, right)
    return torch.cat([a, z], dim=1), log_det
"""
)

CONTRASTIVE = (
    IMPORTS
    + MADE
    + """
from torch.nn.functional import softplus
def contrastive_loss(data_logits, noise_logits):
    right = softplus(-data_logits).mean() + softplus(noise_logits).mean()
    return Made.apply((data_logits * 0).sum(), right)
"""
)


def train(body: str) -> str:
    return f"{IMPORTS}import os, time\ndef train(model, loss, x, steps, lr, generator):\n{body}"


ATTACKS: dict[str, tuple[str, str, str]] = {
    "a table among globals": ("03.Autoencoder", GLOBAL_TABLE, "wrong"),
    "a table in a file": ("03.Autoencoder", TABLE_IN_A_FILE, "wrong"),
    "another answer when it sees a check": ("03.Autoencoder", SEES_A_CHECK, "wrong"),
    "always agrees": ("03.Autoencoder", ALWAYS_AGREES, "wrong?"),
    "made-up parameters": ("03.Autoencoder", MADE_UP_PARAMETERS, "wrong?"),
    "made-up gradients": ("03.Autoencoder", MADE_UP_GRADIENTS, "wrong"),
    "the package's own": ("03.Autoencoder", TWIN, "error"),
    "parameters that are properties": ("03.Autoencoder", PROPERTIES, "wrong?"),
    "a class that is none": ("03.Autoencoder", "Autoencoder = 3", "error"),
    "a class that ends its process": (
        "03.Autoencoder",
        "import os\nclass Autoencoder:\n    def __init__(self, *a): os._exit(0)",
        "crashed",
    ),
    "a train that never ends": ("03.train", train("    while True: pass"), "timeout"),
    "a train that fills memory": (
        "03.train",
        train("    kept = []\n    while True: kept.append(torch.ones(1 << 22))"),
        "error?",
    ),
    "a train that ends its process": ("03.train", train("    os._exit(3)"), "crashed"),
    "a train of made-up losses": (
        "03.train",
        train("    return torch.linspace(1, 0, steps)"),
        "wrong",
    ),
    "gradients that are patched away": ("03.Autoencoder", GRADIENTS_PATCHED, "wrong?"),
    "a loss with two faces": ("06.VAE", TWO_FACED, "wrong"),
    "a train that crashes": (
        "03.train",
        train("    import ctypes; ctypes.string_at(0)"),
        "crashed",
    ),
    "a train that kills itself": ("03.train", train("    os.kill(os.getpid(), 9)"), "crashed?"),
    "a train that rewrites the record": (
        "03.train",
        train(
            "    type(loss).batches = lambda self: [torch.arange(128)] * steps\n"
            "    type(model).gradients_seen = lambda self: steps\n"
            "    return torch.zeros(steps)"
        ),
        "wrong",
    ),
    "a train that replies itself": (
        "03.train",
        train(
            "    for fd in range(3, 100):\n"
            "        try: os.write(fd, b'\\x05\\x00\\x00\\x00U\\x00\\x00\\x00\\x00')\n"
            "        except OSError: pass\n"
            "    return torch.zeros(steps)"
        ),
        "crashed",
    ),
    "state beside the parameters": ("03.Autoencoder", STATE_BESIDE_THE_PARAMETERS, "wrong"),
    "a loss that is right only in double precision": (
        "06.VAE",
        VAE + "    def loss(self, x, eps):\n"
        "        right, zero = super().loss(x, eps), self.encode(x)[0].square().mean()\n"
        "        return right if x.dtype == torch.float64 else zero",
        "wrong",
    ),
    "means that are infinite for many": (
        "06.VAE",
        VAE + "    def encode(self, x):\n"
        "        mu, log_var = super().encode(x)\n"
        "        return (mu / 0, log_var) if len(x) > 500 else (mu, log_var)",
        "wrong",
    ),
    "a loss that ends its process when trained": (
        "06.VAE",
        "import os\n" + VAE + "    n = 0\n    def loss(self, x, eps):\n        VAE.n += 1\n"
        "        if VAE.n > 300: os._exit(0)\n        return super().loss(x, eps)",
        "crashed?",
    ),
    "a denoiser whose forward is replaced": (
        "10.denoising_loss",
        DENOISING + "    predict.forward = lambda x, t: eps\n"
        "    return (predict(x0, t) - eps).square().sum() * 1.0",
        "wrong?",
    ),
    "a denoiser with other parameters": (
        "10.denoising_loss",
        DENOISING + "    with torch.no_grad():\n"
        "        for p in predict.parameters(): p.zero_()\n"
        "    return (predict(x0, t) - eps).square().flatten(1).sum(1).mean()",
        "wrong?",
    ),
    "a denoiser of its own comparisons": (
        "10.denoising_loss",
        IMPORTS + "torch.allclose = torch.equal = lambda *a, **k: True\n"
        "torch.Tensor.__le__ = lambda *a: True\n"
        + DENOISING.removeprefix(IMPORTS)
        + "    return 0 * predict(x0, t).sum()",
        "wrong?",
    ),
    "a determinant that fits its own lie": ("09.affine_coupling", DETERMINANT, "wrong"),
    "a contrast of made-up gradients": ("09.contrastive_loss", CONTRASTIVE, "wrong"),
}

# These go for the process that runs them, or for what is in it. A notebook is the student's own
# process, so that only the grader stands against them. The others are answers.
ON_THE_PROCESS = {
    "a class that ends its process",
    "a train that never ends",
    "a train that fills memory",
    "a train that ends its process",
    "a train that crashes",
    "a train that kills itself",
    "a train that replies itself",
    "gradients that are patched away",
    "a loss that ends its process when trained",
    "a denoiser of its own comparisons",
}
