// MAC array: P_OC lanes of P_IC multipliers that share one activation word.
//
// Contract    dot(t + 1) of lane o = sum over i of contribution(act(t)[i] * weight[o][i])
//             MODE 0 full       the whole product
//             MODE 1 cut_floor  bits 23..8 of the product, signed
//             MODE 2 cut_round  bits 23..8 of the product + 128, signed
//             modulo 2^DOT_W: exact, since the plan proves that sums fit
// Latency     two cycles: operand register, then the lanes' sums
// Throughput  one word a cycle
//
// Weights stand still during a pass; the next ones load into a shadow behind
// them and are taken with the pass's first word.
//
// Operands come in whole 32-bit slots, sign-extended once where they are
// registered: a simulator then multiplies machine words, and synthesis is to merge
// the equal flip-flops (docs/synthesis.md). Weights lie multiplier by multiplier, lanes side by side, so
// that a compiler finds the lanes' like operations next to each other and runs
// them as vectors.
`default_nettype none

module mac_array #(
    parameter integer P_IC  = 16,          // multipliers a lane
    parameter integer P_OC  = 16,          // lanes
    parameter integer A_W   = 16,          // bits of an activation
    parameter integer W_W   = 16,          // bits of a weight
    parameter integer DOT_W = 40,          // bits of a lane's sum
    parameter integer MODE  = 0            // product mode, see above
) (
    input  wire                  clk,

    input  wire [P_OC-1:0]       lane_load, // the beat enters this lane's shadow
    input  wire [P_IC*W_W-1:0]   beat,      // weight i at [i*W_W +: W_W]

    input  wire                  take,     // register a word
    input  wire                  outside,  // the word is padding: zero
    input  wire                  swap,     // with the word, take the shadow weights
    input  wire [P_IC*A_W-1:0]   word,     // activation i at [i*A_W +: A_W]
    output wire [P_OC*DOT_W-1:0] dot       // lane o at [o*DOT_W +: DOT_W]
);

    reg [P_IC*32-1:0]      act;
    reg [P_IC*P_OC*32-1:0] weight;         // multiplier i of lane o at slot i*P_OC + o

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
            reg [P_IC*W_W-1:0]     shadow;
            reg signed [DOT_W-1:0] total;
            reg signed [DOT_W-1:0] sum;
            integer                k, j;

            always @(posedge clk) begin
                if (lane_load[o])
                    shadow <= beat;
                if (swap)
                    for (j = 0; j < P_IC; j = j + 1)
                        weight[(j*P_OC + o)*32 +: 32]
                            <= {{(32-W_W){shadow[j*W_W + W_W - 1]}}, shadow[j*W_W +: W_W]};
                sum <= total;
            end

            if (MODE == 0) begin : g_full
                always @* begin
                    total = {DOT_W{1'b0}};
                    for (k = 0; k < P_IC; k = k + 1)
                        total = total + $signed(act[k*32 +: 32])
                                * $signed(weight[(k*P_OC + o)*32 +: 32]);
                end
            end else begin : g_cut
                localparam [31:0] HALF = MODE == 2 ? 32'd128 : 32'd0;
                reg [31:0] product;
                always @* begin
                    total   = {DOT_W{1'b0}};
                    product = 32'd0;
                    for (k = 0; k < P_IC; k = k + 1) begin
                        product = act[k*32 +: 32] * weight[(k*P_OC + o)*32 +: 32] + HALF;
                        total   = total + {{(DOT_W-16){product[23]}}, product[23:8]};
                    end
                end
                wire [15:0] unused_product = {product[31:24], product[7:0]};
            end

            assign dot[o*DOT_W +: DOT_W] = sum;
        end
    endgenerate

endmodule

`default_nettype wire
