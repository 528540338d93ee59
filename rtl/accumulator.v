// Accumulator memory: two banks of partial sums, all lanes side by side, and the bias.
//
// Contract    bank[pixel] <= dot + (first ? bias : bank[pixel]), lane by lane
// Latency     a word of sums is read in one cycle and written at the end of the next
// Throughput  one read-modify-write a cycle in one bank, one drain read in the
//             other
//
// The bias is the starting value of a sum, not a late addition: the same
// integer, without an adder of its own. Biases come as 64-bit words,
// sign-extended, lane 0 first, as many to a beat as fit.
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

    input  wire                  read,         // fetch partial sums
    input  wire                  read_bank,
    input  wire [PIXEL_W-1:0]    read_pixel,

    input  wire                  add,          // one cycle after read: add and write back
    input  wire                  first,
    input  wire                  add_bank,
    input  wire [PIXEL_W-1:0]    add_pixel,
    input  wire [P_OC*DOT_W-1:0] dot,          // lane o at [o*DOT_W +: DOT_W]

    input  wire                  drain,        // fetch finished sums
    input  wire                  drain_bank,
    input  wire [PIXEL_W-1:0]    drain_pixel,
    input  wire                  drained_bank, // bank of the word on drained
    output wire [P_OC*ACC_W-1:0] drained       // lane o at [o*ACC_W +: ACC_W]
);

    localparam integer HIGH_W = ACC_W > 32 ? ACC_W - 32 : 1; // bits of a sum beyond 32
    localparam integer WIDE_W = HIGH_W + 32;

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

    // A sum lies in two memories, its low 32 bits in one and the rest in the other: a
    // simulator finds the low halves of all lanes in whole words, one after another.
    // Compute and drain never use one bank at a time, so one read port serves.
    wire [PIXEL_W-1:0] pixel_0 = read && !read_bank ? read_pixel : drain_pixel;
    wire [PIXEL_W-1:0] pixel_1 = read &&  read_bank ? read_pixel : drain_pixel;
    wire               fetch_0 = (read && !read_bank) || (drain && !drain_bank);
    wire               fetch_1 = (read && read_bank) || (drain && drain_bank);

    wire [P_OC*32-1:0]     low_0, low_1, low_sums;
    wire [P_OC*HIGH_W-1:0] high_0, high_1, high_sums;
    reg  [P_OC*32-1:0]     low_bias;
    reg  [P_OC*HIGH_W-1:0] high_bias;

    word_memory #(.WORD_W(P_OC * 32), .DEPTH(DEPTH), .ADDR_W(PIXEL_W)) low_bank_0 (
        .clk(clk), .wr_en(add && !add_bank), .wr_addr(add_pixel), .wr_data(low_sums),
        .rd_en(fetch_0), .rd_addr(pixel_0), .rd_data(low_0)
    );
    word_memory #(.WORD_W(P_OC * 32), .DEPTH(DEPTH), .ADDR_W(PIXEL_W)) low_bank_1 (
        .clk(clk), .wr_en(add && add_bank), .wr_addr(add_pixel), .wr_data(low_sums),
        .rd_en(fetch_1), .rd_addr(pixel_1), .rd_data(low_1)
    );

    genvar o;
    generate
        if (ACC_W > 32) begin : g_high
            word_memory #(.WORD_W(P_OC * HIGH_W), .DEPTH(DEPTH), .ADDR_W(PIXEL_W)) bank_0 (
                .clk(clk), .wr_en(add && !add_bank), .wr_addr(add_pixel), .wr_data(high_sums),
                .rd_en(fetch_0), .rd_addr(pixel_0), .rd_data(high_0)
            );
            word_memory #(.WORD_W(P_OC * HIGH_W), .DEPTH(DEPTH), .ADDR_W(PIXEL_W)) bank_1 (
                .clk(clk), .wr_en(add && add_bank), .wr_addr(add_pixel), .wr_data(high_sums),
                .rd_en(fetch_1), .rd_addr(pixel_1), .rd_data(high_1)
            );
        end else begin : g_no_high
            assign high_0 = {P_OC*HIGH_W{1'b0}};
            assign high_1 = {P_OC*HIGH_W{1'b0}};
            wire unused_high = ^high_sums;
        end

        for (o = 0; o < P_OC; o = o + 1) begin : g_lane
            wire signed [DOT_W-1:0] term = dot[o*DOT_W +: DOT_W];
            wire [31:0]       low  = first ? low_bias[o*32 +: 32]
                                     : add_bank ? low_1[o*32 +: 32] : low_0[o*32 +: 32];
            wire [HIGH_W-1:0] high = first ? high_bias[o*HIGH_W +: HIGH_W]
                                     : add_bank ? high_1[o*HIGH_W +: HIGH_W]
                                     : high_0[o*HIGH_W +: HIGH_W];
            wire [WIDE_W-1:0] sum  = {high, low}
                                     + {{(WIDE_W-DOT_W+1){term[DOT_W-1]}}, term[DOT_W-2:0]};
            wire [WIDE_W-1:0] word = drained_bank
                                     ? {high_1[o*HIGH_W +: HIGH_W], low_1[o*32 +: 32]}
                                     : {high_0[o*HIGH_W +: HIGH_W], low_0[o*32 +: 32]};
            wire [64-ACC_W:0] unused_sign = {word[WIDE_W-1], bias_shadow[o*64 + 63:o*64 + ACC_W]};

            assign low_sums[o*32 +: 32]          = sum[31:0];
            assign high_sums[o*HIGH_W +: HIGH_W] = sum[WIDE_W-1:32];
            assign drained[o*ACC_W +: ACC_W]     = word[ACC_W-1:0];
            always @(posedge clk)
                if (load_bias) begin
                    low_bias[o*32 +: 32]          <= bias_shadow[o*64 +: 32];
                    high_bias[o*HIGH_W +: HIGH_W] <= bias_shadow[o*64 + 32 +: HIGH_W];
                end
        end
    endgenerate

endmodule

`default_nettype wire
