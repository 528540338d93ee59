"""The bench: everything around the RTL, from the simulators to the command line."""

import golden.moved  # noqa: F401 - names the new place of a module that has moved
