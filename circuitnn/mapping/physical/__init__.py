"""Physical layout of tiles: technology stack, floorplan, GDSII and OASIS, netlist of the same hierarchy, its check."""
