"""An integer network as files that C, HLS and Verilog read, and the way back."""
