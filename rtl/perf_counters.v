// Performance counters: every busy cycle is counted once, and kept for each job.
//
// Contract    cycles = mac + input + weights + drain + other
//             a job's figures cover the cycles from the end of the job before it,
//             or from its own start if that is later, to its own end: they add up
//             without gaps; the cycle of an end belongs to the next job
// Latency     one cycle; the figures of job k stand in slot k modulo 2 until job
//             k + 2 ends
//
//   mac      a pixel entered the array
//   input    the array had no job, and the next one's tile was being loaded
//   weights  the array waited for its next weights
//   drain    the array waited for a bank, or only the output was at work
//   other    descriptor check, pipeline latency, flush and close
`default_nettype none

module perf_counters (
    input  wire         clk,
    input  wire         rst,

    input  wire         busy,
    input  wire         mac,
    input  wire         loading,
    input  wire         waiting_weights,
    input  wire         draining,

    input  wire         job_end,           // one cycle
    input  wire         slot,              // of the job that ends
    input  wire [7:0]   end_error,

    output reg  [223:0] result_0,          // error, other, drain, weights, input, mac, cycles
    output reg  [223:0] result_1
);

    reg [31:0] cycles, mac_cycles, stall_input, stall_weights, stall_drain, stall_other;

    always @(posedge clk) begin
        if (job_end && !slot)
            result_0 <= {24'd0, end_error, stall_other, stall_drain, stall_weights,
                         stall_input, mac_cycles, cycles};
        if (job_end && slot)
            result_1 <= {24'd0, end_error, stall_other, stall_drain, stall_weights,
                         stall_input, mac_cycles, cycles};
        if (busy) begin
            cycles <= cycles + 32'd1;
            if (mac)                  mac_cycles    <= mac_cycles + 32'd1;
            else if (loading)         stall_input   <= stall_input + 32'd1;
            else if (waiting_weights) stall_weights <= stall_weights + 32'd1;
            else if (draining)        stall_drain   <= stall_drain + 32'd1;
            else                      stall_other   <= stall_other + 32'd1;
        end
        // The cycle of a job's end belongs to the next one's figures.
        if (job_end) begin
            cycles        <= {31'd0, busy};
            mac_cycles    <= {31'd0, busy && mac};
            stall_input   <= {31'd0, busy && !mac && loading};
            stall_weights <= {31'd0, busy && !mac && !loading && waiting_weights};
            stall_drain   <= {31'd0, busy && !mac && !loading && !waiting_weights && draining};
            stall_other   <= {31'd0, busy && !mac && !loading && !waiting_weights && !draining};
        end
        if (rst) begin
            cycles        <= 32'd0;
            mac_cycles    <= 32'd0;
            stall_input   <= 32'd0;
            stall_weights <= 32'd0;
            stall_drain   <= 32'd0;
            stall_other   <= 32'd0;
            result_0      <= 224'd0;
            result_1      <= 224'd0;
        end
    end

endmodule

`default_nettype wire
