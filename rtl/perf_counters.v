// Performance counters: every cycle of a job is counted under one heading.
//
// Contract    cycles = mac + input + weights + drain + other
// Latency     one cycle; the figures of a job hold until the next one starts
//
//   mac      a pixel entered the array
//   input    the tile memory was being loaded
//   weights  the array waited for its next weights
//   drain    the array waited for a bank, or was done and the output was not
//   other    descriptor check, pipeline latency
`default_nettype none

module perf_counters (
    input  wire        clk,
    input  wire        rst,

    input  wire        clear,              // one cycle: a job begins
    input  wire        busy,
    input  wire        mac,
    input  wire        loading,
    input  wire        waiting_weights,
    input  wire        draining,

    output reg  [31:0] cycles,
    output reg  [31:0] mac_cycles,
    output reg  [31:0] stall_input,
    output reg  [31:0] stall_weights,
    output reg  [31:0] stall_drain,
    output reg  [31:0] stall_other
);

    always @(posedge clk) begin
        if (clear || rst) begin
            cycles        <= 32'd0;
            mac_cycles    <= 32'd0;
            stall_input   <= 32'd0;
            stall_weights <= 32'd0;
            stall_drain   <= 32'd0;
            stall_other   <= 32'd0;
        end else if (busy) begin
            cycles <= cycles + 32'd1;
            if (mac)
                mac_cycles <= mac_cycles + 32'd1;
            else if (loading)
                stall_input <= stall_input + 32'd1;
            else if (waiting_weights)
                stall_weights <= stall_weights + 32'd1;
            else if (draining)
                stall_drain <= stall_drain + 32'd1;
            else
                stall_other <= stall_other + 32'd1;
        end
    end

endmodule

`default_nettype wire
