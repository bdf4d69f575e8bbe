"""``.four``: harmonics of vectors over the last period of a transient."""

from circuitnn.netlist.cards.measure import Request


class Four(Request):
    """One Fourier analysis."""

    aliases = ("fourier",)
    usage = ".four FREQUENCY VECTOR ..."


EXPORT = Four()
