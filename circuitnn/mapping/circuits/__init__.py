"""What surrounds the crossbars as circuits: ``.subckt`` blocks of plain SPICE, and complete networks of them."""
