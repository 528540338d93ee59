// Activation loader: writes the input stream of one job into the tile memory.
//
// Contract    beat k of the stream becomes word in_base + k
// Latency     none; a beat is written in the cycle it is accepted
// Throughput  one beat a cycle
//
// With swallow high, beats are accepted and dropped up to TLAST.
`default_nettype none

module act_loader #(
    parameter integer WORD_W = 256,        // bits of a word
    parameter integer ADDR_W = 13          // bits of a tile address
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              start,        // one cycle: a job begins
    input  wire              load,         // accept beats into the memory
    input  wire              swallow,      // accept beats and drop them
    input  wire [ADDR_W-1:0] in_base,
    input  wire [31:0]       in_words,     // beats that the job needs

    input  wire [WORD_W-1:0] s_data,
    input  wire              s_last,
    input  wire              s_valid,
    output wire              s_ready,

    output wire              wr_en,
    output wire [ADDR_W-1:0] wr_addr,
    output wire [WORD_W-1:0] wr_data,

    output reg               ended,        // TLAST was seen
    output wire              complete,     // the last word came, and TLAST with it
    output reg               early,        // TLAST came before the last word
    output reg               late          // the last word came without TLAST
);

    reg [31:0]       words_left;
    reg [ADDR_W-1:0] address;

    wire storing = load && !ended && words_left != 32'd0;

    assign s_ready  = storing || (swallow && !ended);
    assign wr_en    = storing && s_valid;
    assign wr_addr  = address;
    assign wr_data  = s_data;
    assign complete = ended && !early && !late;

    always @(posedge clk) begin
        if (start) begin
            words_left <= in_words;
            address    <= in_base;
            ended      <= 1'b0;
            early      <= 1'b0;
            late       <= 1'b0;
        end else if (s_valid && s_ready) begin
            ended <= s_last;
            if (storing) begin
                address    <= address + 1'b1;
                words_left <= words_left - 32'd1;
                early      <= s_last && words_left != 32'd1;
                late       <= !s_last && words_left == 32'd1;
            end
        end
        if (rst) begin
            words_left <= 32'd0;
            ended      <= 1'b1;
            early      <= 1'b0;
            late       <= 1'b0;
        end
    end

endmodule

`default_nettype wire
