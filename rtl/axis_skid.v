// Skid buffer: cuts the ready path of a stream.
//
// Contract    every beat leaves once, unchanged and in order
// Latency     one cycle
// Throughput  one beat a cycle
//
// s_ready and m_valid are registers, so that no combinational path runs
// through the buffer in either direction.
`default_nettype none

module axis_skid #(
    parameter integer DATA_W = 64,         // bits of a beat
    parameter integer SIDE_W = 1           // bits that travel with it: TLAST and others
) (
    input  wire              clk,
    input  wire              rst,

    input  wire [DATA_W-1:0] s_data,
    input  wire [SIDE_W-1:0] s_side,
    input  wire              s_valid,
    output wire              s_ready,

    output wire [DATA_W-1:0] m_data,
    output wire [SIDE_W-1:0] m_side,
    output wire              m_valid,
    input  wire              m_ready
);

    reg [DATA_W-1:0] out_data;
    reg [DATA_W-1:0] spare_data;
    reg [SIDE_W-1:0] out_side;
    reg [SIDE_W-1:0] spare_side;
    reg              out_valid;
    reg              spare_valid;

    assign s_ready = !spare_valid;
    assign m_data  = out_data;
    assign m_side  = out_side;
    assign m_valid = out_valid;

    always @(posedge clk) begin
        if (m_ready || !out_valid) begin
            out_valid <= spare_valid || s_valid;
            if (spare_valid) begin
                out_data <= spare_data;
                out_side <= spare_side;
            end else if (s_valid) begin
                out_data <= s_data;
                out_side <= s_side;
            end
            spare_valid <= 1'b0;
        end else if (s_valid && !spare_valid) begin
            spare_data  <= s_data;
            spare_side  <= s_side;
            spare_valid <= 1'b1;
        end
        if (rst) begin
            out_valid   <= 1'b0;
            spare_valid <= 1'b0;
        end
    end

endmodule

`default_nettype wire
