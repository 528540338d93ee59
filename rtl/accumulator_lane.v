// Accumulator of one lane: two banks of partial sums and the lane's bias.
//
// Contract    sums[bank][pixel] <= dot + (first ? bias : sums[bank][pixel])
// Latency     a sum is read in one cycle and written at the end of the next
// Throughput  one read-modify-write a cycle in one bank, one drain read in the
//             other
//
// The bias is the starting value of a sum, not a late addition: the same
// integer, without an adder of its own.
`default_nettype none

module accumulator_lane #(
    parameter integer ACC_W   = 40,        // bits of a partial sum
    parameter integer DOT_W   = 40,        // bits of a dot product
    parameter integer DEPTH   = 1024,      // pixels of a bank
    parameter integer PIXEL_W = 10         // bits of a pixel number
) (
    input  wire                    clk,

    input  wire                    load_bias,
    input  wire signed [ACC_W-1:0] next_bias,

    input  wire                    read,         // fetch a partial sum
    input  wire                    read_bank,
    input  wire [PIXEL_W-1:0]      read_pixel,

    input  wire                    add,          // one cycle after read: add and write back
    input  wire                    first,
    input  wire                    add_bank,
    input  wire [PIXEL_W-1:0]      add_pixel,
    input  wire signed [DOT_W-1:0] dot,

    input  wire                    drain,        // fetch a finished sum
    input  wire                    drain_bank,
    input  wire [PIXEL_W-1:0]      drain_pixel,
    input  wire                    drained_bank, // bank of the word on drained
    output wire signed [ACC_W-1:0] drained
);

    reg signed [ACC_W-1:0] bank_0 [0:DEPTH-1];
    reg signed [ACC_W-1:0] bank_1 [0:DEPTH-1];
    reg signed [ACC_W-1:0] word_0;
    reg signed [ACC_W-1:0] word_1;
    reg signed [ACC_W-1:0] bias;

    wire signed [ACC_W-1:0] start = first ? bias : add_bank ? word_1 : word_0;
    wire signed [ACC_W-1:0] sum   = start + {{(ACC_W-DOT_W+1){dot[DOT_W-1]}}, dot[DOT_W-2:0]};

    // Compute and drain never use one bank at a time, so one read port serves.
    wire [PIXEL_W-1:0] pixel_0 = read && !read_bank ? read_pixel : drain_pixel;
    wire [PIXEL_W-1:0] pixel_1 = read &&  read_bank ? read_pixel : drain_pixel;

    assign drained = drained_bank ? word_1 : word_0;

    always @(posedge clk) begin
        if (load_bias)
            bias <= next_bias;
        if (add && !add_bank)
            bank_0[add_pixel] <= sum;
        if (add && add_bank)
            bank_1[add_pixel] <= sum;
        if ((read && !read_bank) || (drain && !drain_bank))
            word_0 <= bank_0[pixel_0];
        if ((read && read_bank) || (drain && drain_bank))
            word_1 <= bank_1[pixel_1];
    end

endmodule

`default_nettype wire
