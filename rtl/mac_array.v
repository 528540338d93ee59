// MAC array: P_OC lanes that share one activation word.
//
// Contract    dot of lane o = sum over i of contribution(act[i] * weight[o][i])
// Latency     two cycles: operand register, then the lanes' sums
// Throughput  one word a cycle
//
// Weights stand still during a pass; the next ones load into a shadow behind
// them and are taken with the pass's first word.
`default_nettype none

module mac_array #(
    parameter integer P_IC  = 16,          // multipliers a lane
    parameter integer P_OC  = 16,          // lanes
    parameter integer A_W   = 16,          // bits of an activation
    parameter integer W_W   = 16,          // bits of a weight
    parameter integer DOT_W = 40,          // bits of a lane's sum
    parameter integer MODE  = 0            // product mode, see mac_lane
) (
    input  wire                  clk,

    input  wire [P_OC-1:0]       lane_load,
    input  wire [P_IC*W_W-1:0]   beat,

    input  wire                  take,     // register a word
    input  wire                  outside,  // the word is padding: zero
    input  wire                  swap,     // with the word, take the shadow weights
    input  wire [P_IC*A_W-1:0]   word,
    output wire [P_OC*DOT_W-1:0] dot       // lane o at [o*DOT_W +: DOT_W]
);

    reg [P_IC*32-1:0] act;

    integer i;
    always @(posedge clk) begin
        if (take)
            for (i = 0; i < P_IC; i = i + 1)
                act[i*32 +: 32] <= outside ? 32'd0
                    : {{(32-A_W){word[i*A_W + A_W - 1]}}, word[i*A_W +: A_W]};
    end

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_lane
            mac_lane #(.P_IC(P_IC), .W_W(W_W), .DOT_W(DOT_W), .MODE(MODE)) lane (
                .clk(clk),
                .load(lane_load[o]), .beat(beat), .swap(swap),
                .act(act), .dot(dot[o*DOT_W +: DOT_W])
            );
        end
    endgenerate

endmodule

`default_nettype wire
