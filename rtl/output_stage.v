// Output stage: P_OC lanes of activation, requantisation and saturation.
//
// Contract    see post_lane; one descriptor's settings hold for a whole job
// Latency     two cycles of step
// Throughput  one vector a cycle of step
`default_nettype none

module output_stage #(
    parameter integer P_OC  = 16,          // lanes
    parameter integer ACC_W = 40,          // bits of a partial sum
    parameter integer A_W   = 16           // bits of an activation
) (
    input  wire                  clk,
    input  wire                  step,

    input  wire [1:0]            activation,
    input  wire                  slope_13_128,
    input  wire                  act_first,
    input  wire                  floor,
    input  wire                  wrap,
    input  wire [5:0]            shift,

    input  wire [P_OC*ACC_W-1:0] sums,
    output wire [P_OC*A_W-1:0]   values
);

    localparam [ACC_W-1:0] ONE = 1;

    reg [ACC_W-1:0] half;
    always @(posedge clk)
        half <= floor || shift == 6'd0 ? {ACC_W{1'b0}} : ONE << (shift - 6'd1);

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_lane
            post_lane #(.ACC_W(ACC_W), .A_W(A_W)) lane (
                .clk(clk), .step(step),
                .activation(activation), .slope_13_128(slope_13_128), .act_first(act_first),
                .wrap(wrap), .shift(shift), .half(half),
                .sum(sums[o*ACC_W +: ACC_W]), .value(values[o*A_W +: A_W])
            );
        end
    endgenerate

endmodule

`default_nettype wire
