// One output-channel lane: P_IC multipliers and their sum.
//
// Contract    dot(t + 1) = sum over i of contribution(act(t)[i] * weight[i])
//             MODE 0 full       the whole product
//             MODE 1 cut_floor  bits 23..8 of the product, signed
//             MODE 2 cut_round  bits 23..8 of the product + 128, signed
//             modulo 2^DOT_W: exact, since the plan proves that sums fit
// Latency     one cycle from act to dot
// Throughput  one dot product a cycle
//
// Operands come in whole 32-bit slots, sign-extended once where they are
// registered: a simulator then multiplies two machine words, and synthesis
// merges the equal flip-flops.
`default_nettype none

module mac_lane #(
    parameter integer P_IC  = 16,          // multipliers
    parameter integer W_W   = 16,          // bits of a weight
    parameter integer DOT_W = 40,          // bits of the sum
    parameter integer MODE  = 0            // product mode, see above
) (
    input  wire                    clk,

    input  wire                    load,   // the beat enters the shadow
    input  wire [P_IC*W_W-1:0]     beat,   // weight i at [i*W_W +: W_W]
    input  wire                    swap,   // the shadow becomes the weights
    input  wire [P_IC*32-1:0]      act,    // activation i at [i*32 +: 32]
    output reg  signed [DOT_W-1:0] dot
);

    reg [P_IC*W_W-1:0] shadow;
    reg [P_IC*32-1:0]  weight;

    integer i;
    reg signed [31:0]      product;
    reg signed [DOT_W-1:0] sum;
    always @* begin
        product = 32'sd0;
        sum     = {DOT_W{1'b0}};
        for (i = 0; i < P_IC; i = i + 1) begin
            product = $signed(act[i*32 +: 32]) * $signed(weight[i*32 +: 32]);
            if (MODE == 2)
                product = product + 32'sd128;
            if (MODE != 0)
                product = {{16{product[23]}}, product[23:8]};
            sum = sum + {{(DOT_W-32+1){product[31]}}, product[30:0]};
        end
    end

    integer k;
    always @(posedge clk) begin
        if (load)
            shadow <= beat;
        if (swap)
            for (k = 0; k < P_IC; k = k + 1)
                weight[k*32 +: 32] <= {{(32-W_W){shadow[k*W_W + W_W - 1]}}, shadow[k*W_W +: W_W]};
        dot <= sum;
    end

endmodule

`default_nettype wire
