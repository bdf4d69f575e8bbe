"""Compiled Verilog-A models as Python objects: what a library declares, and instances of it (csrc/cn_osdi.h)."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport free

import numpy as np

from circuitnn.errors import UsageError

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY

cdef extern from "cn_kernel.h":
    ctypedef struct cn_kernel:
        pass

cdef extern from "<stdbool.h>":
    ctypedef bint cbool "bool"

cdef extern from "cn_osdi_abi.h":
    uint32_t CN_OSDI_NONE, CN_OSDI_TYPE, CN_OSDI_OWNER, CN_OSDI_OF_INSTANCE
    enum:
        CN_OSDI_MAJOR
        CN_OSDI_MINOR
        CN_OSDI_LATEST
        CN_OSDI_REAL
        CN_OSDI_INTEGER
        CN_OSDI_STRING
        CN_OSDI_FATAL
        CN_OSDI_FINISH
    ctypedef struct cn_osdi_pair:
        uint32_t first, second
    ctypedef struct cn_osdi_node:
        const char *name
        cbool is_flow
    ctypedef struct cn_osdi_param:
        const char *const *names
        uint32_t n_aliases
        const char *description
        const char *units
        uint32_t flags
        uint32_t length
    ctypedef struct cn_osdi_error:
        uint32_t param
    ctypedef struct cn_osdi_setup:
        uint32_t flags, n_errors
        cn_osdi_error *errors
    ctypedef struct cn_osdi_limiter:
        pass
    ctypedef struct cn_osdi_descriptor:
        const char *name
        uint32_t n_nodes, n_terminals
        const cn_osdi_node *nodes
        uint32_t n_collapsible
        const cn_osdi_pair *collapsible
        uint32_t n_params, n_point
        const cn_osdi_param *params
        uint32_t bound_step

cdef extern from "cn_osdi.h":
    ctypedef struct cn_osdi:
        pass
    ctypedef struct cn_osdi_numbers:
        double gmin, tnom, minr, scale
    const char *cn_osdi_attach(cn_osdi_limiter *table, uint32_t n, void **log)
    cn_status cn_osdi_init(cn_osdi **out, const cn_osdi_descriptor *d, cn_idx n_models, cn_idx n,
                           const cn_idx *model_of)
    void cn_osdi_free(cn_osdi *o)
    void *cn_osdi_of_model(cn_osdi *o, cn_idx k, uint32_t param)
    void *cn_osdi_of_instance(cn_osdi *o, cn_idx k, uint32_t param)
    void cn_osdi_setup_model(cn_osdi *o, cn_idx k, const cn_osdi_numbers *numbers, cn_osdi_setup *out)
    void cn_osdi_setup_instance(cn_osdi *o, cn_idx k, double temperature, cn_osdi_setup *out)
    const cbool *cn_osdi_collapsed(const cn_osdi *o, cn_idx k)
    const cn_kernel *cn_osdi_kernel(const cn_osdi *o)
    const cn_kernel *cn_osdi_readings(const cn_osdi *o)
    ctypedef struct cn_osdi_channel:
        cn_idx drain, gate, source, bulk, junction, vds, gbd, gm, gds, gmbs
    void cn_osdi_set_readings(cn_osdi *o, const uint8_t *scaled, cn_idx number, const cn_osdi_channel *channel)
    const char *cn_osdi_messages(cn_osdi *o)
    void cn_osdi_forget_messages(cn_osdi *o)
    cn_idx cn_osdi_stopped(cn_osdi *o, int forget)

#: Versions of the interface that can be served.
VERSIONS = tuple((CN_OSDI_MAJOR, minor) for minor in range(CN_OSDI_MINOR, CN_OSDI_LATEST + 1))


cdef _text(const char *text):
    return "" if text == NULL else text.decode("utf-8", "replace")


def attach(uintptr_t table, uint32_t count, uintptr_t log):
    """Give a library the functions that it asks for; return the name of a limiter that is unknown, or None."""
    cdef const char *unknown = cn_osdi_attach(<cn_osdi_limiter *> table, count, <void **> log)
    return None if unknown == NULL else _text(unknown)


cdef class Descriptor:
    """What a compiled model declares.

    Attributes
    ----------
    name : str
    nodes : list of (str, bool)
        Terminals first; whether a node is a flow.
    n_terminals : int
    collapsible : list of (int, int)
        Pairs of nodes that may be one; -1 is the global reference.
    params, point : list of (int, tuple of str, str, str, str, bool)
        Number, names, description, unit, type (``real``, ``integer``, ``string``, ``array``), whether of the instance;
        the parameters and the variables of the operating point.
    bounds_step : bool
        Asks for a largest time step.
    """

    cdef const cn_osdi_descriptor *d
    cdef readonly object keep
    cdef readonly str name
    cdef readonly list nodes, collapsible, params, point
    cdef readonly int n_terminals
    cdef readonly bint bounds_step

    def __init__(self, uintptr_t address, keep=None):
        cdef uint32_t k
        self.d, self.keep = <const cn_osdi_descriptor *> address, keep
        self.name = _text(self.d.name)
        self.n_terminals = self.d.n_terminals
        self.bounds_step = self.d.bound_step != CN_OSDI_NONE
        self.nodes = [(_text(self.d.nodes[k].name), bool(self.d.nodes[k].is_flow)) for k in range(self.d.n_nodes)]
        self.collapsible = []
        for k in range(self.d.n_collapsible):
            pair = self.d.collapsible[k].first, self.d.collapsible[k].second
            self.collapsible.append(tuple([-1 if end == CN_OSDI_NONE else end for end in pair]))
        self.params = [self._param(k) for k in range(self.d.n_params)]
        self.point = [self._param(k) for k in range(self.d.n_params, self.d.n_params + self.d.n_point)]

    cdef _param(self, uint32_t k):
        cdef const cn_osdi_param *param = &self.d.params[k]
        cdef uint32_t a
        names = tuple([_text(param.names[a]).lower() for a in range(param.n_aliases + 1)])
        kind = {CN_OSDI_REAL: "real", CN_OSDI_INTEGER: "integer"}.get(param.flags & CN_OSDI_TYPE, "string")
        of_instance = (param.flags & CN_OSDI_OWNER) == CN_OSDI_OF_INSTANCE
        return k, names, _text(param.description), _text(param.units), "array" if param.length else kind, of_instance


cdef class Instances:
    """Some elements of one compiled model.

    Parameters
    ----------
    descriptor : Descriptor
    n_models : int
    model_of : array of int, shape (n,)
        Model of each element.
    """

    cdef cn_osdi *o
    cdef readonly Descriptor descriptor
    cdef readonly int n, n_models

    def __cinit__(self, Descriptor descriptor, int n_models, model_of):
        cdef int32_t[::1] of = np.ascontiguousarray(model_of, dtype=np.int32)
        cdef cn_status status
        self.descriptor, self.n, self.n_models = descriptor, of.shape[0], n_models
        status = cn_osdi_init(&self.o, descriptor.d, n_models, self.n, &of[0] if self.n else NULL)
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status != CN_OK:
            raise UsageError(f"the compiled model {descriptor.name!r} contradicts itself")

    def __dealloc__(self):
        cn_osdi_free(self.o)

    @property
    def kernel(self):
        """Address of the kernel of the equations."""
        return <uintptr_t> cn_osdi_kernel(self.o)

    @property
    def readings(self):
        """Address of the kernel of the readings."""
        return <uintptr_t> cn_osdi_readings(self.o)

    def give(self, bint to_models, where, which, values):
        """Set parameters ``which[j]`` of the models or elements ``where[j]`` to ``values[j]``."""
        cdef int32_t[::1] k = np.ascontiguousarray(where, dtype=np.int32)
        cdef int32_t[::1] param = np.ascontiguousarray(which, dtype=np.int32)
        cdef double[::1] value = np.ascontiguousarray(values, dtype=np.float64)
        cdef cn_idx count = self.n_models if to_models else self.n
        cdef Py_ssize_t j
        cdef void *at
        for j in range(k.shape[0]):
            if not (0 <= k[j] < count and 0 <= param[j] < <int32_t> self.descriptor.d.n_params):
                raise UsageError(f"{self.descriptor.name} has no such parameter or element")
            at = cn_osdi_of_model(self.o, k[j], param[j]) if to_models else cn_osdi_of_instance(self.o, k[j], param[j])
            kind = self.descriptor.d.params[param[j]].flags & CN_OSDI_TYPE
            if kind == CN_OSDI_REAL:
                (<double *> at)[0] = value[j]
            elif kind == CN_OSDI_INTEGER:
                (<int32_t *> at)[0] = <int32_t> value[j]
            else:
                raise UsageError(f"{self.descriptor.name}: a text is no number")

    cdef _checked(self, cn_osdi_setup *out):
        cdef uint32_t k
        bad = [int(out.errors[k].param) for k in range(out.n_errors)]
        free(out.errors)
        return bad, bool(out.flags & (CN_OSDI_FATAL | CN_OSDI_FINISH))

    def setup(self, temperatures, double gmin, double tnom, double minr, double scale):
        """Finish all models, then all elements at their temperatures (n,), K.

        Returns ``(element or -1, parameters out of bounds, whether the model stopped)`` of the first failure, or None.
        """
        cdef double[::1] kelvin = np.ascontiguousarray(temperatures, dtype=np.float64)
        cdef cn_osdi_numbers numbers = [gmin, tnom, minr, scale]
        cdef cn_osdi_setup out
        cdef cn_idx k
        for k in range(self.n_models):
            cn_osdi_setup_model(self.o, k, &numbers, &out)
            bad, stopped = self._checked(&out)
            if bad or stopped:
                return -1, bad, stopped
        for k in range(self.n):
            cn_osdi_setup_instance(self.o, k, kelvin[k], &out)
            bad, stopped = self._checked(&out)
            if bad or stopped:
                return k, bad, stopped
        return None

    def collapsed(self):
        """Return which of the collapsible pairs are one node, bool, shape (pairs, n)."""
        found = np.zeros((len(self.descriptor.collapsible), self.n), bool)
        for k in range(self.n):
            flags = cn_osdi_collapsed(self.o, k)
            for pair in range(found.shape[0]):
                found[pair, k] = flags[pair]
        return found

    def set_readings(self, scaled, int number, channel):
        """Say which readings grow with parameter ``number``, (readings,) bool, and what the channel of a transistor is.

        ``channel`` is None or the ten numbers of ``cn_osdi_channel``.
        """
        cdef uint8_t[::1] flags = np.ascontiguousarray(scaled, dtype=np.uint8)
        cdef cn_osdi_channel c
        if channel is not None:
            (c.drain, c.gate, c.source, c.bulk, c.junction, c.vds, c.gbd, c.gm, c.gds, c.gmbs) = channel
        if flags.shape[0]:
            cn_osdi_set_readings(self.o, &flags[0], number, NULL if channel is None else &c)

    def messages(self):
        """Return what the model has said since the last call, ``(level, element or -1 for a card, text)``."""
        lines = _text(cn_osdi_messages(self.o)).splitlines()
        cn_osdi_forget_messages(self.o)
        parts = [(line[0], *line[1:].split(" ", 1)) for line in lines]
        return [(int(level), int(k), text.strip()) for level, k, text in parts if text.strip()]

    def stopped(self, bint forget=False):
        """Return the element that stopped the simulation since it was last forgotten, or -1."""
        return cn_osdi_stopped(self.o, forget)
