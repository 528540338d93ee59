"""The reference model: networks in integers, bit for bit as the hardware computes them."""

import golden.moved  # noqa: F401 - names the new place of a module that has moved
