// Output stage: P_OC lanes of requantisation, saturation, activation and maximum.
//
// Contract    see post_lane; the settings travel with the word
// Latency     three cycles of step
// Throughput  one vector a cycle of step
`default_nettype none

module output_stage #(
    parameter integer P_OC  = 16,          // lanes
    parameter integer ACC_W = 40,          // bits of a partial sum
    parameter integer A_W   = 16           // bits of an activation
) (
    input  wire                  clk,
    input  wire                  step,

    input  wire [15:0]           read_post,    // settings of the word being fetched
    input  wire                  word_valid,
    input  wire [P_OC*ACC_W-1:0] sums,
    input  wire                  round_valid,
    input  wire                  value_valid,
    input  wire                  value_first,
    input  wire                  value_floor,

    output wire [P_OC*A_W-1:0]   values,       // activated, before the pool
    output wire [P_OC*A_W-1:0]   highest       // of the window so far
);

    localparam [ACC_W-1:0] ONE = 1;

    reg [15:0]      word_post;
    reg [15:0]      round_post;
    reg [ACC_W-1:0] half;
    always @(posedge clk) begin
        if (step) begin
            word_post  <= read_post;
            round_post <= word_post;
            half       <= read_post[8] || read_post[5:0] == 6'd0 ? {ACC_W{1'b0}}
                          : ONE << (read_post[5:0] - 6'd1);
        end
    end

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_lane
            post_lane #(.ACC_W(ACC_W), .A_W(A_W)) lane (
                .clk(clk),
                .round(step && word_valid), .round_post(word_post), .half(half),
                .sum(sums[o*ACC_W +: ACC_W]),
                .clip(step && round_valid), .clip_post(round_post),
                .value(values[o*A_W +: A_W]),
                .gather(step && value_valid), .gather_first(value_first),
                .gather_floor(value_floor), .highest(highest[o*A_W +: A_W])
            );
        end
    endgenerate

endmodule

`default_nettype wire
