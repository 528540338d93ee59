// Compute core: from the tile memory to finished sums.
//
// Contract    sums of a pixel = bias + sum over groups and taps of dot products,
//             complete when group_done rises for its bank
// Latency     three cycles from issue to the accumulator's write
// Throughput  one pixel at one tap a cycle; stage 1 alone waits, for weights
//
//   stage   0 issue   1 word fetched   2 operands   3 dot products
//
//   pass_sequencer -> tile memory -> mac_array -> accumulator -> sums
`default_nettype none

module compute_core #(
    parameter integer P_IC        = 16,    // input channels a cycle
    parameter integer P_OC        = 16,    // output-channel lanes
    parameter integer A_W         = 16,    // bits of an activation
    parameter integer W_W         = 16,    // bits of a weight
    parameter integer ACC_W       = 40,    // bits of a partial sum
    parameter integer MODE        = 0,     // product mode, see mac_array
    parameter integer TILE_PIXELS = 1024,  // pixels of an accumulator bank
    parameter integer INPUT_WORDS = 8192,  // words of the tile memory
    parameter integer ADDR_W      = 13,    // bits of a tile address
    parameter integer PIXEL_W     = 10     // bits of a pixel number
) (
    input  wire                  clk,
    input  wire                  rst,

    // The job
    input  wire                  start,    // one cycle: the tile is loaded, begin
    input  wire [11:0]           in_groups,
    input  wire [11:0]           out_groups,
    input  wire                  own,
    input  wire [9:0]            in_w,
    input  wire [9:0]            in_h,
    input  wire [9:0]            out_w,
    input  wire [9:0]            out_h,
    input  wire [3:0]            kw,
    input  wire [3:0]            kh,
    input  wire                  stride_2,
    input  wire [3:0]            pad_top,
    input  wire [3:0]            pad_left,
    input  wire [ADDR_W-1:0]     row_pitch,
    input  wire [ADDR_W-1:0]     origin,

    // Words of the input tile
    input  wire                  wr_en,
    input  wire [ADDR_W-1:0]     wr_addr,
    input  wire [P_IC*A_W-1:0]   wr_data,

    // Weights and biases, into their shadows
    input  wire [P_IC*W_W-1:0]   beat,
    input  wire                  bias_shift,
    input  wire [P_OC-1:0]       lane_load,
    input  wire                  weights_full,
    output wire                  swap_weights,
    output wire                  swap_bias,

    // Finished sums, read by the drain
    input  wire [1:0]            bank_free,
    output wire                  group_open, // one cycle: bank is taken for an output group
    output wire                  bank,
    output wire                  group_done, // one cycle: done_bank holds finished sums
    output wire                  done_bank,
    input  wire                  drain_read,
    input  wire                  drain_bank,
    input  wire [PIXEL_W-1:0]    drain_pixel,
    input  wire                  word_bank,
    output wire [P_OC*ACC_W-1:0] sums,

    // What the cycle was used for
    output wire                  running,
    output wire                  mac,
    output wire                  waiting_bank,
    output wire                  waiting_weights
);

    localparam integer ACT_W   = P_IC * A_W;
    localparam integer WGT_W   = P_IC * W_W;
    // A full product has 32 bits and a cut one 16; P_IC of them add log2(P_IC) bits.
    localparam integer GROWN_W = MODE == 0 ? 32 + $clog2(P_IC) : 32;
    localparam integer DOT_W   = GROWN_W < ACC_W ? GROWN_W : ACC_W;

    wire               issue, outside, pass_first, group_first, group_last, advance;
    wire [ADDR_W-1:0]  rd_addr;
    wire [PIXEL_W-1:0] pixel;
    wire [ACT_W-1:0]   rd_data;

    pass_sequencer #(.ADDR_W(ADDR_W), .PIXEL_W(PIXEL_W)) sequencer (
        .clk(clk), .rst(rst),
        .start(start), .advance(advance), .bank_free(bank_free),
        .in_groups(in_groups), .out_groups(out_groups), .own(own),
        .in_w(in_w), .in_h(in_h), .out_w(out_w), .out_h(out_h),
        .kw(kw), .kh(kh), .stride_2(stride_2), .pad_top(pad_top), .pad_left(pad_left),
        .row_pitch(row_pitch), .origin(origin),
        .issue(issue), .address(rd_addr), .outside(outside), .pixel(pixel), .bank(bank),
        .pass_first(pass_first), .group_first(group_first), .group_last(group_last),
        .group_open(group_open), .waiting_bank(waiting_bank), .running(running)
    );

    word_memory #(.WORD_W(ACT_W), .DEPTH(INPUT_WORDS), .ADDR_W(ADDR_W)) tile (
        .clk(clk),
        .wr_en(wr_en), .wr_addr(wr_addr), .wr_data(wr_data),
        .rd_en(issue && advance), .rd_addr(rd_addr), .rd_data(rd_data)
    );

    // Stages 1 to 3; only stage 1 ever waits, for its weights.
    reg               valid_1, outside_1, bank_1, pass_first_1, group_first_1, group_last_1;
    reg               valid_2, bank_2, pass_first_2, group_first_2, group_last_2;
    reg               valid_3, bank_3, group_first_3, group_last_3;
    reg [PIXEL_W-1:0] pixel_1, pixel_2, pixel_3;

    assign waiting_weights = valid_1 && pass_first_1 && !weights_full;
    assign advance         = !waiting_weights;
    assign mac             = valid_1 && advance;
    assign swap_weights    = mac && pass_first_1;
    assign swap_bias       = valid_2 && pass_first_2 && group_first_2;
    assign group_done      = valid_3 && group_last_3;
    assign done_bank       = bank_3;

    always @(posedge clk) begin
        if (advance) begin
            valid_1       <= issue;
            outside_1     <= outside;
            bank_1        <= bank;
            pixel_1       <= pixel;
            pass_first_1  <= pass_first;
            group_first_1 <= group_first;
            group_last_1  <= group_last;
        end
        valid_2       <= mac;
        bank_2        <= bank_1;
        pixel_2       <= pixel_1;
        pass_first_2  <= pass_first_1;
        group_first_2 <= group_first_1;
        group_last_2  <= group_last_1;
        valid_3       <= valid_2;
        bank_3        <= bank_2;
        pixel_3       <= pixel_2;
        group_first_3 <= group_first_2;
        group_last_3  <= group_last_2;
        if (rst) begin
            valid_1 <= 1'b0;
            valid_2 <= 1'b0;
            valid_3 <= 1'b0;
        end
    end

    wire [P_OC*DOT_W-1:0] dot;

    mac_array #(
        .P_IC(P_IC), .P_OC(P_OC), .A_W(A_W), .W_W(W_W), .DOT_W(DOT_W), .MODE(MODE)
    ) array (
        .clk(clk), .lane_load(lane_load), .beat(beat),
        .take(mac), .outside(outside_1), .swap(swap_weights), .word(rd_data), .dot(dot)
    );

    accumulator #(
        .P_OC(P_OC), .ACC_W(ACC_W), .DOT_W(DOT_W), .DEPTH(TILE_PIXELS), .PIXEL_W(PIXEL_W),
        .BEAT_W(WGT_W)
    ) accumulators (
        .clk(clk), .bias_shift(bias_shift), .beat(beat), .load_bias(swap_bias),
        .read(valid_2 && !group_first_2), .read_bank(bank_2), .read_pixel(pixel_2),
        .add(valid_3), .first(group_first_3), .add_bank(bank_3), .add_pixel(pixel_3), .dot(dot),
        .drain(drain_read), .drain_bank(drain_bank), .drain_pixel(drain_pixel),
        .drained_bank(word_bank), .drained(sums)
    );

endmodule

`default_nettype wire
