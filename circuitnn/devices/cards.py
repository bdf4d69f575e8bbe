"""Ready-made model cards: a name for a device with cited parameters and its usable range of conductance."""

from __future__ import annotations

from dataclasses import dataclass

from circuitnn.netlist.flat import Model


@dataclass(frozen=True)
class Card:
    """A named device.

    Parameters
    ----------
    model : Model
        As a ``.model`` card.
    g_min, g_max : float
        Range of conductance that programming reaches, S.
    doc, source : str
    """

    model: Model
    g_min: float
    g_max: float
    doc: str
    source: str


CARDS = {
    "asu_rram": Card(
        Model("asu_rram", "stanford", {}),
        3.1e-7,
        1e-4,
        "HfOx filamentary cell, Stanford-PKU/ASU model, gap 1.7 to 0.1 nm",
        "SkyWater's public Verilog-A of its sky130 ReRAM cell, whose values are the defaults of the device; range read "
        "at 0.2 V",
    ),
    "pku_rram": Card(
        Model("pku_rram", "stanford_pku", {}),
        3e-7,
        3.2e-4,
        "filamentary RRAM, Stanford-PKU model 2.0 of gap and width, from open to 5 nm wide",
        "public Verilog-A RRAM_v_2_0_Beta of Peking and Stanford Universities, whose values are the defaults of the "
        "device; range read at 0.2 V",
    ),
    "hfo2": Card(
        Model(
            "hfo2",
            "vteam",
            {
                "ron": 10e3, "roff": 1e6, "v_on": -0.6, "v_off": 0.6, "k_on": -1e-2, "k_off": 1e-2, "alpha_on": 3.0,
                "alpha_off": 3.0, "w_off": 3e-9, "w0": 1.5e-9, "iv": 1.0,
            },
        ),
        1e-6,
        1e-4,
        "HfO2-like filamentary cell, 10 kohm to 1 Mohm",
        "range as is usual for HfO2 cells (Ielmini, Semicond. Sci. Technol. 31, 063002, 2016); thresholds and speeds "
        "are round numbers chosen for a stable read at 0.2 V, not a fit to one device",
    ),
    "hp": Card(
        Model("hp", "linear_drift", {"ron": 100.0, "roff": 16e3, "d": 10e-9, "mu": 1e-14}),
        1.0 / 16e3,
        1.0 / 100.0,
        "TiO2 linear ion drift",
        "Strukov et al., Nature 453, 80 (2008); values as in public SPICE models of it",
    ),
    "pcm": Card(
        Model("pcm", "pcm", {"rc": 10e3, "ra": 2e6, "nu": 0.1}),
        1.0 / 2e6,
        1.0 / 10e3,
        "Ge2Sb2Te5-like mushroom cell: RESET by 2 V, SET by 1.5 V, or in steps by pulses of 1.4 V, 50 ns behind 1 kohm",
        "equations as the device cites; drift exponent of Ge2Sb2Te5 line cells (Khan et al.); resistances are round "
        "numbers, not a fit to one device",
    ),
    "ftj": Card(
        Model("ftj", "ftj", {"r_on": 160e3, "r_off": 46e6}),
        1.0 / 46e6,
        1.0 / 160e3,
        "BaTiO3 tunnel junction, 160 kohm to 46 Mohm",
        "Chanthbouala et al., Nat. Mater. 11, 860 (2012): over two orders of magnitude, 10 ns; resistances recalled",
    ),
    "enode": Card(
        Model("enode", "ecram", {"g_min": 1e-4, "g_max": 1e-3, "qmax": 4e-9, "span": 1.0, "rion": 1e6, "tau": 1e5}),
        1e-4,
        1e-3,
        "organic electrochemical synapse, three terminals: drain, gate, source",
        "van de Burgt et al., Nat. Mater. 16, 414 (2017): 500 states in about 1 V, below 10 pJ each; conductances are "
        "round numbers",
    ),
    "ecram": Card(
        Model("ecram", "ecram", {"g_min": 1e-6, "g_max": 1e-5, "qmax": 1e-11, "span": 0.1, "rion": 1e7, "tau": 1e7}),
        1e-6,
        1e-5,
        "lithium in WO3, three terminals: drain, gate, source; 10 fC a step of 1/1000",
        "Tang et al., IEDM 2018, 13.1: 1000 states, linear in the charge of current pulses; conductances and charge "
        "are round numbers",
    ),
    "fefet": Card(
        Model("fefet", "fefet", {"mw": 1.0}),
        1e-9,
        1e-3,
        "HfO2 transistor, memory window 1 V: drain, gate, source, bulk",
        "Tan et al., IEEE Electron Device Lett. 42, 994 (2021): window and write pulse; channel in round numbers",
    ),
    "fefet_loops": Card(
        Model("fefet_loops", "fefet_preisach", {"mw": 1.0}),
        1e-9,
        1e-3,
        "HfO2 transistor with loops within loops, memory window 1 V: drain, gate, source, bulk",
        "Tan et al., IEEE Electron Device Lett. 42, 994 (2021): window; coercive voltages and channel in round numbers",
    ),
    "nbo2": Card(
        Model(
            "nbo2",
            "mott",
            {
                "rho_ins": 1e-2, "rho_met": 1e-4, "kappa": 1.5, "c_p": 2.6e6, "dh": 1.6e8, "delta_t": 785.0,
                "l": 20e-9, "r": 30e-9,
            },
        ),
        1.4137166941154067e-05,
        0.0014109203323549391,
        "NbO2 Mott switch: 1.677 V at 28 uA switches it on, 0.748 V at 0.385 mA holds it",
        "attributed to Pickett and Williams, Nanotechnology 23, 215202 (2012); from a compilation, not checked against "
        "the paper. Conductances of the cold and of the metallic channel",
    ),
    "vo2": Card(
        Model(
            "vo2",
            "mott",
            {
                "rho_ins": 1e-2, "rho_met": 3e-6, "kappa": 3.5, "c_p": 3.3e6, "dh": 2.35e8, "delta_t": 43.0,
                "l": 50e-9, "r": 36e-9,
            },
        ),
        8.143008158104742e-06,
        0.027089144326250925,
        "VO2 Mott switch: 1.007 V at 9.1 uA switches it on, 0.0973 V at 0.971 mA holds it",
        "attributed to Yi et al., Nat. Commun. 9, 4661 (2018); from a compilation, not checked against the paper. "
        "Conductances of the cold and of the metallic channel",
    ),
    "stt_mtj": Card(
        Model(
            "stt_mtj",
            "stt_mtj",
            {"rp": 6e3, "tmr": 1.0, "vh": 0.65, "delta": 60.0, "tau0": 1e-9, "n_exp": 2.0, "vc_p": 0.5, "vc_ap": 0.5},
        ),
        1.0 / 12e3,
        1.0 / 6e3,
        "perpendicular STT-MRAM junction that switches at random, 6 kohm parallel, 12 kohm antiparallel",
        "resistance as in Arm's MRAM simulation framework; the rest are round numbers of the usual size: "
        "magnetoresistance of 100 %, a barrier of 60 kT for storage over years, not a fit to one device",
    ),
    "mtj_in_plane": Card(
        Model("mtj_in_plane", "macrospin", {"rp": 50.0, "tmr": 1.0, "hx": 4e4, "hk": 1e4, "px": -0.866, "py": 0.5}),
        1.0 / 100.0,
        1.0 / 50.0,
        "spin-torque oscillator of 100 nm, free layer in the plane, 5.4 GHz at 0.65 mA into 50 ohm",
        "damping of 0.01 as in Arm's MRAM simulation framework; the rest are round numbers of the usual size",
    ),
    "mtj_perpendicular": Card(
        Model(
            "mtj_perpendicular",
            "macrospin",
            {
                "rp": 6e3, "tmr": 2.571, "ms": 1.2e6, "t": 1e-9, "diameter": 50e-9, "ki": 1e-3, "nx": 0.029,
                "ny": 0.029, "nz": 0.941, "eta": 0.75, "alpha": 0.01, "px": 0.0, "pz": 1.0,
            },
        ),
        1.0 / 21.4e3,
        1.0 / 6e3,
        "perpendicular STT-MRAM junction with its dynamics, 6 kohm parallel",
        "Arm's MRAM simulation framework: anisotropy, damping, magnetisation, demagnetisation, resistance and, by a "
        "polarisation of 0.75, magnetoresistance; 50 nm, 1 nm and the efficiency are round numbers",
    ),
    "mtj_umn": Card(
        Model(
            "mtj_umn",
            "macrospin",
            {
                "rp": 1183.4, "tmr": 1.1048, "vh": 0.65, "law": 1.0, "ms": 1.07726e6, "t": 1.48e-9, "area": 4.225e-15,
                "alpha": 0.006, "nz": 0.0, "hk": 85114.7, "kx": 0.0, "kz": 1.0, "px": 0.0, "pz": 1.0, "eta": 0.5965,
            },
        ),
        1.0 / 2490.9,
        1.0 / 1183.4,
        "perpendicular junction of 65 nm by 65 nm at 358 K, barrier 72.9 kT",
        "SPICE model of the University of Minnesota (Kim et al., CICC 2015) and a log of it: size, RA = 5 ohm um^2, "
        "damping, barrier, and magnetisation and polarisation at 358 K; anisotropy of the barrier, efficiency taken as "
        "the polarisation, no heating",
    ),
    "vortex_feb": Card(
        Model("vortex_feb", "vortex", {"force_x": 1e10}),
        1.0 / 120.0,
        1.0 / 80.0,
        "vortex oscillator of 375 nm with a free layer of FeB, 255 MHz",
        "disk as in Torrejon et al., Nature 547, 428 (2017), its size recalled; material, resistance and nonlinear "
        "terms are round numbers",
    ),
    "sto": Card(
        Model("sto", "auto_oscillator", {"force_im": 1e10}),
        1.0 / 1200.0,
        1.0 / 800.0,
        "spin-torque oscillator at 300 MHz as amplitude and phase, nonlinear shift -60 MHz",
        "equations of Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009); values are round numbers",
    ),
    "rf_synapse": Card(
        Model("rf_synapse", "spin_diode", {"alpha": 0.01, "r0": 1e3, "mr": 1.0}),
        1.0 / 1500.0,
        1.0 / 500.0,
        "spin diode as a synapse for RF signals, resonance at 100 MHz",
        "damping and relative change of resistance as in the public code of Ross et al., Nat. Nanotechnol. 18, 1273 "
        "(2023); torque, resistance and frequency are round numbers",
    ),
    "jart_v1b": Card(
        Model("jart_v1b", "jart", {}),
        1.6e-5,
        6e-4,
        "HfO2/TiOx valence change cell, JART VCM v1b",
        "Cueppers et al., APL Mater. 7, 091105 (2019); Bengel et al., IEEE TCAS-I 67, 4618 (2020); values as in public "
        "re-implementations of their Verilog-A, the defaults of the device; range read at 0.2 V",
    ),
    "stanford_rram": Card(
        Model(
            "stanford_rram",
            "stanford",
            {
                "i0": 1e-3, "g0": 0.25e-9, "v0": 0.25, "vel0": 5.0, "eag": 0.6, "ear": 0.6, "gamma0": 16.0, "beta": 0.8,
                "l": 12e-9, "f_min": 1.4e9, "r_th": 2100.0, "tau_th": 0.0, "gap_min": 0.2e-9, "gap0": 1.7e-9,
            },
        ),
        5e-6,
        1.9e-3,
        "filamentary RRAM, Stanford model 1.0",
        "Stanford RRAM model 1.0.0 (Jiang and Wong, nanoHUB 2014) without its random term, values as in public copies "
        "of its Verilog-A; range read at 0.2 V",
    ),
    "tio2_simmons": Card(
        Model("tio2_simmons", "simmons", {}),
        7e-7,
        3.5e-4,
        "TiO2 tunnel barrier, 1.9 to 1.2 nm wide",
        "Pickett et al., J. Appl. Phys. 106, 074508 (2009), the defaults of the device; range read at 0.2 V between "
        "round bounds of the width",
    ),
}  # fmt: skip
