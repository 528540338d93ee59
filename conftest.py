"""What every test session has, whichever folder's tests it runs."""

from __future__ import annotations

import os

pytest_plugins = ["tb.tests.replay_lines"]

# A process of tests for each core: threads of their own would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
