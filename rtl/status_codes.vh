// Status codes of a job, as STATUS and its result slot report them (docs/rtl/control.md).
`ifndef CONV_PE_STATUS_CODES
`define CONV_PE_STATUS_CODES
`define CONV_PE_NONE         8'h00 // the job ran
`define CONV_PE_SIZE         8'h01 // a side or channel count is 0 or too large
`define CONV_PE_KERNEL       8'h02 // a kernel side is not 1 to 7
`define CONV_PE_STRIDE       8'h03 // the stride is not 1 or 2
`define CONV_PE_PADDING      8'h04 // a pad is as large as the kernel
`define CONV_PE_GEOMETRY     8'h05 // input and output sizes do not fit together
`define CONV_PE_INPUT_MEMORY 8'h06 // the input tile exceeds its memory
`define CONV_PE_TILE_PIXELS  8'h07 // the output tile exceeds the accumulator
`define CONV_PE_SHIFT        8'h08 // the shift is ACC_W or more
`define CONV_PE_ACTIVATION   8'h09 // no such activation
`define CONV_PE_POOL         8'h0a // the readout does not fit the tile, or itself
`define CONV_PE_OWN_CHANNELS 8'h0b // own channels need as many outputs as inputs, lanes too
`define CONV_PE_ACT_EARLY    8'h10 // the activation stream ended too early
`define CONV_PE_ACT_LATE     8'h11 // the activation stream went on too long
`define CONV_PE_WGT_EARLY    8'h12 // the weight stream ended too early
`define CONV_PE_WGT_LATE     8'h13 // the weight stream went on too long
`define CONV_PE_WATCHDOG     8'h20 // nothing moved for WATCHDOG cycles
`endif
