"""Results: labelled columns with units, and the files that hold them.

Owns ``Result`` (one analysis), ``Results`` (all analyses of a deck), ``Checkpoint``, the SPICE raw file and its stream,
HDF5, CSV, data frames and plots.
May import only ``errors``, ``units`` and ``registry``; pandas, xarray, h5py and matplotlib inside the function that
needs them. To add a file format: one module with a ``write_*``/``read_*`` pair, and its suffix in ``FORMATS``.
"""
