"""Networks of spiking neurons: kernels, rates, and the same as circuits."""
