"""Independent and controlled sources, and switches."""
