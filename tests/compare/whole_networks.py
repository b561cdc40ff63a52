"""Whole networks, each written twice with the same names of parameters: with the modules of `torch.nn`, and in other honest forms.

A second form takes over the constructor of the first, in which each module of `torch.nn` that has a second form becomes that; its own
code is written anew. `plant` makes the backward pass of one submodule wrong.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare.lockstep.difference import Mode
from compare.problem.of_module import ModuleProblem, module_problem

from .second_forms import Form, Second, Times, by_batch, by_heads, gru, lstm, normalised, spread, unfolded

BATCHES, RECORDS, WIDTH, LENGTH, CLASSES, HEADS = 3, 4, 8, 6, 5, 2


def _by_rows(module: Any, x: Tensor) -> Tensor:
    """A linear layer, its terms added from the last to the first."""
    out = torch.einsum("oi,...i->...o", module.weight.flip(1), x.flip(-1))
    return out if module.bias is None else out + module.bias


def _one_hot(module: Any, tokens: Tensor) -> Tensor:
    return F.one_hot(tokens, len(module.weight)).to(module.weight) @ module.weight


FORMS: dict[type[nn.Module], Form] = {
    nn.Linear: _by_rows,
    nn.Embedding: _one_hot,
    nn.EmbeddingBag: lambda m, tokens: F.one_hot(tokens, len(m.weight)).sum(1).to(m.weight) @ m.weight / tokens.shape[1],
    nn.Conv2d: unfolded,
    nn.ConvTranspose2d: spread,
    nn.BatchNorm2d: by_batch,
    nn.LayerNorm: normalised((-1,)),
    nn.GroupNorm: lambda m, x: normalised((-1,), m.num_groups)(m, x),
    nn.LSTM: lstm,
    nn.GRU: gru,
    nn.MultiheadAttention: lambda m, x, *_: by_heads(m, x),
    nn.GELU: lambda m, x: x * 0.5 * torch.erfc(-x / math.sqrt(2)),
    nn.SiLU: lambda m, x: x / (1 + torch.exp(-x)),
    nn.Tanh: lambda m, x: 2 * torch.sigmoid(2 * x) - 1,
    nn.ReLU: lambda m, x: torch.clamp(x, min=0),
    nn.MaxPool2d: lambda m, x: x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1)),
}


class Own(nn.Module):
    """A module with code of its own, whose gradient there is multiplied by a factor."""

    factor = 1.0

    def own(self, x: Tensor) -> Tensor:
        """Return x, whose gradient may be wrong."""
        return x if self.factor == 1.0 else Times.apply(x, self.factor)  # type: ignore[no-any-return]


def in_second_form(module: nn.Module) -> nn.Module:
    """Put second forms in the place of the submodules that have one, and return the module."""
    for name, child in module.named_children():
        form = FORMS.get(type(child))
        if form is not None:
            setattr(module, name, Second(child, form))
        else:
            in_second_form(child)
    return module


def plant(network: nn.Module, path: str, what: str, factor: float) -> None:
    """Multiply by the factor, of the submodule of that path, the gradient that it hands back, or that of the weight of that name.

    If `what` is "own", it is the gradient between its children.
    """
    module: Any = network.get_submodule(path)
    if what == "own":
        module.factor = factor
    elif what == "input":
        module.register_forward_pre_hook(_HandsBack(factor))
    else:
        module.register_forward_pre_hook(_OfWeight(what, factor))


@dataclass
class _HandsBack:
    """A hook that makes the gradient wrong that a module hands back."""

    factor: float

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        floats = [isinstance(each, Tensor) and each.is_floating_point() for each in arguments]
        return tuple(Times.apply(each, self.factor) if is_float else each for each, is_float in zip(arguments, floats, strict=True))


@dataclass
class _OfWeight:
    """A hook that makes the gradient of a module's weight wrong."""

    name: str
    factor: float

    def __call__(self, module: nn.Module, arguments: Any) -> None:
        module.__dict__[self.name] = Times.apply(module._parameters[self.name], self.factor)


class ResNet(nn.Module):
    """A residual block with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, WIDTH, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
        self.conv2, self.bn2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
        self.shortcut = nn.Sequential(nn.Conv2d(3, WIDTH, 1, stride=2, bias=False), nn.BatchNorm2d(WIDTH))
        self.relu, self.pool = nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.shortcut(x)
        out = self.head(self.pool(self.relu(out)).flatten(1))
        return out


class SecondResNet(ResNet, Own):
    """The shortcut first, and means as sums."""

    def forward(self, x: Tensor) -> Tensor:
        kept = self.shortcut(x)
        z = self.bn1(self.conv1(x))
        z = self.bn2(self.conv2(z * (z > 0)))
        z = torch.clamp(self.own(kept + z), min=0)
        out: Tensor = self.head(z.sum((2, 3)) / (z.shape[2] * z.shape[3]))
        return out


class UNet(nn.Module):
    """One level down and up again, with a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.down = nn.Conv2d(2, 4, 3, padding=1), nn.MaxPool2d(2)
        self.bottom = nn.Conv2d(4, WIDTH, 3, padding=1)
        self.up = nn.ConvTranspose2d(WIDTH, 4, 2, stride=2)
        self.dec, self.out = nn.Conv2d(8, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.relu(self.enc(x))
        z = F.relu(self.bottom(self.down(skip)))
        out: Tensor = self.out(F.relu(self.dec(torch.cat([skip, self.up(z)], 1))))
        return out


class SecondUNet(UNet, Own):
    """Relu in three other ways."""

    def forward(self, x: Tensor) -> Tensor:
        skip = torch.clamp(self.enc(x), min=0)
        z = self.bottom(self.down(skip))
        raised = self.up(self.own(z * (z > 0)))
        z = self.dec(torch.cat([skip, raised], 1))
        out: Tensor = self.out(torch.maximum(z, torch.zeros_like(z)))
        return out


class ViT(nn.Module):
    """Patches, a class token, positions and one block."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 4, stride=4)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, WIDTH)), nn.Parameter(torch.randn(1, 5, WIDTH))
        self.norm1, self.norm2, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        z = self.patch(x).flatten(2).transpose(1, 2)
        z = torch.cat([self.token.expand(len(x), -1, -1), z], 1) + self.positions
        y = self.norm1(z)
        z = z + self.attention(y, y, y, need_weights=False)[0]
        z = z + self.mlp(self.norm2(z))
        out: Tensor = self.head(self.norm(z)[:, 0])
        return out


class SecondViT(ViT, Own):
    """Positions are added before the class token is, and the last norm is taken of that alone."""

    def forward(self, x: Tensor) -> Tensor:
        rows = self.patch(x).permute(0, 2, 3, 1).reshape(len(x), -1, WIDTH) + self.positions[:, 1:]
        z = torch.cat([(self.token + self.positions[:, :1]).repeat(len(x), 1, 1), rows], 1)
        y = self.norm1(z)
        z = self.attention(y, y, y) + z
        z = self.own(self.mlp(self.norm2(z))) + z
        out: Tensor = self.head(self.norm(z)[:, 0])
        return out


class Attention(nn.Module):
    """Causal attention of all heads at once."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        q, k, v = (each.reshape(n, t, HEADS, width // HEADS).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        out: Tensor = self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, width))
        return out


class SecondAttention(Attention, Own):
    """Head by head and place by place, each of which sees those before it alone."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.own(self.qkv(x)).chunk(3, -1)
        heads = []
        for each in range(HEADS):
            part = slice(each * WIDTH // HEADS, (each + 1) * WIDTH // HEADS)
            places = []
            for t in range(x.shape[1]):
                scores = (k[:, : t + 1, part] * q[:, t : t + 1, part]).sum(-1) / math.sqrt(WIDTH // HEADS)
                e = torch.exp(scores - scores.amax(-1, keepdim=True))
                places.append((e[..., None] * v[:, : t + 1, part]).sum(1) / e.sum(-1, keepdim=True))
            heads.append(torch.stack(places, 1))
        out: Tensor = self.out(torch.cat(heads, -1))
        return out


class Block(nn.Module):
    """A block of a GPT."""

    def __init__(self, attention: type[Attention] = Attention) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(WIDTH), attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """Two blocks, whose logits are made with the weights of the embedding."""

    def __init__(self, attention: type[Attention] = Attention) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(CLASSES, WIDTH), nn.Embedding(LENGTH, WIDTH)
        nn.init.normal_(self.tokens.weight, std=0.2)
        self.blocks = nn.ModuleList(Block(attention) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.norm(x))
        return out


class SecondGPT(GPT, Own):
    """Rows of positions as they are, first."""

    def __init__(self) -> None:
        super().__init__(SecondAttention)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.positions.weight[: tokens.shape[1]] + self.tokens(tokens)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.own(self.norm(x)))
        return out


class LSTM(nn.Module):
    """An LSTM over tokens, and classes from its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(CLASSES, WIDTH), nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        _, (h, _) = self.lstm(self.embedding(tokens))
        out: Tensor = self.head(h[-1])
        return out


class SecondLSTM(LSTM, Own):
    """The last output, which is the last state."""

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.head(self.own(self.lstm(self.embedding(tokens)))[:, -1])
        return out


class GRU(nn.Module):
    """A GRU that predicts a number at each time."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.gru = nn.Sequential(nn.Linear(3, WIDTH), nn.Tanh()), nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.norm(self.gru(self.inner(x))[0]))[..., 0]
        return out


class SecondGRU(GRU, Own):
    """Outputs at each time by themselves."""

    def forward(self, x: Tensor) -> Tensor:
        states = self.own(self.gru(self.inner(x)))
        return self.head(self.norm(states)).squeeze(-1)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """PyTorch's own encoder layer, with a head."""

    def __init__(self, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = layer or nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True)
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.layer(x).mean(1))
        return out


class EncoderLayer(Own):
    """An encoder layer of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.self_attn(x) + x)
        z = self.own(self.linear1(x))
        out: Tensor = self.norm2(self.linear2(z * (z > 0)) + x)
        return out


class SecondEncoder(Encoder, Own):
    """The head of each place first, and their mean."""

    def __init__(self) -> None:
        super().__init__(EncoderLayer())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.layer(x).sum(1) / x.shape[1])
        return out


class Mixer(nn.Module):
    """A block of an MLP-Mixer, with a head."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.places = nn.Sequential(nn.Linear(LENGTH, 2 * LENGTH), nn.GELU(), nn.Linear(2 * LENGTH, LENGTH))
        self.channels = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.places(self.norm1(x).mT).mT
        x = x + self.channels(self.norm2(x))
        out: Tensor = self.head(x.mean(1))
        return out


class SecondMixer(Mixer, Own):
    """Places are mixed without transposing, by sums over the places."""

    def forward(self, x: Tensor) -> Tensor:
        first, last = self.places[0], self.places[2]
        z = torch.einsum("pl,nlc->npc", first.weight, self.own(self.norm1(x))) + first.bias[:, None]
        x = x + torch.einsum("lp,npc->nlc", last.weight, z * torch.special.ndtr(z)) + last.bias[:, None]
        x = self.channels(self.norm2(x)) + x
        out: Tensor = self.head(x.sum(1) / x.shape[1])
        return out


class GroupNormNet(nn.Module):
    """Convolutions with group normalisation and SiLU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, WIDTH, 3, padding=1), nn.GroupNorm(2, WIDTH), nn.SiLU())
        self.block = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1), nn.GroupNorm(4, WIDTH), nn.SiLU())
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.block(self.stem(x)).mean((2, 3)))
        return out


class SecondGroupNormNet(GroupNormNet, Own):
    """The mean over the places after the head's product."""

    def forward(self, x: Tensor) -> Tensor:
        z = self.own(self.block(self.stem(x))).flatten(2)
        out: Tensor = self.head(z.sum(2) / z.shape[2])
        return out


class VAE(nn.Module):
    """A variational autoencoder, whose output is its loss; its noise is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, WIDTH), nn.Tanh())
        self.mean, self.log_variance = nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 3)
        self.decoder = nn.Sequential(nn.Linear(3, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 12))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        logits = self.decoder(mean + noise * torch.exp(0.5 * log_variance))
        apart = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return (F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + apart) / len(x)


class SecondVAE(VAE, Own):
    """The standard deviation first, and each record's loss by itself."""

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        h = self.own(self.encoder(x))
        log_variance, mean = self.log_variance(h), self.mean(h)
        deviation = torch.sqrt(torch.exp(log_variance))
        logits = self.decoder(noise * deviation + mean)
        said = (torch.log1p(torch.exp(logits)) - logits * x).sum(1)
        apart = ((deviation * deviation + mean * mean - 1 - log_variance) / 2).sum(1)
        return (said + apart).mean()


class BagOfWords(nn.Module):
    """Classes from the mean of embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(9, WIDTH, mode="mean")
        self.hidden, self.tanh, self.head = nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.head(self.tanh(self.hidden(self.bag(tokens))))
        return out


class SecondBagOfWords(BagOfWords, Own):
    """In its own order."""

    def forward(self, tokens: Tensor) -> Tensor:
        z = self.own(self.hidden(self.bag(tokens)))
        out: Tensor = self.head(self.tanh(z))
        return out


class Siamese(nn.Module):
    """Two inputs through one encoder, and how much these look alike."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
        self.scale = nn.Linear(1, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        out: Tensor = self.scale(F.cosine_similarity(self.encoder(a), self.encoder(b))[:, None])
        return out


class SecondSiamese(Siamese, Own):
    """Both inputs divided by their norms first."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        one, other = (z / (z * z).sum(-1, keepdim=True).sqrt() for z in (self.encoder(a), self.encoder(b)))
        out: Tensor = self.scale(self.own((one * other).sum(-1, keepdim=True)))
        return out


class LostBias(nn.Module):
    """A bias before batch normalisation, which takes it away again: its gradient is rounding alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, WIDTH, 3), nn.BatchNorm2d(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(F.relu(self.norm(self.conv(x))).mean((2, 3)))
        return out


class SecondLostBias(LostBias, Own):
    """Means as sums."""

    def forward(self, x: Tensor) -> Tensor:
        z = self.norm(self.conv(x))
        out: Tensor = self.head((z * (z > 0)).sum((2, 3)) / (z.shape[2] * z.shape[3]))
        return out


def _floats(*shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: torch.randn(shape, generator=generator, dtype=torch.float64)


def _whole(high: int, *shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: torch.randint(high, shape, generator=generator)


def _bits(*shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: torch.randint(2, shape, generator=generator).double()


Update = Callable[[Any], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Update] = {
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "Nesterov": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    "AdamW, fused": lambda parameters: torch.optim.AdamW(parameters, fused=True),
    "Adam, amsgrad": lambda parameters: torch.optim.Adam(parameters, amsgrad=True, weight_decay=0.01),
    "RMSprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3, momentum=0.5),
    "RMSprop, centred": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3, centered=True),
    "Adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=1e-2),
    "Adadelta": lambda parameters: torch.optim.Adadelta(parameters),
    "Adamax": lambda parameters: torch.optim.Adamax(parameters),
    "NAdam": lambda parameters: torch.optim.NAdam(parameters),
    "RAdam": lambda parameters: torch.optim.RAdam(parameters),
    "Rprop": lambda parameters: torch.optim.Rprop(parameters),
    "ASGD": lambda parameters: torch.optim.ASGD(parameters),
    "Adafactor": lambda parameters: torch.optim.Adafactor(parameters),
}


def _of_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@dataclass(frozen=True)
class Whole:
    """A network, its second form, what a batch is drawn from, its training, and the places of faults: path, and what is wrong there."""

    first: Callable[[], nn.Module]
    second: Callable[[], nn.Module]
    batch: tuple[Callable[[torch.Generator], Tensor], ...]
    loss: Any
    optimizer: str
    mode: Mode
    places: tuple[tuple[str, str], ...]

    def batches(self) -> list[tuple[Tensor, ...]]:
        """Draw the batches."""
        generator = torch.Generator().manual_seed(3)
        return [tuple(draw(generator) for draw in self.batch) for _ in range(BATCHES)]

    def problem(self, dtype: str, optimizer: str | None = None, seed: int = 0) -> ModuleProblem:
        """Return the problem of the first form, whose parameters are drawn from the seed."""
        torch.manual_seed(seed)
        update = OPTIMIZERS[optimizer or self.optimizer]
        return module_problem(self.first(), batches=self.batches(), loss=self.loss, optimizer=update, dtype=dtype)

    def candidate(self) -> nn.Module:
        """Return the second form."""
        return in_second_form(self.second())


_IMAGES = _floats(RECORDS, 3, 8, 8)
_CLASS = _whole(CLASSES, RECORDS)
_TOKENS = _whole(CLASSES, RECORDS, LENGTH)

LOST = Whole(LostBias, SecondLostBias, (_IMAGES, _CLASS), lambda out, y: 1000 * F.cross_entropy(out, y), "AdamW", "follow", ())

NETWORKS = {
    "ResNet": Whole(
        ResNet, SecondResNet, (_IMAGES, _CLASS), F.cross_entropy, "momentum", "free",
        (("conv2", "input"), ("bn1", "weight"), ("shortcut.0", "weight"), ("head", "input"), ("bn2", "input")),
    ),
    "UNet": Whole(
        UNet, SecondUNet, (_floats(RECORDS, 2, 8, 8), _bits(RECORDS, 1, 8, 8)), F.binary_cross_entropy_with_logits, "AdamW", "free",
        (("up", "input"), ("down", "input"), ("dec", "weight"), ("", "own"), ("bottom", "bias")),
    ),
    "ViT": Whole(
        ViT, SecondViT, (_IMAGES, _CLASS), F.cross_entropy, "AdamW", "follow",
        (("attention", "input"), ("mlp.1", "input"), ("norm2", "weight"), ("patch", "weight"), ("attention", "in_proj_weight")),
    ),
    "GPT": Whole(
        GPT, SecondGPT, (_TOKENS, _TOKENS), _of_tokens, "AdamW", "free",
        (
            ("blocks.0.attention", "own"), ("blocks.1.mlp.2", "input"), ("blocks.1.norm1", "input"), ("blocks.0.attention.qkv", "weight"),
            ("norm", "bias"), ("tokens", "weight"), ("head", "weight"), ("blocks.1", "input"),
        ),
    ),
    "LSTM": Whole(
        LSTM, SecondLSTM, (_TOKENS, _CLASS), F.cross_entropy, "RMSprop", "free",
        (("lstm", "input"), ("lstm", "weight_hh_l0"), ("head", "input"), ("embedding", "weight")),
    ),
    "GRU": Whole(
        GRU, SecondGRU, (_floats(RECORDS, LENGTH, 3), _floats(RECORDS, LENGTH)), F.mse_loss, "Adadelta", "free",
        (("gru", "input"), ("inner.1", "input"), ("norm", "input"), ("gru", "bias_hh_l0")),
    ),
    "TransformerEncoderLayer": Whole(
        Encoder, SecondEncoder, (_floats(RECORDS, LENGTH, WIDTH), _floats(RECORDS, 2)), F.smooth_l1_loss, "momentum", "follow",
        (("layer.norm1", "input"), ("layer.self_attn", "in_proj_weight"), ("layer.linear2", "input"), ("layer", "own")),
    ),
    "Mixer": Whole(
        Mixer, SecondMixer, (_floats(RECORDS, LENGTH, WIDTH), _CLASS), F.cross_entropy, "RMSprop", "follow",
        (("head", "input"), ("channels.0", "weight"), ("norm2", "input"), ("", "own")),
    ),
    "GroupNormNet": Whole(
        GroupNormNet, SecondGroupNormNet, (_IMAGES, _CLASS), F.cross_entropy, "RAdam", "follow",
        (("stem.1", "input"), ("block.2", "input"), ("block.0", "weight"), ("head", "weight")),
    ),
    "VAE": Whole(
        VAE, SecondVAE, (_bits(RECORDS, 12), _floats(RECORDS, 3)), lambda loss: loss, "AdamW", "free",
        (("decoder.1", "input"), ("mean", "input"), ("log_variance", "weight"), ("encoder.0", "weight"), ("", "own")),
    ),
    "BagOfWords": Whole(
        BagOfWords, SecondBagOfWords, (_whole(9, RECORDS, LENGTH), _CLASS), F.cross_entropy, "Adam, amsgrad", "free",
        (("tanh", "input"), ("bag", "weight"), ("head", "weight"), ("", "own")),
    ),
    "Siamese": Whole(
        Siamese, SecondSiamese, (_floats(RECORDS, WIDTH), _floats(RECORDS, WIDTH), _floats(RECORDS, 1)), F.mse_loss, "momentum", "free",
        (("encoder.2", "input"), ("encoder.0", "weight"), ("scale", "input"), ("", "own")),
    ),
}
