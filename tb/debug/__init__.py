"""From a red run to the guilty cycle: what differs first, why, and its waves."""
