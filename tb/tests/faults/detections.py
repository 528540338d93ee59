"""Broken designs and broken drivers, each with the check that it has to turn red.

A later bug found in the RTL belongs here too. `tb.tests.faults.detect_all` runs them.
"""

from __future__ import annotations

from typing import Final

from tb.tests.faults.bugs_ports import PORTS
from tb.tests.faults.bugs_queue import QUEUE
from tb.tests.faults.bugs_readout import READOUT
from tb.tests.faults.bugs_values import VALUES
from tb.tests.faults.detection import Detection

DETECTIONS: Final[tuple[Detection, ...]] = (*VALUES, *READOUT, *QUEUE, *PORTS)

FEW: Final = (
    *("lanes swapped", "padding off by one", "accumulator not cleared"),
    *("edge pixel lost", "arithmetic of the next job", "status never set"),
    *("valid dropped", "shadow state not reset"),
)
"""Those that run with every ``make test``."""
