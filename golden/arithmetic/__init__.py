"""The numbers: formats, rounding, saturation, and the choices that a network is quantised with."""
