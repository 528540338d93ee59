// Output arithmetic of one lane: activation, requantisation, saturation.
//
// Contract    act_first = 1   value = round(act(sum) / 2^shift)
//             act_first = 0   value = act(clip(round(sum / 2^shift)))
//             round is half up (half = 2^(shift-1)) or floor (half = 0); clip
//             saturates to A_W bits, or keeps the low A_W bits if wrap is high
//             act:  0 linear   1 relu   2 leaky, x >>> 3 or (x * 13) >>> 7
// Latency     two cycles of step
// Throughput  one value a cycle of step
`default_nettype none

module post_lane #(
    parameter integer ACC_W = 40,          // bits of a partial sum
    parameter integer A_W   = 16           // bits of an activation
) (
    input  wire                    clk,
    input  wire                    step,

    input  wire [1:0]              activation,
    input  wire                    slope_13_128,
    input  wire                    act_first,
    input  wire                    wrap,
    input  wire [5:0]              shift,
    input  wire [ACC_W-1:0]        half,

    input  wire signed [ACC_W-1:0] sum,
    output reg  signed [A_W-1:0]   value
);

    localparam integer WIDE_W = ACC_W + 4; // sum * 13 needs four more bits
    localparam integer EDGE_W = A_W + 4;   // likewise for the clipped value

    // Stage 1: activation on the wide sum, then the rounding shift.
    wire signed [WIDE_W-1:0] wide      = {{4{sum[ACC_W-1]}}, sum};
    wire signed [WIDE_W-1:0] wide_leak = slope_13_128 ? (wide * 13) >>> 7 : wide >>> 3;
    wire signed [WIDE_W-1:0] wide_act  = !act_first || activation == 2'd0 || !sum[ACC_W-1] ? wide
                                         : activation == 2'd1 ? {WIDE_W{1'b0}} : wide_leak;
    wire signed [WIDE_W-1:0] halved    = wide_act + $signed({4'd0, half});
    reg  signed [WIDE_W-1:0] rounded;

    // Stage 2: clip to A_W bits, then activation on the clipped value.
    wire                     negative  = rounded[WIDE_W-1];
    wire                     beyond    = rounded[WIDE_W-1:A_W-1] != {(WIDE_W-A_W+1){negative}};
    wire signed [A_W-1:0]    clipped   = beyond && !wrap ? {negative, {(A_W-1){!negative}}}
                                         : rounded[A_W-1:0];
    wire signed [EDGE_W-1:0] edge_val  = {{4{clipped[A_W-1]}}, clipped};
    wire signed [EDGE_W-1:0] edge_leak = slope_13_128 ? (edge_val * 13) >>> 7 : edge_val >>> 3;
    wire [3:0]               unused_edge = edge_leak[EDGE_W-1:A_W];
    wire signed [A_W-1:0]    activated = act_first || activation == 2'd0 || !clipped[A_W-1]
                                         ? clipped
                                         : activation == 2'd1 ? {A_W{1'b0}} : edge_leak[A_W-1:0];

    always @(posedge clk) begin
        if (step) begin
            rounded <= halved >>> shift;
            value   <= activated;
        end
    end

endmodule

`default_nettype wire
