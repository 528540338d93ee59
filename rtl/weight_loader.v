// Weight loader: takes biases and weights off their stream, one pass ahead.
//
// Contract    beats go to the bias shadow or to the weight shadow of one lane,
//             in the order of the stream; a full shadow waits for its swap, so that
//             a job's first weights may come while the job before still computes
// Latency     none; a beat is stored in the cycle it is accepted
// Throughput  one beat a cycle; P_OC beats a pass
//
// Stream, for each output group: BIAS_BEATS beats of 64-bit biases, then for
// each pass (input group, kernel row, kernel column) P_OC beats, one a lane.
// With swallow high, beats are accepted and dropped up to TLAST.
`default_nettype none

module weight_loader #(
    parameter integer P_OC       = 16,     // lanes
    parameter integer BIAS_BEATS = 4       // beats that hold P_OC biases
) (
    input  wire            clk,
    input  wire            rst,

    input  wire            start,          // one cycle: a job's stream begins
    input  wire            load,           // accept beats into the shadows
    input  wire            swallow,        // accept beats and drop them
    input  wire [17:0]     passes,         // passes of one output group; taken with start
    input  wire [11:0]     out_groups,

    input  wire            s_last,
    input  wire            s_valid,
    output wire            s_ready,

    output wire            bias_shift,     // the beat enters the bias shadow
    output reg  [P_OC-1:0] lane_load,      // the beat enters this lane's weight shadow
    output reg             weights_full,   // the weight shadow holds a whole pass
    input  wire            swap_weights,   // the array takes the weight shadow
    input  wire            swap_bias,      // the accumulator takes the bias shadow

    output reg             ended,          // TLAST was seen
    output reg             early,          // TLAST came before the last beat
    output reg             late            // the last beat came without TLAST
);

    localparam integer BEAT_W = $clog2(BIAS_BEATS + P_OC) + 1;

    reg              bias_full;            // the bias shadow holds a whole group
    reg              in_bias;              // the next beat is a bias beat
    reg [BEAT_W-1:0] beat;                 // within the biases or within the pass
    reg [17:0]       group_passes;
    reg [17:0]       passes_left;          // of this output group
    reg [11:0]       groups_left;

    wire [31:0] beat_wide  = {{(32-BEAT_W){1'b0}}, beat};
    wire        last_bias  = beat_wide == BIAS_BEATS - 1;
    wire        last_lane  = beat_wide == P_OC - 1;
    wire        last_beat  = !in_bias && last_lane && passes_left == 18'd1 && groups_left == 12'd1;
    wire        room       = in_bias ? !bias_full || swap_bias : !weights_full || swap_weights;
    wire        storing    = load && !ended && groups_left != 12'd0;
    wire        take       = storing && room && s_valid;

    assign s_ready    = (storing && room) || (swallow && !ended);
    assign bias_shift = take && in_bias;

    integer lane;
    always @* begin
        for (lane = 0; lane < P_OC; lane = lane + 1)
            lane_load[lane] = take && !in_bias && beat_wide == lane;
    end

    always @(posedge clk) begin
        if (swap_weights)
            weights_full <= 1'b0;
        if (swap_bias)
            bias_full <= 1'b0;
        if (start) begin
            in_bias      <= 1'b1;
            beat         <= {BEAT_W{1'b0}};
            group_passes <= passes;
            passes_left  <= passes;
            groups_left  <= out_groups;
            ended        <= 1'b0;
            early        <= 1'b0;
            late         <= 1'b0;
        end else begin
            if (s_valid && s_ready)
                ended <= s_last;
            if (take) begin
                beat  <= beat + 1'b1;
                early <= s_last && !last_beat;
                late  <= !s_last && last_beat;
                if (in_bias && last_bias) begin
                    in_bias   <= 1'b0;
                    bias_full <= 1'b1;
                    beat      <= {BEAT_W{1'b0}};
                end
                if (!in_bias && last_lane) begin
                    weights_full <= s_last || !last_beat; // a late stream's last pass never runs
                    beat         <= {BEAT_W{1'b0}};
                    passes_left  <= passes_left - 18'd1;
                    if (passes_left == 18'd1) begin
                        in_bias     <= 1'b1;
                        passes_left <= group_passes;
                        groups_left <= groups_left - 12'd1;
                    end
                end
            end
        end
        if (rst) begin
            weights_full <= 1'b0;
            bias_full    <= 1'b0;
            groups_left  <= 12'd0;
            ended        <= 1'b1;
            early        <= 1'b0;
            late         <= 1'b0;
        end
    end

endmodule

`default_nettype wire
