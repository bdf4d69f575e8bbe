"""Blocks of the periphery as text: what is refused, and networks in our engine where no peer is needed."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import MappingError, UsageError
from circuitnn.mapping.circuits.adcs import flash
from circuitnn.mapping.circuits.behaviour import analogue_outputs
from circuitnn.mapping.circuits.blocks import Block, library
from circuitnn.mapping.circuits.dacs import codes, r2r, references
from circuitnn.mapping.circuits.network import network_deck
from circuitnn.mapping.circuits.opamps import MacroOpAmp
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.quantise import quantise

HALF = Block("half", ("a", "b"), ("r1 a b 1k",))


def test_a_part_is_defined_once_and_first():
    whole = Block("whole", ("a",), (HALF.instance("1", a="a", b="0"), HALF.instance("2", a="a", b="0")), (HALF,))
    text = library([whole, HALF, whole])
    assert text.count(".subckt half") == text.count(".subckt whole") == 1
    assert text.index(".subckt half") < text.index(".subckt whole")


def test_two_blocks_of_one_name():
    with pytest.raises(UsageError, match="two blocks are called 'half'"):
        library([HALF, Block("half", ("a", "b"), ("r1 a b 2k",))])


@pytest.mark.parametrize("nodes", [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1", "c": "2"}])
def test_nodes_that_are_no_ports(nodes):
    with pytest.raises(UsageError, match="x1 joins"):
        HALF.instance("1", **nodes)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"gain": 0.5}, "gain"),
        ({"gain": np.nan}, "gain"),
        ({"gbw": 0.0}, "gbw"),
        ({"r_out": -1.0}, "r_out"),
        ({"offset": 2.0}, "offset"),
        ({"offset": np.nan}, "offset"),
        ({"noise": -1e-9}, "noise"),
    ],
)
def test_amplifiers_out_of_range(wrong, name):
    with pytest.raises(UsageError, match=name):
        MacroOpAmp(**wrong)


@pytest.mark.parametrize("bits", [0, 25, None, 2.5])
def test_converters_out_of_range(bits):
    with pytest.raises(UsageError, match="bits"):
        r2r("dac", MacroOpAmp().block(), bits)


@pytest.mark.parametrize("bits", [1, 9])
def test_flash_out_of_range(bits):
    with pytest.raises(UsageError, match="flash"):
        flash("adc", bits)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_codes_of_levels(bits, signed):
    """Each level has a code of its own within the converter's, and the references give it back."""
    levels = np.unique(quantise(np.linspace(-0.3, 0.3, 4001), bits, 0.2, signed=signed).round(12))
    low, high = references(bits, 0.2, signed)
    found = codes(levels, bits, 0.2, signed)
    assert found.min() >= 0 and found.max() < 2**bits and len(np.unique(found)) == len(levels)
    np.testing.assert_allclose(low + (high - low) * found / 2**bits, levels, atol=1e-12)


def test_one_sample_of_a_batch_and_cells_that_are_open():
    """A sweep of one point; output 1 has no cell at all."""
    layout = cn.compile([([[1.0, 0.0], [-0.5, 0.0]], None, "relu")], device=(0.0, 1e-4), r_wire=2.0)
    x = [[0.6, 0.2]]
    for found in (network_deck(layout, x).run(), analogue_outputs(layout, x)):
        np.testing.assert_allclose(found, layout(x), atol=5e-4)
    np.testing.assert_allclose(network_deck(layout, x[0]).run(), network_deck(layout, x).run()[0], atol=1e-9)


@pytest.mark.parametrize("function", [network_deck, analogue_outputs])
def test_networks_that_are_no_single_circuit(function):
    layout = cn.compile([([[1.0]], None, "linear")], device="hfo2", r_wire=1.0)
    with pytest.raises(UsageError, match=r"inputs of shape \(2,\)"):
        function(layout, [1.0, 2.0])
    with pytest.raises(UsageError, match="devices"):
        function(layout.with_cells("hfo2"), [1.0])
    with pytest.raises(UsageError, match="act on reads"):
        function(layout.with_nonidealities(cn.nonidealities.ReadNoise(0.1), seed=1), [1.0])
    with pytest.raises(UsageError, match="bit by bit"):
        function(layout.with_periphery(Periphery(4, coding="serial")), [1.0])
    idle = cn.compile([([[1.0, 0.0]], [0.5, 0.5], "linear")], encoding="complementary")
    with pytest.raises(UsageError, match="output 1 of layer 1 has the gain 0"):
        function(idle, [1.0])
    two = Graph(
        [
            Dense([[1.0]], name="a"),
            Dense([[1.0]], name="b", inputs=("input",)),
        ]
    )
    with pytest.raises(MappingError, match="chain of dense layers"):
        function(cn.compile(two), [1.0])
