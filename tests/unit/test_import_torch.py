"""PyTorch modules against what they compute themselves, in double precision."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.compile import to_graph

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
RNG = np.random.default_rng(21)


def check(module, shape, tolerance=1e-12):
    """Compare the graph, as imported and folded, with the module for single samples; return the folded one."""
    torch.manual_seed(3)
    module = module.double()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    x = RNG.normal(size=(3, *shape))
    module.eval()
    with torch.no_grad():
        expected = np.concatenate([module(torch.tensor(row[None])).reshape(1, -1).numpy() for row in x])
    module.train()
    for folded in (False, True):
        graph = to_graph(module, input_shape=shape, folded=folded)
        np.testing.assert_allclose(graph(x).reshape(3, -1), expected, rtol=tolerance, atol=tolerance)
    assert module.training  # as it was
    return graph


class Functions(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.ELU(0.5), nn.CELU(2.0), nn.SELU(), nn.GELU(), nn.GELU("tanh"),
    nn.SiLU(), nn.Mish(), nn.Hardtanh(-0.5, 0.7), nn.Hardsigmoid(), nn.Hardswish(), nn.Softplus(), nn.Softplus(2.0),
    nn.Softsign(), nn.Tanh(), nn.Sigmoid(), nn.Softmax(1), nn.LogSoftmax(-1), nn.Threshold(0.3, 2.0), nn.PReLU(3),
    nn.Identity(), nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Tanhshrink(),
]  # fmt: skip


def test_activations():
    """All in one network, one after another: each export of a network takes torch a tenth of a second."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.all = nn.ModuleList(ACTIVATIONS)

        def forward(self, x):
            return torch.cat([activation(x) for activation in self.all], 1)

    check(Net(), (3, 4, 5))


FUNCTIONS = {
    "arithmetic": lambda x: (2.0 - x * 3 + x.abs()) / 1.5 - torch.rsqrt(x.square() + 1) + torch.sub(x, 1.0, alpha=2),
    "powers": lambda x: (x**2 + 1) ** 0.5 + x.pow(3).neg() + 1 / (x.exp() + 1),
    "clamps": lambda x: x.clamp(-1, 0.5) + x.clamp(min=0.1) + x.clamp(max=0.2) + x.clamp(min=0),
    "pooling": lambda x: F.max_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1, False, False),
    "ceil": lambda x: F.max_pool2d(x, (2, 3), 2, ceil_mode=True) - F.avg_pool2d(x, (2, 3), 2, ceil_mode=True),
    "ceil, padded": lambda x: F.max_pool2d(x, 2, 2, 1, ceil_mode=True) + F.avg_pool2d(x, 2, 2, 1, ceil_mode=True),
    "line": lambda x: F.max_pool1d(x.flatten(2), 3) + F.avg_pool1d(x.flatten(2), 3),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, (4, 1)) + F.adaptive_max_pool2d(x, 1),
    "reductions": lambda x: x.mean((2, 3)) + x.sum(-1).amax(2) - x.amin((1, 2)).mean(-1, keepdim=True),
    "shapes": lambda x: x.view(-1, 3, 56).permute(0, 2, 1).unflatten(1, (8, 7)).transpose(2, 3).unsqueeze(1).squeeze(1),
    "chunks": lambda x: torch.cat([*x.chunk(3, 3), *x.split([2, 5], 3), x[..., 1:6:2]], -1),
    "unbound": lambda x: torch.stack(x.unbind(1)[::-1], 2)[:, :, 0] + x[:, 1].flip(1) + x.select(2, -1)[:, :1],
    "padding": lambda x: F.pad(x, (1, 2, 0, 1), value=0.5) + F.pad(x, (2, 1, 1, 0), "reflect"),
    "replicated": lambda x: F.pad(x, (1, 2, 0, 1), "replicate"),
    "nearest": lambda x: F.interpolate(x, scale_factor=2) + F.interpolate(x, (16, 14)),
    "shuffles": lambda x: F.pixel_shuffle(x[:, :, :, :4].reshape(1, 12, 4, 2), 2).mean(3) + F.channel_shuffle(
        x[:, :2], 2).mean((1, 2, 3), keepdim=True)[0],
    "expanded": lambda x: x.mean(1, keepdim=True).expand(-1, 3, -1, -1) * x,
    "local": lambda x: F.local_response_norm(x, 3, 0.5, 0.6, 1.2) + F.instance_norm(x),
    "attention": lambda x: torch.softmax(x @ x.transpose(2, 3) / 2, -1) @ x,
    "steps": lambda x: torch.matmul(torch.arange(8.0, dtype=x.dtype).reshape(1, 8), x),
}  # fmt: skip


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions(kind):
    check(Functions(FUNCTIONS[kind]), (3, 8, 7))


def test_mobile_network():
    """Depthwise convolutions, squeeze and excite, hard swish: the blocks of MobileNetV3 (Howard et al. 2019)."""

    class Block(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.depth = nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False)
            self.norm = nn.BatchNorm2d(channels)
            self.squeeze, self.excite = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

        def forward(self, x):
            y = F.hardswish(self.norm(self.depth(x)))
            gate = F.adaptive_avg_pool2d(y, 1)
            return x + y * F.hardsigmoid(self.excite(F.relu(self.squeeze(gate))))

    block = Block(6)
    net = nn.Sequential(nn.Conv2d(3, 6, 3, 2, padding=1), block, block, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Dropout(0.2), nn.Linear(6, 4))  # fmt: skip
    graph = check(net, (3, 16, 16))
    names = [node.name for node in graph.nodes]
    assert sum("depth" in name for name in names) == 2 and len(set(names)) == len(names)  # one block, twice
    assert not {"Scale", "WithConstant"} & {node.kind for node in graph.nodes}


def test_transposed_and_shared():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(2, 4, 3, 2, padding=1)
            self.up = nn.ConvTranspose2d(4, 4, 3, 2, padding=1, output_padding=1, groups=2)
            self.norm, self.line = nn.GroupNorm(2, 4), nn.LayerNorm(8)
            self.last = nn.Conv2d(6, 1, 1)

        def forward(self, x):
            y = self.up(self.norm(self.down(x)))
            a, b = self.line(self.last(torch.cat([x, y], 1))).chunk(2, -1)
            return F.gelu(a) * torch.sigmoid(b)

    check(Net(), (2, 8, 8))


def test_transformer():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.o, self.norm = nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)

        def forward(self, x):
            n, steps, width = x.shape
            q, k, v = self.q(x).view(n, steps, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
            mixed = torch.softmax(q @ k.transpose(-2, -1) / 2.0, -1) @ v
            return self.norm(x + self.o(mixed.transpose(1, 2).reshape(n, steps, width)))

    assert len(check(Net(), (5, 8)).matrices) == 2


def test_attention_of_torch_itself():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = nn.MultiheadAttention(8, 2, batch_first=True)
            self.last = nn.Linear(8, 3)

        def forward(self, x):
            y, _ = self.heads(x, x, x, need_weights=False)
            return self.last(x + y).mean(1)

    assert len(check(Net(), (5, 8)).matrices) == 3
    check(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8))


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [False, True])
def test_recurrent_layers(cls, batch_first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = cls(3, 4, 2, bidirectional=True, batch_first=batch_first)
            self.last = cls(8, 5, bias=False, batch_first=batch_first)

        def forward(self, x):
            every, states = self.layers(x if batch_first else x.transpose(0, 1))
            _, end = self.last(every)
            states, end = (states[0], end[0]) if cls is nn.LSTM else (states, end)
            return torch.cat([states.transpose(0, 1).flatten(1), end[0]], 1)

    check(Net(), (6, 3))


def test_rectified_recurrence():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.RNN(3, 4, nonlinearity="relu", batch_first=True)

        def forward(self, x):
            return self.layer(x)[0][:, -1]

    check(Last(), (6, 3))


def test_weight_norm_is_part_of_the_weights():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 5)), nn.ReLU(), nn.Linear(5, 2))
    assert [n.kind for n in check(net, (6,)).nodes] == ["Dense", "Dense"]


def test_sequential_needs_no_shape():
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.5)), nn.Linear(5, 3))
    x = RNG.normal(size=(4, 6)).astype(np.float32)
    layout = cn.compile(net)
    np.testing.assert_allclose(layout(x), net.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert [(n.name, n.activation) for n in layout.graph.nodes] == [("1.0", "relu"), ("2", "linear")]


def test_networks_that_cannot_be_mapped():
    with pytest.raises(MappingError, match=r"(?s)not known.*input_shape="):
        to_graph(nn.Sequential(nn.Conv2d(1, 1, 1)))
    with pytest.raises(MappingError) as caught:
        to_graph(nn.Sequential(nn.Linear(3, 3), nn.Hardshrink(), nn.Linear(3, 3), nn.Hardshrink()))
    assert caught.value.names == ("1 (hardshrink)", "3 (hardshrink)")
    with pytest.raises(MappingError, match="cannot be recorded"):
        to_graph(nn.Linear(3, 3), input_shape=(4,))
    with pytest.raises(MappingError, match="cannot be recorded"):
        to_graph(Functions(lambda x: x * 2 if x.sum() > 0 else x), input_shape=(4,))
    with pytest.raises(MappingError, match="does not depend"):
        to_graph(Functions(lambda x: torch.ones(1, 3)), input_shape=(4,))
    with pytest.raises(MappingError, match="2 outputs"):
        to_graph(Functions(lambda x: (x, x + 1)), input_shape=(4,))
    with pytest.raises(MappingError, match="joins samples"):
        to_graph(Functions(lambda x: x.mean(0)), input_shape=(4,))
    with pytest.raises(MappingError, match="samples have the shape"):
        to_graph(nn.ReLU(), input_shape=(0, 4))
    with pytest.raises(UsageError, match=r"(?s)takes no digital.*expected: input_shape, folded"):
        to_graph(nn.Linear(2, 2), digital="unsupported")


@pytest.mark.filterwarnings("ignore:Complex modules")
def test_complex_numbers():
    with pytest.raises(MappingError, match="complex numbers"):
        to_graph(nn.Linear(2, 2).to(torch.cdouble))
