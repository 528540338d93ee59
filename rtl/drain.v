// Drain: reads finished output groups out of the accumulator and follows them out.
//
// Contract    groups leave in the order in which they were finished; each bank keeps
//             the settings of its own job, so that one job drains while the next
//             computes; a bank is handed back once its last word is used
// Latency     read (1), round (1), saturate (1), pool (1)
// Throughput  one vector a cycle while the output is ready
//
//   cycle   0 read address   1 sums fetched   2 rounded   3 value   4 output register
`default_nettype none

module drain #(
    parameter integer P_OC    = 16,        // lanes
    parameter integer PIXEL_W = 10         // bits of a pixel number
) (
    input  wire               clk,
    input  wire               rst,

    input  wire               start,       // one cycle: the array begins with a job
    // That job, see conv_pe for the fields
    input  wire [9:0]         width,
    input  wire [9:0]         height,
    input  wire [10:0]        out_width,
    input  wire [10:0]        out_height,
    input  wire [15:0]        post,
    input  wire [15:0]        pool,
    input  wire [15:0]        channels,    // output channels

    input  wire               group_open,  // a bank is taken for an output group
    input  wire               group_bank,
    input  wire               group_done,  // the last sum of this bank was written
    input  wire               done_bank,
    output wire [1:0]         bank_free,

    output wire               read,
    output reg                read_bank,
    output wire [PIXEL_W-1:0] read_pixel,
    output reg                word_bank,   // bank of the fetched word
    output wire               step,        // the stages behind take a word

    output wire [15:0]        read_post,

    // Beside the word, the rounded sum and the value
    output reg                word_valid,
    output reg                round_valid,
    output reg                value_valid,
    output reg                value_first, // first of a window
    output reg                value_floor, // the window's maximum is at least zero
    output reg                value_last,  // of the job

    output reg  [P_OC-1:0]    out_keep,    // lanes that carry a channel
    output reg                out_last,
    output reg                out_valid,
    input  wire               out_ready
);

    localparam integer SETTINGS_W = 10 + 10 + 11 + 11 + 16 + 16 + 16;
    localparam [15:0]  LANES      = P_OC[15:0];

    reg [1:0] taken;                       // banks being filled, full, or being read
    reg [1:0] full;
    reg       reading;                     // the readout stands on a pixel of read_bank
    reg [15:0] channels_left;              // from the next group to be opened on
    reg [SETTINGS_W-1:0] settings_0, settings_1;

    wire [SETTINGS_W-1:0] opened
        = {width, height, out_width, out_height, post, pool, channels_left};

    // The bank that is being read.
    reg [9:0]      bank_width, bank_height;
    reg [10:0]     bank_out_width, bank_out_height;
    reg [15:0]     bank_post, bank_pool;
    reg            bank_final;
    reg [P_OC-1:0] bank_keep;
    reg            beginning;              // its settings stand here, its walk begins
    reg [15:0]     bank_channels;

    wire [10:0] unused_pool = {bank_pool[15:9], bank_pool[6:5], bank_pool[3:2]};
    assign read_post = bank_post;

    wire [1:0] size = bank_pool[1:0] == 2'd0 ? 2'd1 : bank_pool[1:0];
    wire       window_first, window_last, clipped, last_read;
    wire       begin_bank = full[read_bank] && !reading && !beginning;

    readout #(.PIXEL_W(PIXEL_W)) walk (
        .clk(clk), .start(beginning), .step(read),
        .width(bank_width), .height(bank_height),
        .out_width(bank_out_width), .out_height(bank_out_height),
        .size(size), .stride_2(bank_pool[4]), .upsample(bank_pool[8]),
        .pixel(read_pixel), .window_first(window_first), .window_last(window_last),
        .clipped(clipped), .last(last_read)
    );

    reg            word_end, word_first, word_emit, word_floor, word_last;
    reg            round_first, round_emit, round_floor, round_last;
    reg            value_emit;
    reg [P_OC-1:0] word_keep, round_keep, value_keep;

    assign step      = !out_valid || out_ready;
    assign read      = reading && step;
    assign bank_free = ~taken;

    integer lane;
    always @(posedge clk) begin
        if (group_open) begin
            taken[group_bank] <= 1'b1;
            channels_left     <= channels_left - LANES;
            if (group_bank)
                settings_1 <= opened;
            else
                settings_0 <= opened;
        end
        if (start)
            channels_left <= channels;
        if (group_done)
            full[done_bank] <= 1'b1;
        beginning <= begin_bank;
        if (begin_bank)
            {bank_width, bank_height, bank_out_width, bank_out_height,
             bank_post, bank_pool, bank_channels} <= read_bank ? settings_1 : settings_0;
        if (beginning) begin
            reading    <= 1'b1;
            bank_final <= bank_channels <= LANES;
            for (lane = 0; lane < P_OC; lane = lane + 1)
                bank_keep[lane] <= {16'd0, bank_channels} > lane;
        end
        if (step) begin
            word_valid  <= read;
            word_bank   <= read_bank;
            word_end    <= read && last_read;
            word_first  <= window_first;
            word_emit   <= window_last;
            word_floor  <= clipped && bank_pool[7];
            word_last   <= last_read && bank_final;
            word_keep   <= bank_keep;
            round_valid <= word_valid;
            round_first <= word_first;
            round_emit  <= word_emit;
            round_floor <= word_floor;
            round_last  <= word_last;
            round_keep  <= word_keep;
            value_valid <= round_valid;
            value_first <= round_first;
            value_emit  <= round_emit;
            value_floor <= round_floor;
            value_last  <= round_last;
            value_keep  <= round_keep;
            out_valid   <= value_valid && value_emit;
            out_last    <= value_last;
            out_keep    <= value_keep;
            if (word_end)
                taken[word_bank] <= 1'b0;
        end
        if (read && last_read) begin
            reading         <= 1'b0;
            full[read_bank] <= 1'b0;
            read_bank       <= !read_bank;
        end
        if (rst) begin
            read_bank   <= 1'b0;
            beginning   <= 1'b0;
            reading     <= 1'b0;
            taken       <= 2'b00;
            full        <= 2'b00;
            word_valid  <= 1'b0;
            word_end    <= 1'b0;
            round_valid <= 1'b0;
            value_valid <= 1'b0;
            out_valid   <= 1'b0;
        end
    end

endmodule

`default_nettype wire
