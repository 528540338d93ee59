// Output arithmetic of one lane: requantisation, saturation, activation, maximum.
//
// Contract    act_first = 0   value = act(clip(round(sum / 2^shift)))
//             act_first = 1   value = clip(round(act(sum) / 2^shift))
//             round is half up (half = 2^(shift-1)) or floor (half = 0); clip
//             saturates to A_W bits, or keeps the low A_W bits if wrap is high
//             act:  0 linear   1 relu   2 leaky, below zero x >>> 3 or (x * 13) >>> 7
//             highest = the maximum of the values since the last first
// Latency     three cycles of step
// Throughput  one value a cycle of step
//
// Thirteen is 8 + 4 + 1: additions cost less than another multiplier a lane.
// The arithmetic stands in functions that are called where their result is
// registered, so that a simulator leaves it out while nothing drains.
`default_nettype none

module post_lane #(
    parameter integer ACC_W = 40,          // bits of a partial sum
    parameter integer A_W   = 16           // bits of an activation
) (
    input  wire                    clk,

    input  wire                    round,        // stage 1: sum to rounded
    input  wire [15:0]             round_post,   // settings, see conv_pe
    input  wire signed [ACC_W-1:0] half,
    input  wire signed [ACC_W-1:0] sum,

    input  wire                    clip,         // stage 2: rounded to value
    input  wire [15:0]             clip_post,
    output reg  signed [A_W-1:0]   value,

    input  wire                    gather,       // stage 3: value to highest
    input  wire                    gather_first, // of a window
    input  wire                    gather_floor, // it holds zeros of the padding
    output reg  signed [A_W-1:0]   highest
);

    localparam integer WIDE_W = ACC_W + 4; // sum * 13 needs four more bits
    localparam integer EDGE_W = A_W + 4;   // likewise for the clipped value
    localparam [1:0]   LINEAR = 2'd0, RELU = 2'd1;

    reg signed [WIDE_W-1:0] rounded;

    // Activation on the wide sum where it comes first, then the rounding shift.
    function automatic signed [WIDE_W-1:0] shifted(
        input signed [ACC_W-1:0] x, input signed [ACC_W-1:0] plus,
        input [5:0] shift, input [2:0] act, input act_first
    );
        reg signed [WIDE_W-1:0] wide;
        begin
            wide = {{4{x[ACC_W-1]}}, x};
            if (act_first && act[1:0] != LINEAR && x[ACC_W-1]) begin
                if (act[1:0] == RELU) wide = 0;
                else if (act[2])      wide = ((wide <<< 3) + (wide <<< 2) + wide) >>> 7;
                else                  wide = wide >>> 3;
            end
            wide    = wide + $signed({{4{plus[ACC_W-1]}}, plus});
            shifted = wide >>> shift;
        end
    endfunction

    // Clip to A_W bits, then activation on the clipped value where it comes last.
    function automatic signed [A_W-1:0] activated(
        input signed [WIDE_W-1:0] x, input wrap, input [2:0] act, input act_first
    );
        reg signed [EDGE_W-1:0] clipped;
        begin
            clipped = {{4{x[A_W-1]}}, x[A_W-1:0]};
            if (!wrap && x[WIDE_W-1:A_W-1] != {(WIDE_W-A_W+1){x[WIDE_W-1]}})
                clipped = {{5{x[WIDE_W-1]}}, {(A_W-1){!x[WIDE_W-1]}}};
            if (!act_first && act[1:0] != LINEAR && clipped[EDGE_W-1]) begin
                if (act[1:0] == RELU) clipped = 0;
                else if (act[2])      clipped = ((clipped <<< 3) + (clipped <<< 2) + clipped) >>> 7;
                else                  clipped = clipped >>> 3;
            end
            activated = clipped[A_W-1:0];
        end
    endfunction

    function automatic signed [A_W-1:0] larger(
        input signed [A_W-1:0] x, input signed [A_W-1:0] y
    );
        larger = x > y ? x : y;
    endfunction

    wire [7:0]  unused_round = {round_post[11:6], 2'd0};
    wire [11:0] unused_clip  = {clip_post[11:10], clip_post[8:0], 1'b0};

    wire signed [A_W-1:0] start = gather_floor ? {A_W{1'b0}} : {1'b1, {(A_W-1){1'b0}}};

    always @(posedge clk) begin
        if (round)
            rounded <= shifted(sum, half, round_post[5:0], round_post[14:12], round_post[15]);
        if (clip)
            value <= activated(rounded, clip_post[9], clip_post[14:12], clip_post[15]);
        if (gather)
            highest <= larger(value, gather_first ? start : highest);
    end

endmodule

`default_nettype wire
