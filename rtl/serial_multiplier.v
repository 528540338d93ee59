// Shift-and-add multiplier: one bit of b a cycle, ends when b is used up.
//
// Contract    product = a * b modulo 2^32, unsigned
// Latency     bit length of b, plus one cycle, from start to done
// Throughput  one product at a time
//
// A job needs a handful of products (words of its tile, pixels, pitch); a few
// dozen cycles a job are cheaper than multipliers that idle for the rest.
`default_nettype none

module serial_multiplier (
    input  wire        clk,
    input  wire        rst,

    input  wire        start,              // one cycle; a and b are taken then
    input  wire [31:0] a,
    input  wire [11:0] b,
    output reg  [31:0] product,
    output reg         done                // one cycle; product holds until start
);

    reg [31:0] addend;
    reg [11:0] bits;
    reg        busy;

    always @(posedge clk) begin
        done <= 1'b0;
        if (start) begin
            product <= 32'd0;
            addend  <= a;
            bits    <= b;
            busy    <= 1'b1;
        end else if (busy) begin
            if (bits[0])
                product <= product + addend;
            addend <= addend << 1;
            bits   <= bits >> 1;
            if (bits[11:1] == 11'd0) begin
                busy <= 1'b0;
                done <= 1'b1;
            end
        end
        if (rst) begin
            busy <= 1'b0;
            done <= 1'b0;
        end
    end

endmodule

`default_nettype wire
