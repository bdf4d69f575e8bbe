"""Device models: one file each, declared as symbolic equations; kernels, checks and documentation follow from them.

``declare.py`` is the form, ``derive.py`` differentiates, ``emit.py`` writes C, ``load.py`` brings kernels in.
Imports circuit's lower layers only: errors, units, registry. To add a device see CONTRIBUTING.
"""
