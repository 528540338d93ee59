"""What every test session has, whichever folder's tests it runs."""

from __future__ import annotations

import os
import signal
import threading

from tb.toolchain.environment import default_signals, own_environment

pytest_plugins = ["tb.tests.replay_lines"]


def pytest_configure() -> None:
    """Make the session what it would be in any environment.

    Not on import: cocotb has pytest read this file in every simulation, whose variables are
    its own.
    """
    # A test may start another session with its own environment.
    if "PYTEST_CURRENT_TEST" not in os.environ:
        kept = own_environment(also=("PYTEST", "COV"))
        for name in set(os.environ) - set(kept):
            del os.environ[name]
    # Children get the default signals, though a shell has a background job ignore SIGINT: a
    # signal that is ignored stays so in a child, one that has a handler does not.
    if threading.current_thread() is threading.main_thread():
        default_signals()
        for sent in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(sent) is signal.SIG_IGN:
                signal.signal(sent, lambda *_: None)
    # A process of tests for each core: threads of their own would only wait for each other.
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
