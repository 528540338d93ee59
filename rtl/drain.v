// Drain: reads finished output groups out of the accumulator, pixel by pixel.
//
// Contract    groups leave in the order in which they were finished, pixels in
//             raster order; a bank is handed back once its last word is used
// Latency     read (1), round (1), saturate and register (1)
// Throughput  one vector a cycle while the output is ready
//
//   cycle   0 read address   1 sums fetched   2 rounded   3 output register
`default_nettype none

module drain #(
    parameter integer P_OC    = 16,        // lanes
    parameter integer PIXEL_W = 10         // bits of a pixel number
) (
    input  wire               clk,
    input  wire               rst,

    input  wire               start,       // one cycle: a job begins
    input  wire [31:0]        pixels,
    input  wire [11:0]        out_groups,
    input  wire [15:0]        out_channels,

    input  wire               group_open,  // a bank is taken for an output group
    input  wire               group_bank,
    input  wire               group_done,  // the last sum of this bank was written
    input  wire               done_bank,
    output wire [1:0]         bank_free,

    output wire               read,
    output reg                read_bank,
    output reg  [PIXEL_W-1:0] read_pixel,
    output reg                word_bank,   // bank of the fetched word
    output wire               step,        // the stages behind take a word
    output reg  [P_OC-1:0]    out_keep,    // lanes that carry a channel
    output reg                out_last,
    output reg                out_valid,
    input  wire               out_ready,
    output wire               idle         // nothing is left inside
);

    localparam [15:0] LANES = P_OC[15:0];

    reg [1:0]  taken;                      // banks being filled, full, or being read
    reg [1:0]  full;
    reg [15:0] channels_left;              // from the group being read on
    reg [11:0] groups_left;
    reg        word_valid, word_end, word_last;
    reg        round_valid, round_last;
    reg [P_OC-1:0] word_keep, round_keep;

    wire last_pixel = {{(32-PIXEL_W){1'b0}}, read_pixel} == pixels - 32'd1;
    wire last_group = groups_left == 12'd1;

    assign step      = !out_valid || out_ready;
    assign read      = full[read_bank] && step;
    assign bank_free = ~taken;
    assign idle      = taken == 2'b00 && !word_valid && !round_valid && !out_valid;

    integer lane;
    reg [P_OC-1:0] live;
    always @* begin
        for (lane = 0; lane < P_OC; lane = lane + 1)
            live[lane] = {16'd0, channels_left} > lane;
    end

    always @(posedge clk) begin
        if (group_open)
            taken[group_bank] <= 1'b1;
        if (group_done)
            full[done_bank] <= 1'b1;
        if (step) begin
            word_valid  <= read;
            word_bank   <= read_bank;
            word_end    <= read && last_pixel;
            word_last   <= last_pixel && last_group;
            word_keep   <= live;
            round_valid <= word_valid;
            round_last  <= word_last;
            round_keep  <= word_keep;
            out_valid   <= round_valid;
            out_last    <= round_last;
            out_keep    <= round_keep;
            if (word_end)
                taken[word_bank] <= 1'b0;
        end
        if (read) begin
            read_pixel <= read_pixel + 1'b1;
            if (last_pixel) begin
                read_pixel      <= {PIXEL_W{1'b0}};
                full[read_bank] <= 1'b0;
                read_bank       <= !read_bank;
                groups_left     <= groups_left - 12'd1;
                channels_left   <= channels_left - LANES;
            end
        end
        if (start) begin
            read_pixel    <= {PIXEL_W{1'b0}};
            groups_left   <= out_groups;
            channels_left <= out_channels;
        end
        if (rst || start) begin
            read_bank   <= 1'b0;
            taken       <= 2'b00;
            full        <= 2'b00;
            word_valid  <= 1'b0;
            word_end    <= 1'b0;
            round_valid <= 1'b0;
            out_valid   <= 1'b0;
        end
    end

endmodule

`default_nettype wire
