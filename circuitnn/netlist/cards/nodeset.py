"""``.nodeset v(node)=volts ...``: node voltages from which the search for an operating point starts."""

from circuitnn.netlist.cards.ic import NodeVoltages


class Nodeset(NodeVoltages):
    """Starting guesses; the solution is free of them."""

    target = "nodeset"
    usage = ".nodeset v(node)=volts ..."


EXPORT = Nodeset()
