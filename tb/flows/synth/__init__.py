"""``make synth-check``: the Verilog mapped to an FPGA, and checked."""
