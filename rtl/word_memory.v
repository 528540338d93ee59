// Memory of wide words: one write port, one read port.
//
// Contract    rd_data is the word at rd_addr, as written before this cycle
// Latency     one cycle from rd_en to rd_data
// Throughput  one read and one write a cycle
`default_nettype none

module word_memory #(
    parameter integer WORD_W = 256,        // bits of a word
    parameter integer DEPTH  = 8192,       // words
    parameter integer ADDR_W = 13          // bits of an address
) (
    input  wire              clk,

    input  wire              wr_en,
    input  wire [ADDR_W-1:0] wr_addr,
    input  wire [WORD_W-1:0] wr_data,

    input  wire              rd_en,
    input  wire [ADDR_W-1:0] rd_addr,
    output reg  [WORD_W-1:0] rd_data
);

    reg [WORD_W-1:0] words [0:DEPTH-1];

    always @(posedge clk) begin
        if (wr_en)
            words[wr_addr] <= wr_data;
        if (rd_en)
            rd_data <= words[rd_addr];
    end

endmodule

`default_nettype wire
