// Accumulator memory: P_OC lanes of two banks, and the bias shadow.
//
// Contract    see accumulator_lane; the lanes work in step
// Latency     one cycle from read to add
// Throughput  one vector of partial sums a cycle, beside one drained vector
//
// Biases come as 64-bit words, sign-extended, lane 0 first, as many to a beat
// as fit.
`default_nettype none

module accumulator #(
    parameter integer P_OC       = 16,     // lanes
    parameter integer ACC_W      = 40,     // bits of a partial sum
    parameter integer DOT_W      = 40,     // bits of a dot product
    parameter integer DEPTH      = 1024,   // pixels of a bank
    parameter integer PIXEL_W    = 10,     // bits of a pixel number
    parameter integer BEAT_W     = 256     // bits of a weight beat
) (
    input  wire                  clk,

    input  wire                  bias_shift,
    input  wire [BEAT_W-1:0]     beat,
    input  wire                  load_bias,

    input  wire                  read,
    input  wire                  read_bank,
    input  wire [PIXEL_W-1:0]    read_pixel,

    input  wire                  add,
    input  wire                  first,
    input  wire                  add_bank,
    input  wire [PIXEL_W-1:0]    add_pixel,
    input  wire [P_OC*DOT_W-1:0] dot,

    input  wire                  drain,
    input  wire                  drain_bank,
    input  wire [PIXEL_W-1:0]    drain_pixel,
    input  wire                  drained_bank,
    output wire [P_OC*ACC_W-1:0] drained
);

    reg [P_OC*64-1:0] bias_shadow;

    generate
        if (BEAT_W < P_OC * 64) begin : g_shift_in
            always @(posedge clk)
                if (bias_shift)
                    bias_shadow <= {beat, bias_shadow[P_OC*64-1:BEAT_W]};
        end else begin : g_whole_beat
            always @(posedge clk)
                if (bias_shift)
                    bias_shadow <= beat[P_OC*64-1:0];
            if (BEAT_W > P_OC * 64) begin : g_spare
                wire [BEAT_W-P_OC*64-1:0] unused_beat = beat[BEAT_W-1:P_OC*64];
            end
        end
    endgenerate

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_lane
            wire [63-ACC_W:0] unused_sign = bias_shadow[o*64 + 63:o*64 + ACC_W];
            accumulator_lane #(
                .ACC_W(ACC_W), .DOT_W(DOT_W), .DEPTH(DEPTH), .PIXEL_W(PIXEL_W)
            ) lane (
                .clk(clk),
                .load_bias(load_bias), .next_bias(bias_shadow[o*64 +: ACC_W]),
                .read(read), .read_bank(read_bank), .read_pixel(read_pixel),
                .add(add), .first(first), .add_bank(add_bank), .add_pixel(add_pixel),
                .dot(dot[o*DOT_W +: DOT_W]),
                .drain(drain), .drain_bank(drain_bank), .drain_pixel(drain_pixel),
                .drained_bank(drained_bank), .drained(drained[o*ACC_W +: ACC_W])
            );
        end
    endgenerate

endmodule

`default_nettype wire
